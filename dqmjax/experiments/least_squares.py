"""Least squares on the host, by SciPy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy

from .parameters import Vector

TIGHT = {"xtol": 1e-10, "ftol": 1e-10, "gtol": None}


def least_squares(
    residual: Callable, slope: Callable, start: Vector, bounds: tuple[Vector, Vector], tolerances
) -> Vector | None:
    """SciPy's, in a trust region; `None` where residual or slope are not finite."""

    def checked(x):
        return finite_or_stop(slope(x))

    if not np.isfinite(residual(start)).all():
        return None
    jac: Any = checked  # SciPy's stub accepts no function here
    settings = {"method": "trf", "x_scale": "jac", **tolerances}
    try:
        return scipy.optimize.least_squares(residual, start, jac, bounds=bounds, **settings).x
    except FloatingPointError:
        return None


def remembered(function: Callable) -> Callable:
    """The function, which does not compute the value at its last vector again."""
    last: dict[bytes, Any] = {}

    def call(x: Vector):
        key = x.tobytes()
        if key not in last:
            value = function(x)
            last.clear()
            last[key] = value
        return last[key]

    return call


def straight(residual: Callable, slope: Callable, start: Vector) -> Vector:
    """The end of one step of Gauss and Newton if it helps: the answer where all is linear."""
    here, rows = residual(start), slope(start)
    if not (np.isfinite(here).all() and np.isfinite(rows).all()):
        return start
    ahead = start - np.linalg.lstsq(rows, here)[0]
    return ahead if np.linalg.norm(residual(ahead)) < np.linalg.norm(here) else start


def finite_or_stop(values: np.ndarray) -> np.ndarray:
    """`values`, if they are finite.

    Raises:
        FloatingPointError: If they are not.
    """
    if not np.isfinite(values).all():
        raise FloatingPointError
    return values
