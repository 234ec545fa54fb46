"""The Hamiltonian of particles in a potential."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Inexact, Int

from ..errors import InputError, finite, positive, require, require_instance
from ..grid import Grid, field_on, one_per_axis
from .potentials import (
    Parameter,
    depends_on_time,
    numbers,
    one_number,
    potential_on,
    require_absorption,
    require_function,
    value_of,
)

Scalar = Float[Array, ""]
UNDERFLOW = (
    "`hamiltonian` has a kinetic energy ħ²k²/2m that underflows to 0. Use larger units, or double "
    "precision."
)


class Hamiltonian(eqx.Module):
    """`H(x, p, t) = E₀ + Σ p_i²/2m_i + V(x, t)`, in any consistent units.

    Args:
        potential: V(x, t) at one point, x of shape (dim,): a potential or any function.
        mass: m, one number or one per axis.
        hbar: ħ.
        rest_energy: E₀, such as mc² for one particle. It changes phases only, not densities.

    Python floats are constants, arrays are trainable.

    Raises:
        InputError: If a known `mass` or `hbar` is not positive, or `potential` does not take
            (x, t).

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> h = dqm.Hamiltonian(lambda x, t: 2.0 * x[0] ** 2, mass=1.0)  # ω = 2
        >>> round(float(dqm.ground_state(h, grid)[0]), 3)
        1.0
    """

    potential: Callable = eqx.field(converter=require_function)
    mass: Parameter = numbers(positive, "mass", default=1.0)
    hbar: Scalar | float = one_number(positive, "hbar", default=1.0)
    rest_energy: Scalar | float = one_number(finite, "rest_energy", default=0.0)

    def potential_on(self, grid: Grid, t: Scalar | float = 0.0) -> Inexact[Array, "*shape"]:
        """`E₀ + V(x, t)` at every point of `grid`."""
        values = self.rest_energy + potential_on(self.potential, grid, t)
        values = require_absorption(self.potential, self.masses(grid), self.hbar, values)
        return grid.place(values)

    def require_absorbing(self, grid: Grid):
        """Checks that every `AbsorbingEdges` of known width absorbs.

        Raises:
            InputError: With the least width.
        """
        require_absorption(self.potential, self.masses(grid), self.hbar, jnp.zeros(()))

    def depends_on_time(self, dim: int) -> bool:
        """Whether V(x, t) uses t."""
        return depends_on_time(self.potential, dim)

    def is_real(self, dim: int) -> bool:
        """Whether E₀ + V is real, so that Ĥ is Hermitian: a complex V absorbs."""
        return not jnp.issubdtype(value_of(self.potential, dim).dtype, jnp.complexfloating)

    def require_static(self, dim: int, remedy: str):
        """Checks that V does not depend on t.

        Raises:
            InputError: With the `remedy`, a sentence.
        """
        if self.depends_on_time(dim):
            raise InputError(f"`potential` must not depend on t here, but does. {remedy}")

    def require_real(self, dim: int, remedy: str):
        """Checks that V is real.

        Raises:
            InputError: With the `remedy`, a sentence.
        """
        if not self.is_real(dim):
            raise InputError(f"`potential` must be real here, but is complex. {remedy}")

    def masses(self, grid: Grid) -> Float[Array, " dim"]:
        """m of each axis."""
        require_instance(Grid, grid=grid)
        return one_per_axis("mass", self.mass, grid.dim)

    def kinetic(self, grid: Grid, boost: Parameter = 0.0) -> Float[Array, "*shape"]:
        """`Σ (ħk_i + p_i)²/2m_i` at every wavenumber of `grid`, p the `boost`."""
        parts = self.kinetic_parts(grid, boost)
        return grid.place_waves(sum(parts) + jnp.zeros(grid.shape))

    def kinetic_parts(self, grid: Grid, boost: Parameter = 0.0) -> tuple[Float[Array, "..."], ...]:
        """`(ħk_i + p_i)²/2m_i` of each axis; they broadcast to the grid's shape.

        Raises:
            InputError: If these energies underflow.
        """
        masses = self.masses(grid)
        p = one_per_axis("boost", finite("boost", boost), grid.dim)
        axes = zip(grid.waves, masses, p, strict=True)
        return tuple(_kinetic(self.hbar * k + p, m) for k, m, p in axes)

    def apply(
        self, grid: Grid, psi: Complex[Array, "*shape"], t: Scalar | float = 0.0
    ) -> Complex[Array, "*shape"]:
        """`Ĥψ` on `grid`, spectrally exact."""
        return self.apply_kinetic(grid, psi) + self.potential_on(grid, t) * psi

    def apply_kinetic(self, grid: Grid, psi: Complex[Array, "*shape"]) -> Complex[Array, "*shape"]:
        """`T̂ψ` on `grid`, spectrally exact."""
        psi = field_on(grid, "psi", psi)
        return grid.ifft(self.kinetic(grid) * grid.fft(psi))


def _kinetic(momenta: Float[Array, "..."], mass: Scalar) -> Float[Array, "..."]:
    """`p²/2m` of distinct momenta."""
    energies, vanishing = _energies(momenta, mass)
    return require(energies, vanishing <= 1, UNDERFLOW)


@jax.jit
def _energies(
    momenta: Float[Array, "..."], mass: Scalar
) -> tuple[Float[Array, "..."], Int[Array, ""]]:
    """`p²/2m`, without p² itself, which SI units let underflow to 0; how many of them vanish."""
    velocities = jax.lax.optimization_barrier(momenta / mass)  # else XLA multiplies p by p first
    energies = momenta * velocities / 2
    return energies, jnp.sum(jnp.abs(energies) < jnp.finfo(energies.dtype).tiny)
