"""The steps between two save times: what a run does before, between and after them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PyTree

from ..errors import checked_again
from .status import Faults, Reason, Status, is_finite, judge, later, unless
from .stepper import AbstractStepper, BoundedStep, enter, faults, leave, zero_of
from .times import SaveTimes


class Reached(NamedTuple):
    """How far a run has come."""

    state: PyTree[Array]
    status: Status
    bound: Float[Array, ""] | None  # of the error, where steps have one


class Steps(eqx.Module):
    """The steps of a run, computed once for each distinct interval if those are few."""

    stepper: AbstractStepper
    substeps: int = eqx.field(static=True)
    shared: Any  # steps of all distinct intervals: arrays with one more axis
    valid: Bool[Array, ""]  # parameters and initial state

    @classmethod
    def of(cls, stepper: AbstractStepper, state, times: SaveTimes, substeps: int) -> "Steps":
        """Those of the intervals of `times`, each cut into `substeps`."""
        steps = cls(stepper, substeps, None, _is_valid(stepper, state))
        if times.intervals.size > max(1, times.which.size // 2):  # memory for little
            return steps
        is_array = lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct)
        like = eqx.filter_eval_shape(steps.make, times.intervals[0])
        arrays = jax.lax.map(lambda dt: eqx.filter(steps.make(dt), eqx.is_array), times.intervals)
        shared = eqx.combine(arrays, eqx.filter(like, is_array, inverse=True))
        return cls(stepper, substeps, shared, steps.valid)

    def make(self, dt: Float[Array | np.ndarray, ""]) -> Any:
        """The step for an interval dt."""
        return _make_step(self.stepper, dt / self.substeps)

    def at(self, index: Int[Array | np.ndarray, ""], dt: Float[Array | np.ndarray, ""]) -> Any:
        """The step for the distinct interval of that index, dt."""
        if self.shared is None:
            return self.make(dt)
        return jax.tree.map(lambda y: y[index] if eqx.is_array(y) else y, self.shared)

    def begin(self, state: PyTree[Array], t, dt) -> Reached:
        """The initial state, with the types that a step gives it."""

        def once(state, t, dt):
            step = self.make(dt)
            return leave(step, t + dt, step(t, enter(step, t, state)))

        zero = zero_of((self, state, t, dt))
        moved = jax.eval_shape(once, state, t, dt)
        state = jax.tree.map(lambda y, like: (y + zero).astype(like.dtype), state, moved)
        status = judge(self._found(state, t))
        status = Status(status.reason + zero.astype(int), status.size + zero)
        is_bounded = isinstance(eqx.filter_eval_shape(self.make, dt), BoundedStep)
        return Reached(state, status, zero if is_bounded else None)

    def end(self, step, before: Reached, inside: PyTree[Array], t) -> Reached:
        """The state after the last `step` up to t, which leads to `inside`."""
        state = leave(step, t, inside)
        found = self._found(state, t) | faults(step, inside)
        bound = before.bound
        if isinstance(step, BoundedStep) and bound is not None:
            bound = step.error(bound, inside)
        return Reached(state, later(before.status, judge(found)), bound)

    def _found(self, state, t) -> Faults:
        """What may be wrong with a state at time t."""
        return {
            Reason.INVALID: unless(self.valid & jnp.isfinite(t)),
            Reason.NOT_FINITE: unless(is_finite(state)),
            **faults(self.stepper, state),
        }


def _is_valid(stepper, state) -> Bool[Array, ""]:
    """Whether the initial state is finite and every parameter passes its checks."""
    leaves = jax.tree.leaves(eqx.filter((stepper, checked_again(stepper)), eqx.is_inexact_array))
    return is_finite(state) & ~jnp.array([False, *(jnp.isnan(leaf).any() for leaf in leaves)]).any()


_make_step: Callable = eqx.filter_jit(lambda stepper, dt: stepper.make_step(dt))  # traced once
