"""Error bars beyond the information: profile likelihoods, the bootstrap, posterior samples."""

import functools
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jax.sharding import Mesh
from jaxtyping import Array, Float, Key

from .. import sharding
from ..data.abstract import numbers
from ..data.likelihood import AbstractLikelihood
from ..errors import InputError, require_key, require_type, require_whole
from ..experiments.abstract import AbstractExperiment
from ..experiments.parameters import require_names
from ..storage.folder import Journal
from .fisher_scoring import UNSEEN, fit
from .multistart import descended
from .problem import residuals
from .result import Recovery

TOLERANCES = {"xtol": 1e-8, "ftol": 1e-8, "gtol": None, "max_nfev": 50}
AT_ONCE, SAMPLES = 64, 200  # fits of a bootstrap, samples of a posterior, in one program
REACH, STEPS = 3.0, 6  # standard errors, and steps, to each side of a profile

Samples = Float[np.ndarray, "count parameters"]


class Profile(NamedTuple):
    """What `profile` found."""

    values: Float[np.ndarray, " points"]
    deviance: Float[np.ndarray, " points"]  # over its least, the other parameters optimised
    interval: tuple[float, float]  # where it is below 1: 68 %, infinite where no value is outside

    def __str__(self) -> str:
        low, high = self.interval
        return f"68 % from {low:.5g} to {high:.5g}, by {len(self.values)} values"


def profile(
    result: Recovery, name: str, values: Float[np.ndarray, " points"] | None = None
) -> Profile:
    """The profile likelihood of one parameter: `min −2 ln L` over all others.

    The likelihood need not be quadratic: where it is asymmetric, so is the interval (Venzon &
    Moolgavkar 1988, doi:10.2307/2347496).

    Args:
        result: A fit.
        name: Which parameter.
        values: Increasing; from −3 to 3 standard errors around the estimate by default.

    Raises:
        InputError: If the name is unknown, `values` do not increase, or the data do not determine
            the parameter and no `values` are given.

    Example:
        >>> class Ramsey(dqm.AbstractExperiment):
        ...     detuning: jax.Array
        ...     def predict(self, times, where):
        ...         return jnp.cos(self.detuning * times.ts), None
        >>> t = np.linspace(0.0, 3.0, 16)
        >>> result = dqm.recover(dqm.Series(t, np.cos(1.3 * t), 0.01), Ramsey(jnp.array(1.0)))
        >>> low, high = dqm.profile(result, "detuning").interval
        >>> round((high - low) / 2 / result.stderr["detuning"], 2)
        1.0
    """
    require_type(Recovery, result=result)
    require_names(result.estimate, [name], "name")
    center, error = result.estimate[name], result.stderr[name]
    if values is None:
        if not np.isfinite(error):
            raise InputError(f"`values` must be given: the data do not determine {name!r}.")
        values = center + error * np.linspace(-REACH, REACH, 2 * STEPS + 1)
        i = result.problem.names.index(name)
        values = np.unique(np.clip(values, result.problem.lower[i], result.problem.upper[i]))
    values = _increasing(values)
    held = np.array([n == name for n in result.problem.names])
    deviance = np.full(len(values), np.inf)
    order = np.argsort(np.abs(values - center))
    for side in (values >= center, values < center):
        vector = result.vector
        for i in order[side[order]]:  # outwards, each from the one before
            start = np.where(held, values[i], vector)
            found = fit(result.problem, start, slice(None), TOLERANCES, held)
            if found is not None:
                vector, deviance[i] = found, _deviance(result, found)
    deviance = deviance - _deviance(result, result.vector)
    return Profile(values, deviance, _interval(values, deviance, center))


def propagate(
    result: Recovery, of: Callable[[AbstractExperiment], Array]
) -> tuple[np.ndarray, np.ndarray]:
    """A function of the fitted experiment, and its standard error `√diag(J Σ Jᵀ)`.

    Σ is the covariance of the estimates and J the derivative of the function: to first order in the
    errors. It is infinite where the function depends on what the data do not determine.

    Args:
        result: A fit.
        of: Any differentiable function of the experiment, such as its prediction at other times.

    Raises:
        InputError: If `of` is no function.

    Example:
        >>> class Ramsey(dqm.AbstractExperiment):
        ...     detuning: jax.Array
        ...     def predict(self, times, where):
        ...         return jnp.cos(self.detuning * times.ts), None
        >>> t = np.linspace(0.0, 3.0, 16)
        >>> result = dqm.recover(dqm.Series(t, np.cos(1.3 * t), 0.01), Ramsey(jnp.array(1.0)))
        >>> later = dqm.save_times(np.array([0.0, 5.0]))
        >>> mean, error = dqm.propagate(result, lambda model: model.predict(later, None)[0][-1])
        >>> f"{mean:.3f} ± {error:.3f}"  # cos 5δ
        '0.977 ± 0.003'
    """
    require_type(Recovery, result=result)
    require_type(Callable, of=of)  # pyright: ignore[reportArgumentType]
    template, vector = result.problem.inputs[0], jnp.asarray(result.vector)
    whole = lambda v: jnp.asarray(of(template(v)))
    value, slopes = np.asarray(whole(vector)), np.asarray(jax.jacfwd(whole)(vector))
    known = np.array(list(result.identifiable.values()))
    inner = result.covariance[np.ix_(known, known)]
    variance = np.einsum("...i,ij,...j->...", slopes[..., known], inner, slopes[..., known])
    scale = result.problem.scales(result.vector)
    matters = np.abs(slopes * scale).max(axis=-1) * UNSEEN
    lost = (np.abs(slopes * scale) > matters[..., None])[..., ~known].any(axis=-1)
    return value, np.where(lost, np.inf, np.sqrt(np.maximum(variance, 0.0)))


def bootstrap(
    result: Recovery,
    key: Key[Array, ""],
    count: int,
    *,
    mesh: Mesh | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
) -> Samples:
    """Estimates from new data, drawn from the noise around the prediction of the fit, in parallel.

    Their spread is the error of the estimate, and their mean minus the estimate is its bias (Efron
    & Tibshirani 1993). The likelihood need not be quadratic. Bounds are those of the fit.

    Args:
        result: A fit.
        key: Of `jax.random`.
        count: How many, two or more.
        mesh: Devices that share the fits, from `dqmjax.sharding.mesh`.
        checkpoint: Folder for what is done, one file for each 64 fits. After a kill the same call
            continues from there.

    Raises:
        InputError: If `count` is not an integer of at least 2, or the data are samples: the
            prediction is then only the density at those points. Draw others with
            `dqmjax.readout.sample`.

    Example:
        >>> class Ramsey(dqm.AbstractExperiment):
        ...     detuning: jax.Array
        ...     def predict(self, times, where):
        ...         return jnp.cos(self.detuning * times.ts), None
        >>> t = np.linspace(0.0, 3.0, 16)
        >>> result = dqm.recover(dqm.Series(t, np.cos(1.3 * t), 0.01), Ramsey(jnp.array(1.0)))
        >>> estimates = dqm.bootstrap(result, jax.random.key(0), 64)
        >>> round(estimates.std() / result.stderr["detuning"])
        1
    """
    require_type(Recovery, result=result)
    require_key(key=key)
    require_whole(2, count=count)
    problem, likelihood = result.problem, _at_its_level(result)
    prediction = jnp.asarray(result.prediction)
    inputs = (jnp.asarray(result.vector), (problem.lower, problem.upper), problem.inputs)
    if mesh is not None:
        sharding.require_mesh(mesh)

    def refits(keys) -> dict[str, np.ndarray]:
        others = jax.vmap(lambda k: likelihood.draw(k, prediction))(keys)
        return {"estimates": np.asarray(_refits(*inputs, problem.prior, others, mesh))}

    keys, found = jax.random.split(key, count), []
    arguments = {**_identity(result, key), "count": count}
    with Journal(checkpoint, "bootstrap", arguments) as journal:
        for first in range(0, count, AT_ONCE):
            part = keys[first : first + AT_ONCE]
            found.append(journal.stage("fits", functools.partial(refits, part))["estimates"])
    return np.concatenate(found)


def posterior(
    result: Recovery,
    key: Key[Array, ""],
    count: int = 1000,
    *,
    warmup: int = 300,
    checkpoint: str | os.PathLike[str] | None = None,
) -> Samples:
    """Samples of the posterior `∝ L · prior` by NUTS (Hoffman & Gelman 2014), with blackjax.

    In coordinates in which the fit's covariance is 1. Undetermined parameters are fixed.

    Args:
        result: A fit; its prior and bounds are those of the posterior, flat otherwise.
        key: Of `jax.random`.
        count: How many, after `warmup` steps that tune the sampler.
        checkpoint: Folder for what is done, one file for the tuning and for each 200 samples. After
            a kill the same call continues from there.

    Raises:
        InputError: If blackjax is not installed, nothing is determined, or `count` or `warmup` is
            not an integer of at least 2 or 1.

    Example:
        >>> class Ramsey(dqm.AbstractExperiment):
        ...     detuning: jax.Array
        ...     def predict(self, times, where):
        ...         return jnp.cos(self.detuning * times.ts), None
        >>> t = np.linspace(0.0, 3.0, 16)
        >>> result = dqm.recover(dqm.Series(t, np.cos(1.3 * t), 0.01), Ramsey(jnp.array(1.0)))
        >>> samples = dqm.posterior(result, jax.random.key(0), 200, warmup=100)
        >>> round(samples.std() / result.stderr["detuning"])
        1
    """
    require_type(Recovery, result=result)
    require_key(key=key)
    require_whole(2, count=count)
    require_whole(1, warmup=warmup)
    try:
        import blackjax
    except ImportError:
        raise InputError("blackjax is not installed: pip install 'dqmjax[sampling]'.") from None
    known = np.array(list(result.identifiable.values()))
    if not known.any():
        raise InputError("`result` must determine at least one parameter, but determines none.")
    problem = result.problem
    root = np.zeros((known.size, known.sum()))
    root[known] = np.linalg.cholesky(result.covariance[np.ix_(known, known)])
    inputs = (*problem.inputs, _at_its_level(result), problem.prior)
    lower, upper = map(jnp.asarray, (problem.lower, problem.upper))

    @jax.jit
    def log_density(y):
        vector = result.vector + root @ y
        inside = ((vector >= lower) & (vector <= upper)).all()
        value = -jnp.sum(residuals(vector, *inputs) ** 2) / 2
        return jnp.where(inside & jnp.isfinite(value), value, -jnp.inf)

    tune, draw = jax.random.split(key)
    start = jnp.zeros(root.shape[1])
    warm: Any = blackjax.window_adaptation(blackjax.nuts, log_density)

    def tuned() -> dict[str, Array]:
        adapted, _ = warm.run(tune, start, num_steps=warmup)
        return adapted.parameters | {"position": adapted.state.position}

    @jax.jit
    def drawn(parameters, position, keys):
        kernel: Any = blackjax.nuts(log_density, **parameters)

        def step(state, key):
            state, _ = kernel.step(key, state)
            return state, state.position

        return jax.lax.scan(step, kernel.init(position), keys)[1]

    keys, found = jax.random.split(draw, count), []
    arguments = {**_identity(result, key), "count": count, "warmup": warmup}
    with Journal(checkpoint, "posterior", arguments) as journal:
        parameters = dict(journal.stage("tuning", tuned))
        position = parameters.pop("position")
        for first in range(0, count, SAMPLES):
            sample = functools.partial(drawn, parameters, position, keys[first : first + SAMPLES])
            samples = lambda sample=sample: {"samples": np.asarray(sample())}
            found.append(journal.stage("samples", samples)["samples"])
            position = found[-1][-1]
    return result.vector + np.concatenate(found) @ root.T


def _increasing(values) -> np.ndarray:
    """`values`, if they are one-dimensional and increase."""
    values = np.asarray(numbers("values", values), float)
    if values.ndim != 1 or not (np.diff(values) > 0).all():
        raise InputError("`values` must be a list of increasing numbers, but is not: sort it.")
    return values


def _identity(result: Recovery, key: Key[Array, ""]) -> dict[str, Any]:
    """What a fit and a key consist of."""
    parts = ("vector", "covariance", "prediction")
    found: dict[str, Any] = {f"result.{part}": getattr(result, part) for part in parts}
    problem = result.problem
    found |= {"result.data": problem.data, "result.model": problem.inputs[0]}
    found |= {"result.bounds": (problem.lower, problem.upper), "result.prior": problem.prior}
    return found | {"key": jax.random.key_data(key)}


@eqx.filter_jit
def _refits(start: Array, bounds, inputs, prior, others, mesh: Mesh | None):
    one = lambda likelihood: descended(start, bounds, *inputs, likelihood, prior)[0]
    return (jax.vmap(one) if mesh is None else sharding.grouped(jax.vmap(one), mesh))(others)


def _at_its_level(result: Recovery) -> AbstractLikelihood:
    """The likelihood, with the noise level of the residuals where none was known."""
    return result.problem.likelihood.rescaled(result.goodness.noise)


def _deviance(result: Recovery, vector) -> float:
    problem = result.problem
    data = problem.deviance(vector) / result.goodness.noise**2
    return float(data + np.sum(problem.prior_residual(vector) ** 2))


def _interval(values, deviance, center: float) -> tuple[float, float]:
    """Where the deviance crosses 1, by monotone cubics through its signed root.

    The root is a straight line where the likelihood is normal. Fritsch & Butland (1984),
    doi:10.1137/0905021.
    """
    known = np.isfinite(deviance) & (values != center)
    x = np.append(center, values[known])
    root = np.append(0.0, np.sqrt(np.maximum(deviance[known], 0)))
    order = np.argsort(x)
    x, root = x[order], root[order]
    above = np.maximum.accumulate(np.where(x > center, root, 0))
    below = np.maximum.accumulate(np.where(x < center, root, 0)[::-1])[::-1]
    signed = above - below
    kept = np.append(True, np.diff(signed) > 0)
    if kept.sum() < 2:
        return -np.inf, np.inf
    edge = scipy.interpolate.PchipInterpolator(signed[kept], x[kept], extrapolate=False)
    low, high = (float(edge(side)) for side in (-1, 1))
    return (low if np.isfinite(low) else -np.inf), (high if np.isfinite(high) else np.inf)
