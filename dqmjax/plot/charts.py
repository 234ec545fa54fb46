"""Charts of measured run times."""

import itertools
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from ..errors import InputError, require_real

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
    """
    if not runs:
        raise InputError("`runs` must contain at least one method, but is empty.")
    ax, lines = ax or plt.gca(), []
    for (name, (errors, seconds)), marker in zip(
        runs.items(), itertools.cycle(MARKERS), strict=False
    ):
        errors, seconds = np.asarray(errors), np.asarray(seconds)
        require_real(name, errors)
        if errors.shape != seconds.shape or not ((errors > 0).all() and (seconds > 0).all()):
            raise InputError(
                f"`runs` of {name!r} must have as many positive errors as seconds, but has "
                f"{errors} and {seconds}."
            )
        order = np.argsort(errors)
        lines += ax.loglog(errors[order], seconds[order], marker=marker, ms=4, lw=1.2, label=name)
    ax.xaxis.set_inverted(True)
    ax.set(xlabel="error", ylabel="seconds")
    ax.legend(frameon=False)
    return lines
