"""How long a run is valid, predicted beforehand."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from ..errors import InputError, positive
from .solve import solve
from .stepper import AbstractStepper, Guarded

PARTS = 64  # into which two trial runs cut the time


def horizon(
    stepper: AbstractStepper, state: PyTree[Array], until: float, *, substeps: int = 1
) -> float:
    """The time, to `until`/4096, up to which the basis or the grid suffices; ∞ beyond `until`.

    Two trial runs from `state` store nothing but the status of each state. Runs on the host; it
    cannot be traced.

    Args:
        stepper: As for `solve`.
        state: State at t = 0.
        until: The longest time of interest.
        substeps: Steps for each 1/64 of it, if the step is not exact.

    Raises:
        InputError: If `until` is not positive and finite, or `stepper` cannot judge states.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64, isolated=True)
        >>> step = dqm.DenseStep(dqm.Hamiltonian(dqm.Free()), grid)
        >>> psi = dqm.gaussian(grid, 0.0, 0.5)
        >>> round(dqm.horizon(step, psi, until=8.0), 1)
        1.5
    """
    if not isinstance(stepper, Guarded):
        raise InputError(
            "`stepper` must have a method `faults` that judges states, but "
            f"{type(stepper).__name__} has none."
        )
    part = positive("until", until, ()) / PARTS
    coarse = part * np.arange(PARTS + 1)
    last = _last_valid(stepper, state, coarse, substeps)
    if last == PARTS:
        return np.inf
    fine = coarse[last] + part / PARTS * np.arange(1, PARTS + 1)
    times = np.concatenate([coarse[: last + 1], fine])
    return float(times[_last_valid(stepper, state, times, substeps)])


def _last_valid(stepper, state, ts: np.ndarray, substeps: int) -> int:
    """Index of the last of `ts` before the first fault."""
    run = solve(stepper, state, ts, substeps=substeps, save=_nothing, throw=False)
    over = np.flatnonzero(run.status.fails)
    return int(over[0]) - 1 if over.size else len(ts) - 1


def _nothing(state):
    return jnp.zeros(())
