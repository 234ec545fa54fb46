"""The study that a machine with a GPU runs."""

import importlib
import subprocess
import sys
from pathlib import Path

import jax
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def measured(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "bench")
    yield importlib.import_module("measured")
    sys.modules.pop("measured", None)


def test_a_program_is_timed_beside_its_prediction(measured):
    found = measured.row("dense, 256", "double", 1e-5)
    assert found["s"] > 0
    assert found["ratio"] == found["s"] / 1e-5
    assert set(measured.every("dense, 256")) > {("dense, 256", "double"), ("dense, 256", "single")}


def test_a_program_that_fails_is_a_row(measured, monkeypatch):
    def make():
        raise RuntimeError("out of memory\nand more")

    monkeypatch.setitem(measured.CATALOGUE, "too large", make)
    assert measured.row("too large", "double", None)["error"] == "RuntimeError: out of memory"


def test_shapes_are_filled_and_arrays_kept(measured):
    shape = jax.ShapeDtypeStruct((2, 3), complex)
    program = measured.Program(sum, ((shape, 1.0), [jax.numpy.arange(2)]))
    (filled, number), (kept,) = measured.filled(program)
    assert filled.shape == (2, 3)
    assert (filled == 0.5).all()
    assert number == 1
    assert (kept == jax.numpy.arange(2)).all()


def test_the_command_is_a_script():
    subprocess.run(["bash", "-n", ROOT / "bench" / "on_gpu.sh"], check=True)
