"""Bad input for the figures."""

import functools

import jax.numpy as jnp
import matplotlib as mpl
import numpy as np

import dqmjax as dqm

mpl.use("Agg")
import matplotlib.pyplot as plt

from dqmjax import plot

from . import INF, NAN, OBJECT, POSITIVE, POSITIVE_WHOLE, TEXT, Entry, one, real_field
from .data import POINTS, RHO, SNAPSHOTS, T

VALUES = np.linspace(0, 1, 5)
LINE = dqm.Grid((-1.0,), (1.0,), (8,))
SPACE = dqm.Grid((-1.0,) * 3, (1.0,) * 3, (4,) * 3)
ROW = np.linspace(1, 2, 8)
PLACES = [*real_field((5, 2)), np.ones((5, 3)), np.ones(5)]
SCALES = {"ell": one(POSITIVE), "kappa": one(POSITIVE)}
MOVED = np.arange(6.0).reshape(3, 2, 1)
PATHS = dqm.trajectories.Trajectories(np.arange(3.0), jnp.asarray(MOVED), jnp.asarray(MOVED))
PHASE_PATHS = dqm.trajectories.Trajectories(
    np.arange(3.0), *2 * [jnp.concatenate([jnp.asarray(MOVED)] * 2, axis=2)]
)
NOT_NONE = lambda values: [bad for bad in values if bad is not None]
AX = NOT_NONE(OBJECT)
PART = [*[bad for bad in one(POSITIVE) if not np.isscalar(bad) or bad != 0.0], 1.0, 2.0]


def closing(draw):
    """`draw` on a new figure, which it closes."""

    @functools.wraps(draw)
    def drawn(**arguments):
        try:
            return draw(**arguments)
        finally:
            plt.close("all")

    return drawn


def field(name, key="a"):
    """Bad mappings from names to rows."""
    rows = [*real_field((8,)), np.ones(7)]
    return [*TEXT, 1.0, [], {1: ROW}], [{key: row} for row in rows]


CURVES, CURVE_ROWS = field("curves")
ANIMATION = plot.animate(lambda frame, ax: None, 1)
ANIMATION._draw_was_started = True  # or matplotlib warns that nothing was drawn
plt.close("all")
NO_FRAME = lambda frame, ax: None
FOUND = dqm.Recovery(
    *({"omega": 1.0} for _ in range(3)),
    covariance=np.eye(1),
    identifiable={"omega": True},
    undetermined=[],
    product={},
    determined=1.0,
    goodness=dqm.data.goodness.Goodness(0.0, 2, 1.0, 1, True, 0.0, 0.0, 0, 0.0),
    prediction=RHO,
    horizon=INF,
    start={"omega": 1.0},
    origin="start",
    at_bounds=[],
    time_unit="",
    angular={},
    vector=jnp.ones(1),
    given=None,
)
GOOD = object()  # stands for a good argument whose figure takes too long

ENTRIES = [
    Entry(
        "plot.phase_space_map",
        closing(plot.phase_space_map),
        {"points": POINTS, "values": VALUES},
        {
            "points": [*PLACES, POINTS[:, [0, 0]], np.ones((5, 2))],
            "values": real_field((5,)),
            **SCALES,
            "ax": AX,
            "label": [1, b"bytes", object(), 1.0],
        },
    ),
    Entry(
        "plot.phase_space_maps",
        closing(plot.phase_space_maps),
        {"points": POINTS, "values": RHO, "t": T},
        {
            "points": PLACES[:3] + PLACES[5:],
            "values": [*real_field((3, 5)), RHO.T, RHO[:2]],
            "t": [*TEXT, [], 1.0, T[:, None], [0.0, NAN, 1.0], [0.0, INF, 1.0], T + 1j],
            **SCALES,
            "axes": [*AX, [None] * 3],
            "label": [1, b"bytes", None, object(), 1.0],
        },
    ),
    Entry(
        "plot.drift_and_diffusion",
        closing(plot.drift_and_diffusion),
        {"points": POINTS, "drift": POINTS, "diffusion": np.tile(np.eye(2), (5, 1, 1))},
        {
            "points": PLACES[:3] + PLACES[5:],
            "drift": PLACES,
            "diffusion": real_field((5, 2, 2)),
            **SCALES,
            "ax": AX,
        },
    ),
    Entry(
        "plot.fock_weights",
        closing(plot.fock_weights),
        {"coefficients": np.eye(3)},
        {
            "coefficients": [
                *TEXT,
                1.0,
                [],
                np.ones(3),
                np.ones((3, 2)),
                np.ones((2, 2, 2)),
                np.diag([1.0, NAN]),
                np.diag([1.0, INF]),
                np.diag([1j, -INF]),
            ],
            "kept": NOT_NONE(POSITIVE_WHOLE),
            "ax": AX,
        },
    ),
    Entry(
        "plot.density_and_action",
        closing(plot.density_and_action),
        {"grid": LINE, "rho": ROW, "S": ROW},
        {
            "grid": [*OBJECT, SPACE],
            "rho": [*real_field((8,)), 0 * ROW, -ROW],
            "S": real_field((8,)),
            "hbar": one(POSITIVE),
            "ax": AX,
            "peak": [bad for bad in one(POSITIVE) if bad is not None],
            "empty": PART,
            "V": NOT_NONE(real_field((8,))),
        },
    ),
    Entry(
        "plot.fields",
        closing(plot.fields),
        {"grid": LINE, "rho": ROW, "curves": {"a": ROW}},
        {
            "grid": [*OBJECT, SPACE],
            "rho": [*real_field((8,)), 0 * ROW, -ROW],
            "curves": CURVES,
            "ax": AX,
            "empty": PART,
        },
    ),
    Entry(
        "plot.fields, one curve",
        closing(plot.fields),
        {"grid": LINE, "rho": ROW, "curves": {"a": ROW}},
        {"curves": CURVE_ROWS},
        says={"curves": "curves['a']"},
    ),
    Entry(
        "plot.energy_ledger",
        closing(plot.energy_ledger),
        {"t": np.arange(8.0), "parts": {"a": ROW}},
        {
            "t": [*TEXT, [], 1.0, np.arange(8.0)[:, None], np.full(8, NAN), np.full(8, INF), 1j],
            "parts": CURVES,
            "ax": AX,
        },
    ),
    Entry(
        "plot.energy_ledger, one part",
        closing(plot.energy_ledger),
        {"t": np.arange(8.0), "parts": {"a": ROW}},
        {"parts": CURVE_ROWS},
        says={"parts": "parts['a']"},
    ),
    Entry(
        "plot.work_precision",
        closing(plot.work_precision),
        {"runs": {"a": (ROW, ROW)}},
        {"runs": CURVES, "ax": AX},
    ),
    Entry(
        "plot.work_precision, one run",
        closing(plot.work_precision),
        {"runs": {"a": (ROW, ROW)}},
        {
            "runs": [
                *[{"a": pair} for pair in (ROW, *TEXT, (ROW,), (ROW, ROW[:7]), (ROW, -ROW))],
                *[{"a": (ROW, bad)} for bad in real_field((8,))],
                *[{"a": (bad, ROW)} for bad in real_field((8,))],
            ]
        },
        says={"runs": "runs['a']"},
    ),
    Entry(
        "plot.animate",
        closing(lambda **arguments: setattr(plot.animate(**arguments), "_draw_was_started", True)),
        {"draw": NO_FRAME, "count": 1},
        {
            "draw": [*TEXT, 1.0, ROW],
            "count": POSITIVE_WHOLE,
            "fps": one(POSITIVE),
            "figure": [*AX, plt.figure()],
        },
    ),
    Entry(
        "plot.save_animation",
        lambda animation, path: plot.save_animation(animation, path) if path else None,
        {"animation": ANIMATION, "path": ""},
        {"path": [b"bytes.gif", 1, 1.5, object(), ROW[:1], [1]]},
    ),
    Entry(
        "plot.save_animation of no animation",
        lambda animation: animation is ANIMATION or plot.save_animation(animation, "a.gif"),
        {"animation": ANIMATION},
        {"animation": OBJECT},
    ),
    Entry(
        "plot.snapshots",
        closing(plot.snapshots),
        {"data": dqm.Snapshots(**SNAPSHOTS), "model": RHO},
        {
            "data": [*OBJECT, dqm.Series(T, RHO)],
            "model": [*real_field((3, 5)), RHO.T],
            "times": [
                "text",
                b"bytes",
                object(),
                1,
                1.5,
                [],
                [3],
                [-1],
                [0.0],
                [NAN],
                [None],
                [True],
                ["0"],
                {"a": 1},
            ],
        },
    ),
    Entry(
        "plot.series",
        closing(plot.series),
        {"data": dqm.Series(T, RHO), "model": RHO},
        {
            "data": [*OBJECT, dqm.Snapshots(**SNAPSHOTS)],
            "model": [*NOT_NONE(real_field((3, 5))), RHO.T],
            "columns": [*NOT_NONE(TEXT), 1, [], [5], [-1], [0.0], [NAN], [None], [True]],
            "times": [*NOT_NONE(TEXT), 1, [], [0]],
        },
    ),
    Entry(
        "plot.lines",
        closing(plot.lines),
        {"data": dqm.Lines(ROW), "model": ROW},
        {
            "data": [*OBJECT, dqm.Series(T, RHO)],
            "model": [*NOT_NONE(real_field((8,))), ROW[:7]],
        },
    ),
    Entry(
        "plot.trajectories",
        closing(plot.trajectories),
        {"paths": PATHS, "grid": LINE, "rho": np.ones((3, 8)), "axis": 0, "most": 5},
        {
            "paths": OBJECT,
            "rho": real_field((3, 8)),
            "outcome": [*NOT_NONE(TEXT), np.ones(3), [1.0, NAN], [1j, 0.0]],
            "axis": [-1, 1, 0.5, *TEXT],
            "most": POSITIVE_WHOLE,
            "ax": AX,
        },
    ),
    Entry(
        "plot.phase_space_paths",
        closing(plot.phase_space_paths),
        {"paths": PHASE_PATHS},
        {"paths": [*OBJECT, PATHS], "outcome": [*NOT_NONE(TEXT), np.ones(3)], "ax": AX, **SCALES},
    ),
    Entry(
        "plot.calibration",
        closing(plot.calibration),
        {"found": dqm.Calibration({"x": np.arange(9)}, {}, 9, 9)},
        {"found": OBJECT, "ax": AX},
    ),
    Entry(
        "plot.posterior",
        closing(lambda recovery: recovery is GOOD or plot.posterior(recovery)),
        {"recovery": GOOD},
        {"recovery": [*OBJECT, dqm.Series(T, RHO)]},
    ),
    Entry(
        "plot.posterior, truth",
        closing(functools.partial(plot.posterior, FOUND)),
        {"truth": {"omega": 1.0}},
        {"truth": [*NOT_NONE(TEXT), 1.0, [], {}, {1: 1.0}, {"x": 1.0}]},
    ),
]
plt.close("all")
