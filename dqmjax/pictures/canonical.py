"""`∂ρ/∂t = δH/δS`, `∂S/∂t = −δH/δρ`."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..errors import InputError
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

    Reference: "Diffusion quantum mechanics" II, eqs. (11), (13), (14).
    """

    def equations(rho, S):
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
        return _CanonicalFlow(inner, _slope(grid, self.boost), jnp.asarray(h.hbar), grid)


class _CanonicalFlow(eqx.Module):
    """Steps of ψ, with S of the last save time beside it."""

    inner: SplitFlow
    slope: Field  # p₀·x
    hbar: Float[Array, ""]
    grid: Grid

    @property
    def is_reversible(self) -> bool:
        return self.inner.is_reversible

    def enter(self, t, state):
        rho, S = state
        for name, field in (("rho", rho), ("S", S)):
            if jnp.shape(field) != self.grid.shape or jnp.iscomplexobj(field):
                raise InputError(
                    f"`{name}` must be real and of shape {self.grid.shape}, but is of shape "
                    f"{jnp.shape(field)} and type {jnp.result_type(field)}."
                )
        rho = eqx.error_if(rho, jnp.min(rho) < 0, "`rho` must not be negative.")
        return self.inner.enter(t, from_canonical(rho, S - self.slope, self.hbar)), S

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
        rho, S = to_canonical(self.inner.leave(t, psi), self.hbar, last - self.slope)
        return rho, S + self.slope


def _slope(grid: Grid, boost: Parameter) -> Field:
    """`p₀·x`."""
    p = jnp.broadcast_to(jnp.asarray(boost), (grid.dim,))
    return jnp.tensordot(p, grid.points, 1)
