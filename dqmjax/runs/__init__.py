"""Long runs: in pieces, with progress, interruption and checkpoints."""
