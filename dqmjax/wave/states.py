"""Initial wave functions."""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..errors import InputError, is_known, require, require_positive, require_whole
from ..grid import Grid, density, one_per_axis
from .potentials import Parameter


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
        grid: Periodic box.
        center: ⟨x⟩, one number or one per axis, as the following three.
        width: Standard deviation of ρ = |ψ|², positive.
        momentum: ⟨p⟩.
        hbar: ħ.
        covariance: σ = ⟨ΔxΔp + ΔpΔx⟩/2, positive for a packet that spreads, negative for one that
            contracts (Dodonov et al. 1980, doi:10.1016/0375-9601(80)90231-5).

    Raises:
        InputError: If a width is not positive, an argument has a wrong number of entries, the
            center is outside `grid`, or the momentum exceeds the largest ħk of `grid`.
    """
    require_positive(width=width)
    given = {"center": center, "width": width, "momentum": momentum, "covariance": covariance}
    c, w, p, s = (per_axis(name, value, grid) for name, value in given.items())
    waves = hbar * greatest_waves(grid)
    if is_known(p, waves) and (jnp.abs(p.ravel()) > waves).any():
        raise InputError(
            f"`momentum` must be below the largest ħk of `grid`, {waves}, but is {momentum}: take "
            "more points."
        )
    low, high = np.asarray(grid.lower), np.asarray(grid.upper)
    if is_known(c) and not ((c.ravel() >= low) & (c.ravel() <= high)).all():
        raise InputError(
            f"`center` must be inside `grid`, between {low} and {high}, but is {center}."
        )
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

    Arguments and errors are those of `gaussian`; `omega` and `mass` are one number or one per axis.
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
    """A squeezed state: its width in x is e^{−r} times that of `coherent`, r the `squeezing`."""
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
        InputError: If `level` is not one integer of at least 0, or one per axis.
    """
    levels = tuple(level) if isinstance(level, tuple | list) else (level,) * grid.dim
    if len(levels) != grid.dim:
        raise InputError(f"`level` must have one entry per axis ({grid.dim}), but is {level}.")
    for n in levels:
        require_whole(level=n)
    scale = jnp.sqrt(per_axis("mass", mass, grid) * per_axis("omega", omega, grid) / hbar)
    psi = jnp.ones(grid.shape, complex)
    for n, y in zip(levels, scale * grid.points, strict=True):
        psi = psi * _hermite_function(n, y)
    return normalised(grid, psi)


def normalised(grid: Grid, psi: Complex[Array, "*shape"]) -> Complex[Array, "*shape"]:
    """`ψ / √∫|ψ|²`."""
    norm = grid.integrate(density(psi))
    return psi / jnp.sqrt(
        require(
            norm,
            norm > 0,
            "The state must not vanish on `grid`: take a finer grid, or a wider state.",
        )
    )


def greatest_waves(grid: Grid) -> Float[Array, " dim"]:
    """The largest |k| of each axis."""
    return jnp.pi / jnp.array(grid.spacing)


def _hermite_function(n: int, y: Array) -> Array:
    """`H_n(y) e^{−y²/2} / √(2ⁿ n!)`, by the recurrence of the normalised functions."""
    before, now = jnp.zeros_like(y), jnp.exp(-(y**2) / 2)
    for k in range(n):
        before, now = now, math.sqrt(2 / (k + 1)) * y * now - math.sqrt(k / (k + 1)) * before
    return now


def per_axis(name: str, value: Parameter, grid: Grid) -> Float[Array, "dim ..."]:
    """`one_per_axis` in a shape that multiplies `grid.points`."""
    return one_per_axis(name, value, grid.dim).reshape(-1, *[1] * grid.dim)
