"""What every equation of motion offers to `solve`."""

import abc
from collections.abc import Callable
from typing import Protocol, runtime_checkable

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


@runtime_checkable
class GuardedStep(Protocol):
    """A step that knows when what it holds cannot be its equation's any more."""

    def strain(self, state) -> Float[Array, ""]:
        """Above 1 where `state` presses against the edge of what can be represented."""
        ...


@runtime_checkable
class FramedStep(Protocol):
    """A step that maps states of another form than the user's, for the sake of many in a row.

    `solve` calls `enter` before the first step of an interval and `leave` after the last.
    """

    def enter(self, t, state):
        """The form in which `step` takes states, at time t."""
        ...

    def leave(self, t, state):
        """The user's form again, at time t."""
        ...
