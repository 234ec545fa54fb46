"""Fisher information of a measurement and of the state, and error bars of predictions."""

import jax.numpy as jnp
import numpy as np
import pytest
import scipy

import dqmjax as dqm
from dqmjax.recovery.information import Information

FLOW = dqm.FokkerPlanck(dqm.Kerr(jnp.asarray(2.0)))
BASIS = dqm.FockBargmann(30)


def test_information_on_the_interaction_of_a_kerr_oscillator():
    """Heterodyne detection finds half of the quantum information at a cat, 16 % of it early on."""
    state = dqm.Coherent(np.array([2.0]), np.zeros(1))
    t = np.array([0.0, np.pi / 8, np.pi / 2])
    found = dqm.design.information(dqm.PhaseSpaceExperiment(FLOW, state, BASIS), t)
    assert found.names == ["interaction"]
    n = np.arange(60)
    part, phase = scipy.stats.poisson.pmf(n, 4.0), n * (n - 1) / 2
    variance = part @ phase**2 - (part @ phase) ** 2
    assert np.allclose(found.quantum[:, 0, 0], 4 * t**2 * variance, rtol=1e-6)
    early, cat = found.ratio("interaction")[1:]
    assert abs(early - 0.16) < 0.005
    assert abs(cat - 0.5) < 1e-3
    assert np.isnan(found.ratio("interaction")[0])


def test_losses_take_their_part():
    """Of a coherent amplitude, `I = 2η/(1 + n)` beside Q = 4."""
    state = dqm.Coherent(jnp.array([0.5]), jnp.array([0.2]))
    flow = dqm.FokkerPlanck(dqm.Kerr(0.0))
    basis = dqm.FockBargmann(16)
    for detector, part in [(None, 1.0), (dqm.Detector(0.6, 0.2, 3.0, 0.7, np.ones(2)), 0.5)]:
        experiment = dqm.PhaseSpaceExperiment(flow, state, basis, detector)
        found = dqm.design.information(experiment, np.array([0.0, 1.0]))
        assert np.allclose(found.measured[1], 2 * part * np.eye(2), atol=1e-5)
        assert np.allclose(found.quantum[1], 4 * np.eye(2), atol=1e-5)


def test_mixed_states_have_less():
    """Of a displaced thermal state, `Q = 4/(2n̄ + 1)` and `I = 2/(n̄ + 1)`."""
    state = dqm.Thermal(jnp.array([0.3]), np.zeros(1), np.array([0.5]))
    basis = dqm.FockBargmann(30)
    experiment = dqm.PhaseSpaceExperiment(dqm.FokkerPlanck(dqm.Kerr(0.0)), state, basis)
    found = dqm.design.information(experiment, np.array([0.0, 1.0]))
    assert np.allclose(found.quantum[0, 0, 0], 4 / 2, atol=1e-4)
    assert np.allclose(found.measured[0, 0, 0], 2 / 1.5, atol=1e-4)


class Line(dqm.AbstractExperiment):
    slope: jnp.ndarray
    unseen: jnp.ndarray

    def predict(self, times, where):
        return self.slope * times.ts + 0 * self.unseen, None


def test_error_bars_of_a_prediction():
    data = dqm.Series(np.arange(5.0), np.array([0.0, 1.1, 1.9, 3.0, 4.1]), 0.1)
    result = dqm.recover(data, Line(jnp.asarray(0.9), jnp.asarray(1.0)))
    later = dqm.save_times(jnp.array([0.0, 10.0]))
    value, error = dqm.propagate(result, lambda line: line.predict(later, None)[0])
    assert np.allclose(value, [0.0, 10 * result.estimate["slope"]])
    assert np.allclose(error, [0.0, 10 * result.stderr["slope"]])
    _, error = dqm.propagate(result, lambda line: line.slope + line.unseen)
    assert error == np.inf


def test_other_experiments_are_refused():
    two = dqm.FockBargmann((3, 3))
    state = dqm.Coherent(jnp.zeros(2), np.zeros(2))
    experiment = dqm.PhaseSpaceExperiment(
        dqm.FokkerPlanck(dqm.BoseHubbard(1.0, 1.0, (2,))), state, two
    )
    with pytest.raises(dqm.InputError, match="must have one mode"):
        dqm.design.information(experiment, np.array([0.0, 1.0]))
    state = dqm.Coherent(np.zeros(1), np.zeros(1))
    known = dqm.PhaseSpaceExperiment(dqm.FokkerPlanck(dqm.Kerr(1.0)), state, dqm.FockBargmann(5))
    with pytest.raises(dqm.InputError, match="must have parameters"):
        dqm.design.information(known, np.array([0.0, 1.0]))


def test_a_summary_of_the_data_shows_a_part_of_the_parameters():
    """χ² of means of 10 numbers, after fits of 3 parameters to all numbers: n − k on average.

    40,000 draws: within 4 errors of the mean.
    """
    random = np.random.default_rng(0)
    slopes, groups, draws = random.normal(size=(40, 3)), 4, 40_000
    slopes[:, 2] = np.tile([1.0, -1.0], 20)  # which no mean shows
    of_means = lambda x: x.reshape(groups, 10, -1).mean(axis=1) * 10**0.5
    shown = Information(slopes, np.zeros((0, 3)), np.ones(3)).seen_by(of_means(slopes))
    noise = random.normal(size=(40, draws))
    left = of_means(noise - slopes @ np.linalg.lstsq(slopes, noise)[0])
    assert (
        abs(np.mean(np.sum(left**2, axis=0)) - (groups - shown)) < 4 * (2 * groups / draws) ** 0.5
    )
    assert shown < 1
