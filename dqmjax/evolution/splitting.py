"""`e^{−i(T + V)dt/ħ} ≈ Π e^{−ibV dt/ħ} e^{−iaT dt/ħ}`: one splitting step for every picture.

A kick by V and a drift by T are each a product with phases `e^{−icθ}`, c the fraction of the step
and θ = V dt/ħ or T dt/ħ, in a representation that a Fourier transform leads to.

Two derivatives exist. Plain differentiation goes through the stored phases. `SplitFlow.pullback`
differentiates the angles θ instead, which are real and fewer: `dψ = −i c dθ ψ` after the product.
"""

import abc
import functools
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Inexact, PyTree

from ..errors import require_shape
from ..grid import Grid
from .schemes import Scheme

Time = Float[Array, ""] | float
State = Inexact[Array, "*shape"]


class Identity(NamedTuple):
    """The representation in which a state is given."""

    def forward(self, state):
        return state

    def inverse(self, state):
        return state


class Fourier(NamedTuple):
    """The waves of a complex state on a grid."""

    grid: Grid

    def forward(self, state):
        return self.grid.fft(state)

    def inverse(self, waves):
        return self.grid.ifft(waves)


class RealFourier(NamedTuple):
    """The waves along some axes of a real state.

    Not by `rfftn`: its derivatives along an axis that is not the last do not compile on CPUs with
    jaxlib 0.12 (RET_CHECK in fft_thunk.cc).
    """

    axes: tuple[int, ...]

    def forward(self, state):
        return jnp.fft.fftn(state, axes=self.axes)

    def inverse(self, waves):
        return jnp.fft.ifftn(waves, axes=self.axes).real


class AbstractPropagator(eqx.Module):
    """`e^{−icθ(t)}`, a product with phases in the representation of `transform`.

    θ is a sum of arrays that broadcast against the state, so that the parts of T that depend on
    one axis each need little memory.
    """

    transform: eqx.AbstractVar[Identity | Fourier | RealFourier]

    @abc.abstractmethod
    def angles(self, fraction: float, t: Time) -> list[Inexact[Array, "..."]]:
        """The parts of cθ at time t, c the `fraction` of a step."""

    @abc.abstractmethod
    def phases(self, fraction: float, t: Time) -> list[Complex[Array, "..."]]:
        """`e^{−icθ}` of each part."""

    def __call__(self, fraction: float, t: Time, state: State) -> State:
        """The state after a `fraction` of a step."""
        waves = self.transform.forward(state)
        return self.transform.inverse(_product(self.phases(fraction, t), waves))

    def undo(self, fraction: float, t: Time, state: State) -> State:
        """The state before it. The phases are computed here, not stored: a phase that is stored
        through all steps takes cache from those that the steps use."""
        waves = self.transform.forward(state)
        inverse = [jnp.exp(1j * angle) for angle in self.angles(fraction, t)]
        return self.transform.inverse(_product(inverse, waves))

    def pullback(self, fraction: float, t: Time, after: State, cotangent: State):
        """The state before it; the cotangents of this propagator, of t and of that state.

        For a unitary propagator only.
        """
        forward, inverse = self.transform.forward, self.transform.inverse
        after, cotangent = _undo_linear(inverse, forward, after, cotangent)
        change = lambda self, t: -1j * sum(self.angles(fraction, t)) * after
        d_self, d_t = eqx.filter_vjp(change, self, t)[1](cotangent)
        phases = self.phases(fraction, t)
        before = _product([phase.conj() for phase in phases], after)
        cotangent = _product(phases, cotangent)
        before, cotangent = _undo_linear(forward, inverse, before, cotangent)
        return before, d_self, d_t, cotangent


class FixedPropagator(AbstractPropagator):
    """θ without t: its phases are computed once for all steps of one length."""

    parts: list[Inexact[Array, "..."]]  # of θ
    stored: dict[float, list[Complex[Array, "..."]]]  # phases by fraction
    transform: Identity | Fourier | RealFourier = eqx.field(static=True)

    def angles(self, fraction, t):
        return [fraction * part for part in self.parts]

    def phases(self, fraction, t):
        return self.stored[fraction]


class DrivenPropagator(AbstractPropagator):
    """θ(t), computed at every step."""

    angle: Callable[[Time], Inexact[Array, "*shape"]]  # a pytree
    transform: Identity | Fourier | RealFourier = eqx.field(static=True)

    def angles(self, fraction, t):
        return [fraction * self.angle(t)]

    def phases(self, fraction, t):
        return [jnp.exp(-1j * angle) for angle in self.angles(fraction, t)]


def fixed_propagator(
    parts: list[Inexact[Array, "..."]],
    fractions: tuple[float, ...],
    transform: Identity | Fourier | RealFourier,
) -> FixedPropagator:
    """Computes the phases of θ = Σ `parts` for all `fractions`; equal ones are stored once."""
    stored = {c: [jnp.exp(-1j * c * part) for part in parts] for c in set(fractions)}
    return FixedPropagator(parts=parts, stored=stored, transform=transform)


class SplitFlow(eqx.Module):
    """One step of a splitting scheme.

    It leads from after the first kick of a step to after the first kick of the next one, which is
    merged with the last kick of this step. `enter` is the first kick; `leave` undoes the one that
    the last step has taken from its successor.
    """

    kick: AbstractPropagator
    drift: AbstractPropagator
    dt: Time
    shape: tuple[int, ...] = eqx.field(static=True)  # of a state
    scheme: Scheme = eqx.field(static=True)
    is_reversible: bool = eqx.field(static=True)

    def enter(self, t, state):
        require_shape("state", state, self.shape)
        return self.kick(self.scheme.kicks[0], t, state)

    def __call__(self, t, state):
        for stage in self.scheme.stages:
            state = self.drift(stage.drift, t, state)
            state = self.kick(stage.kick, t + stage.time * self.dt, state)
        return state

    def leave(self, t, state):
        return self.kick.undo(self.scheme.kicks[0], t, state)

    def pullback(self, t, after, cotangent):
        """Undoes the stages one by one, each with a small reverse pass of its own."""
        parts = self.kick, self.drift, self.dt, t
        d_kick, d_drift, d_dt, d_t = _zeros(parts)
        for stage in reversed(self.scheme.stages):
            now = t + stage.time * self.dt
            after, more, d_now, cotangent = self.kick.pullback(stage.kick, now, after, cotangent)
            d_kick, d_t, d_dt = _sum(d_kick, more), d_t + d_now, d_dt + stage.time * d_now
            after, more, _, cotangent = self.drift.pullback(stage.drift, t, after, cotangent)
            d_drift = _sum(d_drift, more)
        d_self = eqx.tree_at(
            lambda flow: (flow.kick, flow.drift, flow.dt), _zeros(self), (d_kick, d_drift, d_dt)
        )
        return after, d_self, d_t, cotangent


def pullback_inside(step: eqx.Module, where: Callable, t, after, cotangent):
    """`pullback` of a `step` whose motion is that of its part `where(step)`."""
    before, d_inner, d_t, cotangent = where(step).pullback(t, after, cotangent)
    return before, eqx.tree_at(where, _zeros(step), d_inner), d_t, cotangent


def _product(phases: list[Array], state: Array) -> Array:
    return functools.reduce(lambda y, phase: phase * y, phases, state)


def _undo_linear(f: Callable, inverse: Callable, after: Array, cotangent: Array):
    """The argument and its cotangent of a linear `after = f(before)`."""
    before = inverse(after)
    return before, *jax.linear_transpose(f, before)(cotangent)


def _zeros(tree: PyTree) -> PyTree:
    """Zero cotangents of its trainable arrays."""
    return jax.tree.map(jnp.zeros_like, eqx.filter(tree, eqx.is_inexact_array))


def _sum(one: PyTree, other: PyTree) -> PyTree:
    return jax.tree.map(jnp.add, one, other)
