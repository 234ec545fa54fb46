"""`∂ρ/∂t = δH/δS`, `∂S/∂t = −δH/δρ`."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..errors import InputError
from ..functionals import Field, Functional, boost_action, canonical_equations
from ..gauss_legendre import gauss_legendre_step
from ..grid import Grid
from ..hamiltonian import Hamiltonian
from ..observables import unresolved_share
from ..phase import density, from_canonical, to_canonical
from ..potentials import Parameter
from ..split_flow import SplitFlow, split_flow
from ..splitting import Scheme, nystrom6
from ..stepper import AbstractStepper

UNRESOLVED = 1e-2  # over the points of an axis: greatest share of ψ in the upper third of waves
NOT_RESOLVED = (
    "√ρ e^{iS/ħ} is not resolved by the grid: where ρ is not small, S must not jump but by 2πħ; "
    "else take more points."
)
NOT_CONVERGED = "The stages did not converge: take more `substeps`, or more `iterations`."
AT_ZERO = "A site with (ρ, S) reached ρ = 0 within a step: take more `substeps` or `threshold`."


class CanonicalStep(AbstractStepper):
    """The canonical equations of (ρ, S) for H = T + V, by splitting.

    Both sub-flows are exact: V adds −V dt to S, and the free motion is a rotation in the linear
    chart `ψ = √ρ e^{iS/ħ}`, which is canonical too. So one step is one symplectic map of (ρ, S),
    right through nodes, vacuum and vortices. The order is the scheme's.

    S comes out continuous as `to_canonical` makes it, in space and from save time to save time
    where its greatest ρ changes S by less than πħ between them.

    Args:
        hamiltonian: Masses, ħ and V.
        grid: Periodic box.
        scheme: Coefficients; any of `splitting`.
        boost: p₀, one number or one per axis, for S = p₀·x and a periodic part.
        total: ∫ρ dx, which only absorbing edges may make smaller.

    A state is the pair (ρ, S) of real arrays of the grid's shape. S may jump by whole turns of
    2πħ anywhere, and by anything where ρ vanishes.

    Raises:
        InputError: If ρ or S has another shape, or is complex.
        RuntimeError: If at a save time ρ is negative or does not integrate to `total`, or more of
            `√ρ e^{iS/ħ}` than 1 in 100 n, n the points of an axis, is in the upper third of wave
            numbers, as by a jump of S.
    """

    hamiltonian: Hamiltonian
    grid: Grid
    scheme: Scheme = eqx.field(default=nystrom6, static=True)
    boost: Parameter = eqx.field(default=0.0, kw_only=True)
    total: float = eqx.field(default=1.0, static=True, kw_only=True)

    def make_step(self, dt):
        h, grid = self.hamiltonian, self.grid
        inner = split_flow(h, grid, self.scheme, dt, self.boost)
        total = (self.total if inner.is_reversible else 0.0, self.total)
        return _CanonicalFlow(
            inner, _Frame(boost_action(grid, self.boost), jnp.asarray(h.hbar), grid, total)
        )


class _Frame(eqx.Module):
    """Between (ρ, S) and ψ, with S of the last save time beside it to be continued."""

    slope: Field  # p₀·x
    hbar: Float[Array, ""]
    grid: Grid
    total: tuple[float, float] = eqx.field(static=True)  # least and greatest

    def enter(self, state):
        rho, S = state
        for name, field in (("rho", rho), ("S", S)):
            if jnp.shape(field) != self.grid.shape or jnp.iscomplexobj(field):
                raise InputError(
                    f"`{name}` must be real and of shape {self.grid.shape}, but is of shape "
                    f"{jnp.shape(field)} and type {jnp.result_type(field)}."
                )
        psi = from_canonical(rho, S - self.slope, self.hbar)
        return self._checked(rho, psi), S

    def _checked(self, rho, psi):
        """ψ, if ρ and S can be meant."""
        total, (least, greatest) = self.grid.integrate(rho), self.total
        faults = {
            "`rho` must not be negative.": jnp.min(rho) < 0,
            f"`rho` must integrate to {greatest} over the box; or say which `total`.": ~(
                (total >= (1 - 1e-4) * least) & (total <= (1 + 1e-4) * greatest)
            ),
            NOT_RESOLVED: self._is_unresolved(psi),
        }
        kinds = jnp.stack(list(faults.values()))
        return eqx.branched_error_if(psi, kinds.any(), jnp.argmax(kinds), list(faults))

    def leave(self, psi, last):
        psi = eqx.error_if(psi, self._is_unresolved(psi), NOT_RESOLVED)
        rho, S = to_canonical(psi, self.hbar, last - self.slope)
        return rho, S + self.slope

    def _is_unresolved(self, psi):
        return unresolved_share(self.grid, psi) > UNRESOLVED / max(self.grid.shape)


class _CanonicalFlow(eqx.Module):
    """Steps of ψ by kicks and drifts."""

    inner: SplitFlow
    frame: _Frame

    @property
    def is_reversible(self) -> bool:
        return self.inner.is_reversible

    def enter(self, t, state):
        psi, last = self.frame.enter(state)
        return self.inner.enter(t, psi), last

    def __call__(self, t, state):
        psi, last = state
        return self.inner(t, psi), last

    def pullback(self, t, after, cotangent):
        (after, last), (cotangent, d_last) = after, cotangent
        before, d_inner, d_t, cotangent = self.inner.pullback(t, after, cotangent)
        zeros = jax.tree.map(jnp.zeros_like, eqx.filter(self, eqx.is_inexact_array))
        d_self = eqx.tree_at(lambda flow: flow.inner, zeros, d_inner)
        return (before, last), d_self, d_t, (cotangent, d_last)

    def leave(self, t, state):
        psi, last = state
        return self.frame.leave(self.inner.leave(t, psi), last)


class AtlasStep(AbstractStepper):
    """The canonical equations of (ρ, S) for any functional, right through nodes.

    Where `√ρ > threshold · max √ρ` a site carries (ρ, S), elsewhere `√(2ħ)(Re ψ, Im ψ)`, which is
    a canonical pair as well: `dρ∧dS = 2ħ dψ₁∧dψ₂`. The charts are chosen anew before each step,
    the one energy of the mixed coordinates is differentiated, and Gauss–Legendre's method of
    order 6 makes the step symplectic. Use `CanonicalStep` where H = T + V: it is
    some two hundred times as fast at equal error (`bench/canonical.py`).

    Args:
        energy: H(ρ, S), a number, that counts S modulo 2πħ; best made of `CanonicalEnergy`.
        grid: Periodic box.
        hbar: ħ.
        boost: p₀, one number or one per axis, for S = p₀·x and a periodic part; by default that of
            `energy`, if it has one.
        threshold: Where the charts meet.
        iterations: Of the implicit stages in each step.
        total: ∫ρ dx.

    A state, and what is raised for it, is as of `CanonicalStep`. Steps want dt below about
    1/(T_max + V_max − V_min) in units of ħ.

    Raises:
        RuntimeError: If the stages of a step do not converge, or ρ reaches 0 within a step at a
            site that carries (ρ, S).
    """

    energy: Functional
    grid: Grid
    hbar: Float[Array, ""] | float = 1.0
    boost: Parameter | None = eqx.field(default=None, kw_only=True)
    threshold: float = eqx.field(default=0.05, static=True, kw_only=True)
    iterations: int = eqx.field(default=20, static=True, kw_only=True)
    total: float = eqx.field(default=1.0, static=True, kw_only=True)

    def make_step(self, dt):
        boost = getattr(self.energy, "boost", 0.0) if self.boost is None else self.boost
        slope, total = boost_action(self.grid, boost), (self.total, self.total)
        frame = _Frame(slope, jnp.asarray(self.hbar), self.grid, total)
        return _AtlasFlow(frame, self.energy, jnp.asarray(dt), self.threshold, self.iterations)


class _AtlasFlow(eqx.Module):
    """Steps of ψ through canonical coordinates z = (a, b) of each site."""

    frame: _Frame
    energy: Functional
    dt: Float[Array, ""]
    threshold: float = eqx.field(static=True)
    iterations: int = eqx.field(static=True)

    def enter(self, t, state):
        return self.frame.enter(state)

    def leave(self, t, state):
        return self.frame.leave(*state)

    def __call__(self, t, state):
        psi, last = state
        rho = density(psi)
        polar = jax.lax.stop_gradient(rho > self.threshold**2 * jnp.max(rho))
        value = functools.partial(self._value, polar)
        rate = lambda z: jnp.stack(canonical_equations(value, self.frame.grid)(*z))
        start = self._coordinates(polar, psi)
        z, settled = gauss_legendre_step(rate, start, self.dt, self.iterations)
        at_zero = (polar & ~(z[0] > 0)).any()  # of which roots make NaN
        fault, messages = jnp.where(at_zero, 1, 0), [NOT_CONVERGED, AT_ZERO]
        z = eqx.branched_error_if(z, ~settled | at_zero, fault, messages)
        return self._wave(polar, *z), last

    def _coordinates(self, polar, psi):
        """(ρ, S) where `polar`, √(2ħ)ψ elsewhere."""
        hbar, safe = self.frame.hbar, jnp.where(polar, psi, 1.0)
        a = jnp.where(polar, density(safe), jnp.sqrt(2 * hbar) * psi.real)
        b = jnp.where(polar, hbar * jnp.angle(safe), jnp.sqrt(2 * hbar) * psi.imag)
        return jnp.stack([a, b])

    def _wave(self, polar, a, b):
        hbar = self.frame.hbar
        turning = jnp.sqrt(jnp.where(polar, a, 1.0)) * jnp.exp(1j * jnp.where(polar, b, 0.0) / hbar)
        return jnp.where(polar, turning, (a + 1j * b) / jnp.sqrt(2 * hbar))

    def _value(self, polar, a, b):
        """H of the mixed coordinates. A ψ of nearly 0 is lifted by less than any sum can feel, so
        that the derivatives of its polar coordinates exist."""
        hbar, least = self.frame.hbar, jnp.finfo(a.dtype).tiny ** 0.4
        x = jnp.where(polar, 1.0, jnp.where(a**2 + b**2 < least**2, a + least, a))
        y = jnp.where(polar, 0.0, b)
        rho = jnp.where(polar, a, (x**2 + y**2) / (2 * hbar))
        S = jnp.where(polar, b, hbar * jnp.arctan2(y, x))
        return self.energy(rho, S + self.frame.slope)
