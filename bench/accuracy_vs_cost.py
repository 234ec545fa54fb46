"""Time to a given error, in one to three dimensions, against other packages.

    python bench/accuracy_vs_cost.py [--environments DIR]

The problem: `V = Σ x_i²/2 + x_i⁴/10`, a moving packet, one unit of time, ħ = m = 1. The exact ψ on
the same grid is a product of one-dimensional ones, by diagonalisation. Each package runs in an
environment of its own, made in DIR from the registry, one after the other on an otherwise idle
machine; every time stands beside its error, the least of some repeats, set-up and compilation
apart. Times to a given error lie between two runs; where no run of 10 s reaches it, they are
extrapolated by the order, and said so.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import dqmjax as dqm
from dqmjax.wave.potentials import potential_on

sys.path.insert(0, str(Path(__file__).parent / "peers"))
import ladder

HERE = Path(__file__).parent
PEERS = {  # name: what to install, dimensions
    "fftw": (["pyfftw==0.15.1"], (1, 2, 3)),
    "pytalises": (["pytalises==0.2.7"], (1, 2, 3)),
    "pygpe": (["pygpe==2.0.4"], (1, 2, 3)),
    "qmsolve": (["qmsolve==2.0.0"], (1, 2)),
    "wavepacket": (["wavepacket==0.5"], (1, 2, 3)),
}
GRIDS = {1: (7.0, 128), 2: (7.0, 128), 3: (6.0, 48)}  # half a side, points of each axis
SCHEMES = (dqm.strang, dqm.blanes_moan4, dqm.nystrom4, dqm.blanes_moan6, dqm.nystrom6)
ERRORS = (1e-4, 1e-8, 1e-12)


def well(x, t=0.0):
    return jnp.sum(x**2 / 2 + 0.1 * x**4)


def problem(dim: int) -> dict:
    """The arrays of `ladder.problem`."""
    side, n = GRIDS[dim]
    line, grid = (dqm.Grid((-side,) * d, (side,) * d, (n,) * d) for d in (1, dim))
    packet = dqm.gaussian(line, 0.5, 0.6, 0.7)
    h = dqm.Hamiltonian(well)
    matrix = np.real(jax.vmap(lambda c: h.apply(line, c + 0j))(jnp.eye(n)))
    levels, states = np.linalg.eigh((matrix + matrix.T) / 2)
    moved = states @ (np.exp(-1j * levels) * (states.T @ np.asarray(packet)))

    def product(factor):
        total = np.asarray(factor)
        for _ in range(dim - 1):
            total = np.multiply.outer(total, factor)
        return total

    potential = potential_on(well, grid)
    return {
        "lower": np.array(-side),
        "upper": np.array(side),
        "time": np.array(1.0),
        "V": np.asarray(potential),
        "start": product(packet),
        "exact": product(moved),
    }


class Ours:
    """`run(setting)` of `ladder.measure`, compiled for each setting beforehand."""

    def __init__(self, start, ts, make_stepper, substeps):
        self.start, self.ts = start, ts
        self.make_stepper, self.substeps = make_stepper, substeps
        self.compiled = {}

    def prepare(self, setting):
        stepper, count = self.make_stepper(setting), self.substeps(setting)
        final = lambda psi: dqm.solve(stepper, psi, self.ts, substeps=count, save=corner).final
        self.compiled = {setting: jax.jit(final).lower(self.start).compile()}

    def __call__(self, setting):
        if setting not in self.compiled:
            self.prepare(setting)
        return np.asarray(self.compiled[setting](self.start))


def ours(given: dict) -> dict:
    """Every scheme and Chebyshev."""
    dim, side = given["V"].ndim, float(given["upper"])
    grid = dqm.Grid((-side,) * dim, (side,) * dim, given["V"].shape)
    h, start = dqm.Hamiltonian(well), jnp.asarray(given["start"])
    ts = dqm.save_times(np.array([0.0, float(given["time"])]))

    results = {}
    for scheme in SCHEMES:
        run = Ours(start, ts, lambda _, s=scheme: dqm.SplitStep(h, grid, s), lambda n: n)
        counts = ladder.steps_from(16 if scheme.order == 2 else 3)
        results[f"dqmjax {scheme.name}"] = ladder.measure(run, given, counts)
    run = Ours(start, ts, lambda tol: dqm.Chebyshev(h, grid, tolerance=tol), lambda _: 1)
    results["dqmjax Chebyshev"] = ladder.measure(run, given, [10.0**-n for n in range(3, 15)])
    return results


def corner(psi):
    """Keeps one number of each state, so that what is timed is the steps."""
    return psi[(0,) * psi.ndim]


def with_peers(
    runs: dict, packages: dict[str, list[str]], environments: Path, given: dict
) -> dict[str, str]:
    """Adds the runs of each peer, by its script in its own environment; why others have none."""
    skipped = {}
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        np.savez(file, **given)
        file.flush()
        for name, wanted in packages.items():
            try:
                runs[name] = _peer(name, wanted, environments, Path(file.name))
            except subprocess.CalledProcessError as error:
                skipped[name] = f"{' '.join(map(str, error.cmd))}: exit {error.returncode}"
                print(f"skipped {name}: {skipped[name]}", file=sys.stderr)
    return skipped


def _peer(name: str, packages: list[str], environments: Path, arrays: Path) -> list[dict]:
    home = environments / name
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        script = HERE / "peers" / f"run_{name}.py"
        subprocess.run([python, script, arrays, out.name], check=True)
        return json.loads(Path(out.name).read_text())


def time_to(error: float, rows: list[dict]) -> dict:
    """Seconds at which the error is reached: between the run before and the first that reaches
    it, on logarithmic scales; what order 2 makes of the last run, if that is the best; or none."""
    first = next((i for i, row in enumerate(rows) if row["error"] <= error), None)
    if first is not None:
        pair = rows[max(first - 1, 0) : first + 1]
        errors, seconds = (np.log([row[key] for row in pair[::-1]]) for key in ("error", "seconds"))
        return {"seconds": float(np.exp(np.interp(np.log(error), errors, seconds))), "how": "run"}
    if rows[-1]["error"] > min(row["error"] for row in rows):
        return {"seconds": None, "how": "round-off is larger"}
    factor = np.sqrt(rows[-1]["error"] / error)
    return {"seconds": float(rows[-1]["seconds"] * factor), "how": "extrapolated"}


def show(case: str, name: str, times: dict):
    """A line of the table; a star where it is extrapolated."""
    star = lambda c: "*" if c["how"] == "extrapolated" else " "
    cells = (f"{c['seconds'] or np.nan:9.3g}{star(c)}" for c in times.values())
    print(f"{case:10} {name:45}", *cells, flush=True)


def main():
    parser = argparse.ArgumentParser(description="Time to a given error.")
    parser.add_argument("--environments", type=Path, default=Path(".bench-environments"))
    directory = parser.parse_args().environments.resolve()
    jax.config.update("jax_enable_x64", True)
    result = {
        "versions": {p: importlib.metadata.version(p) for p in ("jax", "jaxlib", "numpy")},
        "peers": [package for packages, _ in PEERS.values() for package in packages],
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {jax.devices()[0].device_kind}",
        "runs": {},
        "skipped": {},
        "time_to": {},
    }
    for dim, (_, n) in GRIDS.items():
        given, case = problem(dim), f"{dim}-D {n}^{dim}"
        runs = ours(given)
        packages = {name: wanted for name, (wanted, dims) in PEERS.items() if dim in dims}
        result["skipped"][case] = with_peers(runs, packages, directory, given)
        result["runs"][case] = runs
        result["time_to"][case] = {
            name: {f"{e:.0e}": time_to(e, rows) for e in ERRORS} for name, rows in runs.items()
        }
        for name, times in result["time_to"][case].items():
            show(case, name, times)
    out = HERE / "results" / "accuracy_vs_cost.json"
    out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
