"""(ρ, S), the velocities and potentials that belong to it, and its energies."""

import itertools
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from ..errors import InputError, require_positive, require_real, require_shape
from ..grid import Grid
from .style import COLOURS, DASHES, EMPTY


def density_and_action(
    grid: Grid,
    rho: ArrayLike,
    S: ArrayLike,
    hbar: float = 1.0,
    ax: Axes | None = None,
    *,
    peak: float | None = None,
    empty: float = EMPTY,
) -> AxesImage:
    """ρ with the phase S/ħ as colour: the area under a curve, or a map of two dimensions.

    Args:
        grid: Of one or two dimensions.
        rho, S: The canonical pair, of the shape of the grid.
        hbar: ħ.
        ax: Axes to draw on, the current ones by default.
        peak: ρ of full strength, or at the top of the axis; the largest by default. One for all
            frames of an animation shows how a packet spreads.
        empty: Part of the peak below which no phase is shown.

    Raises:
        InputError: If the grid has more dimensions, a shape does not fit, a number is complex,
            ρ is positive nowhere or the peak is not positive.
    """
    rho, S = _on_grid(grid, {"rho": rho, "S": S})
    _require_density(rho)
    peak = float(rho.max()) if peak is None else peak
    require_positive(peak=peak)
    if grid.dim > 2:
        raise InputError(f"`grid` must have one or two dimensions, but has {grid.dim}: take a cut.")
    ax = ax or plt.gca()
    phase = np.ma.masked_where(rho < empty * peak, np.angle(np.exp(1j * S / hbar)))
    style = {"cmap": "twilight", "vmin": -np.pi, "vmax": np.pi, "origin": "lower"}
    if grid.dim == 2:
        return _map(grid, ax, rho / peak, phase, style)
    x, top = np.asarray(grid.points[0]), 1.05 * peak
    extent = (grid.lower[0], grid.upper[0], 0.0, top)
    image = ax.imshow(phase[None], extent=extent, aspect="auto", **style)
    area = ax.fill_between(x, rho, color="none")
    image.set_clip_path(area.get_paths()[0], ax.transData)
    ax.plot(x, rho, color="black", lw=1)
    ax.set(xlabel="$x$", ylabel=r"$\rho$", xlim=extent[:2], ylim=extent[2:])
    return image


def _map(grid: Grid, ax: Axes, part, phase, style) -> AxesImage:
    """Phase as colour, the root of the part of the peak as its strength."""
    (left, bottom), (right, upper) = grid.lower, grid.upper
    strength = np.sqrt(np.clip(part, 0, 1)).T
    extent = (left, right, bottom, upper)
    image = ax.imshow(phase.T, extent=extent, alpha=strength, **style)
    ax.set_facecolor("0.6")  # on which all colours are seen
    ax.set(xlabel="$x$", ylabel="$y$", aspect="equal")
    return image


def fields(
    grid: Grid,
    rho: ArrayLike,
    curves: Mapping[str, ArrayLike],
    ax: Axes | None = None,
    *,
    empty: float = EMPTY,
) -> list[Line2D]:
    """Fields such as v, u or the quantum potential along a line, where there is density.

    Args:
        grid: Of one dimension.
        rho: Density, of the shape of the grid, drawn grey on a scale of its own.
        curves: Fields of that shape by the label of each.
        ax: Axes to draw on, the current ones by default.
        empty: Part of the largest ρ below which nothing is drawn.

    Raises:
        InputError: If the grid has more dimensions, there is no field, a shape does not fit, a
            number is complex or ρ is positive nowhere.
    """
    if grid.dim != 1:
        raise InputError(f"`grid` must have one dimension, but has {grid.dim}: take a cut.")
    _not_empty("curves", curves)
    (rho,) = _on_grid(grid, {"rho": rho})
    _on_grid(grid, curves)
    _require_density(rho)
    ax, x, part = ax or plt.gca(), np.asarray(grid.points[0]), rho / (1.05 * rho.max())
    ax.fill_between(x, part, color="0.88", lw=0, zorder=0, transform=ax.get_xaxis_transform())
    masked = {n: np.where(rho < empty * rho.max(), np.nan, y) for n, y in curves.items()}
    lines = _lines(ax, x, masked)
    ax.set(xlabel="$x$", xlim=(grid.lower[0], grid.upper[0]))
    return lines


def energy_ledger(
    t: ArrayLike,
    parts: Mapping[str, ArrayLike],
    ax: Axes | None = None,
) -> list[Line2D]:
    """The parts of the energy over time, such as `ledger(…)._asdict()`, and their sum.

    Args:
        t: Shape (times,).
        parts: Of that shape, by the name of each.
        ax: Axes to draw on, the current ones by default.

    Raises:
        InputError: If there is no part, a shape does not fit or a number is complex.
    """
    t = np.asarray(t)
    _not_empty("parts", parts)
    for name, values in parts.items():
        require_shape(name, values, t.shape)
        require_real(name, values)
    ax = ax or plt.gca()
    total = np.sum([np.asarray(values) for values in parts.values()], axis=0)
    lines = _lines(ax, t, {n: np.asarray(values) for n, values in parts.items()})
    lines += ax.plot(t, total, color="black", lw=2, label="total")
    ax.set(xlabel="$t$", ylabel="energy")
    ax.legend(frameon=False)
    return lines


def _lines(ax: Axes, x, curves: Mapping[str, np.ndarray]) -> list[Line2D]:
    """A line and an entry of the legend for each, told apart without colour too."""
    styles = itertools.cycle(zip(COLOURS, DASHES, strict=True))
    lines = [
        ax.plot(x, y, color=colour, ls=dash, label=label)[0]
        for (label, y), (colour, dash) in zip(curves.items(), styles, strict=False)
    ]
    ax.legend(frameon=False)
    return lines


def _on_grid(grid: Grid, values: Mapping[str, ArrayLike]) -> list[np.ndarray]:
    for name, value in values.items():
        require_shape(name, value, grid.shape)
        require_real(name, value)
    return [np.asarray(value) for value in values.values()]


def _require_density(rho: np.ndarray):
    if not rho.max() > 0:
        raise InputError(f"`rho` must be positive somewhere, but is at most {rho.max()}.")


def _not_empty(name: str, values: Mapping):
    if not values:
        raise InputError(f"`{name}` must hold one at least, but is empty.")
