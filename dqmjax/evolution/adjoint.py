"""Reverse-mode differentiation of the steps between two save times."""

import abc
import math
from typing import Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ..errors import InputError


@runtime_checkable
class ReversibleStep(Protocol):
    """A step that can run backwards, if `is_reversible`."""

    is_reversible: bool

    def pullback(self, t, after, cotangent):
        """The state before the step, and the cotangents of the step itself, of t and of that
        state, from the state after the step and its cotangent."""
        ...


class AbstractAdjoint(eqx.Module):
    """Runs `state = step(t, state)` over all `starts`."""

    @abc.abstractmethod
    def run(self, step, state: PyTree[Array], starts: Float[Array, " substeps"]) -> PyTree[Array]:
        """The state after the last step."""


class Direct(AbstractAdjoint):
    """Stores the state after every step. Fastest for few steps. Forward mode works, too.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> psi, ts = dqm.coherent(grid, 1.0), jnp.array([0.0, 1.0])
        >>> def position(omega):  # ⟨x⟩ = cos ω at t = 1
        ...     step = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic(omega)), grid, dqm.strang)
        ...     run = dqm.solve(step, psi, ts, substeps=200, adjoint=dqm.Direct())
        ...     return dqm.observables.mean_position(grid, run.final)[0]
        >>> round(float(jax.grad(position)(1.0)), 3)  # −sin 1
        -0.841
    """

    def run(self, step, state, starts):
        return _scan(step, state, starts)


class Checkpointed(AbstractAdjoint):
    """Stores every √n-th state of n and recomputes the others. Forward mode works, too.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> psi, ts = dqm.coherent(grid, 1.0), jnp.array([0.0, 1.0])
        >>> def position(omega):  # ⟨x⟩ = cos ω at t = 1
        ...     step = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic(omega)), grid, dqm.strang)
        ...     run = dqm.solve(step, psi, ts, substeps=200, adjoint=dqm.Checkpointed())
        ...     return dqm.observables.mean_position(grid, run.final)[0]
        >>> round(float(jax.grad(position)(1.0)), 3)  # −sin 1
        -0.841
    """

    def run(self, step, state, starts):
        inner = math.isqrt(max(starts.size - 1, 0)) + 1
        whole = starts.size // inner * inner
        chunk = jax.checkpoint(lambda state, starts: (_scan(step, state, starts), None))
        state, _ = jax.lax.scan(chunk, state, starts[:whole].reshape(-1, inner))
        return _scan(step, state, starts[whole:])


class Reversible(AbstractAdjoint):
    """Runs reversible (unitary) steps backwards, in memory independent of their number. Reverse
    mode only.

    Raises:
        InputError: From `solve`, if a step has no inverse, such as one that absorbs norm.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> psi, ts = dqm.coherent(grid, 1.0), jnp.array([0.0, 1.0])
        >>> def position(omega):  # ⟨x⟩ = cos ω at t = 1
        ...     step = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic(omega)), grid, dqm.strang)
        ...     run = dqm.solve(step, psi, ts, substeps=200, adjoint=dqm.Reversible())
        ...     return dqm.observables.mean_position(grid, run.final)[0]
        >>> round(float(jax.grad(position)(1.0)), 3)  # −sin 1
        -0.841
    """

    def run(self, step, state, starts):
        if not isinstance(step, ReversibleStep) or not step.is_reversible:
            raise InputError(
                "`adjoint=Reversible()` must have a reversible step, but this one absorbs norm or "
                "has no inverse: use `Checkpointed()`."
            )
        return _reversible_scan((step, state, starts))


def _scan(step, state, starts):
    return jax.lax.scan(lambda y, t: (step(t, y), None), state, starts)[0]


@eqx.filter_custom_vjp
def _reversible_scan(arguments):
    return _scan(*arguments)


@_reversible_scan.def_fwd
def _forward(perturbed, arguments):
    final = _scan(*arguments)
    return final, final


@_reversible_scan.def_bwd
def _backward(final, cotangent, perturbed, arguments):
    step, _, starts = arguments

    def back(carry, t):
        state, cotangent, total = carry
        before, d_step, d_t, cotangent = step.pullback(t, state, cotangent)
        total = jax.tree.map(jnp.add, total, eqx.filter(d_step, eqx.is_inexact_array))
        return (before, cotangent, total), d_t

    zeros = jax.tree.map(jnp.zeros_like, eqx.filter(step, eqx.is_inexact_array))
    (_, cotangent, total), d_starts = jax.lax.scan(
        back, (final, cotangent, zeros), starts, reverse=True
    )
    return total, cotangent, d_starts
