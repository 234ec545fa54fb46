"""The Hamiltonian of particles in a potential."""

import inspect
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Inexact

from ..errors import InputError, require_positive
from ..grid import Grid
from .potentials import Parameter, potential_on

Scalar = Float[Array, ""]


class Hamiltonian(eqx.Module):
    """`H(x, p, t) = E₀ + Σ p_i²/2m_i + V(x, t)`, in any consistent units.

    Args:
        potential: V(x, t) for one point, x of shape (dim,): a potential or any function.
        mass: m, one number or one per axis.
        hbar: ħ.
        rest_energy: E₀, such as mc² for one particle: phases turn with it, densities do not move.

    Python floats are constants, arrays are trainable.

    Raises:
        InputError: If a constant `mass` or `hbar` is not positive, or `potential` does not take
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
        except ValueError:  # some functions do not tell
            return
        except TypeError:
            raise InputError(
                "`potential` must be a function of (x, t), all coordinates in x, but is "
                f"{self.potential!r}: see `dqmjax.potentials`, which has a `Spline` of values, too."
            ) from None

    def potential_on(self, grid: Grid, t: Scalar | float = 0.0) -> Inexact[Array, "*shape"]:
        """`E₀ + V(x, t)` at every point of `grid`."""
        return self.rest_energy + potential_on(self.potential, grid, t)

    def masses(self, grid: Grid) -> Float[Array, " dim"]:
        """m of each axis."""
        return jnp.broadcast_to(jnp.asarray(self.mass), (grid.dim,))

    def kinetic(self, grid: Grid, boost: Parameter = 0.0) -> Float[Array, "*shape"]:
        """`Σ (ħk_i + p_i)²/2m_i` at every wavenumber of `grid`, p the `boost`."""
        return sum(self.kinetic_parts(grid, boost)) + jnp.zeros(grid.shape)

    def kinetic_parts(self, grid: Grid, boost: Parameter = 0.0) -> tuple[Float[Array, "..."], ...]:
        """`(ħk_i + p_i)²/2m_i` of each axis, to be broadcast."""
        p = jnp.broadcast_to(jnp.asarray(boost), (grid.dim,))
        axes = zip(grid.waves, self.masses(grid), p, strict=True)
        return tuple((self.hbar * k + p) ** 2 / (2 * m) for k, m, p in axes)

    def apply(
        self, grid: Grid, psi: Complex[Array, "*shape"], t: Scalar | float = 0.0
    ) -> Complex[Array, "*shape"]:
        """`Ĥψ` on `grid`, spectrally exact."""
        moving = jnp.fft.ifftn(self.kinetic(grid) * jnp.fft.fftn(psi))
        return moving + self.potential_on(grid, t) * psi
