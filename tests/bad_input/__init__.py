"""Bad input for the whole public surface, as tables: one module for each room of the package.

Every bad value must raise an `InputError` that names the argument, in less than a second.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

NAN, INF = float("nan"), float("inf")


class Entry(NamedTuple):
    """A public callable with good arguments, and bad values for each of them."""

    name: str
    call: Callable
    good: dict[str, Any]
    bad: dict[str, Any]
    says: dict[str, str] = {}  # noqa: RUF012  # the name in the message, where it is another one


TEXT = ["text", b"bytes", None, object(), {}]
NUMBER = [NAN, INF, -INF, 1 + 1j, *TEXT, np.array([])]
NOT_NEGATIVE = [*NUMBER, -1.0, -1e-300]
POSITIVE = [*NOT_NEGATIVE, 0.0]
POSITIVE_WHOLE = [*POSITIVE, 1.5, True, np.array([1, 2])]
TIMES = [
    *TEXT,
    1.0,
    [],
    [0.0],
    [0.0, NAN],
    [0.0, INF],
    [1.0, 0.0],
    [0.0, 0.0],
    [[0.0, 1.0]],
    [0, 1j],
]
KEY = [*TEXT, 1, 1.0, np.ones(2), np.zeros(2, int), np.zeros(3, np.uint32)]
OBJECT = [*TEXT, 1.0, NAN, [], (), np.ones(3), lambda: None]  # where one of ours is due


def one(values: list) -> list:
    """Bad values for one number."""
    return [*values, True, np.array(NAN), np.ones(2), [1.0, 2.0], np.ones((1, 1))]


def each(values: list, axes: int = 1) -> list:
    """Bad values for one number or one per axis."""
    with_one = [np.array([*[1.0] * (axes - 1), bad]) for bad in values if np.isscalar(bad)]
    wrong = [np.ones(axes + 1), np.ones((axes, 1)), [1.0] * (axes + 2)]
    return [*values, *with_one, *wrong, True]


def real_field(shape: tuple[int, ...]) -> list:
    """Bad values for a real array of a given shape."""
    return [*complex_field(shape), np.ones(shape) + 1j]


def complex_field(shape: tuple[int, ...]) -> list:
    """Bad values for an array of a given shape."""
    one_wrong = [_with(shape, value) for value in (NAN, INF, -INF)]
    larger, smaller = np.ones([n + 1 for n in shape]), np.ones([n - 1 for n in shape])
    return [*one_wrong, larger, smaller, np.ones((*shape, 2)), np.ones(()), *TEXT]


def _with(shape: tuple[int, ...], value: float) -> np.ndarray:
    field = np.ones(shape)
    field[(0,) * len(shape)] = value
    return field
