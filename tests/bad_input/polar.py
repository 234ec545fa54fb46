"""Bad input for density and phase."""

import numpy as np

import dqmjax as dqm

from . import INF, NAN, POSITIVE, TEXT, Entry, complex_field, real_field

GRID = dqm.Grid((-4.0,), (4.0,), (8,))
PLANE = dqm.Grid((-4.0, -4.0), (4.0, 4.0), (4, 4))
LINE, SQUARE = np.ones(8, complex), np.ones((4, 4), complex)
HBAR = [*POSITIVE, np.ones(2), np.ones(8), [1.0, 2.0], (), -np.ones(8)]
NO_WAVE = [
    *TEXT,
    *(1.0, 1j, NAN, np.ones(()), np.array([]), np.zeros((0, 4)), [], ["a", "b"], [None, 1.0]),
    *(np.full(8, bad) for bad in (NAN, INF, -INF, 1j * NAN, 1j * INF, complex(NAN, NAN))),
    *(np.where(np.arange(8) == n, bad, 1) for n in (0, 5) for bad in (NAN, INF, 1j * NAN)),
    *(np.where(np.eye(4) > 0, bad, 1) for bad in (NAN, INF, 1j * NAN)),
]
NO_RHO = [*NO_WAVE, LINE, -np.ones(8), np.where(np.arange(8) == 3, -1e-300, 1.0)]
NO_PHASE = [*real_field((8,)), LINE, SQUARE.real, np.ones((1, 8)), np.ones(1), [], [1.0], 1.0]
ENTRIES = [
    Entry(
        "to_canonical",
        dqm.to_canonical,
        {"psi": LINE, "hbar": 1.0, "like": np.ones(8)},
        {"psi": NO_WAVE, "hbar": HBAR, "like": [bad for bad in NO_PHASE if bad is not None]},
    ),
    Entry(
        "from_canonical",
        dqm.from_canonical,
        {"rho": np.ones(8), "S": np.ones(8), "hbar": 1.0},
        {
            "rho": [bad for bad in NO_RHO if np.ndim(bad) and np.size(bad)],
            "S": NO_PHASE,
            "hbar": HBAR,
        },
    ),
    Entry("charges", dqm.polar.charges, {"psi": SQUARE}, {"psi": [*NO_WAVE, LINE, np.ones(4)]}),
    Entry("windings", dqm.polar.windings, {"psi": LINE}, {"psi": NO_WAVE}),
    Entry(
        "inspect_phase",
        dqm.polar.inspect_phase,
        {"grid": GRID, "psi": LINE, "accuracy": 1e-6},
        {
            "grid": [*TEXT, 1.0, 8, (8,), dqm.Grid, LINE],
            "psi": [*complex_field((8,)), SQUARE, np.zeros(8), np.ones(1), 1.0, []],
            "accuracy": [*POSITIVE, 1e-17, 1e-300, np.ones(2), [1e-6]],
        },
    ),
]
