"""Ordinary, dissipative diffusion, for comparison with conservative quantum diffusion."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..errors import InputError, is_known, require_positive
from ..grid import Grid

Scalar = Float[Array, ""]


def diffuse(
    grid: Grid, rho: Float[Array, "*shape"], diffusion: Scalar | float, t: Scalar | float
) -> Float[Array, "*shape"]:
    """`∂ρ/∂t = DΔρ` over a time t, exactly: every wave decays as `e^{−Dk²t}`.

    The variance of a packet grows by 2Dt along each axis, its width as √t. The variance of a free
    quantum packet with D = ħ/2m is `w² + (Dt/w)²`, its width grows as t (DQM I (16)).

    Args:
        grid: Periodic box.
        rho: Density.
        diffusion: D, positive.
        t: Time, not negative: the equation has no solution backwards in time.

    Raises:
        InputError: If D is not positive or t negative.
    """
    require_positive(diffusion=diffusion)
    if is_known(t) and not t >= 0:
        raise InputError(f"`t` must not be negative, but is {t}.")
    decay = jnp.exp(-diffusion * t * jnp.sum(grid.k**2, axis=0))
    return jnp.fft.ifftn(decay * jnp.fft.fftn(rho)).real
