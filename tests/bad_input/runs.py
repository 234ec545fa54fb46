"""Bad input for `run` and for many devices."""

import contextlib
import tempfile

import jax
import jax.numpy as jnp
import numpy as np

import dqmjax as dqm

from . import NAN, OBJECT, POSITIVE, POSITIVE_WHOLE, TEXT, TIMES, Entry
from .evolution import LINE, OBJECTS, Waiting

ONES = np.ones(4)
MESH = dqm.sharding.mesh(jax.devices()[:1])
NO_MESH = [*TEXT, 1.0, [], jax.devices(), LINE]
NO_FUNCTION = [*TEXT, 1.0, NAN, [], np.ones(3)]


def run(**given):
    """In a folder of its own, because texts are names of checkpoints."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        return dqm.run(**{"progress": False} | given)


def place(values=ONES, mesh=MESH, axis=0):
    return dqm.sharding.place(values, mesh, axis)


ENTRIES = [
    Entry(
        "run",
        run,
        {"stepper": Waiting(), "state": jnp.ones(3), "ts": [0.0, 1.0]},
        {
            "stepper": [*OBJECTS, LINE],
            "state": [*TEXT, [], jnp.array([1.0, np.nan]), np.array([np.inf])],
            "ts": [*TIMES, ["a", "b"], [True, False]],
            "substeps": POSITIVE_WHOLE,
            "observe": [x for x in NO_FUNCTION if x is not None] + [{1: len}, {"a": 1.0}],
            "until": [x for x in NO_FUNCTION if x is not None]
            + [lambda t, y: t, lambda t, y: y > 0],
            "every": POSITIVE,
            "progress": [*TEXT, 0, 1.0],
            "throw": [*OBJECTS, 0],
            "checkpoint": [object(), 1.0, NAN, [], b"bytes", {}, "a\0b", "", "/"],
        },
    ),
    Entry("load", dqm.load, {"path": "tests/storage/format-1.npz"}, {}),
    Entry("sharding.mesh", dqm.sharding.mesh, {}, {"devices": [*TEXT[:2], 1.0, [], [1], {}]}),
    Entry(
        "sharding.place",
        place,
        {},
        {"mesh": NO_MESH, "axis": [1, -2, 0.0, None, True, "first", 1j]},
    ),
    Entry(
        "sharding.batched",
        lambda mesh=MESH: dqm.sharding.batched(lambda x: x, mesh)(np.ones(3)),
        {},
        {"mesh": NO_MESH},
    ),
    Entry(
        "Grid.mesh",
        lambda mesh=MESH: dqm.Grid([-1.0, -1.0], [1.0, 1.0], (8, 8), mesh=mesh),
        {},
        {"mesh": [*(x for x in NO_MESH if x is not None), np.zeros(2)]},
    ),
    Entry(
        "Grid.place",
        lambda values: LINE.place(values),
        {"values": np.ones(16)},
        {"values": [*OBJECT, np.ones((16, 1))]},
    ),
]
