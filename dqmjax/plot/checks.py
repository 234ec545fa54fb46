"""What the arguments of a figure must be."""

from collections.abc import Iterable, Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from ..data.abstract import numbers
from ..errors import InputError, positive, require_shape, require_type, require_whole


def axes(ax: Axes | None) -> Axes:
    """`ax`, by default the current ones.

    Raises:
        InputError: If it is something else.
    """
    if ax is None:
        return plt.gca()
    require_type(Axes, ax=ax)
    return ax


def scale(name: str, value) -> float:
    """`value`, if it is one positive number.

    Raises:
        InputError: If it is not.
    """
    require_shape(name, positive(name, value), ())
    return float(value)


def shaped(name: str, value, *shape: int | None) -> np.ndarray:
    """`value` as an array of finite real numbers; `None` in `shape` stands for any length.

    Raises:
        InputError: If it is not one.
    """
    array = numbers(name, value)
    fits = len(shape) == array.ndim and all(
        must in (None, n) for must, n in zip(shape, array.shape, strict=True)
    )
    if not fits:
        must = str(tuple("any" if n is None else n for n in shape)).replace("'", "")
        raise InputError(f"`{name}` must have shape {must}, but has {array.shape}.")
    return array


def indices(name: str, value, count: int, things: str) -> list[int]:
    """`value` as a list, if it contains indices of some of so many things.

    Raises:
        InputError: If it does not.
    """
    require_type(Iterable, **{name: value})
    chosen = list(value)
    for index in chosen:
        require_whole(0, **{name: index})
    if not chosen or max(chosen) >= count:
        raise InputError(f"`{name}` must be indices of the {count} {things}, but are {chosen}.")
    return chosen


def named(name: str, value) -> Mapping:
    """`value`, if it is a mapping with names as keys, not empty.

    Raises:
        InputError: If it is not.
    """
    require_type(Mapping, **{name: value})
    if not value:
        raise InputError(f"`{name}` must have at least one entry, but is empty.")
    for key in value:
        if not isinstance(key, str):
            raise InputError(f"`{name}` must have names as keys, but has {key!r}.")
    return value
