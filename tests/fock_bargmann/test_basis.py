"""Fock–Bargmann coefficients of states, and their densities."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip
from systems import husimi, random_state

import dqmjax as dqm


def test_density_agrees_with_qutip():
    state = random_state(12, 9)
    points = np.random.default_rng(1).normal(scale=1.5, size=(40, 2))
    basis = dqm.FockBargmann(12)
    got = basis.density(basis.from_qutip(state), jnp.asarray(points))
    np.testing.assert_allclose(got, husimi(state, points), rtol=0, atol=1e-15)


def test_density_is_per_dq_dp_in_any_units():
    basis = dqm.FockBargmann(12, ell=1.6, kappa=1.3)
    grid = dqm.Grid((-12.0, -7.0), (12.0, 7.0), (64, 64))
    rho = basis.density(basis.coherent(0.7 + 0.2j), grid.points.reshape(2, -1).T)
    rho = rho.reshape(grid.shape)
    q, p = grid.points
    assert grid.integrate(rho) == pytest.approx(1, abs=1e-9)
    assert grid.integrate(q * rho) == pytest.approx(np.sqrt(2) * 1.6 * 0.7, abs=1e-7)
    assert grid.integrate(p * rho) == pytest.approx(np.sqrt(2) * 1.3 / 1.6 * 0.2, abs=1e-7)


def test_coherent_state_is_qutip_s():
    basis = dqm.FockBargmann((9, 7))
    state = qutip.tensor(
        qutip.coherent(9, 0.8 - 0.3j, method="analytic"), qutip.coherent(7, 0.5j, method="analytic")
    )
    got = basis.coherent(jnp.array([0.8 - 0.3j, 0.5j]), loss=1e-6)
    np.testing.assert_allclose(got, basis.from_qutip(state, loss=1e-6), rtol=0, atol=1e-15)


def test_edge_weight_shows_a_cutoff_too_low():
    assert dqm.FockBargmann(30).edge_weight(dqm.FockBargmann(30).coherent(2.0 + 0j)) < 1e-14
    few = dqm.FockBargmann(30).coherent(2.0 + 0j)[:6, :6]
    assert dqm.FockBargmann(6).edge_weight(few) > 0.1


def test_a_coherent_state_beyond_the_cutoff_is_refused_also_under_jit():
    """α = 3 in 12 levels has trace 0.80; of what `loss` allows, the share is reported exactly."""
    basis = dqm.FockBargmann(12)
    lost = 1 - np.trace(basis.coherent(3.0, loss=0.3)).real
    assert lost == pytest.approx(0.197, abs=1e-3)
    with pytest.raises(dqm.InputError, match="`cutoff` must hold the state"):
        basis.coherent(3.0, loss=0.99 * lost)
    alphas = jnp.array([0.3, 3.0])
    states = jax.jit(jax.vmap(basis.coherent))(alphas)
    np.testing.assert_array_equal(np.isnan(states).all(axis=(1, 2)), [False, True])
    slopes = jax.vmap(jax.grad(lambda a: jnp.abs(basis.coherent_ket(a)[1]) ** 2))(alphas)
    exact = 2 * 0.3 * (1 - 0.3**2) * np.exp(-(0.3**2))
    assert slopes[0] == pytest.approx(exact, rel=1e-12)
    assert jax.grad(lambda a: basis.coherent_ket(a)[1].real)(0.0) == 1


@pytest.mark.parametrize(
    ("basis", "alpha"),
    [
        (dqm.FockBargmann(12), [1.0]),
        (dqm.FockBargmann((9, 10)), [0.6, 0.8j]),
        (dqm.FockBargmann((20, 20), quanta=9), [0.6, 0.8j]),
    ],
)
def test_the_loss_of_a_coherent_state(basis, alpha):
    """A bound of the Poisson distribution's tail, above it by less than 2 %."""
    ket = basis.coherent_ket(jnp.array(alpha), loss=1.0)
    lost = 1 - float(np.sum(np.abs(ket) ** 2))
    assert 1e-11 < lost < 1e-4
    basis.coherent_ket(jnp.array(alpha), loss=1.02 * lost)
    with pytest.raises(dqm.InputError, match="`cutoff`"):
        basis.coherent_ket(jnp.array(alpha), loss=0.999 * lost)


def test_the_loss_of_a_coherent_state_in_single_precision():
    with jax.enable_x64(False):
        assert dqm.FockBargmann(16).coherent_ket(1.0).shape == (16,)
        with pytest.raises(dqm.InputError, match="`cutoff`"):
            dqm.FockBargmann(9).coherent_ket(1.0)


def test_from_qutip_refuses_what_lies_beyond_and_fills_with_zeros():
    basis = dqm.FockBargmann(30)
    with pytest.raises(dqm.InputError, match="but 1 of its norm lies beyond"):
        basis.from_qutip(qutip.basis(50, 45))
    with pytest.raises(dqm.InputError, match=r"but 0\.4 of its norm lies beyond"):
        dqm.FockBargmann(10).from_qutip(qutip.coherent(60, 3.0, method="analytic"))
    few = basis.from_qutip(qutip.basis(4, 2))
    assert few.shape == (30, 30)
    assert few[2, 2] == 1 == jnp.sum(jnp.abs(few))
    half = (qutip.basis(50, 45) + qutip.basis(50, 3)).unit()
    assert basis.from_qutip(half, loss=0.51)[3, 3] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dqm.FockBargmann(1), "`cutoff` must be an integer of at least 2"),
        (lambda: dqm.FockBargmann(4, quanta=0), "`quanta` must be an integer of at least 1"),
        (lambda: dqm.FockBargmann(8, ell=-1.0), "`ell` must be positive"),
        (lambda: dqm.FockBargmann(8, kappa=0.0), "`kappa` must be positive"),
        (lambda: dqm.FockBargmann(8, ell=jnp.ones(2)), "one number or one per mode"),
        (lambda: dqm.FockBargmann((8, 8)).coherent(0.3), "one entry for each of the 2 modes"),
        (
            lambda: dqm.FockBargmann((8, 8)).from_qutip(qutip.basis(8, 1)),
            "ket or a density matrix on 2 modes",
        ),
        (
            lambda: dqm.FockBargmann(6).coherent(2.0),
            r"`cutoff` must hold the state, but 0\.2 of its norm",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(dqm.InputError, match=message):
        call()


@pytest.mark.parametrize("quanta", [None, 3])
def test_many_states_have_the_densities_of_each(quanta):
    """By one real product, and one after the other where that would not fit into memory."""
    basis = dqm.FockBargmann((4, 5), ell=(1.3, 0.8), kappa=1.2, quanta=quanta)
    random = np.random.default_rng(0)
    states = random.normal(size=(3, *basis.levels)) + 1j * random.normal(size=(3, *basis.levels))
    states = jnp.asarray(basis.kept * states)
    for count in (7, 6000):
        points = jnp.asarray(random.normal(size=(count, 4)))
        each = jnp.stack([basis.density(state, points) for state in states])
        np.testing.assert_allclose(basis.density(states, points), each, atol=1e-13)


def test_numbers_determine_a_hermitian_matrix():
    basis = dqm.FockBargmann((3, 4), quanta=3)
    random = np.random.default_rng(0)
    numbers = random.normal(size=(2, len(basis.numbers(jnp.zeros(basis.levels, complex)))))
    states = basis.hermitian(numbers)
    again = jax.vmap(basis.numbers)(jnp.asarray(states))
    np.testing.assert_allclose(again, numbers, atol=1e-15)
    square = states.reshape(2, 12, 12)
    np.testing.assert_array_equal(square, square.conj().swapaxes(1, 2))


def test_from_qutip_keeps_the_last_quantum_that_is_allowed():
    basis = dqm.FockBargmann((4, 4), quanta=3)
    inside, outside = (qutip.tensor(qutip.basis(4, 1), qutip.basis(4, n)) for n in (2, 3))
    assert basis.from_qutip(inside)[1, 2, 1, 2] == 1
    with pytest.raises(dqm.InputError, match="lies beyond"):
        basis.from_qutip(outside)
