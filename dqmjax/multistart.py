"""Many starts at once: least squares from each, side by side on the device."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optimistix
from jaxtyping import Array, Float

from .problem import Problem, Vector, residuals

MOST_STEPS = 40
TOLERANCE = 1e-4


def refined(
    problem: Problem, starts: Float[np.ndarray, "starts parameters"]
) -> tuple[Float[np.ndarray, "starts parameters"], Float[np.ndarray, " starts"]]:
    """Levenberg–Marquardt from every start, at most 40 steps, over all the data.

    Returns:
        Where each ended, and `−2 ln L` there, infinite where it is not finite.
    """
    inputs = (*problem.inputs, problem.likelihood, problem.prior)
    ends, deviances = _refined(jnp.asarray(starts), inputs)
    return np.asarray(ends), np.nan_to_num(np.asarray(deviances), nan=np.inf)


def best_of(problem: Problem, starts: Float[np.ndarray, "starts parameters"]) -> Vector:
    """The end of least deviance."""
    ends, deviances = refined(problem, starts)
    return problem.within(ends[np.argmin(deviances)])


@eqx.filter_jit
def _refined(starts: Array, inputs):
    solver = optimistix.LevenbergMarquardt(rtol=TOLERANCE, atol=TOLERANCE)

    def one(start):
        whole = lambda vector: residuals(vector, *inputs)
        slopes = jax.jacfwd(whole)(start)
        size = jnp.sqrt(jnp.sum(slopes**2, axis=0))
        scale = 1 / jnp.where(size > 0, size, 1.0)
        fixed = lambda y, _: whole(start + scale * y)
        found = optimistix.least_squares(
            fixed, solver, jnp.zeros_like(start), max_steps=MOST_STEPS, throw=False
        )
        end = start + scale * found.value
        return end, jnp.sum(whole(end) ** 2)

    return jax.vmap(one)(starts)
