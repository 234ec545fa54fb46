"""Colours of a phase, equally light in the space OKLab, and light that shows a density.

OKLab: Ottosson (2020), https://bottosson.github.io/posts/oklab. The encoding is that of sRGB, IEC
61966-2-1.
"""

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patheffects import withStroke

LIGHTNESS, CHROMA = 0.75, 0.126  # sRGB has every hue at this chroma, and hardly more
HUE = np.radians(29.0)  # of phase 0: red
TO_LMS = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)
SIDE = 0.22  # of the wheel, as part of the axes
LABELS = {"0": (1.3, 0.0), "π": (-1.3, 0.0), r"$S/\hbar$": (0.0, 0.0)}


def colours(
    phase: Float[np.ndarray, "*shape"], part: "float | Float[np.ndarray, '*shape']" = 1.0
) -> Float[np.ndarray, "*shape 3"]:
    """sRGB values of a phase as hue, with `part` of the full light.

    OKLab is homogeneous of degree 1/3: less light of one colour keeps its hue and has the lightness
    `0.75 · part^(1/3)`.
    """
    hue = HUE + np.asarray(phase)
    lab = np.stack([np.full_like(hue, LIGHTNESS), CHROMA * np.cos(hue), CHROMA * np.sin(hue)], -1)
    light = (lab @ TO_LMS.T) ** 3 @ TO_RGB.T * np.asarray(part)[..., None]
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


PHASES = ListedColormap(colours(np.linspace(-np.pi, np.pi, 256)), "phases")


def wheel(ax: Axes):
    """Draws the hues of all phases in the upper right corner of `ax`."""
    inset = ax.inset_axes((0.99 - SIDE, 0.99 - SIDE, SIDE, SIDE), anchor="NE", zorder=5)
    inset.imshow(RING, extent=(-1, 1, -1, 1), interpolation="bilinear")
    for label, place in LABELS.items():
        text = inset.text(*place, label, color="white", fontsize=8, ha="center", va="center")
        text.set_path_effects([withStroke(linewidth=1.5, foreground="black")])
    inset.set(xlim=(-1.5, 1.5), ylim=(-1.15, 1.15), xticks=[], yticks=[])
    inset.patch.set(facecolor="black", alpha=0.6)
    inset.spines[:].set_visible(False)


def _ring() -> Float[np.ndarray, "side side 4"]:
    """Colours with opacity."""
    x = np.linspace(-1, 1, 96)
    z = x - 1j * x[:, None]
    opaque = np.clip(48 * np.minimum(1 - np.abs(z), np.abs(z) - 0.62), 0, 1)
    return np.concatenate([colours(np.angle(z)), opaque[..., None]], axis=-1)


RING = _ring()
