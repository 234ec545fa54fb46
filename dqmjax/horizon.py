"""How long a run can be believed, before it is made."""

import math

import numpy as np
from jaxtyping import Array, PyTree

from .errors import InputError
from .solve import solve
from .stepper import AbstractStepper

PARTS = 64  # of the interval in which the horizon is, twice over


def horizon(
    stepper: AbstractStepper, state: PyTree[Array], until: float, *, substeps: int = 1
) -> float:
    """The time, to `until`/4096, up to which `solve` believes the run from `state`; ∞ beyond.

    By a trial run that keeps nothing but the strain of the step, see `GuardedStep`.

    Args:
        stepper: As for `solve`, one whose steps have a strain: `HusimiStep`, `KetStep`, `GridStep`.
        state: At t = 0.
        until: The longest time of interest.
        substeps: Steps for each 1/64 of it, where the step is not exact.

    Raises:
        InputError: If `until` is not positive and finite.
    """
    if not (math.isfinite(until) and until > 0):
        raise InputError(f"`until` must be positive and finite, but is {until}.")

    def first(state, begin: float, end: float, steps: int):
        """The last part of [begin, end] before the strain, and the state there."""
        ts = np.linspace(begin, end, PARTS + 1)
        run = solve(stepper, state, ts, substeps=steps, throw=False)
        over = np.flatnonzero(~(np.asarray(run.strain) <= 1))
        return (int(over[0]) - 1, run.saved) if over.size else (None, run.saved)

    index, states = first(state, 0.0, until, substeps)
    if index is None:
        return math.inf
    part = until / PARTS
    fine, _ = first(states[index], index * part, (index + 1) * part, -(-substeps // PARTS))
    return index * part + (PARTS if fine is None else fine) * part / PARTS
