"""Bad input for Fock–Bargmann coefficients: `FockBargmann`, `readout`, `deviation`."""

import jax
import jax.numpy as jnp
import numpy as np
import qutip

import dqmjax as dqm
from dqmjax import readout

from . import (
    INF,
    NAN,
    NOT_NEGATIVE,
    POSITIVE,
    POSITIVE_WHOLE,
    TEXT,
    Entry,
    complex_field,
    real_field,
)

BASIS = dqm.FockBargmann(4)
TWO = dqm.FockBargmann((3, 3))
KET = np.array([1.0, 0.0, 0.0, 0.0])
RHO = np.outer(KET, KET)
GRID = dqm.Grid((-4.0, -4.0), (4.0, 4.0), (8, 8))
LINE = dqm.Grid((-4.0,), (4.0,), (8,))
POINT = np.zeros((1, 2))
FLOW = dqm.FokkerPlanck(dqm.Kerr(1.0))
NUMBERS = np.ones(16)
LEVELS = [*POSITIVE_WHOLE, 1, 0, -3, 4.0, np.float64(4), (4, 1), (4, 2.0), (), [4, None], "4"]
QUANTA = [NAN, INF, 1 + 1j, "text", b"bytes", {}, object(), -1, 0, 1.5, True, np.array([1, 2])]
ALPHA = [NAN, INF, -INF, complex(NAN, 0), 1j * INF, *TEXT, [], [0.1, 0.1], [[0.1]], [0.1j, 0.2]]
POINTS = [
    *[np.full((1, 2), x) for x in (NAN, INF, -INF, 1j)],
    *[np.zeros(shape) for shape in ((), (2,), (1, 1), (1, 3), (1, 4), (2, 1), (1, 1, 2))],
    *TEXT,
]
XI = [NAN, INF, *TEXT, [], [0.0], [0.0, NAN], [0.0, -INF], [0.0, 1j], [0.0] * 3, [[0.0, 0.0]]]
POWERS = [(-1,), (1.5,), (NAN,), (1, 0), (), (None,), (True,), 1, 1.0, *TEXT, [[1]], (1j,)]
BASES = [*TEXT, NAN, 4, (4,), TWO]
FLOWS = [*TEXT, 1.0, dqm.Kerr(1.0), lambda q, p: q[0]]
CLASH = dqm.FokkerPlanck(dqm.BoseHubbard(1.0, 1.0, 2))
AT_POINTS = [  # refused once they are evaluated
    lambda q, p: q[1],
    lambda q, p: q[0] * p[2],
    lambda q, p: q,
    lambda q, p: 1j * q[0],
    lambda q, p: np.float64("nan") * q[0],
    lambda q, p: 1 / q[0],
    lambda q, p: "text",
    lambda q, p: jax.lax.stop_gradient(q[0]),
    lambda q, p: jnp.floor(q[0]),
    lambda q, p: float(q[0]),
]
SYMBOLS = [
    *TEXT,
    1.0,
    lambda q: q[0],
    lambda q, p, t: q[0],
    lambda q, p, t=0.0: q[0] * t,
    lambda q, p, r: q[0],
    *AT_POINTS[:-3],
]
KETS = [*complex_field((4,)), np.ones((3,)), np.ones((1, 4))]
STATES = [*complex_field((4, 4)), KET, np.zeros((4, 5)), np.full((4, 4), complex(0, NAN))]
QUTIP = [
    *TEXT,
    1.0,
    KET,
    qutip.tensor(qutip.basis(4, 0), qutip.basis(4, 0)),
    qutip.basis(4, 0).dag(),
    qutip.to_super(qutip.qeye(4)),
    NAN * qutip.basis(4, 0),
    INF * qutip.basis(4, 0).proj(),
]
TS = [*TEXT, 1.0, [], [0.0], [0.0, NAN], [0.0, INF], [1e-3, 0.0], [0.0, 0.0], [0.1, 0.2]]
TS += [[[0.0, 1e-3]], [0.0, 9.0]]
AXES = [(1, 0), (0, 0), (2,), (-1,), (), None, "text", 0, (0.0,), (NAN,), ("0",), {}, object()]


MOMENT = {"basis": BASIS, "rho": RHO, "up": (0,), "down": (1,)}
SYMBOL = dqm.ordering.from_terms({(1, 1): 1.0})
ENTRIES = [
    Entry(
        "FockBargmann",
        dqm.FockBargmann,
        {"cutoff": 4, "ell": 1.0, "kappa": 1.0, "quanta": 2},
        {
            "cutoff": LEVELS,
            "ell": [*POSITIVE, (1.0, 1.0), (), (NAN,), (0.0,), np.ones((1, 1)), np.ones(2)],
            "kappa": [*POSITIVE, (1.0,), [1.0, 1.0], np.ones(1), np.ones(2), 1e-300, 1e300],
            "quanta": QUANTA,
        },
    ),
    Entry(
        "FockBargmann.coherent",
        BASIS.coherent,
        {"alpha": 0.01, "loss": 1e-8},
        {"alpha": ALPHA, "loss": [*NOT_NEGATIVE, [1e-8], np.ones(2)]},
    ),
    Entry(
        "FockBargmann.coherent_ket",
        BASIS.coherent_ket,
        {"alpha": 0.01, "loss": 1e-8},
        {"alpha": ALPHA, "loss": [*NOT_NEGATIVE, [1e-8], np.ones(2)]},
    ),
    Entry(
        "FockBargmann.coherent beyond the cut-off",
        BASIS.coherent,
        {"alpha": 0.01},
        {"alpha": [0.5, 1.5, -2j, [2.0], 40.0, 1e200]},
        {"alpha": "cutoff"},
    ),
    Entry("FockBargmann.pure", BASIS.pure, {"ket": KET}, {"ket": KETS}),
    Entry(
        "FockBargmann.from_qutip",
        BASIS.from_qutip,
        {"state": qutip.basis(4, 1), "loss": 0.0},
        {"state": QUTIP, "loss": NOT_NEGATIVE},
    ),
    Entry(
        "FockBargmann.from_qutip beyond the cut-off",
        BASIS.from_qutip,
        {"state": qutip.basis(4, 1)},
        {
            "state": [
                qutip.basis(8, 5),
                qutip.basis(45, 40),
                qutip.coherent(30, 1.5),
                qutip.coherent(30, 1.5).proj(),
                qutip.thermal_dm(30, 0.5),
            ]
        },
        {"state": "cutoff"},
    ),
    Entry(
        "FockBargmann.density",
        BASIS.density,
        {"coefficients": RHO, "points": POINT},
        {"coefficients": [*STATES[:-3], np.zeros((2, 2, 4, 4)), np.zeros((2, 4, 3))]},
    ),
    Entry(
        "FockBargmann.density at points",
        BASIS.density,
        {"coefficients": RHO, "points": POINT},
        {"points": POINTS},
    ),
    Entry("FockBargmann.amplitude", BASIS.amplitude, {"xi": np.zeros(2)}, {"xi": XI}),
    Entry("FockBargmann.overlaps", BASIS.overlaps, {"points": POINT}, {"points": POINTS}),
    Entry("FockBargmann.functions", BASIS.functions, {"points": POINT}, {"points": POINTS}),
    Entry("FockBargmann.numbers", BASIS.numbers, {"coefficients": RHO}, {"coefficients": STATES}),
    Entry(
        "FockBargmann.hermitian",
        BASIS.hermitian,
        {"numbers": NUMBERS},
        {"numbers": [x for x in real_field((16,)) if np.shape(x) != (16, 2)]},
    ),
    Entry("FockBargmann.edge_weight", BASIS.edge_weight, {"state": RHO}, {"state": STATES[:-3]}),
    Entry("FockBargmann.generator", BASIS.generator, {"flow": FLOW}, {"flow": FLOWS}),
    Entry(
        "FockBargmann.generator of other modes",
        BASIS.generator,
        {"flow": FLOW},
        {"flow": [CLASH, dqm.Damped(CLASH, 0.1)]},
        {"flow": "basis"},
    ),
    Entry(
        "FockBargmann.pattern",
        BASIS.pattern,
        {"flow": FLOW},
        {"flow": [dqm.FokkerPlanck(f) for f in AT_POINTS]},
        {"flow": "symbol"},
    ),
    Entry(
        "FockBargmann.ket_pattern",
        BASIS.ket_pattern,
        {"symbol": lambda q, p: q[0]},
        {"symbol": SYMBOLS},
    ),
    Entry(
        "readout.moment",
        readout.moment,
        MOMENT,
        {"basis": BASES[:-1], "rho": STATES, "up": POWERS, "down": POWERS},
    ),
    Entry("readout.moment elsewhere", readout.moment, MOMENT, {"basis": [TWO]}, {"basis": "rho"}),
    Entry(
        "readout.expectation",
        readout.expectation,
        {"basis": BASIS, "rho": RHO, "symbol": SYMBOL},
        {
            "basis": BASES[:-1],
            "rho": STATES,
            "symbol": [*TEXT, 1.0, dqm.Kerr(1.0), dqm.ordering.from_terms({(0,) * 4: 1.0})],
        },
    ),
    Entry(
        "readout.reduced",
        readout.reduced,
        {"basis": TWO, "rho": np.zeros((3,) * 4), "keep": (0,)},
        {
            "basis": BASES[:-1],
            "rho": complex_field((3,) * 4),
            "keep": AXES,
        },
    ),
    Entry(
        "readout.wehrl_entropy",
        readout.wehrl_entropy,
        {"grid": GRID, "rho": np.ones((8, 8)), "kappa": 1.0},
        {
            "grid": [*TEXT, 1.0],
            "rho": [*real_field((8, 8)), -np.ones((8, 8)), GRID.points[0], np.ones((1, 8))],
            "kappa": [*POSITIVE, [1.0, 1.0], 1e-320],
        },
    ),
    Entry(
        "readout.wehrl_entropy on a line",
        readout.wehrl_entropy,
        {"grid": GRID, "rho": np.ones((8, 8))},
        {"rho": [np.ones(8)]},
    ),
    Entry(
        "readout.marginal",
        readout.marginal,
        {"grid": GRID, "rho": np.ones((8, 8)), "axes": (0,)},
        {"grid": [*TEXT, 1.0], "rho": [*real_field((8, 8)), np.ones((1, 8))], "axes": AXES},
    ),
    Entry(
        "readout.sample",
        readout.sample,
        {"key": jax.random.key(0), "basis": BASIS, "rho": RHO, "count": 0},
        {
            "key": [*TEXT, 0, 1.0, NAN, np.zeros(2)],
            "basis": BASES[:-1],
            "rho": [*STATES, -RHO, 0 * RHO, RHO + 0.1j, RHO + np.eye(4, k=1)],
            "count": [*TEXT, NAN, INF, -1, 1.5, 1j, True],
        },
    ),
    Entry(
        "deviation",
        dqm.deviation,
        {
            "flow": FLOW,
            "degree": 4,
            "basis": dqm.FockBargmann(8),
            "state": dqm.FockBargmann(8).coherent(0.01),
            "ts": [0.0, 1e-3],
            "powers": [((0,), (1,))],
            "points": POINT,
        },
        {
            "flow": [*TEXT, 1.0, dqm.Kerr(1.0), dqm.Damped(FLOW, 0.1)],
            "degree": [*POSITIVE_WHOLE, 1, 0, -2],
            "basis": BASES[:-1],
            "state": [*complex_field((8, 8)), np.zeros(8)],
            "ts": TS[:-1],
            "powers": [[], (), *TEXT, 1.0, [1], [(0,)], [((0,), (-1,))], [((0, 0), (1, 0))]],
            "points": POINTS,
        },
    ),
]
