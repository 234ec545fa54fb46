"""What all figures share: colours that are told apart in grey, too, and what is left empty."""

BLUE, RUST, GREEN, MAUVE = COLOURS = ("#00467f", "#b5541c", "#3f8f5f", "#8a6fb0")  # ever lighter
DASHES = ("-", "--", "-.", ":")
SIGNED, POSITIVE = "RdBu_r", "cividis"
EMPTY = 1e-6  # of the largest density, below which S and what comes of it mean nothing
