"""Bad command lines: exit status 2, one line on standard error, and no files."""

import contextlib
import io
import os
import pathlib
import tempfile

import numpy as np

import dqmjax as dqm
from dqmjax.cli import main

from . import Entry
from .data import SNAPSHOTS

ROOM = pathlib.Path(tempfile.mkdtemp())
GOOD, OUT = str(ROOM / "good.npz"), str(ROOM / "out")
np.savez(GOOD, **SNAPSHOTS)
(ROOM / "empty.npz").touch()
(ROOM / "text.npz").write_text("text")
(ROOM / "report.json").write_text('{"kernels": [{"kernel": 1}], "growth": [], "machine": {}}')
(ROOM / "deep.json").write_text("[" * 100_000)
(ROOM / "binary.json").write_bytes(b"\xff\xfe\x00")
os.mkfifo(ROOM / "pipe")
np.savez(ROOM / "extra.npz", **SNAPSHOTS, more=np.ones(2))
np.savez(ROOM / "wrong.npz", **SNAPSHOTS | {"density": -SNAPSHOTS["density"]})


def run(words):
    """Runs the command.

    Raises:
        InputError: With its only line on standard error, where the exit status is 2.
    """
    out, error = io.StringIO(), io.StringIO()
    before = sorted(os.listdir(ROOM)), sorted(os.listdir("."))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        try:
            status = main(words)
        except SystemExit as stopped:
            status = stopped.code
    said = error.getvalue()
    assert (sorted(os.listdir(ROOM)), sorted(os.listdir("."))) == before
    if status == 2:
        assert said.startswith("dqmjax")
        assert said.count("\n") == 1, said
        raise dqm.InputError(f"`words`: {said}")
    assert status == 0, said


def recover(*words, file=GOOD):
    return ["recover", str(file), *words, "--out", OUT, "--quiet"]


KERR = ("--model", "kerr")
FILES = [
    "absent.npz", "empty.npz", "text.npz", "pipe", "extra.npz", "wrong.npz", "report.json",
    ".", "deep/er.npz", "x" * 300, "good.npz/more", "null\0byte",
]  # fmt: skip
ASSIGNMENTS = [
    "C", "=", "=1", "C=", "C=one", "C=1j", "C=1=2", "C=nan", "C=inf", "C=-inf", "C=1e999", "c=1",
    "U=1", "ell=-1", "ell=0", "ell=nan", "C==1", " =1", "C=[1]", "alpha_re=nan",
]  # fmt: skip
WHOLE = ["0", "1", "2", "-3", "many", "1.5", "1e3", "", "nan", "999999999", "99999999999999999999"]
REPORTS = [
    "absent.json", "text.npz", "report.json", "deep.json", "binary.json", "empty.npz", ".", "pipe",
    "null\0byte",
]  # fmt: skip

ENTRIES = [
    Entry(
        "command line",
        run,
        {"words": ["info"]},
        {
            "words": [
                [],
                [""],
                ["recove"],
                ["--no-such-option"],
                ["info", "more"],
                ["info", "--out", OUT],
                ["demo", "--out"],
                ["demo", "--out", ""],
                ["demo", "--out", " "],
                ["demo", "--out", "a\0b"],
                ["demo", "--out", GOOD],
                ["demo", "--out", f"{GOOD}/deeper"],
                ["demo", "--out", "/proc/none"],
                ["demo", "file.npz"],
                ["demo", "--cutoff", "3"],
                ["recover"],
                ["recover", GOOD],
                ["recover", *KERR],
                ["recover", GOOD, GOOD, *KERR],
                ["recover", GOOD, *KERR, "--out", ""],
                ["recover", GOOD, "--model"],
                ["bench", "--device", "abacus"],
                ["bench", "--device", "tpu", "--out", OUT],
                ["bench", "--compare"],
                ["bench", "--quick", "more"],
                ["bench", "--out", ""],
                ["simulate"],
                ["simulate", GOOD],
                ["simulate", GOOD, "--out", ""],
                ["simulate", GOOD, "more"],
                *[["simulate", str(ROOM / name), "--out", OUT] for name in (*FILES, "deep.json")],
                recover("--model", ""),
                recover("--model", "ker"),
                recover("--model", "KERR"),
                recover("--model", "kerr,kerr-damped"),
                recover("--model", "omega*n"),
                recover("--hamiltonian", ""),
                recover("--hamiltonian", "kerr"),
                recover("--hamiltonian", "omega*n + U*("),
                recover("--hamiltonian", "omega*n2"),
                recover("--hamiltonian", "omega*a"),
                recover("--hamiltonian", "n**x"),
                recover(*KERR, "--hamiltonian", "omega*n"),
                recover("--hamiltonian", "omega*n", "--start", "U=1"),
                recover("--model", "bose-hubbard", "--fix", "C"),
                recover(*KERR, "--fix", "C=1", "--free", "C"),
                recover(*KERR, "--fix", "C=1", "--start", "C=1"),
                recover(*KERR, "--fix", "C=1", "--fix", "C=2"),
                recover(*KERR, "--start", "C=1", "--start", "C=1"),
                recover(*KERR, "--free", ""),
                recover(*KERR, "--free", "elle"),
                recover(*KERR, "--free"),
                recover(*KERR, "--prior", "1"),
                *[recover(*KERR, file=ROOM / name) for name in FILES],
                *[recover(*KERR, "--fix", text) for text in ASSIGNMENTS],
                *[recover(*KERR, "--start", text) for text in ASSIGNMENTS],
                *[recover(*KERR, "--cutoff", text) for text in WHOLE],
                *[["bench", "--compare", str(ROOM / a), str(ROOM / a)] for a in REPORTS],
            ]
        },
    )
]
