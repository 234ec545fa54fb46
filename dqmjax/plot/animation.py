"""Moving figures of arrays that have been computed before."""

import os
import pathlib
from collections.abc import Callable

import matplotlib.pyplot as plt
from matplotlib.animation import FuncAnimation
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..errors import InputError, InputFileError


def animate(
    draw: Callable[[int, Axes], object],
    count: int,
    *,
    fps: float | int = 20,
    figure: Figure | None = None,
) -> FuncAnimation:
    """`draw(frame, ax)` for each frame, on axes that are empty again: any function of this package.

    In a notebook, `IPython.display.HTML(animation.to_jshtml())` plays it.

    Args:
        draw: Samples frame 0, …, `count − 1`, on fixed scales.
        count: How many frames.
        fps: Frames a second.
        figure: Of one pair of axes; a new one by default.

    Raises:
        InputError: If there is no frame.
    """
    if count < 1:
        raise InputError(f"`count` must be one frame at least, but is {count}.")
    if figure is None:
        figure, _ = plt.subplots(layout="constrained")
    ax = figure.axes[0]

    def frame(index: int):
        ax.clear()
        draw(index, ax)
        return ()

    return FuncAnimation(figure, frame, frames=count, interval=1000 / fps, init_func=lambda: ())


def save_animation(animation: FuncAnimation, path: str | os.PathLike[str]):
    """Writes a GIF.

    Raises:
        InputFileError: If `path` does not end in .gif or cannot be written.
    """
    path = pathlib.Path(path)
    if path.suffix != ".gif":
        raise InputFileError(path, "the name must end in .gif.")
    if not path.parent.is_dir():
        raise InputFileError(path, f"the folder {path.parent} does not exist: make it first.")
    try:
        animation.save(path, writer="pillow")
    except OSError as error:
        raise InputFileError(path, f"cannot be written: {error.strerror}.") from None
