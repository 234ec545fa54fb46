"""Equations on phase space: symbols, Fokker–Planck, Wigner, Liouville."""
