import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax import observables

GRID = dqm.Grid((-12.0, -11.0), (12.0, 11.0), (96, 96))
HBAR, WIDTH, MOMENTUM, CENTER = 0.8, (0.7, 0.8), (0.9, -0.5), (0.6, -0.3)
PSI = dqm.gaussian(GRID, CENTER, WIDTH, MOMENTUM, HBAR)


def test_moments_of_a_packet():
    spread = HBAR / (2 * np.array(WIDTH))
    pairs = [
        (observables.mean_position(GRID, PSI), CENTER),
        (observables.position_variance(GRID, PSI), np.array(WIDTH) ** 2),
        (observables.mean_momentum(GRID, PSI, HBAR), MOMENTUM),
        (observables.momentum_variance(GRID, PSI, HBAR), spread**2),
    ]
    for got, exact in pairs:
        np.testing.assert_allclose(got, exact, rtol=0, atol=1e-12)
    assert observables.norm(GRID, PSI) == pytest.approx(1, abs=1e-14)


def test_energy_and_its_parts():
    mass = (1.3, 0.7)
    h = dqm.Hamiltonian(dqm.Harmonic((1.0, 2.0)), mass, HBAR)
    squares = np.array(MOMENTUM) ** 2 + (HBAR / (2 * np.array(WIDTH))) ** 2
    kinetic = np.sum(squares / (2 * np.array(mass)))
    potential = np.sum(np.array([1, 4]) * (np.array(CENTER) ** 2 + np.array(WIDTH) ** 2)) / 2
    assert observables.kinetic_energy(h, GRID, PSI) == pytest.approx(kinetic, abs=1e-12)
    assert observables.potential_energy(h, GRID, PSI) == pytest.approx(potential, abs=1e-12)
    assert observables.energy(h, GRID, PSI) == pytest.approx(kinetic + potential, abs=1e-12)
    applied = GRID.integrate(PSI.conj() * h.apply(GRID, PSI))
    assert complex(applied) == pytest.approx(kinetic + potential, abs=1e-12)


def test_current_is_what_carries_the_density_away():
    """`∂ρ/∂t = (2/ħ) Im ψ*Ĥψ = −∇·j`, with a mass per axis."""
    h = dqm.Hamiltonian(dqm.Harmonic(), (1.3, 0.7), HBAR)
    psi = PSI + 0.5 * dqm.gaussian(GRID, -1.0, 0.8, 0.4, HBAR)
    rate = 2 / HBAR * jnp.imag(psi.conj() * h.apply(GRID, psi))
    flow = observables.current(h, GRID, psi)
    np.testing.assert_allclose(-GRID.divergence(flow), rate, rtol=0, atol=1e-12)


def test_cat_is_even_or_odd():
    even, odd = (dqm.cat(GRID, (1.5, 0.0), 0.6, phase=f) for f in (0.0, np.pi))
    assert observables.norm(GRID, even) == pytest.approx(1, abs=1e-13)
    assert observables.fidelity(GRID, even, odd) == pytest.approx(0, abs=1e-13)
    assert jnp.abs(odd[48, 48]) < 1e-14 < jnp.abs(even[48, 48])


def test_potentials_at_a_point():
    x = jnp.array([0.4, -0.7])
    cases = [
        (dqm.Harmonic((1.0, 2.0), 1.5), 1.5 * (0.16 + 4 * 0.49) / 2),
        (
            dqm.Anharmonic(1.0, 0.3, 0.2),
            (0.65 / 2 + 0.3 * (0.064 - 0.343) + 0.2 * (0.0256 + 0.2401)),
        ),
        (dqm.DoubleWell(2.0, 0.5), 2 * (0.64 - 1) ** 2),
        (dqm.SechBarrier(3.0, 2.0), 3 / np.cosh(0.8) ** 2),
        (dqm.GaussianBarrier(2.0, (0.5, 1.0)), 2 * np.exp(-(0.64 + 0.49) / 2)),
        (dqm.Morse(2.0, 1.5), 2 * (1 - np.exp(-0.6)) ** 2),
        (dqm.OpticalLattice(2.0, 3.0), 2 * (np.sin(1.2) ** 2 + np.sin(2.1) ** 2)),
        (dqm.HenonHeiles(0.3), 0.65 / 2 + 0.3 * (0.16 * -0.7 + 0.343 / 3)),
        (dqm.SoftCoulomb(2.0, 0.1), -2 / np.sqrt(0.66)),
        (dqm.Free() + dqm.Harmonic() + (lambda x, t: t * x[0]), 0.65 / 2 + 0.8),
    ]
    for potential, value in cases:
        assert float(potential(x, 2.0)) == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(dqm.Harmonic((1.0, 2.0)).force(x), [-0.4, 2.8], rtol=1e-14)


def test_parameters_of_potentials_have_one_number_or_one_per_axis():
    for potential in (
        dqm.Harmonic((1.0, 1.3)),
        dqm.GaussianBarrier(1.0, (1.0, 2.0)),
        dqm.OpticalLattice(1.0, (1.0, 2.0)),
        dqm.AbsorbingEdges((-1.0, -1.0), (1.0, 1.0), 0.5, 1.0),
    ):
        with pytest.raises(dqm.InputError, match=r"must be one number or one per axis \(1\)"):
            potential(jnp.zeros(1))


def test_gradients_of_potentials_are_finite_far_out():
    height = lambda rate: dqm.SechBarrier(2.0, rate)(jnp.array([500.0]))
    assert jax.grad(height)(2.0) == 0
    edges = lambda width: dqm.AbsorbingEdges(-np.inf, 5.0, width, 1.0)(jnp.array([4.5])).imag
    assert jax.grad(edges)(1.0) == pytest.approx(-0.375, abs=1e-12)  # −(1 − 0.5/w)³
    assert jax.grad(edges)(0.1) == 0
