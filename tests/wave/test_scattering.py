"""Barriers, slits and absorbing edges, against stationary scattering theory."""

import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax import observables


def amplitude(grid, psi, k):
    """`∫ e^{−ikx} ψ dx` at any k."""
    return jnp.exp(-1j * jnp.outer(k, grid.points[0])) @ psi * grid.cell


def test_transmission_through_a_sech_barrier():
    """T(E) = |φ_out(k)/φ_in(k)|²: one packet yields it at every energy that it contains."""
    grid = dqm.Grid((-160.0,), (160.0,), (1024,))
    h = dqm.Hamiltonian(dqm.SechBarrier(1.0, 1.0))
    start = dqm.gaussian(grid, -45.0, 6.0, 1.2)
    final = dqm.solve(dqm.Chebyshev(h, grid), start, np.array([0.0, 95.0])).final
    k = np.sqrt(2 * np.array([0.5, 1.0]))
    got = jnp.abs(amplitude(grid, final, k) / amplitude(grid, start, k)) ** 2
    np.testing.assert_allclose(
        got, [0.1157899310, 0.6394839809], rtol=0, atol=5e-6
    )  # the part of the packet that is still in the barrier


def left_over(energies, width, strength, count=3000):
    """R + T of two absorbing layers back to back, by Numerov's method; ħ = m = 1."""
    x, step = np.linspace(2 * width, 0, count + 1, retstep=True)
    losses = strength * (1 - np.abs(x - width) / width) ** 3
    k = np.sqrt(2 * energies)[:, None]
    f = -(k**2) - 2j * losses
    c = step**2 / 12
    later, now = np.exp(1j * k[:, 0] * x[0]), np.exp(1j * k[:, 0] * x[1])
    for i in range(1, count):
        new = ((2 + 10 * c * f[:, i]) * now - (1 - c * f[:, i - 1]) * later) / (1 - c * f[:, i + 1])
        later, now = now, new
    slope = (now - later) / (x[-1] - x[-2])  # at the midpoint, where e^{±ikx} are equally apart
    middle = (now + later) / 2
    half = k[:, 0] * (x[-2] - x[-1]) / 2
    there = middle / np.cos(half) + slope * half / (1j * k[:, 0] * np.sin(half))
    back = middle / np.cos(half) - slope * half / (1j * k[:, 0] * np.sin(half))
    return np.abs(back / there) ** 2 + np.abs(2 / there) ** 2


def test_share_left_by_absorbing_edges():
    """The table of the docstring, and a packet whose loss is its average over momenta."""
    wavelength, energy = 2.0, np.pi**2 / 2
    wavenumbers = np.array([0.25, 0.5, 0.7, 1.0, 1.5, 2.0, 4.0])
    printed = np.array([0.16, 1.1e-2, 2.7e-4, 6.5e-7, 7.8e-6, 1.0e-4, 9.1e-3])
    exact = left_over(wavenumbers**2 * energy, 2 * wavelength, 3 * energy)
    np.testing.assert_allclose(exact, printed, rtol=0.05)
    exact = left_over(np.array([0.0625, 0.25, 4.0]) * energy, 5 * wavelength, 1.7 * energy)
    np.testing.assert_allclose(exact, [1.3e-2, 1.3e-6, 1.8e-6], rtol=0.05)

    grid = dqm.Grid((-20.0,), (20.0,), (384,))
    edges = dqm.AbsorbingEdges(-20.0, 20.0, 2 * wavelength, 3 * energy)
    start = dqm.gaussian(grid, 0.0, 2.5, 0.7 * np.pi)
    stepper = dqm.SplitStep(dqm.Hamiltonian(edges), grid)
    # slow waves have reached a layer, fast ones have not yet reached the other
    final = dqm.solve(stepper, start, np.array([0.0, 20.0]), substeps=1200).final
    weights = observables.momentum_density(grid, start)
    k = np.asarray(grid.k[0])
    populated = (np.asarray(weights) > 1e-12) & (k > 0)
    slow = np.asarray(weights)[populated] @ left_over(k[populated] ** 2 / 2, 4.0, 3 * energy)
    assert observables.norm(grid, final) == pytest.approx(slow, rel=0.02)


def test_a_layer_of_the_least_width_keeps_an_eighth_of_the_best_energy():
    """`w √(2mη) = 4ħ`, below which `AbsorbingEdges` is refused."""
    energies = np.linspace(1.0, 15.0, 57)
    least = [left_over(energies, width, 8.0).min() for width in (0.5, 1.0, 2.0)]
    assert least[1] == pytest.approx(1 / 8, rel=0.03)
    assert least[0] > 0.35
    assert least[2] < 0.01


def test_slits_transmit_where_they_are_open():
    slits = dqm.Slits(50.0, 0.3, 0.4, (-1.5, 1.5))
    assert slits(jnp.array([0.0, 1.5])) == pytest.approx(0, abs=1e-3)
    assert slits(jnp.array([0.0, 0.0])) == pytest.approx(50, rel=1e-2)
    assert slits(jnp.array([3.0, 0.0])) == pytest.approx(0, abs=1e-12)
    grid = dqm.Grid((-8.0, -8.0), (8.0, 8.0), (96, 96))
    start = dqm.gaussian(grid, (-3.0, 0.0), (0.8, 1.5), (5.0, 0.0))
    passed = []
    for potential in (slits, dqm.Slits(50.0, 0.3, 0.4, (1.5,))):
        stepper = dqm.SplitStep(dqm.Hamiltonian(potential), grid)
        final = dqm.solve(stepper, start, np.array([0.0, 1.0]), substeps=60).final
        through = grid.points[0] > 0
        passed.append(float(grid.integrate(jnp.where(through, jnp.abs(final) ** 2, 0))))
        mirrored = jnp.abs(jnp.roll(final[:, ::-1], 1, axis=1))
        symmetric = np.abs(mirrored - jnp.abs(final)).max() < 1e-10
        assert symmetric == (potential is slits)
    assert passed[0] == pytest.approx(2 * passed[1], rel=0.05)
    assert 0.05 < passed[0] < 0.9
