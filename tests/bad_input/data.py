"""Bad input for data sets: `Snapshots`, `Samples`, `Series`, `Lines`, `read_snapshots`."""

import numpy as np

import dqmjax as dqm

from . import INF, NAN, POSITIVE, POSITIVE_WHOLE, TEXT, TIMES, Entry, one, real_field

POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.5, 0.2]])
T = np.array([0.0, 0.1, 0.2])
RHO = np.full((3, 5), 0.1)
COUNTS = np.full((3, 5), 4)
SAMPLES = np.arange(24.0).reshape(3, 4, 2)
SNAPSHOTS = {
    "t": T,
    "points": POINTS,
    "density": RHO,
    "ell": np.ones(1),
    "kappa": 1.0,
    "hbar": 1.0,
}
SIGMA = [NAN, INF, 0.0, -1.0, 1j, [], np.ones(4), np.ones((5, 3)), "text", b"bytes", object(), {}]
SCALES = [np.ones(2), np.zeros(1), -np.ones(1), np.array([NAN]), np.array([INF]), np.ones((1, 1))]
OPTIONAL_WHOLE = [bad for bad in POSITIVE_WHOLE if bad is not None]
ARRAY = [*TEXT, [], [[0.0], [1.0, 2.0]]]


ENTRIES = [
    Entry(
        "Snapshots",
        dqm.Snapshots,
        SNAPSHOTS,
        {
            "t": [*TIMES, np.arange(3) + 1j],
            "points": [*real_field((5, 2)), POINTS[:, :1], POINTS[:1], np.ones((5, 3)), ARRAY[-1]],
            "density": [
                *real_field((3, 5)),
                -RHO,
                1e-30 * RHO,
                1e3 * RHO,
                0 * RHO,
                np.zeros((5, 3)),
            ],
            "ell": [*ARRAY, 1.0, *SCALES, np.ones(1) + 1j],
            "kappa": one(POSITIVE),
            "hbar": one(POSITIVE),
            "sigma": [*SIGMA, 1e-300],
            "description": [1, np.ones(2), b"bytes", None],
        },
    ),
    Entry(
        "PhotonNumbers",
        dqm.PhotonNumbers,
        {"t": T, "counts": COUNTS, "shots": 30, "ell": np.ones(1), "kappa": 1.0, "hbar": 1.0},
        {
            "t": [*TIMES, np.arange(3) + 1j],
            "counts": [COUNTS + 0.5, -COUNTS, 10 * COUNTS, COUNTS[0], "text", None],
            "shots": [NAN, 0, 10, -1, 0.5, "text"],
            "ell": SCALES,
            "kappa": one(POSITIVE),
            "hbar": one(POSITIVE),
        },
    ),
    Entry(
        "Parity",
        dqm.Parity,
        {"t": T, "even": COUNTS, "shots": 10, "points": POINTS},
        {
            "t": [*TIMES, np.arange(3) + 1j],
            "even": [COUNTS + 0.5, -COUNTS, 10 * COUNTS, COUNTS[0], "text", None],
            "shots": POSITIVE_WHOLE,
            "points": [POINTS[:, :1], POINTS[0], "text", None],
        },
    ),
    Entry(
        "Snapshots of counts",
        lambda **changed: dqm.Snapshots(**SNAPSHOTS, **changed),
        {"counts": COUNTS, "shots": 10},
        {
            "counts": [
                *[bad for bad in real_field((3, 5)) if bad is not None],
                3 * COUNTS,
                -COUNTS,
                0.5 * COUNTS,
                COUNTS.astype(float),
            ],
            "shots": [*POSITIVE_WHOLE, 3.5],
        },
    ),
    Entry(
        "Snapshots without counts",
        lambda shots: dqm.Snapshots(**SNAPSHOTS, shots=shots),
        {"shots": None},
        {"shots": [10, 1.5, 0, NAN]},
    ),
    Entry(
        "Samples",
        dqm.Samples,
        {"t": T, "points": SAMPLES, "ell": np.ones(1), "kappa": 1.0, "hbar": 1.0},
        {
            "t": TIMES,
            "points": [
                *[bad for bad in real_field((3, 4, 2)) if np.shape(bad) != (4, 5, 3)],
                np.ones((3, 4, 3)),
                np.ones((3, 4, 2)),
                SAMPLES[:, :1],
                SAMPLES * [1.0, 0.0],
                np.ones((4, 4, 2)),
                np.ones((3, 4)),
            ],
            "ell": [*ARRAY, 1.0, *SCALES],
            "kappa": one(POSITIVE),
            "hbar": one(POSITIVE),
        },
    ),
    Entry(
        "Series",
        dqm.Series,
        {"t": T, "values": RHO},
        {
            "t": TIMES,
            "values": [
                *[bad for bad in real_field((3, 5)) if np.shape(bad) not in ((3, 5, 2), ())],
                *TEXT,
                np.ones(()),
                np.ones((4, 5)),
                np.ones((5, 3)),
                np.full((3, 5), NAN),
                np.full((3, 5), -INF),
                np.ones((3, 5)) + 1j,
            ],
        },
    ),
    Entry(
        "Series with noise",
        lambda **changed: dqm.Series(T, RHO, **changed),
        {"sigma": 0.1, "points": np.arange(5.0)[:, None], "time_unit": "us"},
        {
            "sigma": SIGMA,
            "time_unit": [1, None, b"us"],
            "points": [
                *[bad for bad in real_field((5, 1)) if bad is not None],
                np.arange(5.0),
                np.ones((4, 1)),
            ],
        },
    ),
    Entry(
        "Series of counts",
        lambda values, shots: dqm.Series(T, values, shots=shots),
        {"values": np.array([0.0, 0.3, 1.0]), "shots": 10},
        {
            "values": [
                np.array([0.0, 0.35, 1.0]),
                np.array([0.0, 0.3, 1.1]),
                np.array([-0.1, 0.3, 1.0]),
                np.array([0.0, NAN, 1.0]),
                np.array([1 / 3, 0.5, 1.0]),
            ],
            "shots": [*OPTIONAL_WHOLE, -10, 10.0],
        },
    ),
    Entry(
        "Series of counts with sigma",
        lambda sigma: dqm.Series(T, np.zeros(3), sigma, shots=10),
        {"sigma": None},
        {"sigma": [0.1, np.ones(3)]},
    ),
    Entry(
        "Lines",
        dqm.Lines,
        {"values": np.arange(3.0), "sigma": 0.1, "transitions": np.array([[1, 0], [2, 0], [2, 1]])},
        {
            "values": [
                *[bad for bad in real_field((3,)) if np.shape(bad) not in ((4,), (2,))],
                np.ones((3, 1)),
            ],
            "sigma": SIGMA,
            "transitions": [
                *[bad for bad in TEXT if bad is not None],
                np.array([[1, 0], [2, 0]]),
                np.array([[1, 0], [2, 0], [2, -1]]),
                np.array([[1, 0], [2, 0], [2, 2]]),
                np.array([[1.5, 0], [2, 0], [2, 1]]),
                np.array([[1.0, 0], [2, 0], [2, 1]]),
                np.array([[1, NAN], [2, 0], [2, 1]]),
                np.array([[1, 0], [2, 0], [2, 1j]]),
                np.array([1, 2, 3]),
                np.ones((3, 3), int),
                [],
            ],
        },
    ),
    Entry(
        "Goodness of samples",
        lambda data: data.goodness(np.ones((3, 5)), 1.0),
        {"data": dqm.Series(T, RHO)},
        {"data": [dqm.Samples(T, SAMPLES, np.ones(1))]},
    ),
    Entry(
        "read_snapshots",
        dqm.read_snapshots,
        {"path": dqm.data.snapshots.DEMO},
        {"path": [None, 1, 1.5, True, b"bytes", object(), {}, [], np.ones(2)]},
    ),
]
