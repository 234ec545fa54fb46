"""`∂ρ/∂t = δH/δS`, `∂S/∂t = −δH/δρ` for any functional H[ρ, S], also at nodes."""

import functools
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import InputError, is_known, not_negative, positive, require_instance, require_whole
from ..evolution.gauss_legendre import gauss_legendre_step
from ..evolution.status import Reason, unless
from ..evolution.stepper import AbstractStepper
from ..grid import Grid, density
from ..wave.potentials import Parameter, one_number
from .energy import CanonicalEnergy, boost_action, canonical_equations
from .split_step import Frame


class AtlasStep(AbstractStepper):
    """The canonical equations of (ρ, S) for any functional, also through nodes.

    A point with `√ρ > threshold · max √ρ` has coordinates (ρ, S), any other `√(2ħ)(Re ψ, Im ψ)`.
    Both are canonical pairs: `dρ∧dS = 2ħ dψ₁∧dψ₂`. The charts are chosen before each step, and
    one energy of the mixed coordinates is differentiated. Gauss–Legendre's method of order 6 makes
    the step symplectic. For H = T + V use `CanonicalStep`, which is about two hundred times as fast
    at equal error (`bench/canonical.py`).

    Args:
        energy: H(ρ, S), a number that depends on S modulo 2πħ only; best built from
            `CanonicalEnergy`.
        grid: Periodic box.
        hbar: ħ.
        boost: p₀, one number or one per axis, for S = p₀·x plus a periodic part; by default the
            boost of `energy`, if it has one.
        threshold: Boundary between the charts.
        iterations: Fixed-point iterations of the implicit stages in each step.
        total: ∫ρ dx.

    States, and the errors that they cause, are those of `CanonicalStep`. Take dt below about
    ħ/(T_max + V_max − V_min).

    Raises:
        RuntimeError: From `solve`, if a step is too long: its stages do not converge, or ρ reaches
            0 within it at a point with coordinates (ρ, S).

    Example:
        >>> grid = dqm.Grid(-6.0, 6.0, 32)
        >>> h = dqm.Hamiltonian(dqm.Harmonic())
        >>> step = dqm.AtlasStep(dqm.CanonicalEnergy(h, grid), grid)
        >>> start = dqm.to_canonical(dqm.coherent(grid, 1.0))
        >>> run = dqm.solve(step, start, jnp.array([0.0, 0.5]), substeps=20)
        >>> rho, S = run.final
        >>> round(float(grid.integrate(grid.points[0] * rho)), 3)  # cos 1/2
        0.878
    """

    energy: Callable
    grid: Grid
    hbar: Float[Array, ""] | float = one_number(positive, "hbar", default=1.0)
    boost: Parameter | None = eqx.field(default=None, kw_only=True)
    threshold: float = one_number(
        not_negative, "threshold", default=0.05, static=True, kw_only=True
    )
    iterations: int = eqx.field(default=20, static=True, kw_only=True)
    total: float = one_number(positive, "total", default=1.0, static=True, kw_only=True)

    def __check_init__(self):
        require_instance(Grid, grid=self.grid)
        require_whole(1, iterations=self.iterations)
        if not callable(self.energy):
            raise InputError(f"`energy` must be a function of (ρ, S), but is {self.energy!r}.")
        if not self.threshold < 1:
            raise InputError(f"`threshold` must be below 1, but is {self.threshold}.")
        if not isinstance(self.energy, CanonicalEnergy):
            return
        if self.energy.grid != self.grid:
            raise InputError(f"`grid` must be that of `energy`, {self.energy.grid}.")
        hbar = self.energy.hamiltonian.hbar
        if is_known(hbar, self.hbar) and not np.isclose(hbar, self.hbar, atol=0):
            raise InputError(f"`hbar` must be that of `energy`, {hbar}, but is {self.hbar}.")

    @property
    def order(self) -> int:
        """The global error is O(dt**order)."""
        return 6

    @property
    def _frame(self) -> Frame:
        boost = getattr(self.energy, "boost", 0.0) if self.boost is None else self.boost
        slope, total = boost_action(self.grid, boost), (self.total, self.total)
        return Frame(slope, jnp.asarray(self.hbar), self.grid, total)

    def vector(self, state):
        """`√ρ e^{iS/ħ}`."""
        return self._frame.wave(state)

    def faults(self, state):
        """Of a ρ that is no density and of a ψ that the grid does not resolve."""
        return self._frame.faults(state)

    def make_step(self, dt):
        dt = jnp.asarray(dt)
        return _AtlasFlow(self._frame, self.energy, dt, self.threshold, self.iterations)


class _AtlasFlow(eqx.Module):
    """Steps of ψ in canonical coordinates z = (a, b) of each point."""

    frame: Frame
    energy: Callable
    dt: Float[Array, ""]
    threshold: float = eqx.field(static=True)
    iterations: int = eqx.field(static=True)

    def enter(self, t, state):
        return *self.frame.enter(state), jnp.array(False)

    def leave(self, t, inside):
        return self.frame.leave(*inside[:2])

    def faults(self, inside):
        """Of a step whose implicit equations have no solution."""
        return {Reason.STEP_TOO_LONG: unless(~inside[2])}

    def __call__(self, t, inside):
        psi, last, failed = inside
        rho = density(psi)
        polar = jax.lax.stop_gradient(rho > self.threshold**2 * jnp.max(rho))
        value = functools.partial(self._value, polar)
        rate = lambda z: jnp.stack(canonical_equations(value, self.frame.grid)(*z))
        start = self._coordinates(polar, psi)
        z, converged = gauss_legendre_step(rate, start, self.dt, self.iterations)
        at_zero = (polar & ~(z[0] > 0)).any()  # its square root would be NaN
        return self._wave(polar, *z), last, failed | at_zero | ~converged

    def _coordinates(self, polar, psi):
        """(ρ, S) where `polar`, √(2ħ)ψ elsewhere."""
        hbar, safe = self.frame.hbar, jnp.where(polar, psi, 1.0)
        a = jnp.where(polar, density(safe), jnp.sqrt(2 * hbar) * psi.real)
        b = jnp.where(polar, hbar * jnp.angle(safe), jnp.sqrt(2 * hbar) * psi.imag)
        return jnp.stack([a, b])

    def _wave(self, polar, a, b):
        hbar = self.frame.hbar
        from_polar = jnp.sqrt(jnp.where(polar, a, 1.0)) * jnp.exp(
            1j * jnp.where(polar, b, 0.0) / hbar
        )
        return jnp.where(polar, from_polar, (a + 1j * b) / jnp.sqrt(2 * hbar))

    def _value(self, polar, a, b):
        """H of the mixed coordinates. A ψ close to 0 is shifted by less than the rounding of any
        sum, so that the derivatives of its polar coordinates exist."""
        hbar, least = self.frame.hbar, jnp.finfo(a.dtype).tiny ** 0.4
        x = jnp.where(polar, 1.0, jnp.where(a**2 + b**2 < least**2, a + least, a))
        y = jnp.where(polar, 0.0, b)
        rho = jnp.where(polar, a, (x**2 + y**2) / (2 * hbar))
        S = jnp.where(polar, b, hbar * jnp.arctan2(y, x))
        return self.energy(rho, S + self.frame.slope)
