"""Simulations from files: physics, files, interruption, and the exit status."""

import contextlib
import csv
import hashlib
import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.cli import main
from dqmjax.runs import run as runs
from dqmjax.runs.progress import Interruption
from dqmjax.scenario.building import build
from dqmjax.scenario.checking import read_scenario
from dqmjax.scenario.observing import phase_points

from .conftest import KERR, WAVE

SCENARIOS = Path(__file__).parents[2] / "docs" / "scenarios"
NAMES = (
    '["norm", "energy", "position", "momentum", "position_variance", "momentum_variance", '
    '"density", "state"]'
)
OBSERVED = ("[times]", f"[observe]\nnames = {NAMES}\n[times]")
WRITTEN = ("observables.csv", "observables.png", "density.png", "result.json", "solution.npz")


def solved(path):
    job = build(read_scenario(path))
    solution = dqm.run(
        job.stepper, job.state, job.ts, substeps=job.scenario.times.substeps, observe=job.observe,
        progress=False,
    )  # fmt: skip
    return job, solution


def digests(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in Path(folder).iterdir()}


EXPRESSION = ('name = "Harmonic"', 'expression = "k*x**2/2"\nparameters = {k = 1.0}')
SUM = (
    '[model.potential]\nname = "Harmonic"',
    '[[model.potential]]\nname = "Harmonic"\nomega = 0.6\n[[model.potential]]\n'
    'expression = "0.32*x1**2"',
)


@pytest.mark.parametrize("replaced", [[], [EXPRESSION], [SUM]], ids=["name", "expression", "sum"])
def test_coherent_state_in_a_harmonic_well(scenario, replaced):
    """⟨x⟩ = cos t, ⟨p⟩ = −sin t, ΔxΔp = 1/4, H = 1."""
    _, solution = solved(scenario(WAVE, OBSERVED, *replaced))
    t, saved = np.asarray(solution.ts), solution.saved
    np.testing.assert_allclose(saved["position"][:, 0], np.cos(t), atol=1e-6)
    np.testing.assert_allclose(saved["momentum"][:, 0], -np.sin(t), atol=1e-6)
    for name, value in (("norm", 1.0), ("energy", 1.0)):
        np.testing.assert_allclose(saved[name], value, atol=1e-8)
    for name in ("position_variance", "momentum_variance"):
        np.testing.assert_allclose(saved[name], 0.5, atol=1e-6)
    np.testing.assert_allclose(saved["density"], np.abs(saved["state"]) ** 2, atol=1e-15)


def test_canonical_pair_is_the_wave(scenario):
    _, wave = solved(scenario(WAVE, OBSERVED))
    names = ('"state"]', '"state", "action"]')
    _, pair = solved(scenario(WAVE, OBSERVED, names, ('"wave"', '"canonical"')))
    for name in ("norm", "energy", "position", "momentum", "momentum_variance", "density"):
        np.testing.assert_allclose(pair.saved[name], wave.saved[name], atol=1e-10)
    psi = np.sqrt(pair.saved["density"]) * np.exp(1j * np.asarray(pair.saved["action"]))
    np.testing.assert_allclose(psi, wave.saved["state"], atol=1e-10)


def test_driven_expression_obeys_ehrenfest(scenario):
    """A harmonic well with a force f(t) = sin t: ⟨x⟩ of a classical particle."""
    driven = ('name = "Harmonic"', 'expression = "x**2/2 - x*sin(t)"')
    _, solution = solved(scenario(WAVE, driven, ("substeps = 2", "substeps = 20")))
    t = np.asarray(solution.ts)
    exact = np.cos(t) + (np.sin(t) - t * np.cos(t)) / 2
    np.testing.assert_allclose(solution.saved["position"][:, 0], exact, atol=1e-8)


def test_kerr_oscillator_revives(scenario):
    """U = 2: |α⟩ becomes a cat at π/2 and is revived at π."""
    job, solution = solved(scenario(KERR))
    saved, alpha = solution.saved, 1.0 + 0.5j
    np.testing.assert_allclose(saved["state"][-1], saved["state"][0], atol=1e-9)
    np.testing.assert_allclose(saved["quanta"][:, 0], abs(alpha) ** 2, atol=1e-8)
    np.testing.assert_allclose(saved["energy"], abs(alpha) ** 4, atol=1e-7)
    np.testing.assert_allclose(saved["purity"], 1.0, atol=1e-8)
    np.testing.assert_allclose(saved["parity"], np.exp(-2 * abs(alpha) ** 2), atol=1e-8)
    np.testing.assert_allclose(saved["norm"], 1.0, atol=1e-8)
    ends = np.sqrt(2) * np.array([alpha, alpha])
    np.testing.assert_allclose(saved["position"][::2, 0], ends.real, atol=1e-7)
    np.testing.assert_allclose(saved["momentum"][::2, 0], ends.imag, atol=1e-7)
    cat = np.asarray(dqm.FockBargmann(20).cat_ket(1j * alpha, np.pi / 2))
    assert np.vdot(cat, saved["state"][1] @ cat).real == pytest.approx(1.0, abs=1e-7)
    assert job.steps == 2


def test_lossy_oscillators_in_other_units(scenario):
    """Two modes with loss: quanta decay as e^{−γt}, positions have the unit ℓ."""
    text = KERR.partition("[observe]")[0]
    loss = "[[model.jump]]\noperator = 's*a1'\nrate = 0.25\nparameters = {s = 2}\n[basis]"
    path = scenario(
        text,
        (
            'hamiltonian = "omega*n + U/2*n*(n-1)"',
            "symbol = {name = 'Oscillators', omega = [1, 2]}",
        ),
        ("[model.parameters]\nomega = 0.0\nU = 2.0\n", "ell = [2.0, 1.0]\nkappa = 0.5\n"),
        ("[basis]", loss),
        ("levels = 20", "levels = [10, 5]"),
        ("alpha = [1.0, 0.5]", "alpha = [[0.5, 0.0], 0.25]\nloss = 1e-6"),
    )
    _, solution = solved(path)
    t = np.asarray(solution.ts)
    np.testing.assert_allclose(solution.saved["quanta"][:, 0], 0.25 * np.exp(-t), atol=1e-6)
    np.testing.assert_allclose(solution.saved["quanta"][:, 1], 0.0625, atol=1e-6)
    exact = np.sqrt(2) * 2.0 * 0.5 * np.exp(-t / 2) * np.cos(t / 0.5)
    np.testing.assert_allclose(solution.saved["position"][:, 0], exact, atol=1e-5)


def test_quartic_hamiltonians_are_exact_unless_an_order_is_given(scenario):
    quartic = ("omega*n + U/2*n*(n-1)", "omega*n + U*q**4")
    path = scenario(KERR, quartic, ("levels = 20", "levels = 16"))
    assert build(read_scenario(path)).stepper.fokker_planck.order == 4
    path = scenario(KERR, quartic, ('"husimi"', '"husimi"\norder = 2\nC = 0.5'))
    flow = build(read_scenario(path)).stepper.fokker_planck
    assert (flow.order, flow.C) == (2, 0.5)


def test_edges_that_absorb_are_those_of_the_grid(scenario):
    text = WAVE.replace("[model.potential]", "[[model.potential]]")
    layer = "[[model.potential]]\nname = 'AbsorbingEdges'\nwidth = 3\nstrength = 2\n[grid]"
    stepper = build(read_scenario(scenario(text, ("[grid]", layer)))).stepper
    well, edges = stepper.hamiltonian.potential.terms
    assert (edges.lower, edges.upper, well.mass) == ((-8.0,), (8.0,), 1.0)


def test_files_of_a_run(scenario, tmp_path, capsys):
    path, out = scenario(WAVE, ("[times]", "[output]\nfilm = true\n[times]")), tmp_path / "out"
    assert main(["simulate", str(path), "--out", str(out), "--quiet"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "32 points" in printed.out
    assert sorted(p.name for p in out.iterdir()) == sorted([*WRITTEN, "film.gif"])
    found = json.loads((out / "result.json").read_text())
    assert found["title"] == "A packet in a well"
    assert (found["times"], found["steps"], found["status"]) == (3, 4, "OK")
    assert found["observables"]["position"] == pytest.approx([np.cos(1)], abs=1e-6)
    assert 0 < found["error"] < 1e-5
    solution = dqm.load(out / "solution.npz")
    rows = list(csv.DictReader((out / "observables.csv").read_text().splitlines()))
    assert [float(row["t"]) for row in rows] == [0.0, 0.5, 1.0]
    position = [float(row["position"]) for row in rows]
    np.testing.assert_array_equal(position, solution.saved["position"][:, 0])
    before = digests(out)
    assert main(["simulate", str(path), "--out", str(out), "--quiet"]) == 0
    assert digests(out) == before


def test_density_of_a_husimi_run(scenario, tmp_path):
    names = ('"norm", "state"', '"density"')
    film = ("[times]", "[output]\nfilm = true\n[times]")
    path = scenario(KERR, names, film)
    assert main(["simulate", str(path), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    found = json.loads((tmp_path / "out" / "result.json").read_text())["density"]
    rho = dqm.load(tmp_path / "out" / "solution.npz").saved["density"]
    (low, high, count), p = found["q"], found["p"]
    assert p == found["q"]
    assert rho.shape == (3, count**2)
    cell = ((high - low) / (count - 1)) ** 2
    np.testing.assert_allclose(np.sum(rho, axis=1) * cell, 1.0, atol=1e-6)
    points = phase_points(dqm.FockBargmann(20))
    assert points[np.argmax(rho[0])] == pytest.approx(np.sqrt(2) * np.array([1.0, 0.5]), abs=0.1)


def test_dry_run_writes_nothing(scenario, tmp_path, capsys):
    path, out = scenario(), tmp_path / "out"
    assert main(["simulate", str(path), "--out", str(out), "--dry-run"]) == 0
    printed = capsys.readouterr().out
    for word in ("A packet in a well", "32 points", "4 steps", "norm, energy", "KiB", "Memory"):
        assert word in printed
    assert [p.name for p in tmp_path.iterdir()] == ["scenario.toml"]


@pytest.fixture
def ctrl_c(monkeypatch):
    """Ctrl-C during the first call of every run, as long as it is on."""

    @contextlib.contextmanager
    def interruptible():
        noted = Interruption()
        noted.pressed = True
        yield noted

    with monkeypatch.context() as patch:
        patch.setattr(runs, "interruptible", interruptible)
        yield patch


def test_resumed_run_gives_the_same_bytes(scenario, tmp_path, capsys, ctrl_c):
    path, out, whole = scenario(), tmp_path / "out", tmp_path / "whole"
    words = ["simulate", str(path), "--quiet", "--out"]
    assert main([*words, str(out)]) == 130
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"--out {out} --resume" in error
    assert [p.name for p in out.iterdir()] == ["checkpoint"]
    ctrl_c.undo()
    assert main([*words, str(out)]) == 2
    assert "add --resume" in capsys.readouterr().err
    other = scenario(WAVE, ("mass = 1.0", "mass = 2.0")).rename(tmp_path / "other.toml")
    assert main(["simulate", str(other), "--quiet", "--out", str(out), "--resume"]) == 2
    error = capsys.readouterr().err
    assert "was begun with other arguments" in error
    assert "mass` was 1.0 and is 2.0" in error
    scenario()
    assert [p.name for p in out.iterdir()] == ["checkpoint"]
    assert main([*words, str(out), "--resume"]) == 0
    assert main([*words, str(whole), "--resume"]) == 0
    assert sorted(digests(out)) == sorted(WRITTEN)
    assert digests(out) == digests(whole)


def test_invalid_state_gives_status_1_and_keeps_the_checkpoint(scenario, tmp_path, capsys):
    flying = ("center = 1.0", "center = 1.0\nmomentum = 3.0"), ("until = 1.0", "until = 3.0")
    path = scenario(
        WAVE, ('"Harmonic"', '"Free"'), ("points = 32", "isolated = true\npoints = 64"), *flying
    )
    out = tmp_path / "out"
    assert main(["simulate", str(path), "--quiet", "--out", str(out)]) == 1
    error = capsys.readouterr().err
    assert "reaches the edge of the isolated box" in error
    assert error.count("\n") == 1
    assert [p.name for p in out.iterdir()] == ["checkpoint"]


def test_inaccurate_run_is_a_warning(scenario, tmp_path, capsys):
    long = (("until = 1.0", "until = 8.0"), ("substeps = 2", "substeps = 6"))
    path = scenario(WAVE, *long, ("mass = 1.0", 'mass = 1.0\nscheme = "strang"'))
    assert main(["simulate", str(path), "--quiet", "--out", str(tmp_path / "out")]) == 0
    assert "dqmjax: warning: The estimated error" in capsys.readouterr().err
    found = json.loads((tmp_path / "out" / "result.json").read_text())
    assert found["status"] == "INACCURATE"


def test_bad_folders_are_refused(scenario, tmp_path, capsys):
    path, out = scenario(), tmp_path / "out"
    out.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (out / "checkpoint").symlink_to(tmp_path / "elsewhere")
    for place, word in ((out, "is a link"), (path, "Not a directory"), (path / "x", "Not a dir")):
        words = ["simulate", str(path), "--quiet", "--resume", "--out", str(place)]
        assert main(words) == 2
        error = capsys.readouterr().err
        assert word in error or "cannot be" in error
        assert error.count("\n") == 1
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("title", ["../../x", "/etc/x", "~", "$HOME", "a/b\\\\c", "%s{0}"])
def test_titles_name_no_files(scenario, tmp_path, title):
    path = scenario(WAVE, ("A packet in a well", title))
    assert read_scenario(path).title == tomllib.loads(path.read_text())["title"]
    assert main(["simulate", str(path), "--out", str(tmp_path / "out"), "--dry-run"]) == 0
    assert [p.name for p in tmp_path.iterdir()] == ["scenario.toml"]


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.toml")), ids=lambda path: path.stem)
def test_examples_can_be_built(path):
    assert build(read_scenario(path)).steps > 50


def test_example_of_the_page_can_be_built(scenario):
    page = (SCENARIOS.parent / "simulate.md").read_text()
    example = page.partition("```toml\n")[2].partition("```")[0]
    job = build(read_scenario(scenario(example)))
    assert "energy" not in job.observe
    assert job.steps == 500
