"""Bad input for potentials, Hamiltonians, wave functions, observables and interference."""

import jax.numpy as jnp
import numpy as np

import dqmjax as dqm
from dqmjax import interference, observables

from . import (
    INF,
    NAN,
    NOT_NEGATIVE,
    NUMBER,
    OBJECT,
    POSITIVE,
    TEXT,
    Entry,
    complex_field,
    each,
    one,
)

GRID, PLANE = dqm.Grid(-4.0, 4.0, 16), dqm.Grid((-4.0, -3.0), (4.0, 3.0), (8, 10))
PSI = np.asarray(dqm.gaussian(GRID, 0.0, 0.8))
FREE = dqm.Hamiltonian(dqm.Free())
HEAVY = dqm.Hamiltonian(dqm.Free(), (1.0, 2.0))  # of two axes
GRIDS = [*OBJECT, PLANE]
HAMILTONIANS = [*OBJECT, dqm.Free(), dqm.Hamiltonian]
POINT = [*TEXT, 1.0, np.array([NAN]), np.array([INF]), np.array([1j]), np.ones((1, 1)), np.ones(())]
POTENTIALS = [  # for one axis
    *TEXT,
    1.0,
    np.ones(16),
    lambda x: 0.0,
    lambda: 0.0,
    lambda x, y, t: 0.0,
]
VALUES = [  # V(x, t) that cannot be evaluated on `GRID`
    lambda x, t: x[5],
    lambda x, t: x[0] ** 2 + x[1] ** 2,
    lambda x, t: x[-2],
    lambda x, t: x,
    lambda x, t: jnp.ones(3),
    lambda x, t: None,
    lambda x, t: "text",
    lambda x, t: object(),
    lambda x, t: 1 / x[0],
    lambda x, t: jnp.log(x[0]),
    lambda x, t: NAN,
    lambda x, t: np.sin(x[0]),
    lambda x, t: 1.0 if x[0] > 0 else 0.0,
    dqm.Free() + (lambda x, t: x[3]),
]
PARAMETERS = {  # of each potential, with its good arguments
    dqm.Harmonic: (
        {"omega": 1.0, "mass": 1.0},
        {"omega": each(NOT_NEGATIVE), "mass": one(POSITIVE)},
    ),
    dqm.Anharmonic: (
        {"omega": 1.0, "cubic": 0.0, "quartic": 0.1},
        {"omega": one(NOT_NEGATIVE), "cubic": one(NUMBER), "quartic": one(NUMBER)},
    ),
    dqm.DoubleWell: (
        {"depth": 1.0, "half_distance": 1.0},
        {"depth": one(NOT_NEGATIVE), "half_distance": one(POSITIVE)},
    ),
    dqm.SechBarrier: (
        {"height": -1.0, "rate": 1.0},
        {"height": one(NUMBER), "rate": one(POSITIVE)},
    ),
    dqm.GaussianBarrier: (
        {"height": -1.0, "width": 1.0, "center": 0.0},
        {"height": one(NUMBER), "width": each(POSITIVE), "center": each(NUMBER)},
    ),
    dqm.Morse: (
        {"depth": 1.0, "rate": 1.0, "equilibrium": 0.0},
        {"depth": one(NOT_NEGATIVE), "rate": one(POSITIVE), "equilibrium": one(NUMBER)},
    ),
    dqm.OpticalLattice: (
        {"depth": -1.0, "wavenumber": 1.0},
        {"depth": one(NUMBER), "wavenumber": each(NOT_NEGATIVE)},
    ),
    dqm.Spline: (
        {"coefficients": np.ones(5), "lower": -1.0, "upper": 1.0},
        {
            "coefficients": [*NUMBER, 1.0, np.ones(3), np.ones((2, 5)), [1.0, 1.0, 1.0, NAN]],
            "lower": [*one(NUMBER), 1.0, 2.0],
            "upper": [*one(NUMBER), -1.0, -2.0],
        },
    ),
    dqm.SoftCoulomb: (
        {"charge": -1.0, "softening": 1.0},
        {"charge": one(NUMBER), "softening": one(POSITIVE)},
    ),
    dqm.AbsorbingEdges: (
        {"lower": -4.0, "upper": 4.0, "width": 4.0, "strength": 2.0},
        {
            "lower": [NAN, 1j, *TEXT, True, 4.0, 5.0, INF, np.ones(2), np.ones((1, 1))],
            "upper": [NAN, 1j, *TEXT, True, -4.0, -5.0, -INF, np.ones(2), np.ones((1, 1))],
            "width": each(POSITIVE),
            "strength": one(POSITIVE),
        },
    ),
    dqm.HenonHeiles: ({"coupling": -0.1}, {"coupling": one(NUMBER)}),
    dqm.Slits: (
        {"height": 1.0, "thickness": 1.0, "width": 1.0, "centers": (-1.0, 1.0)},
        {
            "height": one(NOT_NEGATIVE),
            "thickness": one(POSITIVE),
            "width": one(POSITIVE),
            "centers": [*NUMBER, (1.0, NAN), (1.0, 1j), ("a", "b"), np.ones((2, 2)), True],
        },
    ),
    dqm.Free: ({}, {}),
}
PLANAR = (dqm.HenonHeiles, dqm.Slits)


def potential_entries(kind, good, bad):
    """Entries of one class of potentials: its arguments, and those of a call and of the force."""
    axes = 2 if kind in PLANAR else 1
    x, potential = jnp.ones(axes), kind(**good)
    at = {"x": x, "t": 0.0}
    bad_at = {"x": POINT, "t": one(NUMBER)}
    if kind in PLANAR:
        bad_at = bad_at | {"x": [*POINT, np.ones(1), np.ones(3)]}
    yield Entry(kind.__name__, lambda **given: kind(**given)(x), good, bad)
    yield Entry(f"{kind.__name__}()", potential, at, bad_at)
    if kind is not dqm.AbsorbingEdges:
        yield Entry(f"{kind.__name__}().force", potential.force, at, bad_at)


def on_grid(potential):
    return dqm.Hamiltonian(potential).potential_on(GRID)


GAUSSIAN = {"grid": GRID, "center": 0.0, "width": 0.8, "momentum": 0.0, "hbar": 1.0}
COHERENT = {"grid": GRID, "center": 0.0, "momentum": 0.0, "omega": 1.0, "mass": 1.0, "hbar": 1.0}
STATE = {
    "grid": GRIDS[:-1],
    "center": [*each(NUMBER), 3.5, -3.9, 4.1, 1e300],
    "momentum": [*each(NUMBER), 5.5, -7.0, 1e300],
    "hbar": one(POSITIVE),
}
OF_OSCILLATOR = {"omega": [*each(POSITIVE), 1e-3, 1e4, 1e300], "mass": [*each(POSITIVE), 1e-3, 1e4]}
WIDTH = {"width": [*each(POSITIVE), 0.1, 1e-3, 3.0, 100.0, 1e300, 1e-300]}
ORDER = dict(GAUSSIAN) | {"phase": 0.0, "center": 1.0, "width": 0.6}

WITH_PSI = {"grid": GRIDS, "psi": complex_field((16,))}
OF = {"hamiltonian": HAMILTONIANS, "grid": GRIDS, "psi": complex_field((16,))}
OBSERVED = {"grid": GRID, "psi": PSI}
ENERGY = {"hamiltonian": FREE, "grid": GRID, "psi": PSI}
WAVE = np.ones((4, 3)) + 0j
COHERENCE = [*one(NUMBER), -0.1, 1.1, 1 + 1e-9]

ENTRIES = [
    *(e for kind, (good, bad) in PARAMETERS.items() for e in potential_entries(kind, good, bad)),
    Entry("potential + other", dqm.Free().__add__, {"other": dqm.Free()}, {"other": POTENTIALS}),
    Entry(
        "Hamiltonian",
        dqm.Hamiltonian,
        {"potential": dqm.Free(), "mass": 1.0, "hbar": 1.0, "rest_energy": 0.0},
        {
            "potential": POTENTIALS,
            "mass": [*POSITIVE, True, lambda x: 1.0, (1.0, -1.0), (1.0, NAN), ("a",)],
            "hbar": [*one(POSITIVE), lambda: 1.0],
            "rest_energy": one(NUMBER),
        },
    ),
    Entry("Hamiltonian.potential_on", on_grid, {"potential": dqm.Free()}, {"potential": VALUES}),
    Entry(
        "Hamiltonian.is_real",
        lambda potential: dqm.Hamiltonian(potential).is_real(1),
        {"potential": dqm.Free()},
        {"potential": [*VALUES[:8], *VALUES[-3:]]},
    ),
    Entry(
        "Hamiltonian.depends_on_time",
        lambda potential: dqm.Hamiltonian(potential).depends_on_time(1),
        {"potential": dqm.Free()},
        {"potential": [*VALUES[:8], *VALUES[-3:]]},
    ),
    Entry(
        "a layer that cannot absorb",
        lambda width, mass: dqm.Hamiltonian(
            dqm.Free() + dqm.AbsorbingEdges(-4.0, 4.0, width, 1.0), mass
        ).potential_on(GRID),
        {"width": 3.0, "mass": 1.0},
        {"width": [0.2, 1.0, 2.8, 1e-9, np.array(0.2)], "mass": [0.5, 1e-3, np.array([0.1])]},
        {"mass": "width"},
    ),
    *(
        Entry(
            f"Hamiltonian.{name}",
            getattr(FREE, name),
            {"grid": GRID},
            {"grid": OBJECT},
        )
        for name in ("potential_on", "masses", "kinetic", "kinetic_parts")
    ),
    Entry(
        "Hamiltonian of two axes",
        HEAVY.masses,
        {"grid": PLANE},
        {"grid": [GRID]},
        {"grid": "mass"},
    ),
    *(
        Entry(
            f"Hamiltonian.{name}, boost",
            lambda boost, name=name: getattr(FREE, name)(GRID, boost),
            {"boost": 0.0},
            {"boost": each(NUMBER)},
        )
        for name in ("kinetic", "kinetic_parts")
    ),
    Entry(
        "Hamiltonian.potential_on, t",
        lambda t: FREE.potential_on(GRID, t),
        {"t": 0.0},
        {"t": one(NUMBER)},
    ),
    *(
        Entry(
            f"Hamiltonian.{name}",
            getattr(FREE, name),
            {"grid": GRID, "psi": PSI},
            {"grid": OBJECT, "psi": complex_field((16,))},
        )
        for name in ("apply", "apply_kinetic")
    ),
    *(
        Entry(
            f"Hamiltonian.{name}",
            getattr(FREE, name),
            {"dim": 1},
            {"dim": [*TEXT, 0, -1, 1.0, NAN, True]},
        )
        for name in ("depends_on_time", "is_real")
    ),
    Entry(
        "gaussian",
        dqm.gaussian,
        GAUSSIAN | {"covariance": 0.0},
        STATE | WIDTH | {"covariance": [*each(NUMBER), 10.0, -10.0, 1e4, 1e300]},
    ),
    Entry("cat", dqm.cat, ORDER, STATE | WIDTH | {"phase": one(NUMBER)}),
    Entry(
        "cat that cancels itself",
        lambda center: dqm.cat(GRID, center, 0.6, phase=np.pi),
        {"center": 0.5},
        {"center": [0.0, 1e-9, -1e-12, np.zeros(1)]},
    ),
    Entry("coherent", dqm.coherent, COHERENT, STATE | OF_OSCILLATOR),
    Entry(
        "squeezed",
        dqm.squeezed,
        COHERENT | {"squeezing": 0.1},
        STATE | OF_OSCILLATOR | {"squeezing": [*each(NUMBER), 3.0, -3.0, 50.0, -50.0, 1e4]},
    ),
    Entry(
        "oscillator",
        dqm.oscillator,
        {"grid": GRID, "level": 1, "omega": 1.0, "mass": 1.0, "hbar": 1.0},
        {
            "grid": OBJECT,
            "level": [*TEXT, -1, 1.5, 1.0, NAN, True, (1, 1), (), [-1], 9, 12, 16, 1000, 10**12],
            "hbar": one(POSITIVE),
        }
        | OF_OSCILLATOR,
    ),
    *(
        Entry(f"observables.{name}", getattr(observables, name), OBSERVED, WITH_PSI)
        for name in ("norm", "mean_position", "position_variance", "momentum_density")
    ),
    Entry(
        "observables.fidelity",
        observables.fidelity,
        OBSERVED | {"other": PSI},
        {"grid": OBJECT, "psi": complex_field((16,)), "other": complex_field((16,))},
    ),
    *(
        Entry(
            f"observables.{name}",
            getattr(observables, name),
            OBSERVED | {"hbar": 1.0},
            {"grid": OBJECT, "psi": complex_field((16,)), "hbar": one(POSITIVE)},
        )
        for name in ("mean_momentum", "momentum_variance")
    ),
    Entry(
        "observables.kinetic_energy",
        observables.kinetic_energy,
        ENERGY | {"boost": 0.0},
        OF | {"boost": each(NUMBER)},
    ),
    *(
        Entry(f"observables.{name}", getattr(observables, name), ENERGY | {"t": 0.0}, bad)
        for name in ("potential_energy", "energy")
        for bad in (OF | {"t": one(NUMBER)},)
    ),
    Entry("observables.current", observables.current, ENERGY, OF),
    *(
        Entry(
            f"interference.{name}",
            getattr(interference, name),
            {"one": WAVE, "other": 1j * WAVE, "coherence": 0.5},
            {
                "one": [*complex_field((4, 3)), np.ones(()), 1.0, 1j],
                "other": [*complex_field((4, 3)), np.ones((1, 3)), np.ones((4, 1)), 1.0],
                "coherence": COHERENCE,
            },
        )
        for name in ("two_way_density", "fringe_visibility")
    ),
]
