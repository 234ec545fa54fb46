"""What several processes of one run tell each other."""

import jax
import numpy as np
from jax.experimental import multihost_utils


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
