"""`dqmjax bench`: kernels against closed forms, counted work, reports, and errors."""

import importlib
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.benchmark import compare, files, kernels, measure, read, suite, table, timing
from dqmjax.benchmark.floors import Floors
from dqmjax.cli import main

STUDIES = Path(__file__).parents[2] / "bench"


@pytest.fixture(autouse=True)
def few_repeats(monkeypatch):
    monkeypatch.setattr(timing, "REPEATS", (2, 2))


CASES = {  # with the error that a step of 0.01, the levels or round-off cause
    "split step": (lambda: kernels.split_step((64,), 10), 1e-5),
    "in a batch": (lambda: kernels.split_step((64,), 10, batch=3), 1e-5),
    "gradient": (lambda: kernels.split_step_gradient((32, 32), 10), 3e-5),
    "Chebyshev": (lambda: kernels.chebyshev((48,)), 1e-11),
    "(ρ, S)": (lambda: kernels.canonical_step((64,), 10), 1e-5),
    "right-hand side": (lambda: kernels.right_hand_side(96), 1e-10),
    "one mode": (lambda: kernels.husimi_step((8,)), 1e-12),
    "two modes": (lambda: kernels.husimi_step((3, 3)), 1e-12),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_kernels_agree_with_the_closed_form(name):
    make, most = CASES[name]
    case = make()
    row = suite.row(case, Floors())
    assert 0 <= row["error"] < most
    if name != "two modes":  # for which no lower bound is known
        assert row["over_floor"] == row["min_s"] / row["floor_s"]
    assert row["memory_bytes"] > 0
    spoilt = lambda *arguments: jax.tree.map(lambda x: 1.01 * x, case.function(*arguments))
    assert case.error(spoilt(*case.arguments)) > 100 * most


def test_single_precision_has_larger_errors_and_half_the_bytes():
    double, single = kernels.split_step((64,), 4), None
    with jax.enable_x64(False):
        single = kernels.split_step((64,), 4)
        _, state = measure(single.function, *single.arguments)
        assert state.dtype == jnp.complex64
        assert 1e-7 < single.error(state) < 1e-5
        halved = single.work.moved
    assert double.work.moved == 2 * halved


def test_a_split_step_counts_two_transforms_and_two_products():
    work = kernels.split_step((64, 32), 10, batch=3).work
    assert (work.pairs, work.shape) == (10, (3, 64, 32))
    assert work.moved == 10 * (4 + 2 * 3) * 3 * 64 * 32 * 16


def test_measure_times_the_compiled_function():
    compiled = []
    count = lambda x: compiled.append(1) or x + 1
    times, result = measure(count, jnp.ones(3))
    assert len(compiled) == 1
    assert times.repeats == 2
    assert 0 < times.min_s <= times.median_s
    np.testing.assert_array_equal(result, 2 * np.ones(3))


def test_growth_exponent_is_the_slope_of_the_logarithms(monkeypatch):
    took = lambda n: (timing.Timing(0.0, 1e-6 * n**3, 0.0, 1, None), None)
    monkeypatch.setattr(suite, "measure", lambda f, *_: took(f()))
    case = lambda n: lambda: kernels.Case("", {}, lambda: n, (), float, kernels.Work())
    found = suite.trend("cubes", 3.0, [(n, case(n)) for n in (2, 4, 8, 16)])
    assert found["exponent"] == pytest.approx(3)


@pytest.fixture
def small(monkeypatch):
    """A suite of two kernels."""
    of_both = [lambda: kernels.split_step((32, 32), 2)]
    of_both.append(lambda: kernels.split_step_gradient((32, 32), 2))
    monkeypatch.setattr(suite, "_cases", lambda *_: of_both)
    lines = [(n, lambda n=n: kernels.split_step((32,), n)) for n in (1, 2, 4)]
    monkeypatch.setattr(suite, "_growth", lambda _: [("steps", 1.0, lines)])


@pytest.mark.slow
def test_bench_writes_a_report_that_can_be_compared(small, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["bench", "--quick", "--out", str(out)]) == 0
    printed = capsys.readouterr()
    report = read(out / "bench.json")
    assert table(report) in printed.out
    assert "split step, 32×32, double: value and gradient take" in printed.out
    assert printed.err.count("\n") == 5  # a line after each measurement
    assert [row["precision"] for row in report["kernels"]] == ["single"] * 2 + ["double"] * 2
    assert report["machine"]["jax"] == jax.__version__

    slower = json.loads(json.dumps(report))
    slower["kernels"] = [row | {"min_s": 3 * row["min_s"]} for row in slower["kernels"][:3]]
    (tmp_path / "slower.json").write_text(json.dumps(slower))
    arguments = ["bench", "--compare", str(out / "bench.json"), str(tmp_path / "slower.json")]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert printed == compare(report, slower) + "\n"
    assert printed.count(" 3.00 ") == 3
    assert "rows in only one of them: 1." in printed


def test_absent_device_is_rejected(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    present = {device.platform for device in jax.devices()}
    absent = next(name for name in ("tpu", "gpu") if name not in present)
    assert main(["bench", "--device", absent, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert f"`device` is '{absent}', but JAX finds none (JAX_PLATFORMS: all)" in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [("absent", "cannot be read"), ("list", "is not a report of `dqmjax bench`")],
)
def test_bad_report_is_rejected(name, message, tmp_path):
    (tmp_path / "list").write_text("[1]")
    with pytest.raises(dqm.InputError, match=message):
        files.read(tmp_path / name)


def test_unwritable_output_is_rejected(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["bench", "--out", str(tmp_path / "file" / "x")]) == 2
    assert "cannot be written to" in capsys.readouterr().err


def test_a_peer_that_cannot_run_is_skipped_with_its_reason(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(STUDIES)
    study = importlib.import_module("accuracy_vs_cost")
    (tmp_path / "absent" / "bin").mkdir(parents=True)
    python = tmp_path / "absent" / "bin" / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    runs = {"ours": []}
    skipped = study.with_peers(runs, {"absent": ["absent==1.0"]}, tmp_path, {"x": np.ones(2)})
    assert runs == {"ours": []}
    assert "install -q absent==1.0: exit 1" in skipped["absent"]
    assert "skipped absent" in capsys.readouterr().err
