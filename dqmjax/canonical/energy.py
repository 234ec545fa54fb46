"""Functionals of (ρ, S): the energy, the motion that a functional generates, Poisson brackets.

Reference: Z. Zakir, "Diffusion quantum mechanics" II.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import InputError, finite, is_known, require_instance, require_real
from ..grid import Grid, field_on, one_per_axis
from ..user_function import called_once
from ..wave.hamiltonian import Hamiltonian
from ..wave.observables import kinetic_energy, potential_energy
from ..wave.potentials import Parameter, numbers
from .polar import from_canonical

Field = Float[Array, "*shape"]
Scalar = Float[Array, ""]
Functional = Callable[[Field, Field], Array]


class CanonicalEnergy(eqx.Module):
    """`H[ρ, S] = ∫ (E₀ + (∇S)²/2m + (ħ²/8m)(∇ρ/ρ)² + V) ρ dx = ⟨ψ|Ĥ|ψ⟩`, `ψ = √ρ e^{iS/ħ}`.

    The energy of the drift, of the diffusion flux ρu = −(ħ/2m)∇ρ and of the potential. It is
    evaluated as ⟨ψ|Ĥ|ψ⟩, in which S counts modulo 2πħ: nodes and vortices are allowed, and the cost
    does not depend on the contrast of ρ. Derivatives with respect to ρ need ρ > 0.

    The diffusion constant is D = ħ/2m. For another D set `hbar` to 2mD: ħ enters only there, and
    D → 0 is the ensemble of classical mechanics.

    Args:
        hamiltonian: Masses, ħ and V.
        grid: Periodic box.
        boost: p₀, one number or one per axis; S is p₀·x plus a periodic part.

    Raises:
        InputError: When called, if V is complex, or depends on t and t is not given.

    Reference: Z. Zakir, "Diffusion quantum mechanics" II, eq. (8).

    Example:
        >>> grid = dqm.Grid(-6.0, 6.0, 32)
        >>> h = dqm.Hamiltonian(dqm.Harmonic())
        >>> rho, S = jnp.abs(dqm.coherent(grid, 0.0)) ** 2, jnp.zeros(32)
        >>> round(float(dqm.CanonicalEnergy(h, grid)(rho, S)), 3)
        0.5
    """

    hamiltonian: Hamiltonian
    grid: Grid
    boost: Parameter = numbers(finite, "boost", default=0.0)

    def __check_init__(self):
        require_instance(Hamiltonian, hamiltonian=self.hamiltonian)
        require_instance(Grid, grid=self.grid)
        one_per_axis("boost", self.boost, self.grid.dim)

    def __call__(self, rho: Field, S: Field, t=None) -> Scalar:
        h, grid = self.hamiltonian, self.grid
        rho, S = _pair(grid, rho, S)
        h.require_real(grid.dim, "A functional of (ρ, S) cannot absorb: use `CanonicalStep`.")
        if t is None:
            h.require_static(grid.dim, "Give `t`, or use `CanonicalStep`.")
        t = 0.0 if t is None else t
        psi = from_canonical(rho, S - boost_action(grid, self.boost), h.hbar)
        kinetic = kinetic_energy(h, grid, psi, self.boost)
        rest = h.rest_energy * grid.integrate(rho)
        return kinetic + potential_energy(h, grid, psi, t) + rest


def canonical_equations(
    energy: Functional, grid: Grid
) -> Callable[[Field, Field], tuple[Field, Field]]:
    """`(ρ, S) → (∂ρ/∂t, ∂S/∂t) = (δH/δS, −δH/δρ)` of any functional, by automatic differentiation.

    Args:
        energy: H(ρ, S), a number: a `CanonicalEnergy`, or one with additional terms, such as
            `lambda rho, S: H(rho, S) + g * grid.integrate(rho**2) / 2`.
        grid: Periodic box. Its cell w enters `δ/δρ(x_i) = (1/w) ∂/∂ρ_i`.

    Additional terms with derivatives of ρ and S are accurate only if ρ has no small values: at
    ρ_min/ρ_max = 1e-2 they lose ten digits, below 1e-3 all (`bench/canonical.py`).

    Raises:
        InputError: If `energy` does not return one real number, a known ρ is not positive, or
            known derivatives are not finite.

    Reference: "Diffusion quantum mechanics" II, eqs. (11), (13), (14).

    Example:
        >>> grid = dqm.Grid(-6.0, 6.0, 32)
        >>> h = dqm.Hamiltonian(dqm.Harmonic())
        >>> equations = dqm.canonical_equations(dqm.CanonicalEnergy(h, grid), grid)
        >>> d_rho, d_S = equations(jnp.abs(dqm.coherent(grid, 0.0)) ** 2, jnp.zeros(32))
        >>> round(float(d_S[16]), 3)  # −E of the ground state, at x = 0
        -0.5
    """

    _require_functional("energy", energy, grid)

    def equations(rho, S):
        rho, S = _pair(grid, rho, S)
        value = called_once("energy", energy, *np.ones((2, *grid.shape)))
        if value.shape != () or not jnp.issubdtype(value.dtype, jnp.floating):
            raise InputError(
                f"`energy` must return one real number, but returns shape {value.shape} "
                f"and type {value.dtype}."
            )
        if is_known(rho) and not (np.asarray(rho) > 0).all():
            raise InputError(
                f"`rho` must be positive everywhere, but its least value is {jnp.min(rho)}: "
                "`AtlasStep` allows nodes."
            )
        slopes = jax.grad(energy, argnums=(0, 1))(rho, S)
        if is_known(slopes) and not np.isfinite(slopes).all():
            raise InputError(
                "`energy` must have finite derivatives at `rho` and `S`, but they are infinite or "
                "NaN: check its logarithms, roots and quotients."
            )
        return slopes[1] / grid.cell, -slopes[0] / grid.cell

    return equations


def bracket(a: Functional, b: Functional, grid: Grid) -> Functional:
    """`{A, B} = ∫ (δA/δρ δB/δS − δB/δρ δA/δS) dx`, itself a functional of (ρ, S).

    It is the rate of change of A along the motion that B generates: `dA/dt = {A, H}`. A may be a
    number, a list of numbers or a field; B is a number. Reference: "Diffusion quantum mechanics"
    II, eq. (9).

    Example:
        >>> grid = dqm.Grid(-6.0, 6.0, 32)
        >>> h = dqm.Hamiltonian(dqm.Harmonic())
        >>> energy = dqm.CanonicalEnergy(h, grid, boost=2.0)
        >>> position = lambda rho, S: grid.integrate(grid.points[0] * rho)
        >>> rho, S = jnp.abs(dqm.coherent(grid, 0.0)) ** 2, 2.0 * grid.points[0]
        >>> rate = dqm.bracket(position, energy, grid)(rho, S)
        >>> round(float(rate), 3)  # p₀/m
        2.0
    """

    _require_functional("a", a, grid)
    _require_functional("b", b, grid)

    def value(rho, S):
        return jax.jvp(a, (rho, S), canonical_equations(b, grid)(rho, S))[1]

    return value


def _require_functional(name: str, functional: Functional, grid: Grid):
    """Checks that a functional can be called, and is one of fields on `grid`.

    Raises:
        InputError: Naming the argument.
    """
    require_instance(Grid, grid=grid)
    if isinstance(functional, CanonicalEnergy) and functional.grid != grid:
        raise InputError(f"`grid` must be that of `{name}`, {functional.grid}, but is {grid}.")
    if not callable(functional):
        raise InputError(f"`{name}` must be a function of (rho, S), but is {functional!r}.")


def _pair(grid: Grid, rho: Field, S: Field) -> tuple[Field, Field]:
    """ρ and S as real arrays on `grid`."""
    require_real("rho", rho)
    require_real("S", S)
    return field_on(grid, "rho", rho), field_on(grid, "S", S)


def boost_action(grid: Grid, boost: Parameter) -> Float[Array, "*shape"]:
    """`p₀·x`, the part of S that a boost adds."""
    return jnp.tensordot(one_per_axis("boost", finite("boost", boost), grid.dim), grid.points, 1)
