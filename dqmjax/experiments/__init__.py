"""Experiments: what is prepared, how it evolves, what a detector sees."""
