"""Paths of particles over the density that carries them."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from ..errors import InputError, require_type, require_whole
from ..grid import Grid
from ..trajectories.ensemble import Trajectories
from .checks import axes as axes_of, scale, shaped
from .phase_space import P_LABEL, Q_LABEL, draw_map
from .style import COLOURS

PALE = LinearSegmentedColormap.from_list("pale", ["white", "0.62"])  # below paths of any colour
MANY = "plasma"  # of more outcomes than there are COLOURS
WIDTH = 0.9  # of a path, in points
AXES = ("$x$", "$y$", "$z$")


def trajectories(
    paths: "Trajectories",
    grid: "Grid | None" = None,
    rho: "ArrayLike | None" = None,
    ax: "Axes | None" = None,
    *,
    outcome: "ArrayLike | None" = None,
    names: "Mapping | None" = None,
    axis: int = 0,
    most: int = 60,
    peak: float | None = None,
) -> "list":
    """Positions along one axis against time, over the density ρ(x, t).

    Args:
        paths: Particles, such as those of `dqm.trajectories.bohm`.
        grid, rho: Density along that axis at the times of the paths, shape (times, points): √ρ as a
            shade of grey.
        ax: Axes to draw on; by default the current ones.
        outcome: A number for each particle, such as the well in which it ends. Up to four
            different ones have a legend, more a colour bar.
        names: Labels of the outcomes, by value.
        axis: Which one.
        most: Paths that are drawn, evenly spread in the order of their starts.
        peak: ρ at full shade; by default the maximum.

    Returns:
        The paths, one collection for each outcome.

    Raises:
        InputError: If the paths are none, a shape does not match, a number is complex or not
            finite, `grid` comes without `rho`, or there is no such axis.

    Example:
        >>> t = jnp.linspace(0.0, 1.0, 5)
        >>> x = jnp.sqrt(1 + t[:, None] ** 2) * jnp.array([-1.0, 1.0])  # a free Gaussian spreads
        >>> paths = dqm.trajectories.Trajectories(t, x[..., None], x[..., None])
        >>> left, right = dqm.plot.trajectories(paths, outcome=[0, 1], names={0: "l", 1: "r"})
        >>> right.get_paths()[0].vertices[-1].round(3).tolist()  # t and x
        [1.0, 1.414]
    """
    t, x, outcome, names = _checked(paths, outcome, names)
    require_whole(0, axis=axis)
    if axis >= x.shape[2]:
        raise InputError(f"`axis` must be below {x.shape[2]}, but is {axis}.")
    require_whole(1, most=most)
    shade = _shade(t, grid, rho, peak)
    ax, along = axes_of(ax), x[:, :, axis]
    if shade is not None:
        ax.pcolormesh(t, *shade, shading="gouraud", cmap=PALE, vmin=0, vmax=1, zorder=0)
    shown = _spread(along[0], most)
    lines = np.stack(np.broadcast_arrays(t[:, None], along), axis=2).swapaxes(0, 1)
    drawn = _draw(ax, lines[shown], outcome, shown, names)
    label = AXES[axis] if x.shape[2] <= len(AXES) else f"$x_{{{axis + 1}}}$"
    ax.set(xlabel="$t$", ylabel=label, xlim=(t[0], t[-1]))
    if shade is not None:
        low, high = along[:, shown].min(), along[:, shown].max()
        ax.set_ylim(low - 0.1 * (high - low), high + 0.1 * (high - low))
    return drawn


def phase_space_paths(
    paths: "Trajectories",
    points: "ArrayLike | None" = None,
    values: "ArrayLike | None" = None,
    ell: float = 1.0,
    kappa: float = 1.0,
    ax: "Axes | None" = None,
    *,
    outcome: "ArrayLike | None" = None,
    names: "Mapping | None" = None,
    most: int = 60,
) -> "list":
    """Paths (q, p) on the phase space of one mode, over the density at the last time.

    A ring is where a path starts, a dot where it ends.

    Args:
        paths: Particles, such as those of `dqm.trajectories.husimi_flow`.
        points: Rows (q, p), shape (points, 2).
        values: Density at the last time there, shape (points,), as a shade of grey.
        ell, kappa: Units of the axes.
        ax: Axes to draw on; by default the current ones.
        outcome, names: As for `trajectories`.
        most: Paths that are drawn, evenly spread in the order of q at the start.

    Returns:
        The paths, one collection for each outcome.

    Raises:
        InputError: If the paths are none or have another dimension than 2, a shape does not match,
            a number is complex or not finite, or `points` come without `values`.

    Example:
        >>> t = jnp.linspace(0.0, np.pi / 2, 9)
        >>> turn = jnp.stack([jnp.cos(t), -jnp.sin(t)], axis=1)[:, None]  # of an oscillator
        >>> paths = dqm.trajectories.Trajectories(t, turn, turn)
        >>> (drawn,) = dqm.plot.phase_space_paths(paths)
        >>> drawn.get_paths()[0].vertices[-1].round(3).tolist()  # q and p
        [0.0, -1.0]
    """
    _, x, outcome, names = _checked(paths, outcome, names)
    if x.shape[2] != 2:
        raise InputError(f"`paths` must be of one mode, with (q, p), but have {x.shape[2]} axes.")
    require_whole(1, most=most)
    ell, kappa = scale("ell", ell), scale("kappa", kappa)
    ax = axes_of(ax)
    if points is not None and values is not None:
        draw_map(points, values, ell, kappa, ax, cmap=PALE, vmin=0, zorder=0)
    elif points is not None or values is not None:
        raise InputError("`points` and `values` must be given together.")
    shown = _spread(x[0, :, 0], most)
    lines = (x / [ell, kappa / ell]).swapaxes(0, 1)[shown]
    drawn = _draw(ax, lines, outcome, shown, names)
    order = np.argsort(_group(outcome, x.shape[1])[shown], kind="stable")
    colours = np.concatenate([_colours(some) for some in drawn])
    start, end = lines[order, 0], lines[order, -1]
    ax.scatter(*start.T, s=12, facecolors="white", edgecolors=list(colours), lw=0.8, zorder=3)
    ax.scatter(*end.T, s=13, color=colours, zorder=4, edgecolors="white", lw=0.4)
    if points is None:
        ax.autoscale_view()
    ax.set(aspect="equal", xlabel=Q_LABEL, ylabel=P_LABEL)
    return drawn


def _checked(
    paths: Trajectories, outcome: ArrayLike | None, names: Mapping | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, Mapping]:
    """Times, positions, the outcome of each particle and the labels of outcomes."""
    require_type(Trajectories, paths=paths)
    t = shaped("paths.ts", paths.ts, None)
    x = shaped("paths.positions", paths.positions, t.size, None, None)
    if outcome is not None:
        is_bool = getattr(outcome, "dtype", None) == np.bool_
        given = np.where(outcome, 1, 0) if is_bool else outcome  # pyright: ignore[reportArgumentType,reportCallIssue]
        outcome = shaped("outcome", given, x.shape[1])
    if names is None:
        return t, x, outcome, {}
    require_type(Mapping, names=names)
    if outcome is None:
        raise InputError("`names` must label values of `outcome`, but `outcome` is not given.")
    missing = set(np.unique(outcome).tolist()) - set(names)
    if missing:
        raise InputError(f"`names` must have a label for each outcome, but not for {missing}.")
    return t, x, outcome, names


def _shade(t: np.ndarray, grid, rho, peak: float | None):
    """Places and shades of the density, or `None` without one."""
    if (grid is None) != (rho is None):
        raise InputError("`grid` and `rho` must be given together.")
    if grid is None:
        return None
    require_type(Grid, grid=grid)
    if grid.dim != 1:
        raise InputError(
            f"`grid` must have one dimension, but has {grid.dim}: integrate `rho` over the others."
        )
    rho = shaped("rho", rho, t.size, *grid.shape)
    if not rho.max() > 0:
        raise InputError(f"`rho` must be positive somewhere, but is at most {rho.max()}.")
    peak = float(rho.max()) if peak is None else scale("peak", peak)
    return np.asarray(grid.points[0]), np.sqrt(np.clip(rho.T / peak, 0, 1))


def _spread(starts: np.ndarray, most: int) -> np.ndarray:
    """At most `most` indices, evenly spread in the order of the starts."""
    order = np.argsort(starts, kind="stable")
    count = min(most, len(order))
    return order[((np.arange(count) + 0.5) * len(order) / count).astype(int)]


def _colours(some: LineCollection) -> np.ndarray:
    """One for each path."""
    colours = np.asarray(some.get_color())
    return np.broadcast_to(colours, (len(some.get_paths()), colours.shape[1]))


def _group(outcome: np.ndarray | None, count: int) -> np.ndarray:
    """The number of the collection in which each path is."""
    if outcome is None:
        return np.zeros(count, int)
    kinds, group = np.unique(outcome, return_inverse=True)
    return group if len(kinds) <= len(COLOURS) else np.zeros(count, int)


def _draw(
    ax: Axes, lines: np.ndarray, outcome: np.ndarray | None, shown: np.ndarray, names: Mapping
) -> list[LineCollection]:
    """Paths of shape (shown, times, 2), with a legend or a colour bar of the outcomes of all."""
    kinds = [0] if outcome is None else np.unique(outcome).tolist()
    style = {"linewidths": WIDTH, "capstyle": "round", "zorder": 2}
    if outcome is not None and len(kinds) > len(COLOURS):
        drawn = LineCollection(list(lines), cmap=MANY, array=outcome[shown], **style)
        drawn.set_clim(kinds[0], kinds[-1])
        drawn.update_scalarmappable()
        ax.add_collection(drawn)
        ax.figure.colorbar(drawn, ax=ax, label="outcome")
        return [drawn]
    group = _group(outcome, int(shown.max()) + 1)[shown]
    drawn = []
    for index, colour in zip(range(len(kinds)), COLOURS, strict=False):
        some = LineCollection(list(lines[group == index]), color=colour, **style)
        ax.add_collection(some)
        drawn.append(some)
    if outcome is not None:
        labels = [str(names.get(kind, f"{kind:g}")) for kind in kinds]
        pairs = zip(COLOURS, labels, strict=False)
        handles = [Line2D([], [], color=colour, label=label) for colour, label in pairs]
        where = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.2}
        ax.legend(handles=handles, ncols=len(kinds), frameon=False, **where)
    return drawn
