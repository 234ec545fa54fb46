"""`∂ρ/∂t = δH/δS`, `∂S/∂t = −δH/δρ`."""

import functools
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..errors import InputError
from ..gauss_legendre import gauss_legendre_step
from ..grid import Grid
from ..hamiltonian import Hamiltonian
from ..observables import kinetic_energy, potential_energy
from ..phase import from_canonical, to_canonical
from ..potentials import Parameter
from ..split_flow import SplitFlow, split_flow
from ..splitting import Scheme, nystrom6
from ..stepper import AbstractStepper

Field = Float[Array, "*shape"]
Functional = Callable[[Field, Field], Array]


class CanonicalEnergy(eqx.Module):
    """`H[ρ, S] = ∫ ((∇S)²/2m + (ħ²/8m)(∇ρ/ρ)² + V) ρ dx = ⟨ψ|Ĥ|ψ⟩`, `ψ = √ρ e^{iS/ħ}`.

    The energy of the drift, of the diffusion flux ρu = −(ħ/2m)∇ρ and of the potential, in its
    compact form: S counts modulo 2πħ, so that nodes and vortices are allowed, and the cost does
    not rise with the contrast of ρ. Derivatives to ρ want ρ > 0.

    Args:
        hamiltonian: Masses, ħ and V.
        grid: Periodic box.
        boost: p₀, one number or one per axis; S is p₀·x and a periodic part.

    Reference: Z. Zakir, "Diffusion quantum mechanics" II, eq. (8).
    """

    hamiltonian: Hamiltonian
    grid: Grid
    boost: Parameter = 0.0

    def __call__(self, rho: Field, S: Field, t=0.0) -> Float[Array, ""]:
        h, grid = self.hamiltonian, self.grid
        psi = from_canonical(rho, S - _slope(grid, self.boost), h.hbar)
        kinetic = kinetic_energy(h, grid, psi, self.boost)
        return kinetic + potential_energy(h, grid, psi, t)


def canonical_equations(
    energy: Functional, grid: Grid
) -> Callable[[Field, Field], tuple[Field, Field]]:
    """`(ρ, S) → (∂ρ/∂t, ∂S/∂t) = (δH/δS, −δH/δρ)` of any functional, by automatic differentiation.

    Args:
        energy: H(ρ, S), a number: a `CanonicalEnergy`, or that with terms of your own, such as
            `lambda rho, S: H(rho, S) + g * grid.integrate(rho**2) / 2`.
        grid: Whose cell w turns derivatives into functional ones, `δ/δρ(x_i) = (1/w) ∂/∂ρ_i`.

    Write derivatives of ρ and S into a functional of your own only where ρ has no small values:
    at ρ_min/ρ_max = 1e-2 they cost ten digits, below 1e-3 all (`bench/canonical.py`).

    Raises:
        InputError: If `energy` does not return one real number.

    Reference: "Diffusion quantum mechanics" II, eqs. (11), (13), (14).
    """

    def equations(rho, S):
        value = jax.eval_shape(energy, rho, S)
        if value.shape != () or not jnp.issubdtype(value.dtype, jnp.floating):
            raise InputError(
                f"`energy(rho, S)` must return one real number, but returns shape {value.shape} "
                f"and type {value.dtype}."
            )
        d_rho, d_S = jax.grad(energy, argnums=(0, 1))(rho, S)
        return d_S / grid.cell, -d_rho / grid.cell

    return equations


def bracket(a: Functional, b: Functional, grid: Grid) -> Functional:
    """`{A, B} = ∫ (δA/δρ δB/δS − δB/δρ δA/δS) dx`, itself a functional of (ρ, S).

    It is how A changes along the motion that B generates, so `dA/dt = {A, H}`, and A may be a
    field or a list of numbers; B is one number. Reference: eq. (9) there.
    """

    def value(rho, S):
        return jax.jvp(a, (rho, S), canonical_equations(b, grid)(rho, S))[1]

    return value


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

    A state is the pair (ρ, S) of real arrays of the grid's shape.
    """

    hamiltonian: Hamiltonian
    grid: Grid
    scheme: Scheme = eqx.field(default=nystrom6, static=True)
    boost: Parameter = eqx.field(default=0.0, kw_only=True)

    def make_step(self, dt):
        h, grid = self.hamiltonian, self.grid
        inner = split_flow(h, grid, self.scheme, dt, self.boost)
        return _CanonicalFlow(inner, _Frame(_slope(grid, self.boost), jnp.asarray(h.hbar), grid))


class _Frame(eqx.Module):
    """Between (ρ, S) and ψ, with S of the last save time beside it to be continued."""

    slope: Field  # p₀·x
    hbar: Float[Array, ""]
    grid: Grid

    def enter(self, state):
        rho, S = state
        for name, field in (("rho", rho), ("S", S)):
            if jnp.shape(field) != self.grid.shape or jnp.iscomplexobj(field):
                raise InputError(
                    f"`{name}` must be real and of shape {self.grid.shape}, but is of shape "
                    f"{jnp.shape(field)} and type {jnp.result_type(field)}."
                )
        rho = eqx.error_if(rho, jnp.min(rho) < 0, "`rho` must not be negative.")
        return from_canonical(rho, S - self.slope, self.hbar), S

    def leave(self, psi, last):
        rho, S = to_canonical(psi, self.hbar, last - self.slope)
        return rho, S + self.slope


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
        boost: p₀, one number or one per axis, for S = p₀·x and a periodic part.
        threshold: Where the charts meet.
        iterations: Of the implicit stages in each step.

    A state is the pair (ρ, S) of real arrays of the grid's shape. Steps want dt below about
    1/(T_max + V_max − V_min) in units of ħ.

    Raises:
        RuntimeError: If the stages of a step do not converge.
    """

    energy: Functional
    grid: Grid
    hbar: Float[Array, ""] | float = 1.0
    boost: Parameter = eqx.field(default=0.0, kw_only=True)
    threshold: float = eqx.field(default=0.05, static=True, kw_only=True)
    iterations: int = eqx.field(default=20, static=True, kw_only=True)

    def make_step(self, dt):
        frame = _Frame(_slope(self.grid, self.boost), jnp.asarray(self.hbar), self.grid)
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
        rho = jnp.abs(psi) ** 2
        polar = jax.lax.stop_gradient(rho > self.threshold**2 * jnp.max(rho))
        value = functools.partial(self._value, polar)
        rate = lambda z: jnp.stack(canonical_equations(value, self.frame.grid)(*z))
        z = gauss_legendre_step(rate, self._coordinates(polar, psi), self.dt, self.iterations)
        return self._wave(polar, *z), last

    def _coordinates(self, polar, psi):
        """(ρ, S) where `polar`, √(2ħ)ψ elsewhere."""
        hbar, safe = self.frame.hbar, jnp.where(polar, psi, 1.0)
        a = jnp.where(polar, jnp.abs(safe) ** 2, jnp.sqrt(2 * hbar) * psi.real)
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


def _slope(grid: Grid, boost: Parameter) -> Field:
    """`p₀·x`."""
    p = jnp.broadcast_to(jnp.asarray(boost), (grid.dim,))
    return jnp.tensordot(p, grid.points, 1)
