"""Observables over time."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from .checks import named, shaped
from .style import COLOURS, DASHES

ROUND_OFF = 1e-9  # part of a value below which its changes are not drawn


def observables(t: "ArrayLike", values: "Mapping[str, ArrayLike]") -> "Figure":
    """One panel for each observable over time, in a new figure.

    Args:
        t: Shape (times,).
        values: By name, of shape (times,) or (times, components).

    Raises:
        InputError: If `values` is empty, a shape does not match, or a number is complex or not
            finite.

    Example:
        >>> t = np.linspace(0, 2 * np.pi, 33)
        >>> mean = np.stack([np.cos(t), -np.sin(t)], axis=1)
        >>> figure = dqm.plot.observables(t, {"energy": 0.5 + 0 * t, "mean_of_q_and_p": mean})
        >>> [ax.get_title() for ax in figure.axes]
        ['energy', 'mean of q and p']
    """
    t, values = shaped("t", t, None), named("values", values)
    rows = {name: _rows(name, value, t.size) for name, value in values.items()}
    columns = 1 if len(rows) < 4 else 2
    height = -(-len(rows) // columns)
    figure, axes = plt.subplots(
        height,
        columns,
        figsize=(5.2 * columns, 1.7 * height + 0.5),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for ax, (name, value) in zip(axes.flat, rows.items(), strict=False):
        _panel(ax, name, t, value)
    for ax in axes.flat[len(rows) :]:
        ax.remove()
    for ax in figure.axes[-columns:]:
        ax.set_xlabel("$t$")
        ax.tick_params(labelbottom=True)
    return figure


def _rows(name: str, value: ArrayLike, times: int) -> np.ndarray:
    """An observable as one row for each time."""
    array = np.asarray(value)
    if array.ndim == 1:
        return shaped(f"values[{name!r}]", array, times)[:, None]
    return shaped(f"values[{name!r}]", array, times, None)


def _panel(ax: Axes, name: str, t: np.ndarray, rows: np.ndarray):
    """The components of an observable as lines, with numbers if there are several."""
    for i, component in enumerate(rows.T):
        colour, dash = COLOURS[i % len(COLOURS)], DASHES[i % len(DASHES)]
        ax.plot(t, component, label=f"{i + 1}", color=colour, ls=dash)
    if rows.shape[1] > 1:
        ax.legend(frameon=False, fontsize="small")
    middle = float(np.mean(rows))
    size = max(1.0, abs(middle))
    if np.ptp(rows) < ROUND_OFF * size:  # else the panel would show noise
        ax.set_ylim(middle - size / 2, middle + size / 2)
    ax.set_title(name.replace("_", " "), fontsize="medium")
