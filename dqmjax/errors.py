"""Errors that a user can cause and correct, and the checks that raise them."""

import contextlib
import dataclasses
import functools
import os
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer


class InputError(ValueError):
    """An argument or a file that cannot be used; the message names it and the remedy.

    Example:
        >>> try:
        ...     dqm.Grid(8.0, -8.0, 64)
        ... except dqm.InputError as error:
        ...     print(error)
        `lower` must be below `upper`, at a finite distance, but they are 8.0 and -8.0.
    """


class InputFileError(InputError):
    """A file that cannot be used."""

    def __init__(self, path: str | os.PathLike[str], problem: str):
        super().__init__(f"{path}: {problem}")


def is_known(*trees) -> bool:
    """Whether the host can check all values: JAX traces none, and no other process has a part."""
    return not any(map(_is_elsewhere, jax.tree.leaves(trees)))


def is_traced(*trees) -> bool:
    """Whether JAX traces any value."""
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(trees))


def _is_elsewhere(leaf) -> bool:
    if isinstance(leaf, Tracer):
        return True
    return isinstance(leaf, Array) and not (leaf.is_fully_addressable or leaf.is_fully_replicated)


def require(value, holds, message: str):
    """Returns `value`; where `holds` is false it raises, or gives NaN if `holds` is traced.

    A traced function cannot raise. Its NaN spreads to every result, and `solve` reports it as a
    status.

    Raises:
        InputError: With `message`, if `holds` is known.
    """
    if not is_known(holds):
        return jax.tree.map(lambda leaf: leaf * _one_or_nan(holds), value)
    if not np.all(holds):
        raise InputError(message)
    return value


def compiled(function: Callable) -> Callable:
    """`function` as one program: operation by operation, a first call would compile each of them.

    What its checks refuse is NaN or an error there. The function then runs once more, without
    compilation, to name the values that it refuses.
    """
    program = eqx.filter_jit(function)

    @functools.wraps(function)
    def call(*args, **kwargs):
        given = jax.tree.leaves((args, kwargs))
        if is_known(given) and not any(isinstance(leaf, bool) for leaf in given):  # True is not 1
            with contextlib.suppress(InputError, TypeError):  # also of arrays of text
                by_name = {name: _traceable(value) for name, value in kwargs.items()}
                result = program(*map(_traceable, args), **by_name)
                if not any(np.isnan(leaf).any() for leaf in jax.tree.leaves(result)):
                    return result
        return function(*args, **kwargs)

    return call


def _traceable(value):
    """Numbers, other than integers, as arrays: new values need no new program."""
    is_list = isinstance(value, tuple | list)
    numbers = value if is_list else [value]
    is_number = lambda x: isinstance(x, int | float | complex | np.number)
    has_fraction = any(isinstance(x, float | complex | np.inexact) for x in numbers)
    return jnp.asarray(value) if has_fraction and all(map(is_number, numbers)) else value


def _one_or_nan(holds) -> Array:
    """A factor, so that derivatives are NaN as well: those of `jnp.where` would be 0."""
    return jnp.where(holds, 1.0, jnp.nan)


def real(name: str, value, shape: tuple[int, ...] | None = None) -> Any:
    """`value`, if its numbers are real and not NaN; otherwise as `finite`."""
    return _checked(name, value, shape, "be a number", lambda x: x == x)


def finite(name: str, value, shape: tuple[int, ...] | None = None) -> Any:
    """`value`, if its numbers are real and finite; see `require`. `shape` is () for one number."""
    return _checked(name, value, shape, "be finite", lambda x: abs(x) < np.inf)


def positive(name: str, value, shape: tuple[int, ...] | None = None) -> Any:
    """`value`, if its numbers are real, positive and finite; otherwise as `finite`."""
    return _checked(name, value, shape, "be positive and finite", lambda x: (x > 0) & (x < np.inf))


def not_negative(name: str, value, shape: tuple[int, ...] | None = None) -> Any:
    """`value`, if its numbers are real, finite and at least 0; otherwise as `finite`."""
    must = "be finite and not negative"
    return _checked(name, value, shape, must, lambda x: (x >= 0) & (x < np.inf))


def _checked(name: str, value, shape: tuple[int, ...] | None, must: str, holds: Callable):
    """`value`, one or more real numbers, all of which `holds` accepts.

    Raises:
        InputError: Naming the argument, what it must be and what it is.
    """
    array = _numbers(name, value)
    require_real(name, array)
    if shape is not None:
        require_shape(name, array, shape)
    if not array.size:
        raise InputError(f"`{name}` must have one or more numbers, but is empty.")
    if not is_known(value):
        return array * _one_or_nan(holds(array))
    if not holds(array).all():
        raise InputError(f"`{name}` must {must}, but is {value}.")
    return value


def field(name: str, value, shape: tuple[int, ...] | None = None) -> Array:
    """`value`, real or complex numbers, as an array of that shape, if it is given.

    Raises:
        InputError: If it is no such array, or is known and contains NaN or infinity.
    """
    array = _numbers(name, value)
    if shape is not None:
        require_shape(name, array, shape)
    require_finite(**{name: array})
    # at once: `jnp.asarray` of a NumPy array compiles a program for each shape
    return jax.device_put(array) if isinstance(array, np.ndarray) else array


def real_field(name: str, value, shape: tuple[int, ...]) -> Array:
    """`field` of real numbers."""
    require_real(name, value)
    return field(name, value, shape)


def _numbers(name: str, value) -> np.ndarray | Array:
    """Real or complex numbers as an array."""
    try:
        array = np.asarray(value) if is_known(value) else jnp.asarray(value)
    except (TypeError, ValueError):
        raise InputError(f"`{name}` must be numbers, but is {value!r}.") from None
    if array.dtype.kind not in "iufc":
        raise InputError(f"`{name}` must be numbers, but is {value!r}.")
    return array


def checked_again(tree) -> list:
    """What the checks of all modules in `tree` make of their fields: a bad traced one is NaN.

    `eqx.tree_at` and transformations replace fields without these checks.

    Raises:
        InputError: If a known field is bad.
    """
    found = []
    is_inner = lambda x: isinstance(x, eqx.Module) and x is not tree
    for module in filter(is_inner, jax.tree.leaves(tree, is_leaf=is_inner)):
        found += checked_again(module)
    if isinstance(tree, eqx.Module):
        for each in dataclasses.fields(tree):
            convert = each.metadata.get("converter", lambda value: None)
            found.append(convert(getattr(tree, each.name)))
        getattr(tree, "__check_init__", lambda: None)()
    return found


def require_instance(kind: type, **values):
    """Checks that values are objects of a class.

    Raises:
        InputError: Naming the argument, the class and the value.
    """
    for name, value in values.items():
        if not isinstance(value, kind):
            raise InputError(f"`{name}` must be a `{kind.__name__}`, but is {value!r}.")


def require_type(kind: type | tuple[type, ...], **values):
    """Checks that values are of a type.

    Raises:
        InputError: Naming the argument, the type and that of the value.
    """
    for name, value in values.items():
        if not isinstance(value, kind):
            kinds = kind if isinstance(kind, tuple) else (kind,)
            must = " or ".join(f"`{k.__name__}`" for k in kinds)
            raise InputError(f"`{name}` must be of type {must}, but is {type(value).__name__}.")


def require_key(**keys):
    """Checks that values are keys of random numbers.

    Raises:
        InputError: Naming the argument.
    """
    for name, key in keys.items():
        is_array = isinstance(key, Array | np.ndarray)
        is_new = is_array and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
        shape = () if is_new else (2,)  # keys of the former kind are two numbers
        if not is_array or key.shape != shape or not (is_new or key.dtype == np.uint32):
            raise InputError(
                f"`{name}` must be a key, such as `jax.random.key(0)`, but is {key!r}."
            )


def require_finite(**values):
    """Checks that known arrays, real or complex, are finite.

    Raises:
        InputError: Naming the argument.
    """
    for name, value in values.items():
        if is_known(value) and not np.isfinite(value).all():
            raise InputError(f"`{name}` must be finite, but contains NaN or infinity.")


def require_whole(least: int = 0, **values):
    """Checks that values are integers of at least `least`.

    Raises:
        InputError: Naming the argument and its value.
    """
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise InputError(f"`{name}` must be an integer of at least {least}, but is {value!r}.")


def require_increasing(least: int = 2, **times):
    """Checks that times are a list of as many or more, and, where known, finite and increasing.

    Raises:
        InputError: Naming the argument.
    """
    for name, t in times.items():
        require_real(name, _numbers(name, t))
        if np.ndim(t) != 1 or np.size(t) < least:
            many = "two or more times" if least == 2 else "times"
            raise InputError(f"`{name}` must be a list of {many}, but has shape {np.shape(t)}.")
        if is_known(t) and not (np.isfinite(t).all() and (np.diff(t) > 0).all()):
            raise InputError(
                f"`{name}` must be finite and strictly increasing: sort it and drop repeats."
            )


def positive_list(name: str, values) -> Any:
    """Positive numbers, as a list."""
    values = positive(name, values)
    if np.ndim(values) != 1:
        raise InputError(f"`{name}` must be a list of numbers, but has shape {np.shape(values)}.")
    return values


def require_shape(name: str, value, shape: tuple[int, ...]):
    """Checks the shape of an array.

    Raises:
        InputError: Naming the argument, its shape and the required one.
    """
    given = np.shape(value) if is_known(value) else getattr(value, "shape", None)
    if given != shape:
        raise InputError(f"`{name}` must have shape {shape}, but has {given}.")


def require_real(name: str, value):
    """Checks that numbers are real.

    Raises:
        InputError: Naming the argument.
    """
    if np.iscomplexobj(value):
        raise InputError(f"`{name}` must be real, but is complex: take a part or the modulus.")
