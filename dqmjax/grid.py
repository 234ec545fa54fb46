"""Periodic boxes and the spectral derivatives on them."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact

from .errors import InputError

Scalar = Float[Array, ""]
UNRESOLVED = 1e-6  # of ∫f²; f is off by its root at most  # of ∫f²; f is off by its root at most


class Grid(eqx.Module):
    """A periodic box `[lower, upper)` with `shape` points; the right edge is excluded.

    Serves configuration space (`dim` axes x) and phase space (2N axes, q₁…q_N p₁…p_N).
    Derivatives are exact for every function that the points resolve; on an even number
    of points the unpaired highest wave has derivative zero in odd orders.

    Args:
        lower, upper: Edges, one number per axis.
        shape: Points per axis, at least 4.

    Raises:
        InputError: If the lengths differ, an edge is not finite, `upper <= lower`, a number of
            points is not an integer of at least 4, or there are 2³¹ points or more in all.
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
                    f"`lower` must be finite and below `upper`, but is {a} against {b}."
                )
            if not isinstance(n, int | np.integer) or n < 4:
                raise InputError(f"`shape` must hold integers of at least 4, but has {n!r}.")
        if (
            math.prod(self.shape) >= 2**31
        ):  # beyond, transforms on GPUs are wrong: openxla/xla#45009
            raise InputError(
                f"`shape` must have fewer than 2^31 points in all, but {self.shape} has more."
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
        """Angular wavenumbers of each axis, in the order of `jnp.fft.fftn`, to be broadcast."""
        axes = enumerate(zip(self.shape, self.spacing, strict=True))
        others = lambda axis: [a for a in range(self.dim) if a != axis]
        waves = ((a, 2 * np.pi * np.fft.fftfreq(n, dx)) for a, (n, dx) in axes)
        return tuple(jnp.asarray(np.expand_dims(k, others(a))) for a, k in waves)

    @property
    def k(self) -> Float[Array, "dim *shape"]:
        """Angular wavenumbers at every point of the transform."""
        return jnp.stack(jnp.broadcast_arrays(*self.waves))

    def at_points(self, f) -> Array:
        """Values of `f(x)`, written for one point, on the grid: `(*shape, *f's shape)`."""
        values = jax.vmap(f)(self.points.reshape(self.dim, -1).T)
        return values.reshape(self.shape + values.shape[1:])

    def gradient(self, f: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape dim"]:
        """`∂_a f`, components along the last axis."""
        waves = jnp.fft.fftn(f)
        parts = [jnp.fft.ifftn(1j * self._odd_k(a) * waves) for a in range(self.dim)]
        return _like(f, jnp.stack(parts, axis=-1))

    def divergence(self, field: Inexact[Array, "*shape dim"]) -> Inexact[Array, "*shape"]:
        """`Σ_a ∂_a F_a`, components along the last axis as `at_points` gives them."""
        waves = sum(1j * self._odd_k(a) * jnp.fft.fftn(field[..., a]) for a in range(self.dim))
        return _like(field, jnp.fft.ifftn(waves))

    def double_divergence(
        self, tensor: Inexact[Array, "*shape dim dim"]
    ) -> Inexact[Array, "*shape"]:
        """`Σ_ab ∂_a∂_b T_ab`."""
        pairs = [(a, b) for a in range(self.dim) for b in range(self.dim)]
        waves = sum(
            -(self.k[a] ** 2 if a == b else self._odd_k(a) * self._odd_k(b))
            * jnp.fft.fftn(tensor[..., a, b])
            for a, b in pairs
        )
        return _like(tensor, jnp.fft.ifftn(waves))

    def integrate(self, f: Inexact[Array, "*shape"]) -> Inexact[Array, ""]:
        """`∫ f dx` by the trapezoidal rule, spectrally accurate on a periodic box."""
        return jnp.sum(f) * self.cell

    def _odd_k(self, axis: int) -> Float[Array, " *shape"]:
        k, n = self.k[axis], self.shape[axis]
        if n % 2:
            return k
        unpaired = np.arange(n) == n // 2
        return jnp.where(np.expand_dims(unpaired, [a for a in range(self.dim) if a != axis]), 0, k)


def _like(source: Array, f: Array) -> Array:
    """`f` made real where `source` is."""
    return f if jnp.iscomplexobj(source) else f.real


def density(psi: Inexact[Array, "*shape"]) -> Float[Array, "*shape"]:
    """`|ψ|²`, with all its derivatives also where ψ is 0."""
    return psi.real**2 + psi.imag**2


def unresolved_share(grid: Grid, psi: Complex[Array, "*shape"]) -> Scalar:
    """Part of the norm in the upper third of wave numbers of any axis, where kinks, jumps and
    what the box cannot hold show first; 0 to round-off for a state that the grid resolves."""
    waves = (jnp.abs(k) > 2 / 3 * jnp.max(jnp.abs(k)) for k in grid.waves)
    high = sum(waves) > 0
    share = density(jnp.fft.fftn(psi))
    return jnp.sum(jnp.where(high, share, 0.0)) / jnp.sum(share)


def grid_strain(grid: Grid, f: Float[Array, "*shape"]) -> Scalar:
    """`unresolved_share` of a real density f in units of a millionth: above 1, not resolved."""
    return unresolved_share(grid, f + 0j) / UNRESOLVED
