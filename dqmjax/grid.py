"""Periodic boxes and the spectral derivatives on them."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Complex, Float, Inexact, PyTree

from . import sharding
from .errors import (
    InputError,
    field,
    finite,
    is_known,
    require_instance,
    require_shape,
    require_whole,
)
from .splines import spline_at, spline_coefficients
from .user_function import called_once

Scalar = Float[Array, ""]
UNRESOLVED = 1e-6  # share of ∫f²: the relative error of f is at most its square root
MOST_POINTS = 2**31  # from here on Fourier transforms on GPUs are wrong: openxla/xla#45009


def _edges(name: str):
    """A converter of edges to Python floats: one number, or one per axis."""

    def convert(value) -> tuple[float, ...]:
        _require_known(name, value)
        array = np.asarray(finite(name, value), float)
        _require_list(name, array)
        return tuple(array.reshape(-1).tolist())

    return convert


def _points_per_axis(value) -> tuple[int, ...]:
    """Python integers, from one or from a list or an array of them."""
    _require_known("shape", value)
    entries = value if isinstance(value, tuple | list) else np.ravel(value).tolist()
    for n in entries:
        require_whole(4, shape=n)
    return tuple(int(n) for n in entries)


def _mesh(value: Mesh | None) -> Mesh | None:
    if value is not None:
        sharding.require_mesh(value)
    return value


def _is_isolated(value) -> bool:
    require_instance(bool, isolated=value)
    return value


def _require_known(name: str, value):
    if not is_known(value):
        raise InputError(f"`{name}` must be known, but is traced: make the grid outside of `jit`.")


def _require_list(name: str, value):
    if np.ndim(value) > 1:
        shape = np.shape(value)
        raise InputError(f"`{name}` must be one number or one per axis, but has shape {shape}.")


class Grid(eqx.Module):
    """A box `[lower, upper)` with `shape` points, periodic; the right edge is excluded.

    It covers configuration space (axes x₁…x_N) or phase space (axes q₁…q_N p₁…p_N).
    Derivatives are exact for every function that the points resolve. For an even number of points
    the highest wave is unpaired; its odd derivatives are set to zero.

    Args:
        lower, upper: Edges, one number per axis; one number alone is a box of one axis.
        shape: Points per axis, at least 4.
        isolated: Whether the box stands for infinite space. A state that reaches its edge is then
            an error, see `edge_share`; otherwise it enters again on the other side.
        mesh: Devices among which arrays on the grid are divided along its first axis, see
            `dqmjax.sharding.mesh`; one device by default.

    Raises:
        InputError: If the lengths differ, an edge is not finite or is traced, `lower` is not below
            `upper`, a number of points is not an integer of at least 4, there are 2³¹ points or
            more on a device, `isolated` is no bool, or `mesh` does not divide the first two axes.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> f = jnp.exp(-(grid.points[0] ** 2))
        >>> round(float(grid.integrate(f)), 3)  # √π
        1.772
    """

    lower: tuple[float, ...] = eqx.field(static=True, converter=_edges("lower"))
    upper: tuple[float, ...] = eqx.field(static=True, converter=_edges("upper"))
    shape: tuple[int, ...] = eqx.field(static=True, converter=_points_per_axis)
    isolated: bool = eqx.field(static=True, default=False, kw_only=True, converter=_is_isolated)
    mesh: Mesh | None = eqx.field(static=True, default=None, kw_only=True, converter=_mesh)

    def __check_init__(self):
        if not len(self.lower) == len(self.upper) == len(self.shape) > 0:
            raise InputError(
                "`lower`, `upper` and `shape` must have one entry per axis, but have "
                f"{len(self.lower)}, {len(self.upper)} and {len(self.shape)}."
            )
        for a, b in zip(self.lower, self.upper, strict=True):
            if not (a < b and math.isfinite(b - a)):
                raise InputError(
                    "`lower` must be below `upper`, at a finite distance, but they are "
                    f"{a} and {b}."
                )
        if self.mesh is not None:
            sharding.require_divides(self.mesh, self.shape)
        if sharding.points_of_one(self.mesh, self.shape) >= MOST_POINTS:
            raise InputError(
                f"`shape` must have fewer than 2^31 points on a device, but is {self.shape}: "
                "take fewer points, or more devices."
            )

    @property
    def dim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of points."""
        return math.prod(self.shape)

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
    def axes(self) -> tuple[Float[Array, " points"], ...]:
        """Coordinates along each axis."""
        edges = zip(self.lower, self.spacing, self.shape, strict=True)
        return tuple(a + dx * jnp.arange(n) for a, dx, n in edges)

    @property
    def points(self) -> Float[Array, "dim *shape"]:
        """Coordinates of every point."""
        return _points(self)

    def place(self, values: PyTree) -> PyTree[Array]:
        """Arrays on the grid, divided among the devices of its `mesh`, if it has one.

        Raises:
            InputError: If an array has another shape.
        """
        for leaf in jax.tree.leaves(values) or [None]:
            require_shape("values", leaf, self.shape)
        return values if self.mesh is None else sharding.place(values, self.mesh)

    def place_waves(self, waves: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape"]:
        """The same for amplitudes of waves, which are divided along the second axis."""
        return waves if self.mesh is None else sharding.placed(waves, self.mesh, 1)

    def fft(self, f: Inexact[Array, "*shape"], norm: str | None = None) -> Complex[Array, "*shape"]:
        """The amplitudes of the `waves` in f, as those of `jnp.fft.fftn`."""
        if self.mesh is None:
            return jnp.fft.fftn(f, norm=norm)
        return sharding.fftn(f, self.mesh, norm)

    def ifft(
        self, waves: Inexact[Array, "*shape"], norm: str | None = None
    ) -> Complex[Array, "*shape"]:
        """The inverse of `fft`."""
        if self.mesh is None:
            return jnp.fft.ifftn(waves, norm=norm)
        return sharding.ifftn(waves, self.mesh, norm)

    @property
    def waves(self) -> tuple[Float[Array, "..."], ...]:
        """Angular wavenumbers of each axis, in the order of `jnp.fft.fftn`; they broadcast to the
        grid's shape."""
        axes = zip(self.shape, self.spacing, strict=True)
        waves = [2 * np.pi * np.fft.fftfreq(n, dx) for n, dx in axes]
        return tuple(jnp.asarray(self.along(axis, k)) for axis, k in enumerate(waves))

    @property
    def odd_waves(self) -> tuple[Float[Array, "..."], ...]:
        """`waves` for odd functions of k: an unpaired highest wave, which has no sign, is 0."""
        paired = (self.along(a, 2 * np.arange(n) != n) for a, n in enumerate(self.shape))
        return tuple(jnp.where(p, k, 0.0) for k, p in zip(self.waves, paired, strict=True))

    @property
    def k(self) -> Float[Array, "dim *shape"]:
        """Angular wavenumbers at every point of the transform."""
        return _stacked(self.waves)

    def at_points(self, f) -> Array:
        """Values of `f(x)`, written for one point, on the grid: `(*shape, *f's shape)`.

        Raises:
            InputError: As `called_once`.
        """
        called_once("f", f, np.ones(self.dim))
        return values_at(self.points, f)

    def gradient(self, f: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape dim"]:
        """`∂_a f`, components along the last axis."""
        f = field_on(self, "f", f)
        waves = self.fft(f)
        parts = [self.ifft(1j * k * waves) for k in self.odd_waves]
        return _like(f, jnp.stack(parts, axis=-1))

    def divergence(self, field: Inexact[Array, "*shape dim"]) -> Inexact[Array, "*shape"]:
        """`Σ_a ∂_a F_a`, components along the last axis as `at_points` gives them."""
        field = field_on(self, "field", field, self.dim)
        odd = enumerate(self.odd_waves)
        waves = sum(1j * k * self.fft(field[..., a]) for a, k in odd)
        return _like(field, self.ifft(jnp.asarray(waves)))

    def double_divergence(
        self, tensor: Inexact[Array, "*shape dim dim"]
    ) -> Inexact[Array, "*shape"]:
        """`Σ_ab ∂_a∂_b T_ab`."""
        tensor = field_on(self, "tensor", tensor, self.dim, self.dim)
        k, odd = self.waves, self.odd_waves
        waves = sum(
            -(k[a] ** 2 if a == b else odd[a] * odd[b]) * self.fft(tensor[..., a, b])
            for a in range(self.dim)
            for b in range(self.dim)
        )
        return _like(tensor, self.ifft(jnp.asarray(waves)))

    def integrate(self, f: Inexact[Array, "*shape"]) -> Inexact[Array, ""]:
        """`∫ f dx` by the trapezoidal rule, spectrally accurate on a periodic box."""
        return jnp.sum(field_on(self, "f", f)) * self.cell

    def interpolate(
        self, values: Inexact[Array, "*shape"], points: Float[Array, "count dim"]
    ) -> Inexact[Array, " count"]:
        """Values between the grid points, by periodic splines of degree five.

        A wave of n grid points has a relative error of about `4/(n − 1)⁶`, and its derivative one
        of `10/(n − 1)⁵`. Differentiable in values and points.

        Args:
            values: On the grid.
            points: One per row. The box is periodic.

        Raises:
            InputError: If `values` or `points` has another shape.
        """
        values = field_on(self, "values", values)
        points = jnp.asarray(finite("points", points), float)
        if points.ndim != 2 or points.shape[1] != self.dim:
            raise InputError(
                f"`points` must have shape (count, {self.dim}), but has {points.shape}."
            )
        coefficients = spline_coefficients(values, self.dim)
        place = (points - np.asarray(self.lower)) / np.asarray(self.spacing)
        return jax.vmap(lambda u: spline_at(coefficients, u)[0])(place)

    def along(self, axis: int, values: np.ndarray) -> np.ndarray:
        """A list of values along one axis, as an array that broadcasts to the grid's shape."""
        return np.expand_dims(values, [a for a in range(self.dim) if a != axis])


@eqx.filter_jit
def _points(grid: Grid) -> Float[Array, "dim *shape"]:
    axes = zip(grid.lower, grid.spacing, grid.shape, strict=True)
    along = (a + dx * np.arange(n) for a, dx, n in axes)
    found = jnp.stack(jnp.meshgrid(*along, indexing="ij"))
    return found if grid.mesh is None else sharding.placed(found, grid.mesh, 1)


@jax.jit
def _stacked(parts: tuple[Array, ...]) -> Array:
    """Arrays that broadcast to one shape, as one array."""
    return jnp.stack(jnp.broadcast_arrays(*parts))


def values_at(points: Float[Array, "dim *shape"], f) -> Array:
    """Values of `f(x)`, written for one point, at all `points`: `(*shape, *f's shape)`."""
    dim, *shape = points.shape
    values = jax.vmap(f)(points.reshape(dim, -1).T)
    return values.reshape(*shape, *values.shape[1:])


def field_on(grid: Grid, name: str, value, *components: int) -> Array:
    """`value`, the argument `name`, as an array on `grid` with `components` at each point.

    Raises:
        InputError: If it is none, has another shape, or is known and contains NaN or infinity.
    """
    require_instance(Grid, grid=grid)
    array, shape = field(name, value), (*grid.shape, *components)
    if array.shape != shape:
        raise InputError(f"`{name}` must have shape {shape} on `grid`, but has {array.shape}.")
    return array


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


@jax.jit
def density(psi: Inexact[Array, "*shape"]) -> Float[Array, "*shape"]:
    """`|ψ|²`, differentiable to all orders, also where ψ is 0."""
    return psi.real**2 + psi.imag**2


@eqx.filter_jit
def unresolved_share(grid: Grid, psi: Complex[Array, "*shape"]) -> Scalar:
    """Share of the norm in the upper third of wavenumbers of any axis.

    It is 0 to round-off for a state that the grid resolves. Kinks, jumps and waves beyond the
    grid show there first.
    """
    waves = (jnp.abs(k) > 2 / 3 * jnp.max(jnp.abs(k)) for k in grid.waves)
    high = sum(waves) > 0
    share = density(grid.fft(psi))
    return jnp.sum(jnp.where(high, share, 0.0)) / jnp.sum(share)


@eqx.filter_jit
def edge_share(grid: Grid, rho: Float[Array, "*shape"]) -> Scalar:
    """Share of ∫|ρ| in the outermost cells of any axis, where the box ends."""
    outermost = (np.isin(np.arange(n), (0, n - 1)) for n in grid.shape)
    is_edge = sum(jnp.asarray(grid.along(axis, edge)) for axis, edge in enumerate(outermost)) > 0
    size = jnp.abs(rho)
    return jnp.sum(jnp.where(is_edge, size, 0.0)) / jnp.sum(size)


def grid_strain(grid: Grid, f: Float[Array, "*shape"]) -> Scalar:
    """`unresolved_share` of a real density f in millionths; above 1 the grid does not resolve f."""
    return unresolved_share(grid, f + 0j) / UNRESOLVED
