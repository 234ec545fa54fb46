"""Figures: functions that take arrays, draw on `ax` or the current axes, and return what they drew.

The only part that imports matplotlib.
"""

from .animation import animate as animate, save_animation as save_animation
from .charts import work_precision as work_precision
from .phase_space import (
    drift_and_diffusion as drift_and_diffusion,
    fock_weights as fock_weights,
    phase_space_map as phase_space_map,
    phase_space_maps as phase_space_maps,
)
from .recovered import posterior as posterior, snapshots as snapshots
from .waves import (
    density_and_action as density_and_action,
    energy_ledger as energy_ledger,
    fields as fields,
)
