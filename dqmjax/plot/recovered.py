"""Data compared with the recovered model, and the uncertainty of the parameters."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse
from numpy.typing import ArrayLike

from ..data.snapshots import Snapshots
from ..errors import InputError, require_type
from ..recovery.calibration import Calibration
from ..recovery.result import Recovery
from .checks import axes as axes_of, indices, named, shaped
from .phase_space import P_LABEL, RHO, panels, phase_space_maps
from .style import BLUE, POSITIVE, RUST, SIGNED

CONFIDENCE = {  # radius in σ of a 2-D Gaussian, opacity
    "68 % confidence": (1.515, 0.75),
    "95 % confidence": (2.448, 0.3),
}
RANGE, EDGE = 3.2, 2.95  # half width of the axes, and of the region with marks, in σ
TICKS = (-2, 0, 2)
MARKERS: dict[str, tuple[str, dict[str, Any]]] = {
    "start": ("o", {"mfc": "white", "mec": "0.25", "ms": 5.5}),
    "truth": ("D", {"mfc": RUST, "mec": "white", "ms": 5.5, "mew": 0.6}),
}
ARROWS = {"start, outside": "start", "truth, outside": "truth"}  # legend and kind
ARROW: dict[str, Any] = {"ms": 7}
BACKING = {"facecolor": "white", "alpha": 0.8, "lw": 0, "pad": 0.5}  # of words on a curve
HEIGHTS = (0.12, 0.3)  # of start and truth in a Gaussian


def snapshots(
    data: "Snapshots", model: "ArrayLike", times: "Sequence[int] | None" = None
) -> "Figure":
    """Data, model and residual at a few times.

    Args:
        data: Measured densities of one mode.
        model: Predicted densities, shape (times, points), such as `recovery.prediction`.
        times: Indices of the snapshots to show; by default four, evenly spread in time.

    Raises:
        InputError: If the data are no snapshots or have more than one mode, `model` has another
            shape, or `times` are no indices of snapshots.

    Example:
        >>> data = dqm.demo_snapshots()
        >>> figure = dqm.plot.snapshots(data, data.density, times=[0, 5])
        >>> len(figure.axes)  # data, model and residual at two times
        6
    """
    require_type(Snapshots, data=data)
    if data.modes != 1:
        raise InputError(
            f"`data` must have one mode, but has {data.modes}: integrate over the other modes."
        )
    model = shaped("model", model, *data.measured.shape)
    chosen = (
        _spread(data.t, 4) if times is None else indices("times", times, len(data.t), "snapshots")
    )
    axes = panels(3, len(chosen))
    residual = data.measured - model
    largest = np.abs(residual[chosen]).max() or 1e-300
    density = {"vmin": 0, "vmax": data.measured.max(), "cmap": POSITIVE, "label": RHO}
    difference = {"vmin": -largest, "vmax": largest, "cmap": SIGNED, "label": "$\\Delta$" + RHO}
    rows = {
        "data": (data.measured, density),
        "model": (model, density),
        "data − model": (residual, difference),
    }
    for row, (name, (values, style)) in zip(axes, rows.items(), strict=True):
        where = (data.points, values[chosen], data.t[chosen], float(data.ell[0]), data.kappa)
        phase_space_maps(*where, row, **style)
        row[0].set_ylabel(f"{name}\n{P_LABEL}")
    for ax in axes[1:].ravel():
        ax.set_title("")
    return axes[0, 0].figure


def _spread(t: Float[np.ndarray, " times"], count: int) -> list[int]:
    """Indices of the times nearest to evenly spaced ones."""
    even = np.linspace(t[0], t[-1], count)
    return [int(np.abs(t - e).argmin()) for e in even]


def posterior(recovery: "Recovery", *, truth: "Mapping[str, float] | None" = None) -> "Figure":
    """Corner plot of the parameters: Gaussians and confidence ellipses from the covariance.

    The axes are in standard errors from the estimate. The start of the fit and the true values are
    marked; an arrow at the edge of a panel points to a mark outside. Parameters that the data do
    not determine are left out.

    Args:
        recovery: Returned by `recover`.
        truth: True values, by the name of the parameter, where they are known.

    Raises:
        InputError: If `recovery` is something else, or `truth` is not a number for each of some of
            its parameters.

    Example:
        >>> well = dqm.Hamiltonian(dqm.Harmonic(jnp.array(1.1)))
        >>> levels = dqm.Levels(well, dqm.Grid(-6.0, 6.0, 32), 3)
        >>> fit = dqm.recover(dqm.Lines([0.501, 1.498, 2.502], sigma=0.003), levels)
        >>> (ax,) = dqm.plot.posterior(fit, truth={"omega": 1.0}).axes
        >>> print(ax.get_title())
        omega
        1.0003 ± 0.001
    """
    require_type(Recovery, recovery=recovery)
    names = [name for name, known in recovery.identifiable.items() if known]
    keep = [list(recovery.estimate).index(name) for name in names]
    covariance = recovery.covariance[np.ix_(keep, keep)]
    sigma = np.sqrt(np.diag(covariance))
    marks = _marks(recovery, _true_values(recovery, truth))
    size = max(len(names), 1)
    figure, axes = plt.subplots(
        size, size, figsize=(1.7 * size + 1.0,) * 2, layout="constrained", squeeze=False
    )
    for (i, j), ax in zip(np.ndindex(size, size), axes.flat, strict=True):
        if j > i or not names:
            ax.set_axis_off()
            continue
        ax.tick_params(labelsize=7, labelbottom=i == size - 1, labelleft=j == 0)
        ax.set(xlim=(-RANGE, RANGE), box_aspect=1, xticks=TICKS)
        if i == j:
            _gaussian(ax, f"{names[i]}\n{' ± '.join(recovery.rounded(names[i]))}")
            _mark(ax, marks, names[j])
        else:
            pair = [j, i]
            _ellipses(ax, covariance[np.ix_(pair, pair)] / np.outer(sigma[pair], sigma[pair]))
            _mark(ax, marks, names[j], names[i])
        if i == size - 1:
            ax.set_xlabel(rf"$\Delta$ {names[j]} ($\sigma$)", fontsize=8)
        if j == 0 and i:
            ax.set_ylabel(rf"$\Delta$ {names[i]} ($\sigma$)", fontsize=8)
    if names:
        _legend(figure, is_corner=size > 1)
    return figure


def _true_values(recovery: Recovery, truth) -> Mapping[str, float]:
    """`truth`, if it is a number for each of some parameters."""
    if truth is None:
        return {}
    for name, value in named("truth", truth).items():
        if name not in recovery.estimate:
            known = ", ".join(recovery.estimate)
            raise InputError(f"`truth` must name parameters among {known}, but names {name!r}.")
        shaped(f"truth[{name!r}]", value)
    return truth


def _marks(recovery: Recovery, truth: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Distances of the start and the truth from the estimate, in standard errors."""
    apart = lambda values: {
        name: (float(value) - recovery.estimate[name]) / recovery.stderr[name]
        for name, value in values.items()
        if recovery.identifiable[name] and recovery.stderr[name] > 0
    }
    return {"start": apart(recovery.start), "truth": apart(truth)}


def _mark(ax: Axes, marks: dict[str, dict[str, float]], *names: str):
    """Start and truth in one panel, or arrows at its edge in their directions.

    The Gaussian of one parameter has a scale of its own for y: its marks are at fixed heights.
    """
    for height, (label, distances) in zip(HEIGHTS, marks.items(), strict=True):
        if not all(name in distances for name in names):
            continue
        at = np.array([distances[name] for name in names])
        shown = np.clip(at, -EDGE, EDGE)
        is_outside = bool((shown != at).any())
        marker, style = MARKERS[label]
        if is_outside:
            x, y = [*(at - shown), 0.0][:2]
            style = style | ARROW
            marker, label = (3, 0, float(np.degrees(np.arctan2(y, x))) - 90), f"{label}, outside"
        place = shown if len(names) == 2 else (shown[0], height)
        ax.plot(*place, ls="", marker=marker, label=label, zorder=4, clip_on=False, **style)
        if is_outside and len(names) == 1:
            x, side = 0.88 * shown[0], "right" if shown[0] > 0 else "left"
            ax.text(x, height, f"{at[0]:+.3g} σ", fontsize=7, ha=side, va="center", bbox=BACKING)


def _legend(figure: Figure, is_corner: bool):
    """One entry for each kind of mark, in the empty corner if there is one."""
    found = {}
    for ax in figure.axes:
        found |= dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    for label in found.keys() & ARROWS.keys():
        found[label] = Line2D([], [], ls="", marker=">", **MARKERS[ARROWS[label]][1] | ARROW)
    order = [*CONFIDENCE, *MARKERS, *ARROWS]
    entries = {label: found[label] for label in order if label in found}
    where: dict = (
        {"loc": "upper right"} if is_corner else {"loc": "outside lower center", "fontsize": 7}
    )
    if entries:
        figure.legend(entries.values(), entries.keys(), frameon=False, **where)


def calibration(found: "Calibration", ax: "Axes | None" = None) -> "list[Line2D]":
    """The distribution of ranks less the uniform one, with the simultaneous 95 % band.

    A slope at 0 means a bias; a line that rises and falls, errors of a wrong size.

    Args:
        found: By `calibrate`.
        ax: Axes to draw on; by default the current ones.

    Raises:
        InputError: If `found` is no calibration.

    Example:
        >>> ranks = {"omega": np.array([0, 1, 2, 3])}  # of the truth among 3 samples, in 4 studies
        >>> (line,) = dqm.plot.calibration(dqm.Calibration(ranks, {}, 4, 3))
        >>> line.get_ydata().tolist()  # uniform
        [0.0, 0.0, 0.0, 0.0, 0.0]
    """
    require_type(Calibration, found=found)
    ax, count = axes_of(ax), found.samples
    share = np.arange(count + 2) / (count + 1)
    edges = lambda below: np.concatenate([[0], below, [found.draws]]) / found.draws - share
    lower, upper = map(edges, found.band())
    ax.fill_between(share, lower, upper, color="0.88", lw=0, label="95 % of uniform ranks")
    lines = [ax.plot(share, edges(found.below(name)), label=name)[0] for name in found.ranks]
    ax.axhline(0, color="0.5", lw=0.6)
    ax.set(xlim=(0, 1), xlabel="rank of the truth / samples", ylabel="distribution − uniform")
    ax.legend(frameon=False, fontsize=7, ncols=2)
    return lines


def _gaussian(ax: Axes, title: str):
    x = np.linspace(-RANGE, RANGE, 200)
    ax.plot(x, np.exp(-(x**2) / 2), color=BLUE)
    ax.set_title(title, fontsize=8)
    ax.set(yticks=[], ylim=(0.0, 1.1))


def _ellipses(ax: Axes, correlation: Float[np.ndarray, "2 2"]):
    lengths, axes = np.linalg.eigh(correlation)
    height, width = 2 * np.sqrt(np.maximum(lengths, 0))
    angle = np.degrees(np.arctan2(axes[1, 1], axes[0, 1]))
    for label, (radius, opacity) in CONFIDENCE.items():
        style = {"color": BLUE, "alpha": opacity, "lw": 0, "label": label}
        ax.add_patch(Ellipse((0, 0), radius * width, radius * height, angle=angle, **style))
    ax.plot(0, 0, "+", color="white")
    ax.set(ylim=(-RANGE, RANGE), yticks=TICKS)
