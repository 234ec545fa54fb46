"""What an object consists of, as text: to notice that a computation is continued with another."""

import dataclasses
import enum
import functools
import hashlib
import re
import types
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

MOST_DEPTH = 40
PACKAGE = __name__.partition(".")[0]
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def fingerprint(values: dict[str, Any]) -> dict[str, str]:
    """Every part of the values by its path: numbers as they are, arrays and code by checksums."""
    return _all(values, Seen(0, set()))


class Seen(NamedTuple):
    """How deep a part lies, and the functions that are described already."""

    depth: int
    functions: set[int]


def _described(name: str, value: Any, seen: Seen) -> dict[str, str]:
    inner = functools.partial(_all, seen=seen._replace(depth=seen.depth + 1))
    if seen.depth > MOST_DEPTH:
        return {name: type(value).__name__}
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | enum.Enum):
        return {name: repr(value)}
    if isinstance(value, jax.Array | np.ndarray | np.generic):
        return {name: _array(value)}
    if isinstance(value, Mesh):  # a run may continue on other devices
        return {name: repr(None)}
    if isinstance(value, type):
        return {name: _qualified(value)}
    if isinstance(value, dict):
        parts = {f"{name}[{key!r}]": part for key, part in value.items()}
        return {name: f"dict of {len(parts)}"} | inner(parts)
    if isinstance(value, frozenset | set):
        return {name: repr(sorted(map(repr, value)))}
    if isinstance(value, tuple | list):
        parts = {f"{name}[{i}]": part for i, part in enumerate(value)}
        return {name: f"{type(value).__name__} of {len(parts)}"} | inner(parts)
    if isinstance(value, functools.partial):
        parts = {f"{name}.{x}": getattr(value, x) for x in ("func", "args", "keywords")}
        return {name: "partial"} | inner(parts)
    if isinstance(value, types.MethodType):
        return inner({f"{name}.function": value.__func__, f"{name}.self": value.__self__})
    if isinstance(value, types.FunctionType):
        return _function(name, value, seen)
    if dataclasses.is_dataclass(value):
        parts = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    else:
        parts = getattr(value, "__dict__", {})
    kind = {name: _qualified(type(value))}
    if not parts:
        kind = {name: ADDRESS.sub("", repr(value))}
    wrapped = getattr(value, "__wrapped__", None)  # of a function that is compiled
    parts = {"__wrapped__": wrapped} if isinstance(wrapped, types.FunctionType) else parts
    return kind | inner({f"{name}.{key}": part for key, part in parts.items()})


def difference(before: dict[str, str], now: dict[str, str]) -> str | None:
    """The first part that differs, as a phrase; `None` if there is none."""
    for name in [*now, *(name for name in before if name not in now)]:
        one, other = before.get(name, "absent"), now.get(name, "absent")
        if one != other:
            return f"`{name}` was {one} and is {other}"
    return None


def _all(parts: dict[str, Any], seen: Seen) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, part in parts.items():
        found |= _described(name, part, seen)
    return found


def _function(name: str, function: types.FunctionType, seen: Seen) -> dict[str, str]:
    """Its name, its code, and the values that it uses beside its arguments."""
    code = function.__code__
    text = f"{function.__module__}.{function.__qualname__} {_code(code)}"
    if id(function) in seen.functions:
        return {name: text}
    seen.functions.add(id(function))
    parts = {
        f"{name}.{key}": cell.cell_contents
        for key, cell in zip(code.co_freevars, function.__closure__ or (), strict=True)
        if _is_filled(cell)
    }
    parts |= {f"{name}.default": function.__defaults__} if function.__defaults__ else {}
    outer = {key: function.__globals__[key] for key in _names(code) if key in function.__globals__}
    parts |= {f"{name}.{key}": x for key, x in outer.items() if _is_part(x, function)}
    return {name: text} | _all(parts, seen._replace(depth=seen.depth + 1))


def _is_part(value, function: types.FunctionType) -> bool:
    """Whether it is a number, an array, or a function beside this one that is not the package's."""
    if isinstance(value, types.FunctionType):
        is_package = (function.__module__ or "").partition(".")[0] == PACKAGE
        return value.__module__ == function.__module__ and not is_package
    return isinstance(value, bool | int | float | complex | str | np.ndarray | jax.Array)


def _is_filled(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _names(code: types.CodeType) -> set[str]:
    inner = (c for c in code.co_consts if isinstance(c, types.CodeType))
    return set(code.co_names).union(*map(_names, inner))


def _code(code: types.CodeType) -> str:
    """A checksum of the instructions and constants, without the places of lines."""
    consts = [_code(c) if isinstance(c, types.CodeType) else repr(c) for c in code.co_consts]
    text = repr((code.co_code, consts, code.co_names, code.co_varnames))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _array(value) -> str:
    """A number as it is, an array by its checksum."""
    if isinstance(value, jax.Array):
        if jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
            value = jax.random.key_data(value)
        if value.ndim:
            total = np.asarray(_checksum(value))
            return f"{value.dtype}{value.shape} {total[0]:08x}{total[1]:08x}"
    array = np.asarray(value)
    if array.ndim == 0:
        return repr(array.item())
    digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:12]
    return f"{array.dtype}{array.shape} {digest}"


@jax.jit
def _checksum(array: jax.Array) -> jax.Array:
    """Sums of all bits, each word times a number of its own, modulo 2³².

    They are the same however the array is divided among devices and processes.
    """
    parts = [array.real, array.imag] if jnp.iscomplexobj(array) else [array]
    place = jnp.zeros(array.shape, jnp.uint32)
    for axis, n in enumerate(array.shape):
        place = place * np.uint32(n) + jax.lax.broadcasted_iota(jnp.uint32, array.shape, axis)
    totals = jnp.zeros(2, jnp.uint32)
    for i, part in enumerate(parts):
        part = part.astype(jnp.int32) if part.dtype == bool else part
        words = jax.lax.bitcast_convert_type(part, jnp.uint32)
        words = words if words.ndim > array.ndim else words[..., None]
        for j in range(words.shape[-1]):
            word = words[..., j] ^ (words[..., j] >> 15)
            factor = (2 * place + 1) * np.uint32(0x9E3779B1) + np.uint32(2 * (2 * i + j))
            mixed = word * factor
            totals += jnp.stack([jnp.sum(mixed), jnp.sum((mixed ^ (mixed >> 13)) * factor)])
    return totals


def _qualified(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
