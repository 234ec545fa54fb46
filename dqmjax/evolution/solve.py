"""Evolving a state through given times."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Bool, Float, Int, PyTree, Real

from ..errors import InputError
from .adjoint import AbstractAdjoint, Direct
from .stepper import AbstractStepper, FramedStep, GuardedStep

NOT_FINITE = "The state is not finite: take more `substeps`, fewer levels or a shorter time."
STRAINED = (
    "The state is not that of its equation any more: it presses against the highest levels or "
    "waves that are kept. Keep more of them where the equation `is_exact`; where it is not, end "
    "before the `horizon`. Or take `throw=False` and read only what the highest have not reached."
)


class Solution(eqx.Module):
    """What `solve` returns."""

    ts: Float[Array, " times"]  # save times
    saved: PyTree[Array]  # `save(state)` at every save time, leading axis `times`
    final: PyTree[Array]  # the state at `ts[-1]`
    finite: Bool[Array, ""]  # whether `final` is
    strain: Float[Array, " times"] | None  # above 1 where the step says not to believe the state

    def __repr__(self) -> str:
        if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(self)):
            return eqx.tree_pformat(self)
        state = eqx.tree_pformat(self.final)
        lines = [f"Solution: {self.ts.size} times from {self.ts[0]:g} to {self.ts[-1]:g}, {state}"]
        lines.append("finite" if self.finite else "NOT finite: not to be believed")
        if self.strain is not None:
            most = float(self.strain.max())
            lines[-1] += f", strain {most:.0e} at most"
            lines[-1] += "" if most <= 1 else ": NOT to be believed where it is above 1"
        return "\n".join(lines)


class SaveTimes(eqx.Module):
    """Save times with the distinct intervals between them already found, by `save_times`.

    Hand it to `solve` in place of the times where those are traced but known beforehand.
    """

    ts: Float[Array, " times"]
    intervals: Float[Array, " distinct"]
    which: Int[Array, " intervals"]  # the distinct interval after each time but the last


def save_times(ts: Real[Array | np.ndarray, " times"]) -> SaveTimes:
    """Checks `ts` and finds the distinct intervals, equal ones to within round-off.

    Raises:
        InputError: If `ts` is not one-dimensional with two entries or more, or is known now
            and does not increase.
    """
    if jnp.ndim(ts) != 1 or jnp.size(ts) < 2:
        raise InputError(
            f"`ts` must be a list of two or more times, but has shape {jnp.shape(ts)}."
        )
    if isinstance(ts, Tracer):
        return SaveTimes(jnp.asarray(ts), jnp.diff(ts), jnp.arange(ts.size - 1))
    ts = np.asarray(ts) + 0.0  # whole numbers too
    lengths = np.diff(ts)
    if not (lengths > 0).all():
        raise InputError("`ts` must be strictly increasing; sort the times and drop repeats.")
    roundoff = 4 * np.finfo(lengths.dtype).eps * np.abs(ts).max()
    order = np.argsort(lengths)
    group = np.cumsum(np.diff(lengths[order], prepend=lengths[order[0]]) > roundoff)
    which = np.empty_like(group)
    which[order] = group
    distinct = np.array([lengths[which == g].mean() for g in range(group[-1] + 1)])
    return SaveTimes(jnp.asarray(ts), jnp.asarray(distinct), jnp.asarray(which))


def solve(
    stepper: AbstractStepper,
    state: PyTree[Array],
    ts: Real[Array | np.ndarray, " times"] | SaveTimes,
    *,
    substeps: int = 1,
    save: Callable[[PyTree[Array]], PyTree[Array]] | None = None,
    adjoint: AbstractAdjoint = Direct(),  # noqa: B008
    throw: bool = True,
) -> Solution:
    """Evolves `state` from `ts[0]` to `ts[-1]` and saves at exactly every `ts`.

    Each interval is cut into `substeps` equal steps; nothing is interpolated. The factors
    of a step are made once per distinct interval where `ts` is known at compile time, and
    once per interval where `ts` is itself traced or differentiated.

    Args:
        stepper: Equation of motion and scheme.
        state: State at `ts[0]`; any pytree that the stepper accepts.
        ts: Save times, strictly increasing, not necessarily equally spaced.
        substeps: Steps per save interval.
        save: What to keep of each state, the whole state by default. Name the function:
            a fresh lambda recompiles.
        adjoint: How reverse mode remembers the steps within an interval: `Direct()`,
            `Checkpointed()` or `Reversible()`.
        throw: Whether a state that is not finite or not to be believed is an error; else see
            `Solution.finite` and `Solution.strain`.

    Raises:
        InputError: As `save_times`, or if `substeps` is not a positive integer, or `state` is
            known now and not finite.
        RuntimeError: If a traced `ts` does not increase, or a state is not finite or, as the step
            says, not that of its equation any more.
    """
    if not isinstance(substeps, int) or substeps < 1:
        raise InputError(f"`substeps` must be a positive integer, but is {substeps!r}.")
    known = [y for y in jax.tree.leaves(state) if not isinstance(y, Tracer)]
    if not all(np.isfinite(y).all() for y in known):
        raise InputError("`state` must be finite, but holds NaN or infinity.")
    times = ts if isinstance(ts, SaveTimes) else save_times(ts)
    solution = _solve(stepper, state, times, substeps, save, adjoint)
    return _believed(solution) if throw else solution


def _believed(solution: Solution) -> Solution:
    """`solution`, refused with the time where it went wrong, if that can be known now."""
    if isinstance(solution.finite, Tracer):
        final = eqx.error_if(solution.final, ~solution.finite, NOT_FINITE)
        if solution.strain is not None:
            final = eqx.error_if(final, jnp.any(solution.strain > 1), STRAINED)
        return eqx.tree_at(lambda s: s.final, solution, final)
    if solution.strain is not None and (solution.strain > 1).any():
        first = solution.ts[jnp.argmax(solution.strain > 1)]
        raise RuntimeError(f"At t = {first:.6g}: {STRAINED}")
    if not solution.finite:
        raise RuntimeError(NOT_FINITE)
    return solution


@eqx.filter_jit
def _solve(stepper, state, times, substeps, save, adjoint) -> Solution:
    intervals, which = times.intervals, times.which
    ts = eqx.error_if(times.ts, jnp.diff(times.ts) <= 0, "`ts` must be strictly increasing.")
    save = save or (lambda state: state)
    is_shared = intervals.size <= (ts.size - 1) // 2  # else memory for little
    static = []  # what `make_step` returns besides arrays, the same for every interval

    def factors(dt):
        arrays, rest = eqx.partition(stepper.make_step(dt / substeps), eqx.is_array)
        static.append(rest)
        return arrays

    factors = eqx.filter_closure_convert(factors, intervals[0])  # traced once, used twice
    shared = jax.lax.map(factors, intervals) if is_shared else None

    def advance(state, now):
        t, index, dt = now
        arrays = jax.tree.map(lambda a: a[index], shared) if is_shared else factors(dt)
        step = eqx.combine(arrays, static[0])
        starts = t + dt / substeps * jnp.arange(substeps)
        state = _in_frame(step, lambda y: adjoint.run(step, y, starts), state, t, t + dt)
        return state, (save(state), _strain(step, state))

    def once(state, t, dt):
        step = eqx.combine(factors(dt), static[0])
        return _in_frame(step, lambda y: step(t, y), state, t, t + dt)

    now = (ts[:-1], which, intervals[which])
    moved = jax.eval_shape(once, state, ts[0], intervals[0])
    state = jax.tree.map(lambda y, like: jnp.asarray(y, like.dtype), state, moved)
    final, (saved, strain) = jax.lax.scan(advance, state, now)
    saved = jax.tree.map(lambda y0, ys: jnp.concatenate([y0[None], ys]), save(state), saved)
    finite = jnp.stack([jnp.isfinite(y).all() for y in jax.tree.leaves(final)]).all()
    if strain is not None:
        strain = jnp.concatenate([jnp.zeros(1, strain.dtype), strain])
    return Solution(ts, saved, final, finite, strain)


def _strain(step, state) -> Float[Array, ""] | None:
    """What `step` says of `state`, if it says anything, and infinite where that is NaN."""
    if not isinstance(step, GuardedStep):
        return None
    strain = jax.lax.stop_gradient(step.strain(state))
    return jnp.where(jnp.isnan(strain), jnp.inf, strain)


def _in_frame(step, run, state, start, end):
    """`run(state)`, in the form in which `step` takes states."""
    if not isinstance(step, FramedStep):
        return run(state)
    return step.leave(end, run(step.enter(start, state)))
