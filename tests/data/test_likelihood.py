"""Likelihoods against SciPy's distributions and against their definition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import dqmjax as dqm
from dqmjax.data.counting import Multinomial
from dqmjax.data.likelihood import Binomial, Drawn, Gaussian, evaluate

RANDOM = np.random.default_rng(0)
VALUES, SIGMA = RANDOM.normal(size=(3, 4)), RANDOM.uniform(0.5, 2, (3, 4))
COUNTS = np.array([[0.0, 3.0, 20.0], [7.0, 1.0, 19.0]])
SHOTS, CELL = np.asarray(20.0), np.asarray(0.5)
PREDICTION = np.array([[0.1, 0.4, 1.9], [0.6, 0.2, 1.7]])  # p/c
GAUSSIAN, BINOMIAL = Gaussian(VALUES, SIGMA), Binomial(COUNTS, SHOTS, CELL)
DRAWN = Drawn(np.asarray(2.0))
CASES = [
    pytest.param(GAUSSIAN, VALUES + 0.3, id="gaussian"),
    pytest.param(BINOMIAL, PREDICTION, id="binomial"),
    pytest.param(DRAWN, PREDICTION, id="samples"),
]


def test_gaussian_deviance_is_that_of_scipy():
    prediction = VALUES + 0.3
    exact = -2 * scipy.stats.norm(prediction, SIGMA).logpdf(VALUES)
    least = -2 * scipy.stats.norm(VALUES, SIGMA).logpdf(VALUES)
    np.testing.assert_allclose(evaluate(GAUSSIAN, prediction).residual ** 2, exact - least)


def test_binomial_deviance_is_that_of_scipy():
    logpmf = lambda p: scipy.stats.binom(20, p).logpmf(COUNTS)
    exact = -2 * (logpmf(CELL * PREDICTION) - logpmf(COUNTS / 20))
    np.testing.assert_allclose(evaluate(BINOMIAL, PREDICTION).residual ** 2, exact, rtol=1e-12)


def test_samples_have_the_deviance_of_their_density():
    exact = -2 * np.log(PREDICTION / 2)
    np.testing.assert_allclose(evaluate(DRAWN, PREDICTION).residual ** 2, exact, rtol=1e-12)


@pytest.mark.parametrize(("likelihood", "prediction"), CASES)
def test_slope_is_the_derivative_of_the_residual(likelihood, prediction):
    step = 1e-6
    ahead, behind = (evaluate(likelihood, prediction + s).residual for s in (step, -step))
    slope = evaluate(likelihood, prediction).slope
    np.testing.assert_allclose(slope, (ahead - behind) / (2 * step), rtol=1e-6)


@pytest.mark.parametrize("p", [0.05, 0.3, 0.9])
def test_binomial_information_is_the_mean_square_of_the_score(p):
    """`Σ_k P(k) (d ln P/df)²`, the definition."""
    k = np.arange(21.0)[:, None]
    prediction = np.full(k.shape, p / CELL)
    at = evaluate(Binomial(k, SHOTS, CELL), prediction)
    score = -np.asarray(at.residual * at.slope)[:, 0]  # d ln P = −d (d²/2)
    mean = np.sum(scipy.stats.binom(20, p).pmf(k[:, 0]) * score**2)
    assert at.information[0, 0] ** 2 == pytest.approx(mean, rel=1e-10)


def test_binomial_slope_is_smooth_where_prediction_meets_measurement():
    """There the deviance is a square to all digits, and its root must not divide 0 by 0."""
    exact = COUNTS / SHOTS / CELL
    inner = (COUNTS > 0) & (COUNTS < 20)
    at = evaluate(BINOMIAL, exact)
    np.testing.assert_allclose(at.residual[inner], 0, atol=1e-12)
    np.testing.assert_allclose(at.slope[inner], at.information[inner], rtol=1e-12)


@pytest.mark.parametrize(("likelihood", "prediction"), CASES[:2])
def test_new_data_have_the_mean_and_spread_of_the_noise(likelihood, prediction):
    """False-alarm probability: 20 numbers beyond 5 standard errors, 1e-5."""
    keys = jax.random.split(jax.random.key(0), 4000)
    residual = lambda key: likelihood.draw(key, jnp.asarray(prediction)).residual(prediction)
    squares = np.asarray(jax.vmap(lambda k: residual(k) ** 2)(keys))
    if likelihood is GAUSSIAN:
        exact, variance = np.ones(prediction.shape), np.full(prediction.shape, 2.0)
    else:
        k = np.arange(21.0)
        chance = scipy.stats.binom(20, CELL * prediction[..., None]).pmf(k)
        each = np.stack(
            [
                evaluate(Binomial(np.full(COUNTS.shape, x), SHOTS, CELL), prediction).residual
                for x in k
            ],
            axis=-1,
        )
        exact = np.sum(chance * each**2, axis=-1)
        variance = np.sum(chance * each**4, axis=-1) - exact**2
    assert np.all(np.abs(squares.mean(axis=0) - exact) < 5 * np.sqrt(variance / len(keys)))


def test_samples_cannot_be_drawn_from_densities_at_points():
    with pytest.raises(dqm.InputError, match=r"draw new ones with `dqmjax\.readout\.sample`"):
        DRAWN.draw(jax.random.key(0), jnp.asarray(PREDICTION))


def test_only_gaussian_noise_can_be_rescaled():
    np.testing.assert_allclose(GAUSSIAN.rescaled(2.0).sigma, 2 * SIGMA)
    assert BINOMIAL.rescaled(2.0) is BINOMIAL


def test_one_more_row_is_as_noisy_as_the_others():
    row = np.asarray(GAUSSIAN.information_of_next(jnp.ones(4)))
    np.testing.assert_allclose(row, 1 / np.sqrt(np.mean(SIGMA**2, axis=0)))
    row = np.asarray(BINOMIAL.information_of_next(jnp.asarray(PREDICTION[0])))
    np.testing.assert_allclose(row, evaluate(BINOMIAL, PREDICTION).information[0])


def test_chi2_of_counts_sums_where_detections_are_expected():
    terms = BINOMIAL.chi2_terms(PREDICTION)
    expected = 20 * CELL * PREDICTION * (1 - CELL * PREDICTION)
    np.testing.assert_array_equal(terms.summed, expected >= expected.max() / 4)
    few = Binomial(COUNTS, SHOTS, CELL).chi2_terms(PREDICTION / 100)
    assert few.summed.any()  # even where no place expects a detection


def test_binomial_residuals_have_the_sign_of_the_difference():
    likelihood = Binomial(np.array([[3.0, 3.0, 3.0]]), np.array(10.0), np.array(1.0))
    residual = likelihood.residual(np.array([[0.1, 0.3, 0.6]]))
    np.testing.assert_array_equal(np.sign(residual), [[-1, 0, 1]])


@pytest.mark.parametrize(
    "likelihood",
    [
        Binomial(np.array([[400.0, 0.0]]), np.array(400.0), np.array(1.0)),
        Multinomial(np.array([[400.0, 0.0]]), np.array([400.0])),
    ],
)
def test_slopes_are_finite_where_all_or_none_are_detected(likelihood):
    """Also if the counts are traced, as those of a bootstrap are: 0 · log 0 was NaN there."""
    prediction = jnp.array([[0.7, 0.3]])
    residual = lambda given, prediction: given.residual(prediction)
    zero = jax.tree.map(jnp.zeros_like, likelihood)
    slopes = jax.jvp(residual, (likelihood, prediction), (zero, jnp.ones_like(prediction)))[1]
    near = prediction + 1e-6, prediction - 1e-6
    expected = (likelihood.residual(near[0]) - likelihood.residual(near[1])) / 2e-6
    np.testing.assert_allclose(slopes, expected, rtol=1e-6)
