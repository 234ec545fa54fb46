"""Figures. Each function takes arrays, draws on `ax` or the current axes, and returns artists."""

from .animation import animate, save_animation
from .charts import work_precision
from .measured import lines, series
from .observables import observables
from .phase_space import drift_and_diffusion, fock_weights, phase_space_map, phase_space_maps
from .recovered import calibration, posterior, snapshots
from .trajectories import phase_space_paths, trajectories
from .waves import density_and_action, energy_ledger, fields

__all__ = [
    "animate",
    "calibration",
    "density_and_action",
    "drift_and_diffusion",
    "energy_ledger",
    "fields",
    "fock_weights",
    "lines",
    "observables",
    "phase_space_map",
    "phase_space_maps",
    "phase_space_paths",
    "posterior",
    "save_animation",
    "series",
    "snapshots",
    "trajectories",
    "work_precision",
]
