"""Data beside the model that was recovered from them, and how sure its parameters are."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from numpy.typing import ArrayLike

from ..data.snapshots import Snapshots
from ..errors import InputError
from ..recovery.result import Recovery
from .phase_space import P_LABEL, RHO, phase_space_maps
from .style import BLUE, POSITIVE, SIGNED

CONFIDENCE = {"68 %": 1.515, "95 %": 2.448}  # radii of the Gaussian's ellipses, in sigma


def snapshots(
    data: Snapshots,
    model: ArrayLike,
    times: Sequence[int] | None = None,
) -> Figure:
    """Data, model and residual at a few times.

    Args:
        data: Measured, of one mode.
        model: Predicted densities, shape (times, points).
        times: Which snapshots; four spread over the data by default.

    Raises:
        InputError: If the data are not of one mode.
    """
    if data.modes != 1:
        raise InputError(f"a snapshot figure is of one mode, but the data have {data.modes}.")
    if times is None:
        times = _spread(data.t, 4)
    figure, axes = plt.subplots(
        3,
        len(times),
        figsize=(2.3 * len(times) + 1.2, 6.6),
        sharex=True,
        sharey=True,
        layout="constrained",
        squeeze=False,
    )
    chosen, scale = list(times), {"vmin": 0, "vmax": data.measured.max(), "cmap": POSITIVE}
    model = np.asarray(model)
    residual = data.measured - model
    spread = np.abs(residual[chosen]).max() or 1e-300
    rows = {
        "data": (data.measured, scale, RHO),
        "model": (model, scale, RHO),
        "data − model": (
            residual,
            {"vmin": -spread, "vmax": spread, "cmap": SIGNED},
            "$\\Delta$" + RHO,
        ),
    }
    for row, (name, (values, style, label)) in zip(axes, rows.items(), strict=True):
        where = (data.points, values[chosen], data.t[chosen], float(data.ell[0]), data.kappa)
        phase_space_maps(*where, row, label=label, **style)
        row[0].set_ylabel(f"{name}\n{P_LABEL}")
    for ax in axes[1:].ravel():
        ax.set_title("")
    return figure


def _spread(t: Float[np.ndarray, " times"], count: int) -> list[int]:
    """Indices of the times nearest to evenly spaced ones."""
    even = np.linspace(t[0], t[-1], count)
    return [int(np.abs(t - e).argmin()) for e in even]


def posterior(recovery: Recovery) -> Figure:
    """Pairs of parameters with their ellipses of confidence, from the covariance.

    Parameters that the data do not determine are left out.
    """
    names = [name for name, known in recovery.identifiable.items() if known]
    keep = [list(recovery.estimate).index(name) for name in names]
    covariance = recovery.covariance[np.ix_(keep, keep)]
    size = max(len(names), 1)
    figure, axes = plt.subplots(
        size, size, figsize=(1.9 * size + 0.8,) * 2, layout="constrained", squeeze=False
    )
    sigma = np.sqrt(np.diag(covariance))
    for i in range(size):
        for j in range(size):
            ax = axes[i, j]
            ax.tick_params(labelsize=7)
            if j > i or not names:
                ax.set_axis_off()
            elif i == j:
                _gaussian(ax, f"{names[i]}\n{' ± '.join(recovery.rounded(names[i]))}")
            else:
                _ellipses(
                    ax, covariance[np.ix_([j, i], [j, i])] / np.outer(sigma[[j, i]], sigma[[j, i]])
                )
            if i == size - 1 and names:
                ax.set_xlabel(rf"$\Delta$ {names[j]} ($\sigma$)", fontsize=8)
            if j == 0 and i:
                ax.set_ylabel(rf"$\Delta$ {names[i]} ($\sigma$)", fontsize=8)
    if size > 1:
        handles, labels = axes[1, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="upper right", title="confidence", frameon=False)
    return figure


def _gaussian(ax: Axes, title: str):
    x = np.linspace(-3.2, 3.2, 200)
    ax.plot(x, np.exp(-(x**2) / 2), color=BLUE)
    ax.set_title(title, fontsize=8)
    ax.set_yticks([])
    ax.set_xlim(-3.2, 3.2)


def _ellipses(ax: Axes, correlation: Float[np.ndarray, "2 2"]):
    lengths, axes = np.linalg.eigh(correlation)
    radii = np.sqrt(np.maximum(lengths, 0))
    angle = np.degrees(np.arctan2(axes[1, 1], axes[0, 1]))
    for (label, radius), alpha in zip(CONFIDENCE.items(), (0.75, 0.3), strict=True):
        ax.add_patch(
            Ellipse(
                (0, 0),
                2 * radius * radii[1],
                2 * radius * radii[0],
                angle=angle,
                color=BLUE,
                alpha=alpha,
                lw=0,
                label=label,
            )
        )
    ax.plot(0, 0, "+", color="white")
    ax.set(xlim=(-3.2, 3.2), ylim=(-3.2, 3.2))
