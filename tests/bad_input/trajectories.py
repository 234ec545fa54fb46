"""Bad input for `trajectories`."""

import jax
import jax.numpy as jnp
import numpy as np

import dqmjax as dqm
from dqmjax import trajectories

from . import KEY, NAN, NUMBER, OBJECT, POSITIVE, TEXT, TIMES, Entry, one, real_field

GRID = dqm.Grid(-8.0, 8.0, 64)
STEP = dqm.SplitStep(dqm.Hamiltonian(dqm.Free()), GRID)
RUN = dqm.solve(STEP, dqm.gaussian(GRID, 0.0, 1.0), jnp.linspace(0.0, 0.2, 3))
OTHER = dqm.solve(STEP, RUN.final, RUN.ts, save=lambda psi: psi[:8], throw=False)
BASIS = dqm.FockBargmann(12)
HUSIMI = dqm.HusimiStep(dqm.FokkerPlanck(dqm.Kerr(0.5)), BASIS)
STATES = dqm.solve(HUSIMI, BASIS.coherent(0.5), jnp.linspace(0.0, 0.1, 3))
PLACES = [*TEXT, 1.0, NAN, [], np.zeros(3), np.full((3, 1), NAN), np.zeros((2, 3)), [[1j]]]
STEPS = [*NUMBER, 0, -2, 1, 3, 2.0, True, [2]]
RANDOM = jax.random.key(0)
LAW = trajectories.Ordinary(lambda x, t: -x, lambda x, t: jnp.eye(1))

WAVE = {"stepper": STEP, "solution": RUN, "starts": np.zeros((2, 1)), "substeps": 2}
PHASE = {"stepper": HUSIMI, "solution": STATES, "starts": np.ones((2, 2)), "substeps": 2}
BAD_WAVE = {
    "stepper": [*OBJECT, HUSIMI],
    "solution": [*OBJECT, OTHER, STATES],
    "starts": [*PLACES, np.full((1, 1), 8.5), np.full((1, 1), 7.9)],
    "substeps": STEPS,
}
BAD_PHASE = {
    "stepper": [*OBJECT, STEP],
    "solution": [*OBJECT, RUN],
    "starts": [*PLACES, np.full((1, 2), 60.0)],
    "substeps": STEPS,
}
WIDTH = {"width": 0.5, "diffusion": 0.5, "t": 1.0}

ENTRIES = [
    Entry("bohm", trajectories.bohm, WAVE, BAD_WAVE),
    Entry(
        "nelson",
        trajectories.nelson,
        WAVE | {"key": RANDOM, "diffusion": 0.5},
        BAD_WAVE | {"key": KEY, "diffusion": [x for x in POSITIVE if x is not None] + [np.ones(2)]},
    ),
    Entry("husimi_flow", trajectories.husimi_flow, PHASE, BAD_PHASE),
    Entry(
        "husimi_diffusion",
        trajectories.husimi_diffusion,
        PHASE | {"key": RANDOM},
        BAD_PHASE | {"key": KEY},
    ),
    Entry(
        "ordinary",
        trajectories.ordinary,
        {
            "law": LAW,
            "starts": np.zeros((2, 1)),
            "ts": np.array([0.0, 1.0]),
            "key": RANDOM,
            "substeps": 2,
        },
        {"law": OBJECT, "starts": PLACES[:-2], "ts": TIMES, "key": KEY, "substeps": STEPS},
    ),
    Entry(
        "sample_density",
        trajectories.sample_density,
        {"key": RANDOM, "grid": GRID, "rho": np.ones(64), "count": 3},
        {
            "key": KEY,
            "grid": OBJECT,
            "rho": [*real_field((64,)), -np.ones(64), np.zeros(64)],
            "count": [*NUMBER, 0, -1, 1.5, True],
        },
    ),
    Entry(
        "agreement",
        trajectories.agreement,
        {"points": np.zeros((9, 1)), "grid": GRID, "rho": np.ones(64)},
        {"points": PLACES, "grid": OBJECT, "rho": real_field((64,))},
    ),
    Entry(
        "same_density",
        trajectories.same_density,
        {"points": np.ones((9, 1)), "others": np.zeros((9, 1)), "key": RANDOM},
        {"points": PLACES[:-2], "others": PLACES, "key": KEY},
    ),
    Entry(
        "free_propagator",
        trajectories.free_propagator,
        {"x": 0.5, "start": 0.0, "t": 1.0, "mass": 1.0, "hbar": 1.0},
        {"t": POSITIVE, "mass": POSITIVE, "hbar": POSITIVE},
    ),
    Entry(
        "conservative_width",
        dqm.ordinary_diffusion.conservative_width,
        WIDTH,
        {"width": one(POSITIVE), "diffusion": one(POSITIVE)},
    ),
    Entry(
        "ordinary_width",
        dqm.ordinary_diffusion.ordinary_width,
        WIDTH,
        {"width": one(POSITIVE), "diffusion": one(POSITIVE)},
    ),
]
