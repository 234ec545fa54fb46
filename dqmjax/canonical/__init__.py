"""The canonical pair (ρ, S): fields, energies, steppers."""
