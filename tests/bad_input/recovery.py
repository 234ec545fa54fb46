"""Bad input for `recover`, for experiments, and for what follows from a result."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

import dqmjax as dqm
from dqmjax import design

from . import INF, KEY, NAN, NUMBER, OBJECT, POSITIVE_WHOLE, TEXT, Entry, real_field
from .data import SNAPSHOTS, T

GRID = dqm.Grid((-4.0,), (4.0,), (16,))
FREE = dqm.Hamiltonian(dqm.Harmonic())
STEPPER = dqm.SplitStep(FREE, GRID)
PSI = np.ones(16) + 0j
BASIS = dqm.FockBargmann(4)
KERR = dqm.FokkerPlanck(dqm.Kerr(1.0))
NOT_NONE = lambda values: [bad for bad in values if bad is not None]
NO_FUNCTION = [*TEXT, 1.0, NAN, [], np.ones(3)]
NO_NAME = ["deep", "", 1, None, 1.0, b"slope", ("slope",)]


class Line(dqm.AbstractExperiment):
    """`slope · t`."""

    slope: jax.Array
    unseen: jax.Array | float = 0.0

    def predict(self, times, where):
        return self.slope * times.ts + 0 * self.unseen, None


DATA = dqm.Series(np.arange(5.0), np.array([0.0, 1.1, 1.9, 3.0, 4.1]), 0.1)


@functools.cache
def fitted():
    """A small result."""
    return dqm.recover(DATA, Line(jnp.array(0.9)))


def of_result(call, **fixed):
    """`call` with a good result, unless another one is given."""
    return lambda **given: call(**({"result": fitted()} | fixed | given))


def refused(**problem):
    """What `recover` says of a problem, without a fit of the good one."""
    return None if not problem else dqm.recover(DATA, Line(jnp.array(0.9)), **problem)


def given(name):
    """`recover` with one more argument; nothing without it."""
    return lambda **problem: refused(**{name: problem["value"]}) if "value" in problem else None


def entry(name, values, says=None):
    says = says or name
    return Entry(f"recover, {name}", given(name), {}, {"value": values}, says={"value": says})


NO_MAPPING = ["text", b"bytes", object(), 1.0, NAN, [], ("slope", 1.0), np.ones(3)]
NO_VALUE = [*NUMBER, np.ones(3), [1.0, 2.0], np.array([NAN])]
PAIR = [None, 1.0, "text", [], [1.0], [0.0, 1.0, 2.0], {}, np.ones(2)]
LEVELS = dqm.Levels(FREE, GRID, 3)


def calibrated(**given):
    """A calibration of the line; nothing without an argument."""
    good = {
        "simulate": lambda truth, key: DATA,
        "fit": lambda data, prior: dqm.recover(data, Line(jnp.array(0.9)), prior=prior),
        "prior": {"slope": (1.0, 0.1)},
        "key": jax.random.key(0),
        "draws": 2,
        "samples": 3,
    }
    return given and dqm.calibrate(**good | given)


ENTRIES = [
    Entry(
        "NormalPrior", dqm.NormalPrior, {"known": {"slope": (0.0, 1.0)}}, {"known": [*NO_MAPPING]}
    ),
    Entry(
        "NormalPrior, a pair",
        lambda pair: dqm.NormalPrior({"slope": pair}),
        {"pair": (0.0, 1.0)},
        {
            "pair": [
                *PAIR,
                (NAN, 1.0),
                (0.0, INF),
                (0.0, 0.0),
                (0.0, -1.0),
                (0.0, "text"),
                (1j, 1.0),
            ]
        },
        says={"pair": "known['slope']"},
    ),
    Entry(
        "calibrate",
        calibrated,
        {"predict": {"slope twice": lambda line: 2 * line.slope}},
        {
            "simulate": NO_FUNCTION,
            "fit": NO_FUNCTION,
            "key": KEY,
            "draws": [*POSITIVE_WHOLE, 1],
            "samples": [*POSITIVE_WHOLE, 1],
            "predict": NOT_NONE(NO_MAPPING),
        },
    ),
    Entry(
        "discover",
        lambda **given: (
            given and dqm.discover(**{"data": dqm.Snapshots(**SNAPSHOTS), "terms": ["n"]} | given)
        ),
        {},
        {
            "data": [*OBJECT, DATA],
            "terms": [*NOT_NONE(OBJECT), None, "n", [], {}],
            "widths": NOT_NONE(NO_MAPPING),
        },
    ),
    Entry(
        "discover, a term",
        lambda term: term and dqm.discover(dqm.Snapshots(**SNAPSHOTS), [term]),
        {"term": None},
        {"term": [" ", "a", "x*n", "n +", "n1*n2", 1.0, b"n", object()]},
        says={"term": "terms['c1']"},
    ),
    Entry(
        "recover",
        lambda **problem: (
            None
            if not problem
            else dqm.recover(**({"data": DATA, "model": Line(jnp.array(0.9))} | problem))
        ),
        {},
        {
            "data": [*OBJECT, KERR, [DATA]],
            "model": [*OBJECT, "kerr", "ker", FREE, STEPPER, KERR, Line],
        },
    ),
    Entry(
        "recover, model of snapshots",
        lambda **problem: problem and dqm.recover(dqm.Snapshots(**SNAPSHOTS), **problem),
        {},
        {"model": [*OBJECT, "", "ker", "KERR", "U*n +", "U*n2", "U*a", FREE, STEPPER, Line]},
    ),
    entry("start", [*NO_MAPPING, {"slop": 1.0}, {"": 1.0}, {1: 1.0}, {None: 1.0}]),
    entry("start", [{"slope": bad} for bad in NO_VALUE], "start['slope']"),
    entry("fix", [*NO_MAPPING, {"slop": 1.0}, {"": 1.0}, {1: 1.0}]),
    entry("fix", [{"slope": bad} for bad in NO_VALUE], "fix['slope']"),
    entry("free", ["text", "slope", ["slop"], [1], [None], 1.0, object()]),
    entry("bounds", [*NO_MAPPING, {"slop": (0, 1)}, {"slope": (1.0, 0.0)}, {"slope": (2.0, None)}]),
    entry("bounds", [{"slope": bad} for bad in PAIR]),
    entry(
        "bounds",
        [{"slope": (bad, 2.0)} for bad in NOT_NONE(NO_VALUE)[:-3]]
        + [{"slope": (None, bad)} for bad in NOT_NONE(NO_VALUE)[:-3]],
        "bounds['slope']",
    ),
    entry("starts", [*NO_MAPPING, {"slop": [1.0]}, {"slope": []}]),
    entry("starts", [{"slope": bad} for bad in NUMBER[:-1]], "starts['slope']"),
    entry("prior", [bad for bad in NO_FUNCTION if bad is not None]),
    entry("progress", [bad for bad in NO_FUNCTION if bad is not None]),
    Entry(
        "recover, cutoff",
        lambda **given: given and dqm.recover(dqm.Snapshots(**SNAPSHOTS), "kerr", **given),
        {},
        {"cutoff": [*NOT_NONE(POSITIVE_WHOLE), 1, 10**6, 2]},
    ),
    Entry(
        "Evolution",
        dqm.Evolution,
        {"stepper": STEPPER, "state": PSI, "observe": jnp.abs},
        {
            "stepper": OBJECT,
            "state": [
                *TEXT,
                [],
                NAN,
                [1.0, NAN],
                np.full(16, NAN),
                np.full(16, INF),
                (PSI, "text"),
            ],
            "observe": NO_FUNCTION,
            "substeps": POSITIVE_WHOLE,
            "adjoint": OBJECT,
            "reconstruct": [bad for bad in NO_FUNCTION if bad is not None],
        },
    ),
    Entry(
        "Levels",
        dqm.Levels,
        {"hamiltonian": FREE, "grid": GRID, "count": 3},
        {"hamiltonian": OBJECT, "grid": OBJECT, "count": POSITIVE_WHOLE},
    ),
    Entry(
        "Levels, transitions",
        lambda pairs: (
            dqm.Lines(np.ones(1), transitions=pairs)
            and LEVELS.check(dqm.Lines(np.ones(1), transitions=pairs))
        ),
        {"pairs": [[1, 0]]},
        {"pairs": [[[3, 0]], [[0, 3]], [[9, 7]], [[-1, 0]], [[1, 1]]]},
        says={"pairs": "transitions"},
    ),
    Entry(
        "Levels, data",
        lambda data: LEVELS.check(data),
        {"data": dqm.Lines(np.ones(1))},
        {"data": [DATA, dqm.Snapshots(**SNAPSHOTS)]},
    ),
    Entry(
        "Heterodyne",
        dqm.Heterodyne,
        {"model": KERR, "alpha_re": np.ones(1), "alpha_im": np.ones(1), "basis": BASIS},
        {
            "model": [*OBJECT, FREE],
            "alpha_re": real_field((1,)),
            "alpha_im": real_field((1,)),
            "basis": OBJECT,
        },
    ),
    Entry(
        "PhaseSpaceExperiment",
        dqm.PhaseSpaceExperiment,
        {"model": KERR, "state": dqm.Coherent(np.ones(1), np.ones(1)), "basis": BASIS},
        {
            "model": [*OBJECT, FREE],
            "state": [*OBJECT, dqm.Coherent(np.ones(2), np.ones(2))],
            "basis": OBJECT,
            "detector": [bad for bad in OBJECT if bad is not None],
            "substeps": POSITIVE_WHOLE,
        },
    ),
    Entry(
        "Detector",
        dqm.Detector,
        {"efficiency": 0.5, "noise": 0.1, "gain": 2.0, "rotation": 0.3, "offset": 0.1},
        {
            "efficiency": [NAN, INF, 0.0, -0.5, 1.5, 1j, "text", np.ones(2)],
            "noise": [NAN, INF, -0.5, 1j, "text", np.ones(2)],
            "gain": [NAN, INF, 0.0, -0.5, 1j, "text", np.ones(2)],
            "rotation": [NAN, INF, 1j, "text", np.ones(2)],
            "offset": [NAN, INF, 1j, "text"],
        },
    ),
    Entry(
        "Squeezed",
        dqm.Squeezed,
        {"alpha_re": np.ones(1), "alpha_im": np.ones(1), "xi_re": np.ones(1), "xi_im": np.ones(1)},
        {
            name: [NAN, INF, 1j, "text", None, np.array([NAN])]
            for name in ("alpha_re", "alpha_im", "xi_re", "xi_im")
        },
    ),
    Entry(
        "propagate",
        of_result(dqm.propagate),
        {"of": lambda line: line.slope},
        {"result": [*OBJECT, DATA], "of": NO_FUNCTION},
    ),
    Entry(
        "profile",
        of_result(dqm.profile, values=np.array([0.9, 1.0])),
        {"name": "slope"},
        {
            "result": [*OBJECT, DATA],
            "name": NO_NAME,
            "values": [*NOT_NONE(TEXT), [], [NAN], [1.0, 0.5], [1.0, 1.0], [[1.0]], [INF], 1.0, 1j],
        },
    ),
    Entry(
        "bootstrap",
        lambda **given: (
            given
            and dqm.bootstrap(
                **({"result": fitted(), "key": jax.random.key(0), "count": 2} | given)
            )
        ),
        {},
        {"result": [*OBJECT, DATA], "key": KEY, "count": [*POSITIVE_WHOLE, 1]},
    ),
    Entry(
        "posterior",
        lambda **given: (
            given
            and dqm.posterior(
                **({"result": fitted(), "key": jax.random.key(0), "count": 2} | given)
            )
        ),
        {},
        {
            "result": [*OBJECT, DATA],
            "key": KEY,
            "count": [*POSITIVE_WHOLE, 1],
            "warmup": POSITIVE_WHOLE,
        },
    ),
    Entry("compare", lambda **given: given and dqm.compare(**given), {}, {"models": [*OBJECT, {}]}),
    Entry(
        "compare, one model",
        lambda **given: given and dqm.compare({"a": fitted()} | {"b": given["model"]}),
        {},
        {"model": [*OBJECT, DATA]},
        says={"model": "models['b']"},
    ),
    Entry(
        "likelihood_ratio",
        lambda **given: (
            given and dqm.likelihood_ratio(**({"restricted": fitted(), "full": fitted()} | given))
        ),
        {},
        {"restricted": [*OBJECT, DATA], "full": [*OBJECT, DATA]},
    ),
    Entry(
        "design.standard_error",
        of_result(design.standard_error),
        {"name": "slope"},
        {"result": [*OBJECT, DATA], "name": NO_NAME},
    ),
    Entry("design.a_optimal", of_result(design.a_optimal), {}, {"result": [*OBJECT, DATA]}),
    Entry("design.d_optimal", of_result(design.d_optimal), {}, {"result": [*OBJECT, DATA]}),
    Entry(
        "design.best_time",
        design.best_time,
        {"criterion": lambda t: t, "candidates": T},
        {
            "criterion": NO_FUNCTION,
            "candidates": [*TEXT, [], NAN, [NAN], [1.0, INF], [1j], [[1.0, 2.0]], T[:, None]],
        },
    ),
    Entry(
        "design.best_time, nowhere finite",
        lambda candidates: design.best_time(lambda t: jnp.log(t), candidates),
        {"candidates": [1.0]},
        {"candidates": [[-1.0], [-1.0, -2.0]]},
    ),
]
