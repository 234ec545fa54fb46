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
    got = basis.coherent(jnp.array([0.8 - 0.3j, 0.5j]))
    np.testing.assert_allclose(got, basis.from_qutip(state), rtol=0, atol=1e-15)


def test_edge_weight_shows_a_cutoff_too_low():
    assert dqm.FockBargmann(30).edge_weight(dqm.FockBargmann(30).coherent(2.0 + 0j)) < 1e-14
    few = dqm.FockBargmann(30).coherent(2.0 + 0j)[:6, :6]
    assert dqm.FockBargmann(6).edge_weight(few) > 0.1


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
