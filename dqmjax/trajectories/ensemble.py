"""Many particles that move independently: positions at all times, and how exact they are."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import InputError, finite, require_whole


class Mean(NamedTuple):
    """A mean over the particles, at every time.

    Example:
        >>> grid = dqm.Grid(-8, 8, 128)
        >>> step = dqm.SplitStep(dqm.Hamiltonian(dqm.Free()), grid)
        >>> run = dqm.solve(step, dqm.gaussian(grid, 0.0, 0.5), jnp.linspace(0, 1, 21))
        >>> paths = dqm.trajectories.bohm(step, run, jnp.array([[-0.5], [0.5]]))
        >>> mean = paths.mean(lambda x: x[0] ** 2)
        >>> round(float(mean.value[-1]), 3)  # x₀² (1 + (t/2σ²)²)
        1.25
    """

    value: Float[Array, "times *shape"]
    sampling_error: Float[Array, "times *shape"]  # standard error by the number of particles
    step_error: Float[Array, "times *shape"]  # change by steps twice as long


class Trajectories(eqx.Module):
    """Paths of independent particles.

    Args:
        ts: Times, shape (times,).
        positions: Where the particles are, shape (times, particles, dim).
        coarse: The same with time steps twice as long and, for random paths, the same noise.

    Example:
        >>> grid = dqm.Grid(-8, 8, 128)
        >>> step = dqm.SplitStep(dqm.Hamiltonian(dqm.Free()), grid)
        >>> run = dqm.solve(step, dqm.gaussian(grid, 0.0, 0.5), jnp.linspace(0, 1, 21))
        >>> paths = dqm.trajectories.bohm(step, run, jnp.array([[0.0], [0.5]]))
        >>> paths.positions.shape, bool(paths.step_error.max() < 1e-4)
        ((21, 2, 1), True)
    """

    ts: Float[Array | np.ndarray, " times"]
    positions: Float[Array, "times particles dim"]
    coarse: Float[Array, "times particles dim"]

    @property
    def step_error(self) -> Float[Array, "times particles"]:
        """How far steps twice as long lead from each position: a bound of the error of the steps
        wherever they converge."""
        return jnp.linalg.norm(self.positions - self.coarse, axis=-1)

    def mean(self, f: Callable) -> Mean:
        """The mean of `f(x)`, written for one point x of shape (dim,), over the particles."""
        of = jax.vmap(jax.vmap(f))
        values, coarse = of(self.positions), of(self.coarse)
        value, count = values.mean(axis=1), values.shape[1]
        error = values.std(axis=1, ddof=1) / count**0.5
        return Mean(value, error, jnp.abs(value - coarse.mean(axis=1)))


def places(name: str, value, dim: int | None = None) -> Float[Array, "particles dim"]:
    """`value`, the argument `name`, as points, a row for each particle.

    Raises:
        InputError: If it is none, has another shape, or a known entry is not finite.
    """
    points = jnp.asarray(finite(name, value), float)
    columns = "dim" if dim is None else dim
    if points.ndim != 2 or not points.size or (dim is not None and points.shape[1] != dim):
        raise InputError(
            f"`{name}` must have shape (particles, {columns}), a row for each particle, but has "
            f"{points.shape}."
        )
    return points


def require_even(**values):
    """Checks that numbers of steps are even, so that half of them can be taken.

    Raises:
        InputError: Naming the argument.
    """
    require_whole(2, **values)
    for name, value in values.items():
        if value % 2:
            raise InputError(
                f"`{name}` must be even, so that half of them can be taken, but is {value}."
            )
