"""What several processes of one run tell each other."""

import contextlib
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils


@contextlib.contextmanager
def together():
    """Says what to do if another process ends, which breaks the exchange of data.

    Where that hangs, JAX ends the process once the heartbeats of the other one are missing.
    """
    try:
        yield
    except (jax.errors.JaxRuntimeError, ValueError) as error:
        if jax.process_count() == 1:
            raise
        raise RuntimeError(
            "Data could not be exchanged, probably because another process of this run ended: "
            "start all of them again; a run with a `checkpoint` continues from its last state."
        ) from error


def agreed(value):
    """The value of the first process, in all processes."""
    if jax.process_count() == 1:
        return value
    return type(value)(multihost_utils.broadcast_one_to_all(np.asarray(value)))


def by_all(holds: bool) -> bool:
    """Whether it holds in all processes."""
    if jax.process_count() == 1:
        return holds
    return bool(np.all(multihost_utils.process_allgather(np.asarray(holds))))


def on_host(leaf) -> np.ndarray:
    """The whole array, also if other processes have parts of it."""
    if isinstance(leaf, jax.Array) and not leaf.is_fully_addressable:
        if leaf.is_fully_replicated:
            return np.asarray(leaf.addressable_data(0))
        return np.asarray(multihost_utils.process_allgather(leaf, tiled=True))
    return np.asarray(leaf)


def in_turn(make: Callable[[bool], Any]) -> Any:
    """`make(is_first)` in the first process, then in the others.

    Raises:
        RuntimeError: In the others, if the first process fails.
    """
    if jax.process_count() == 1:
        return make(True)
    made, error, is_first = None, None, jax.process_index() == 0
    if is_first:
        try:
            made = make(True)
        except Exception as raised:
            error = raised
    if not agreed(error is None):
        raise error or RuntimeError("The first process of this run has failed: see its message.")
    return made if is_first else make(False)
