"""Potential energies V(x, t), written for one point.

All parameters are real and finite, and positive where the formula needs it. A bad one is an
`InputError`; where it is traced, V is NaN.
"""

import abc
import functools
import inspect
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Inexact

from ..errors import (
    InputError,
    finite,
    is_known,
    not_negative,
    positive,
    real,
    require,
    require_instance,
    require_shape,
    require_whole,
)
from ..grid import Grid, one_per_axis, values_at
from ..user_function import called_once

Point = Float[Array, " dim"]
Scalar = Float[Array, ""]
Parameter = Float[Array, "..."] | tuple[float, ...] | list[float] | float


def one_number(check: Callable, name: str, **default):
    """A field of one number that passes `check`."""
    return eqx.field(converter=functools.partial(check, name, shape=()), **default)


def numbers(check: Callable, name: str, **default):
    """A field of numbers that pass `check`: one for all axes, or one for each."""
    return eqx.field(converter=functools.partial(check, name), **default)


class AbstractPotential(eqx.Module):
    """A potential energy, written for one point; forces and values on grids follow from it.

    Example:
        >>> class Slope(dqm.AbstractPotential):
        ...     strength: float
        ...     def __call__(self, x, t=0.0):
        ...         return self.strength * x[0]
        >>> Slope(2.0).force(jnp.array([1.0])).tolist()
        [-2.0]
    """

    @abc.abstractmethod
    def __call__(self, x: Point, t: Scalar | float = 0.0) -> Inexact[Array, ""]:
        """`V(x, t)` at one point, in units of energy."""

    def force(self, x: Point, t: Scalar | float = 0.0) -> Point:
        """`−∇V(x, t)` at one point."""
        require_point(x, t)
        return -jax.grad(self)(x, t)

    def __add__(self, other: "Callable | AbstractPotential") -> "Sum":
        return Sum((self, require_function(other, "other")))


class Sum(AbstractPotential):
    """`Σ V_i(x, t)`, the result of `+`."""

    terms: tuple[Callable, ...]

    def __call__(self, x, t=0.0):
        require_point(x, t)
        return sum((term(x, t) for term in self.terms), jnp.zeros(()))


class Free(AbstractPotential):
    """`V = 0`.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> step = dqm.SplitStep(dqm.Hamiltonian(dqm.Free()), grid)
        >>> run = dqm.solve(step, dqm.gaussian(grid, 0.0, 0.5), jnp.array([0.0, 1.0]))
        >>> dqm.observables.position_variance(grid, run.final).round(3).tolist()  # w² + (t/2w)²
        [1.25]
    """

    def __call__(self, x, t=0.0):
        require_point(x, t)
        return 0 * jnp.sum(x)


class Harmonic(AbstractPotential):
    """`V(x) = m Σ ω_i² x_i² / 2`, ω one number or one per axis.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> h = dqm.Hamiltonian(dqm.Harmonic(omega=2.0))
        >>> round(float(dqm.ground_state(h, grid)[0]), 3)  # ω/2
        1.0
    """

    omega: Parameter = numbers(not_negative, "omega", default=1.0)
    mass: Scalar | float = one_number(positive, "mass", default=1.0)

    def __call__(self, x, t=0.0):
        require_point(x, t)
        return self.mass * jnp.sum(one_per_axis("omega", self.omega, x.size) ** 2 * x**2) / 2


class Anharmonic(AbstractPotential):
    """`V(x) = Σ (ω² x_i²/2 + c x_i³ + d x_i⁴)` of unit mass, c the `cubic`, d the `quartic`.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> h = dqm.Hamiltonian(dqm.Anharmonic(omega=1.0, quartic=0.1))
        >>> round(float(dqm.ground_state(h, grid)[0]), 3)  # 1/2 without the quartic term
        0.559
    """

    omega: Scalar | float = one_number(not_negative, "omega", default=1.0)
    cubic: Scalar | float = one_number(finite, "cubic", default=0.0)
    quartic: Scalar | float = one_number(finite, "quartic", default=0.0)

    def __call__(self, x, t=0.0):
        require_point(x, t)
        return jnp.sum(self.omega**2 * x**2 / 2 + self.cubic * x**3 + self.quartic * x**4)


class DoubleWell(AbstractPotential):
    """`V(x) = D ((x₁/a)² − 1)²`: minima at ±a, the `half_distance`, and a barrier of height D, the
    `depth`, between them.

    Example:
        >>> well = dqm.DoubleWell(depth=2.0, half_distance=1.5)
        >>> [round(float(well(jnp.array([x]))), 3) for x in (0.0, 1.5)]
        [2.0, 0.0]
    """

    depth: Scalar | float = one_number(not_negative, "depth")
    half_distance: Scalar | float = one_number(positive, "half_distance")

    def __call__(self, x, t=0.0):
        require_point(x, t)
        return self.depth * ((x[0] / self.half_distance) ** 2 - 1) ** 2


class SechBarrier(AbstractPotential):
    """`V(x) = V₀ sech²(αx₁)`, V₀ the `height` (negative for a well), α the `rate` (inverse length).
    Its transmission is known in closed form (Eckart 1930).

    Example:
        >>> grid = dqm.Grid(-16.0, 16.0, 64)
        >>> h = dqm.Hamiltonian(dqm.SechBarrier(height=-1.0, rate=1.0))
        >>> round(float(dqm.ground_state(h, grid)[0]), 3)  # a well: −1/2
        -0.5
    """

    height: Scalar | float = one_number(finite, "height")
    rate: Scalar | float = one_number(positive, "rate")

    def __call__(self, x, t=0.0):
        require_point(x, t)
        y = self.rate * x[0]
        return 4 * self.height * jnp.exp(-2 * jnp.logaddexp(y, -y))  # cosh would overflow


class GaussianBarrier(AbstractPotential):
    """`V(x) = V₀ exp(−Σ (x_i − c_i)² / 2w_i²)`.

    Args:
        height: V₀; negative for a well.
        width: w, one number or one per axis.
        center: c, one number or one per axis.

    Example:
        >>> barrier = dqm.GaussianBarrier(height=2.0, width=0.5)
        >>> [round(float(barrier(jnp.array([x]))), 3) for x in (0.0, 0.5)]
        [2.0, 1.213]
    """

    height: Scalar | float = one_number(finite, "height")
    width: Parameter = numbers(positive, "width")
    center: Parameter = numbers(finite, "center", default=0.0)

    def __call__(self, x, t=0.0):
        require_point(x, t)
        away = (x - one_per_axis("center", self.center, x.size)) / one_per_axis(
            "width", self.width, x.size
        )
        return self.height * jnp.exp(-jnp.sum(away**2) / 2)


class Morse(AbstractPotential):
    """`V(x) = D (1 − e^{−a(x₁ − r)})²`, D the `depth`, a the `rate` (inverse length), r the
    `equilibrium`.

    Example:
        >>> grid = dqm.Grid(-4.0, 12.0, 64)
        >>> h = dqm.Hamiltonian(dqm.Morse(depth=8.0, rate=0.5))
        >>> round(float(dqm.ground_state(h, grid)[0]), 3)  # ω/2 − ω²/16D, ω = 2
        0.969
    """

    depth: Scalar | float = one_number(not_negative, "depth")
    rate: Scalar | float = one_number(positive, "rate")
    equilibrium: Scalar | float = one_number(finite, "equilibrium", default=0.0)

    def __call__(self, x, t=0.0):
        require_point(x, t)
        return self.depth * (1 - jnp.exp(-self.rate * (x[0] - self.equilibrium))) ** 2


class OpticalLattice(AbstractPotential):
    """`V(x) = V₀ Σ sin²(k_i x_i)`.

    Args:
        depth: V₀; negative for light that attracts, whose minima lie where those of V₀ > 0 have
            maxima.
        wavenumber: k of the light, one number or one per axis.

    Example:
        >>> lattice = dqm.OpticalLattice(depth=4.0, wavenumber=np.pi)
        >>> [round(float(lattice(jnp.array([x]))), 3) for x in (0.0, 0.5)]
        [0.0, 4.0]
    """

    depth: Scalar | float = one_number(finite, "depth")
    wavenumber: Parameter = numbers(not_negative, "wavenumber")

    def __call__(self, x, t=0.0):
        require_point(x, t)
        return self.depth * jnp.sum(
            jnp.sin(one_per_axis("wavenumber", self.wavenumber, x.size) * x) ** 2
        )


class Spline(AbstractPotential):
    """`V(x) = Σ_j c_j B((x₁ − x_j)/h)`, a smooth curve of any form from few numbers.

    B is the cubic B-spline, so that V has two continuous derivatives. The x_j are equally spaced;
    the first and the last lie one h beyond the ends. Outside the ends V is constant.

    Args:
        coefficients: c_j, four or more; V(x_j) is close to c_j.
        lower, upper: The ends.

    Raises:
        InputError: If there are fewer than four coefficients, or `lower` is not below `upper`.

    Example:
        >>> curve = dqm.Spline((0.0, 1.0, 2.0, 3.0, 4.0, 5.0), lower=-1.0, upper=1.0)
        >>> [round(float(curve(jnp.array([x]))), 3) for x in (-1.0, 0.0)]
        [1.0, 2.5]
    """

    coefficients: Float[Array, " knots"] | tuple[float, ...] = numbers(finite, "coefficients")
    lower: float = one_number(finite, "lower")
    upper: float = one_number(finite, "upper")

    def __check_init__(self):
        shape = jnp.asarray(self.coefficients).shape
        if len(shape) != 1 or shape[0] < 4:
            raise InputError(f"`coefficients` must be four or more numbers, but has shape {shape}.")
        _ordered(self.lower, self.upper, 0.0)

    def __call__(self, x, t=0.0):
        require_point(x, t)
        coefficients = _ordered(self.lower, self.upper, jnp.asarray(self.coefficients))
        intervals = coefficients.size - 3
        inside = jnp.clip((x[0] - self.lower) / (self.upper - self.lower), 0.0, 1.0) * intervals
        away = jnp.abs(inside - jnp.arange(-1, intervals + 2))
        near = 2 / 3 - away**2 + away**3 / 2
        far = (2 - jnp.minimum(away, 2.0)) ** 3 / 6
        return jnp.sum(coefficients * jnp.where(away < 1, near, far))


class HenonHeiles(AbstractPotential):
    """`V(x, y) = (x² + y²)/2 + λ(x²y − y³/3)`, λ the `coupling`, of either
    sign, which mirrors y; unbounded below for `|x| ≳ 1/|λ|`.

    Example:
        >>> potential = dqm.HenonHeiles(coupling=0.5)
        >>> round(float(potential(jnp.array([0.0, 2.0]))), 3)  # the saddle, 1/6λ²
        0.667
    """

    coupling: Scalar | float = one_number(finite, "coupling")

    def __call__(self, x, t=0.0):
        require_point(x, t)
        require_shape("x", x, (2,))
        return jnp.sum(x**2) / 2 + self.coupling * (x[0] ** 2 * x[1] - x[1] ** 3 / 3)


class SoftCoulomb(AbstractPotential):
    """`V(x) = −Z / √(|x|² + s²)`, Z the `charge` (negative for repulsion), s the `softening`.

    Example:
        >>> grid = dqm.Grid(-16.0, 16.0, 64)
        >>> h = dqm.Hamiltonian(dqm.SoftCoulomb(charge=1.0, softening=1.0))
        >>> round(float(dqm.ground_state(h, grid)[0]), 3)  # of the model atom
        -0.67
    """

    charge: Scalar | float = one_number(finite, "charge", default=1.0)
    softening: Scalar | float = one_number(positive, "softening", default=1.0)

    def __call__(self, x, t=0.0):
        require_point(x, t)
        return -self.charge / jnp.sqrt(jnp.sum(x**2) + self.softening**2)


class Slits(AbstractPotential):
    """`V(x, y) = V₀ e^{−x²/2d²} Π_j (1 − e^{−(y − c_j)²/2w²})`: a wall at x = 0, open at each c_j.

    Args:
        height: V₀.
        thickness: d, along x.
        width: w of each opening.
        centers: c_j, one per slit.

    Example:
        >>> wall = dqm.Slits(height=50.0, thickness=0.2, width=0.3, centers=(-1.0, 1.0))
        >>> [round(float(wall(jnp.array([0.0, y]))), 3) for y in (1.0, 4.0)]
        [0.0, 50.0]
    """

    height: Scalar | float = one_number(not_negative, "height")
    thickness: Scalar | float = one_number(positive, "thickness")
    width: Scalar | float = one_number(positive, "width")
    centers: Parameter = numbers(finite, "centers")

    def __check_init__(self):
        if np.ndim(self.centers) > 1:
            shape = np.shape(self.centers)
            raise InputError(f"`centers` must be one number per slit, but has shape {shape}.")

    def __call__(self, x, t=0.0):
        require_point(x, t)
        require_shape("x", x, (2,))
        wall = jnp.exp(-((x[0] / self.thickness) ** 2) / 2)
        open_at = jnp.exp(-(((x[1] - jnp.asarray(self.centers)) / self.width) ** 2) / 2)
        return self.height * wall * jnp.prod(1 - open_at)


class AbsorbingEdges(AbstractPotential):
    """`V(x) = −iη Σ_i s_i³`, s rising from 0 to 1 over the last `width` before each edge.

    A complex absorbing potential. For waves of energy E and wavenumber k take η = 3E and a width of
    two wavelengths. This share is then reflected, or transmitted to the other side of the
    periodic box::

        wavenumber / k   0.25   0.5      0.7      1        1.5      2        4
        share left       0.16   1.1e-2   2.7e-4   6.5e-7   7.8e-6   1.0e-4   9.1e-3

    Slower waves are reflected, faster ones are transmitted. A layer of five wavelengths, η = 1.7E,
    leaves 1.3e-2 at k/4, 1.3e-6 at k/2 and 1.8e-6 at 2k.
    Muga et al. (2004), doi:10.1016/j.physrep.2004.03.002.

    A layer with `width √(2mη) < 4ħ` leaves more than an eighth at every energy. It is an
    `InputError` in a `Hamiltonian`.

    Args:
        lower, upper: The edges of the box, one number or one per axis; infinite for an axis
            without absorption.
        width: Of each layer, one number or one per axis; positive.
        strength: η, an energy.

    Raises:
        InputError: If a known `width` or `strength` is not positive, or `lower` is not below
            `upper`.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> edges = dqm.AbsorbingEdges(-8.0, 8.0, width=3.2, strength=24.0)
        >>> step = dqm.SplitStep(dqm.Hamiltonian(edges), grid, dqm.strang)
        >>> psi = dqm.gaussian(grid, 0.0, 1.0, momentum=4.0)  # E = 8
        >>> run = dqm.solve(step, psi, jnp.array([0.0, 6.0]), substeps=300)
        >>> round(float(dqm.observables.norm(grid, run.final)), 3)
        0.0
    """

    lower: Parameter = numbers(real, "lower")
    upper: Parameter = numbers(real, "upper")
    width: Parameter = numbers(positive, "width")
    strength: Scalar | float = one_number(positive, "strength")

    def __check_init__(self):
        _ordered(self.lower, self.upper, 0.0)

    def absorbs(self, mass: Float[Array, " dim"], hbar: Scalar | float) -> Bool[Array, ""]:
        """Whether some energy is absorbed at each edge, to an eighth or less."""
        ends = [one_per_axis(n, getattr(self, n), mass.size) for n in ("lower", "upper")]
        absent = jnp.isinf(ends[0]) & jnp.isinf(ends[1])
        width = one_per_axis("width", self.width, mass.size)
        return jnp.all(absent | (width * jnp.sqrt(2 * mass) * jnp.sqrt(self.strength) >= 4 * hbar))

    def __call__(self, x, t=0.0):
        require_point(x, t)
        lower, upper, width = (
            one_per_axis(name, getattr(self, name), x.size) for name in ("lower", "upper", "width")
        )
        inside = jnp.minimum(jnp.minimum(x - lower, upper - x), 2 * width)  # finite
        depth = jnp.clip(1 - inside / width, 0, 1)
        strength = _ordered(self.lower, self.upper, self.strength)
        return -1j * strength * jnp.sum(depth**3)


def _ordered(lower: Parameter, upper: Parameter, value):
    """`value`, if `lower` is below `upper`; see `require`."""
    try:
        is_below = jnp.asarray(lower) < jnp.asarray(upper)
    except TypeError:
        shapes = f"{np.shape(lower)} and {np.shape(upper)}"
        raise InputError(f"`lower` and `upper` must have one shape, but have {shapes}.") from None
    message = f"`lower` must be below `upper`, but they are {lower} and {upper}."
    return require(value, jnp.all(is_below), message)


def require_function(potential, name: str = "potential") -> Callable:
    """`potential`, if it is a function of (x, t).

    Raises:
        InputError: Naming the argument.
    """
    try:
        inspect.signature(potential).bind("x", "t")
    except ValueError:  # some built-in functions have no signature
        pass
    except TypeError:
        raise InputError(
            f"`{name}` must be a function of (x, t), all coordinates in x, but is {potential!r}. "
            "Use a potential of `dqmjax`, such as `Spline` for a curve."
        ) from None
    return potential


def require_absorption(potential: Callable, mass: Float[Array, " dim"], hbar, values: Array):
    """`values`, if every `AbsorbingEdges` in `potential` absorbs.

    Raises:
        InputError: If all numbers are known; otherwise values are NaN.
    """
    is_layer = lambda part: isinstance(part, AbsorbingEdges)
    for layer in filter(is_layer, jax.tree.leaves(potential, is_leaf=is_layer)):
        values = require(
            values,
            layer.absorbs(mass, hbar),
            "`width` of `AbsorbingEdges` must be at least 4ħ/√(2mη), η its `strength`, but is "
            f"{layer.width}: less absorbs no wave. Take two wavelengths.",
        )
    return values


def require_point(x, t):
    """Checks a point and a time, if they are known.

    Raises:
        InputError: If x is not a list of finite real numbers, or t is not one.
    """
    if not isinstance(x, Array | np.ndarray) or x.ndim != 1:
        raise InputError(f"`x` must be an array of one number per axis, but is {x!r}.")
    if is_known(x):
        finite("x", x)
    if is_known(t):
        finite("t", t, ())


def value_of(potential: Callable, dim: int) -> jax.ShapeDtypeStruct:
    """The type of V(x, t), without computing it.

    Raises:
        InputError: As `called_once`, or if `potential` does not return one number for a point.
    """
    require_whole(1, dim=dim)
    value = called_once("potential", potential, np.ones(dim), 0.0)
    if value.shape != ():
        raise InputError(f"`potential` must return one number, but its shape is {value.shape}.")
    return value


def potential_on(potential: Callable, grid: Grid, t: Scalar | float = 0.0) -> Array:
    """`V(x, t)` at every point of `grid`; errors as of `potential_at`."""
    require_instance(Grid, grid=grid)
    return potential_at(potential, grid.points, t)


def potential_at(
    potential: Callable, points: Float[Array, "dim *shape"], t: Scalar | float = 0.0
) -> Inexact[Array, "*shape"]:
    """`V(x, t)` at every x of `points`.

    Raises:
        InputError: If `potential` does not return one finite number for a point, or uses a
            coordinate that it does not have.
    """
    t = finite("t", t, ())
    value_of(potential, points.shape[0])
    values = values_at(points, lambda x: jnp.asarray(potential(x, t)))
    if is_known(values) and not (is_finite := np.isfinite(values)).all():
        where = np.moveaxis(np.asarray(points), 0, -1)[~is_finite][0]
        raise InputError(f"`potential` must be finite at every point, but is not at x = {where}.")
    return values


def depends_on_time(potential: Callable, dim: int) -> bool:
    """Whether `V(x, t)` uses t at all."""
    value_of(potential, dim)
    jaxpr = jax.make_jaxpr(lambda x, t: potential(x, t))(jnp.zeros(dim), jnp.zeros(())).jaxpr
    t = jaxpr.invars[1]
    return any(t is v for equation in jaxpr.eqns for v in equation.invars) or t in jaxpr.outvars
