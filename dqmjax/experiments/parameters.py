"""The trainable arrays of a model as named numbers in one vector."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ..data.abstract import numbers
from ..errors import InputError

Vector = Float[np.ndarray, " parameters"]


def leaf_names(tree: PyTree) -> list[str]:
    """The field name of each floating-point array in `tree`, with more of its path where others
    have the same, and with its number, from 1, in a tuple."""
    full = [_parts(path) for path, _ in jax.tree_util.tree_leaves_with_path(trainable(tree))]
    names = [""] * len(full)
    for length in range(1, max(map(len, full), default=0) + 1):
        ends = [".".join(path[-length:]) for path in full]
        count = Counter(ends)
        names = [n or (end if count[end] == 1 else "") for n, end in zip(names, ends, strict=True)]
    return names


def _parts(path) -> list[str]:
    """The names on a path, those of members of a tuple with their numbers."""
    parts = []
    for key in path:
        if isinstance(key, jax.tree_util.SequenceKey) and parts:
            parts[-1] += f"_{key.idx + 1}"
        else:
            parts.append(jax.tree_util.keystr((key,), simple=True))
    return parts


def named_leaves(tree: PyTree) -> dict[str, Array]:
    """Those arrays by name."""
    return dict(zip(leaf_names(tree), jax.tree.leaves(trainable(tree)), strict=True))


def parameter_names(tree: PyTree) -> list[str]:
    """A name for each number: that of its array, numbered from 1 if the array has more."""
    leaves = jax.tree.leaves(trainable(tree))
    return [
        name if leaf.size == 1 else f"{name}_{i + 1}"
        for name, leaf in zip(leaf_names(tree), leaves, strict=True)
        for i in range(leaf.size)
    ]


def leaf_slices(tree: PyTree) -> dict[str, slice]:
    """Where in the vector the numbers of each array are, by its name."""
    sizes = [leaf.size for leaf in jax.tree.leaves(trainable(tree))]
    ends = np.cumsum(sizes).tolist()
    names = zip(leaf_names(tree), ends, sizes, strict=True)
    return {name: slice(end - size, end) for name, end, size in names}


def trainable(tree: PyTree) -> PyTree:
    """`tree` with all but its floating-point JAX arrays removed."""
    return eqx.filter(tree, _is_trainable)


def _is_trainable(leaf) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jnp.floating)


def to_vector(tree: PyTree) -> Vector:
    """The trainable numbers of `tree`, in the order of `parameter_names`."""
    leaves = [np.ravel(np.asarray(leaf, float)) for leaf in jax.tree.leaves(trainable(tree))]
    return np.concatenate([np.zeros(0), *leaves])


class Template(eqx.Module):
    """A pytree without its trainable numbers; called with a vector of them, it is complete."""

    rest: PyTree
    shapes: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    structure: Any = eqx.field(static=True)

    @classmethod
    def of(cls, tree: PyTree) -> "Template":
        """That of `tree`."""
        arrays, rest = eqx.partition(tree, _is_trainable)
        leaves, structure = jax.tree.flatten(arrays)
        return cls(rest, tuple(leaf.shape for leaf in leaves), structure)

    def __call__(self, vector: Float[Array | np.ndarray, " parameters"]) -> PyTree:
        return self.filled(self.split(vector))

    def split(self, vector: Float[Array | np.ndarray, " parameters"]) -> list[Array]:
        """The arrays in a vector."""
        sizes = [math.prod(shape) for shape in self.shapes]
        parts = jnp.split(jnp.asarray(vector), np.cumsum(sizes)[:-1])[: len(sizes)]
        return [part.reshape(s) for part, s in zip(parts, self.shapes, strict=True)]

    def filled(self, arrays: list[Array]) -> PyTree:
        """The pytree with these arrays."""
        return eqx.combine(jax.tree.unflatten(self.structure, arrays), self.rest)

    @property
    def fields(self) -> list[tuple[int, int]]:
        """Which of the arrays, from one to before another, each field of the pytree has."""
        numbered = jax.tree.unflatten(self.structure, range(len(self.shapes)))
        first = [path[0] for path, _ in jax.tree_util.tree_leaves_with_path(numbered)]
        starts = [i for i, key in enumerate(first) if i == 0 or key != first[i - 1]]
        return list(zip(starts, [*starts[1:], len(first)], strict=True))


def set_values(tree: PyTree, values: Mapping[str, Any], *, constant: bool) -> PyTree:
    """`tree` with the named arrays set to `values`, as constants or still trainable.

    Raises:
        InputError: If a name is unknown, or a value is not finite or of another shape.
    """
    names, argument = leaf_names(tree), "fix" if constant else "start"
    require_names(names, values, argument)
    arrays = {name: numbers(f"{argument}[{name!r}]", value) for name, value in values.items()}

    def new(name, leaf):
        if name not in arrays:
            return leaf
        if arrays[name].size not in (1, leaf.size):
            raise InputError(f"`{argument}[{name!r}]` must have {leaf.size} entries.")
        array = np.broadcast_to(np.ravel(np.asarray(arrays[name], float)), leaf.size)
        array = array.reshape(leaf.shape)
        return _constant(array) if constant else jnp.asarray(array, leaf.dtype)

    leaves, structure = jax.tree.flatten(tree)
    queue = iter(names)
    return jax.tree.unflatten(
        structure,
        [new(next(queue), leaf) if _is_trainable(leaf) else leaf for leaf in leaves],
    )


def require_names(known, given, argument: str):
    """Checks that all names that are given as an argument are known.

    Raises:
        InputError: With the unknown one and those that there are.
    """
    unknown = [name for name in given if not isinstance(name, str) or name not in known]
    if unknown:
        raise InputError(
            f"parameter {unknown[0]!r} of `{argument}` is unknown: the model has "
            f"{', '.join(known)}."
        )


def _constant(array: np.ndarray) -> float | tuple[float, ...]:
    return float(array) if array.ndim == 0 else tuple(array.tolist())
