"""Densities of least energy, against a boundary-value solver, identities and eigenstates."""

import jax.numpy as jnp
import numpy as np
import pytest
import scipy

import dqmjax as dqm

LINE = dqm.Grid(-12.0, 12.0, 128)
TRAP = dqm.Hamiltonian(dqm.Harmonic())


def gas(grid, strength, hamiltonian=TRAP, **more):
    """The ground state of Gross and Pitaevskii."""
    contact = lambda rho: strength / 2 * grid.integrate(rho**2)
    return dqm.ground_density(hamiltonian, grid, contact, **more)


def shot(strength):
    """μ and the energy by a boundary-value solver: φ′(0) = 0 = φ(∞), with ∫φ² dx = 1."""

    def slopes(x, y, p):
        phi, slope, _ = y
        return np.stack([slope, 2 * (x**2 / 2 + strength * phi**2 - p[0]) * phi, phi**2])

    ends = lambda a, b, p: np.array([a[1], b[0], a[2], b[2] - 0.5])
    x = np.linspace(0, 8, 201)
    radius = (1.5 * strength) ** (1 / 3)  # of Thomas and Fermi
    mu = max(radius**2 / 2, 0.5)
    phi = np.sqrt(np.maximum(mu - x**2 / 2, 0) / max(strength, 1) + 1e-3 * np.exp(-(x**2) / 8))
    start = np.stack([phi, np.gradient(phi, x), x / 16])
    found = scipy.integrate.solve_bvp(slopes, ends, x, start, [mu], tol=1e-9, max_nodes=20_000)
    assert found.success
    fine = np.linspace(0, 8, 4001)
    inner = strength * scipy.integrate.simpson(found.sol(fine)[0] ** 4, x=fine)  # of both sides
    return found.p[0], found.p[0] - inner


@pytest.mark.parametrize("strength", [3.1371, 31.371, 156.855])
def test_energies_of_a_trapped_gas(strength):
    """Against another method; `E = μ − g/2 ∫ρ² dx`."""
    found = gas(LINE, strength)
    mu, energy = shot(strength)
    np.testing.assert_allclose(found.chemical_potential, mu, rtol=1e-7)
    np.testing.assert_allclose(found.energy, energy, rtol=1e-7)
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
