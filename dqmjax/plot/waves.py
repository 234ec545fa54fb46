"""Density and action (ρ, S), fields along a line, and energies over time."""

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

PHASE = {"cmap": "twilight", "vmin": -np.pi, "vmax": np.pi, "origin": "lower"}


def density_and_action(
    grid: "Grid",
    rho: "ArrayLike",
    S: "ArrayLike",
    hbar: float = 1.0,
    ax: "Axes | None" = None,
    *,
    peak: float | None = None,
    empty: float = EMPTY,
) -> "AxesImage":
    """Density ρ with the phase S/ħ as colour: the area under a curve, or a two-dimensional map.

    Args:
        grid: Grid with one or two dimensions.
        rho, S: The canonical pair, with the shape of the grid.
        hbar: ħ.
        ax: Axes to draw on; by default the current ones.
        peak: ρ at full colour strength, or at the top of the axis; by default the maximum. Use one
            value for all frames of an animation, so that they are comparable.
        empty: No phase is shown where ρ is below this part of the peak.

    Raises:
        InputError: If the grid has more dimensions, a shape does not match, a number is complex,
            or ρ or `peak` is not positive.
    """
    rho, S = _on_grid(grid, {"rho": rho, "S": S})
    _require_density(rho)
    peak = float(rho.max()) if peak is None else peak
    require_positive(peak=peak)
    if grid.dim > 2:
        raise InputError(f"`grid` must have one or two dimensions, but has {grid.dim}: take a cut.")
    ax = ax or plt.gca()
    phase = np.ma.masked_where(rho < empty * peak, np.angle(np.exp(1j * S / hbar)))
    return _map(grid, ax, rho / peak, phase) if grid.dim == 2 else _area(grid, ax, rho, peak, phase)


def _area(grid: Grid, ax: Axes, rho: np.ndarray, peak: float, phase) -> AxesImage:
    """ρ as a curve, the area below it coloured by the phase."""
    extent = (grid.lower[0], grid.upper[0], 0.0, 1.05 * peak)
    image = ax.imshow(phase[None], extent=extent, aspect="auto", **PHASE)
    x = np.asarray(grid.points[0])
    area = ax.fill_between(x, rho, color="none")
    image.set_clip_path(area.get_paths()[0], ax.transData)
    ax.plot(x, rho, color="black", lw=1)
    ax.set(xlabel="$x$", ylabel=r"$\rho$", xlim=extent[:2], ylim=extent[2:])
    return image


def _map(grid: Grid, ax: Axes, part: np.ndarray, phase) -> AxesImage:
    """Phase as colour, √(ρ/peak) as its strength."""
    (left, bottom), (right, upper) = grid.lower, grid.upper
    strength = np.sqrt(np.clip(part, 0, 1)).T
    extent = (left, right, bottom, upper)
    image = ax.imshow(phase.T, extent=extent, alpha=strength, **PHASE)
    ax.set_facecolor("0.6")  # all colours are visible on this grey
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
    """
    if grid.dim != 1:
        raise InputError(f"`grid` must have one dimension, but has {grid.dim}: take a cut.")
    _require_any("curves", curves)
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
    t: "ArrayLike", parts: "Mapping[str, ArrayLike]", ax: "Axes | None" = None
) -> "list[Line2D]":
    """Contributions to the energy over time, such as `ledger(…)._asdict()`, and their sum.

    Args:
        t: Shape (times,).
        parts: Contributions of that shape, by name.
        ax: Axes to draw on; by default the current ones.

    Raises:
        InputError: If `parts` is empty, a shape does not match or a number is complex.
    """
    t = np.asarray(t)
    _require_any("parts", parts)
    for name, values in parts.items():
        require_shape(name, values, t.shape)
        require_real(name, values)
    ax = ax or plt.gca()
    values = {name: np.asarray(part) for name, part in parts.items()}
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


def _on_grid(grid: Grid, values: Mapping[str, ArrayLike]) -> list[np.ndarray]:
    for name, value in values.items():
        require_shape(name, value, grid.shape)
        require_real(name, value)
    return [np.asarray(value) for value in values.values()]


def _require_density(rho: np.ndarray):
    if not rho.max() > 0:
        raise InputError(f"`rho` must be positive somewhere, but is at most {rho.max()}.")


def _require_any(name: str, values: Mapping):
    if not values:
        raise InputError(f"`{name}` must have at least one entry, but is empty.")
