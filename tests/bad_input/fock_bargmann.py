"""Bad input for Fock–Bargmann coefficients: `FockBargmann`, `readout`, `deviation`."""

import jax
import jax.numpy as jnp
import numpy as np
import qutip

import dqmjax as dqm
from dqmjax import readout
from dqmjax.fock_bargmann.basis import cutoff_for

from . import (
    INF,
    NAN,
    NOT_NEGATIVE,
    NUMBER,
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
WIDE = dqm.Grid((-8.0,), (8.0,), (32,))
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
    lambda q, p, r: q[0],
    *AT_POINTS[:-3],
]
KETS = [*complex_field((4,)), np.ones((3,)), np.ones((1, 4))]
STATES = [*complex_field((4, 4)), KET, np.zeros((4, 5)), np.full((4, 4), complex(0, NAN))]
NO_STATES = [x for x in STATES if np.shape(x) != (4,)]
ALONE = [NAN, INF, -INF, *TEXT, [], [0.1, 0.1], [[0.1]]]  # real, one for each mode
REAL = [*ALONE, 1j]
N = [*TEXT, NAN, -1, 0.5, True, 4, 100, (1, 1), (), [None]]
LOSSES = [*NOT_NEGATIVE, [1e-8], np.ones(2)]
DENSITIES = [
    *TEXT,
    1.0,
    lambda q, p: q[0],
    lambda xi: xi[2],
    lambda xi: xi,
    lambda xi: 1j * xi[0],
    lambda xi: "text",
    lambda xi: NAN * xi[0],
    lambda xi: 1 / (0 * xi[0]),
    lambda xi: float(xi[0]),
]
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
    Entry("FockBargmann.fock", BASIS.fock, {"n": 1}, {"n": N}),
    Entry("FockBargmann.fock_ket", TWO.fock_ket, {"n": (1, 2)}, {"n": [*N[:-4], 1, (1, 3)]}),
    Entry(
        "FockBargmann.squeezed",
        BASIS.squeezed,
        {"alpha": 0.01, "r": 0.01, "phi": 0.1, "loss": 1e-7},
        {"alpha": ALPHA, "r": REAL, "phi": REAL, "loss": LOSSES},
    ),
    Entry(
        "FockBargmann.squeezed_ket of two modes",
        TWO.squeezed_ket,
        {"alpha": [0.001, 0.0], "r": [0.0, 0.0], "phi": [0.0, 0.0]},
        {name: [0.0, [0.0], [0.0] * 3, [NAN, 0.0], [[0.0, 0.0]]] for name in ("alpha", "r", "phi")},
    ),
    Entry(
        "FockBargmann.squeezed beyond the cut-off",
        BASIS.squeezed,
        {"alpha": 0.0, "r": 0.0, "phi": 0.0},
        {"alpha": [0.5, 1e200], "r": [0.5, -3.0, 800.0, 1e300]},
        {"alpha": "cutoff", "r": "cutoff"},
    ),
    Entry(
        "FockBargmann.cat",
        BASIS.cat,
        {"alpha": 0.01, "phase": 0.1, "loss": 1e-7},
        {"alpha": ALPHA, "phase": [*NUMBER, [0.0], np.ones(1)], "loss": LOSSES},
    ),
    Entry(
        "FockBargmann.cat that cancels", BASIS.cat, {"alpha": 0.1, "phase": np.pi}, {"alpha": [0.0]}
    ),
    Entry(
        "FockBargmann.cat beyond the cut-off",
        BASIS.cat_ket,
        {"alpha": 0.01},
        {"alpha": [1.0, 2j, 1e10]},
        {"alpha": "cutoff"},
    ),
    Entry(
        "FockBargmann.thermal",
        BASIS.thermal,
        {"nbar": 0.001, "loss": 1e-7},
        {"nbar": [*REAL, -0.1, -1e-300], "loss": LOSSES},
    ),
    Entry(
        "FockBargmann.thermal beyond the cut-off",
        BASIS.thermal,
        {"nbar": 0.001},
        {"nbar": [0.1, 5.0, 1e200]},
        {"nbar": "cutoff"},
    ),
    Entry(
        "FockBargmann.superposition",
        BASIS.superposition,
        {"kets": np.eye(4)[:2], "amplitudes": [1.0, 1j]},
        {
            "kets": [*complex_field((2, 4)), np.ones(4)],
            "amplitudes": [*TEXT[:-1], [NAN, 1.0], [[1.0, 1.0]], [0.0, 0.0]],
        },
    ),
    Entry(
        "FockBargmann.superposition of none",
        BASIS.superposition_ket,
        {"kets": np.eye(4)[:2], "amplitudes": [1.0, 1j]},
        {"amplitudes": [[1.0], [1.0] * 3, []]},
        {"amplitudes": "kets"},
    ),
    Entry(
        "FockBargmann.from_matrix",
        BASIS.from_matrix,
        {"array": np.eye(4), "levels": 4, "loss": 0.0},
        {
            "array": complex_field((4, 4)),
            "levels": [*TEXT[:2], *TEXT[3:], NAN, -1, (), (4, 1), 2.0, True],
            "loss": LOSSES,
        },
    ),
    Entry(
        "FockBargmann.from_matrix of other levels",
        TWO.from_matrix,
        {"array": np.eye(9)},
        {"array": [*complex_field((9, 9)), np.ones((9, 3)), np.ones(8), np.ones((1, 9))]},
    ),
    Entry("FockBargmann.to_qutip", BASIS.to_qutip, {"state": RHO}, {"state": NO_STATES}),
    Entry(
        "FockBargmann.from_husimi",
        BASIS.from_husimi,
        {"density": lambda xi: jnp.exp(-(xi[0] ** 2 + xi[1] ** 2) / 2), "loss": 1e-6},
        {"density": DENSITIES, "loss": LOSSES},
    ),
    Entry(
        "FockBargmann.from_wave",
        BASIS.from_wave,
        {"grid": WIDE, "psi": np.exp(-(WIDE.points[0] ** 2) / 2), "loss": 1e-8},
        {"grid": [*TEXT, 1.0], "psi": complex_field((32,)), "loss": LOSSES},
    ),
    Entry(
        "FockBargmann.from_wave beyond the cut-off",
        BASIS.from_wave,
        {"grid": WIDE, "psi": np.exp(-(WIDE.points[0] ** 2) / 2)},
        {"psi": [np.exp(-((WIDE.points[0] - 2) ** 2) / 2), np.ones(32)]},
        {"psi": "cutoff"},
    ),
    Entry(
        "FockBargmann.to_wave",
        BASIS.to_wave,
        {"grid": WIDE, "ket": KET, "loss": 1e-8},
        {"grid": [*TEXT, 1.0, LINE, GRID], "ket": KETS, "loss": LOSSES},
    ),
    Entry(
        "cutoff_for",
        cutoff_for,
        {"make": lambda n: dqm.FockBargmann(n).fock(1), "most": 8},
        {"make": [*TEXT, 4, KET], "most": POSITIVE_WHOLE},
    ),
    Entry(
        "readout.photon_numbers",
        readout.photon_numbers,
        {"basis": BASIS, "state": RHO},
        {"basis": BASES[:-1], "state": NO_STATES},
    ),
    Entry(
        "readout.parity",
        readout.parity,
        {"basis": BASIS, "state": RHO},
        {"basis": BASES[:-1], "state": NO_STATES},
    ),
    Entry(
        "readout.wigner",
        readout.wigner,
        {"basis": BASIS, "state": RHO, "points": POINT},
        {"basis": BASES[:-1], "state": NO_STATES, "points": POINTS},
    ),
    Entry(
        "readout.quadratures",
        readout.quadratures,
        {"basis": BASIS, "state": RHO, "x": np.zeros(3), "angle": 0.0, "mode": 0},
        {
            "basis": BASES[:-1],
            "state": NO_STATES,
            "x": [*TEXT, 1.0, [NAN], [1j], np.ones((2, 2))],
            "angle": [*NUMBER, [0.0, 1.0]],
            "mode": [*TEXT, -1, 1, 0.5, True, NAN, [0], (0,), np.zeros(1)],
        },
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
        {"basis": BASES[:-1], "rho": NO_STATES, "up": POWERS, "down": POWERS},
    ),
    Entry("readout.moment elsewhere", readout.moment, MOMENT, {"basis": [TWO]}, {"basis": "rho"}),
    Entry(
        "readout.expectation",
        readout.expectation,
        {"basis": BASIS, "rho": RHO, "symbol": SYMBOL},
        {
            "basis": BASES[:-1],
            "rho": NO_STATES,
            "symbol": [
                *TEXT,
                1.0,
                lambda q, p: jnp.cos(q[0]),
                dqm.ordering.from_terms({(0,) * 4: 1.0}),
            ],
        },
    ),
    Entry(
        "readout.reduced",
        readout.reduced,
        {"basis": TWO, "rho": np.zeros((3,) * 4), "keep": (0,)},
        {
            "basis": BASES[:-1],
            "rho": complex_field((3,) * 4)[:-6] + complex_field((3, 3)),
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
            "rho": [*NO_STATES, -RHO, 0 * RHO, RHO + 0.1j, RHO + np.eye(4, k=1)],
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
