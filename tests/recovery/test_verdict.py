"""No wrong model is called right, and what cannot be tested is named."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip
from systems import KERR, counted, exact_evolution, husimi, kerr_operator

import dqmjax as dqm
from dqmjax.data.goodness import goodness_of_fit
from dqmjax.data.likelihood import Gaussian
from dqmjax.evolution.schemes import strang
from dqmjax.experiments.abstract import as_status
from dqmjax.experiments.models import by_name
from dqmjax.experiments.phase_space import experiment_of
from dqmjax.grid import density
from dqmjax.recovery.judgement import _horizon, judge
from dqmjax.recovery.problem import build_problem

GRID = dqm.Grid((-6.0,), (6.0,), (64,))
TIMES = np.linspace(0, 2, 10)
NOISE = 0.005


def well(depth):
    return dqm.Hamiltonian(dqm.DoubleWell(depth, 1.5))


def measured(noise=NOISE, sigma=NOISE, width=0.5, seed=0):
    psi = dqm.gaussian(GRID, -1.5, width)
    rho = np.stack([np.asarray(density(exact_evolution(well(1.0), GRID, psi, t))) for t in TIMES])
    noise = noise * np.random.default_rng(seed).normal(size=rho.shape)
    return dqm.Series(TIMES, rho + noise, sigma)


def experiment(depth=1.3, width=0.5, **settings):
    stepper = dqm.SplitStep(well(jnp.array(depth)), GRID, settings.pop("scheme", dqm.nystrom6))
    substeps = settings.pop("substeps", 12)
    return dqm.Evolution(
        stepper, dqm.gaussian(GRID, -1.5, width), density, substeps=substeps, **settings
    )


def test_a_right_model_is_described():
    """False-alarm probability 2e-4 for other noise."""
    good = dqm.recover(measured(), experiment()).goodness
    assert good.describes_data
    assert good.verdict == "The model describes the data."


@pytest.mark.parametrize("noise", [0.0, NOISE])
def test_a_wrong_width_is_rejected_without_sigma(noise):
    result = dqm.recover(measured(noise, None), experiment(width=0.6))
    assert abs(result.estimate["depth"] - 1) > 3 * result.stderr["depth"]  # confident and wrong
    assert not result.goodness.describes_data
    assert "does NOT describe the data: neighbouring residuals are correlated" in str(result)


def test_without_sigma_a_right_model_cannot_be_tested():
    good = dqm.recover(measured(sigma=None), experiment()).goodness
    assert good.fits
    assert not good.describes_data
    assert "cannot be tested: no noise level is given" in good.verdict


def test_loss_below_the_noise_is_not_called_described_without_sigma():
    """A decaying moment, fitted without its decay, at few times."""
    t, random = np.linspace(0, 6, 12), np.random.default_rng(0)
    values = np.exp(-0.05 * t) * np.cos(t) + 0.05 * random.normal(size=t.size)

    class Wave(dqm.AbstractExperiment):
        omega: jax.Array

        def predict(self, times, where):
            return jnp.cos(self.omega * times.ts), None

    result = dqm.recover(dqm.Series(t, values), Wave(jnp.array(1.1)))
    assert not result.goodness.describes_data
    assert "cannot be tested" in result.goodness.verdict


def test_sigma_a_hundred_times_too_large_is_reported():
    good = dqm.recover(measured(sigma=100 * NOISE), experiment()).goodness
    assert not good.describes_data
    assert "times smaller than `sigma`" in good.verdict
    factor = float(good.verdict.split("residuals are ")[1].split()[0])
    assert factor == pytest.approx(100, rel=0.1)


def test_residuals_without_any_noise_have_no_factor():
    data = np.linspace(0, 1, 20)[:, None]
    noise = Gaussian(jnp.asarray(data), jnp.full(data.shape, 0.1))
    good = goodness_of_fit(data, data, noise, parameters=1.0, noise_known=True)
    assert "the residuals are 0 beside the noise that `sigma` or `shots` states" in good.verdict


def test_steps_that_are_too_long_are_reported():
    data = measured()
    coarse = dqm.recover(data, experiment(scheme=strang, substeps=1))
    assert coarse.goodness.shift > 1
    assert not coarse.goodness.describes_data
    assert "time steps are too long" in coarse.goodness.verdict
    fine = dqm.recover(data, experiment())
    assert fine.goodness.shift < 1e-3
    moved = (coarse.goodness.chi2 - fine.goodness.chi2) / np.sqrt(2 * fine.goodness.size)
    assert coarse.goodness.shift == pytest.approx(moved, rel=0.5)


def test_truncation_is_part_of_the_verdict():
    good = dqm.recover(measured(), experiment()).goodness
    strained = dataclasses.replace(good, strain=5e5)
    assert not strained.describes_data
    assert "the run is 5e+05 times beyond a limit" in strained.verdict
    assert not dataclasses.replace(good, strain=np.nan).describes_data


def test_only_a_product_is_determined():
    """The motion of an oscillator depends on k/m: on `stiffness·mass^-1`."""

    class Oscillator(dqm.AbstractExperiment):
        stiffness: jax.Array
        mass: jax.Array

        def predict(self, times, where):
            return jnp.cos(jnp.sqrt(self.stiffness / self.mass) * times.ts), None

    t = np.linspace(0, 3, 30)
    noise = 0.01 * np.random.default_rng(0).normal(size=t.size)
    start = Oscillator(jnp.array(4.1), jnp.array(2.0))
    result = dqm.recover(dqm.Series(t, np.cos(np.sqrt(2) * t) + noise, 0.01), start)
    assert result.product == {"stiffness": 1.0, "mass": -1.0}
    assert "only stiffness·mass^-1 is determined" in str(result)
    assert result.to_json()["product"] == result.product


def test_a_fault_that_is_nan_is_one():
    status = as_status(jnp.array([0.1, 2.0, jnp.nan]))
    np.testing.assert_array_equal(status.fails, [False, True, True])


def test_the_horizon_is_the_last_time_before_a_fault():
    t = np.array([0.0, 1.0, 2.0, 3.0])
    for faults, expected in (
        ([0.0, 0.5, 2.0, 0.1], 1.0),
        ([0.0, 0.5, 0.2, np.nan], 2.0),
        ([3.0, 0.5, 0.2, 0.1], 0.0),
        ([0.0, 0.5, 0.2, 1.0], np.inf),
    ):
        assert _horizon(t, np.array(faults)) == expected


def from_state(ket, kind):
    """Snapshots with counts, or samples, of a Kerr oscillator after `ket`, by QuTiP."""
    levels, t = 20, np.array([0.0, 0.02, 0.04, 0.06, 0.08])
    states = qutip.sesolve(kerr_operator(levels, KERR["interaction"], 0.0), ket, t).states
    axis = np.linspace(-4, 4, 21)
    points = np.stack(np.meshgrid(axis, axis, indexing="ij")).reshape(2, -1).T
    rho = np.stack([husimi(s.proj(), points) for s in states])
    exact = dqm.Snapshots(t, points, rho, np.ones(1), 1.0, 1.0)
    if kind == "snapshots":
        return counted(exact, 2000, 0)
    random, cell = np.random.default_rng(0), 0.4
    drawn = [random.choice(len(points), 1500, p=row / row.sum()) for row in rho]
    jitter = random.uniform(-cell / 2, cell / 2, (len(t), 1500, 2))
    return dqm.Samples(t, points[np.array(drawn)] + jitter, np.ones(1), 1.0, 1.0)


@pytest.mark.parametrize("kind", ["snapshots", "samples"])
@pytest.mark.parametrize("squeezing", [0.0, 0.6])
def test_a_wrong_initial_state_is_named(kind, squeezing):
    """And not for a coherent state that the model moves wrongly, on a coarse lattice of samples."""
    squeezed = qutip.squeeze(60, squeezing) * qutip.basis(60, 0)
    ket = qutip.Qobj((qutip.displace(60, 1.2) * squeezed).full()[:20]).unit()
    data = from_state(ket, kind)
    frequency = 20.0 if squeezing == 0 else 0.0
    model = experiment_of(data, by_name(data, "kerr"), None)
    fixed = {"interaction": KERR["interaction"], "omega": frequency, "ell": 1.0}
    problem = build_problem(data, model, {}, fixed, (), {}, None)
    result = judge(problem, problem.start, problem.start, "start")
    assert not result.goodness.fits
    assert ("the initial state is a likely cause" in result.goodness.verdict) == (squeezing > 0)
