"""What `run` costs over `solve`, with and without checkpoints, on an idle machine.

    python bench/runs.py

Solve and run alternate; the least of seven times each is compared. Compilation is not counted.
Writes bench/results/runs.json.
"""

import json
import platform
import tempfile
import time
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

import dqmjax as dqm  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "runs.json"
REPEATS = 7


def size(state) -> jax.Array:
    """A number of each state, so that little is saved."""
    return jnp.sum(jnp.abs(state) ** 2)


def oscillator(dim: int, n: int):
    """A packet in a harmonic trap, by Strang steps."""
    grid = dqm.Grid([-8.0] * dim, [8.0] * dim, (n,) * dim)
    stepper = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic()), grid, dqm.strang)
    return stepper, dqm.gaussian(grid, [1.0] + [0.0] * (dim - 1), 0.7)


def kerr():
    """A driven Kerr oscillator."""
    basis = dqm.FockBargmann(80)
    flow = dqm.FokkerPlanck(dqm.operator("n + 0.2*n*n + 0.1*(a + ad)"))
    return dqm.HusimiStep(flow, basis), basis.coherent(1.0)


CASES = {  # problem, save times, substeps
    "1-D, 256 points": (lambda: oscillator(1, 256), np.linspace(0, 10, 1001), 800),
    "2-D, 128² points": (lambda: oscillator(2, 128), np.linspace(0, 10, 201), 60),
    "Husimi, 80 levels": (kerr, np.linspace(0, 12, 301), 15),
}


def timed(function) -> float:
    """Seconds."""
    begun = time.perf_counter()
    jax.block_until_ready(function())
    return time.perf_counter() - begun


def measure(name: str) -> dict:
    """The least times of one case."""
    make, ts, substeps = CASES[name]
    stepper, state = make()
    solve = lambda: dqm.solve(stepper, state, ts, substeps=substeps, save=size)
    run = lambda **more: dqm.run(
        stepper, state, ts, substeps=substeps, observe=size, progress=False, **more
    )

    def saving():
        with tempfile.TemporaryDirectory() as folder:
            return run(checkpoint=folder, every=1.0)

    ways = {"solve": solve, "run": run, "run, checkpoint each second": saving}
    times = {way: [] for way in ways}
    for _ in range(REPEATS + 1):
        for way, function in ways.items():
            times[way].append(timed(function))
    least = {way: min(values[1:]) for way, values in times.items()}
    cost = {way: least[way] / least["solve"] - 1 for way in ways if way != "solve"}
    return {"seconds": least, "cost over solve": cost}


def main():
    """All cases."""
    found: dict = {name: measure(name) for name in CASES}
    for name, values in found.items():
        print(name, values)
    about = {"jax": jax.__version__, "machine": platform.processor() or platform.machine()}
    RESULTS.write_text(json.dumps({"about": about, "cases": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
