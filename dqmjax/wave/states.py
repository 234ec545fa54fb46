"""Wave functions to start from, and their densities on phase space."""

import math

import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Array, Complex, Float

from ..errors import InputError, require, require_positive
from ..grid import Grid, density

Parameter = Float[Array, "..."] | tuple[float, ...] | list[float] | float


def gaussian(
    grid: Grid,
    center: Parameter,
    width: Parameter,
    momentum: Parameter = 0.0,
    hbar=1.0,
    *,
    covariance: Parameter = 0.0,
) -> Complex[Array, "*shape"]:
    """A Gaussian packet, normalised on `grid`.

    `ψ ∝ exp(−Σ (1 − 2iσ_i/ħ) (x_i − c_i)²/4w_i² + i p_i x_i/ħ)`

    Args:
        grid: Where.
        center: ⟨x⟩, one number or one per axis.
        width: Standard deviation of ρ = |ψ|², likewise; positive.
        momentum: ⟨p⟩, likewise.
        hbar: ħ.
        covariance: σ = ⟨ΔxΔp + ΔpΔx⟩/2, likewise: positive for a packet that spreads, negative
            for one that contracts (Dodonov et al. 1980, doi:10.1016/0375-9601(80)90231-5).

    Raises:
        InputError: If a width is not positive, an argument has another number of axes, the center
            is outside of `grid`, or the momentum beyond its waves.
    """
    require_positive(width=width)
    given = {"center": center, "width": width, "momentum": momentum, "covariance": covariance}
    c, w, p, s = (per_axis(name, value, grid) for name, value in given.items())
    waves = hbar * greatest_waves(grid)
    if not isinstance(p, Tracer) and (jnp.abs(p.ravel()) > waves).any():
        raise InputError(f"`momentum` must be below ħk = {waves} of the grid, but is {momentum}.")
    low, high = jnp.asarray(grid.lower), jnp.asarray(grid.upper)
    if not isinstance(c, Tracer) and not ((c.ravel() >= low) & (c.ravel() <= high)).all():
        raise InputError(f"`center` must be between {low} and {high} of the grid, but is {center}.")
    quadratic = (1 - 2j * s / hbar) * (grid.points - c) ** 2 / (4 * w**2)
    exponent = -quadratic + 1j * p * grid.points / hbar
    return normalised(grid, jnp.exp(jnp.sum(exponent, axis=0)))


def coherent(
    grid: Grid,
    center: Parameter,
    momentum: Parameter = 0.0,
    omega: Parameter = 1.0,
    mass: Parameter = 1.0,
    hbar=1.0,
) -> Complex[Array, "*shape"]:
    """A coherent state of the oscillator, `Δx = √(ħ/2mω)`, of shape `grid.shape`.

    Args and errors as of `gaussian`; `omega` and `mass` are one number or one per axis.
    """
    return squeezed(grid, center, 0.0, momentum, omega, mass, hbar)


def squeezed(
    grid: Grid,
    center: Parameter,
    squeezing: Parameter,
    momentum: Parameter = 0.0,
    omega: Parameter = 1.0,
    mass: Parameter = 1.0,
    hbar=1.0,
) -> Complex[Array, "*shape"]:
    """A coherent state whose width in x is e^{−r} times as large, r the `squeezing`."""
    width = jnp.sqrt(hbar / (2 * jnp.asarray(mass) * jnp.asarray(omega)))
    return gaussian(grid, center, width * jnp.exp(-jnp.asarray(squeezing)), momentum, hbar)


def cat(
    grid: Grid, center: Parameter, width: Parameter, momentum: Parameter = 0.0, phase=0.0, hbar=1.0
):
    """`ψ ∝ g(c, p) + e^{iφ} g(−c, −p)`, g the `gaussian` of that center and momentum."""
    minus = lambda v: -jnp.asarray(v)
    both = gaussian(grid, center, width, momentum, hbar) + jnp.exp(1j * phase) * gaussian(
        grid, minus(center), width, minus(momentum), hbar
    )
    return normalised(grid, both)


def oscillator(
    grid: Grid,
    level: int | tuple[int, ...],
    omega: Parameter = 1.0,
    mass: Parameter = 1.0,
    hbar=1.0,
) -> Complex[Array, "*shape"]:
    """The eigenstate of `Σ p²/2m + mω²x²/2` with the given number of quanta per axis.

    Raises:
        InputError: If a level is not a whole number from 0.
    """
    levels = (level,) * grid.dim if isinstance(level, int) else tuple(level)
    if len(levels) != grid.dim or any(not isinstance(n, int) or n < 0 for n in levels):
        raise InputError(f"`level` must be a whole number from 0 for each axis, but is {level}.")
    scale = jnp.sqrt(per_axis("mass", mass, grid) * per_axis("omega", omega, grid) / hbar)
    psi = jnp.ones(grid.shape, complex)
    for n, y in zip(levels, scale * grid.points, strict=True):
        psi = psi * _hermite_function(n, y)
    return normalised(grid, psi)


def normalised(grid: Grid, psi: Complex[Array, "*shape"]) -> Complex[Array, "*shape"]:
    """`ψ / √∫|ψ|²`."""
    norm = grid.integrate(density(psi))
    return psi / jnp.sqrt(require(norm, norm > 0, "the state must not vanish on `grid`."))


def greatest_waves(grid: Grid) -> Float[Array, " dim"]:
    """k_max of each axis."""
    return jnp.pi / jnp.array(grid.spacing)


def _hermite_function(n: int, y: Array) -> Array:
    """`H_n(y) e^{−y²/2} / √(2ⁿ n!)`, by the recurrence of the normalised functions."""
    before, now = jnp.zeros_like(y), jnp.exp(-(y**2) / 2)
    for k in range(n):
        before, now = now, math.sqrt(2 / (k + 1)) * y * now - math.sqrt(k / (k + 1)) * before
    return now


def per_axis(name: str, value: Parameter, grid: Grid) -> Array:
    """`value` as an array that multiplies `grid.points`."""
    array = jnp.asarray(value)
    if array.shape not in ((), (grid.dim,)):
        raise InputError(
            f"`{name}` must be one number or one per axis ({grid.dim}), but is {value}."
        )
    return jnp.broadcast_to(array, (grid.dim,)).reshape(-1, *[1] * grid.dim)
