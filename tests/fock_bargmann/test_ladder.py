"""Weighted shifts and the index sets that they connect."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.fock_bargmann.blocks import Blocks
from dqmjax.fock_bargmann.ladder import Rows, Shifts, range_of, sources, weights_of

SHIFTS = ((0, 0), (1, 1))
ALL, LIVE = np.ones((5, 5), bool), np.ones((2, 25), bool)


def test_blocks_contain_the_operator():
    random = np.random.default_rng(1)
    weights = random.normal(size=(2, 5, 5)) + 1j * random.normal(size=(2, 5, 5))
    operator, blocks = Shifts(SHIFTS, jnp.asarray(weights)), Blocks.of(SHIFTS, ALL, LIVE)
    rho = jnp.asarray(random.normal(size=(5, 5)) + 0j)
    rows = blocks.matrices(operator) @ blocks.gather(rho)
    assert (blocks.count, blocks.width) == (5, 5)  # nine diagonals of 1…5…1, packed
    np.testing.assert_allclose(blocks.scatter(rows), operator(rho), rtol=1e-14)


def test_blocks_are_values():
    """So that two steps of one structure share one program."""
    one, other = Blocks.of(SHIFTS, ALL, LIVE), Blocks.of(SHIFTS, ALL.copy(), LIVE.copy())
    assert one == other
    assert hash(one) == hash(other)
    few = np.indices((5, 5)).sum(axis=0) < 6
    assert one != Blocks.of(SHIFTS, few, np.ones((2, few.sum()), bool))
    assert one != Blocks.of(SHIFTS, ALL, LIVE & (np.arange(25) > 0))
    np.testing.assert_array_equal(Blocks.of(SHIFTS, few, LIVE[:, : few.sum()]).kept, few)


@pytest.mark.parametrize("sign", [-1, 1])
def test_growth_is_that_of_the_symmetric_part(sign):
    """None of an antihermitian operator; of others at least the largest eigenvalue."""
    random = np.random.default_rng(0)
    up = random.normal(size=5) + 1j * random.normal(size=5)
    down = sign * np.append(up[1:].conj(), 0.0)  # the adjoint of `up`, from k + 1 to k
    weights = jnp.asarray(np.stack([np.where(np.arange(5) > 0, up, 0.0), down]))
    operator = Shifts(((1,), (-1,)), weights)
    matrix = np.asarray(jax.vmap(operator)(jnp.eye(5, dtype=complex))).T
    largest = np.linalg.eigvalsh((matrix + matrix.conj().T) / 2)[-1]
    bound = operator.range()
    assert largest - 1e-14 <= bound.growth <= 2 * largest + 1e-14
    values = np.linalg.eigvals(matrix)
    assert (np.abs(values.real - bound.center.real) <= bound.real + 1e-14).all()
    assert (np.abs(values.imag - bound.center.imag) <= bound.imaginary + 1e-14).all()
    assert bound.imaginary <= 3 * max(np.abs(values.imag).max(), largest)


def test_without_tables_ranges_and_leaks_are_the_same():
    """Windows and boxes for all coefficients, tables for some of them, which are all here."""
    flow = dqm.FokkerPlanck(dqm.operator("a1**2*ad2 + ad1**2*a2 + 0.3*(a1 + ad1)"), C=0.7)
    basis = dqm.FockBargmann((4, 3))
    pattern = basis.pattern(flow)
    c = eqx.filter_jit(lambda flow: pattern.coefficients(basis, flow)(0.0))(flow)
    whole = basis.generator(flow)
    of_all = jax.jit(lambda operator: operator.range())(whole)
    weights = whole.weights.reshape(len(pattern.shifts), -1)
    of_some = jax.jit(lambda weights: range_of(pattern.shifts, pattern.kept, weights))(weights)
    np.testing.assert_allclose(of_all, of_some, rtol=1e-14, atol=1e-14)

    rho = np.random.default_rng(0).normal(size=(2, *basis.levels))
    rho = rho[0] + 1j * rho[1]
    outside = jax.jit(lambda c: weights_of(pattern.factors, c, pattern.beyond))(c)
    rows = Rows(outside.T, sources(pattern.shifts, pattern.kept, np.argwhere(pattern.beyond)).T)
    expected = np.asarray(rows(jnp.asarray(rho.ravel())))
    leak = jax.jit(lambda c, rho: pattern.leak(pattern.leaks_of(c))(rho))
    got = np.asarray(leak(c, jnp.asarray(rho)))
    np.testing.assert_allclose(np.linalg.norm(got), np.linalg.norm(expected), rtol=1e-13)
    some = [np.sort(np.abs(x[np.abs(x) > 1e-13])) for x in (got, expected)]
    np.testing.assert_allclose(*some, rtol=1e-12)


def test_one_of_two_adjoint_blocks_is_enough():
    """For ρ that is not Hermitian, too."""
    flow = dqm.FokkerPlanck(dqm.BoseHubbard(0.8, 1.5, 2), C=0.6)
    basis = dqm.FockBargmann((4, 3), quanta=4)
    pattern, operator = basis.pattern(flow), basis.generator(flow)
    parts = np.random.default_rng(0).normal(size=(2, *basis.levels))
    rho = jnp.asarray((parts[0] + 1j * parts[1]) * basis.kept)
    half = pattern.halved
    moved = half.scatter(half.matrices(operator) @ half.gather(rho))
    np.testing.assert_allclose(moved, operator(rho), rtol=0, atol=1e-13)
    assert half.count <= (pattern.blocks.count + 1) / 2
