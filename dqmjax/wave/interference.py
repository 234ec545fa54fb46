"""Two-path interference with a given coherence.

Two open slits form a pure ensemble; a detector of the path makes it a mixed one. The coherence γ
interpolates between them. Reference: Z. Zakir, "Diffusion quantum mechanics" I, appendix C.
"""

import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from ..errors import InputError, field, finite, require
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
        InputError: If a known γ is not between 0 and 1, or the amplitudes have different shapes,
            or known ones contain NaN or infinity.

    Example:
        >>> x = jnp.array([0.0, jnp.pi / 2])
        >>> one, other = jnp.exp(1j * x), jnp.exp(-1j * x)
        >>> dqm.interference.two_way_density(one, other, coherence=0.5).round(3).tolist()
        [3.0, 1.0]
    """
    one, other, coherence = _checked(one, other, coherence)
    cross = 2 * coherence * jnp.real(one.conj() * other)
    return density(one) + density(other) + cross


def fringe_visibility(one: Psi, other: Psi, coherence: Scalar | float) -> Field:
    """`(ρ_max − ρ_min)/(ρ_max + ρ_min) = 2γ|ψ₁ψ₂|/(|ψ₁|² + |ψ₂|²)` of the fringes at each point,
    and 0 where both amplitudes are. Arguments and errors are those of `two_way_density`.

    Example:
        >>> x = jnp.array([0.0, jnp.pi / 2])
        >>> one, other = jnp.exp(1j * x), jnp.exp(-1j * x)
        >>> dqm.interference.fringe_visibility(one, other, coherence=0.5).round(3).tolist()
        [0.5, 0.5]
    """
    one, other, coherence = _checked(one, other, coherence)
    both = density(one) + density(other)
    empty = both == 0
    product = 2 * coherence * jnp.abs(one) * jnp.abs(other)
    return jnp.where(empty, 0.0, product / jnp.where(empty, 1.0, both))


def _checked(one: Psi, other: Psi, coherence: Scalar | float) -> tuple[Psi, Psi, Scalar | float]:
    """Amplitudes of one shape with at least one axis, and a coherence from 0 to 1."""
    one, other = field("one", one), field("other", other)
    if one.ndim == 0:
        raise InputError("`one` must have one or more axes, but is one number.")
    if one.shape != other.shape:
        raise InputError(
            f"`one` and `other` must have one shape, but have {one.shape} and {other.shape}."
        )
    within = finite("coherence", coherence, ())
    is_possible = (jnp.asarray(within) >= 0) & (jnp.asarray(within) <= 1)
    message = f"`coherence` must be between 0 and 1, but is {coherence}."
    return one, other, require(within, is_possible, message)
