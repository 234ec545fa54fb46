"""Ordinary, dissipative diffusion, to be set beside the conservative one of quantum mechanics."""

import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Array, Float

from ..errors import InputError, require_positive
from ..grid import Grid

Scalar = Float[Array, ""]


def diffuse(
    grid: Grid, rho: Float[Array, "*shape"], diffusion: Scalar | float, t: Scalar | float
) -> Float[Array, "*shape"]:
    """`∂ρ/∂t = DΔρ` through a time t, exactly: every wave decays as `e^{−Dk²t}`.

    A packet's variance grows by 2Dt along each axis, its width as √t; that of a free quantum packet
    with D = ħ/2m as `w² + (Dt/w)²`, its width as t (DQM I (16)).

    Args:
        grid: Periodic box.
        rho: Density.
        diffusion: D, positive.
        t: Time, not negative: backwards the equation has no solution.

    Raises:
        InputError: If D is not positive or t negative.
    """
    require_positive(diffusion=diffusion)
    if not isinstance(t, Tracer) and not t >= 0:
        raise InputError(f"`t` must not be negative, but is {t}.")
    decay = jnp.exp(-diffusion * t * jnp.sum(grid.k**2, axis=0))
    return jnp.fft.ifftn(decay * jnp.fft.fftn(rho)).real
