"""Errors by other ways, other models, other times: against the information, and against draws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from systems import counted, kerr_snapshots

import dqmjax as dqm
from dqmjax import design
from dqmjax.grid import density
from dqmjax.recovery.uncertainty import _interval

GRID = dqm.Grid((-6.0,), (6.0,), (48,))
TIMES = np.linspace(0, 2, 6)
PSI = dqm.gaussian(GRID, -1.5, 0.5)


def experiment(depth, half_distance):
    hamiltonian = dqm.Hamiltonian(dqm.DoubleWell(depth, half_distance))
    return dqm.Evolution(dqm.SplitStep(hamiltonian, GRID), PSI, density, substeps=8)


def measured(seed=0, times=TIMES, sigma=0.005):
    times_of = dqm.save_times(times)
    rho = np.asarray(experiment(1.0, 1.5).predict(times_of, None)[0])
    noise = sigma * np.random.default_rng(seed).normal(size=rho.shape)
    return dqm.Series(times, rho + noise, sigma)


@pytest.fixture(scope="module")
def fitted():
    return dqm.recover(measured(), experiment(jnp.array(1.3), jnp.array(1.4)))


def errors(result):
    return np.array(list(result.stderr.values()))


def test_profile_of_a_well_determined_parameter_is_a_parabola(fitted):
    found = dqm.profile(fitted, "depth")
    x = (found.values - fitted.estimate["depth"]) / fitted.stderr["depth"]
    np.testing.assert_allclose(found.deviance, x**2, atol=0.05 * np.max(x**2))
    low, high = (
        (edge - fitted.estimate["depth"]) / fitted.stderr["depth"] for edge in found.interval
    )
    assert low == pytest.approx(-1, abs=0.1)
    assert high == pytest.approx(1, abs=0.1)


def test_an_interval_is_exact_where_the_likelihood_is_normal_after_a_change_of_scale():
    """A profile of (eˣ − 1)², by six steps to each side: its edges are 0 and ln 2 around 0."""
    values = np.linspace(-1.2, 1.2, 13) + 0.03
    low, high = _interval(values, np.expm1(values) ** 2, 0.0)
    assert high == pytest.approx(np.log(2), abs=2e-4)  # straight lines: off by 0.02
    assert low == -np.inf  # (e⁻ˣ − 1)² never reaches 1
    parabola = _interval(np.array([-3.0, -0.7, 0.4, 2.0]), np.array([9, 0.49, 0.16, 4]), 0.0)
    np.testing.assert_allclose(parabola, (-1, 1), atol=1e-12)
    one_side = _interval(np.array([0.5, 2.0]), np.array([0.25, np.inf]), 0.0)
    assert one_side == (-np.inf, np.inf)


def test_bootstrap_stays_within_the_bounds():
    """The truth is at the bound: half of the estimates are there, the others above it."""
    data = measured(sigma=0.02)
    at = dqm.recover(data, experiment(jnp.array(1.3), 1.5)).estimate["depth"]
    bounds = {"depth": (at - 1e-4, at + 10)}
    result = dqm.recover(data, experiment(jnp.array(at), 1.5), bounds=bounds)
    found = dqm.bootstrap(result, jax.random.key(0), 40)[:, 0]
    free = dqm.bootstrap(dqm.recover(data, experiment(jnp.array(at), 1.5)), jax.random.key(0), 40)
    assert found.min() >= at - 1e-4
    away = free[:, 0] > at + 1e-4
    assert 8 < away.sum() < 32
    np.testing.assert_allclose(found[away], free[away, 0], atol=0.05 * errors(result)[0])
    np.testing.assert_allclose(found[~away], at, atol=0.05 * errors(result)[0])


def test_a_parameter_that_a_prior_determines_does_not_count(fitted):
    known = dqm.NormalPrior({"half_distance": (1.5, 1e-6)})
    narrow = dqm.recover(measured(), experiment(jnp.array(1.0), jnp.array(1.5)), prior=known)
    table = dqm.compare({"free": fitted, "known": narrow})
    assert table.parameters["free"] == pytest.approx(2)
    assert table.parameters["known"] == pytest.approx(1, abs=1e-3)
    assert table.aic["known"] == pytest.approx(table.deviance["known"] + 2, abs=2e-3)
    with pytest.raises(dqm.InputError, match="`full` must be a fit without a prior"):
        dqm.likelihood_ratio(fitted, narrow)


@pytest.mark.slow
def test_bootstrap_spreads_as_the_error_bars_say(fitted):
    """False-alarm probability 1e-3 for other draws: widths within 3.5, means within 4 errors."""
    found = dqm.bootstrap(fitted, jax.random.key(0), 100)
    np.testing.assert_allclose(found.std(axis=0) / errors(fitted), 1, atol=0.25)
    assert np.all(np.abs(found.mean(axis=0) - fitted.vector) < 0.4 * errors(fitted))


def test_nuts_agrees_with_the_information(fitted):
    """False-alarm probability 1 % for another key, at half as many independent samples."""
    found = dqm.posterior(fitted, jax.random.key(0), 500, warmup=150)
    assert np.all(np.abs(found.mean(axis=0) - fitted.vector) < 0.2 * errors(fitted))
    np.testing.assert_allclose(found.std(axis=0) / errors(fitted), 1, atol=0.15)


def test_prior_narrows_and_the_bound_does_not(fitted):
    known = lambda e: (e.stepper.hamiltonian.potential.half_distance - 1.5) / 1e-5
    narrow = dqm.recover(measured(), experiment(jnp.array(1.3), jnp.array(1.4)), prior=known)
    assert narrow.stderr["half_distance"] == pytest.approx(1e-5, rel=0.01)
    for name, bound in fitted.cramer_rao.items():
        assert narrow.cramer_rao[name] == pytest.approx(bound, rel=0.05)


@pytest.mark.slow
def test_design_against_doing_it(fitted):
    """The error that is foretold for one more snapshot is that of the fit with it."""
    foretold = design.standard_error(fitted, "depth")
    entropy = design.d_optimal(fitted)
    squares = design.a_optimal(fitted)
    for t in (2.5, 4.0):
        longer = measured(times=np.append(TIMES, t))
        known = dqm.recover(longer, experiment(jnp.array(1.0), jnp.array(1.5)))
        assert float(foretold(t)) == pytest.approx(known.stderr["depth"], rel=0.03)
        more = -np.linalg.slogdet(known.covariance)[1] + np.linalg.slogdet(fitted.covariance)[1]
        assert float(entropy(t)) == pytest.approx(-more / 2, abs=0.05)
        scale = np.diag(np.linalg.inv(fitted.covariance))
        after = np.sum(scale * np.diag(known.covariance))
        assert float(squares(t)) == pytest.approx(after, rel=0.05)
    slope = (foretold(2.501) - foretold(2.499)) / 0.002
    assert float(jax.grad(foretold)(2.5)) == pytest.approx(float(slope), rel=1e-4)
    for criterion in (foretold, entropy, squares):
        assert design.best_time(criterion, np.array([0.1, 4.0])) == 4.0  # nothing moved by 0.1


@pytest.mark.slow
def test_models_side_by_side():
    """Lossy data: damped against undamped."""
    data = counted(kerr_snapshots(loss=0.2), 2000, seed=0)
    models = {
        "damped": dqm.recover(data, "kerr-damped"),
        "lossless": dqm.recover(data, "kerr"),
    }
    table = dqm.compare(models)
    assert table.best == "damped"
    assert table.describes_data == {"damped": True, "lossless": False}
    assert "lossless" in str(table)
    for name, k in (("damped", 6), ("lossless", 5)):
        n = data.density.size
        assert table.aic[name] == pytest.approx(table.deviance[name] + 2 * k)
        assert table.bic[name] == pytest.approx(table.deviance[name] + k * np.log(n))
    against = dqm.likelihood_ratio(models["lossless"], models["damped"])
    assert against.dof == 1
    assert against.p < 1e-12


def test_ratio_of_likelihoods_is_chi2_distributed():
    """Wilks: over draws, the mean of the statistic for one parameter is 1.

    False-alarm probability 1e-3 for other draws.
    """
    statistics = []
    for seed in range(12):
        data = measured(seed)
        full = dqm.recover(data, experiment(jnp.array(1.0), jnp.array(1.5)))
        less = dqm.recover(data, experiment(jnp.array(1.0), 1.5))
        statistics.append(dqm.likelihood_ratio(less, full).statistic)
    assert min(statistics) > -1e-6
    assert np.mean(statistics) == pytest.approx(1, abs=4 * np.sqrt(2 / 12))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: dqm.profile(r, "deep"), "parameter 'deep' of `name` is unknown"),
        (lambda r: design.standard_error(r, "deep"), "parameter 'deep' of `name` is unknown"),
        (lambda r: dqm.compare({"one": r}), "`models` must be two fits or more"),
        (lambda r: dqm.likelihood_ratio(r, r), "`full` must have more parameters"),
    ],
)
def test_bad_questions_are_refused(fitted, call, message):
    with pytest.raises(dqm.InputError, match=message):
        call(fitted)


def test_fits_to_other_data_are_not_compared(fitted):
    other = dqm.recover(measured(1), experiment(jnp.array(1.0), jnp.array(1.5)))
    with pytest.raises(dqm.InputError, match="the same data with the same noise"):
        dqm.compare({"one": fitted, "other": other})
