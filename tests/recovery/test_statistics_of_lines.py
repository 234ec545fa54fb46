"""The machinery of `recover` on straight lines and curves whose answers are in closed form."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.recovery.fisher_scoring import fit
from dqmjax.recovery.information import Information
from dqmjax.recovery.lbfgs import MANY, descend
from dqmjax.recovery.multistart import _reflected, refined, windows
from dqmjax.recovery.problem import build_problem, many_starts

T, SIGMA = np.linspace(0, 2, 9), 0.1
TIGHT = {"xtol": 1e-12, "ftol": 1e-12, "gtol": None}


class Line(dqm.AbstractExperiment):
    """`slope t + offset`, and a number that does nothing."""

    slope: jax.Array
    offset: jax.Array
    unseen: jax.Array | float = 0.0

    def predict(self, times, where):
        return (self.slope * times.ts + self.offset)[:, None] + 0 * self.unseen, None


class Wave(dqm.AbstractExperiment):
    """`cos ωt` at many times, with many false minima in ω."""

    omega: jax.Array

    def predict(self, times, where):
        return jnp.cos(self.omega * times.ts)[:, None], None


def line(slope=0.0, offset=0.0, **others):
    return Line(jnp.array(slope), jnp.array(offset), **others)


def measured(seed=0, sigma=SIGMA):
    noise = SIGMA * np.random.default_rng(seed).normal(size=(9, 1))
    return dqm.Series(T, 1.5 * T[:, None] - 0.5 + noise, sigma)


def problem(data=None, experiment=None, **changes):
    given = {"start": {}, "fix": {}, "free": (), "bounds": {}, "prior": None} | changes
    return build_problem(data or measured(), experiment or line(), **given)


def closed_form(data, prior=0.0):
    """Least squares of a line, and its covariance; `prior` is the information about the offset."""
    matrix = np.stack([T, np.ones(9)], axis=1)
    information = matrix.T @ matrix / SIGMA**2 + np.diag([0, prior])
    covariance = np.linalg.inv(information)
    return covariance @ matrix.T @ data.measured[:, 0] / SIGMA**2, covariance


def test_fisher_scoring_solves_a_linear_problem():
    found = fit(problem(), np.zeros(2), slice(None), TIGHT)
    np.testing.assert_allclose(found, closed_form(measured())[0], atol=1e-10)


def test_only_the_chosen_rows_are_fitted():
    spoilt = dataclasses.replace(measured(), values=np.where(T[:, None] > 1, 99, measured().values))
    found = fit(problem(spoilt), np.zeros(2), slice(0, 5), TIGHT)
    matrix = np.stack([T, np.ones(9)], axis=1)[:5]
    exact = np.linalg.lstsq(matrix, spoilt.measured[:5, 0], rcond=None)[0]
    np.testing.assert_allclose(found, exact, atol=1e-10)


def test_held_numbers_stay():
    found = fit(problem(), np.array([0.0, -1.0]), slice(None), TIGHT, np.array([False, True]))
    assert found[1] == -1.0
    assert found[0] == pytest.approx(T @ (measured().measured[:, 0] + 1) / (T @ T))


def test_standard_errors_and_bounds_are_those_of_the_closed_form():
    result = dqm.recover(measured(), line())
    estimate, covariance = closed_form(measured())
    np.testing.assert_allclose(result.vector, estimate, atol=1e-9)
    np.testing.assert_allclose(result.covariance, covariance, rtol=1e-5)
    np.testing.assert_allclose(list(result.cramer_rao.values()), np.sqrt(np.diag(covariance)))


def test_unknown_noise_is_estimated_from_the_residuals():
    result = dqm.recover(measured(sigma=None), line())
    _, covariance = closed_form(measured())
    chi2 = np.sum((result.prediction - measured().measured) ** 2) / SIGMA**2
    np.testing.assert_allclose(result.covariance, covariance * chi2 / 7, rtol=1e-5)


def test_a_prior_adds_its_information():
    result = dqm.recover(measured(), line(), prior=lambda e: (e.offset[None] - 0.0) / 0.05)
    estimate, covariance = closed_form(measured(), prior=1 / 0.05**2)
    np.testing.assert_allclose(result.vector, estimate, atol=1e-9)
    np.testing.assert_allclose(result.covariance, covariance, rtol=1e-5)


def test_pulls_are_standard_normal():
    """40 draws of two parameters; false-alarm probability 2e-4."""
    pulls = []
    for seed in range(40):
        result = dqm.recover(measured(seed), line())
        pulls.append((result.vector - [1.5, -0.5]) / list(result.stderr.values()))
    assert np.all(np.abs(np.mean(pulls, axis=0)) < 4 / np.sqrt(40))
    assert np.all(np.abs(np.std(pulls, axis=0) - 1) < 4 / np.sqrt(80))


def test_an_unseen_parameter_is_reported_and_disturbs_no_other():
    result = dqm.recover(measured(), line(unseen=jnp.array(7.0)))
    assert result.identifiable == {"slope": True, "offset": True, "unseen": False}
    assert result.stderr["unseen"] == np.inf
    assert result.undetermined == [{"unseen": pytest.approx(1.0, abs=1e-6)}]
    np.testing.assert_allclose(result.vector[:2], closed_form(measured())[0], atol=1e-9)


def test_information_names_the_combination_that_is_not_determined():
    """Only a + b is measured."""
    data = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 100.0], [100.0, 100.0, 0.0]])
    found = Information(data, np.zeros((0, 3)), np.ones(3))
    np.testing.assert_array_equal(found.identifiable, [False, False, True])
    np.testing.assert_allclose(np.abs(found.undetermined), [[0.5**0.5, 0.5**0.5, 0]], atol=1e-12)
    assert found.covariance(np.eye(2))[2, 2] == pytest.approx(1e-4)
    assert np.isinf(found.cramer_rao[:2]).all()


def test_a_prior_determines_the_part_that_the_data_do_not():
    found = Information(np.array([[1.0, 0.0]]), np.array([[0.0, 3.0]]), np.ones(2))
    assert found.determined == pytest.approx(1.0)
    both = Information(np.array([[1.0, 0.0]]), np.array([[2.0, 0.0]]), np.ones(2))
    assert both.determined == pytest.approx(1 / 5)  # F/(F + P)


def test_scales_are_the_size_of_each_array_now_or_at_the_start():
    sizes = problem(experiment=line(2.0, 0.0)).scales(np.array([0.5, 3.0]))
    np.testing.assert_allclose(sizes, [2.0, 3.0])
    np.testing.assert_allclose(problem().scales(np.zeros(2)), 1.0)


def test_scales_of_heterodyne_data_are_those_of_the_physics():
    points = np.random.default_rng(0).normal(size=(40, 2))
    basis = dqm.FockBargmann(10)
    density = np.tile(np.asarray(basis.density(basis.coherent(0.1), jnp.asarray(points))), (3, 1))
    data = dqm.Snapshots(np.array([0, 1.0, 4.0]), points, density, np.array([2.0]), 0.5, 0.5)
    model = dqm.Damped(
        dqm.FokkerPlanck(dqm.Kerr(jnp.array(0.0)), ell=jnp.array(2.0), kappa=0.5, C=jnp.array(1.0)),
        jnp.array(0.0),
    )
    experiment = dqm.Heterodyne(model, jnp.array([0.1]), jnp.array([0.0]), basis)
    stated = experiment.scales(data)
    assert stated == {
        "interaction": 0.25 * 0.5 / 0.5,  # κ of the basis, 1, over the duration 4
        "ell": 1.0,
        "C": 1.0,
        "rate": 0.25,
        "alpha_re": 1.0,
        "alpha_im": 1.0,
    }


def test_lbfgs_solves_a_linear_problem_of_many_parameters():
    class Curve(dqm.AbstractExperiment):
        values: jax.Array

        def predict(self, times, where):
            return jnp.tile(self.values, (2, 1)), None

    count = MANY + 6
    data = dqm.Series([0.0, 1.0], np.random.default_rng(0).normal(size=(2, count)), 1.0)
    stated = problem(data, Curve(jnp.zeros(count)))
    found = descend(stated, stated.start)
    np.testing.assert_allclose(found, data.measured.mean(axis=0), atol=1e-6)
    with pytest.raises(dqm.InputError, match="`bounds` must be left out for more than 64"):
        dqm.recover(data, Curve(jnp.zeros(count)), bounds={"values": (-5.0, 5.0)})


def test_a_step_beyond_a_bound_is_reflected():
    """So that its slope leads back; a step that is cut off at the bound would have none."""
    lower, upper = jnp.array([0.0, -jnp.inf, -1.0]), jnp.array([2.0, jnp.inf, 1.0])
    inside = lambda v: _reflected(v, lower, upper)
    vector = jnp.array([-0.5, 7.0, 1.25])
    np.testing.assert_allclose(inside(vector), [0.5, 7.0, 0.75])
    np.testing.assert_allclose(jax.jacfwd(inside)(vector), np.diag([-1.0, 1.0, -1.0]))
    np.testing.assert_allclose(inside(jnp.array([5.0, 0.0, -9.0])), [0.0, 0.0, -1.0])


def test_many_starts_find_the_best_of_many_minima():
    t = np.linspace(0, 30, 300)
    data = dqm.Series(t, np.cos(1.3 * t)[:, None], 0.01)
    stated = problem(data, Wave(jnp.array(1.0)))
    starts = many_starts(stated, {"omega": np.linspace(0.2, 4, 8)})
    ends = refined(stated, starts)
    assert ends[0] == pytest.approx(1.3, abs=1e-6)
    deviances = [stated.deviance(end) for end in ends]
    assert deviances == sorted(deviances)


def test_windows_grow_by_equal_factors_up_to_ten():
    assert windows(None) == [None]
    assert windows(np.linspace(0, 1, 5)) == [None]
    assert windows(np.arange(1000.0)) == [5, 26, 159, None]
    assert windows(np.linspace(0, 1, 41)) == [5, None]
    assert windows(np.geomspace(1, 1e9, 10)) == [5, 6, 7, 8, 9, None]


@pytest.mark.parametrize(
    ("starts", "message"),
    [
        ({"slop": [1.0]}, "parameter 'slop' of `starts` is unknown"),
        ({"slope": [1.0, 2.0], "offset": [1.0]}, "arrays of one length"),
        ({"slope": []}, "arrays of one length"),
    ],
)
def test_bad_starts_are_refused(starts, message):
    with pytest.raises(dqm.InputError, match=message):
        many_starts(problem(), starts)


def test_a_guess_with_other_parameters_is_refused():
    class Forgetful(Line):
        def guess(self, data):
            return dqm.Guess(Forgetful(self.slope, -0.5))

    with pytest.raises(dqm.InputError, match="`guess` of the experiment must keep"):
        dqm.recover(measured(), Forgetful(jnp.array(0.0), jnp.array(0.0)))


class GuessedWave(Wave):
    """Its guess leads to a false minimum, and its error includes the truth."""

    def guess(self, data):
        guessed = GuessedWave(jnp.array(0.85))
        return dqm.Guess(guessed, spread=np.array([[0.3]]), origin="wrong")


def test_a_doubtful_fit_is_repeated_from_within_the_errors_of_the_guess():
    """The starts are drawn with a fixed key; the noise alone gives chi2/dof 1 ± 0.08."""
    t = np.linspace(20, 50, 300)
    noise = 0.1 * np.random.default_rng(0).normal(size=(300, 1))
    data = dqm.Series(t, np.cos(1.3 * t)[:, None] + noise, 0.1)
    said = []
    result = dqm.recover(data, GuessedWave(jnp.array(0.0)), progress=said.append)
    assert any("the best of 64 starts near it" in line for line in said)
    assert result.origin == "wrong"
    assert result.goodness.describes_data
    assert abs(result.estimate["omega"] - 1.3) < 4 * result.stderr["omega"]


def test_exponents_of_a_product_do_not_depend_on_scales():
    """Of a·b², whose slopes in ln a and ln b are 1 and 2."""
    at = np.array([0.5, 2.0])
    slopes = 100 * np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]]) / at
    for scales in ([0.5, 2.0], [1.5, 2.0], [0.5, 8.0]):
        found = Information(slopes, np.zeros((0, 2)), np.array(scales))
        np.testing.assert_allclose(found.product(at), [1.0, 2.0])
