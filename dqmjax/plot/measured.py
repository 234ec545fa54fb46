"""Series in time and spectral lines, compared with a model."""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from ..data.likelihood import standard_deviations
from ..data.series import Lines, Series
from ..errors import InputError, require_type
from .checks import indices, shaped
from .style import BLUE, RUST

MOST = 6  # columns that are shown if none are named
ABREAST = 3  # panels
POINTS = {"color": BLUE, "ls": "", "marker": "o", "ms": 3.5}


def series(
    data: "Series",
    model: "ArrayLike | None" = None,
    columns: "Sequence[int] | None" = None,
    times: "Sequence[int] | None" = None,
) -> "Figure":
    """One panel for each observable over time: data, model and, below, the residuals.

    A density at many points of a line has one panel for each time instead, over the line.

    The bars are standard deviations, and the residuals are in standard deviations, where `sigma`
    or `shots` of the data are known. With `shots` they follow from the model, if there is one.

    Args:
        data: Each column of its values, as `data.measured`, is an observable.
        model: Predicted values, shape (times, …) as those of the data, such as
            `recovery.prediction`.
        columns: Which ones to show over time; by default up to six, evenly spread.
        times: Indices of the times to show over a line, that of `data.points`; by default the same
            for more than six points of a line.

    Raises:
        InputError: If `data` is no series, `model` has another shape, `columns` or `times` are no
            such indices, both are given, or `times` without points on a line.

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
    sigma = _noise(data, model)
    over_line = _is_over_line(data, columns, times)
    shown = _over_line(data, times) if over_line else _over_time(data, columns)
    figure, pairs = _panels(len(shown.parts), model is not None)
    of = lambda values, part: None if values is None else values[part]
    for part, name, axes in zip(shown.parts, shown.names, pairs, strict=True):
        _compare(axes, shown.places, measured[part], of(model, part), of(sigma, part))
        axes[0].set_title(name, fontsize="medium")
        axes[-1].set_xlabel(shown.label)
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


class _Shown(NamedTuple):
    """What the panels of a series have on their axes."""

    places: np.ndarray  # along x
    label: str
    names: list[str]  # of the panels
    parts: list[Any]  # of the values, in rows and columns, one for each panel


def _over_time(data: Series, columns: Sequence[int] | None) -> _Shown:
    """Each of some columns over time."""
    count = data.measured.shape[1]
    shown = _spread(count) if columns is None else indices("columns", columns, count, "columns")
    names = [_name(data, column) if count > 1 else "" for column in shown]
    label = f"$t$  ({data.time_unit})" if data.time_unit else "$t$"
    return _Shown(np.asarray(data.t), label, names, [np.s_[:, column] for column in shown])


def _over_line(data: Series, times: Sequence[int] | None) -> _Shown:
    """Each of some rows over the points of a line."""
    count = len(data.t)
    shown = _spread(count) if times is None else indices("times", times, count, "times")
    names = [f"$t = {data.t[row]:.3g}$ {data.time_unit or ''}".rstrip() for row in shown]
    x = np.asarray(data.points)[:, 0]
    order = np.argsort(x)
    return _Shown(x[order], "$x$", names, [np.s_[row, order] for row in shown])


def _is_over_line(data: Series, columns, times) -> bool:
    """Whether panels are for times, over the points of a line, and not for observables."""
    shape = (0, 0) if data.points is None else np.shape(data.points)
    is_line = shape[1] == 1
    if times is None:
        return columns is None and is_line and shape[0] > MOST
    if columns is not None:
        raise InputError("`times` or `columns` must be given, not both: leave out one.")
    if not is_line:
        raise InputError(
            "`times` must not be given without `points` on a line in `data`: give `columns`."
        )
    return True


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
