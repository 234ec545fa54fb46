"""Ordinary, dissipative diffusion, for comparison with conservative quantum diffusion."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..errors import not_negative, positive, require_real
from ..grid import Grid, field_on

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
        InputError: If D is not positive or t negative, or ρ has another shape than `grid`, is
            complex, or contains NaN or infinity.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> rho = jnp.abs(dqm.gaussian(grid, 0.0, width=1.0)) ** 2
        >>> rho = dqm.ordinary_diffusion.diffuse(grid, rho, diffusion=0.5, t=1.0)
        >>> round(float(grid.integrate(grid.points[0] ** 2 * rho)), 3)  # σ₀² + 2Dt
        2.0
    """
    require_real("rho", rho)
    rho = field_on(grid, "rho", rho)
    diffusion, t = positive("diffusion", diffusion, ()), not_negative("t", t, ())
    decay = jnp.exp(-diffusion * t * jnp.sum(grid.k**2, axis=0))
    return jnp.fft.ifftn(decay * jnp.fft.fftn(rho)).real


def ordinary_width(width: Scalar | float, diffusion: Scalar | float, t) -> Float[Array, "..."]:
    """`σ(t) = √(σ₀² + 2Dt)` of ordinary diffusion, at last ∝ √t.

    Raises:
        InputError: If `width` or `diffusion` is not positive, or `t` is negative.

    Example:
        >>> round(float(dqm.ordinary_diffusion.ordinary_width(1.0, diffusion=0.5, t=1.0)), 3)
        1.414
    """
    width, diffusion, t = _of_packet(width, diffusion, t)
    return jnp.sqrt(width**2 + 2 * diffusion * t)


def conservative_width(width: Scalar | float, diffusion: Scalar | float, t) -> Float[Array, "..."]:
    """`σ(t) = σ₀ √(1 + (Dt/σ₀²)²)` of a free quantum packet, D = ħ/2m, at last ∝ t; DQM I (16).

    Raises:
        InputError: If `width` or `diffusion` is not positive, or `t` is negative.

    Example:
        >>> round(float(dqm.ordinary_diffusion.conservative_width(1.0, diffusion=0.5, t=1.0)), 3)
        1.118
    """
    width, diffusion, t = _of_packet(width, diffusion, t)
    return jnp.hypot(width, diffusion * t / width)


def _of_packet(width, diffusion, t) -> tuple[Array, ...]:
    width, diffusion = positive("width", width, ()), positive("diffusion", diffusion, ())
    return jnp.asarray(width), jnp.asarray(diffusion), jnp.asarray(not_negative("t", t))
