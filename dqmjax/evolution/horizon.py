"""How long a run can be believed, before it is made."""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from ..errors import InputError
from .solve import solve
from .stepper import AbstractStepper

PARTS = 64  # of the interval in which the horizon is, twice over


def horizon(
    stepper: AbstractStepper, state: PyTree[Array], until: float, *, substeps: int = 1
) -> float:
    """The time, to `until`/4096, up to which `solve` believes the run from `state`; ∞ beyond.

    By two trial runs that keep nothing but the strain of the step, see `GuardedStep`. For the host:
    not to be traced.

    Args:
        stepper: As for `solve`, one whose steps have a strain: `HusimiStep`, `KetStep`, `GridStep`,
            `WignerStep`.
        state: At t = 0.
        until: The longest time of interest.
        substeps: Steps for each 1/64 of it, where the step is not exact.

    Raises:
        InputError: If `until` is not positive and finite, or the steps have no strain.
    """
    if not (math.isfinite(until) and until > 0):
        raise InputError(f"`until` must be positive and finite, but is {until}.")
    part = until / PARTS
    coarse = part * np.arange(PARTS + 1)
    last = _last_believed(stepper, state, coarse, substeps)
    if last == PARTS:
        return math.inf
    fine = coarse[last] + part / PARTS * np.arange(1, PARTS + 1)
    times = np.concatenate([coarse[: last + 1], fine])
    return float(times[_last_believed(stepper, state, times, substeps)])


def _last_believed(stepper, state, ts: np.ndarray, substeps: int) -> int:
    """Index of the last of `ts` before the strain exceeds 1."""
    run = solve(stepper, state, ts, substeps=substeps, save=_nothing, throw=False)
    if run.strain is None:
        raise InputError("`stepper` must have steps with a strain, but its steps have none.")
    over = np.flatnonzero(~(np.asarray(run.strain) <= 1))
    return int(over[0]) - 1 if over.size else len(ts) - 1


def _nothing(state):
    return jnp.zeros(())
