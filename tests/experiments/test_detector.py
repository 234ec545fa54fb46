"""The detector against QuTiP, closed forms, and the samples that it draws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip

import dqmjax as dqm
from dqmjax.data.test_functions import TestFunctions
from dqmjax.experiments.seen import seen

BASIS = dqm.FockBargmann(25)
DETECTOR = dqm.Detector(0.6, 0.3, 1.7, 0.4, np.array([0.2, -0.3]))
CAT = BASIS.cat(1.5, 0.3)


def test_loss_is_that_of_the_master_equation():
    a = qutip.destroy(25)
    jumps = [np.sqrt(-np.log(float(DETECTOR.transmitted))) * a]
    options = {"atol": 1e-12, "rtol": 1e-10}
    run = qutip.mesolve(0 * a, qutip.Qobj(np.asarray(CAT)), [0, 1], jumps, options=options)
    assert np.abs(DETECTOR.attenuated(CAT, 1) - run.states[-1].full()).max() < 1e-9


def test_loss_acts_on_each_of_two_modes():
    basis = dqm.FockBargmann((12, 12))
    half = dqm.Detector(0.5)
    rho = half.attenuated(basis.coherent((0.6, 0.3j)), 2)
    expected = basis.coherent((0.6 * 0.5**0.5, 0.3j * 0.5**0.5))
    assert np.abs(rho - expected).max() < 1e-7


def test_coherent_states_give_gaussian_outcomes():
    """Their mean is `g e^{iθ} √η α + v₀`, their variance `g²(1 + n)`."""
    alpha, points = 0.8 - 0.5j, jnp.asarray(np.random.default_rng(0).normal(size=(20, 2)))
    found = seen(BASIS, DETECTOR, BASIS.coherent(alpha)[None], points)[0]
    middle = 1.7 * np.exp(0.4j) * 0.6**0.5 * alpha + (0.2 - 0.3j) / 2**0.5
    away = (points[:, 0] + 1j * points[:, 1]) / 2**0.5 - middle
    variance = 1.7**2 * 1.3
    expected = np.exp(-(np.abs(away) ** 2) / variance) / (2 * np.pi * variance)
    assert np.allclose(found, expected, rtol=1e-9)


def test_samples_have_the_moments_of_the_density():
    ideal = dqm.readout.sample(jax.random.key(0), BASIS, CAT, 40_000)
    outcomes = np.asarray(DETECTOR.sample(jax.random.key(1), BASIS.space, ideal))
    x = np.linspace(-16, 16, 161)
    points = np.stack([axis.ravel() for axis in np.meshgrid(x, x)], axis=1)
    weight = np.asarray(seen(BASIS, DETECTOR, CAT[None], jnp.asarray(points)))[0] * 0.2**2
    assert abs(weight.sum() - 1) < 1e-6
    mean, square = weight @ points, points.T @ (weight[:, None] * points)
    spread = square - np.outer(mean, mean)
    error = np.sqrt(np.diag(spread) / len(outcomes))
    assert (np.abs(outcomes.mean(axis=0) - mean) < 4 * error).all()
    assert np.abs(np.cov(outcomes.T) - spread).max() < 4 * 2**0.5 * spread.max() / 200


@pytest.mark.parametrize("width", [1.0, 1.75])
def test_means_of_test_functions_are_integrals(width):
    tests = TestFunctions.of(BASIS.space, width)
    x = np.linspace(-16, 16, 161)
    points = np.stack([axis.ravel() for axis in np.meshgrid(x, x)], axis=1)
    weight = np.asarray(seen(BASIS, DETECTOR, CAT[None], jnp.asarray(points)))[0] * 0.2**2
    expected = weight @ np.asarray(tests.at(points[None]))[0]
    assert np.abs(seen(BASIS, DETECTOR, CAT[None], tests)[0] - expected).max() < 1e-8


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"efficiency": 1.2}, "`efficiency` must be between 0 and 1"),
        ({"efficiency": 0.0}, "`efficiency` must be positive"),
        ({"noise": -0.1}, "`noise` must be finite and not negative"),
        ({"gain": 0.0}, "`gain` must be positive"),
        ({"offset": np.nan}, "`offset` must be finite"),
    ],
)
def test_bad_detectors_are_refused(given, message):
    with pytest.raises(dqm.InputError, match=message):
        dqm.Detector(**given)
