"""Goodness of fit on synthetic residuals of known distribution."""

import dataclasses

import numpy as np
import pytest
import scipy.stats

from dqmjax.data.abstract import gaussian, mutual_neighbours
from dqmjax.data.goodness import (
    DOUBTFUL,
    SIGNIFICANT,
    Goodness,
    chi2_excess,
    correlation_of_neighbours,
    goodness_of_fit,
)
from dqmjax.data.likelihood import Binomial

ROWS, COLUMNS = 20, 50
PAIRS = np.stack([np.arange(0, COLUMNS, 2), np.arange(1, COLUMNS, 2)], axis=1)


def fitted(noise, *, sigma=1.0, parameters=3.0):
    """Of a peak of 10 that the model predicts exactly."""
    prediction = np.zeros((ROWS, COLUMNS))
    prediction[0, 0] = 10.0
    measured = prediction + noise
    return goodness_of_fit(
        measured,
        prediction,
        gaussian(measured, sigma),
        parameters=parameters,
        noise_known=sigma is not None,
        neighbours=PAIRS,
    )


def white(seed):
    return np.random.default_rng(seed).normal(size=(ROWS, COLUMNS))


@pytest.mark.parametrize("sigma", [1.0, None])
def test_white_noise_is_described(sigma):
    """20 seeds against 4 standard deviations; false-alarm probability 4e-3.

    Without a noise level no test fails, but the model is not tested either.
    """
    found = [fitted(white(seed), sigma=sigma) for seed in range(20)]
    assert all(good.fits for good in found)
    assert all(good.describes_data == (sigma is not None) for good in found)
    assert all("cannot be tested: no noise" in g.verdict for g in found if sigma is None)
    assert np.std([good.correlation for good in found]) == pytest.approx(1, abs=0.6)


def test_chi2_too_large_is_rejected():
    good = fitted(1.3 * white(0))
    assert good.chi2 / good.dof == pytest.approx(1.69, rel=0.2)
    assert not good.describes_data
    assert "chi2 is" in good.verdict


@pytest.mark.parametrize("sigma", [0.5, None])
def test_correlated_residuals_are_rejected_even_without_a_noise_level(sigma):
    common = np.repeat(white(1)[:, ::2], 2, axis=1)
    good = fitted(0.4 * common + 0.3 * white(2), sigma=sigma)
    assert not good.describes_data
    assert "neighbouring residuals are correlated" in good.verdict


def test_noise_level_is_estimated_from_the_residuals():
    good = fitted(0.2 * white(3), sigma=None)
    peak = np.abs(0.2 * white(3)).max() + 10  # the weights are 1/peak
    assert good.noise * peak == pytest.approx(0.2, rel=0.15)
    assert fitted(white(3)).noise == 1.0


def test_differences_below_the_accuracy_of_a_simulation_prove_nothing():
    smooth = 1e-8 * np.ones((ROWS, COLUMNS))
    assert fitted(smooth, sigma=None).describes_data


def test_too_few_data_cannot_test_a_model():
    good = goodness_of_fit(
        np.ones((2, 3)),
        np.zeros((2, 3)),
        gaussian(np.ones((2, 3)), None),
        parameters=1.0,
        noise_known=False,
        neighbours=None,
    )
    assert not good.is_testable
    assert not good.describes_data
    assert "too few to test" in good.verdict


def test_infinite_residuals_are_not_described():
    good = dataclasses.replace(fitted(white(0)), chi2=np.inf)
    assert not good.describes_data


def test_excess_of_counts_is_standard_normal():
    """Also where one detection is expected, whose square varies more than that of a normal number.

    Mean and width over 1000 draws; false-alarm probability 1e-4.
    """
    random, shots = np.random.default_rng(0), 1000
    prediction = random.uniform(1.1e-3, 1.5e-3, (10, 40))
    excess = []
    for _ in range(1000):
        counts = random.binomial(shots, prediction).astype(float)
        likelihood = Binomial(counts, np.asarray(float(shots)), np.asarray(1.0))
        good = goodness_of_fit(
            counts / shots,
            prediction,
            likelihood,
            parameters=0.0,
            noise_known=True,
            neighbours=None,
        )
        excess.append(good.excess)
    assert abs(np.mean(excess)) < 4 / np.sqrt(1000)
    assert np.std(excess) == pytest.approx(1, abs=4 / np.sqrt(2000))


def test_one_stray_count_does_not_decide_the_correlation():
    residual = 1e-3 * white(0)
    residual[3, 4] = residual[3, 5] = 50.0
    assert abs(correlation_of_neighbours(residual, PAIRS)[0]) < 5


@pytest.mark.slow
def test_false_alarms_are_as_rare_as_stated():
    """2000 draws; 2e-4 of them exceed 4 and 3 % exceed 2.5 standard deviations.

    False-alarm probability 1e-3 for other draws.
    """
    found = [fitted(white(seed), parameters=0.0).n_sigma for seed in range(2000)]
    assert np.sum(np.array(found) > SIGNIFICANT) <= 3
    assert np.mean(np.array(found) > DOUBTFUL) == pytest.approx(0.028, abs=0.012)


@pytest.mark.parametrize("dof", [1, 3, 10, 300])
def test_excess_is_that_of_a_normal_number_for_few_degrees_of_freedom_too(dof):
    for chi2 in scipy.stats.chi2.isf([0.5, 1e-3, 1e-6], dof):
        exact = scipy.stats.norm.isf(scipy.stats.chi2.sf(chi2, dof))
        found = chi2_excess(chi2, dof, np.full(dof + 2, 2.0))
        assert found == pytest.approx(exact, abs=0.4 if dof < 10 else 0.1)


@pytest.mark.parametrize(("factor", "says"), [(100.0, "102 times smaller"), (1.0, "describes")])
def test_sigma_that_is_too_large_cannot_test_a_model(factor, says):
    good = fitted(white(0), sigma=factor)
    assert good.describes_data == (factor == 1)
    assert good.fits
    assert says in good.verdict


def test_a_doubtful_fit_says_so():
    """χ²/dof of 5 with three degrees of freedom: once in 600."""
    good = Goodness(15.3, 4, 15.3, 3, True, chi2_excess(15.3, 3, np.full(3, 2.0)), 0.0, 0, 0.1)
    assert good.describes_data
    assert "doubtfully: chi2 is 2.9 sigma too large" in good.verdict


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"strain": 5e5, "fault": "Too few levels."}, "5e+05 times beyond a limit: Too few levels"),
        ({"strain": np.nan}, "beyond a limit"),
        ({"shift": 2.0}, "time steps are too long: halving them shifts"),
        ({"shift": np.nan}, "time steps are too long"),
        ({"chi2": np.nan}, "not finite"),
    ],
)
def test_a_prediction_that_is_wrong_describes_nothing(change, says):
    good = dataclasses.replace(fitted(white(0)), **change)
    assert not good.describes_data
    assert says in good.verdict


def test_no_residual_is_no_correlation():
    assert correlation_of_neighbours(np.zeros((3, 4)), None) == (0.0, 0)


def test_mutual_neighbours_are_the_nearest_points_once():
    points = np.array([[0.0, 0], [1, 0], [5, 5], [5, 5.5], [1, 0.4]])
    np.testing.assert_array_equal(mutual_neighbours(points), [[0, 1], [1, 4], [2, 3]])


@pytest.mark.parametrize(
    ("excess", "correlation", "n_sigma"), [(3.0, 4.0, 5.0), (-9.0, -4.0, 4.0), (0.0, 0.0, 0.0)]
)
def test_n_sigma_ignores_a_chi2_that_is_too_small(excess, correlation, n_sigma):
    good = Goodness(1.0, 10, 5.0, 5, True, excess, correlation, 40, 0.1)
    assert good.n_sigma == pytest.approx(n_sigma)


def test_neighbours_in_time_are_correlated():
    slow = np.repeat([[1.0], [-1.0], [1.0], [-1.0]], 20, axis=0)
    correlation, pairs = correlation_of_neighbours(slow, None)
    assert pairs == 79
    assert correlation == pytest.approx((76 - 3) / 79**0.5)
