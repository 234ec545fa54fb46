"""How large the error of a run is, by comparing steps of two lengths."""

import operator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..errors import InputError, is_known, positive
from .stepper import Convergent, enter, leave, zero_of

PROBES = 6  # steps of a run whose error is estimated
MOST_PARTS = 16  # in reverse mode the state at the start of each is kept
MOST_TRIALS = 12
MOST_SUBSTEPS = 1 << 20
GROWTH = 8  # by which the number of substeps grows at most between two trial runs
STALLED = 0.1  # an error below this falls with the number of substeps, unless it is round-off
Scalar = Float[Array, ""]


def distance(stepper: Convergent, one, other) -> Scalar:
    """`‖one − other‖/‖other‖`."""
    a, b = stepper.vector(one), stepper.vector(other)
    size = jnp.linalg.norm(b.ravel())
    return jnp.linalg.norm((a - b).ravel()) / jnp.where(size == 0, 1.0, size)


def parts_of(intervals: int, substeps: int) -> int:
    """Into how many parts of whole steps each interval is cut, to have enough steps to probe."""
    divisors = [d for d in range(1, min(substeps, MOST_PARTS) + 1) if substeps % d == 0]
    return next((d for d in divisors if d * intervals >= PROBES), divisors[-1])


def probed_of(intervals: int) -> np.ndarray:
    """The intervals in which the error of a step is estimated."""
    return np.unique(np.linspace(0, intervals - 1, PROBES).round().astype(int))


def probe(stepper: Convergent, full, inside, t, dt, is_probed) -> Scalar:
    """The error of the step `full` by dt, from two by dt/2; 0 unless `is_probed`.

    `inside` is what `full` works on, at time t.
    """

    def estimate(stepper, full, inside, t, dt):
        state = leave(full, t, inside)
        one, other = _pair(stepper, (state, state), t, dt, jnp.asarray(1))
        return distance(stepper, one, other) / (1 - 0.5**stepper.order)

    arrays, static = eqx.partition((stepper, full, inside, t, dt), eqx.is_array)
    run = lambda arrays: estimate(*eqx.combine(arrays, static))
    like = jax.eval_shape(run, arrays)
    zero = lambda arrays: zero_of(arrays).astype(like.dtype)
    return jax.lax.cond(is_probed, run, zero, jax.lax.stop_gradient(arrays))


def summed(
    local: Float[Array, " pieces"],
    lengths: Float[Array, " pieces"],
    steps: int | Int[Array | np.ndarray, " pieces"],
    order: int,
) -> Float[Array, " times"]:
    """The error before each piece of a run and at the end, the sum of those of all steps.

    Args:
        local: The error of one step of each piece, where it was estimated.
        lengths: Of the steps, dt.
        steps: How many steps a piece has.
        order: Of the steps. Their error is proportional to dt^(order + 1), with a factor that is
            interpolated between the estimates.
    """
    probed = probed_of(lengths.size)
    power = (lengths / jnp.max(lengths)) ** (order + 1)
    factor = jnp.interp(jnp.arange(lengths.size), probed, (local / power)[probed])
    return jnp.concatenate([jnp.zeros(1), jnp.cumsum(steps * factor * power)])


def substeps_for(stepper: Convergent, state, times, least: int, tolerance: float):
    """The number of substeps, at least `least`, whose error stays below `tolerance`.

    Runs with n and 2n substeps differ by δ; the error of the former is δ/(1 − 2^−order).

    Returns:
        That number, and the error at each save time.

    Raises:
        InputError: If `tolerance` is not positive or cannot be reached, or a parameter is traced.
    """
    positive("tolerance", tolerance)
    if not is_known((stepper, state, times)):
        raise InputError(
            "`tolerance` must be given outside of `jit` and `grad`, since the number of substeps "
            "depends on the values: find it once, then give `substeps`."
        )
    substeps, before = least, []
    while len(before) < MOST_TRIALS and substeps < MOST_SUBSTEPS:
        apart = np.asarray(_apart(stepper, state, times, jnp.asarray(substeps)))
        error = apart / (1 - 0.5**stepper.order)
        largest = float(np.max(error))
        if largest <= tolerance:
            return substeps, jnp.concatenate([jnp.zeros(1), error])
        before.append(largest)
        if len(before) > 2 and _has_stalled(before[-3:]):
            break
        needed = (1.2 * largest / tolerance) ** (1 / stepper.order)
        growth = min(needed, GROWTH) if np.isfinite(needed) else GROWTH
        substeps = int(np.ceil(max(growth, _least_growth(before)) * substeps))
    raise InputError(
        f"`tolerance` must be larger here, but is {tolerance:g}: the errors with more and more "
        f"substeps, up to {substeps}, are {', '.join(f'{x:.1e}' for x in before)}."
    )


def _least_growth(errors: list[float]) -> float:
    """Twice as many steps where a few more did not lower the error: it need not fall evenly."""
    return 2.0 if len(errors) > 1 and errors[-1] > errors[-2] / 2 else 1.2


def _has_stalled(errors: list[float]) -> bool:
    """Whether more steps twice did not lower the error, or left it NaN."""
    a, b, c = errors
    return bool(np.isnan(errors).all()) or (a < STALLED and b > a / 2 and c > b / 2)


def _pair(stepper: Convergent, states, t, dt, count: Int[Array, ""]):
    """Two states after dt, the first by `count` steps and the other by twice as many.

    One after the other by the same program, which compiles faster than two.
    """

    def run(given):
        state, count = given
        step = stepper.make_step(dt / count)
        advance = lambda i, y: step(t + i * dt / count, y)
        inside = jax.lax.fori_loop(0, count, advance, enter(step, t, state))
        return leave(step, t + dt, inside)

    stacked = jax.tree.map(lambda *y: jnp.stack(y), *states)
    moved = jax.lax.map(run, (stacked, count * jnp.array([1, 2])))
    return tuple(jax.tree.map(operator.itemgetter(i), moved) for i in (0, 1))


@eqx.filter_jit
def _apart(stepper: Convergent, state, times, substeps: Int[Array, ""]):
    """The distance of runs with `substeps` and twice as many, at all save times but the first."""

    def advance(pair, now):
        t, dt = now
        pair = _pair(stepper, pair, t, dt, substeps)
        return pair, distance(stepper, *pair)

    t, intervals = times.ts[:-1], times.intervals[times.which]
    once = lambda y: _pair(stepper, (y, y), t[0], intervals[0], substeps)[0]
    typed = lambda y, like: jnp.asarray(y, like.dtype)
    state = jax.tree.map(typed, state, jax.eval_shape(once, state))
    return jax.lax.scan(advance, (state, state), (t, intervals))[1]
