"""Files that the package writes: results, checkpoints, the stages of a long computation."""
