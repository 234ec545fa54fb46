"""A Strang step and its two transforms alone, with several versions of JAX on this machine.

    python bench/jax_versions.py PYTHON [PYTHON ...]

Each PYTHON has dqmjax and a version of JAX. Milliseconds of one step and of a transform and its
inverse, double precision, what a longer run
takes more than a shorter one. Writes bench/results/jax_versions.json.
"""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "jax_versions.json"
SIDES, STEPS, ROUNDS = (256, 512), (20, 120), 10


def here() -> dict:
    """Of the JAX of this process."""
    import jax
    import jax.numpy as jnp
    from split_step import corner, interleaved, setting

    import dqmjax as dqm

    jax.config.update("jax_enable_x64", True)
    found: dict = {"jax": jax.__version__, "python": sys.version.split()[0]}
    for n in SIDES:
        calls = []
        for steps in STEPS:
            grid, psi, ts = setting(n, 2, steps)
            stepper = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic()), grid, dqm.strang)
            run = lambda psi, s=stepper, ts=ts, steps=steps: dqm.solve(
                s, psi, ts, substeps=steps, save=corner, throw=False
            )
            pair = lambda _, y: jnp.fft.ifftn(jnp.fft.fftn(y))
            pairs = lambda psi, pair=pair, steps=steps: jax.lax.fori_loop(0, steps, pair, psi)
            calls += [partial(jax.jit(f), psi) for f in (run, pairs)]
        least = 1e3 * interleaved(calls, ROUNDS).min(axis=0)
        step, transforms = (least[2:] - least[:2]) / (STEPS[1] - STEPS[0])
        found[f"{n}²"] = {"step_ms": step, "transforms_ms": transforms}
    return found


def main():
    """One process for each interpreter, one after the other."""
    words = [str(Path(__file__)), "--here"]
    rows = [json.loads(subprocess.check_output([python, *words])) for python in sys.argv[1:]]
    print(json.dumps(rows, indent=1, ensure_ascii=False))
    RESULTS.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    print(json.dumps(here())) if "--here" in sys.argv else main()
