"""The command line: exit status, output, files, and one line for each error."""

import json
import subprocess
import sys

import jax
import numpy as np
import pytest
from systems import KERR

from dqmjax import cli
from dqmjax.benchmark.advice import advice
from dqmjax.cli import main
from dqmjax.fock_bargmann.steps import MAX_DENSE, MAX_DENSE_SIDE
from dqmjax.wave.dense import MOST_POINTS


@pytest.fixture(scope="module")
def file(tmp_path_factory, clean):
    """The first seven of the noise-free snapshots."""
    path = tmp_path_factory.mktemp("data") / "clean.npz"
    first = {"t": clean.t[:7], "density": clean.density[:7], "points": clean.points}
    np.savez(path, **first, ell=clean.ell, kappa=clean.kappa, hbar=clean.hbar)
    return path


@pytest.mark.slow
def test_demo_in_a_process_of_its_own(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "dqmjax.cli", "demo", "--out", tmp_path / "demo"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "chi2/dof" in done.stderr
    assert "The model describes the data." in done.stdout
    found = json.loads((tmp_path / "demo" / "result.json").read_text())
    truth = {"interaction": -2 * np.pi * 0.325, "omega": 0, "C": 1, "alpha_re": 2, "alpha_im": 0}
    for name, value in truth.items():
        assert abs(found["estimate"][name] - value) < 4 * found["stderr"][name] < 0.004
    names = {p.name for p in (tmp_path / "demo").iterdir()}
    assert names == {"result.json", "report.html", "snapshots.png", "posterior.png"}


@pytest.mark.slow
def test_recover_writes_numbers_and_figures(file, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["recover", str(file), "--model", "kerr", "--fix", "C=1", "--start", "omega=0.5"]
    assert main([*arguments, "--out", str(out)]) == 0
    printed = capsys.readouterr()
    assert "interaction" in printed.out
    assert "Wrote posterior.png, report.html, result.json, snapshots.png to" in printed.out
    assert "chi2/dof" in printed.err
    found = json.loads((out / "result.json").read_text())
    assert found["describes_data"]
    assert found["estimate"]["interaction"] == pytest.approx(KERR["interaction"], abs=1e-8)
    assert "C" not in found["estimate"]
    written = ["recover", str(file), "--hamiltonian", "omega*n + U/2*n*(n - 1)", "--fix", "C=1"]
    assert main([*written, "--out", str(tmp_path / "written"), "--quiet"]) == 0
    other = json.loads((tmp_path / "written" / "result.json").read_text())["estimate"]
    assert other["U"] == pytest.approx(KERR["interaction"], abs=1e-8)
    for figure in ("snapshots.png", "posterior.png"):
        assert (out / figure).read_bytes().startswith(b"\x89PNG")
    report = (out / "report.html").read_text(encoding="utf-8")
    assert "The model describes the data." in report
    assert all(name in report for name in found["estimate"])


@pytest.mark.slow
def test_a_model_that_does_not_describe_the_data_gives_status_1(file, tmp_path, capsys):
    fixed = [word for name in ("interaction", "omega") for word in ("--fix", f"{name}=0")]
    arguments = ["recover", str(file), "--model", "kerr", "--fix", "C=1", *fixed, "--quiet"]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr()
    assert "does NOT describe" in printed.out
    assert printed.err == ""
    assert not json.loads((tmp_path / "out" / "result.json").read_text())["describes_data"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "kerr", "--fix", "U=1"], "parameter 'U' of `fix` is unknown"),
        (["--model", "kerr", "--start", "C=nan"], "`start['C']` must be finite"),
        (["--model", "kerr", "--cutoff", "3"], "`cutoff` must"),
        (["--model", "kerr", "--cutoff", "0"], "at least 2"),
        (["--model", "kerr", "--fix", "ell=-1"], "`ell` must be positive"),
        (["--model", "kerr", "--fix", "ell=1", "--free", "ell"], "both fixed and free"),
        (["--model", "kerr", "--fix", "C=1", "--fix", "C=2"], "'C' is given twice"),
    ],
)
def test_bad_arguments_give_one_line_and_no_files(file, tmp_path, capsys, arguments, message):
    out = tmp_path / "out"
    assert main(["recover", str(file), *arguments, "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_ctrl_c_in_a_running_command_gives_one_line(file, tmp_path, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "recover", interrupted)
    assert main(["recover", str(file), "--model", "kerr", "--out", str(tmp_path / "out")]) == 130
    assert capsys.readouterr().err == "dqmjax: interrupted\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["empty.npz", "folder", "absent.npz"])
def test_bad_files_give_one_line_and_no_files(name, tmp_path, capsys):
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    path = tmp_path / name
    assert main(["recover", str(path), "--model", "kerr", "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert str(path) in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_unwritable_output_is_reported_before_the_fit(file, tmp_path, capsys):
    blocked = tmp_path / "file"
    blocked.touch()
    assert main(["recover", str(file), "--model", "kerr", "--out", str(blocked / "x")]) == 2
    error = capsys.readouterr().err
    assert "cannot be written to" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["recover", "f", "--model", "kerr", "--fix", "C"], "must be NAME=VALUE"),
        (["recover", "f", "--model", "kerr", "--cutoff", "many"], "invalid int value"),
        (["recover", "f"], "--model"),
        (["recover", "f", "--model", "kerrr"], "invalid choice: 'kerrr'"),
        (["recove"], "invalid choice"),
    ],
)
def test_malformed_command_lines_give_one_line(capsys, arguments, message):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    error = capsys.readouterr().err
    assert stopped.value.code == 2
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ([], ["demo", "simulate", "recover", "bench", "info"]),
        (["recover"], ["initial value", "fixed value", "exit status"]),
        (["simulate"], ["exit status", "continue an unfinished run", "write nothing"]),
        (["bench"], ["lower bound", "compare two reports"]),
    ],
)
def test_help_explains_the_commands(command, words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--help"])
    assert stopped.value.code == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert all(word in printed for word in words)


def test_notebooks_are_copied_and_never_replaced(tmp_path, capsys):
    assert main(["notebooks", str(tmp_path / "books")]) == 0
    assert f"Wrote 14 notebooks to {tmp_path / 'books'}" in capsys.readouterr().out
    written = sorted((tmp_path / "books").iterdir())
    assert [p.suffix for p in written] == [".ipynb"] * 14
    assert json.loads(written[0].read_text())["nbformat"] == 4
    written[3].write_text("mine")
    written[5].unlink()
    assert main(["notebooks", str(tmp_path / "books")]) == 2
    assert "name another folder" in capsys.readouterr().err
    assert written[3].read_text() == "mine"
    assert sorted((tmp_path / "books").iterdir()) == written[:5] + written[6:]


def test_info_lists_versions_and_devices(capsys):
    assert main(["info"]) == 0
    assert "jaxlib" in (printed := capsys.readouterr().out)
    assert "cpu" in printed or "gpu" in printed


def test_info_says_what_costs_speed(capsys):
    """With the version of JAX that is installed, and with others."""
    assert main(["info"]) == 0
    printed = capsys.readouterr().out
    for subject, line in advice():
        assert f"{subject:<11} {line}" in printed
    said = lambda *version: [subject for subject, _ in advice(version)]
    assert "slow" in said(0, 10, 2)
    assert "slow" not in said(0, 12, 0)
    assert all(str(limit) in printed for limit in (MOST_POINTS, MAX_DENSE, MAX_DENSE_SIDE))


def test_absent_platform_is_reported(monkeypatch, capsys):
    def devices(_=None):
        raise AssertionError  # as JAX does

    monkeypatch.setattr(jax, "devices", devices)
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    assert main(["info"]) == 2
    assert "JAX_PLATFORMS is 'cuda', but JAX finds no such device" in capsys.readouterr().err
