"""Density and action (ρ, S), fields along a line, and energies over time."""

import itertools
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from ..errors import InputError, not_negative, require_real, require_shape, require_type
from ..grid import Grid
from .checks import axes, named, scale, shaped
from .phase_colours import PHASES, colours, wheel
from .style import COLOURS, DASHES, EMPTY

PHASE = {"cmap": PHASES, "vmin": -np.pi, "vmax": np.pi, "origin": "lower"}
LEVELS = 6  # of a potential, evenly spaced


def density_and_action(
    grid: "Grid",
    rho: "ArrayLike",
    S: "ArrayLike",
    hbar: float = 1.0,
    ax: "Axes | None" = None,
    *,
    peak: float | None = None,
    empty: float = EMPTY,
    V: "ArrayLike | None" = None,
) -> "AxesImage":
    """Density ρ with the phase S/ħ as hue: the area under a curve, or a two-dimensional map.

    All hues have the same lightness and chroma (in the space OKLCh), so that lightness shows the
    density alone. In a map the light is proportional to ρ, from black to full colour at `peak`, so
    that a vortex is a black core around which the hues go once around the wheel.

    Args:
        grid: Grid with one or two dimensions.
        rho, S: The canonical pair, with the shape of the grid.
        hbar: ħ.
        ax: Axes to draw on; by default the current ones.
        peak: ρ at full light, or at the top of the axis; by default the maximum. Use one value for
            all frames of an animation, so that they are comparable.
        empty: No phase is shown where ρ is below this part of the peak.
        V: Potential, with the shape of the grid: contours on a map, otherwise a dotted line from
            its minimum at the bottom of the axis to its maximum at the top.

    Returns:
        The image. `figure.colorbar` of it shows the hues.

    Raises:
        InputError: If the grid has more dimensions, a shape does not match, a number is complex,
            or ρ or `peak` is not positive.

    Example:
        >>> grid = dqm.Grid(lower=(-5.0, -5.0), upper=(5.0, 5.0), shape=(32, 32))
        >>> x, y = grid.points
        >>> psi = (x + 1j * y) * jnp.exp(-(x**2 + y**2) / 2)  # a vortex
        >>> image = dqm.plot.density_and_action(grid, abs(psi) ** 2, jnp.angle(psi))
        >>> image.get_array().shape  # red, green, blue
        (32, 32, 3)
    """
    require_type(Grid, grid=grid)
    if grid.dim > 2:
        raise InputError(f"`grid` must have one or two dimensions, but has {grid.dim}: take a cut.")
    rho, empty, hbar = _density(grid, rho), _part(empty), scale("hbar", hbar)
    peak = float(rho.max()) if peak is None else scale("peak", peak)
    S = _where_there_is_density(grid, rho, empty * peak, "S", S)
    potential = None if V is None else shaped("V", V, *grid.shape)
    ax = axes(ax)
    phase = np.ma.masked_invalid(np.angle(np.exp(1j * S / hbar)))
    draw = _map if grid.dim == 2 else _area
    return draw(grid, ax, rho, peak, phase, potential)


def _extent(grid: Grid, axis: int) -> tuple[float, float]:
    """Edges of pixels whose middles are the points of the grid."""
    half = (grid.upper[axis] - grid.lower[axis]) / grid.shape[axis] / 2
    return grid.lower[axis] - half, grid.upper[axis] - half


def _area(grid: Grid, ax: Axes, rho: np.ndarray, peak: float, phase, V) -> AxesImage:
    """ρ as a curve, the area below it coloured by the phase."""
    top = 1.05 * peak
    image = ax.imshow(phase[None], extent=(*_extent(grid, 0), 0.0, top), aspect="auto", **PHASE)
    x = np.asarray(grid.points[0])
    area = ax.fill_between(x, rho, color="none")
    image.set_clip_path(area.get_paths()[0], ax.transData)
    ax.plot(x, rho, color="black", lw=1)
    if V is not None:
        height = (V - V.min()) / (np.ptp(V) or 1.0)
        ax.plot(x, height, color="0.35", lw=1.2, ls=":", transform=ax.get_xaxis_transform())
    ax.set(xlabel="$x$", ylabel=r"$\rho$", xlim=(grid.lower[0], grid.upper[0]), ylim=(0.0, top))
    return image


def _map(grid: Grid, ax: Axes, rho: np.ndarray, peak: float, phase, V) -> AxesImage:
    """Phase as hue, ρ as light."""
    part = np.where(phase.mask, 0.0, np.clip(rho / peak, 0, 1))
    shown = colours(phase.filled(0.0).T, part.T)
    image = ax.imshow(shown, extent=(*_extent(grid, 0), *_extent(grid, 1)), **PHASE)
    if V is not None and np.ptp(V):
        x, y = (np.asarray(points) for points in grid.points)
        levels = np.linspace(V.min(), V.max(), LEVELS + 2)[1:-1]
        ax.contour(x, y, V, levels, colors="white", linewidths=0.7, alpha=0.6)
    wheel(ax)
    ax.set(xlabel="$x$", ylabel="$y$", aspect="equal")
    return image


def fields(
    grid: "Grid",
    rho: "ArrayLike",
    curves: "Mapping[str, ArrayLike]",
    ax: "Axes | None" = None,
    *,
    empty: float = EMPTY,
) -> "list[Line2D]":
    """Fields such as v, u or the quantum potential along a line, where there is density.

    Args:
        grid: Grid with one dimension.
        rho: Density, with the shape of the grid; drawn in grey on its own scale.
        curves: Fields of that shape, by label.
        ax: Axes to draw on; by default the current ones.
        empty: Nothing is drawn where ρ is below this part of its maximum.

    Raises:
        InputError: If the grid has more dimensions, `curves` is empty, a shape does not match, a
            number is complex or ρ is not positive.

    Example:
        >>> grid = dqm.Grid(lower=(-5.0,), upper=(5.0,), shape=(64,))
        >>> x = grid.points[0]
        >>> (line,) = dqm.plot.fields(grid, jnp.exp(-(x**2)), {"$u$": -x})
        >>> round(float(np.nanmax(line.get_ydata())), 1)  # ρ falls below 1e-6 at |x| = 3.72
        3.6
    """
    require_type(Grid, grid=grid)
    if grid.dim != 1:
        raise InputError(f"`grid` must have one dimension, but has {grid.dim}: take a cut.")
    rho, least = _density(grid, rho), float(_part(empty) * np.max(rho))
    curves = {
        name: _where_there_is_density(grid, rho, least, f"curves[{name!r}]", value)
        for name, value in named("curves", curves).items()
    }
    ax, x, part = axes(ax), np.asarray(grid.points[0]), rho / (1.05 * rho.max())
    ax.fill_between(x, part, color="0.88", lw=0, zorder=0, transform=ax.get_xaxis_transform())
    lines = _lines(ax, x, curves)
    ax.set(xlabel="$x$", xlim=(grid.lower[0], grid.upper[0]))
    return lines


def energy_ledger(
    t: "ArrayLike", parts: "Mapping[str, ArrayLike]", ax: "Axes | None" = None
) -> "list[Line2D]":
    """Contributions to the energy over time, such as `ledger(…)._asdict()`, and their sum.

    Args:
        t: Shape (times,).
        parts: Contributions of that shape, by name.
        ax: Axes to draw on; by default the current ones.

    Raises:
        InputError: If `parts` is empty, a shape does not match or a number is complex.

    Example:
        >>> t = np.linspace(0, 2 * np.pi, 9)
        >>> parts = {"kinetic": np.sin(t) ** 2, "potential": np.cos(t) ** 2}
        >>> *_, total = dqm.plot.energy_ledger(t, parts)
        >>> total.get_ydata().round(3).tolist()
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    t = shaped("t", t, None)
    parts = named("parts", parts)
    values = {name: shaped(f"parts[{name!r}]", part, t.size) for name, part in parts.items()}
    ax = axes(ax)
    lines = _lines(ax, t, values)
    lines += ax.plot(t, sum(values.values()), color="black", lw=2, label="total")
    ax.set(xlabel="$t$", ylabel="energy")
    ax.legend(frameon=False)
    return lines


def _lines(ax: Axes, x, curves: Mapping[str, np.ndarray]) -> list[Line2D]:
    """A line and a legend entry for each curve, distinct without colour, too."""
    styles = itertools.cycle(zip(COLOURS, DASHES, strict=True))
    lines = [
        ax.plot(x, y, color=colour, ls=dash, label=label)[0]
        for (label, y), (colour, dash) in zip(curves.items(), styles, strict=False)
    ]
    ax.legend(frameon=False)
    return lines


def _density(grid: Grid, rho: ArrayLike) -> np.ndarray:
    """ρ, if it is positive somewhere."""
    rho = shaped("rho", rho, *grid.shape)
    if not rho.max() > 0:
        raise InputError(f"`rho` must be positive somewhere, but is at most {rho.max()}.")
    return rho


def _part(empty: float) -> float:
    """`empty`, if it is part of a maximum."""
    require_shape("empty", not_negative("empty", empty), ())
    if empty >= 1:
        raise InputError(f"`empty` must be below 1, part of the maximum, but is {empty}.")
    return empty


def _where_there_is_density(
    grid: Grid, rho: np.ndarray, least: float, name: str, values: ArrayLike
) -> np.ndarray:
    """Real values on the grid, NaN where ρ is below `least`; elsewhere they must be finite."""
    try:
        values = np.asarray(values)
    except (TypeError, ValueError):
        raise InputError(f"`{name}` must be real numbers, but are none.") from None
    require_real(name, values)
    require_shape(name, values, grid.shape)
    if values.dtype.kind not in "iuf":
        raise InputError(f"`{name}` must be real numbers, but are of type {values.dtype}.")
    shown = np.where(rho < least, 0.0, values)
    if not np.isfinite(shown).all():
        raise InputError(
            f"`{name}` must be finite where there is density, but has NaN or infinity."
        )
    return np.where(rho < least, np.nan, values)
