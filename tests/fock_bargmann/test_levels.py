"""Matrices and energy levels of symbols against QuTiP, ψ on a grid and closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip
from systems import bose_hubbard

import dqmjax as dqm
from dqmjax.fock_bargmann.levels import levels, operator_matrix


def test_matrix_of_antinormal_products():
    """`2^{5/2} (â³â†² + â²â†³) + ½`, in units; QuTiP's matrices have levels to spare."""
    kappa, ell, kept = 1.3, 1.6, 7
    symbol = lambda q, p: 2 * jnp.real((q[0] + 1j * p[0]) ** 3 * (q[0] - 1j * p[0]) ** 2) + 0.5
    basis = dqm.FockBargmann(kept, ell=ell, kappa=kappa)
    got = operator_matrix(dqm.InUnits(symbol, ell, kappa), basis)
    a = qutip.destroy(kept + 6)
    exact = 2**2.5 * (a**3 * a.dag() ** 2 + a**2 * a.dag() ** 3).full() + 0.5 * np.eye(kept + 6)
    np.testing.assert_allclose(got, exact[:kept, :kept], rtol=1e-12, atol=1e-10)


def test_matrix_of_two_modes_and_a_cutoff_in_quanta():
    symbol, operator = bose_hubbard(0.7, 1.1)
    basis = dqm.FockBargmann((4, 4), quanta=4)
    got = operator_matrix(symbol, basis).reshape(16, 16)
    kept = basis.kept_kets.ravel()
    exact = operator(4).full() - 2 * 1.1 * np.eye(16)  # of â²â†² − 4ââ†, each mode's 2 is missing
    inside = np.outer(kept, kept)
    # ↠left of â: cut-off matrices are right between all levels
    np.testing.assert_allclose(got, np.where(inside, exact, 0), rtol=0, atol=1e-12)


def test_levels_of_the_kerr_oscillator():
    """`E_n = ωn + (U/2)n(n − 1)`, exact in any basis; the catalogue leaves out ω − U."""
    interaction, omega = 0.6, 1.1
    energies, kets = levels(dqm.Kerr(interaction, omega), dqm.FockBargmann(6), 6)
    n = np.arange(6)
    exact = omega * n + interaction / 2 * n * (n - 1) + omega - interaction
    np.testing.assert_allclose(energies, exact, rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.abs(kets), np.eye(6), rtol=0, atol=1e-12)


def test_levels_of_an_anharmonic_oscillator():
    """Against ψ on a grid and QuTiP, and the mean of q² in each state."""
    quartic, basis = 0.1, dqm.FockBargmann(40)
    anti_wick = lambda q: q**2 / 2 - 0.25 + quartic * (q**4 - 3 * q**2 + 0.75)
    symbol = lambda q, p: p[0] ** 2 / 2 - 0.25 + anti_wick(q[0])
    energies, kets = levels(symbol, basis, 5)
    grid = dqm.Grid((-8.0,), (8.0,), (128,))
    hamiltonian = dqm.Hamiltonian(lambda x, t: x[0] ** 2 / 2 + quartic * x[0] ** 4)
    on_grid, states = dqm.eigenstates(hamiltonian, grid, 5)
    np.testing.assert_allclose(energies, on_grid, rtol=0, atol=1e-9)
    q = qutip.position(60)
    operator = (qutip.momentum(60) ** 2 + q**2) / 2 + quartic * q**4
    np.testing.assert_allclose(energies, operator.eigenenergies()[:5], rtol=0, atol=1e-9)
    square = (q**2).full()[:40, :40]
    got = np.einsum("km,mn,kn->k", kets.conj(), square, kets)
    exact = jnp.sum(grid.points[0] ** 2 * states**2, axis=1) * grid.cell
    np.testing.assert_allclose(got, exact, rtol=0, atol=1e-7)


def energy(parameters):
    """The second level of a driven oscillator by U, ω and F."""
    return levels(dqm.Kerr(*parameters), dqm.FockBargmann(12), 2)[0][1]


def test_gradients_of_energies(both_ways):
    """Hellmann and Feynman, both modes and finite differences; vmapped over a sweep."""
    at = jnp.array([0.5, 1.0, 0.2])
    _, reverse, forward = both_ways(energy)(at)
    step = 1e-5
    sweep = jnp.concatenate([at + step * jnp.eye(3), at - step * jnp.eye(3)])
    above, below = jax.jit(jax.vmap(energy))(sweep).reshape(2, 3)
    assert np.abs(reverse).min() > 1e-2
    np.testing.assert_allclose(reverse, forward, rtol=1e-10)
    np.testing.assert_allclose(reverse, (above - below) / (2 * step), rtol=1e-8)


def test_degenerate_levels_have_energies_with_a_gradient():
    """Two equal oscillators; the sum over a degenerate pair is 3ω."""
    total = lambda omega: jnp.sum(levels(of(omega), dqm.FockBargmann((3, 3)), 3)[0])
    of = lambda omega: dqm.Oscillators(omega * jnp.ones(2))
    got, slope = jax.jit(jax.value_and_grad(total))(jnp.array(0.7))
    assert got == pytest.approx(0.7 * (2 + 3 + 3), rel=1e-12)  # the symbol is that of n̂ + 1
    assert slope == pytest.approx(8, rel=1e-12)


def test_levels_at_the_cutoff_are_refused():
    of, basis = lambda interaction: dqm.Kerr(interaction, 1.0, 0.4), dqm.FockBargmann(8)
    with pytest.raises(
        dqm.InputError, match="`cutoff` must hold the levels, but 4, 5, 6, 7 are not"
    ):
        levels(of(0.5), basis, 8)
    energies, kets = jax.jit(lambda u: levels(of(u), basis, 8))(jnp.array(0.5))
    assert np.isfinite(energies).tolist() == [True] * 4 + [False] * 4
    assert np.isfinite(kets).all(axis=1).tolist() == [True] * 4 + [False] * 4
    np.testing.assert_allclose(energies[:4], levels(of(0.5), basis, 4)[0], rtol=1e-12)
