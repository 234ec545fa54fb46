"""The Hamiltonian of particles in a potential."""

import inspect
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Inexact

from ..errors import InputError, require_positive
from ..grid import Grid, one_per_axis
from .potentials import Parameter, depends_on_time, potential_on

Scalar = Float[Array, ""]


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
    """

    potential: Callable
    mass: Parameter = 1.0
    hbar: Scalar | float = 1.0
    rest_energy: Scalar | float = 0.0

    def __check_init__(self):
        require_positive(mass=self.mass, hbar=self.hbar)
        try:
            inspect.signature(self.potential).bind("x", "t")
        except ValueError:  # some built-in functions have no signature
            return
        except TypeError:
            raise InputError(
                "`potential` must be a function of (x, t), all coordinates in x, but is "
                f"{self.potential!r}. Use a potential of `dqmjax`, such as `Spline` for a curve."
            ) from None

    def potential_on(self, grid: Grid, t: Scalar | float = 0.0) -> Inexact[Array, "*shape"]:
        """`E₀ + V(x, t)` at every point of `grid`."""
        return self.rest_energy + potential_on(self.potential, grid, t)

    def depends_on_time(self, dim: int) -> bool:
        """Whether V(x, t) uses t."""
        return depends_on_time(self.potential, dim)

    def is_real(self, dim: int) -> bool:
        """Whether E₀ + V is real, so that Ĥ is Hermitian: a complex V absorbs."""
        x = jnp.zeros(dim)
        value = jax.eval_shape(lambda: self.rest_energy + jnp.asarray(self.potential(x, 0.0)))
        return not jnp.issubdtype(value.dtype, jnp.complexfloating)

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
        return one_per_axis("mass", self.mass, grid.dim)

    def kinetic(self, grid: Grid, boost: Parameter = 0.0) -> Float[Array, "*shape"]:
        """`Σ (ħk_i + p_i)²/2m_i` at every wavenumber of `grid`, p the `boost`."""
        return sum(self.kinetic_parts(grid, boost)) + jnp.zeros(grid.shape)

    def kinetic_parts(self, grid: Grid, boost: Parameter = 0.0) -> tuple[Float[Array, "..."], ...]:
        """`(ħk_i + p_i)²/2m_i` of each axis; they broadcast to the grid's shape."""
        p = one_per_axis("boost", boost, grid.dim)
        axes = zip(grid.waves, self.masses(grid), p, strict=True)
        return tuple((self.hbar * k + p) ** 2 / (2 * m) for k, m, p in axes)

    def apply(
        self, grid: Grid, psi: Complex[Array, "*shape"], t: Scalar | float = 0.0
    ) -> Complex[Array, "*shape"]:
        """`Ĥψ` on `grid`, spectrally exact."""
        return self.apply_kinetic(grid, psi) + self.potential_on(grid, t) * psi

    def apply_kinetic(self, grid: Grid, psi: Complex[Array, "*shape"]) -> Complex[Array, "*shape"]:
        """`T̂ψ` on `grid`, spectrally exact."""
        return jnp.fft.ifftn(self.kinetic(grid) * jnp.fft.fftn(psi))
