"""The motion of ψ under H = T + V by kicks and drifts, for the pictures that are made of it."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Inexact

from .errors import InputError
from .grid import Grid
from .hamiltonian import Hamiltonian
from .potentials import Parameter, depends_on_time, potential_on
from .splitting import Scheme


def split_flow(
    h: Hamiltonian, grid: Grid, scheme: Scheme, dt, boost: Parameter = 0.0
) -> "SplitFlow":
    """`step(t, ψ)` of the scheme, with its phases made once; `boost` as in `SplitStep`."""
    kinetic = [dt * part / h.hbar for part in h.kinetic_parts(grid, boost)]
    potential = dt / h.hbar * potential_on(h.potential, grid)
    moves = depends_on_time(h.potential, grid.dim)
    kicks = () if moves else {2 * scheme.kicks[0], *scheme.kicks}
    return SplitFlow(
        kinetic=kinetic,
        potential=(h, jnp.asarray(dt)) if moves else potential,
        drifts={a: [_phase(a * angle) for angle in kinetic] for a in scheme.drifts},
        kicks={b: _phase(b * potential) for b in kicks},
        grid=grid,
        scheme=scheme,
        is_reversible=not jnp.iscomplexobj(potential),
    )


class SplitFlow(eqx.Module):
    """One step, from after its first kick to after that of the next step, as one with its last.

    Angles are what is differentiated; the phases made of them beforehand are for speed.
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
        return _turn(*self.kick(self.scheme.kicks[0], 0.0, t), psi)

    def __call__(self, t, psi):
        for stage in self._stages():
            psi = stage.do(self, t, psi)
        return psi

    def leave(self, t, psi):
        angle, phase = self.kick(self.scheme.kicks[0], 0.0, t)
        return _turn(-angle, 1 / phase, psi)

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
        potential = potential_on(h.potential, self.grid, t + passed * dt)
        angle = fraction * dt / h.hbar * potential
        return angle, _phase(angle)


def _phase(angle: Inexact[Array, "..."]) -> Complex[Array, "..."]:
    """`e^{−iθ}`, a constant to derivatives: `_turn` takes those from the angle."""
    return jnp.exp(-1j * jax.lax.stop_gradient(angle))


@jax.custom_jvp
def _turn(angle, phase, psi):
    """`e^{−iθ}ψ`, its derivative `−i dθ e^{−iθ}ψ` real wherever θ is."""
    return phase * psi


@_turn.defjvp
def _turn_jvp(primals, tangents):
    (_, phase, psi), (d_angle, _, d_psi) = primals, tangents
    turned = phase * psi
    return turned, phase * d_psi - 1j * d_angle * turned


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
    """Phases for every point, as `angles(flow, t)` lists them with their angles."""

    angles: Callable

    def do(self, flow, t, psi):
        return functools.reduce(lambda y, turn: _turn(*turn, y), self.angles(flow, t), psi)

    def pullback(self, flow, t, after, cotangent):
        before = after
        for _, phase in self.angles(flow, t):
            before = phase.conj() * before
        _, pull = eqx.filter_vjp(self.do, flow, t, before)
        d_flow, d_t, cotangent = pull(cotangent)
        return before, cotangent, (d_flow, d_t)


def check_shape(psi, grid: Grid):
    """Refuses a ψ that is not of the grid's shape."""
    if psi.shape != grid.shape:
        raise InputError(f"`state` must have the shape {grid.shape}, not {psi.shape}.")
