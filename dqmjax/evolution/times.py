"""The times at which a run is saved."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Real

from ..errors import InputError, is_known, require_increasing


class SaveTimes(eqx.Module):
    """Save times with the distinct intervals between them, from `save_times`.

    Pass it to `solve` in place of the times if those are traced there but known beforehand.

    Raises:
        InputError: If known `intervals` are not those between the known `ts`.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> step = dqm.DenseStep(dqm.Hamiltonian(dqm.Harmonic()), grid)
        >>> evolve = jax.jit(lambda psi, times: dqm.solve(step, psi, times).final)
        >>> final = evolve(dqm.coherent(grid, 1.0), dqm.save_times(np.linspace(0.0, np.pi, 5)))
        >>> round(float(dqm.observables.mean_position(grid, final)[0]), 3)
        -1.0
    """

    ts: Float[Array | np.ndarray, " times"]
    intervals: Float[Array | np.ndarray, " distinct"]
    which: Int[
        Array | np.ndarray, " intervals"
    ]  # the distinct interval after each time but the last

    def __check_init__(self):
        if not all(isinstance(leaf, Array | np.ndarray) for leaf in jax.tree.leaves(self)):
            return  # in a transformation of the tree
        if not is_known(self):
            return
        require_increasing(ts=self.ts)
        which, count = np.asarray(self.which), np.size(self.intervals)
        fits = which.shape == (self.ts.size - 1,) and ((which >= 0) & (which < count)).all()
        lengths = np.diff(self.ts)
        if not fits or not np.allclose(np.asarray(self.intervals)[which], lengths, atol=0):
            raise InputError("`intervals` must be those between `ts`: take `save_times(ts)`.")


def save_times(ts: Real[Array | np.ndarray, " times"]) -> SaveTimes:
    """Checks `ts` and finds the distinct intervals, equal ones to within round-off.

    Traced times that do not increase become NaN.

    Raises:
        InputError: If `ts` is not one-dimensional with two entries or more, or is known and not
            finite or not increasing.

    Example:
        >>> times = dqm.save_times(np.array([0.0, 0.5, 1.0, 3.0]))
        >>> times.intervals.tolist(), times.which.tolist()
        ([0.5, 2.0], [0, 0, 1])
    """
    require_increasing(ts=ts)
    if not is_known(ts):
        increases = jnp.concatenate([jnp.array([True]), jnp.cumprod(jnp.diff(ts) > 0) > 0])
        ts = ts * jnp.where(increases, 1.0, jnp.nan)
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
