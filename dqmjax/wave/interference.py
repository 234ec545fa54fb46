"""Two-path interference with a given coherence.

Two open slits form a pure ensemble; a detector of the path makes it a mixed one. The coherence γ
interpolates between them. Reference: Z. Zakir, "Diffusion quantum mechanics" I, appendix C.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..errors import InputError, is_known
from ..grid import density

Psi = Complex[Array, "*shape"]
Field = Float[Array, "*shape"]
Scalar = Float[Array, ""]


def two_way_density(one: Psi, other: Psi, coherence: Scalar | float) -> Field:
    """`ρ = |ψ₁|² + |ψ₂|² + 2γ Re ψ₁*ψ₂`.

    Args:
        one, other: Amplitudes of the two paths at the same time, of one shape.
        coherence: γ, from 0 (the path is always detected) to 1 (never).

    Raises:
        InputError: If a known γ is not between 0 and 1.
    """
    _require_coherence(coherence)
    cross = 2 * coherence * jnp.real(one.conj() * other)
    return density(one) + density(other) + cross


def fringe_visibility(one: Psi, other: Psi, coherence: Scalar | float) -> Field:
    """`(ρ_max − ρ_min)/(ρ_max + ρ_min) = 2γ|ψ₁ψ₂|/(|ψ₁|² + |ψ₂|²)` of the fringes at each point,
    and 0 where both amplitudes are. Arguments and errors are those of `two_way_density`."""
    _require_coherence(coherence)
    both = density(one) + density(other)
    empty = both == 0
    product = 2 * coherence * jnp.abs(one) * jnp.abs(other)
    return jnp.where(empty, 0.0, product / jnp.where(empty, 1.0, both))


def _require_coherence(coherence):
    if is_known(coherence) and not (0 <= np.asarray(coherence) <= 1).all():
        raise InputError(f"`coherence` must be between 0 and 1, but is {coherence}.")
