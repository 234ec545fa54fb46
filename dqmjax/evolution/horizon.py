"""How long a run is valid, predicted beforehand."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from ..errors import InputError, require_finite, require_positive
from .solve import solve
from .stepper import AbstractStepper

PARTS = 64  # into which two trial runs cut the time


def horizon(
    stepper: AbstractStepper, state: PyTree[Array], until: float, *, substeps: int = 1
) -> float:
    """The time, to `until`/4096, up to which the truncation error stays small; ∞ beyond `until`.

    Two trial runs from `state` store nothing but the truncation error of each state, see
    `GuardedStep`. Runs on the host; it cannot be traced.

    Args:
        stepper: As for `solve`, one whose steps have a strain: `HusimiStep`, `KetStep`, `GridStep`,
            `WignerStep`.
        state: State at t = 0.
        until: The longest time of interest.
        substeps: Steps for each 1/64 of it, if the step is not exact.

    Raises:
        InputError: If `until` is not positive and finite, or the steps have no strain.
    """
    require_positive(until=until)
    require_finite(until=until)
    part = until / PARTS
    coarse = part * np.arange(PARTS + 1)
    last = _last_valid(stepper, state, coarse, substeps)
    if last == PARTS:
        return np.inf
    fine = coarse[last] + part / PARTS * np.arange(1, PARTS + 1)
    times = np.concatenate([coarse[: last + 1], fine])
    return float(times[_last_valid(stepper, state, times, substeps)])


def _last_valid(stepper, state, ts: np.ndarray, substeps: int) -> int:
    """Index of the last of `ts` before the strain exceeds 1."""
    run = solve(stepper, state, ts, substeps=substeps, save=_nothing, throw=False)
    if run.strain is None:
        raise InputError("`stepper` must have steps with a strain, but its steps have none.")
    over = np.flatnonzero(~(np.asarray(run.strain) <= 1))
    return int(over[0]) - 1 if over.size else len(ts) - 1


def _nothing(state):
    return jnp.zeros(())
