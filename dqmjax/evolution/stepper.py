"""The interface between equations of motion and `solve`."""

import abc
from collections.abc import Callable
from typing import Any, Protocol, TypeGuard, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, PyTree

from .status import Faults

Step = Callable[[Float[Array, ""], PyTree[Array]], PyTree[Array]]


class AbstractStepper(eqx.Module):
    """An equation of motion with a time-stepping method.

    Fields hold parameters only. Everything derived from them is computed in `make_step`, so that
    `eqx.tree_at` and `jax.grad` act on the physics only.

    Example:
        >>> class Decay(dqm.AbstractStepper):
        ...     rate: float
        ...     def make_step(self, dt):
        ...         return jax.tree_util.Partial(lambda a, t, y: a * y, jnp.exp(-self.rate * dt))
        >>> run = dqm.solve(Decay(2.0), jnp.array(1.0), jnp.linspace(0.0, 1.0, 3))
        >>> round(float(run.final), 3)  # e^{−2}
        0.135
    """

    @abc.abstractmethod
    def make_step(self, dt: Float[Array, ""]) -> Step:
        """Returns `step(t, state)`, which advances a state from `t` to `t + dt`.

        `step` is a pytree (an `eqx.Module` or a `jax.tree_util.Partial`) that contains the
        coefficients for this `dt`. `solve` computes them once per distinct interval.
        """


@runtime_checkable
class Guarded(Protocol):
    """A stepper that can tell which states it represents, or a step that can tell whether it
    succeeded."""

    def faults(self, state) -> Faults:
        """The size of each possible fault: of a state, or of a step from what it works on."""
        ...


@runtime_checkable
class Convergent(Protocol):
    """A stepper whose error falls with dt, so that steps of two lengths give an estimate of it."""

    @property
    def order(self) -> Any:
        """The global error is O(dt**order), an integer; `None` if steps have no error."""
        ...

    def make_step(self, dt: Float[Array, ""]) -> Step:
        """As that of an `AbstractStepper`."""
        ...

    def vector(self, state) -> Inexact[Array, "..."]:
        """The state as a vector whose norm measures errors."""
        ...


@runtime_checkable
class BoundedStep(Protocol):
    """A step that bounds its own error."""

    def error(self, before: Float[Array, ""], state) -> Float[Array, ""]:
        """The error after an interval, from that before it and what the step works on."""
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


@runtime_checkable
class Conserving(Protocol):
    """A stepper that knows quantities which its motion conserves, or changes for a known reason."""

    def invariants(self, t, state) -> dict[str, Float[Array, ""]]:
        """Their values, such as those of the norm and the energy, by name."""
        ...


def invariants_of(stepper, t, state) -> dict[str, Float[Array, ""]]:
    """The invariants that a stepper knows."""
    return stepper.invariants(t, state) if isinstance(stepper, Conserving) else {}


def is_convergent(stepper) -> TypeGuard[Convergent]:
    """Whether the steps of a stepper have an error that falls with dt."""
    return isinstance(stepper, Convergent) and stepper.order is not None


def zero_of(tree) -> Float[Array, ""]:
    """0, which under `jax.shard_map` varies over the devices as the arrays of `tree` do.

    Added to the start of a loop, it gives it the type of what the loop computes.
    """
    leaves = [jnp.asarray(y) for y in jax.tree.leaves(tree) if eqx.is_array(y)]
    return sum((jnp.zeros_like(jnp.sum(y).real, float) for y in leaves), jnp.zeros(()))


def enter(step, t, state):
    """What `step` works on."""
    return step.enter(t, state) if isinstance(step, FramedStep) else state


def leave(step, t, inside):
    """The state, from what `step` works on."""
    return step.leave(t, inside) if isinstance(step, FramedStep) else inside


def faults(source, state) -> Faults:
    """The faults that a stepper or a step finds, none if it does not look."""
    return source.faults(state) if isinstance(source, Guarded) else {}
