"""Kills runs and fits at random moments, continues them, and compares the files that they write.

    python bench/kill.py [TRIALS]

Each trial starts the same computation in a new folder, ends it with SIGKILL at a random moment up
to three times, and lets the last start finish. The SHA-256 of the result must be that of a
computation that nothing disturbed. Writes bench/results/kill.json.
"""

import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "kill.json"
MOST_KILLS = 3
SCENARIO = """
[model]
picture = "wave"
[model.potential]
name = "DoubleWell"
depth = 1.0
half_distance = 1.5
[grid]
lower = [-6.0]
upper = [6.0]
points = [256]
[state]
name = "gaussian"
center = -1.0
width = 0.7
[times]
until = 500.0
count = 501
substeps = 100
[observe]
names = ["norm", "energy", "position"]
"""
FIT = """
import sys
import jax
jax.config.update("jax_enable_x64", True)
import dqmjax as dqm
folder, result = sys.argv[1:]
data = dqm.demo_snapshots()
found = dqm.recover(data, "kerr", free=["C"], checkpoint=folder)
found.save(result)
"""


def simulate(folder: Path) -> list[str]:
    """The command, and what it leaves."""
    scenario = folder / "scenario.toml"
    scenario.write_text(SCENARIO)
    command = [sys.executable, "-m", "dqmjax.cli", "simulate", str(scenario)]
    return [*command, "--out", str(folder / "out"), "--resume", "--quiet"]


def recover(folder: Path) -> list[str]:
    """The command, and what it leaves."""
    (folder / "fit.py").write_text(FIT)
    command = [sys.executable, str(folder / "fit.py")]
    return [*command, str(folder / "checkpoint"), str(folder / "fit.npz")]


COMPUTATIONS: dict[str, tuple[Callable[[Path], list[str]], list[str]]] = {
    "simulate": (simulate, ["out/solution.npz", "out/result.json"]),
    "recover": (recover, ["fit.npz"]),
}


def digest(folder: Path, names: list[str]) -> str:
    """The checksum of all results."""
    found = hashlib.sha256()
    for name in names:
        found.update((folder / name).read_bytes())
    return found.hexdigest()


def run(command: list[str], seconds: float | None) -> bool:
    """Whether the command finished before it was killed."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return False
    if process.returncode:
        raise RuntimeError(said)
    return True


def study(name: str, trials: int) -> dict:
    """How many of the results are equal to the last bit."""
    command_of, results = COMPUTATIONS[name]
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        run(command_of(Path(folder)), None)
        whole, expected = time.monotonic() - begun, digest(Path(folder), results)
    equal, kills = 0, []
    for trial in range(trials):
        moments = random.Random(trial)
        with tempfile.TemporaryDirectory() as folder:
            command, count = command_of(Path(folder)), 0
            while not run(command, moments.uniform(0, whole) if count < MOST_KILLS else None):
                count += 1
            kills.append(count)
            equal += digest(Path(folder), results) == expected
        print(f"{name}: {equal} of {trial + 1} equal, {sum(kills)} kills", flush=True)
    return {"trials": trials, "equal": equal, "kills": sum(kills)}


def main():
    """Both studies; each is written once it is done."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in COMPUTATIONS:
        found[name] = study(name, trials)
        RESULTS.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
