"""Evolving a state through given times."""

import warnings
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PyTree, Real

from ..errors import (
    InputError,
    checked_again,
    field,
    is_known,
    positive,
    require_instance,
    require_whole,
)
from .adjoint import AbstractAdjoint, Direct
from .envelopes import covered
from .error import parts_of, probe, probed_of, substeps_for, summed
from .status import Faults, Reason, Status, is_finite, judge, later, unless, with_error
from .stepper import AbstractStepper, BoundedStep, enter, faults, is_convergent, leave, zero_of
from .times import SaveTimes, save_times


class Solution(eqx.Module):
    """What `solve` returns."""

    ts: Float[Array, " times"]  # save times
    saved: PyTree[Array]  # `save(state)` at every save time, leading axis `times`
    final: PyTree[Array]  # the state at `ts[-1]`
    status: Status  # why and how far each state is not to be trusted
    error: Float[Array, " times"] | None  # estimate of ‖δ‖/‖state‖, if the stepper has one

    @property
    def finite(self) -> Bool[Array, ""]:
        """Whether `final` is finite."""
        _warn_of("finite")
        return is_finite(self.final)

    @property
    def strain(self) -> Float[Array, " times"]:
        """The size of the fault, above 1 beyond its limit."""
        _warn_of("strain")
        return self.status.size

    def __repr__(self) -> str:
        if not is_known(self) or self.ts.ndim != 1:
            return eqx.tree_pformat(self)
        state = eqx.tree_pformat(self.final)
        ts, reasons = np.asarray(self.ts), np.asarray(self.status.reason)
        lines = [f"Solution: {ts.size} times from {ts[0]:g} to {ts[-1]:g}, {state}"]
        if self.error is not None:
            lines.append(f"error about {float(self.error[-1]):.0e} at the end")
        if reasons.any():
            first = int(np.argmax(reasons != Reason.OK))
            lines.append(f"From t = {ts[first]:g}: {Reason(reasons[first]).message}")
        return "\n".join(lines)


def _warn_of(name: str):
    text = f"`Solution.{name}` is replaced by `Solution.status`; it will be removed in version 0.3."
    warnings.warn(text, DeprecationWarning, stacklevel=3)


def solve(
    stepper: AbstractStepper,
    state: PyTree[Array],
    ts: Real[Array | np.ndarray, " times"] | SaveTimes,
    *,
    substeps: int = 1,
    tolerance: float | None = None,
    save: Callable[[PyTree[Array]], PyTree[Array]] | None = None,
    adjoint: AbstractAdjoint = Direct(),  # noqa: B008
    throw: bool = True,
) -> Solution:
    """Evolves `state` from `ts[0]` to `ts[-1]` and saves at exactly every `ts`.

    Each interval is cut into `substeps` equal steps; nothing is interpolated. The factors
    of a step are computed once per distinct interval if `ts` is known at compile time, and
    once per interval if `ts` is itself traced or differentiated.

    Every saved state has a status, see `Reason`, and an estimate of its error if the stepper has
    one: from steps of two lengths, compared in a few intervals, or the bound of a truncation.

    Args:
        stepper: Equation of motion and scheme.
        state: State at `ts[0]`; any pytree that the stepper accepts.
        ts: Save times, strictly increasing, not necessarily equally spaced.
        substeps: Steps per save interval, with `tolerance` the least number.
        tolerance: Largest error ‖δ‖/‖state‖ of the steps. Trial runs with two numbers of substeps
            find the least number that suffices; the run is then made with this fixed number.
        save: What to keep of each state, the whole state by default. Name the function:
            a fresh lambda recompiles.
        adjoint: How reverse mode stores the steps within an interval: `Direct()`,
            `Checkpointed()` or `Reversible()`.
        throw: Whether a status that fails is an error. If it is traced, it cannot raise: the
            states from there on are NaN instead. With `False` all states are returned as they are.

    Raises:
        InputError: As `save_times`, or if an argument is of another kind, `state` or a parameter
            of `stepper` is known and NaN, `tolerance` is not positive, too small for the
            precision, or given where a parameter is traced, or `save` returns integers where the
            status is traced and `throw` is true, since these cannot be NaN.
        RuntimeError: If the status of a state fails.
    """
    require_whole(1, substeps=substeps)
    require_instance(AbstractStepper, stepper=stepper)
    require_instance(AbstractAdjoint, adjoint=adjoint)
    require_instance(bool, throw=throw)
    if save is not None and not callable(save):
        raise InputError(f"`save` must be a function of a state, but is {save!r}.")
    _require_numbers(stepper, state)
    times = ts if isinstance(ts, SaveTimes) else save_times(ts)
    times = covered(stepper, times, substeps)
    error = None
    if tolerance is not None and is_convergent(stepper):
        substeps, error = substeps_for(stepper, state, times, substeps, tolerance)
    elif tolerance is not None:
        positive("tolerance", tolerance, ())  # nothing to choose: the steps have no error
    solution = _solve(stepper, state, times, substeps, save, adjoint, error)
    return _refused(solution) if throw else solution


def checked(solution: Solution) -> Solution:
    """`solution`, unless the status of one of its states fails; on the host.

    For solutions that a function under `jax.jit` or `jax.vmap` returns.

    Raises:
        InputError: If `solution` is traced.
        RuntimeError: If a state fails, with the time and the reason.
    """
    if not is_known(solution):
        raise InputError("`solution` must be known, but is traced: check what `jax.jit` returns.")
    fails = np.asarray(solution.status.fails)
    if fails.any():
        first = np.unravel_index(np.argmax(fails), fails.shape)
        reason = Reason(int(solution.status.reason[first]))
        where = f"Run {tuple(map(int, first[:-1]))}, t" if fails.ndim > 1 else "At t"
        time = float(np.broadcast_to(np.asarray(solution.ts), fails.shape)[first])
        raise RuntimeError(f"{where} = {time:.6g}: {reason.message}")
    return solution


def _refused(solution: Solution) -> Solution:
    """`solution` if no state fails; else an error, or NaN where the status is traced."""
    if is_known(solution):
        return checked(solution)
    fails = solution.status.fails
    saved = jax.tree.map(lambda leaf: _spoiled(fails, leaf), solution.saved)
    final = jax.tree.map(lambda leaf: _spoiled(fails[-1], leaf), solution.final)
    return eqx.tree_at(lambda s: (s.saved, s.final), solution, (saved, final))


def _spoiled(fails: Bool[Array, "*times"], values):
    """`values` with NaN where a state `fails`; by a product, so that derivatives are NaN, too."""
    if not jnp.issubdtype(values.dtype, jnp.inexact):
        raise InputError(
            f"`save` must return floating-point numbers, but returns {values.dtype}, which cannot "
            "be NaN where a state fails: give `throw=False` and look at `Solution.status`."
        )
    factor = jnp.where(fails, jnp.nan, 1.0).astype(values.real.dtype)
    return values * factor.reshape(fails.shape + (1,) * (values.ndim - fails.ndim))


def _require_numbers(stepper, state):
    """Checks that what is known of the state is finite, and no known parameter is NaN."""
    if not jax.tree.leaves(state):
        raise InputError(f"`state` must be one or more arrays, but is {state!r}.")
    for leaf in jax.tree.leaves(state):
        field("state", leaf)
    for path, leaf in jax.tree_util.tree_leaves_with_path(stepper):
        if is_known(leaf) and _has_nan(leaf):
            name = jax.tree_util.keystr(path)
            raise InputError(f"`stepper` must not contain NaN, but its {name} does.")


def _has_nan(leaf) -> bool:
    is_number = isinstance(leaf, float | complex) or eqx.is_inexact_array(leaf)
    return is_number and bool(np.isnan(leaf).any())


@eqx.filter_jit
def _solve(stepper, state, times, substeps, save, adjoint, error=None) -> Solution:
    """The run, after the checks. A known `error` is taken instead of an estimate."""
    save = save or (lambda state: state)
    ts, intervals, which = times.ts, times.intervals, times.which
    is_estimated = error is None and is_convergent(stepper)
    parts = parts_of(which.size, substeps) if is_estimated else 1
    make = lambda dt: _make_step(stepper, dt / substeps)
    is_shared = intervals.size <= max(1, (ts.size - 1) // 2)  # else memory for little
    shared = _steps(make, intervals) if is_shared else None
    zero = zero_of((stepper, state, times, shared))
    state = _typed(make, state, ts[0], intervals[0], zero)
    valid = _is_valid(stepper, state)

    def advance(carry, now):
        state, status, bound = carry
        t, index, dt, is_probed = now
        step = _at(shared, index) if is_shared else make(dt)
        starts = t + dt / substeps * jnp.arange(substeps).reshape(parts, -1)

        def part(inside, now):
            starts, is_probed = now
            local = None
            if is_estimated:
                local = probe(stepper, step, inside, starts[0], dt / substeps, is_probed)
            return adjoint.run(step, inside, starts), local

        inside, local = jax.lax.scan(part, enter(step, t, state), (starts, is_probed))
        state = leave(step, t + dt, inside)
        status = later(status, judge(_found(stepper, state, t + dt, valid) | faults(step, inside)))
        bound = step.error(bound, inside) if isinstance(step, BoundedStep) else None
        return (state, status, bound), ((save(state), status, bound), local)

    status = judge(_found(stepper, state, ts[0], valid))
    status = Status(status.reason + zero.astype(int), status.size + zero)
    is_bounded = isinstance(eqx.filter_eval_shape(make, intervals[0]), BoundedStep)
    bound = zero if is_bounded else None
    count = parts * (ts.size - 1)
    is_probed = np.isin(np.arange(count), probed_of(count)).reshape(-1, parts)
    now = (ts[:-1], which, intervals[which], is_probed)
    (final, *_), (kept, local) = jax.lax.scan(advance, (state, status, bound), now)
    first = (save(state), status, bound)
    join = lambda y0, ys: jnp.concatenate([jnp.asarray(y0)[None], ys])
    saved, status, bound = jax.tree.map(join, first, kept)
    if local is not None:
        probes = local.ravel(), jnp.repeat(intervals[which] / parts, parts)
        error = summed(jax.lax.stop_gradient(probes), substeps // parts, stepper.order)[::parts]
    if error is None:
        return Solution(ts, saved, final, status, bound)
    total = error if bound is None else error + bound
    return Solution(ts, saved, final, with_error(status, error), total)


def _found(stepper, state, t, valid) -> Faults:
    """What may be wrong with a state at time t, after `valid` parameters."""
    return {
        Reason.INVALID: unless(valid & jnp.isfinite(t)),
        Reason.NOT_FINITE: unless(is_finite(state)),
        **faults(stepper, state),
    }


def _is_valid(stepper, state) -> Bool[Array, ""]:
    """Whether the initial state is finite and every parameter passes its checks."""
    leaves = jax.tree.leaves(eqx.filter((stepper, checked_again(stepper)), eqx.is_inexact_array))
    return is_finite(state) & ~jnp.array([False, *(jnp.isnan(leaf).any() for leaf in leaves)]).any()


def _typed(make: Callable, state, t, dt, zero):
    """`state` with the types that a step gives it."""

    def once(state, t, dt):
        step = make(dt)
        return leave(step, t + dt, step(t, enter(step, t, state)))

    moved = jax.eval_shape(once, state, t, dt)
    return jax.tree.map(lambda y, like: (y + zero).astype(like.dtype), state, moved)


@eqx.filter_jit
def _make_step(stepper, dt):
    """`stepper.make_step(dt)`, traced once for all uses."""
    return stepper.make_step(dt)


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
