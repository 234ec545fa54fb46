"""The motion of ψ under H = T + V by kicks and drifts, for the pictures that are made of it."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Inexact

from ..errors import InputError
from ..evolution.schemes import Scheme, nystrom6
from ..evolution.stepper import AbstractStepper
from ..grid import Grid
from .hamiltonian import Hamiltonian
from .potentials import Parameter, depends_on_time


class SplitStep(AbstractStepper):
    """The Schrödinger equation by splitting into kicks by V and drifts by T.

    `ψ ← … F⁻¹ e^{−ia₁T dt/ħ} F e^{−ib₁V(t) dt/ħ} ψ`

    Unitary for real V, of the scheme's order also for V(x, t): time advances with the drifts.
    Stable for every dt on a periodic grid; beyond `longest_step` the order is lost for states
    that hold the shortest waves or reach the highest V. Linear: a state of any norm is evolved
    as it is.

    Args:
        hamiltonian: Masses, ħ and V.
        grid: Periodic box in configuration space.
        scheme: Coefficients; any of `splitting`. The default is the fastest to an error of 1e-8 and
            below in `bench/accuracy_vs_cost.py`.
        boost: p₀, one number or one per axis: states are then the periodic factor u of
            `ψ = u e^{ip₀·x/ħ}`, as Bloch's are of quasi-momentum p₀.

    A state is a complex array of the grid's shape. Reference: Feit, Fleck & Steiger (1982),
    doi:10.1016/0021-9991(82)90091-2; schemes: see `splitting`.
    """

    hamiltonian: Hamiltonian
    grid: Grid
    scheme: Scheme = eqx.field(default=nystrom6, static=True)
    boost: Parameter = eqx.field(default=0.0, kw_only=True)

    @property
    def order(self) -> int:
        """The global error is O(dt**order)."""
        return self.scheme.order

    def longest_step(self) -> Float[Array, ""]:
        """Where the phase of a kick or a drift reaches π, at t = 0.

        `dt = πħ / max(|a| Σ ħ²k_max²/2m, |b| (V_max − V_min))`
        """
        h, scheme = self.hamiltonian, self.scheme
        potential = h.potential_on(self.grid).real
        kicks = (2 * scheme.kicks[0], *scheme.kicks[1:-1])  # neighbouring steps share one
        a, b = (max(map(abs, fractions)) for fractions in (scheme.drifts, kicks))
        drift, kick = a * jnp.max(h.kinetic(self.grid, self.boost)), b * jnp.ptp(potential)
        return jnp.pi * h.hbar / jnp.maximum(drift, kick)

    def make_step(self, dt):
        return split_flow(self.hamiltonian, self.grid, self.scheme, dt, self.boost)


def split_flow(
    h: Hamiltonian, grid: Grid, scheme: Scheme, dt, boost: Parameter = 0.0
) -> "SplitFlow":
    """`step(t, ψ)` of the scheme, with its phases made once; `boost` as in `SplitStep`."""
    kinetic = [dt * part / h.hbar for part in h.kinetic_parts(grid, boost)]
    potential = dt / h.hbar * h.potential_on(grid)
    moves = depends_on_time(h.potential, grid.dim)
    kicks = () if moves else {2 * scheme.kicks[0], *scheme.kicks}
    return SplitFlow(
        kinetic=kinetic,
        potential=(h, jnp.asarray(dt)) if moves else potential,
        drifts={a: [jnp.exp(-1j * a * angle) for angle in kinetic] for a in scheme.drifts},
        kicks={b: jnp.exp(-1j * b * potential) for b in kicks},
        grid=grid,
        scheme=scheme,
        is_reversible=not jnp.iscomplexobj(potential),
    )


class SplitFlow(eqx.Module):
    """One step, from after its first kick to after that of the next step, as one with its last.

    Phases are what acts, and what plain differentiation goes through. `pullback` gives the
    derivatives to their angles instead, which are real and fewer.
    """

    kinetic: list[Float[Array, "..."]]  # dt T/ħ by axis: less memory than at every point
    potential: Inexact[Array, "*shape"] | tuple[Hamiltonian, Array]  # dt V/ħ, or its makings
    drifts: dict[float, list[Complex[Array, "..."]]]
    kicks: dict[float, Complex[Array, "*shape"]]  # empty where V depends on time
    grid: Grid
    scheme: Scheme = eqx.field(static=True)
    is_reversible: bool = eqx.field(static=True)

    def enter(self, t, psi):
        check_shape(psi, self.grid)
        return self.kick(self.scheme.kicks[0], 0.0, t)[1] * psi

    def __call__(self, t, psi):
        for stage in self._stages():
            psi = stage.do(self, t, psi)
        return psi

    def leave(self, t, psi):
        # Made anew: the phase, kept through the steps, would take cache that they need.
        return jnp.exp(1j * self.kick(self.scheme.kicks[0], 0.0, t)[0]) * psi

    def pullback(self, t, after, cotangent):
        """Undoes the stages one by one, each with its own small reverse pass."""
        total = jax.tree.map(jnp.zeros_like, eqx.filter((self, t), eqx.is_inexact_array))
        for stage in reversed(self._stages()):
            after, cotangent, more = stage.pullback(self, t, after, cotangent)
            total = total if more is None else jax.tree.map(jnp.add, total, more)
        return after, *total, cotangent

    def _stages(self) -> list["_Transform | _Turn"]:
        """Transform, drift, transform back, kick, …; a kick happens when its drifts have."""
        scheme, passed, stages = self.scheme, 0.0, []
        for a, b in zip(scheme.drifts, (*scheme.kicks[1:-1], 2 * scheme.kicks[0]), strict=True):
            passed += a
            drift = _Turn(lambda flow, t, a=a: flow.drift(a))
            kick = _Turn(lambda flow, t, b=b, passed=passed: [flow.kick(b, passed, t)])
            stages += [_Transform(jnp.fft.fftn, jnp.fft.ifftn), drift]
            stages += [_Transform(jnp.fft.ifftn, jnp.fft.fftn), kick]
        return stages

    def drift(self, fraction: float) -> list[tuple[Array, Array]]:
        """Angles and phases of a drift, by axis."""
        return [(fraction * k, p) for k, p in zip(self.kinetic, self.drifts[fraction], strict=True)]

    def kick(self, fraction: float, passed: float, t) -> tuple[Array, Array]:
        """Angle and phase of a kick."""
        if not isinstance(self.potential, tuple):
            return fraction * self.potential, self.kicks[fraction]
        h, dt = self.potential
        potential = h.potential_on(self.grid, t + passed * dt)
        angle = fraction * dt / h.hbar * potential
        return angle, jnp.exp(-1j * angle)


class _Transform(NamedTuple):
    """A Fourier transform and its inverse."""

    there: Callable
    back: Callable

    def do(self, flow, t, psi):
        return self.there(psi)

    def pullback(self, flow, t, after, cotangent):
        before = self.back(after)
        return before, *jax.vjp(self.there, before)[1](cotangent), None


class _Turn(NamedTuple):
    """Multiplication by phases `e^{−iθ}`, as `turns(flow, t)` lists them with their angles."""

    turns: Callable

    def do(self, flow, t, psi):
        return functools.reduce(lambda y, turn: turn[1] * y, self.turns(flow, t), psi)

    def pullback(self, flow, t, after, cotangent):
        """By `dψ = −i dθ ψ` after the turn."""
        change = lambda flow, t: -1j * sum(angle for angle, _ in self.turns(flow, t)) * after
        more = eqx.filter_vjp(change, flow, t)[1](cotangent)
        for _, phase in self.turns(flow, t):
            after, cotangent = phase.conj() * after, phase * cotangent
        return after, cotangent, more


def check_shape(psi, grid: Grid):
    """Refuses a ψ that is not of the grid's shape."""
    if psi.shape != grid.shape:
        raise InputError(f"`state` must have the shape {grid.shape}, not {psi.shape}.")
