"""Errors that a user can cause and correct, and the checks that raise them."""

import os

import equinox as eqx
import jax
import numpy as np
from jax.core import Tracer


class InputError(ValueError):
    """An argument or a file that cannot be used; the message names it and the remedy."""


class InputFileError(InputError):
    """A file that cannot be used."""

    def __init__(self, path: str | os.PathLike[str], problem: str):
        super().__init__(f"{path}: {problem}")


def is_known(*trees) -> bool:
    """Whether all values are concrete, so that the host can check them: none is traced by JAX."""
    return not any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(trees))


def require(value, holds, message: str):
    """Returns `value`; raises where `holds` is false, now if it is known, else when computed.

    Raises:
        InputError: With `message`.
    """
    if not is_known(holds):
        return eqx.error_if(value, ~holds, message)
    if not holds:
        raise InputError(message)
    return value


def require_positive(**values):
    """Checks that known values are positive.

    Raises:
        InputError: Naming the argument and its value.
    """
    for name, value in values.items():
        if is_known(value) and not (np.asarray(value) > 0).all():
            raise InputError(f"`{name}` must be positive, but is {value}.")


def require_finite(**values):
    """Checks that known values are finite.

    Raises:
        InputError: Naming the argument and its value.
    """
    for name, value in values.items():
        if is_known(value) and not np.isfinite(value).all():
            raise InputError(f"`{name}` must be finite, but is {value}.")


def require_whole(least: int = 0, **values):
    """Checks that values are integers of at least `least`.

    Raises:
        InputError: Naming the argument and its value.
    """
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise InputError(f"`{name}` must be an integer of at least {least}, but is {value!r}.")


def require_increasing(**times):
    """Checks that times are a list of two or more, and, where known, finite and increasing.

    Raises:
        InputError: Naming the argument.
    """
    for name, t in times.items():
        if np.ndim(t) != 1 or np.size(t) < 2:
            shape = np.shape(t)
            raise InputError(
                f"`{name}` must be a list of two or more times, but has shape {shape}."
            )
        if is_known(t) and not (np.isfinite(t).all() and (np.diff(t) > 0).all()):
            raise InputError(
                f"`{name}` must be finite and strictly increasing: sort it and drop repeats."
            )


def require_shape(name: str, value, shape: tuple[int, ...]):
    """Checks the shape of an array.

    Raises:
        InputError: Naming the argument, its shape and the required one.
    """
    if np.shape(value) != shape:
        raise InputError(f"`{name}` must have shape {shape}, but has {np.shape(value)}.")


def require_real(name: str, value):
    """Checks that numbers are real.

    Raises:
        InputError: Naming the argument.
    """
    if np.iscomplexobj(value):
        raise InputError(f"`{name}` must be real, but is complex: take a part or the modulus.")
