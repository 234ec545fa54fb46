"""`recover` gives the same answer in SI and in dimensionless units."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from systems import counted

import dqmjax as dqm
from dqmjax.grid import density

HBAR, MASS = 1.054571817e-34, 1.443160648e-25  # of rubidium-87
OMEGA = 2 * np.pi * 100.0
LENGTH = np.sqrt(HBAR / (MASS * OMEGA))


def agree(one, other, units):
    """Estimates and errors, the latter in the units of the former."""
    for name, unit in units.items():
        error = one.stderr[name]
        assert other.estimate[name] / unit == pytest.approx(
            one.estimate[name], abs=1e-4 * error, rel=1e-10
        )
        assert other.stderr[name] / unit == pytest.approx(error, rel=1e-4)
    assert other.goodness.chi2 == pytest.approx(one.goodness.chi2, rel=1e-6)
    assert other.goodness.describes_data == one.goodness.describes_data
    assert other.identifiable == one.identifiable
    assert other.goodness.verdict == one.goodness.verdict


@pytest.mark.slow
def test_kerr_oscillator(clean):
    """ℓ = 1e-12, κ = ħ = 1e-34, times in microseconds."""
    data = counted(clean, 2000, seed=0)
    ell, kappa = 1e-12, 1e-34
    si = dataclasses.replace(
        data,
        t=data.t * 1e-6,
        points=data.points * [ell, kappa / ell],
        density=data.density / kappa,
        ell=np.array([ell]),
        kappa=kappa,
        hbar=kappa,
    )
    units = {"interaction": kappa * 1e6, "omega": kappa * 1e6, "C": 1.0, "alpha_re": 1.0}
    agree(dqm.recover(data, "kerr"), dqm.recover(si, "kerr"), units)


def trapped(omega, mass, hbar, length):
    """A packet in a trap of unknown frequency, beside its centre."""
    grid = dqm.Grid(-6 * length, 6 * length, 48)
    hamiltonian = dqm.Hamiltonian(dqm.Harmonic(omega, mass), mass=mass, hbar=hbar)
    psi = dqm.gaussian(grid, -1.5 * length, 0.6 * length, hbar=hbar)
    return dqm.Evolution(dqm.SplitStep(hamiltonian, grid), psi, density, substeps=6)


def test_rubidium_in_a_trap():
    t = np.linspace(0, 3, 6)
    truth = trapped(1.0, 1.0, 1.0, 1.0).predict(dqm.save_times(t), None)[0]
    noise = 0.01 * np.random.default_rng(0).normal(size=truth.shape)
    found = dqm.recover(dqm.Series(t, truth + noise, 0.01), trapped(jnp.array(1.2), 1.0, 1.0, 1.0))
    si = dqm.recover(
        dqm.Series(t / OMEGA, (truth + noise) / LENGTH, 0.01 / LENGTH),
        trapped(jnp.array(1.2 * OMEGA), MASS, HBAR, LENGTH),
    )
    agree(found, si, {"omega": OMEGA})
