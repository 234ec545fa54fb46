"""Animations of precomputed arrays."""

import os
import pathlib
from collections.abc import Callable

import matplotlib.pyplot as plt
from matplotlib.animation import FuncAnimation
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..errors import InputFileError, require_positive, require_whole


def animate(
    draw: "Callable[[int, Axes], object]",
    count: int,
    *,
    fps: "float | int" = 20,
    figure: "Figure | None" = None,
) -> "FuncAnimation":
    """Calls `draw(frame, ax)` for each frame, on cleared axes.

    `draw` may call any function of `dqmjax.plot`. In a notebook,
    `IPython.display.HTML(animation.to_jshtml())` plays the animation.

    Args:
        draw: Draws frame 0, …, `count − 1`. Use fixed scales, so that frames are comparable.
        count: Number of frames.
        fps: Frames per second.
        figure: Figure with one pair of axes; by default a new one.

    Raises:
        InputError: If `count` is not an integer of at least 1 or `fps` is not positive.
    """
    require_whole(1, count=count)
    require_positive(fps=fps)
    if figure is None:
        figure, _ = plt.subplots(layout="constrained")
    ax = figure.axes[0]

    def frame(index: int):
        ax.clear()
        draw(index, ax)
        return ()

    return FuncAnimation(figure, frame, frames=count, interval=1000 / fps, init_func=lambda: ())


def save_animation(animation: "FuncAnimation", path: "str | os.PathLike[str]"):
    """Writes an animation as a GIF.

    Args:
        animation: Returned by `animate`.
        path: File name that ends in .gif.

    Raises:
        InputFileError: If `path` does not end in .gif or cannot be written.
    """
    path = pathlib.Path(path)
    if path.suffix != ".gif":
        raise InputFileError(path, "the name must end in .gif.")
    if not path.parent.is_dir():
        raise InputFileError(path, f"the folder {path.parent} does not exist: create it first.")
    try:
        animation.save(path, writer="pillow")
    except OSError as error:
        raise InputFileError(path, f"cannot be written: {error.strerror}.") from None
