"""Least squares on the host, by SciPy."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
import scipy

from .parameters import Vector

Value = TypeVar("Value")
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


class Remembered(Generic[Value]):
    """A function of a vector that does not compute its values at the last two vectors again.

    They are the best vector of a fit and a step from there that failed.
    """

    def __init__(self, function: Callable[[Vector], Value]):
        self._function = function
        self._last: dict[bytes, Value] = {}

    def __call__(self, x: Vector) -> Value:
        value = self.known(x)
        if value is None:
            value = self._function(x)
            self._last = dict([*self._last.items(), (x.tobytes(), value)][-2:])
        return value

    def known(self, x: Vector) -> Value | None:
        """The value if that was one of the last two vectors."""
        return self._last.get(x.tobytes())

    def forget(self):
        """Frees the memory."""
        self._last = {}


def gauss_newton(residual: Callable, slope: Callable, start: Vector) -> Vector:
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
