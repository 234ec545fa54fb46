"""The catalogue of programs, and what is said about their compiled form."""

import inspect
import json

import jax
import jax.numpy as jnp
import pytest

import dqmjax as dqm
from dqmjax.benchmark import prediction, programs
from dqmjax.benchmark.programs import CATALOGUE, Program
from dqmjax.cli import main
from dqmjax.errors import InputError

from .test_topologies import needs_libtpu, needs_plugin

FAST = [  # `bench/programs.py` compiles all, in some minutes
    *("bench: split step, 512²", "Strang, V(x, t), 2-D", "Strang, Reversible", "Chebyshev, 2-D"),
    *("dense, 256", "m(x), 256", "(ρ, S), 2-D", "Wigner", "Fokker–Planck on a grid"),
    *("classical points", "Husimi, blocks, 48", "kets, two modes, 12²", "ordinary diffusion"),
    *("eigenstates, dense, 256", "recovery, Jacobian", "Strang, piece of `run`"),
]


def steppers(of: type = dqm.AbstractStepper) -> set[type]:
    """All that the package has and that can be made."""
    found = {of} if not inspect.isabstract(of) else set()
    return found.union(*map(steppers, of.__subclasses__()))


def test_every_stepper_has_a_program():
    own = {one for one in steppers() if one.__module__.startswith("dqmjax.")}
    public = {one for one in own if not one.__name__.startswith("_")}
    assert {dqm.SplitStep, dqm.MovingFrame, dqm.background.MassStep} < public
    missing = public - {make().stepper for make in CATALOGUE.values()}
    assert not missing, "add a program to dqmjax/benchmark/programs.py"


@pytest.mark.parametrize("name", FAST)
def test_every_program_can_be_compiled_elsewhere_without_calls_of_the_host(name):
    one = CATALOGUE[name]()
    shapes = jax.tree.map(lambda a: jax.ShapeDtypeStruct(jnp.shape(a), a.dtype), one.arguments)
    assert jax.tree.leaves(shapes)  # by which the device is chosen
    traced = jax.jit(one.function).trace(*shapes)
    for platform in ("cuda", "tpu"):
        text = traced.lower(lowering_platforms=(platform,)).as_text()
        assert "callback" not in text


@pytest.fixture
def small(monkeypatch):
    """Two programs, compiled for this machine."""
    x = lambda: programs.numbers(8)  # of the precision for which it is compiled
    chosen = {
        "doubled": lambda: Program(lambda x: 2 * x, (x(),)),
        "summed": lambda: Program(lambda x: jax.lax.scan(_add, x, length=10)[0], (x(),), 10),
    }
    compiled = lambda target, count, function, given: jax.jit(function).lower(*given).compile()
    monkeypatch.setattr(prediction, "CATALOGUE", chosen)
    monkeypatch.setattr(prediction, "compile_for", compiled)
    monkeypatch.setattr(prediction, "mesh_for", lambda *_: None)
    return chosen


def _add(x, _):
    return jnp.sin(x), None


def _broken(x):
    raise ValueError("no such kernel\nmore")


def test_a_report_has_both_precisions_and_the_work_per_step(small):
    said = []
    report = prediction.predict("h100", said.append)
    assert [row["precision"] for row in report["programs"]] == ["double"] * 2 + ["single"] * 2
    assert prediction.failed(report) == []
    doubled, summed = report["programs"][:2]
    assert doubled["step"]["bytes"] == 2 * 8 * 8
    assert doubled["step"]["s"] == pytest.approx(128 / 3.35e12 + 3e-6)
    assert summed["step"]["bytes"] >= 2 * 8 * 8
    assert summed["loops"][0]["trips"] == 10
    assert said == prediction.table(report).splitlines()[2:6]
    assert json.loads(json.dumps(report)) == report
    assert len(prediction.predict("v5e")["programs"]) == 2


def test_one_precision_alone(small):
    rows = prediction.predict("h100", precision="single")["programs"]
    assert [(row["program"], row["precision"]) for row in rows] == [
        ("doubled", "single"),
        ("summed", "single"),
    ]
    with pytest.raises(InputError, match="`precision` must be 'single' for v5e, but is 'double'"):
        prediction.predict("v5e", precision="double")


def test_a_program_that_does_not_compile_is_a_row_and_a_failure(small, tmp_path, capsys):
    words = ["bench", "--out", str(tmp_path / "out"), "--compile-for"]
    assert main([*words, "v5e"]) == 0
    assert "does not compile" not in capsys.readouterr().out
    small["broken"] = lambda: Program(_broken, (programs.numbers(8),))
    assert main([*words, "h100"]) == 1
    report = json.loads((tmp_path / "out" / "compiled.json").read_text())
    assert report["programs"][2]["error"] == "ValueError: no such kernel"
    assert prediction.failed(report) == ["broken"]
    assert "does not compile: ValueError: no such kernel\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "other", [["--quick"], ["--device", "cpu"], ["--compare", "a.json", "b.json"]]
)
def test_options_of_measurements_are_refused(other, tmp_path, capsys):
    words = ["bench", "--compile-for", "h100", *other, "--out", str(tmp_path / "out")]
    assert main(words) == 2
    assert f"must be without `{other[0]}`" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@needs_plugin
def test_a_strang_step_on_an_h100_is_two_transforms_and_two_kernels(monkeypatch):
    monkeypatch.setattr(prediction, "CATALOGUE", {"it": CATALOGUE["Strang, V(x), 2-D"]})
    double, single = prediction.predict("h100")["programs"]
    step = {name: round(value) for name, value in double["step"].items()}
    assert (step["transforms"], step["kernels"], step["counters"]) == (2, 2, 1)
    assert (step["copies"], step["calls"], step["round_trips"]) == (0, 0, 0)
    assert double["is_complete"]
    state = 512**2 * 16
    passes = 2 * 2 * 2 + 3 + 2  # two axes of two transforms, a kick, a drift
    assert double["step"]["bytes"] == pytest.approx(passes * state, rel=0.01)
    assert single["step"]["bytes"] == pytest.approx(passes * state / 2, rel=0.01)


@needs_libtpu
def test_a_strang_step_compiles_for_a_tpu(monkeypatch):
    monkeypatch.setattr(prediction, "CATALOGUE", {"it": CATALOGUE["Strang, V(x), 1-D"]})
    (single,) = prediction.predict("v5e")["programs"]
    assert single["step"]["round_trips"] == 0
    assert single["is_complete"]
