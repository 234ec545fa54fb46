"""Initial wave functions."""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..errors import (
    InputError,
    compiled,
    finite,
    positive,
    require,
    require_instance,
    require_whole,
)
from ..grid import Grid, density, edge_share, one_per_axis, unresolved_share
from .potentials import Parameter

Scalar = Float[Array, ""]
MOST_LOST = 1e-4  # of ∫|ψ|²: cut off, or at the edge of the box
MOST_UNRESOLVED = 1e-2  # a Gaussian of this `unresolved_share` loses 1e-4 beyond the waves


@compiled
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
            center is outside `grid`, the momentum exceeds the largest ħk of `grid`, or the packet
            is cut at the edge of the box or too narrow for the points.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> psi = dqm.gaussian(grid, center=-1.0, width=0.5, momentum=2.0)
        >>> dqm.observables.mean_momentum(grid, psi).round(3).tolist()
        [2.0]
    """
    given = {"center": center, "momentum": momentum, "covariance": covariance}
    given = {name: finite(name, value) for name, value in given.items()}
    given["width"] = positive("width", width)
    return _packet(grid, hbar, given, "`width`, `center`, `momentum` or `covariance`")


def _packet(grid: Grid, hbar, given: dict[str, Parameter], arguments: str):
    """The `gaussian` of `given` numbers, which follow from `arguments`."""
    require_instance(Grid, grid=grid)
    hbar = positive("hbar", hbar, ())
    w, c, p, s = (
        per_axis(name, given[name], grid) for name in ("width", "center", "momentum", "covariance")
    )
    most = hbar * greatest_waves(grid).reshape(p.shape)
    p = require(
        p,
        jnp.abs(p) <= most,
        f"`momentum` must be below the largest ħk of `grid`, {most.ravel()}, but is "
        f"{given['momentum']}: take more points.",
    )
    low, high = (np.reshape(edge, c.shape) for edge in (grid.lower, grid.upper))
    c = require(
        c,
        (c >= low) & (c <= high),
        f"`center` must be inside `grid`, between {grid.lower} and {grid.upper}, but is "
        f"{given['center']}.",
    )
    spread = hbar * jnp.hypot(0.5, s / hbar) / w  # Δp, without underflow of ħ²
    quadratic = (1 - 2j * s / hbar) * (grid.points - c) ** 2 / (4 * w**2)
    psi = jnp.exp(jnp.sum(1j * p * grid.points / hbar - quadratic, axis=0))
    psi = require(psi, jnp.all(jnp.abs(p) + 2 * spread < most), _not_held(arguments))
    return held(grid, psi, jnp.prod(np.sqrt(2 * np.pi) * w), arguments)


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

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> psi = dqm.coherent(grid, center=1.0)
        >>> dqm.observables.position_variance(grid, psi).round(3).tolist()  # ħ/2mω
        [0.5]
    """
    return squeezed(grid, center, 0.0, momentum, omega, mass, hbar)


@compiled
def squeezed(
    grid: Grid,
    center: Parameter,
    squeezing: Parameter,
    momentum: Parameter = 0.0,
    omega: Parameter = 1.0,
    mass: Parameter = 1.0,
    hbar=1.0,
) -> Complex[Array, "*shape"]:
    """A squeezed state: its width in x is e^{−r} times that of `coherent`, r the `squeezing`.

    `squeezing` is one number or one per axis. The other arguments, and the errors, are those of
    `coherent`.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> psi = dqm.squeezed(grid, center=1.0, squeezing=0.5)
        >>> round(float(dqm.observables.position_variance(grid, psi)[0]), 3)  # e^{−2r} ħ/2mω
        0.184
    """
    require_instance(Grid, grid=grid)
    checks = {
        "squeezing": (finite, squeezing),
        "omega": (positive, omega),
        "mass": (positive, mass),
    }
    r, rate, m = (one_per_axis(n, check(n, v), grid.dim) for n, (check, v) in checks.items())
    given = {
        "width": jnp.sqrt(positive("hbar", hbar, ()) / (2 * m * rate)) * jnp.exp(-r),
        "center": finite("center", center),
        "momentum": finite("momentum", momentum),
        "covariance": 0.0,
    }
    arguments = "`center`, `momentum`, `squeezing`, `omega`, `mass` or `hbar`"
    return _packet(grid, hbar, given, arguments)


@compiled
def cat(
    grid: Grid, center: Parameter, width: Parameter, momentum: Parameter = 0.0, phase=0.0, hbar=1.0
) -> Complex[Array, "*shape"]:
    """`ψ ∝ g(c, p) + e^{iφ} g(−c, −p)`, g the `gaussian` of that center and momentum.

    Raises:
        InputError: As `gaussian`, or if the two cancel each other.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> psi = dqm.cat(grid, center=2.0, width=0.5, phase=jnp.pi)
        >>> round(float(abs(psi[32])), 3)  # the odd cat is 0 at x = 0
        0.0
    """
    turn = jnp.exp(1j * finite("phase", phase, ()))
    minus = lambda name, v: -jnp.asarray(finite(name, v))
    other = minus("center", center), width, minus("momentum", momentum), hbar
    both = gaussian(grid, center, width, momentum, hbar) + turn * gaussian(grid, *other)
    most_digits = jnp.sqrt(jnp.finfo(both.dtype).eps)  # of ψ are kept if half of them cancel
    both = require(
        both,
        grid.integrate(density(both)) > most_digits,
        "`center` must keep the two packets apart, or `phase` not be π: they cancel each other.",
    )
    return normalised(grid, both)


@compiled
def oscillator(
    grid: Grid,
    level: int | tuple[int, ...],
    omega: Parameter = 1.0,
    mass: Parameter = 1.0,
    hbar=1.0,
) -> Complex[Array, "*shape"]:
    """The eigenstate of `Σ p²/2m + mω²x²/2` with the given number of quanta per axis.

    Raises:
        InputError: If `level` is not one integer of at least 0, or one per axis, or `grid` does not
            hold the state.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> psi = dqm.oscillator(grid, level=3)
        >>> h = dqm.Hamiltonian(dqm.Harmonic())
        >>> round(float(dqm.observables.energy(h, grid, psi)), 3)
        3.5
    """
    require_instance(Grid, grid=grid)
    levels = tuple(level) if isinstance(level, tuple | list) else (level,) * grid.dim
    if len(levels) != grid.dim:
        raise InputError(f"`level` must have one entry per axis ({grid.dim}), but is {level}.")
    for n, points in zip(levels, grid.shape, strict=True):
        require_whole(level=n)
        if n >= points:
            raise InputError(f"`level` must be below the {points} points, but is {n}.")
    m, rate = per_axis("mass", positive("mass", mass), grid), positive("omega", omega)
    scale = jnp.sqrt(m * per_axis("omega", rate, grid) / positive("hbar", hbar, ()))
    psi = jnp.ones(grid.shape, complex)
    for n, y in zip(levels, scale * grid.points, strict=True):
        psi = psi * _hermite_function(n, y)
    return held(grid, psi, jnp.prod(np.sqrt(np.pi) / scale), "`level`, `omega`, `mass` or `hbar`")


def held(
    grid: Grid, psi: Complex[Array, "*shape"], size: Scalar | float, arguments: str
) -> Complex[Array, "*shape"]:
    """ψ, normalised, if `grid` holds it: `∫|ψ|²` is its closed form, no wave is too short for the
    points, and ψ is 0 at the edge of the box, where it would enter again on the other side.

    Args:
        grid: Periodic box.
        psi: Wave function.
        size: The closed form of `∫|ψ|²`.
        arguments: What the user may change, for the message.

    Raises:
        InputError: If all numbers are known; otherwise ψ is NaN.
    """
    rho = density(psi)
    lost = jnp.abs(jnp.sum(rho) * grid.cell / size - 1)
    is_held = (lost < MOST_LOST) & (edge_share(grid, rho) < MOST_LOST)
    is_held &= unresolved_share(grid, psi) < MOST_UNRESOLVED
    return normalised(grid, require(psi, is_held, _not_held(arguments)))


def _not_held(arguments: str) -> str:
    return (
        "`grid` must hold the state, but it is cut at the edge of the box, or has waves too short "
        f"for the points: take a larger box, more points, or another {arguments}."
    )


def normalised(grid: Grid, psi: Complex[Array, "*shape"]) -> Complex[Array, "*shape"]:
    """`ψ / √∫|ψ|²`."""
    return psi / jnp.sqrt(grid.integrate(density(psi)))


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
