"""`iħ ∂ψ/∂t = −Σ (ħ²/2m_i) ∂_i²ψ + V(x, t) ψ`."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Inexact

from ..chebyshev import Series, exponential, series, spectral_range
from ..errors import InputError
from ..grid import Grid
from ..hamiltonian import Hamiltonian
from ..potentials import depends_on_time, potential_on
from ..splitting import Scheme, nystrom6
from ..stepper import AbstractStepper


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

    A state is a complex array of the grid's shape. Reference: Feit, Fleck & Steiger (1982),
    doi:10.1016/0021-9991(82)90091-2; schemes: see `splitting`.
    """

    hamiltonian: Hamiltonian
    grid: Grid
    scheme: Scheme = eqx.field(default=nystrom6, static=True)

    @property
    def order(self) -> int:
        """The global error is O(dt**order)."""
        return self.scheme.order

    def longest_step(self) -> Float[Array, ""]:
        """Where the phase of a kick or a drift reaches π, at t = 0.

        `dt = πħ / max(|a| Σ ħ²k_max²/2m, |b| (V_max − V_min))`
        """
        h, scheme = self.hamiltonian, self.scheme
        potential = potential_on(h.potential, self.grid).real
        kicks = (2 * scheme.kicks[0], *scheme.kicks[1:-1])  # neighbouring steps share one
        a, b = (max(map(abs, fractions)) for fractions in (scheme.drifts, kicks))
        drift, kick = a * jnp.max(h.kinetic(self.grid)), b * jnp.ptp(potential)
        return jnp.pi * h.hbar / jnp.maximum(drift, kick)

    def make_step(self, dt):
        h, grid, scheme = self.hamiltonian, self.grid, self.scheme
        kinetic = [dt * part / h.hbar for part in h.kinetic_parts(grid)]
        potential = dt / h.hbar * potential_on(h.potential, grid)
        moves = depends_on_time(h.potential, grid.dim)
        kicks = () if moves else {2 * scheme.kicks[0], *scheme.kicks}
        return _SplitFlow(
            kinetic=kinetic,
            potential=(h, jnp.asarray(dt)) if moves else potential,
            drifts={a: [_phase(a * angle) for angle in kinetic] for a in scheme.drifts},
            kicks={b: _phase(b * potential) for b in kicks},
            grid=grid,
            scheme=scheme,
            is_reversible=not jnp.iscomplexobj(potential),
        )


class _SplitFlow(eqx.Module):
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
        _check_shape(psi, self.grid)
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


def _check_shape(psi, grid: Grid):
    if psi.shape != grid.shape:
        raise InputError(f"`state` must have the shape {grid.shape}, not {psi.shape}.")


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


class Chebyshev(AbstractStepper):
    """The Schrödinger equation for V(x), one step by a sum of Chebyshev polynomials of Ĥ.

    `ψ(t + dt) = e^{−iĤdt/ħ} ψ(t)`, to `tolerance` for any dt

    One transform pair for each term, about `dt (E_max − E_min)/2ħ` of them and a few tens, so
    take long steps. The range of energies is found by Lanczos' method on the grid. Gradients in
    reverse mode only, in the memory of a few states.

    Args:
        hamiltonian: Masses, ħ and V; real and without t.
        grid: Periodic box in configuration space.
        tolerance: Where the terms are cut, as a part of the norm.

    A state is a complex array of the grid's shape. Reference: see `chebyshev`.

    Raises:
        InputError: If `tolerance` is not between 0 and 1, or V depends on t or is complex.
        RuntimeError: If a step would need more than 8192 terms.
    """

    hamiltonian: Hamiltonian
    grid: Grid
    tolerance: float = eqx.field(default=1e-13, static=True, kw_only=True)

    def __check_init__(self):
        if not 0 < self.tolerance < 1:
            raise InputError(f"`tolerance` must be between 0 and 1, but is {self.tolerance}.")

    def make_step(self, dt):
        h, grid = self.hamiltonian, self.grid
        potential = potential_on(h.potential, grid)
        if depends_on_time(h.potential, grid.dim) or jnp.iscomplexobj(potential):
            raise InputError("`potential` must be real and without t here: use `SplitStep`.")
        action = _Action(dt / h.hbar * h.kinetic(grid), dt / h.hbar * potential)
        lower, upper = spectral_range(action, action.potential)
        lower = jnp.maximum(lower, jnp.min(action.potential))
        upper = jnp.minimum(upper, jnp.max(action.kinetic) + jnp.max(action.potential))
        return _ChebyshevFlow(action, series(lower, upper, self.tolerance), grid)


class _Action(eqx.Module):
    """`ψ → (dt/ħ) Ĥψ`."""

    kinetic: Float[Array, "*shape"]
    potential: Float[Array, "*shape"]

    def __call__(self, psi):
        return jnp.fft.ifftn(self.kinetic * jnp.fft.fftn(psi)) + self.potential * psi


class _ChebyshevFlow(eqx.Module):
    """One step."""

    action: _Action
    series: Series
    grid: Grid
    is_reversible: bool = eqx.field(default=True, static=True)

    def __call__(self, t, psi):
        _check_shape(psi, self.grid)
        psi = psi + 0j * self.action.potential  # complex, and as precise as it
        return exponential((self.action, psi), jax.lax.stop_gradient(self.series))

    def pullback(self, t, after, cotangent):
        """Ĥ is real, so that complex conjugation turns time back."""
        before = self(t, after.conj()).conj()
        _, pull = eqx.filter_vjp(type(self).__call__, self, t, before)
        return before, *pull(cotangent)
