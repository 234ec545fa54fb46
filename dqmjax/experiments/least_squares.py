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


def finite_or_stop(values: np.ndarray) -> np.ndarray:
    """`values`, if they are finite.

    Raises:
        FloatingPointError: If they are not.
    """
    if not np.isfinite(values).all():
        raise FloatingPointError
    return values
