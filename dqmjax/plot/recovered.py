"""Data compared with the recovered model, and the uncertainty of the parameters."""

from collections.abc import Iterable, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse
from numpy.typing import ArrayLike

from ..data.snapshots import Snapshots
from ..errors import InputError, require_type, require_whole
from ..recovery.calibration import Calibration
from ..recovery.result import Recovery
from .checks import axes as axes_of, shaped
from .phase_space import P_LABEL, RHO, panels, phase_space_maps
from .style import BLUE, POSITIVE, SIGNED

CONFIDENCE = {"68 %": (1.515, 0.75), "95 %": (2.448, 0.3)}  # radius in σ of a 2-D Gaussian, opacity
RANGE = 3.2  # half width of the axes, in σ


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
    """
    require_type(Snapshots, data=data)
    if data.modes != 1:
        raise InputError(
            f"`data` must have one mode, but has {data.modes}: integrate over the other modes."
        )
    model = shaped("model", model, *data.measured.shape)
    chosen = _spread(data.t, 4) if times is None else _indices(times, len(data.t))
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


def _indices(times, count: int) -> list[int]:
    """`times`, if they are numbers of snapshots."""
    require_type(Iterable, times=times)
    chosen = list(times)
    for index in chosen:
        require_whole(0, times=index)
    if not chosen or max(chosen) >= count:
        raise InputError(f"`times` must be indices of the {count} snapshots, but are {chosen}.")
    return chosen


def _spread(t: Float[np.ndarray, " times"], count: int) -> list[int]:
    """Indices of the times nearest to evenly spaced ones."""
    even = np.linspace(t[0], t[-1], count)
    return [int(np.abs(t - e).argmin()) for e in even]


def posterior(recovery: "Recovery") -> "Figure":
    """Corner plot of the parameters: Gaussians and confidence ellipses from the covariance.

    Parameters that the data do not determine are left out.

    Args:
        recovery: Returned by `recover`.

    Raises:
        InputError: If it is something else.
    """
    require_type(Recovery, recovery=recovery)
    names = [name for name, known in recovery.identifiable.items() if known]
    keep = [list(recovery.estimate).index(name) for name in names]
    covariance = recovery.covariance[np.ix_(keep, keep)]
    sigma = np.sqrt(np.diag(covariance))
    size = max(len(names), 1)
    figure, axes = plt.subplots(
        size, size, figsize=(1.9 * size + 0.8,) * 2, layout="constrained", squeeze=False
    )
    for (i, j), ax in zip(np.ndindex(size, size), axes.flat, strict=True):
        ax.tick_params(labelsize=7)
        if j > i or not names:
            ax.set_axis_off()
        elif i == j:
            _gaussian(ax, f"{names[i]}\n{' ± '.join(recovery.rounded(names[i]))}")
        else:
            pair = [j, i]
            _ellipses(ax, covariance[np.ix_(pair, pair)] / np.outer(sigma[pair], sigma[pair]))
        if i == size - 1 and names:
            ax.set_xlabel(rf"$\Delta$ {names[j]} ($\sigma$)", fontsize=8)
        if j == 0 and i:
            ax.set_ylabel(rf"$\Delta$ {names[i]} ($\sigma$)", fontsize=8)
    if size > 1:
        handles, labels = axes[1, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="upper right", title="confidence", frameon=False)
    return figure


def calibration(found: "Calibration", ax: "Axes | None" = None) -> "list[Line2D]":
    """The distribution of ranks less the uniform one, with the simultaneous 95 % band.

    A slope at 0 means a bias; a line that rises and falls, errors of a wrong size.

    Args:
        found: By `calibrate`.
        ax: Axes to draw on; by default the current ones.

    Raises:
        InputError: If `found` is no calibration.
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
    ax.set_yticks([])
    ax.set_xlim(-RANGE, RANGE)


def _ellipses(ax: Axes, correlation: Float[np.ndarray, "2 2"]):
    lengths, axes = np.linalg.eigh(correlation)
    height, width = 2 * np.sqrt(np.maximum(lengths, 0))
    angle = np.degrees(np.arctan2(axes[1, 1], axes[0, 1]))
    for label, (radius, opacity) in CONFIDENCE.items():
        style = {"color": BLUE, "alpha": opacity, "lw": 0, "label": label}
        ax.add_patch(Ellipse((0, 0), radius * width, radius * height, angle=angle, **style))
    ax.plot(0, 0, "+", color="white")
    ax.set(xlim=(-RANGE, RANGE), ylim=(-RANGE, RANGE))
