"""Time evolution without physics: steppers, schemes, `solve`, adjoints."""
