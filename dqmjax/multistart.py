"""Many fits at once: least squares side by side on the device."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optimistix
from jaxtyping import Array, Float

from .problem import Problem, Vector, residuals

MOST_STEPS = 40
AT_ONCE = 10  # starts; their runs and tangents are all in memory
TOLERANCE = 1e-4  # of the deviance and, in standard errors, of the vector

Vectors = Float[np.ndarray, "starts parameters"]


def refined(problem: Problem, starts: Vectors) -> tuple[Vectors, Float[np.ndarray, " starts"]]:
    """Levenberg–Marquardt from every start, at most 40 steps, over all the data.

    Returns:
        Where each ended, and `−2 ln L` there, infinite where it is not finite.
    """
    inputs = (*problem.inputs, problem.likelihood, problem.prior)
    ends, deviances = _refined(jnp.asarray(starts), inputs)
    return np.asarray(ends), np.nan_to_num(np.asarray(deviances), nan=np.inf)


def best_of(problem: Problem, starts: Vectors) -> Vector:
    """The end of least deviance."""
    ends, deviances = refined(problem, starts)
    return problem.within(ends[np.argmin(deviances)])


@eqx.filter_jit
def _refined(starts: Array, inputs):
    one = lambda start: descended(start, *inputs)
    return jax.lax.map(one, starts, batch_size=min(AT_ONCE, len(starts)))


def descended(start: Array, *inputs) -> tuple[Array, Array]:
    """One fit, to be traced: where it ended, and the deviance there."""
    whole = lambda vector: residuals(vector, *inputs)
    size = jnp.sqrt(jnp.sum(jax.jacfwd(whole)(start) ** 2, axis=0))
    scale = 1 / jnp.where(size > 0, size, 1.0)
    found = optimistix.least_squares(
        lambda y, _: whole(start + scale * y),
        optimistix.LevenbergMarquardt(rtol=TOLERANCE, atol=TOLERANCE),
        jnp.zeros_like(start),
        max_steps=MOST_STEPS,
        throw=False,
    )
    end = start + scale * found.value
    return end, jnp.sum(whole(end) ** 2)
