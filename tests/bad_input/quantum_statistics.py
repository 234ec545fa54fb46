"""Bad input for `quantum_statistics`."""

import jax
import numpy as np

from dqmjax import quantum_statistics as st

from . import INF, KEY, NAN, NUMBER, OBJECT, POSITIVE, POSITIVE_WHOLE, Entry, one

KINDS = (st.MaxwellBoltzmann(), st.BoseEinstein(), st.FermiDirac())
LEVELS = np.array([0.0, 1.0, 2.0, 3.0])
OCCUPATIONS = [*NUMBER, 1, 1.0, [], [1.0, 2.0], [1, -1], [NAN, 1], [[1, 2]], [True, False], ["a"]]
ENERGIES = [*NUMBER, True, np.array([1.0, NAN]), [INF, 1.0], [1j], ["a"]]
LISTS = [1.0, [], np.ones((2, 2))]
WHOLE = {"particles": POSITIVE_WHOLE, "states": POSITIVE_WHOLE}
key = jax.random.key(0)

ENTRIES = [
    *(
        Entry(
            f"{type(k).__name__}.log_probability", k.log_probability, {"occupations": [1, 0]}, bad
        )
        for k in KINDS
        for bad in ({"occupations": OCCUPATIONS},)
    ),
    *(
        Entry(
            f"{type(k).__name__}.sample",
            k.sample,
            {"key": key, "particles": 2, "states": 4},
            WHOLE | {"key": KEY},
        )
        for k in KINDS
    ),
    Entry(
        "more fermions than states",
        lambda particles: KINDS[2].sample(key, particles, 4),
        {"particles": 2},
        {"particles": [5, 100]},
    ),
    *(
        Entry(
            f"{type(k).__name__}.mean_occupation",
            k.mean_occupation,
            {"energy": LEVELS + 1, "temperature": 1.0, "mu": 0.0},
            {"energy": ENERGIES, "temperature": one(POSITIVE), "mu": one(NUMBER)},
        )
        for k in KINDS
    ),
    Entry(
        "bosons above μ",
        lambda mu: KINDS[1].mean_occupation(LEVELS, 1.0, mu),
        {"mu": -1.0},
        {"mu": [0.0, 0.5, 3.0, 10.0, 1e300]},
    ),
    *(
        Entry(
            f"{type(k).__name__}.reduced_energy",
            k.reduced_energy,
            {"occupation": np.array([0.5, 0.1])},
            {"occupation": [*POSITIVE, True, [0.5, 0.0], [0.5, -1.0], [NAN, 0.5]]},
        )
        for k in KINDS
    ),
    Entry(
        "chemical_potential",
        st.chemical_potential,
        {"statistics": KINDS[2], "energies": LEVELS, "particles": 2.0, "temperature": 0.5},
        {
            "statistics": OBJECT,
            "energies": [*ENERGIES, *LISTS],
            "particles": [*one(POSITIVE), 4.0, 5.0, 100],
            "temperature": one(POSITIVE),
        },
    ),
    Entry("tersoff_bayer", st.tersoff_bayer, {"occupations": [1, 2]}, {"occupations": OCCUPATIONS}),
    Entry(
        "tersoff_bayer_monte_carlo",
        st.tersoff_bayer_monte_carlo,
        {"key": key, "occupations": [1, 2], "samples": 4},
        {"key": KEY, "occupations": OCCUPATIONS, "samples": [*POSITIVE_WHOLE, 1]},
    ),
]
