"""Bad input for levels and states."""

import jax.numpy as jnp
import numpy as np

import dqmjax as dqm

from . import INF, NAN, POSITIVE, TEXT, Entry

GRID = dqm.Grid((-4.0,), (4.0,), (16,))
PLANE = dqm.Grid((-4.0, -4.0), (4.0, 4.0), (14, 14))
GOOD = dqm.Hamiltonian(dqm.Harmonic())
KINDS = [*TEXT, 1.0, 0, NAN, INF, 1j, True, np.ones(16), [1.0], (), lambda x, t: 0.0]
POTENTIALS = [
    lambda x, t: x[0] ** 2 * NAN,
    lambda x, t: INF * x[0] ** 2,
    lambda x, t: 1 / (0 * x[0]),
    lambda x, t: jnp.log(x[0]),
    lambda x, t: jnp.sqrt(x[0]),
    lambda x, t: 1j * x[0],
    lambda x, t: x[0] ** 2 + 0j,
    lambda x, t: x[0] + x[1],
    lambda x, t: x[5],
    lambda x, t: x,
    lambda x, t: jnp.ones(2),
    lambda x, t: jnp.ones((1, 1)),
    lambda x, t: "text",
    lambda x, t: None,
    lambda x, t: object(),
    lambda x, t: {},
    dqm.AbsorbingEdges(-4.0, 4.0, 2.0, 1.0),
    dqm.Harmonic() + (lambda x, t: -1j),
    dqm.Harmonic() + (lambda x, t: x[1]),
]
UNRESOLVED = [
    dqm.GaussianBarrier(-100.0, 0.05, 0.25),
    dqm.GaussianBarrier(-500.0, 0.03, 0.13),
    dqm.DoubleWell(100.0, 2.0),
    dqm.Harmonic(40.0),
    lambda x, t: jnp.where(jnp.abs(x[0]) < 0.7, -100.0, 0.0),
]
MASSES = [(1.0, 1.0), (1.0, 1.0, 1.0), np.ones(2), np.ones(16), np.ones((1, 1))]


def entries(name, solve, least):
    """The table of `eigenstates` or `ground_state`, least its arguments without a default."""
    of_one = lambda potential: solve(dqm.Hamiltonian(potential), GRID, **least)
    of_mass = lambda mass: solve(dqm.Hamiltonian(dqm.Harmonic(), mass), GRID, **least)
    of_plane = lambda mass: solve(dqm.Hamiltonian(dqm.Harmonic(), mass), PLANE, **least)
    isolated = lambda grid: solve(dqm.Hamiltonian(dqm.Harmonic(0.5)), grid, **least)
    good = {"hamiltonian": GOOD, "grid": GRID, "tolerance": 1e-7, **least}
    return [
        Entry(
            name,
            solve,
            good,
            {
                "hamiltonian": [*KINDS, GRID, dqm.Harmonic(), dqm.Hamiltonian],
                "grid": [*KINDS, GOOD, dqm.Grid, (16,), (-4.0, 4.0, 16)],
                "tolerance": [*(bad for bad in POSITIVE if bad is not None), np.ones(2), [1e-7]],
            },
        ),
        Entry(f"{name}: V", of_one, {"potential": dqm.Harmonic()}, {"potential": POTENTIALS}),
        Entry(
            f"{name}: axes of V",
            of_one,
            {"potential": dqm.Harmonic(1.0)},
            {"potential": [dqm.Harmonic(np.ones(n)) for n in (2, 3, 16)]},
            {"potential": "omega"},
        ),
        Entry(
            f"{name}: resolution",
            of_one,
            {"potential": dqm.Harmonic()},
            {"potential": UNRESOLVED},
            {"potential": "grid"},
        ),
        Entry(
            f"{name}: mass",
            of_mass,
            {"mass": 1.0},
            {"mass": [*MASSES, *POSITIVE, -np.ones(1), lambda x: 1.0]},
        ),
        Entry(
            f"{name}: masses",
            of_plane,
            {"mass": (1.0, 1.1)},
            {"mass": [np.ones(3), (1.0, -1.0), (1.0, NAN), (1.0, INF), (0.0, 1.0), (1.0, 1j)]},
        ),
        Entry(
            f"{name}: edge",
            isolated,
            {"grid": dqm.Grid(-7.0, 7.0, 24, isolated=True)},
            {"grid": [dqm.Grid(-a, a, 24, isolated=True) for a in (0.5, 1.0, 2.0, 3.0)]},
        ),
    ]


ENTRIES = [
    Entry(
        "ground_density",
        dqm.ground_density,
        {"hamiltonian": GOOD, "grid": GRID, "interaction": jnp.sum, "tolerance": 1e-6},
        {
            "hamiltonian": [*KINDS, GRID, dqm.Harmonic(), dqm.Hamiltonian],
            "grid": [*KINDS, GOOD, dqm.Grid, (16,)],
            "interaction": [*KINDS, 1.0, jnp.cos, lambda rho: 1j * jnp.sum(rho), lambda: 1.0],
            "total": [*POSITIVE, np.ones(2)],
            "tolerance": [*POSITIVE, np.ones(2)],
            "most": [0, -1, 1.5, True, *TEXT],
        },
    ),
    *entries("eigenstates", dqm.eigenstates, {"count": 2}),
    *entries("ground_state", dqm.ground_state, {}),
    Entry(
        "eigenstates",
        dqm.eigenstates,
        {"hamiltonian": GOOD, "grid": GRID, "count": 2},
        {
            "count": [
                *(0, -1, -(10**9), 17, 64, 10**9, 10**30, 0.0, 1.0, 2.0, 1.5, NAN, INF, -INF, 1j),
                *(True, False, (), [], [1], (2,), np.ones(1), np.array([1, 2]), np.array(2.0)),
                *TEXT,
            ]
        },
    ),
]
