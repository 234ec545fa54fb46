"""Programs for accelerators that this machine does not have.

XLA compiles for a description of a device. The program is the one that would run there, so that its
kernels, transforms, exchanges and memory are known, though not its time. Set `JAX_PLATFORMS=cpu`.
"""

import functools
import importlib.util
import os
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from .. import sharding
from ..errors import InputError, require_whole

PLUGINS = "jax_plugins.xla_cuda13", "jax_plugins.xla_cuda12"
INSTALL = (
    "pip install --no-deps jax-cuda13-plugin jax-cuda13-pjrt nvidia-cuda-nvcc nvidia-nvvm, with "
    "the first two at the version of jaxlib; for older ones jax-cuda12-plugin, jax-cuda12-pjrt and "
    "nvidia-cuda-nvcc-cu12"
)
H100 = """
gpu_device_info {
  cuda_compute_capability { major: 9 minor: 0 }
  threads_per_block_limit: 1024 threads_per_warp: 32 threads_per_core_limit: 2048
  shared_memory_per_block: 49152 shared_memory_per_core: 233472
  shared_memory_per_block_optin: 232448
  core_count: 132 fpus_per_core: 128 clock_rate_ghz: 1.98
  block_dim_limit_x: 2147483647 block_dim_limit_y: 65535 block_dim_limit_z: 65535
  memory_bandwidth: 3352320000000 l2_cache_size: 52428800 device_memory_size: 84942979072
  registers_per_core_limit: 65536 registers_per_block_limit: 65536
}
platform_name: "CUDA"
dnn_version_info { major: 9 minor: 8 }
runtime_version { major: 12 minor: 9 }
device_description_str: "NVIDIA H100 80GB HBM3"
"""
V5E = "v5e:2x2"  # the smallest slice
TARGETS = "h100", "v5e"
INSTALL_TPU = "pip install --no-deps libtpu"
ALONE = {"TPU_SKIP_MDS_QUERY": "1", "TPU_ACCELERATOR_TYPE": "v5litepod-4"}  # without a machine


def mesh_for(target: str, count: int) -> Mesh:
    """A row of `count` devices of a kind, for which programs compile but do not run.

    Args:
        target: Name of the kind: "h100" or "v5e", a TPU. The latter has no double precision.
        count: Number of devices, of a TPU at most 4.

    Raises:
        InputError: If the kind is unknown, or JAX cannot describe it here.
    """
    require_whole(1, count=count)
    if target not in TARGETS:
        raise InputError(f"`target` must be one of {', '.join(TARGETS)}, but is {target!r}.")
    return _mesh(target, count)


@functools.cache
def _mesh(target: str, count: int) -> Mesh:
    return sharding.mesh(_gpus(count) if target == "h100" else _tpus(count))


def compile_for(
    target: str,
    count: int,
    function: Callable,
    arguments: Sequence[Any],
    parts: Sequence[PartitionSpec] | None = None,
) -> jax.stages.Compiled:
    """`function` compiled for devices that this machine does not have.

    Make what needs arrays, such as `dqm.gaussian`, inside `function`: arrays of this machine are
    constants of the program.

    Args:
        target, count: Kind and number of the devices, as for `mesh_for`.
        function: Compiled by `jax.jit`; its grid has the mesh `mesh_for(target, count)`.
        arguments: Arrays or shapes (`jax.ShapeDtypeStruct`), or trees of them. Those that have a
            sharding keep it.
        parts: How each argument is divided; by default each device has the whole of it.

    Raises:
        InputError: As `mesh_for`, or if there are not as many `parts` as `arguments`.

    Example:
        >>> mesh = mesh_for("h100", 4)
        >>> psi = jax.ShapeDtypeStruct((64, 64), complex)
        >>> compile_for("h100", 4, step, [psi], [PartitionSpec(mesh.axis_names)]).as_text()
    """
    mesh = mesh_for(target, count)
    parts = [PartitionSpec()] * len(arguments) if parts is None else parts
    if len(parts) != len(arguments):
        raise InputError(
            f"`parts` must have one entry for each of the {len(arguments)} arguments, "
            f"but has {len(parts)}."
        )
    shapes = (shapes_on(mesh, one, part) for one, part in zip(arguments, parts, strict=True))
    return jax.jit(function).lower(*shapes).compile()


def shapes_on(mesh: Mesh, tree: Any, part: PartitionSpec) -> Any:
    """The shapes of the arrays of a tree, divided over a mesh unless they are already."""

    def shape(leaf):
        placed = leaf.sharding if isinstance(leaf, jax.ShapeDtypeStruct) else None
        placed = placed or NamedSharding(mesh, part)
        return jax.ShapeDtypeStruct(jax.numpy.shape(leaf), leaf.dtype, sharding=placed)

    return jax.tree.map(shape, tree)


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # its package, `jax_plugins`, is missing
        return False


def _gpus(count: int) -> list[Any]:
    if not any(map(_is_installed, PLUGINS)):
        raise InputError(f"`target` needs JAX's plugin for CUDA, which is missing: {INSTALL}.")
    return _described(INSTALL, "", "cuda", target_config=H100, topology=f"1x1x{count}")


def _tpus(count: int) -> list[Any]:
    if not _is_installed("libtpu"):
        raise InputError(f"`target` needs libtpu, which is missing: {INSTALL_TPU}.")
    for name, value in ALONE.items():
        os.environ.setdefault(name, value)
    devices = _described(INSTALL_TPU, V5E, "tpu")
    if count > len(devices):
        raise InputError(f"`count` must be at most {len(devices)} for v5e, but is {count}.")
    return devices[:count]


def _described(install: str, *names: str, **options: str) -> list[Any]:
    """Devices by a description of XLA's; the corner of JAX that may change."""
    try:
        from jax.experimental import topologies

        return list(topologies.get_topology_desc(*names, **options).devices)
    except (ImportError, AttributeError, TypeError, NotImplementedError, RuntimeError) as error:
        raise InputError(
            f"`target` cannot be described to this JAX, {jax.__version__} ({error}). Check its "
            f"packages: {install}. Or JAX has changed "
            "`jax.experimental.topologies.get_topology_desc`: take version 0.10 to 0.12."
        ) from None
