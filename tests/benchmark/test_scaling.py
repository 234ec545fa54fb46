"""The model of Strang steps on many devices, and how programs are counted."""

import importlib
import json
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from dqmjax import sharding

ROOT = Path(__file__).parents[2]


@pytest.fixture
def studies(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "bench")
    yield importlib.import_module
    for name in ("scaling", "sharded_programs"):
        sys.modules.pop(name, None)


@pytest.fixture
def scaling(studies):
    return studies("scaling")


def test_the_network_carries_all_parts_but_the_own_ones_twice(scaling):
    assert scaling.sent(512, "single", 1) == 0
    for devices in (2, 8, 64):
        slab = 512**3 * 8 / devices
        assert scaling.exchanged(512, "single", devices) == 2 * slab
        assert scaling.sent(512, "single", devices) == 2 * slab * (devices - 1) / devices


def test_times_of_one_node_and_of_many(scaling):
    inside, network = scaling.times(512, "double", 8)
    assert network == pytest.approx(scaling.sent(512, "double", 8) / scaling.LINK_RATE)
    assert inside == scaling.passes(8) * 512**3 * 16 / 8 / scaling.MEMORY_RATE
    _, between = scaling.times(512, "double", 64)
    slab = 512**3 * 16 / 64
    assert between == pytest.approx(2 * slab * 56 / 64 / scaling.NODE_RATE)
    assert scaling.passes(1) == 17
    assert scaling.passes(2) == 29


def test_what_fits(scaling):
    assert scaling.fewest(512, "double") == 1
    assert scaling.fewest(4096, "double") == 128
    assert not scaling.fits(512, "single", 3)  # does not divide
    for n in scaling.SIZES:
        for precision in scaling.ITEM:
            least = scaling.fewest(n, precision)
            assert scaling.memory(n, precision, least) <= scaling.CAPACITY
            assert least == 1 or not scaling.fits(n, precision, least // 2)


@pytest.mark.slow
@pytest.mark.skipif(len(jax.devices()) < 4, reason="fewer than four devices")
@pytest.mark.parametrize("n", [8, 16])
def test_bytes_of_the_exchanges_are_those_of_a_compiled_program(studies, scaling, n):
    programs = studies("sharded_programs")
    mesh = sharding.mesh(jax.devices()[:4])
    one = programs.wave(3, n, mesh)
    psi = jax.device_put(
        jnp.zeros(one.arguments[0].shape, complex), jax.NamedSharding(mesh, one.parts[0])
    )
    outside, *loops = programs.counted(jax.jit(one.function).lower(psi).compile().as_text())
    assert loops[-1].exchanges["all-to-all"] == 2
    assert loops[-1].exchanged["all-to-all"] == scaling.exchanged(n, "double", 4)
    assert loops[-1].transforms == 4
    assert not outside.exchanges["all-gather"]


def test_the_results_are_those_of_the_model_and_in_the_page(scaling):
    report = json.loads(scaling.RESULTS.read_text())
    for row in report["rows"]:
        assert row == scaling.row(row["points_per_axis"], row["precision"], row["devices"])
    page = (ROOT / "docs" / "many_devices.md").read_text()
    assert "\n".join(scaling.table(report)) in page
    for check in report["checks"]:
        assert check["exchanged_over_model"] in (None, 1.0)
        assert 0.75 < check["temporaries_over_model"] < 1.01
