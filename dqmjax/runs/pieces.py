"""Runs in pieces of a few steps; each call of the compiled program does one or more pieces.

The number of pieces in a call is a value and not a constant of the program: a run gives the same
bits however it is divided into calls. The numbers of steps in a piece, one or two, are constants,
so that a GPU need not ask the host after each step.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PyTree

from ..evolution.error import probe, probed_of
from ..evolution.interval import Reached, Steps
from ..evolution.stepper import AbstractStepper, enter, invariants_of, is_convergent
from ..evolution.times import SaveTimes

PIECE = 2**22  # numbers that the steps of a piece change; between pieces a run can stop
FEWEST, MOST = 8, 4096  # steps of a piece
Scalar = Float[Array, ""]


class Pieces(NamedTuple):
    """The pieces of a run, one entry each."""

    t: Float[np.ndarray, " pieces"]  # at the beginning of the interval
    dt: Float[np.ndarray, " pieces"]  # the interval
    which: Int[np.ndarray, " pieces"]  # its number among the distinct ones
    first: Int[np.ndarray, " pieces"]  # steps of the interval before the piece
    steps: Int[np.ndarray, " pieces"]
    end: Float[np.ndarray, " pieces"]  # the time after it
    is_saved: Bool[np.ndarray, " pieces"]  # whether that is a save time
    is_probed: Bool[np.ndarray, " pieces"]  # whether the error of a step is estimated

    @classmethod
    def of(cls, times: SaveTimes, substeps: int, size: int) -> "Pieces":
        """Pieces of as many steps as `size` numbers of a state allow.

        The last piece of each interval ends at a save time.
        """
        most = min(max(PIECE // size, FEWEST), MOST, substeps)
        first = np.arange(0, substeps, _length(substeps, most))
        count = np.diff(np.append(first, substeps))
        t, which = np.asarray(times.ts), np.asarray(times.which)
        dt = np.asarray(times.intervals)[which]
        each = lambda values: np.repeat(values, first.size)
        every = lambda values: np.tile(values, which.size)
        is_saved = every(first + count == substeps)
        end = each(t[:-1]) + each(dt) / substeps * every(first + count)
        end = np.where(is_saved, each(t[1:]), end)
        is_probed = np.isin(np.arange(end.size), probed_of(end.size))
        found = (each(t[:-1]), each(dt), each(which), every(first), every(count), end)
        return cls(*found, is_saved, is_probed)

    @property
    def lengths(self) -> tuple[int, ...]:
        """The different numbers of steps."""
        return tuple(np.unique(self.steps).tolist())

    def part(self, first: int, size: int) -> "Pieces":
        """`size` pieces from number `first`, the last repeated beyond the end."""
        index = np.minimum(np.arange(first, first + size), self.end.size - 1)
        return Pieces(*(values[index] for values in self))


def _length(substeps: int, most: int) -> int:
    """Steps of a piece, for which all pieces are alike if these are at least half of `most`."""
    alike = (n for n in range(most, most // 2, -1) if substeps % n == 0)
    return next(alike, most)


class Row(NamedTuple):
    """What is kept at one save time, or with one more axis at several."""

    saved: PyTree[Array]
    reason: Int[Array, ""]
    size: Scalar
    bound: Scalar | None


class Observed(eqx.Module):
    """What is kept of a state: all of it, or functions of it by name."""

    functions: Any  # None, one, or several by name

    def __call__(self, state: PyTree[Array]) -> PyTree[Array]:
        if self.functions is None:
            return state
        if not isinstance(self.functions, dict):
            return self.functions(state)
        return {name: function(state) for name, function in self.functions.items()}

    def row(self, reached: Reached) -> Row:
        """Of a state with its status."""
        status = reached.status
        saved = jax.tree.map(jnp.asarray, self(reached.state))
        return Row(saved, status.reason, status.size, reached.bound)


class Chunk(NamedTuple):
    """What a call returns."""

    reached: Reached
    rows: Row  # with one more axis; those of the save times come first
    local: Float[Array, " pieces"]  # the errors of one step, 0 where not estimated
    is_done: Bool[Array, ""]
    done: Int[Array, ""]  # pieces
    invariants: dict[str, Scalar]


@eqx.filter_jit
def prepared(
    stepper: AbstractStepper, state, times: SaveTimes, substeps: int, observed: Observed
) -> tuple[Steps, Reached, Row, dict[str, Scalar]]:
    """The steps of a run, its beginning, what is kept of that, and its invariants."""
    steps = Steps.of(stepper, state, times, substeps)
    begin = steps.begin(state, times.ts[0], times.intervals[times.which[0]])
    found = invariants_of(stepper, jnp.asarray(times.ts[0]), begin.state)
    return steps, begin, observed.row(begin), found


@eqx.filter_jit
def advanced(
    steps: Steps,
    reached: Reached,
    pieces: Pieces,
    most: Int[Array | np.ndarray, ""],
    observed: Observed,
    until: Callable | None,
    lengths: tuple[int, ...],
) -> Chunk:
    """The run by the first `most` of `pieces`, or up to where `until` holds.

    The numbers of steps of all pieces are among `lengths`.
    """
    capacity = pieces.end.shape[0]
    stepper = steps.stepper
    of_each = jax.tree.map(jnp.asarray, pieces)
    empty = lambda like: jnp.zeros((capacity, *like.shape), like.dtype)
    rows = jax.tree.map(empty, jax.eval_shape(observed.row, reached))

    def piece(carry):
        i, slot, _, reached, rows, local = carry
        t, dt, which, first, count, end, is_saved, is_probed = (x[i] for x in of_each)
        step, length = steps.at(which, dt), dt / steps.substeps
        begin = t + length * first
        inside = enter(step, begin, reached.state)
        if is_convergent(stepper):
            found = probe(stepper, step, inside, begin, length, is_probed)
            local = local.at[i].set(found)
        move = lambda j, y: step(t + length * (first + j), y)
        ways = [partial(jax.lax.fori_loop, 0, length, move) for length in lengths]
        inside = jax.lax.switch(jnp.searchsorted(np.array(lengths), count), ways, inside)
        reached = steps.end(step, reached, inside, end)
        put = lambda all, one: jax.lax.dynamic_update_index_in_dim(all, one, slot, 0)
        rows = jax.tree.map(put, rows, observed.row(reached))
        is_done = jnp.asarray(is_saved & _holds(until, end, reached.state))
        return i + 1, slot + is_saved, is_done, reached, rows, local

    local = jnp.zeros(capacity, pieces.end.dtype)
    zero = jnp.zeros((), int)
    carry = (zero, zero, jnp.array(False), reached, rows, local)
    goes_on = lambda carry: (carry[0] < most) & ~carry[2]
    done, _, is_done, reached, rows, local = jax.lax.while_loop(goes_on, piece, carry)
    found = invariants_of(stepper, of_each.end[done - 1], reached.state)
    return Chunk(reached, rows, local, is_done, done, found)


def _holds(until: Callable | None, t, state) -> Bool[Array, ""]:
    """Whether the condition to end holds at a save time."""
    if until is None:
        return jnp.array(False)
    return jnp.asarray(until(t, state))
