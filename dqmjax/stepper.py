"""What every equation of motion offers to `solve`."""

import abc
from collections.abc import Callable

import equinox as eqx
from jaxtyping import Array, Float, PyTree

Step = Callable[[Float[Array, ""], PyTree[Array]], PyTree[Array]]


class AbstractStepper(eqx.Module):
    """One picture's equation of motion with one way of stepping it.

    Fields hold parameters only; whatever is derived from them is built in `make_step`,
    so that `eqx.tree_at` and `jax.grad` act on the physics and on nothing else.
    """

    @abc.abstractmethod
    def make_step(self, dt: Float[Array, ""]) -> Step:
        """Returns `step(t, state)`, which advances a state from `t` to `t + dt`.

        `step` is a pytree (an `eqx.Module` or a `jax.tree_util.Partial`) that carries the
        factors for this `dt`, so that `solve` makes them once per distinct interval.
        """
