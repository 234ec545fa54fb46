"""Charts of measured run times."""

import itertools
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from ..data.abstract import numbers
from ..errors import InputError
from .checks import axes, named

MARKERS = "os^Dv<>PX*"


def work_precision(
    runs: "Mapping[str, tuple[ArrayLike, ArrayLike]]", ax: "Axes | None" = None
) -> "list[Line2D]":
    """Work–precision diagram: seconds against error, one line for each method.

    Args:
        runs: Errors and seconds by the name of the method, all positive.
        ax: Axes to draw on; by default the current ones.

    Raises:
        InputError: If `runs` is empty, or errors and seconds are not positive or differ in number.

    Example:
        >>> runs = {"Strang": ([1e-2, 1e-4, 1e-6], [0.1, 1.0, 10.0])}
        >>> import matplotlib.pyplot as plt
        >>> (line,) = dqm.plot.work_precision(runs, plt.figure().subplots())
        >>> slope, _ = np.polyfit(np.log(line.get_xdata()), np.log(line.get_ydata()), 1)
        >>> round(float(slope), 3)  # second order
        -0.5
    """
    given = {name: _errors_and_seconds(name, pair) for name, pair in named("runs", runs).items()}
    ax, lines = axes(ax), []
    for (name, (errors, seconds)), marker in zip(
        given.items(), itertools.cycle(MARKERS), strict=False
    ):
        order = np.argsort(errors)
        lines += ax.loglog(errors[order], seconds[order], marker=marker, ms=4, lw=1.2, label=name)
    ax.xaxis.set_inverted(True)
    ax.set(xlabel="error", ylabel="seconds")
    ax.legend(frameon=False)
    return lines


def _errors_and_seconds(name: str, pair) -> list[np.ndarray]:
    """The two of one method."""
    try:
        errors, seconds = (numbers(f"runs[{name!r}]", part) for part in pair)
    except (TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"`runs[{name!r}]` must be a pair of errors and seconds.") from None
    if errors.ndim != 1 or errors.shape != seconds.shape or min(errors.min(), seconds.min()) <= 0:
        raise InputError(
            f"`runs[{name!r}]` must have as many positive errors as seconds, but has {errors} "
            f"and {seconds}."
        )
    return [errors, seconds]
