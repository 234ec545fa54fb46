"""Bad input for the top level: `Grid`."""

import jax.numpy as jnp
import numpy as np

import dqmjax as dqm

from . import NAN, NUMBER, POSITIVE_WHOLE, TEXT, Entry, complex_field

GRID = dqm.Grid(-4.0, 4.0, 16)
PLANE = dqm.Grid((-4.0, -3.0), (4.0, 3.0), (8, 10))
FUNCTIONS = [  # of one point with one coordinate
    *TEXT,
    1.0,
    np.ones(16),
    lambda x: x[5],
    lambda x: x[1],
    lambda x: x[-2],
    lambda x: None,
    lambda x: "text",
    lambda x: np.sin(x[0]),
    lambda x: 1.0 if x[0] > 0 else 0.0,
    lambda x: float(x[0]),
]


EDGE = [*NUMBER, True, np.array([NAN]), [0.0, NAN], [0.0, 1.0], np.zeros((1, 1)), [[0.0]]]
ENTRIES = [
    Entry(
        "Grid",
        dqm.Grid,
        {"lower": -4.0, "upper": 4.0, "shape": 16, "isolated": False},
        {
            "lower": [*EDGE, 5.0, 4.0, -1.7e308 * 2],
            "upper": [*EDGE, -5.0, -4.0, 1.7e308 * 2],
            "shape": [*POSITIVE_WHOLE, 3, "16", 16.0, (16, 16), [16, 16.0], 2**31, np.float64(16)],
            "isolated": [*TEXT, 1, 0, NAN, [], np.ones(2)],
        },
    ),
    Entry(
        "Grid of far edges",
        lambda lower: dqm.Grid(lower, 1.7e308, 16),
        {"lower": 1.0},
        {"lower": [-1.7e308, -1e308]},
    ),
    Entry("Grid.integrate", GRID.integrate, {"f": np.ones(16)}, {"f": complex_field((16,))}),
    Entry("Grid.gradient", GRID.gradient, {"f": np.ones(16)}, {"f": complex_field((16,))}),
    Entry(
        "Grid.divergence",
        GRID.divergence,
        {"field": np.ones((16, 1))},
        {"field": [*complex_field((16, 1)), np.ones(16), np.ones((1, 16))]},
    ),
    Entry(
        "Grid.double_divergence",
        PLANE.double_divergence,
        {"tensor": np.ones((8, 10, 2, 2))},
        {"tensor": [*complex_field((8, 10, 2, 2)), np.ones((8, 10, 2)), np.ones((8, 10))]},
    ),
    Entry(
        "Grid.interpolate",
        GRID.interpolate,
        {"values": np.ones(16), "points": np.zeros((3, 1))},
        {
            "values": complex_field((16,)),
            "points": [*TEXT, NAN, np.zeros(3), np.zeros((3, 2)), np.full((3, 1), NAN)],
        },
    ),
    Entry("Grid.at_points", GRID.at_points, {"f": lambda x: jnp.sum(x)}, {"f": FUNCTIONS}),
]
