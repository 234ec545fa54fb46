"""Experiment design: the most informative time for one more snapshot.

All criteria are differentiable with respect to that time.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..data.abstract import numbers
from ..errors import InputError, require_shape, require_type
from ..evolution.times import save_times
from ..experiments.parameters import require_names
from .problem import predicted
from .result import Recovery

FINER = 2  # intervals for each of those of the data
Scalar = Float[Array, ""]


def standard_error(result: Recovery, name: str) -> Callable[[Scalar | float], Scalar]:
    """`t ↦ √[(F + I(t))⁻¹]_nn`, the error of one parameter after one more snapshot.

    F is the information of the data and I(t) that of a snapshot at t, measured at the same places
    with the same noise (Atkinson, Donev & Tobias 2007, chapter 10). The run takes twice as
    many steps as that of the data, so t should not exceed twice their last time.

    Args:
        result: A fit that determines all its parameters.
        name: Which of them.

    Raises:
        InputError: If the name is unknown, the data have no times or are samples, or not everything
            is determined.
    """
    require_type(Recovery, result=result)
    require_names(result.estimate, [name], "name")
    chosen = jnp.asarray([n == name for n in result.estimate], float)
    whole = _information(result)
    return lambda t: jnp.sqrt(chosen @ jnp.linalg.solve(whole(t), chosen))


def a_optimal(result: Recovery) -> Callable[[Scalar | float], Scalar]:
    """`t ↦ tr[Σ (F + I(t))⁻¹]`, Σ = diag F: the mean square of all errors, each in units of what it
    would be if the others were known. Args and errors as of `standard_error`."""
    whole = _information(result)
    scale = jnp.diag(jnp.asarray(np.linalg.inv(result.covariance)))
    return lambda t: jnp.sum(scale * jnp.diag(jnp.linalg.inv(whole(t))))


def d_optimal(result: Recovery) -> Callable[[Scalar | float], Scalar]:
    """`t ↦ ½ ln det F − ½ ln det(F + I(t))`: the entropy of all parameters at once, in nats beside
    that of now. Args and errors as of `standard_error`."""
    whole = _information(result)
    before = -np.linalg.slogdet(result.covariance)[1]
    return lambda t: (before - jnp.linalg.slogdet(whole(t))[1]) / 2


def best_time(criterion: Callable, candidates: Float[np.ndarray, " times"]) -> float:
    """The candidate at which `criterion` is least.

    Args:
        criterion: Of a time; one of the above.
        candidates: Times after the first.

    Raises:
        InputError: If it is finite at none.
    """
    require_type(Callable, criterion=criterion)  # pyright: ignore[reportArgumentType]
    candidates = np.atleast_1d(numbers("candidates", candidates))
    require_shape("candidates", candidates, (candidates.size,))
    values = np.array([float(criterion(jnp.asarray(t))) for t in candidates])
    if not np.isfinite(values).any():
        raise InputError("`candidates` must hold a time up to which the runs are finite.")
    return float(candidates[int(np.nanargmin(np.where(np.isfinite(values), values, np.nan)))])


def _information(result: Recovery) -> Callable:
    require_type(Recovery, result=result)
    problem, noise = result.problem, result.goodness.noise
    template, _, where = problem.inputs
    likelihood = problem.likelihood
    if problem.data.times is None or problem.data.measured is None:
        raise InputError("`result` must be a fit to snapshots or a series, to which one is added.")
    if not all(result.identifiable.values()):
        raise InputError("`result` must determine all its parameters: `fix` the others.")
    first, vector = float(problem.data.t[0]), jnp.asarray(result.vector)
    before = jnp.asarray(np.linalg.inv(result.covariance))

    parts = jnp.linspace(0, 1, FINER * len(problem.data.t))

    @eqx.filter_jit
    def whole(t):
        times = save_times(first + (jnp.asarray(t, float) - first) * parts)
        row = lambda v: predicted(v, template, times, where)[0][-1]
        slopes = jax.jacfwd(row)(vector)
        weight = likelihood.information_of_next(row(vector))
        slopes = slopes * weight[:, None] / noise
        return before + slopes.T @ slopes

    return whole
