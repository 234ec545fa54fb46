"""One equation of motion per file."""
