"""Tables of the colours of the figures, for drawings without matplotlib."""

import matplotlib
import numpy as np

from .phase_colours import colours
from .style import POSITIVE, SIGNED

NEGATIVE = 0.2  # part of the table "density" that is below 0
RED = np.array([1.0, 0.32, 0.2])
PHASES = 256


def colour_table(name: str, size: int) -> list[list[int]]:
    """Red, green and blue from 0 to 255, from the lowest to the highest value.

    Args:
        name: "positive", "signed", or "density" with negative values in red.
        size: How many.
    """
    part = np.linspace(0, 1, size)
    if name == "density":
        part = (part - NEGATIVE) / (1 - NEGATIVE)
    shades = matplotlib.colormaps[SIGNED if name == "signed" else POSITIVE](part.clip(0))[:, :3]
    if name == "density":
        shades += np.clip(part[:, None] / part[0], 0, 1) * (RED - shades)
    return np.rint(255 * shades).astype(int).tolist()


def phase_table() -> list[list[float]]:
    """Those of 256 phases from 0 to 2π at full light, from 0 to 1."""
    return colours(2 * np.pi * np.arange(PHASES) / PHASES).round(4).tolist()
