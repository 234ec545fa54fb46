"""Periodic boxes and the spectral derivatives on them."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact

from .errors import InputError, require_whole

Scalar = Float[Array, ""]
UNRESOLVED = 1e-6  # share of ∫f²: the relative error of f is at most its square root
MOST_POINTS = 2**31  # from here on Fourier transforms on GPUs are wrong: openxla/xla#45009


class Grid(eqx.Module):
    """A periodic box `[lower, upper)` with `shape` points; the right edge is excluded.

    It covers configuration space (axes x₁…x_N) or phase space (axes q₁…q_N p₁…p_N).
    Derivatives are exact for every function that the points resolve. For an even number of points
    the highest wave is unpaired; its odd derivatives are set to zero.

    Args:
        lower, upper: Edges, one number per axis.
        shape: Points per axis, at least 4.

    Raises:
        InputError: If the lengths differ, an edge is not finite, `lower` is not below `upper`, a
            number of points is not an integer of at least 4, or there are 2³¹ points or more.
    """

    lower: tuple[float, ...] = eqx.field(static=True, converter=tuple)
    upper: tuple[float, ...] = eqx.field(static=True, converter=tuple)
    shape: tuple[int, ...] = eqx.field(static=True, converter=tuple)

    def __check_init__(self):
        if not len(self.lower) == len(self.upper) == len(self.shape) > 0:
            raise InputError(
                "`lower`, `upper` and `shape` must have one entry per axis, but have "
                f"{len(self.lower)}, {len(self.upper)} and {len(self.shape)}."
            )
        for a, b, n in zip(self.lower, self.upper, self.shape, strict=True):
            if not (math.isfinite(a) and math.isfinite(b) and a < b):
                raise InputError(
                    f"`lower` must be below `upper` and both finite, but they are {a} and {b}."
                )
            require_whole(4, shape=n)
        if math.prod(self.shape) >= MOST_POINTS:
            raise InputError(
                f"`shape` must have fewer than 2^31 points in total, but is {self.shape}: "
                "take fewer points."
            )

    @property
    def dim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def spacing(self) -> tuple[float, ...]:
        """Distance between neighbouring points, per axis."""
        edges = zip(self.lower, self.upper, self.shape, strict=True)
        return tuple((b - a) / n for a, b, n in edges)

    @property
    def cell(self) -> float:
        """Volume of one cell."""
        return math.prod(self.spacing)

    @property
    def points(self) -> Float[Array, "dim *shape"]:
        """Coordinates of every point."""
        axes = zip(self.lower, self.spacing, self.shape, strict=True)
        return jnp.stack(jnp.meshgrid(*(a + dx * np.arange(n) for a, dx, n in axes), indexing="ij"))

    @property
    def waves(self) -> tuple[Float[Array, "..."], ...]:
        """Angular wavenumbers of each axis, in the order of `jnp.fft.fftn`; they broadcast to the
        grid's shape."""
        axes = zip(self.shape, self.spacing, strict=True)
        waves = [2 * np.pi * np.fft.fftfreq(n, dx) for n, dx in axes]
        return tuple(jnp.asarray(self._along(axis, k)) for axis, k in enumerate(waves))

    @property
    def odd_waves(self) -> tuple[Float[Array, "..."], ...]:
        """`waves` for odd functions of k: an unpaired highest wave, which has no sign, is 0."""
        paired = (self._along(a, 2 * np.arange(n) != n) for a, n in enumerate(self.shape))
        return tuple(jnp.where(p, k, 0.0) for k, p in zip(self.waves, paired, strict=True))

    @property
    def k(self) -> Float[Array, "dim *shape"]:
        """Angular wavenumbers at every point of the transform."""
        return jnp.stack(jnp.broadcast_arrays(*self.waves))

    def at_points(self, f) -> Array:
        """Values of `f(x)`, written for one point, on the grid: `(*shape, *f's shape)`."""
        return values_at(self.points, f)

    def gradient(self, f: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape dim"]:
        """`∂_a f`, components along the last axis."""
        waves = jnp.fft.fftn(f)
        parts = [jnp.fft.ifftn(1j * k * waves) for k in self.odd_waves]
        return _like(f, jnp.stack(parts, axis=-1))

    def divergence(self, field: Inexact[Array, "*shape dim"]) -> Inexact[Array, "*shape"]:
        """`Σ_a ∂_a F_a`, components along the last axis as `at_points` gives them."""
        odd = enumerate(self.odd_waves)
        waves = sum(1j * k * jnp.fft.fftn(field[..., a]) for a, k in odd)
        return _like(field, jnp.fft.ifftn(waves))

    def double_divergence(
        self, tensor: Inexact[Array, "*shape dim dim"]
    ) -> Inexact[Array, "*shape"]:
        """`Σ_ab ∂_a∂_b T_ab`."""
        k, odd = self.waves, self.odd_waves
        waves = sum(
            -(k[a] ** 2 if a == b else odd[a] * odd[b]) * jnp.fft.fftn(tensor[..., a, b])
            for a in range(self.dim)
            for b in range(self.dim)
        )
        return _like(tensor, jnp.fft.ifftn(waves))

    def integrate(self, f: Inexact[Array, "*shape"]) -> Inexact[Array, ""]:
        """`∫ f dx` by the trapezoidal rule, spectrally accurate on a periodic box."""
        return jnp.sum(f) * self.cell

    def _along(self, axis: int, values: np.ndarray) -> np.ndarray:
        """A list of values along one axis, as an array that broadcasts to the grid's shape."""
        return np.expand_dims(values, [a for a in range(self.dim) if a != axis])


def values_at(points: Float[Array, "dim *shape"], f) -> Array:
    """Values of `f(x)`, written for one point, at all `points`: `(*shape, *f's shape)`."""
    dim, *shape = points.shape
    values = jax.vmap(f)(points.reshape(dim, -1).T)
    return values.reshape(*shape, *values.shape[1:])


def one_per_axis(name: str, value, dim: int) -> Array:
    """One number per axis, from one for all or one for each.

    Raises:
        InputError: If `value`, the argument `name`, has another shape.
    """
    array = jnp.asarray(value)
    if array.shape not in ((), (dim,)):
        raise InputError(
            f"`{name}` must be one number or one per axis ({dim}), but has shape {array.shape}."
        )
    return jnp.broadcast_to(array, (dim,))


def _like(source: Array, f: Array) -> Array:
    """The real part of `f` if `source` is real."""
    return f if jnp.iscomplexobj(source) else f.real


def density(psi: Inexact[Array, "*shape"]) -> Float[Array, "*shape"]:
    """`|ψ|²`, differentiable to all orders, also where ψ is 0."""
    return psi.real**2 + psi.imag**2


def unresolved_share(grid: Grid, psi: Complex[Array, "*shape"]) -> Scalar:
    """Share of the norm in the upper third of wavenumbers of any axis.

    It is 0 to round-off for a state that the grid resolves. Kinks, jumps and waves beyond the
    grid show there first.
    """
    waves = (jnp.abs(k) > 2 / 3 * jnp.max(jnp.abs(k)) for k in grid.waves)
    high = sum(waves) > 0
    share = density(jnp.fft.fftn(psi))
    return jnp.sum(jnp.where(high, share, 0.0)) / jnp.sum(share)


def grid_strain(grid: Grid, f: Float[Array, "*shape"]) -> Scalar:
    """`unresolved_share` of a real density f in millionths; above 1 the grid does not resolve f."""
    return unresolved_share(grid, f + 0j) / UNRESOLVED
