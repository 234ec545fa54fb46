"""Series in time and spectral lines, compared with a model."""

import itertools
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from ..data.likelihood import standard_deviations
from ..data.series import Lines, Series
from ..errors import require_type
from .checks import indices, shaped
from .style import BLUE, RUST

MOST = 6  # columns that are shown if none are named
ABREAST = 3  # panels
POINTS = {"color": BLUE, "ls": "", "marker": "o", "ms": 3.5}


def series(
    data: "Series", model: "ArrayLike | None" = None, columns: "Sequence[int] | None" = None
) -> "Figure":
    """One panel for each observable over time: data, model and, below, the residuals.

    The bars are standard deviations, and the residuals are in standard deviations, where `sigma`
    or `shots` of the data are known. With `shots` they follow from the model, if there is one.

    Args:
        data: Each column of its values, as `data.measured`, is an observable.
        model: Predicted values, shape (times, …) as those of the data, such as
            `recovery.prediction`.
        columns: Which ones to show; by default up to six, evenly spread.

    Raises:
        InputError: If `data` is no series, `model` has another shape, or `columns` are no indices
            of columns.

    Example:
        >>> t = np.linspace(0.0, 3.0, 7)
        >>> noisy = np.cos(t) + 0.1 * np.array([1, -1, 1, -1, 1, -1, 1])
        >>> figure = dqm.plot.series(dqm.Series(t, noisy, sigma=0.1), np.cos(t))
        >>> _, residuals = figure.axes
        >>> residuals.lines[0].get_ydata().round(3).tolist()  # in standard deviations
        [1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0]
    """
    require_type(Series, data=data)
    measured, model = data.measured, _prediction(model, data)
    count = measured.shape[1]
    shown = _spread(count) if columns is None else indices("columns", columns, count, "columns")
    sigma = _noise(data, model)
    figure, pairs = _panels(len(shown), model is not None)
    of = lambda rows, column: None if rows is None else rows[:, column]
    for column, axes in zip(shown, pairs, strict=True):
        _compare(axes, data.t, measured[:, column], of(model, column), of(sigma, column))
        if count > 1:
            axes[0].set_title(_name(data, column), fontsize="medium")
        axes[-1].set_xlabel(f"$t$  ({data.time_unit})" if data.time_unit else "$t$")
    _describe(pairs, sigma is not None)
    return figure


def lines(data: "Lines", model: "ArrayLike | None" = None) -> "Figure":
    """Measured levels or frequencies, one beside the other, and, below, their residuals.

    The bars are standard deviations, and the residuals are in standard deviations, where `sigma`
    of the data is known. The model is a horizontal mark.

    Args:
        data: Levels or transitions.
        model: Predicted values, shape (lines,), such as `recovery.prediction`.

    Raises:
        InputError: If `data` are no lines or `model` has another shape.

    Example:
        >>> levels = dqm.Lines([0.51, 1.5, 2.49], sigma=0.01)
        >>> figure = dqm.plot.lines(levels, [0.5, 1.5, 2.5])
        >>> _, residuals = figure.axes
        >>> residuals.lines[0].get_ydata().round(3).tolist()  # in standard deviations
        [1.0, 0.0, -1.0]
    """
    require_type(Lines, data=data)
    model = _prediction(model, data)
    sigma, measured = _noise(data, model), data.measured[0]
    figure, (axes,) = _panels(1, model is not None)
    of = lambda rows: None if rows is None else rows[0]
    style = {"ls": "", "marker": "_", "ms": 18, "mew": 1.6}
    places = np.arange(measured.size)
    _compare(axes, places, measured, of(model), of(sigma), **style)
    _describe([axes], sigma is not None)
    pairs = np.asarray(data.transitions).tolist() if data.transitions is not None else None
    names = places if pairs is None else [f"{m}–{n}" for m, n in pairs]
    axes[-1].set_xticks(places, names)
    axes[-1].set_xlabel("level" if pairs is None else "transition")
    return figure


def _prediction(model, data: Series | Lines) -> Float[np.ndarray, "rows columns"] | None:
    """`model` in rows and columns, from its shape or from that of the values."""
    if model is None:
        return None
    shape = data.measured.shape
    if np.shape(model) == shape:
        return shaped("model", model, *shape)
    return shaped("model", model, *np.shape(data.values)).reshape(shape)


def _noise(data: Series | Lines, model: np.ndarray | None) -> np.ndarray | None:
    """Standard deviations, `None` where they are not known."""
    if not data.noise_known:
        return None
    return standard_deviations(data.likelihood, data.measured if model is None else model)


def _spread(count: int) -> list[int]:
    """At most `MOST` indices."""
    return np.linspace(0, count - 1, min(count, MOST)).round().astype(int).tolist()


def _name(data: Series, column: int) -> str:
    """Its coordinates, or its index."""
    if data.points is not None:
        place = ", ".join(f"{x:.3g}" for x in np.asarray(data.points)[column])
        return f"$x = ({place})$" if "," in place else f"$x = {place}$"
    index = np.unravel_index(column, np.shape(data.values)[1:])
    return f"column {', '.join(str(i) for i in index)}"


def _panels(count: int, has_model: bool) -> tuple[Figure, list[tuple[Axes, ...]]]:
    """A new figure, and in it axes for data and, with a model, axes for residuals below."""
    width, parts = min(count, ABREAST), 2 if has_model else 1
    height = -(-count // width)
    figure, axes = plt.subplots(
        height * parts,
        width,
        figsize=(3.6 * width + 0.6, (2.2 + 0.9 * has_model) * height + 0.3),
        height_ratios=(3, 1.3)[:parts] * height,
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    groups = list(zip(*(axes[part::parts].flat for part in range(parts)), strict=True))
    for ax in itertools.chain(*groups[count:]):
        ax.remove()
    for group in groups[:count]:
        group[-1].tick_params(labelbottom=True)
    return figure, groups[:count]


def _compare(
    axes: tuple[Axes, ...],
    t: np.ndarray,
    measured: np.ndarray,
    model: np.ndarray | None,
    sigma: np.ndarray | None,
    **style,
):
    """Data, model and residuals of one observable; `style` of the model."""
    axes[0].errorbar(t, measured, yerr=sigma, zorder=2, label="data", elinewidth=1.0, **POINTS)
    if model is None:
        return
    axes[0].plot(t, model, label="model", zorder=3, **{"color": RUST, "lw": 1.3} | style)
    below, residual = axes[1], (measured - model) / (1.0 if sigma is None else sigma)
    below.plot(t, residual, **POINTS)
    below.axhline(0, color=RUST, lw=1)
    largest = 1.15 * float(np.abs(residual).max())
    if sigma is not None:
        below.axhspan(-1, 1, color="0.9", lw=0, zorder=0)
        largest = max(largest, 2.4)
    below.set_ylim(-(largest or 1.0), largest or 1.0)


def _describe(groups: list[tuple[Axes, ...]], is_noise_known: bool):
    """A legend in the first panel, and a label of the residuals at the left of each row."""
    if len(groups[0]) == 1:
        return
    groups[0][0].legend(framealpha=0.8, edgecolor="none", fontsize="small")
    label = r"residual ($\sigma$)" if is_noise_known else "data − model"
    for _, below in groups[::ABREAST]:
        below.set_ylabel(label, fontsize="small")
