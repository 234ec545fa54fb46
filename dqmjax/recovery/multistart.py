"""Many fits in parallel: least squares from many starts on the device."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float

from .. import sharding
from ..data.likelihood import AbstractLikelihood
from ..evolution.times import save_times
from ..experiments.parameters import Vector
from .problem import Problem, residuals

FIRST_ROWS, GROWTH = 5, 10.0  # times of the first window, and how much longer the next is at most
MOST_STEPS = 20  # in one window
AT_ONCE = 10  # starts on a GPU or TPU; side by side on a CPU each takes as long as the slowest
FEWEST = 10  # starts that are followed to the end
TOLERANCE = 1e-4  # of the deviance and, in standard errors, of the vector

Vectors = Float[np.ndarray, "starts parameters"]


def best_of(problem: Problem, starts: Vectors, mesh: Mesh | None = None) -> Vector:
    """The end of least deviance."""
    return problem.within(refined(problem, starts, mesh)[0])


def refined(
    problem: Problem, starts: Vectors, mesh: Mesh | None = None
) -> Float[np.ndarray, "ends parameters"]:
    """Levenberg–Marquardt from many starts, over a window that grows to all the data.

    After each window the better quarter continues, ten at least (successive halving,
    arXiv:1502.07943). With a `mesh`, each of its devices takes a part of the starts.

    Returns:
        The ends of the starts that remain, the least deviance first.
    """
    ends, bounds = jnp.asarray(starts), (problem.lower, problem.upper)
    for rows in windows(None if problem.data.times is None else problem.data.t):
        ends, deviances = _refined(ends, bounds, _leading(problem, rows), mesh)
        order = jnp.argsort(deviances)  # NaN comes last
        ends = ends[order[: len(order) if rows is None else max(len(order) // 4, FEWEST)]]
    return np.asarray(ends)


def windows(t: Float[np.ndarray, " times"] | None) -> list[int | None]:
    """How many leading times to fit, one after the other; `None` for all."""
    if t is None or len(t) <= FIRST_ROWS:
        return [None]
    first, whole = t[FIRST_ROWS - 1] - t[0], t[-1] - t[0]
    count = math.ceil(math.log(whole / first, GROWTH) - 1e-9)
    rows = np.searchsorted(t, t[0] + np.geomspace(first, whole, count + 1)[1:-1], side="right")
    longer = [n for n in np.unique(rows).tolist() if FIRST_ROWS < n < len(t)]
    return [FIRST_ROWS, *longer, None]


class _Leading(AbstractLikelihood):
    """The likelihood of the leading rows; the data have `rows` in all."""

    whole: AbstractLikelihood
    rows: int = eqx.field(static=True)

    def residual(self, prediction):
        return self._first(self.whole.residual, prediction)

    def information(self, prediction):
        return self._first(self.whole.information, prediction)

    def _first(self, of, prediction):
        missing = self.rows - len(prediction)
        return of(jnp.pad(prediction, ((0, missing), (0, 0)), mode="edge"))[: len(prediction)]


def _leading(problem: Problem, rows: int | None):
    """What `residuals` takes besides the vector, for the leading times."""
    template, times, where = problem.inputs
    if rows is None or times is None:
        return template, times, where, problem.likelihood, problem.prior
    likelihood = _Leading(problem.likelihood, len(times.ts))
    if where is not None and where.ndim > 2:  # different places at each time
        where = where[:rows]
    return template, save_times(times.ts[:rows]), where, likelihood, problem.prior


@eqx.filter_jit
def _refined(starts: Array, bounds, inputs, mesh: Mesh | None):
    one = lambda start: descended(start, bounds, *inputs)
    at_once = 1 if jax.default_backend() == "cpu" else AT_ONCE
    several = lambda part: jax.lax.map(one, part, batch_size=min(at_once, len(part)))
    return (several if mesh is None else sharding.grouped(several, mesh))(starts)


def descended(start: Array, bounds, *inputs) -> tuple[Array, Array]:
    """One fit within bounds, to be traced: where it ended, and the deviance there."""
    import optimistix  # slow to import, needed here only

    whole = _with_slopes(lambda vector: residuals(_reflected(vector, *bounds), *inputs))
    size = jnp.sqrt(jnp.sum(jax.jacfwd(whole)(start) ** 2, axis=0))
    scale = 1 / jnp.where(size > 0, size, 1.0)
    found = optimistix.least_squares(
        lambda y, _: whole(start + scale * y),
        optimistix.LevenbergMarquardt(rtol=TOLERANCE, atol=TOLERANCE),
        jnp.zeros_like(start),
        max_steps=MOST_STEPS,
        throw=False,
    )
    end = _reflected(start + scale * found.value, *bounds)
    return end, jnp.sum(whole(end) ** 2)


def _with_slopes(function):
    """The function with its Jacobian in place of a linear program, which stores the whole run."""

    def jvp(primals, tangents):
        slopes, value = jax.jacfwd(lambda x: (function(x),) * 2, has_aux=True)(*primals)
        return value, slopes @ tangents[0]

    of = jax.custom_jvp(function)
    of.defjvp(jvp)
    return of


def _reflected(vector: Array, lower, upper) -> Array:
    """The vector inside the bounds; beyond one, as far from it on the other side."""
    up = jnp.where(vector < lower, 2 * lower - vector, vector)
    down = jnp.where(up > upper, 2 * upper - up, up)
    return jnp.where(down < lower, lower, down)
