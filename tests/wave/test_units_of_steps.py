"""Runs in SI, atomic and dimensionless units agree."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.evolution.times import save_times

HBAR = 1.054571817e-34
UNITS = {  # ħ, mass, angular frequency
    "electron in a quantum dot": (HBAR, 0.067 * 9.1093837e-31, 4.6e12),
    "the same in atomic units": (1.0, 0.067, 1.11e-4),
    "rubidium in a trap": (HBAR, 1.443160648e-25, 2 * np.pi * 150.0),
}


def final(kind: str, hbar: float, mass: float, omega: float):
    """The final state of a packet in an oscillator, in units of its length and period."""
    length = np.sqrt(hbar / (mass * omega))
    line = dqm.Grid(-6 * length, 6 * length, 32)
    spring = mass * omega**2
    h = dqm.Hamiltonian(lambda x, t: spring * x[0] ** 2 / 2, mass, hbar)
    start = dqm.gaussian(line, 0.5 * length, 0.6 * length, 0.3 * hbar / length, hbar)
    ts = np.linspace(0, 1.5, 4) / omega
    if kind == "chebyshev":
        return dqm.solve(dqm.Chebyshev(h, line), start, ts).final * np.sqrt(length)
    if kind == "split":
        return dqm.solve(dqm.SplitStep(h, line), start, ts, substeps=2).final * np.sqrt(length)
    if kind == "canonical":
        stepper, pair = dqm.CanonicalStep(h, line, dqm.strang), dqm.to_canonical(start, hbar)
        rho, S = dqm.solve(stepper, pair, ts, substeps=2).final
        return dqm.from_canonical(rho, S, hbar) * np.sqrt(length)
    box = (6 * length, 6 * hbar / length)
    plane = dqm.Grid([-b for b in box], box, (32, 32))
    q, p = plane.points[0] / box[0] * 6, plane.points[1] / box[1] * 6
    w = jnp.exp(-((q - 0.5) ** 2) - p**2) / (np.pi * hbar)
    return dqm.solve(dqm.WignerStep(h, plane, dqm.strang), w, ts, substeps=2).final * hbar


@functools.cache
def dimensionless(kind: str):
    """The same in double precision and units where all constants are 1."""
    return np.asarray(final(kind, 1.0, 1.0, 1.0))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["split", "chebyshev", "canonical", "wigner"])
@pytest.mark.parametrize("system", UNITS)
def test_units_do_not_matter(kind, system):
    got, exact = final(kind, *UNITS[system]), dimensionless(kind)
    np.testing.assert_allclose(got, exact, rtol=0, atol=1e-10 * np.abs(exact).max())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["split", "chebyshev", "canonical", "wigner"])
@pytest.mark.parametrize("system", UNITS)
def test_in_single_precision_they_agree_or_are_refused(kind, system):
    exact = dimensionless(kind)
    with jax.enable_x64(False):
        if kind == "canonical" and UNITS[system][0] < 1e-31:
            with pytest.raises(dqm.InputError, match="larger units or double precision"):
                final(kind, *UNITS[system])
            return
        got = final(kind, *UNITS[system])
    assert got.dtype in (jnp.complex64, jnp.float32)
    np.testing.assert_allclose(got, exact, rtol=0, atol=1e-5 * np.abs(exact).max())


@pytest.mark.parametrize("unit", [1.0, 1e-15, 1e9])
def test_intervals_are_told_apart_in_any_unit(unit):
    times = save_times(unit * np.array([0.0, 0.1, 0.2, 0.5, 0.6]))
    np.testing.assert_array_equal(times.which, [0, 0, 1, 0])
    np.testing.assert_allclose(times.intervals, unit * np.array([0.1, 0.3]), rtol=1e-14)
