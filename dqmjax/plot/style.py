"""Colours, line styles and thresholds that all figures share.

The colours differ in brightness, so that they remain distinct in greyscale. Annotations in this
folder are strings, so that `help()` shows them short.
"""

BLUE, RUST, GREEN, MAUVE = COLOURS = ("#00467f", "#b5541c", "#3f8f5f", "#8a6fb0")  # darkest first
DASHES = ("-", "--", "-.", ":")
SIGNED, POSITIVE = "RdBu_r", "cividis"
EMPTY = 1e-6  # part of the largest density below which S and its derivatives are not drawn
