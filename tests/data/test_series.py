import dataclasses

import numpy as np
import pytest

import dqmjax as dqm

TIMES = np.linspace(0, 2, 10)


@pytest.fixture(scope="module")
def series():
    return dqm.Series(TIMES, np.random.default_rng(0).uniform(size=(10, 64)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"t": TIMES[::-1]}, "`t` must be finite and strictly increasing"),
        ({"t": TIMES[:4]}, r"`values` must have shape \(4, 64\), but has \(10, 64\)"),
        ({"sigma": -1.0}, "`sigma` must be positive and finite"),
        ({"sigma": np.ones(3)}, r"`sigma` must be one number or broadcast to \(10, 64\)"),
        ({"shots": 100, "sigma": 1.0}, "must not both be given"),
        ({"values": np.full((10, 64), np.nan)}, "`values` must be finite"),
        ({"values": np.full((10, 64), 2.0), "shots": 10}, "must be parts of `shots`"),
        ({"points": np.zeros((3, 1))}, r"`points` must have shape \(64, 1\)"),
    ],
)
def test_bad_series_are_refused(series, change, message):
    with pytest.raises(dqm.InputError, match=message):
        dataclasses.replace(series, **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": np.zeros((10, 5, 3))}, r"`points` must have shape \(10, samples, 2N\)"),
        ({"t": TIMES[:4]}, r"`points` must have shape \(4, samples, 2N\)"),
        ({"ell": 1.0}, r"`ell` must have shape \(1,\), but has \(\)"),
        ({"ell": np.zeros(1)}, "`ell` must be positive and finite"),
        ({"kappa": np.inf}, "`kappa` must be positive and finite"),
    ],
)
def test_bad_samples_are_refused(change, message):
    good = {"t": TIMES, "points": np.arange(100.0).reshape(10, 5, 2), "ell": np.ones(1)}
    with pytest.raises(dqm.InputError, match=message):
        dqm.Samples(**good | change)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ({"values": np.ones((2, 2))}, r"`values` must have shape \(4,\)"),
        ({"values": [1.0, np.inf]}, "`values` must be finite"),
        (
            {"values": [1.0, 2.0], "transitions": [[1, 0]]},
            r"`transitions` must have shape \(2, 2\)",
        ),
    ],
)
def test_bad_lines_are_refused(lines, message):
    with pytest.raises(dqm.InputError, match=message):
        dqm.Lines(**lines)


def test_means_over_samples_have_the_errors_of_means():
    points = np.random.default_rng(0).normal(size=(2, 50, 2))
    means = dqm.Samples(np.array([0.0, 1.0]), points, np.ones(1)).rough()
    np.testing.assert_allclose(means.likelihood.sigma, means.values.std(axis=1) / np.sqrt(50))
