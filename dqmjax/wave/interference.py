"""Two ways to one place, with and without a count of which was taken.

After Z. Zakir, "Diffusion quantum mechanics" I, appendix C: both slits open make a pure ensemble,
a counter behind them a mixed one; coherence γ is what lies between.
"""

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Complex, Float

from ..errors import InputError
from ..grid import density

Psi = Complex[Array, "*shape"]
Field = Float[Array, "*shape"]
Scalar = Float[Array, ""]


def two_way_density(one: Psi, other: Psi, coherence: Scalar | float) -> Field:
    """`ρ = |ψ₁|² + |ψ₂|² + 2γ Re ψ₁*ψ₂`.

    Args:
        one, other: Amplitudes by each way at the same time, of one shape.
        coherence: γ from 0 (every passage counted) to 1 (none).

    Raises:
        InputError: If a γ known now is not between 0 and 1.
    """
    _require_coherence(coherence)
    cross = 2 * coherence * jnp.real(one.conj() * other)
    return density(one) + density(other) + cross


def fringe_visibility(one: Psi, other: Psi, coherence: Scalar | float) -> Field:
    """`(ρ_max − ρ_min)/(ρ_max + ρ_min) = 2γ|ψ₁ψ₂|/(|ψ₁|² + |ψ₂|²)` of the fringes at each point;
    0 where neither amplitude is. Args and errors as of `two_way_density`."""
    _require_coherence(coherence)
    both = density(one) + density(other)
    empty = both == 0
    product = 2 * coherence * jnp.abs(one) * jnp.abs(other)
    return jnp.where(empty, 0.0, product / jnp.where(empty, 1.0, both))


def _require_coherence(coherence):
    if not isinstance(coherence, Tracer) and not (0 <= np.asarray(coherence) <= 1).all():
        raise InputError(f"`coherence` must be between 0 and 1, but is {coherence}.")
