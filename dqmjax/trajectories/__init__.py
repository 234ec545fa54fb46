"""Particles in every picture: paths whose density is that of the run."""

from .agreement import (
    Agreement as Agreement,
    agreement as agreement,
    same_density as same_density,
    sample_density as sample_density,
)
from .conjugate import conjugate_time as conjugate_time
from .encounters import (
    encounter_probability as encounter_probability,
    encounter_rate as encounter_rate,
    encounters as encounters,
)
from .ensemble import Mean as Mean, Trajectories as Trajectories
from .husimi import husimi_diffusion as husimi_diffusion, husimi_flow as husimi_flow
from .mixed_law import (
    MixedTime as MixedTime,
    action as action,
    amplifier as amplifier,
    kerr as kerr,
    quadratic as quadratic,
)
from .mixed_time import mixed_paths as mixed_paths, mixed_time as mixed_time
from .mixture import Mixture as Mixture, mixture_weight as mixture_weight
from .ordinary import (
    Ordinary as Ordinary,
    free_propagator as free_propagator,
    ordinary as ordinary,
)
from .wave import bohm as bohm, nelson as nelson
