"""Evolving a state through given times."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PyTree, Real

from ..errors import InputError, is_known, require, require_increasing, require_whole
from .adjoint import AbstractAdjoint, Direct
from .stepper import AbstractStepper, FramedStep, GuardedStep

NOT_FINITE = "The state is not finite: take more `substeps`, fewer levels or a shorter time."
TRUNCATED = (
    "The basis is too small: the highest retained levels or waves are populated. If the equation "
    "`is_exact`, raise the cut-off. If it is not, end before `dqmjax.horizon`. `throw=False` "
    "returns the run all the same; only its low coefficients can be correct."
)


class Solution(eqx.Module):
    """What `solve` returns."""

    ts: Float[Array, " times"]  # save times
    saved: PyTree[Array]  # `save(state)` at every save time, leading axis `times`
    final: PyTree[Array]  # the state at `ts[-1]`
    finite: Bool[Array, ""]  # whether `final` is
    strain: Float[Array, " times"] | None  # truncation error over its limit: above 1 it fails

    def __repr__(self) -> str:
        if not is_known(self):
            return eqx.tree_pformat(self)
        state = eqx.tree_pformat(self.final)
        ts = np.asarray(self.ts)
        lines = [f"Solution: {ts.size} times from {ts[0]:g} to {ts[-1]:g}, {state}"]
        lines.append("finite" if self.finite else "NOT finite")
        if self.strain is not None:
            most = float(np.max(self.strain))
            lines[-1] += f", strain {most:.0e} at most"
            lines[-1] += "" if most <= 1 else ": NOT valid where it exceeds 1"
        return "\n".join(lines)


class SaveTimes(eqx.Module):
    """Save times with the distinct intervals between them, from `save_times`.

    Pass it to `solve` in place of the times if those are traced there but known beforehand.
    """

    ts: Float[Array | np.ndarray, " times"]
    intervals: Float[Array | np.ndarray, " distinct"]
    which: Int[
        Array | np.ndarray, " intervals"
    ]  # the distinct interval after each time but the last


def save_times(ts: Real[Array | np.ndarray, " times"]) -> SaveTimes:
    """Checks `ts` and finds the distinct intervals, equal ones to within round-off.

    Raises:
        InputError: If `ts` is not one-dimensional with two entries or more, or is known and not
            finite or not increasing.
        RuntimeError: If a traced `ts` does not increase.
    """
    require_increasing(ts=ts)
    if not is_known(ts):
        increases = (jnp.diff(ts) > 0).all()
        ts = require(jnp.asarray(ts), increases, "`ts` must be strictly increasing.")
        return SaveTimes(ts, jnp.diff(ts), jnp.arange(ts.size - 1))
    ts = np.asarray(ts) + 0.0  # integers too
    lengths = np.diff(ts)
    roundoff = 4 * np.finfo(lengths.dtype).eps * np.abs(ts).max()
    order = np.argsort(lengths)
    group = np.cumsum(np.diff(lengths[order], prepend=lengths[order[0]]) > roundoff)
    which = np.empty_like(group)
    which[order] = group
    distinct = np.array([lengths[which == g].mean() for g in range(group[-1] + 1)])
    return SaveTimes(ts, distinct, which)


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
    of a step are computed once per distinct interval if `ts` is known at compile time, and
    once per interval if `ts` is itself traced or differentiated.

    Args:
        stepper: Equation of motion and scheme.
        state: State at `ts[0]`; any pytree that the stepper accepts.
        ts: Save times, strictly increasing, not necessarily equally spaced.
        substeps: Steps per save interval.
        save: What to keep of each state, the whole state by default. Name the function:
            a fresh lambda recompiles.
        adjoint: How reverse mode stores the steps within an interval: `Direct()`,
            `Checkpointed()` or `Reversible()`.
        throw: Whether a state that is not finite, or whose truncation error is too large, is an
            error; otherwise see `Solution.finite` and `Solution.strain`.

    Raises:
        InputError: As `save_times`, or if `substeps` is not a positive integer, or `state` is
            known and not finite.
        RuntimeError: If a traced `ts` does not increase, a state is not finite, or its truncation
            error is too large.
    """
    require_whole(1, substeps=substeps)
    if not all(np.isfinite(y).all() for y in jax.tree.leaves(state) if is_known(y)):
        raise InputError("`state` must be finite, but contains NaN or infinity.")
    times = ts if isinstance(ts, SaveTimes) else save_times(ts)
    solution = _solve(stepper, state, times, substeps, save, adjoint)
    return _checked(solution) if throw else solution


def _checked(solution: Solution) -> Solution:
    """`solution`, or an error with the time at which the truncation fails, if that is known."""
    if not is_known(solution.finite):
        final = eqx.error_if(solution.final, ~solution.finite, NOT_FINITE)
        if solution.strain is not None:
            final = eqx.error_if(final, jnp.any(solution.strain > 1), TRUNCATED)
        return eqx.tree_at(lambda s: s.final, solution, final)
    if solution.strain is not None:
        fails = np.asarray(solution.strain) > 1
        if fails.any():
            first = np.asarray(solution.ts)[np.argmax(fails)]
            raise RuntimeError(f"At t = {first:.6g}: {TRUNCATED}")
    if not solution.finite:
        raise RuntimeError(NOT_FINITE)
    return solution


@eqx.filter_jit
def _solve(stepper, state, times, substeps, save, adjoint) -> Solution:
    ts, intervals = times.ts, times.intervals
    save = save or (lambda state: state)
    # traced once, used for every interval
    make = eqx.filter_closure_convert(lambda dt: stepper.make_step(dt / substeps), intervals[0])
    is_shared = intervals.size <= (ts.size - 1) // 2  # else memory for little
    shared = _steps(make, intervals) if is_shared else None

    def advance(state, now):
        t, index, dt = now
        step = _at(shared, index) if is_shared else make(dt)
        starts = t + dt / substeps * jnp.arange(substeps)
        state = _in_frame(step, lambda y: adjoint.run(step, y, starts), state, t, t + dt)
        return state, (save(state), _strain(step, state))

    def once(state, t, dt):
        step = make(dt)
        return _in_frame(step, lambda y: step(t, y), state, t, t + dt)

    moved = jax.eval_shape(once, state, ts[0], intervals[0])
    state = jax.tree.map(lambda y, like: jnp.asarray(y, like.dtype), state, moved)
    now = (ts[:-1], times.which, intervals[times.which])
    final, (saved, strain) = jax.lax.scan(advance, state, now)
    saved = jax.tree.map(lambda y0, ys: jnp.concatenate([y0[None], ys]), save(state), saved)
    finite = jnp.stack([jnp.isfinite(y).all() for y in jax.tree.leaves(final)]).all()
    if strain is not None:
        strain = jnp.concatenate([jnp.zeros(1, strain.dtype), strain])
    return Solution(ts, saved, final, finite, strain)


def _steps(make: Callable, intervals: Float[Array, " distinct"]):
    """The steps of all distinct intervals: arrays with one more axis, and what they share."""
    is_array = lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct)
    static = eqx.filter(eqx.filter_eval_shape(make, intervals[0]), is_array, inverse=True)
    return eqx.combine(
        jax.lax.map(lambda dt: eqx.filter(make(dt), eqx.is_array), intervals), static
    )


def _at(steps, index: Int[Array, ""]):
    """One of `steps`."""
    return jax.tree.map(lambda leaf: leaf[index] if eqx.is_array(leaf) else leaf, steps)


def _strain(step, state) -> Float[Array, ""] | None:
    """The truncation error of `state` over its limit, if `step` has one; infinite for NaN."""
    if not isinstance(step, GuardedStep):
        return None
    strain = jax.lax.stop_gradient(step.strain(state))
    return jnp.where(jnp.isnan(strain), jnp.inf, strain)


def _in_frame(step, run, state, start, end):
    """`run(state)`, in the form in which `step` takes states."""
    if not isinstance(step, FramedStep):
        return run(state)
    return step.leave(end, run(step.enter(start, state)))
