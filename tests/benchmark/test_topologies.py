"""Programs for devices that this machine does not have."""

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import PartitionSpec

import dqmjax as dqm
from dqmjax.benchmark import topologies
from dqmjax.benchmark.topologies import PLUGINS, compile_for, mesh_for

needs_plugin = pytest.mark.skipif(
    not any(map(topologies._is_installed, PLUGINS)), reason="JAX's plugin for CUDA is missing"
)
needs_libtpu = pytest.mark.skipif(
    not topologies._is_installed("libtpu"), reason="libtpu is missing"
)


@pytest.fixture
def fresh():
    topologies._mesh.cache_clear()
    yield
    topologies._mesh.cache_clear()


def test_missing_packages_are_named(monkeypatch, fresh):
    monkeypatch.setattr(topologies, "PLUGINS", ("jax_plugins.none", "no_package.none"))
    with pytest.raises(dqm.InputError, match="jax-cuda13-plugin jax-cuda13-pjrt nvidia-cuda-nvcc"):
        compile_for("h100", 4, lambda x: x, [jnp.ones(4)])


def test_a_missing_libtpu_is_named(monkeypatch, fresh):
    monkeypatch.setattr(topologies, "_is_installed", lambda _: False)
    with pytest.raises(dqm.InputError, match="--no-deps libtpu"):
        mesh_for("v5e", 1)


def test_a_jax_that_has_moved_its_topologies_is_an_error(monkeypatch, fresh):
    monkeypatch.setattr(topologies, "PLUGINS", ("jax",))
    experimental = pytest.importorskip("jax.experimental.topologies")
    monkeypatch.delattr(experimental, "get_topology_desc")
    with pytest.raises(dqm.InputError, match="take version"):
        mesh_for("h100", 4)


@pytest.mark.parametrize(
    ("target", "count", "said"), [("abacus", 4, "one of h100"), ("h100", 0, "`count`")]
)
def test_unknown_devices_are_refused(target, count, said):
    with pytest.raises(dqm.InputError, match=said):
        mesh_for(target, count)


@needs_plugin
def test_a_sum_over_four_devices_is_reduced_once():
    mesh = mesh_for("h100", 4)
    x = jax.ShapeDtypeStruct((16, 8), float)
    program = compile_for("h100", 4, jnp.sum, [x], [PartitionSpec(mesh.axis_names)])
    assert program.memory_analysis().argument_size_in_bytes == 16 * 8 * 8 // 4
    assert "all-reduce" in program.as_text()
    whole = compile_for("h100", 4, jnp.sum, [x])
    assert "all-reduce" not in whole.as_text()
    with pytest.raises(dqm.InputError, match="one entry for each of the 1"):
        compile_for("h100", 4, jnp.sum, [x], [])


@needs_libtpu
def test_a_sum_over_four_chips_is_reduced_once(fresh):
    with jax.enable_x64(False):
        mesh = mesh_for("v5e", 4)
        x = jax.ShapeDtypeStruct((16, 8), jnp.float32)
        program = compile_for("v5e", 4, jnp.sum, [x], [PartitionSpec(mesh.axis_names)])
        assert "all-reduce" in program.as_text()
    with pytest.raises(dqm.InputError, match="at most 4"):
        mesh_for("v5e", 5)
