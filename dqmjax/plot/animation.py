"""Animations of precomputed arrays."""

import os
import pathlib
import tempfile
from collections.abc import Callable

import matplotlib.pyplot as plt
from matplotlib.animation import FuncAnimation
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..errors import InputError, InputFileError, require_type, require_whole
from .checks import scale


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
        InputError: If `draw` is no function, `count` not an integer of at least 1, `fps` not
            positive, or `figure` has no axes.
    """
    require_type(Callable, draw=draw)  # pyright: ignore[reportArgumentType]
    require_whole(1, count=count)
    fps = scale("fps", fps)
    if figure is None:
        figure, _ = plt.subplots(layout="constrained")
    require_type(Figure, figure=figure)
    if not figure.axes:
        raise InputError("`figure` must have axes, but has none: make it by `plt.subplots()`.")
    ax = figure.axes[0]

    def frame(index: int):
        ax.clear()
        draw(index, ax)
        return ()

    return FuncAnimation(figure, frame, frames=count, interval=1000 / fps, init_func=lambda: ())


def save_animation(animation: "FuncAnimation", path: "str | os.PathLike[str]"):
    """Writes an animation as a GIF, which is at `path` whole or not at all.

    Args:
        animation: Returned by `animate`.
        path: File name that ends in .gif.

    Raises:
        InputError: If `animation` is none.
        InputFileError: If `path` does not end in .gif or cannot be written.
    """
    require_type(FuncAnimation, animation=animation)
    require_type((str, os.PathLike), path=path)
    path = pathlib.Path(path)
    if path.suffix != ".gif":
        raise InputFileError(path, "the name must end in .gif.")
    if not path.parent.is_dir():
        raise InputFileError(path, f"the folder {path.parent} does not exist: create it first.")
    if path.is_dir():
        raise InputFileError(path, "is a directory: choose another name.")
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".partial-") as folder:
            whole = pathlib.Path(folder) / path.name
            animation.save(whole, writer="pillow")
            os.replace(whole, path)
    except OSError as error:
        raise InputFileError(path, f"cannot be written: {error.strerror}.") from None
