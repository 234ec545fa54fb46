"""Simulation-based calibration finds wrong errors and passes right ones; closed forms of lines."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm

T, SIGMA = np.linspace(0, 2, 9), 0.1
PRIOR = {"slope": (1.0, 0.5), "offset": (0.0, 0.3)}
DRAWS = 60


class Line(dqm.AbstractExperiment):
    """`slope t + offset`."""

    slope: jax.Array
    offset: jax.Array

    def predict(self, times, where):
        return (self.slope * times.ts + self.offset)[:, None], None


def simulate(truth, key, sigma=SIGMA, shift=0.0):
    noise = sigma * np.asarray(jax.random.normal(key, (9, 1)))
    line = truth["slope"] * T[:, None] + truth.get("offset", 0.0) + shift
    return dqm.Series(T, line + noise, SIGMA)


def fit(data, prior):
    return dqm.recover(data, Line(jnp.array(1.0), jnp.array(0.0)), prior=prior)


def calibrated(simulate=simulate, fit=fit, prior=PRIOR, **options):
    options = {
        "draws": DRAWS,
        "predict": {"at 3": lambda line: 3 * line.slope + line.offset},
    } | options
    return dqm.calibrate(simulate, fit, prior, jax.random.key(0), **options)


@pytest.fixture(scope="module")
def right():
    return calibrated()


def test_right_errors_pass(right):
    assert set(right.p) == {"slope", "offset", "log-likelihood", "at 3"}
    assert min(right.p.values()) > 0.05
    assert right.draws == DRAWS
    assert right.described >= DRAWS - 2
    lower, upper = right.band()
    for name in right.p:
        assert ((right.below(name) >= lower) & (right.below(name) <= upper)).all()
    assert "log-likelihood" in str(right)


def test_pulls_are_those_of_the_normal_posterior(right):
    """(F + P)⁻¹(Fy + Pμ) of the first draw, drawn again."""
    seen = []
    calibrated(
        lambda truth, key: seen.append((truth, simulate(truth, key))) or seen[-1][1], draws=2
    )
    truth, data = seen[0]
    matrix = np.stack([T, np.ones(9)], axis=1)
    mean, width = np.array(list(PRIOR.values())).T
    covariance = np.linalg.inv(matrix.T @ matrix / SIGMA**2 + np.diag(1 / width**2))
    estimate = covariance @ (matrix.T @ data.measured[:, 0] / SIGMA**2 + mean / width**2)
    pull = (estimate - [truth["slope"], truth["offset"]]) / np.sqrt(np.diag(covariance))
    np.testing.assert_allclose([right.pulls[name][0] for name in PRIOR], pull, atol=1e-4)


def test_errors_that_are_too_small_are_found():
    wrong = calibrated(lambda truth, key: simulate(truth, key, sigma=2 * SIGMA))
    assert wrong.p["log-likelihood"] < 1e-3
    assert min(wrong.p["slope"], wrong.p["offset"]) < 0.05


def test_a_shift_is_found():
    wrong = calibrated(lambda truth, key: simulate(truth, key, shift=2 * SIGMA))
    assert wrong.p["offset"] < 1e-3
    assert wrong.p["at 3"] < 0.05


def test_the_band_holds_its_share_of_uniform_ranks():
    """With other random numbers than the band is made of; 2000 sets: 95 ± 1.5 %."""
    empty = dqm.Calibration({"x": np.zeros(50, int)}, {}, 50, 19)
    lower, upper = empty.band()
    random, inside = np.random.default_rng(7), 0
    for _ in range(2000):
        below = dqm.Calibration({"x": random.integers(0, 20, 50)}, {}, 50, 19).below("x")
        inside += bool(((below >= lower) & (below <= upper)).all())
    assert abs(inside / 2000 - 0.95) < 0.015
    assert empty.p["x"] == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prior": {"slope": (1.0, 0.5)}}, "must have the parameters of the fit, slope, offset"),
        ({"prior": PRIOR | {"bend": (0.0, 1.0)}}, "parameter 'bend' of `prior` is unknown"),
        ({"prior": {"slope": (1.0, 0.0), "offset": (0.0, 1.0)}}, "a positive deviation"),
        ({"fit": lambda data, prior: None}, "`fit` must be of type"),
        ({"draws": 1}, "`draws`"),
    ],
)
def test_bad_questions_are_refused(changes, message):
    with pytest.raises(dqm.InputError, match=message):
        calibrated(**({"draws": 2} | changes))


def test_what_fails_says_where():
    def broken(truth, key):
        raise RuntimeError("no laser")

    with pytest.raises(RuntimeError, match="no laser") as found:
        calibrated(broken)
    assert "data set 1, with {'slope'" in found.value.__notes__[0]
