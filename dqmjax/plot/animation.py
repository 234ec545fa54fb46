"""Animations of precomputed arrays."""

import io
import os
import pathlib
import subprocess
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import (
    AbstractMovieWriter,
    FFMpegWriter,
    FuncAnimation,
    MovieWriter,
    writers,
)
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import PlaceHolderLayoutEngine
from PIL import Image

from ..errors import InputError, InputFileError, require_type, require_whole
from .checks import scale

WRITERS = {".gif": "dqmjax gif", ".mp4": "dqmjax mp4"}
SAMPLED = 6  # frames from which the colours of a GIF are chosen


def animate(
    draw: "Callable[[int, Axes], object]",
    count: int,
    *,
    fps: "float | int" = 20,
    figure: "Figure | None" = None,
) -> "FuncAnimation":
    """Calls `draw(frame, ax)` for each frame, on cleared axes.

    `draw` may call any function of `dqmjax.plot`. The layout of the first frame is kept, so that
    the axes do not move. In a notebook, `IPython.display.HTML(animation.to_jshtml())` plays the
    animation.

    Args:
        draw: Draws frame 0, …, `count − 1`. Use fixed scales, so that frames are comparable.
        count: Number of frames.
        fps: Frames per second.
        figure: Figure with one pair of axes; by default a new one.

    Raises:
        InputError: If `draw` is no function, `count` not an integer of at least 1, `fps` not
            positive, or `figure` has no axes.

    Example:
        >>> grid = dqm.Grid(lower=(-5.0,), upper=(5.0,), shape=(64,))
        >>> x = grid.points[0]
        >>> def draw(frame, ax):
        ...     dqm.plot.density_and_action(grid, jnp.exp(-((x - frame) ** 2)), 0 * x, ax=ax)
        >>> film = dqm.plot.animate(draw, count=3, fps=5)
        >>> dqm.plot.save_animation(film, "moving.gif")
        >>> import pathlib
        >>> [path.name for path in pathlib.Path().iterdir()]
        ['moving.gif']
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
        if not isinstance(figure.get_layout_engine(), PlaceHolderLayoutEngine | None):
            figure.draw_without_rendering()
            figure.set_layout_engine("none")
        return ()

    return FuncAnimation(figure, frame, frames=count, interval=1000 / fps, init_func=lambda: ())


def save_animation(animation: "FuncAnimation", path: "str | os.PathLike[str]"):
    """Writes an animation as a GIF or as an MP4, which is at `path` whole or not at all.

    Args:
        animation: Returned by `animate`.
        path: File name that ends in .gif or .mp4. The second needs `pip install 'dqmjax[film]'`.

    Raises:
        InputError: If `animation` is none, or the package for .mp4 is not installed.
        InputFileError: If `path` does not end in .gif or .mp4, or cannot be written.

    Example:
        >>> film = dqm.plot.animate(lambda frame, ax: ax.plot([0, frame]), count=3)
        >>> dqm.plot.save_animation(film, "lines.gif")
        >>> import PIL.Image
        >>> with PIL.Image.open("lines.gif") as image:
        ...     print(image.n_frames)
        3
    """
    require_type(FuncAnimation, animation=animation)
    require_type((str, os.PathLike), path=path)
    path = pathlib.Path(path)
    if path.suffix not in WRITERS:
        raise InputFileError(path, "the name must end in .gif or .mp4.")
    if not path.parent.is_dir():
        raise InputFileError(path, f"the folder {path.parent} does not exist: create it first.")
    if path.is_dir():
        raise InputFileError(path, "is a directory: choose another name.")
    encoder = _ffmpeg() if path.suffix == ".mp4" else mpl.rcParams["animation.ffmpeg_path"]
    try:
        with (
            tempfile.TemporaryDirectory(dir=path.parent, prefix=".partial-") as folder,
            mpl.rc_context({"animation.ffmpeg_path": encoder, "savefig.dpi": "figure"}),
        ):
            whole = pathlib.Path(folder) / path.name
            animation.save(whole, writer=WRITERS[path.suffix])
            os.replace(whole, path)
    except OSError as error:
        raise InputFileError(path, f"cannot be written: {error.strerror}.") from None
    except subprocess.CalledProcessError as error:
        raise InputFileError(path, f"cannot be written: ffmpeg says {error.stderr!r}.") from None


def _ffmpeg() -> str:
    """The encoder.

    Raises:
        InputError: If it is not installed.
    """
    try:
        import imageio_ffmpeg

        return imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError):  # the second on machines for which there is no program
        raise InputError(
            "imageio-ffmpeg is not installed: pip install 'dqmjax[film]', or choose a name that "
            "ends in .gif."
        ) from None


class _FrameCanvas(FigureCanvasAgg):
    """A canvas that renders a frame once, when a writer saves it.

    `FuncAnimation` would draw it before that, and `savefig` would draw it twice.
    """

    def draw_idle(self, *args, **kwargs):
        """Nothing."""

    def print_figure(self, filename, *args, **kwargs):
        """Writes red, green, blue and opacity of the pixels."""
        self.draw()
        filename.write(self.buffer_rgba())


_Writer = MovieWriter if TYPE_CHECKING else object


class _DrawnOnce(_Writer):
    """A writer with a `_FrameCanvas` from `setup` to `finish`."""

    def setup(self, fig, outfile, dpi=None):
        """Opens the file."""
        super().setup(fig, outfile, dpi=dpi)
        self.screen = fig.canvas
        _FrameCanvas(fig)

    def finish(self):
        """Completes the file."""
        self.fig.set_canvas(self.screen)
        super().finish()


class _Palette(AbstractMovieWriter):
    """A GIF of 256 colours, the same ones in all frames, which are dithered.

    With a palette for each frame the colours would change from frame to frame, and rare ones, such
    as those of a phase wheel, would be missing.
    """

    @classmethod
    def isAvailable(cls) -> bool:
        """Always, because Matplotlib requires Pillow."""
        return True

    def setup(self, fig, outfile, dpi=None):
        """Checks the folder."""
        super().setup(fig, outfile, dpi=dpi)  # pyright: ignore[reportAbstractUsage]
        self.images: list[Image.Image] = []

    def grab_frame(self, **savefig_kwargs):
        """Adds a frame."""
        pixels = io.BytesIO()
        self.fig.savefig(pixels, format="rgba", dpi=self.dpi)
        image = Image.frombytes("RGBA", self.frame_size, pixels.getvalue())
        self.images.append(image.convert("RGB"))

    def finish(self):
        """Writes the file."""
        if not self.images:
            return
        width, height = self.images[0].size
        which = np.linspace(0, len(self.images) - 1, SAMPLED).round().astype(int)
        sheet = Image.new("RGB", (width, height * SAMPLED))
        for row, index in enumerate(which.tolist()):
            sheet.paste(self.images[index], (0, height * row))
        palette = sheet.quantize(254, method=Image.Quantize.MAXCOVERAGE)
        chosen = (palette.getpalette() or [])[: 3 * 254]
        palette.putpalette([*chosen, *[0] * (3 * 255 - len(chosen)), *[255] * 3])  # and white
        dithered = Image.Dither.FLOYDSTEINBERG
        first, *others = [image.quantize(palette=palette, dither=dithered) for image in self.images]
        duration = round(1000 / self.fps)
        first.save(self.outfile, save_all=True, append_images=others, duration=duration, loop=0)


@writers.register(WRITERS[".gif"])
class _Gif(_DrawnOnce, _Palette):
    """A GIF."""


@writers.register(WRITERS[".mp4"])
class _Mp4(_DrawnOnce, FFMpegWriter):
    """H.264, which browsers play."""
