"""Bad input for the fields and the energy of (ρ, S), and for ordinary diffusion."""

import jax.numpy as jnp
import numpy as np

import dqmjax as dqm
from dqmjax import fields, ordinary_diffusion

from . import (
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
    real_field,
)

GRID, PLANE = dqm.Grid(-4.0, 4.0, 16), dqm.Grid((-4.0, -3.0), (4.0, 3.0), (8, 10))
FREE = dqm.Hamiltonian(dqm.Free())
PSI = np.asarray(dqm.gaussian(GRID, 0.0, 0.8))
GOOD = {"hamiltonian": FREE, "grid": GRID, "psi": PSI}
HAMILTONIANS = [*OBJECT, dqm.Free(), dqm.Hamiltonian]
PAIRS = (dqm.Hamiltonian(dqm.Free(), (1.0, 2.0)),)
BAD = {"hamiltonian": HAMILTONIANS, "grid": OBJECT, "psi": complex_field((16,))}
RHO, S = jnp.full(16, 1 / 8), jnp.zeros(16)
ENERGY = dqm.CanonicalEnergy(FREE, GRID)
MOTION = dqm.canonical_equations(ENERGY, GRID)
BRACKET = dqm.bracket(ENERGY, ENERGY, GRID)
POINTWISE = {"rho": RHO, "S": S}
RHOS = [*real_field((16,)), np.where(np.arange(16) == 3, 0.0, 0.1), -RHO]
FUNCTIONALS = [*TEXT, 1.0, np.ones(16), []]
DRIVEN = dqm.Hamiltonian(lambda x, t: jnp.sin(t) * x[0])
LOSSY = dqm.Hamiltonian(dqm.AbsorbingEdges(-4.0, 4.0, 3.0, 2.0))

ENTRIES = [
    *(
        Entry(f"fields.{name}", getattr(fields, name), GOOD, BAD)
        for name in (
            "drift_velocity",
            "diffusion_velocity",
            "quantum_potential",
            "uncertainty_product",
            "cross_term",
        )
    ),
    Entry("fields.ledger", fields.ledger, GOOD | {"t": 0.0}, BAD | {"t": one(NUMBER)}),
    Entry(
        "fields.entropy",
        fields.entropy,
        {"grid": GRID, "psi": PSI},
        {"grid": [*OBJECT, PLANE], "psi": complex_field((16,))},
        {"grid": "grid"},
    ),
    Entry(
        "fields.relativistic_energy",
        fields.relativistic_energy,
        GOOD | {"light_speed": 100.0, "t": 0.0},
        BAD | {"light_speed": [*one(POSITIVE), 0.1, 1e-3], "t": one(NUMBER)},
    ),
    Entry(
        "CanonicalEnergy",
        dqm.CanonicalEnergy,
        {"hamiltonian": FREE, "grid": GRID, "boost": 0.0},
        {"hamiltonian": HAMILTONIANS, "grid": OBJECT, "boost": each(NUMBER)},
    ),
    Entry(
        "CanonicalEnergy()",
        ENERGY,
        POINTWISE | {"t": 0.0},
        {
            "rho": [*real_field((16,)), -RHO],
            "S": real_field((16,)),
            "t": [1j, NAN, "text", b"bytes", True, np.zeros(2)],
        },
    ),
    Entry(
        "CanonicalEnergy of another potential",
        lambda potential: dqm.CanonicalEnergy(potential, GRID)(RHO, S),
        {"potential": FREE},
        {"potential": [DRIVEN, LOSSY, dqm.Hamiltonian(lambda x, t: x[1])]},
    ),
    Entry(
        "canonical_equations",
        dqm.canonical_equations,
        {"energy": ENERGY, "grid": GRID},
        {"energy": FUNCTIONALS, "grid": [*OBJECT, PLANE, dqm.Grid(-5.0, 5.0, 16)]},
    ),
    Entry(
        "canonical_equations of a functional",
        lambda energy: dqm.canonical_equations(energy, GRID)(RHO, S),
        {"energy": lambda rho, S: jnp.sum(rho * S)},
        {
            "energy": [
                lambda rho, S: rho,
                lambda rho, S: None,
                lambda rho, S: "text",
                lambda rho, S: 1j * jnp.sum(rho),
                lambda rho, S: jnp.sum(jnp.log(S)),
                lambda rho, S: rho[20],
                lambda rho, S: np.sum(np.sin(np.asarray(rho))),
            ]
        },
    ),
    Entry("canonical_equations()", MOTION, POINTWISE, {"rho": RHOS, "S": real_field((16,))}),
    Entry(
        "bracket",
        dqm.bracket,
        {"a": ENERGY, "b": ENERGY, "grid": GRID},
        {"a": FUNCTIONALS, "b": FUNCTIONALS, "grid": [*OBJECT, PLANE]},
    ),
    Entry("bracket()", BRACKET, POINTWISE, {"rho": RHOS, "S": real_field((16,))}),
    Entry(
        "diffuse",
        ordinary_diffusion.diffuse,
        {"grid": GRID, "rho": RHO, "diffusion": 0.5, "t": 1.0},
        {
            "grid": OBJECT,
            "rho": real_field((16,)),
            "diffusion": one(POSITIVE),
            "t": one(NOT_NEGATIVE),
        },
    ),
]
