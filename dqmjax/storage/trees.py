"""Nested tuples, lists and dictionaries of arrays, stored as named arrays and their places."""

import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..errors import InputError

PACKAGE = __name__.partition(".")[0]
MOST_DEPTH = 32


def flattened(name: str, tree: Any) -> tuple[Any, dict[str, np.ndarray]]:
    """The places, of JSON's types, and the arrays of a tree; `name` is how their names begin.

    Raises:
        InputError: If it contains something else than numbers.
    """
    if tree is None:
        return None, {}
    if isinstance(tree, dict):
        inner = {str(key): flattened(f"{name}/{key}", value) for key, value in tree.items()}
        if len(inner) < len(tree) or any("/" in key for key in inner):
            raise InputError(f"`{name}` must have different names without '/': {list(tree)}.")
        spec = {"dict": {key: spec for key, (spec, _) in inner.items()}}
    elif isinstance(tree, tuple | list):
        inner = {str(i): flattened(f"{name}/{i}", value) for i, value in enumerate(tree)}
        kind = _kind_of(tree)
        spec = {kind: [spec for spec, _ in inner.values()]}
    else:
        return {"array": name}, {name: _numbers(name, tree)}
    return spec, {key: array for _, arrays in inner.values() for key, array in arrays.items()}


def restored(spec: Any, arrays: dict[str, np.ndarray], depth: int = 0) -> Any:
    """The tree again, with arrays of JAX.

    Raises:
        InputError: If the places are not those of the arrays, or JAX would round these.
    """
    if spec is None:
        return None
    if not isinstance(spec, dict) or len(spec) != 1 or depth > MOST_DEPTH:
        raise InputError("does not say where its arrays belong: write it again.")
    ((kind, inner),) = spec.items()
    if kind == "array" and isinstance(inner, str) and inner in arrays:
        return on_device(arrays[inner])
    if kind == "dict" and isinstance(inner, dict):
        return {key: restored(value, arrays, depth + 1) for key, value in inner.items()}
    if isinstance(inner, list):
        make, values = _class_of(kind), [restored(value, arrays, depth + 1) for value in inner]
        if make in (tuple, list):
            return make(values)
        if make is not None and len(values) == len(make._fields):
            return make(*values)
    raise InputError(f"has an entry of the unknown kind {kind!r}: write it again.")


def on_device(array: np.ndarray) -> jax.Array:
    """An array of JAX with the same type.

    Raises:
        InputError: If JAX is set to single precision and would round it.
    """
    found = jnp.asarray(array)
    if found.dtype != array.dtype:
        raise InputError(
            f"has numbers of type {array.dtype}, which JAX would round: set "
            "`jax.config.update('jax_enable_x64', True)` before."
        )
    return found


def _numbers(name: str, leaf) -> np.ndarray:
    try:
        array = np.asarray(leaf)
    except TypeError:
        array = np.array(None)
    if array.dtype.kind not in "biufc":
        raise InputError(
            f"`{name}` must be arrays of numbers in tuples, lists or dictionaries, but has "
            f"{type(leaf).__name__}."
        )
    return array


def _kind_of(tree: tuple | list) -> str:
    """Which sequence it is: a tuple, a list, or a named tuple of this package."""
    kind = type(tree)
    if kind in (tuple, list):
        return kind.__name__
    name = f"{kind.__module__}:{kind.__qualname__}"
    if _class_of(name) is not kind:
        raise InputError(f"a state of type {kind.__name__} cannot be saved: return a tuple.")
    return name


def _class_of(kind: str) -> Any:
    """That class; of others only the named tuples of this package, if they are imported."""
    if kind in ("tuple", "list"):
        return {"tuple": tuple, "list": list}[kind]
    module, _, name = kind.partition(":")
    found = getattr(sys.modules.get(module), name, None) if name.isidentifier() else None
    if module.partition(".")[0] != PACKAGE or not isinstance(found, type):
        return None
    return found if issubclass(found, tuple) and hasattr(found, "_fields") else None
