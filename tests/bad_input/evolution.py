"""Bad input for `solve`, times, horizons and the steppers."""

import jax
import jax.numpy as jnp
import numpy as np

import dqmjax as dqm

from . import NOT_NEGATIVE, POSITIVE, POSITIVE_WHOLE, TEXT, TIMES, Entry

LINE, PLANE = dqm.Grid(-4.0, 4.0, 16), dqm.Grid([-4.0, -4.0], [4.0, 4.0], (8, 8))
BASIS = dqm.FockBargmann(4)
FLOW = dqm.FokkerPlanck(dqm.Kerr(1.0))
HARMONIC = dqm.Hamiltonian(dqm.Harmonic())
DRIVEN = dqm.Hamiltonian(lambda x, t: x[0] * t)
ABSORBING = dqm.Hamiltonian(lambda x, t: -1j * x[0] ** 2)
THIN = dqm.Hamiltonian(dqm.AbsorbingEdges(-4.0, 4.0, 0.1, 1.0))
OBJECTS = [*TEXT, 1.0, [], int]
NO_FLOWS = [*OBJECTS, dqm.Kerr(1.0), dqm.Driven(dqm.Kerr(1.0))]


class Waiting(dqm.AbstractStepper):
    """A state that stays."""

    def make_step(self, dt):
        return jax.tree_util.Partial(lambda t, y: y)


ENTRIES = [
    Entry(
        "solve",
        dqm.solve,
        {"stepper": Waiting(), "state": jnp.ones(3), "ts": [0.0, 1.0]},
        {
            "stepper": [*OBJECTS, LINE],
            "state": [*TEXT, [], jnp.array([1.0, np.nan]), np.array([np.inf])],
            "ts": [*TIMES, ["a", "b"], [True, False]],
            "substeps": POSITIVE_WHOLE,
            "tolerance": [x for x in POSITIVE if x is not None],
            "save": [x for x in OBJECTS if x not in (None, int)],
            "adjoint": [*OBJECTS, dqm.Direct],
            "throw": [*OBJECTS, 0],
        },
    ),
    Entry("save_times", dqm.save_times, {"ts": [0.0, 1.0]}, {"ts": [*TIMES, ["a", "b"]]}),
    Entry(
        "horizon",
        dqm.horizon,
        {
            "stepper": dqm.HusimiStep(FLOW, BASIS),
            "state": BASIS.coherent(0.001),
            "until": 0.1,
        },
        {
            "stepper": [*OBJECTS, Waiting()],
            "state": [*TEXT, jnp.full(BASIS.levels, jnp.nan), jnp.ones((3, 3))],
            "until": POSITIVE,
            "substeps": POSITIVE_WHOLE,
        },
    ),
    Entry(
        "SplitStep",
        dqm.SplitStep,
        {"hamiltonian": HARMONIC, "grid": LINE},
        {"hamiltonian": OBJECTS, "grid": OBJECTS, "scheme": OBJECTS},
    ),
    Entry(
        "SplitStep of an absorber",
        lambda layer: dqm.SplitStep(layer, LINE),
        {"layer": HARMONIC},
        {"layer": [THIN]},
        says={"layer": "width"},
    ),
    Entry(
        "Chebyshev",
        dqm.Chebyshev,
        {"hamiltonian": HARMONIC, "grid": LINE},
        {"hamiltonian": OBJECTS, "grid": OBJECTS, "tolerance": [*POSITIVE, 1.0, 2.0]},
    ),
    Entry(
        "DenseStep",
        dqm.DenseStep,
        {"hamiltonian": HARMONIC, "grid": LINE},
        {"hamiltonian": OBJECTS, "grid": [*OBJECTS, dqm.Grid([0, 0], [1, 1], (64, 64))]},
    ),
    Entry(
        "CanonicalStep",
        dqm.CanonicalStep,
        {"hamiltonian": HARMONIC, "grid": LINE},
        {
            "hamiltonian": OBJECTS,
            "grid": OBJECTS,
            "scheme": OBJECTS,
            "total": POSITIVE,
        },
    ),
    Entry(
        "AtlasStep",
        dqm.AtlasStep,
        {"energy": dqm.CanonicalEnergy(HARMONIC, LINE), "grid": LINE},
        {
            "energy": [*TEXT, 1.0, []],
            "grid": [*OBJECTS, dqm.Grid(-4.0, 4.0, 8)],
            "hbar": [*POSITIVE, 2.0],
            "threshold": [*NOT_NEGATIVE, 1.0],
            "iterations": [x for x in POSITIVE_WHOLE if not isinstance(x, np.ndarray)],
            "total": POSITIVE,
        },
    ),
    Entry(
        "WignerStep",
        dqm.WignerStep,
        {"hamiltonian": HARMONIC, "grid": PLANE},
        {"hamiltonian": OBJECTS, "grid": [*OBJECTS, LINE], "scheme": OBJECTS},
    ),
    Entry(
        "WignerStep of a potential",
        lambda potential: dqm.WignerStep(potential, PLANE),
        {"potential": HARMONIC},
        {"potential": [ABSORBING]},
    ),
    Entry(
        "HusimiStep",
        dqm.HusimiStep,
        {"fokker_planck": FLOW, "basis": BASIS},
        {"fokker_planck": NO_FLOWS, "basis": [*OBJECTS, LINE]},
    ),
    Entry(
        "KetStep",
        dqm.KetStep,
        {"symbol": dqm.Kerr(1.0), "basis": BASIS},
        {"symbol": [*TEXT, 1.0, []], "basis": [*OBJECTS, LINE]},
    ),
    Entry(
        "GridStep",
        dqm.GridStep,
        {"fokker_planck": FLOW, "grid": PLANE},
        {"fokker_planck": NO_FLOWS, "grid": [*OBJECTS, LINE]},
    ),
    Entry(
        "Characteristics",
        dqm.Characteristics,
        {"flow": FLOW},
        {"flow": NO_FLOWS},
    ),
    Entry(
        "liouville",
        dqm.liouville,
        {
            "flow": FLOW,
            "density": lambda xi: xi @ xi,
            "points": np.ones((2, 2)),
            "t": 0.1,
            "substeps": 2,
        },
        {
            "flow": NO_FLOWS,
            "density": [*TEXT, 1.0, []],
            "points": [*TEXT, 1.0, [], np.ones(2), np.ones((2, 3)), np.full((2, 2), np.nan)],
            "t": [np.nan, np.inf, 1j, *TEXT],
            "substeps": POSITIVE_WHOLE,
        },
    ),
]
