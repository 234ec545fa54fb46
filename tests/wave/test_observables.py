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


def test_continuity_equation():
    """`∂ρ/∂t = (2/ħ) Im ψ*Ĥψ = −∇·j`, with a mass per axis."""
    h = dqm.Hamiltonian(dqm.Harmonic(), (1.3, 0.7), HBAR)
    psi = PSI + 0.5 * dqm.gaussian(GRID, -1.0, 0.8, 0.4, HBAR)
    rate = 2 / HBAR * jnp.imag(psi.conj() * h.apply(GRID, psi))
    flow = observables.current(h, GRID, psi)
    np.testing.assert_allclose(-GRID.divergence(flow), rate, rtol=0, atol=1e-12)


def test_cat_states_are_even_or_odd():
    even, odd = (dqm.cat(GRID, (1.5, 0.0), 0.6, phase=f) for f in (0.0, np.pi))
    assert observables.norm(GRID, even) == pytest.approx(1, abs=1e-13)
    assert observables.fidelity(GRID, even, odd) == pytest.approx(0, abs=1e-13)
    assert jnp.abs(odd[48, 48]) < 1e-14 < jnp.abs(even[48, 48])


@pytest.mark.parametrize("name", ["norm", "mean_position", "position_variance", "mean_momentum"])
def test_wave_functions_of_another_shape_are_refused(name):
    observe = getattr(observables, name)
    for psi in (PSI[0], PSI[..., None], jnp.ones((1, 96)), jnp.ones(())):
        with pytest.raises(dqm.InputError, match="`psi` must have shape"):
            observe(GRID, psi + 0j)


def test_nan_is_refused_where_it_is_known_and_spreads_where_it_is_traced():
    psi = PSI.at[3, 4].set(jnp.nan)
    with pytest.raises(dqm.InputError, match="`psi` must be finite"):
        observables.norm(GRID, psi)
    assert jnp.isnan(jax.jit(lambda psi: observables.norm(GRID, psi))(psi))
