"""Functionals of (ρ, S): the energy, what any of them generates, and their brackets.

After Z. Zakir, "Diffusion quantum mechanics" II.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from ..errors import InputError
from ..grid import Grid
from ..wave.hamiltonian import Hamiltonian
from ..wave.observables import kinetic_energy, potential_energy
from ..wave.potentials import Parameter, depends_on_time
from .polar import from_canonical

Field = Float[Array, "*shape"]
Scalar = Float[Array, ""]
Functional = Callable[[Field, Field], Array]


class CanonicalEnergy(eqx.Module):
    """`H[ρ, S] = ∫ (E₀ + (∇S)²/2m + (ħ²/8m)(∇ρ/ρ)² + V) ρ dx = ⟨ψ|Ĥ|ψ⟩`, `ψ = √ρ e^{iS/ħ}`.

    The energy of the drift, of the diffusion flux ρu = −(ħ/2m)∇ρ and of the potential, in its
    compact form: S counts modulo 2πħ, so that nodes and vortices are allowed, and the cost does
    not rise with the contrast of ρ. Derivatives to ρ want ρ > 0.

    The diffusion constant is D = ħ/2m; for a D of your own beside it set `hbar` to 2mD: only there
    does ħ enter, and D → 0 is the ensemble of classical mechanics.

    Args:
        hamiltonian: Masses, ħ and V.
        grid: Periodic box.
        boost: p₀, one number or one per axis; S is p₀·x and a periodic part.

    Raises:
        InputError: When called, if V absorbs, or depends on t and t is not given.

    Reference: Z. Zakir, "Diffusion quantum mechanics" II, eq. (8).
    """

    hamiltonian: Hamiltonian
    grid: Grid
    boost: Parameter = 0.0

    def __call__(self, rho: Field, S: Field, t=None) -> Scalar:
        h, grid = self.hamiltonian, self.grid
        if t is None and depends_on_time(h.potential, grid.dim):
            raise InputError("`t` must be given, since V depends on it: or use `CanonicalStep`.")
        if jnp.iscomplexobj(h.potential_on(grid, 0.0 if t is None else t)):
            raise InputError("`potential` must be real: what absorbs is no functional of (ρ, S).")
        psi = from_canonical(rho, S - boost_action(grid, self.boost), h.hbar)
        kinetic = kinetic_energy(h, grid, psi, self.boost)
        rest = h.rest_energy * grid.integrate(rho)
        return kinetic + potential_energy(h, grid, psi, 0.0 if t is None else t) + rest


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
        InputError: If `energy` does not return one real number, or what is known now of ρ is not
            positive, or of the derivatives not finite.

    Reference: "Diffusion quantum mechanics" II, eqs. (11), (13), (14).
    """

    def equations(rho, S):
        value = jax.eval_shape(energy, rho, S)
        if value.shape != () or not jnp.issubdtype(value.dtype, jnp.floating):
            raise InputError(
                f"`energy(rho, S)` must return one real number, but returns shape {value.shape} "
                f"and type {value.dtype}."
            )
        if not isinstance(rho, Tracer) and not (np.asarray(rho) > 0).all():
            raise InputError("`rho` must be positive everywhere, where ψ has no node or vacuum.")
        slopes = jax.grad(energy, argnums=(0, 1))(rho, S)
        if not isinstance(slopes[0], Tracer) and not np.isfinite(slopes).all():
            raise InputError(
                "`energy` must have finite derivatives at `rho` and `S`, but has none."
            )
        return slopes[1] / grid.cell, -slopes[0] / grid.cell

    return equations


def bracket(a: Functional, b: Functional, grid: Grid) -> Functional:
    """`{A, B} = ∫ (δA/δρ δB/δS − δB/δρ δA/δS) dx`, itself a functional of (ρ, S).

    It is how A changes along the motion that B generates, so `dA/dt = {A, H}`, and A may be a
    field or a list of numbers; B is one number. Reference: eq. (9) there.
    """

    def value(rho, S):
        return jax.jvp(a, (rho, S), canonical_equations(b, grid)(rho, S))[1]

    return value


def boost_action(grid: Grid, boost: Parameter) -> Float[Array, "*shape"]:
    """`p₀·x`, the part of S that a boost adds."""
    p = jnp.broadcast_to(jnp.asarray(boost), (grid.dim,))
    return jnp.tensordot(p, grid.points, 1)
