"""What an object consists of, as text: to notice that a computation is continued with another.

Numbers are written as they are, arrays and code as checksums. Of functions and classes that are not
those of an installed package, the code counts and all values that it uses.
"""

import dataclasses
import enum
import functools
import hashlib
import re
import sys
import types
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

MOST_DEPTH, MOST_PARTS = 40, 20_000
PACKAGE = __name__.partition(".")[0]
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
PLAIN = (type(None), bool, int, float, complex, str, bytes)
GENERATED = ("__annot", "_abc", "__data")  # what Python and dataclasses add to classes
SKIPPED = {"__dict__", "__weakref__", "__doc__", "__module__", "__qualname__", "__firstlineno__"}


def fingerprint(values: dict[str, Any]) -> dict[str, str]:
    """Every part of the values by its path."""
    reader = _Reader()
    for name, value in values.items():
        reader.read(name, value)
    return reader.found


def difference(before: dict[str, str], now: dict[str, str]) -> str | None:
    """The first part that differs, as a phrase; `None` if there is none."""
    for name in [*now, *(name for name in before if name not in now)]:
        one, other = before.get(name, "absent"), now.get(name, "absent")
        if one != other:
            return f"`{name}` was {one} and is {other}"
    return None


class _Reader:
    """Goes through values and what they consist of, and notes every part once."""

    def __init__(self):
        self.found: dict[str, str] = {}
        self._above: list[int] = []  # objects that contain the present one
        self._code: set[int] = set()  # functions and classes that are described already

    def read(self, name: str, value: Any):
        """Notes a value and its parts."""
        if len(self.found) > MOST_PARTS:
            return
        self.found[name] = text = _text(value)
        if id(value) in self._above or len(self._above) > MOST_DEPTH:
            return
        if isinstance(value, types.FunctionType | type):
            if id(value) in self._code:
                return
            self._code.add(id(value))
        self._above.append(id(value))
        for key, part in _parts(value):
            self.read(f"{name}{key}", part)
        self._above.pop()
        if not text:
            del self.found[name]


def _text(value: Any) -> str:
    """The value itself, without its parts; empty if these say all."""
    if type(value) in PLAIN:
        return repr(value)
    if isinstance(value, jax.Array | np.ndarray | np.generic):
        return _array(value)
    if isinstance(value, Mesh):  # a run may continue on other devices
        return repr(None)
    if isinstance(value, frozenset | set):
        return f"{type(value).__name__} {sorted(map(repr, value))}"
    if isinstance(value, dict | tuple | list):
        return f"{type(value).__name__} of {len(value)}"
    if isinstance(value, enum.Enum):
        return str(value)
    if isinstance(value, types.ModuleType):
        return value.__name__
    if isinstance(value, types.FunctionType):
        return f"{value.__module__}.{value.__qualname__} {_checksum_of(value.__code__)}"
    if isinstance(value, type | types.BuiltinFunctionType):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, types.MethodType):
        return ""
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    return kind if _has_parts(value) else f"{kind} {ADDRESS.sub('', repr(value))}"


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """What a value consists of, each with the end of its path."""
    if isinstance(value, dict):
        yield from ((f"[{key!r}]", part) for key, part in value.items())
    elif isinstance(value, tuple | list):
        yield from ((f"[{i}]", part) for i, part in enumerate(value))
    elif isinstance(value, types.FunctionType):
        yield from _of_function(value)
    elif isinstance(value, type):
        yield from _of_class(value)
    elif isinstance(value, types.MethodType):
        yield from ((".function", value.__func__), (".self", value.__self__))
    elif isinstance(value, functools.partial):
        yield from ((f".{x}", getattr(value, x)) for x in ("func", "args", "keywords"))
    elif isinstance(getattr(value, "__wrapped__", None), types.FunctionType):
        yield ".function", value.__wrapped__  # of a function that is compiled
    elif _has_parts(value):
        if not _is_installed(type(value)):
            yield ".class", type(value)
        yield from ((f".{key}", part) for key, part in _fields(value).items())


def _has_parts(value: Any) -> bool:
    """Whether it is an object whose fields say what it is."""
    is_leaf = isinstance(value, jax.Array | np.ndarray | np.generic | Mesh | enum.Enum | set)
    is_leaf |= isinstance(value, frozenset | types.ModuleType | types.BuiltinFunctionType)
    is_other = type(value) in PLAIN or isinstance(value, types.CodeType)
    if is_leaf or is_other:
        return False
    return bool(_fields(value)) or not _is_installed(type(value))


def _fields(value: Any) -> dict[str, Any]:
    """The values of an object by name."""
    if dataclasses.is_dataclass(value):
        return {f.name: getattr(value, f.name, None) for f in dataclasses.fields(value)}
    slots = [s for kind in type(value).__mro__ for s in _listed(vars(kind).get("__slots__", ()))]
    found = {name: getattr(value, name) for name in slots if hasattr(value, name)}
    return found | dict(getattr(value, "__dict__", {}))


def _listed(slots) -> tuple[str, ...]:
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _of_function(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """The values that a function uses beside its arguments; those of a package have its version."""
    code = function.__code__
    cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
    yield from ((f".{key}", cell.cell_contents) for key, cell in cells if _is_filled(cell))
    if function.__defaults__:
        yield ".default", function.__defaults__
    if function.__kwdefaults__:
        yield ".default", function.__kwdefaults__
    if _is_installed(function):
        return
    for key in sorted(_names(code)):
        if key in function.__globals__:
            value = function.__globals__[key]
            is_other = isinstance(value, types.ModuleType) or _is_installed(value)
            if not is_other:
                yield f".{key}", value


def _of_class(kind: type) -> Iterator[tuple[str, Any]]:
    """The methods and values of a class and of those that it extends, without installed ones."""
    for base in kind.__mro__:
        if _is_installed(base):
            continue
        for key, value in sorted(vars(base).items()):
            inner = getattr(value, "fget", None) or getattr(value, "__func__", value)
            inner = getattr(inner, "__wrapped__", inner)
            is_value = isinstance(inner, (types.FunctionType, *PLAIN, np.generic, jax.Array))
            is_value |= isinstance(inner, np.ndarray | tuple | list | dict)
            if is_value and key not in SKIPPED and not key.startswith(GENERATED):
                yield f".{base.__name__}.{key}", inner


@functools.cache
def _is_installed_module(name: str) -> bool:
    """Whether a module belongs to Python, to this package or to an installed one."""
    root = name.partition(".")[0]
    if root in ("builtins", PACKAGE) or root in sys.stdlib_module_names:
        return root != "__main__"
    file = getattr(sys.modules.get(root), "__file__", None) or ""
    return "site-packages" in file or "dist-packages" in file


def _is_installed(value: Any) -> bool:
    """Whether a function, a class or an object's class comes from an installed package.

    Plain values, containers and objects with fields never do.
    """
    if isinstance(value, types.FunctionType | type | types.BuiltinFunctionType):
        return _is_installed_module(value.__module__ or "")
    if isinstance(getattr(value, "__wrapped__", None), types.FunctionType):
        return _is_installed_module(value.__wrapped__.__module__ or "")
    return False


def _is_filled(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _names(code: types.CodeType) -> set[str]:
    inner = (c for c in code.co_consts if isinstance(c, types.CodeType))
    return set(code.co_names).union(*map(_names, inner))


def _checksum_of(code: types.CodeType) -> str:
    """Of the instructions and constants, without the places of lines."""
    text = repr((code.co_code, _constant(code.co_consts), code.co_names, code.co_varnames))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _constant(value: Any) -> str:
    """A constant of code; the order in a set changes from process to process."""
    if isinstance(value, types.CodeType):
        return _checksum_of(value)
    if isinstance(value, frozenset):
        return f"set {sorted(map(_constant, value))}"
    return f"({', '.join(map(_constant, value))})" if isinstance(value, tuple) else repr(value)


def _array(value) -> str:
    """A number as it is, an array by its checksum."""
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        value = jax.random.key_data(value)
    if value.ndim == 0:
        return f"{np.asarray(value).item()!r} {value.dtype}"
    found = value
    if not isinstance(value, jax.Array) and value.dtype.kind in "biufc":
        found = jnp.asarray(value)  # so that both kinds of arrays have equal checksums
    if not isinstance(found, jax.Array) or found.dtype != value.dtype:
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:16]
        return f"{value.dtype}{value.shape} {digest}"
    total = np.asarray(_checksum(found))
    return f"{value.dtype}{value.shape} {total[0]:08x}{total[1]:08x}"


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
        words = _words(part)
        for j in range(words.shape[-1]):
            word = words[..., j] ^ (words[..., j] >> 15)
            factor = (2 * place + 1) * np.uint32(0x9E3779B1) + np.uint32(2 * (2 * i + j))
            mixed = word * factor
            totals += jnp.stack([jnp.sum(mixed), jnp.sum((mixed ^ (mixed >> 13)) * factor)])
    return totals


def _words(part: jax.Array) -> jax.Array:
    """The bits of real numbers as words of 32, along one more axis."""
    if part.dtype == bool:
        part = part.astype(jnp.uint8)
    size = part.dtype.itemsize
    if size < 4:
        part = jax.lax.bitcast_convert_type(part, {1: jnp.uint8, 2: jnp.uint16}[size])
        part = part.astype(jnp.uint32)
    words = jax.lax.bitcast_convert_type(part, jnp.uint32)
    return words if words.ndim > part.ndim else words[..., None]
