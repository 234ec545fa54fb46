"""Errors that a user can cause and mend."""

import os

import equinox as eqx
import numpy as np
from jax.core import Tracer


class InputError(ValueError):
    """An argument or a file that cannot be used; the message names it and the remedy."""


class InputFileError(InputError):
    """A file that cannot be used."""

    def __init__(self, path: str | os.PathLike[str], problem: str):
        super().__init__(f"{path}: {problem}")


def require_positive(**values):
    """Refuses constants that are not positive; what is traced cannot be looked at.

    Raises:
        InputError: Naming the argument and its value.
    """
    for name, value in values.items():
        if not isinstance(value, Tracer) and not (np.asarray(value) > 0).all():
            raise InputError(f"`{name}` must be positive, but is {value}.")


def require(value, holds, message: str):
    """`value`, refused where `holds` is false: at once if that is known, else as it is computed.

    Raises:
        InputError: With `message`.
    """
    if isinstance(holds, Tracer):
        return eqx.error_if(value, ~holds, message)
    if not holds:
        raise InputError(message)
    return value


def require_shape(name: str, value, shape: tuple[int, ...]):
    """Refuses an array of another shape.

    Raises:
        InputError: Naming the argument, its shape and the one that it must have.
    """
    if np.shape(value) != shape:
        raise InputError(f"`{name}` must have shape {shape}, but has {np.shape(value)}.")


def require_real(name: str, value):
    """Refuses complex numbers.

    Raises:
        InputError: Naming the argument.
    """
    if np.iscomplexobj(value):
        raise InputError(f"`{name}` must be real, but are complex: take a part or the modulus.")
