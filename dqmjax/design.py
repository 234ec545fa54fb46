"""What to measure next: the time of one more snapshot that tells most.

All of it can be differentiated by that time.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .errors import InputError
from .likelihood import Drawn, Gaussian
from .problem import predicted
from .report import Recovery
from .solve import save_times

Scalar = Float[Array, ""]


def standard_error(result: Recovery, name: str) -> Callable[[Scalar | float], Scalar]:
    """`t ↦ √[(F + I(t))⁻¹]_nn`, the error of one parameter after one more snapshot (A-optimality).

    F is the information of the data and I(t) that of a snapshot at t, measured at the same places
    with the same noise (Atkinson, Donev & Tobias 2007, chapter 10).

    Args:
        result: A fit that determines all its parameters.
        name: Which of them.

    Raises:
        InputError: If the name is unknown, the data have no times or are draws, or not everything
            is determined.
    """
    if name not in result.estimate:
        raise InputError(f"parameter {name!r} is unknown: there is {', '.join(result.estimate)}.")
    chosen = jnp.asarray([n == name for n in result.estimate], float)
    whole = _information(result)
    return lambda t: jnp.sqrt(chosen @ jnp.linalg.solve(whole(t), chosen))


def information_gain(result: Recovery) -> Callable[[Scalar | float], Scalar]:
    """`t ↦ ½ ln det(F + I(t)) − ½ ln det F` in nats, of all parameters at once (D-optimality).

    Args and errors as of `standard_error`.
    """
    whole = _information(result)
    before = -np.linalg.slogdet(result.covariance)[1]
    return lambda t: (jnp.linalg.slogdet(whole(t))[1] - before) / 2


def best_time(criterion: Callable, candidates: Float[np.ndarray, " times"]) -> float:
    """The candidate at which `criterion`, such as `standard_error`, is least.

    Args:
        criterion: Of a time.
        candidates: Times after the first.
    """
    values = [float(criterion(jnp.asarray(t))) for t in candidates]
    return float(candidates[int(np.argmin(values))])


def _information(result: Recovery) -> Callable:
    problem, good = result.problem, result.goodness
    template, _, where = problem.inputs
    likelihood = problem.likelihood
    if problem.data.t is None or isinstance(likelihood, Drawn):
        raise InputError("`result` must be of snapshots or a series, to which one more is added.")
    if not all(result.identifiable.values()):
        raise InputError("`result` must determine all its parameters: `fix` the others.")
    first, vector = float(problem.data.t[0]), jnp.asarray(result.vector)
    noise = 1.0 if good.noise_known else (good.chi2 / good.dof) ** 0.5
    before = jnp.asarray(np.linalg.inv(result.covariance))

    @eqx.filter_jit
    def whole(t):
        times = save_times(jnp.stack([jnp.asarray(first), jnp.asarray(t, float)]))
        row = lambda v: predicted(v, template, times, where)[0][1]
        slopes = jax.jacfwd(row)(vector)
        if isinstance(likelihood, Gaussian):
            weight = 1 / jnp.sqrt(jnp.mean(likelihood.sigma**2, axis=0))
        else:
            weight = likelihood.information(row(vector)[None])[0]
        slopes = slopes * weight[:, None] / noise
        return before + slopes.T @ slopes

    return whole
