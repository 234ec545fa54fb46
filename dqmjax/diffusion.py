"""Ordinary, dissipative diffusion, to be set beside the conservative one of quantum mechanics."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .errors import require_positive
from .grid import Grid

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
        InputError: If D, or a t other than 0, is not positive.
    """
    require_positive(diffusion=diffusion)
    if not (isinstance(t, (int, float)) and t == 0):
        require_positive(t=t)
    decay = jnp.exp(-diffusion * t * jnp.sum(grid.k**2, axis=0))
    return jnp.fft.ifftn(decay * jnp.fft.fftn(rho)).real
