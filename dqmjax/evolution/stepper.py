"""The interface between equations of motion and `solve`."""

import abc
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import equinox as eqx
from jaxtyping import Array, Float, PyTree

Step = Callable[[Float[Array, ""], PyTree[Array]], PyTree[Array]]


class AbstractStepper(eqx.Module):
    """An equation of motion with a time-stepping method.

    Fields hold parameters only. Everything derived from them is computed in `make_step`, so that
    `eqx.tree_at` and `jax.grad` act on the physics only.
    """

    @abc.abstractmethod
    def make_step(self, dt: Float[Array, ""]) -> Step:
        """Returns `step(t, state)`, which advances a state from `t` to `t + dt`.

        `step` is a pytree (an `eqx.Module` or a `jax.tree_util.Partial`) that contains the
        coefficients for this `dt`. `solve` computes them once per distinct interval.
        """


@runtime_checkable
class GuardedStep(Protocol):
    """A step that can detect truncation failure."""

    def strain(self, state) -> Float[Array, ""]:
        """Estimate of the truncation error: above 1 the basis or the grid is too small."""
        ...


@runtime_checkable
class FramedStep(Protocol):
    """A step that works on a transformed state, which saves work when many follow each other.

    `solve` calls `enter` before the first step of an interval and `leave` after the last.
    """

    def enter(self, t, state):
        """The transformed state at time t."""
        ...

    def leave(self, t, state):
        """The inverse of `enter`, at time t."""
        ...
