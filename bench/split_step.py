"""What a Strang step, its gradient and its first call cost, each as a ratio within one run.

    python bench/split_step.py

- A step against its own two transforms alone, on one core and on two, in both precisions. Time of
  a step: what a longer run takes more than a shorter one, so that the phases, made once, are out.
- Value and gradient (to ω, by `Reversible`) against the run forward, and the memory of both that
  XLA plans, for 10² to 10⁴ steps; a stored scan (`Direct`) beside it.
- The first call of a problem in one dimension: tracing, compiling and running.

Each in a process of its own. Writes bench/results/split_step.json.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

CORES = sorted(os.sched_getaffinity(0))
RESULTS = pathlib.Path(__file__).parent / "results" / "split_step.json"
SIZES = ((2048, 1, 2000), (256, 2, 60), (512, 2, 16), (1024, 2, 6), (64, 3, 16))  # n, dim, steps
ROUNDS = 21


def interleaved(calls, rounds):
    """Seconds of each call in each round, the calls in turn: (rounds, calls)."""
    import jax
    import numpy as np

    for call in calls:
        jax.block_until_ready(call())
    rows = []
    for _ in range(rounds):
        row = []
        for call in calls:
            begin = time.perf_counter()
            jax.block_until_ready(call())
            row.append(time.perf_counter() - begin)
        rows.append(row)
    return np.array(rows)


def setting(n, dim, substeps):
    """A stepper, a state and save times 0.01 · `substeps` apart."""
    import numpy as np

    import dqmjax as dqm

    grid = dqm.Grid((-8.0,) * dim, (8.0,) * dim, (n,) * dim)
    ts = dqm.save_times(np.array([0.0, 0.01 * substeps]))
    return grid, dqm.gaussian(grid, 0.5, 0.7), ts


def corner(psi):
    return psi[(0,) * psi.ndim]


def against_transforms(n, dim, steps):
    import jax
    import jax.numpy as jnp
    import numpy as np

    import dqmjax as dqm

    def ours(count):
        grid, psi, ts = setting(n, dim, count)
        stepper = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic()), grid, dqm.strang)
        run = jax.jit(lambda y: dqm.solve(stepper, y, ts, substeps=count, save=corner).final)
        return lambda: run(psi)

    def transforms(count):
        _, psi, _ = setting(n, dim, count)
        pair = lambda y, _: (jnp.fft.ifftn(jnp.fft.fftn(y)), None)
        run = jax.jit(lambda y: jax.lax.scan(pair, y, length=count)[0])
        return lambda: run(psi)

    calls = [ours(steps), ours(3 * steps), transforms(steps), transforms(3 * steps)]
    short, long, pair_short, pair_long = interleaved(calls, ROUNDS).T
    step, pair = (long - short) / (2 * steps), (pair_long - pair_short) / (2 * steps)
    low, median, high = np.quantile(step / pair, [0.25, 0.5, 0.75])
    return {
        "shape": [n] * dim,
        "step_ms": 1e3 * float(np.median(step)),
        "pair_ms": 1e3 * float(np.median(pair)),
        "ratio": float(median),
        "quartiles": [float(low), float(high)],
    }


def gradient(n, dim, steps, rounds):
    import jax
    import jax.numpy as jnp
    import numpy as np

    import dqmjax as dqm

    grid, psi, ts = setting(n, dim, steps)

    def loss(omega, adjoint):
        stepper = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic(omega)), grid, dqm.strang)
        run = dqm.solve(stepper, psi, ts, substeps=steps, save=corner, adjoint=adjoint)
        return jnp.abs(run.final[(n // 2 + 3,) * dim]) ** 2

    def compiled(f, adjoint):
        return jax.jit(lambda w: f(w, adjoint)).lower(jnp.array(1.0)).compile()

    forward = compiled(loss, dqm.Direct())
    backward = compiled(jax.value_and_grad(loss), dqm.Reversible())
    stored = compiled(jax.value_and_grad(loss), dqm.Direct())
    megabytes = lambda c: c.memory_analysis().temp_size_in_bytes / 1e6
    row = {
        "shape": [n] * dim,
        "steps": steps,
        "forward_mb": megabytes(forward),
        "reversible_mb": megabytes(backward),
        "direct_mb": megabytes(stored),
    }
    if rounds:
        w = jnp.array(1.0)
        times = interleaved([lambda: forward(w), lambda: backward(w)], rounds)
        row["ratio"] = float(np.median(times[:, 1] / times[:, 0]))
        row["forward_s"] = float(np.median(times[:, 0]))
    return row


def first_call():
    import dqmjax as dqm

    grid, psi, ts = setting(256, 1, 100)
    rows = {}
    for name, stepper in (
        ("SplitStep", dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic()), grid)),
        ("Chebyshev", dqm.Chebyshev(dqm.Hamiltonian(dqm.Harmonic()), grid)),
    ):
        begin = time.perf_counter()
        dqm.solve(stepper, psi, ts, substeps=100).final.block_until_ready()
        rows[name] = time.perf_counter() - begin
    return rows


def alone(what, precision, cores, *arguments):
    """A row, measured in a new process on that many cores."""
    words = [what, precision, cores, *arguments]
    command = [sys.executable, __file__, json.dumps(words)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return {"precision": precision, "cores": cores, **json.loads(done.stdout)}


def measure(what, precision, cores, *arguments):
    os.sched_setaffinity(0, CORES[:cores])
    import jax

    jax.config.update("jax_enable_x64", precision == "c128")
    kinds = {"step": against_transforms, "gradient": gradient, "first": first_call}
    print(json.dumps(kinds[what](*arguments)))


def main():
    import jax

    result = {"jax": jax.__version__, "machine_cores": len(CORES)}
    result["step_over_transforms"] = [
        alone("step", precision, cores, *size)
        for size in SIZES
        for cores in (1, 2)
        for precision in ("c64", "c128")
    ]
    result["gradient"] = [
        alone("gradient", "c128", cores, 256, 2, steps, rounds)
        for cores in (1, 2)
        for steps, rounds in ((100, 21), (1000, 5), (10_000, 0))
    ]
    result["first_call_s"] = alone("first", "c128", len(CORES))
    for rows in (result["step_over_transforms"], result["gradient"], [result["first_call_s"]]):
        for row in rows:
            print(json.dumps(row))
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(*json.loads(sys.argv[1]))
    else:
        main()
