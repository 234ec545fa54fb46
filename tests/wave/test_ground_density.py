"""Densities of least energy, against published energies, identities and the linear equation."""

import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm

LINE = dqm.Grid(-12.0, 12.0, 128)
TRAP = dqm.Hamiltonian(dqm.Harmonic())


def gas(grid, strength, hamiltonian=TRAP, **more):
    """The ground state of Gross and Pitaevskii."""
    contact = lambda rho: strength / 2 * grid.integrate(rho**2)
    return dqm.ground_density(hamiltonian, grid, contact, **more)


@pytest.mark.parametrize(
    ("strength", "energy"), [(0.0, 0.5), (3.1371, 1.0441), (31.371, 3.9810), (156.855, 11.464)]
)
def test_published_energies_of_a_trapped_gas(strength, energy):
    """Bao & Du (2004), doi:10.1137/S1064827503422956, table 1."""
    found = gas(LINE, strength)
    np.testing.assert_allclose(found.energy, energy, rtol=0, atol=6e-5 * max(1, energy))
    inner = strength / 2 * LINE.integrate(found.rho**2)
    np.testing.assert_allclose(found.chemical_potential, found.energy + inner, rtol=1e-9)
    np.testing.assert_allclose(LINE.integrate(found.rho), 1, rtol=1e-12)


def test_the_equation_holds_at_every_point():
    """`−φ″/2 + V φ + g ρ φ = μ φ`, and the virial theorem `2T − 2V + I = 0`."""
    strength = 31.371
    found = gas(LINE, strength, tolerance=1e-9)
    phi, x = jnp.sqrt(found.rho), LINE.axes[0]
    moved = TRAP.apply(LINE, phi + 0j).real + strength * found.rho * phi
    np.testing.assert_allclose(moved, found.chemical_potential * phi, rtol=0, atol=1e-6)
    kinetic = LINE.integrate(LINE.gradient(phi)[:, 0] ** 2) / 2
    potential, inner = LINE.integrate(found.rho * x**2) / 2, strength * LINE.integrate(found.rho**2)
    np.testing.assert_allclose(2 * kinetic - 2 * potential + inner / 2, 0, atol=1e-7)


def test_without_interaction_it_is_the_lowest_level():
    grid = dqm.Grid([-5.0, -4.0], [5.0, 4.0], (48, 40))
    h = dqm.Hamiltonian(dqm.DoubleWell(2.0, 1.2), mass=(1.0, 1.5), hbar=0.8, rest_energy=3.0)
    level, psi = dqm.ground_state(h, grid)
    found = gas(grid, 0.0, h, total=2.5)
    np.testing.assert_allclose(found.energy, 2.5 * level, rtol=1e-10)
    np.testing.assert_allclose(found.chemical_potential, level, rtol=1e-8)
    np.testing.assert_allclose(found.rho, 2.5 * psi**2, rtol=0, atol=1e-6)


def test_it_stays_where_it_is():
    """The canonical equations leave the density of least energy at rest."""
    linear = dqm.CanonicalEnergy(TRAP, LINE)
    found = gas(LINE, 10.0, tolerance=1e-9)
    energy = lambda rho, S: linear(rho, S) + 5.0 * LINE.integrate(rho**2)
    d_rho, d_S = dqm.canonical_equations(energy, LINE)(found.rho, jnp.zeros(LINE.shape))
    np.testing.assert_allclose(d_rho, 0, atol=1e-9)
    dense = found.rho > 1e-4
    np.testing.assert_allclose(d_S[dense], -found.chemical_potential, rtol=0, atol=1e-4)


def test_an_interaction_over_a_distance():
    """A Gaussian one that is narrow acts as a contact."""
    wave = jnp.exp(-(LINE.waves[0] ** 2) * 0.01**2 / 2)
    spread = lambda rho: jnp.fft.ifft(wave * jnp.fft.fft(rho)).real
    apart = lambda rho: 5.0 * LINE.integrate(rho * spread(rho))
    far = dqm.ground_density(TRAP, LINE, apart)
    np.testing.assert_allclose(far.energy, gas(LINE, 10.0).energy, rtol=1e-3)


def test_refusals():
    with pytest.raises(RuntimeError, match="after 3 iterations, above `tolerance`"):
        gas(LINE, 10.0, most=3)
    coarse = dqm.Grid(-12.0, 12.0, 16)
    with pytest.raises(dqm.InputError, match="must resolve the state"):
        gas(coarse, 0.0)
