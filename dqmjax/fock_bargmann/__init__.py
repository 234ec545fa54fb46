"""Fock–Bargmann coefficients of Husimi densities, which solve the phase-space equations."""
