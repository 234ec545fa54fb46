"""One problem on many devices: batches, grids, coefficients.

A mesh is a row of devices, of one process or of many. Arrays are split along their first axis.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Inexact, PyTree

from .errors import InputError, is_known, is_traced, require_instance

__all__ = ["batched", "fftn", "grouped", "ifftn", "mesh", "place"]

AXIS = "devices"


def mesh(devices: Sequence[Any] | None = None) -> Mesh:
    """A row of devices; by default all, also those of other processes (`jax.distributed`).

    Args:
        devices: Devices of JAX, such as `jax.devices()[:4]`.

    Raises:
        InputError: If `devices` are none.

    Example:
        >>> mesh = dqm.sharding.mesh()
        >>> grid = dqm.Grid((-8.0, -8.0), (8.0, 8.0), (32, 32), mesh=mesh)
        >>> round(float(dqm.observables.norm(grid, dqm.coherent(grid, 0.0))), 3)
        1.0
    """
    found = jax.devices() if devices is None else devices
    if not isinstance(found, Sequence) or not found:
        raise InputError(f"`devices` must be a list of one or more devices, but is {devices!r}.")
    if not all(isinstance(device, jax.Device) for device in found):
        raise InputError(f"`devices` must be devices, such as `jax.devices()`, but is {devices!r}.")
    return Mesh(np.array(found), (AXIS,))


def place(values: PyTree, mesh: Mesh, axis: int = 0) -> PyTree[Array]:
    """Arrays split along one axis over the devices of `mesh`.

    For coefficients and amplitudes it is the axis of one mode. Steps then exchange what crosses the
    edges of the parts. States on a grid are placed by `Grid.place`.

    Args:
        values: Arrays; each process gives the whole ones.
        mesh: From `dqmjax.sharding.mesh`.
        axis: Which axis.

    Raises:
        InputError: If an array has no such axis or the number of devices does not divide it.

    Example:
        >>> mesh = dqm.sharding.mesh()
        >>> rho = dqm.sharding.place(jnp.ones(8 * mesh.size), mesh)
        >>> len(rho.sharding.device_set) == mesh.size
        True
    """
    require_mesh(mesh)
    return jax.tree.map(lambda leaf: placed(leaf, mesh, axis), values)


def batched(function: Callable, mesh: Mesh) -> Callable:
    """`jax.vmap(function)` with equal parts of the batch on each device, without communication.

    Wraps the batch in `jax.shard_map`. A batch whose length the number of devices does not divide
    is filled up with copies of its last entry, which are dropped from the result.

    Args:
        function: Of one or more arrays or trees of them; all are batches.
        mesh: From `dqmjax.sharding.mesh`.

    Raises:
        InputError: If the arguments have no common first axis.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> def position(omega):  # ⟨x⟩ = cos ω at t = 1
        ...     step = dqm.DenseStep(dqm.Hamiltonian(dqm.Harmonic(omega)), grid)
        ...     run = dqm.solve(step, dqm.coherent(grid, 1.0), jnp.array([0.0, 1.0]), throw=False)
        ...     return dqm.observables.mean_position(grid, run.final)[0]
        >>> positions = dqm.sharding.batched(position, dqm.sharding.mesh())(jnp.array([1.0, 2.0]))
        >>> [round(float(x), 3) for x in positions]
        [0.54, -0.416]
    """
    require_mesh(mesh)
    spec = PartitionSpec(mesh.axis_names)
    given = {"mesh": mesh, "in_specs": spec, "out_specs": spec}
    inner = jax.shard_map(jax.vmap(function), **given, check_vma=False)
    return _of_any_length(inner, mesh)


def grouped(function: Callable, mesh: Mesh) -> Callable:
    """A function of a whole batch, such as a loop over its entries, for a part on each device.

    For what `jax.shard_map` does not accept, such as the fits of optimistix: XLA divides one
    program, whose loops end on all devices together.

    Raises:
        InputError: If the arguments have no common first axis.

    Example:
        >>> roots = lambda batch: jax.lax.map(jnp.sqrt, batch)
        >>> dqm.sharding.grouped(roots, dqm.sharding.mesh())(jnp.array([1.0, 4.0, 9.0])).tolist()
        [1.0, 2.0, 3.0]
    """
    require_mesh(mesh)

    def inner(*arguments):
        groups = lambda leaf: placed(leaf.reshape(mesh.size, -1, *leaf.shape[1:]), mesh)
        found = jax.vmap(function)(*jax.tree.map(groups, arguments))
        return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), found)

    return _of_any_length(inner, mesh)


def _of_any_length(inner: Callable, mesh: Mesh) -> Callable:
    """A function of batches that the devices divide, for all batches."""

    @jax.jit
    def whole(*arguments):
        lengths = {np.shape(leaf)[:1] for leaf in jax.tree.leaves(arguments)}
        if len(lengths) != 1 or lengths == {()}:
            raise InputError(f"`arguments` must have one first axis, but have {sorted(lengths)}.")
        ((length,),) = lengths
        missing = -length % mesh.size
        filled = lambda leaf: _filled(jnp.asarray(leaf), missing) if missing else leaf
        found = inner(*jax.tree.map(filled, arguments))
        return jax.tree.map(lambda leaf: leaf[:length], found) if missing else found

    return whole


def _filled(leaf: Array, missing: int) -> Array:
    """An array with more copies of its last entry."""
    return jnp.concatenate([leaf, jnp.repeat(leaf[-1:], missing, axis=0)])


def placed(values: Any, mesh: Mesh, axis: int = 0) -> Array:
    """One array split along one axis over the devices."""
    shape = np.shape(values) if is_known(values) else values.shape
    is_whole = isinstance(axis, int | np.integer) and not isinstance(axis, bool)
    if not is_whole or axis not in range(-len(shape), len(shape)):
        raise InputError(f"`axis` must be one of the {len(shape)} of an array, but is {axis!r}.")
    if shape[axis] % mesh.size:
        raise InputError(
            f"`mesh` has {mesh.size} devices, which must divide axis {axis} of the array, but that "
            f"has shape {shape}: take other sizes or another number of devices."
        )
    parts = [None] * len(shape)
    parts[axis] = mesh.axis_names  # pyright: ignore[reportArgumentType, reportCallIssue]
    sharding = NamedSharding(mesh, PartitionSpec(*parts))
    if is_traced(values):
        return jax.lax.with_sharding_constraint(values, sharding)
    if sharding.is_fully_addressable or not is_known(values):
        return jax.device_put(values, sharding)
    whole = np.asarray(values)
    return jax.make_array_from_callback(shape, sharding, lambda index: whole[index])


def fftn(
    values: Inexact[Array, "*shape"], mesh: Mesh, norm: str | None = None
) -> Inexact[Array, "*shape"]:
    """`jnp.fft.fftn` of an array split along its first axis; the result is split along its second.

    Each device transforms its part along all other axes, then parts are exchanged, and the first
    axis is transformed: one exchange of all parts (all-to-all). The number of devices must divide
    the first two axes.

    Example:
        >>> mesh = dqm.sharding.mesh()
        >>> f = jnp.ones((8 * mesh.size, 8 * mesh.size))
        >>> waves = dqm.sharding.fftn(f, mesh, norm="forward")
        >>> round(float(waves[0, 0].real), 3)
        1.0
    """

    def local(part):
        part = jnp.fft.fftn(part, axes=tuple(range(1, part.ndim)), norm=norm)
        part = jax.lax.all_to_all(part, mesh.axis_names, 1, 0, tiled=True)
        return jnp.fft.fft(part, axis=0, norm=norm)

    first, second = _splits(mesh)
    return jax.shard_map(local, mesh=mesh, in_specs=first, out_specs=second)(values)


def ifftn(
    waves: Inexact[Array, "*shape"], mesh: Mesh, norm: str | None = None
) -> Inexact[Array, "*shape"]:
    """The inverse of `fftn`: from an array split along its second axis.

    Example:
        >>> mesh = dqm.sharding.mesh()
        >>> f = jnp.ones((8 * mesh.size, 8 * mesh.size))
        >>> again = dqm.sharding.ifftn(dqm.sharding.fftn(f, mesh), mesh)
        >>> round(float(jnp.abs(again - f).max()), 3)
        0.0
    """

    def local(part):
        part = jnp.fft.ifft(part, axis=0, norm=norm)
        part = jax.lax.all_to_all(part, mesh.axis_names, 0, 1, tiled=True)
        return jnp.fft.ifftn(part, axes=tuple(range(1, part.ndim)), norm=norm)

    first, second = _splits(mesh)
    return jax.shard_map(local, mesh=mesh, in_specs=second, out_specs=first)(waves)


def _splits(mesh: Mesh) -> tuple[PartitionSpec, PartitionSpec]:
    """Split along the first axis, and along the second."""
    return PartitionSpec(mesh.axis_names), PartitionSpec(None, mesh.axis_names)


def require_mesh(mesh: Mesh):
    """Checks that a mesh is one whose arrays XLA places by itself.

    Raises:
        InputError: If not.
    """
    require_instance(Mesh, mesh=mesh)
    if any(kind != AxisType.Auto for kind in mesh.axis_types):
        raise InputError("`mesh` must have axes of type Auto: take `dqmjax.sharding.mesh()`.")


def require_divides(mesh: Mesh, shape: tuple[int, ...]):
    """Checks that a mesh divides a grid.

    Raises:
        InputError: If not.
    """
    if len(shape) < 2:
        raise InputError(
            "`mesh` needs a grid of two or more axes, because a transform along one axis cannot be "
            f"split; `shape` is {shape}. Use one device, or `dqmjax.sharding.batched`."
        )
    if any(n % mesh.size for n in shape[:2]):
        raise InputError(
            f"`mesh` has {mesh.size} devices, which must divide the points of the first two axes, "
            f"but `shape` is {shape}: take other numbers of points or of devices."
        )


def points_of_one(mesh: Mesh | None, shape: tuple[int, ...]) -> int:
    """How many points each device has."""
    return math.prod(shape) // (1 if mesh is None else mesh.size)
