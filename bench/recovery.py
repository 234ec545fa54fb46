"""How well the Kerr oscillator is recovered: from far starts, through noise, from other data.

    python bench/recovery.py DATA_DIR

DATA_DIR holds kerr_clean.npz and kerr_lossy.npz. Writes bench/results/recovery.json.
"""

import dataclasses
import json
import pathlib
import platform
import sys
import time

import jax
import numpy as np

import dqmjax as dqm
from dqmjax.dataset import Snapshots, read_snapshots

TRUTH = {
    "interaction": -2 * np.pi * 0.325,
    "omega": 0.0,
    "C": 1.0,
    "alpha_re": 2.0,
    "alpha_im": 0.0,
}
RESULTS = pathlib.Path(__file__).parent / "results" / "recovery.json"
STARTS, DRAWS, SHOTS = 100, 40, 2000


def errors(result) -> dict[str, float]:
    return {name: abs(result.estimate[name] - value) for name, value in TRUTH.items()}


def timed(data: Snapshots, **problem):
    begin = time.perf_counter()
    result = dqm.recover(data, "kerr", **problem)
    return result, time.perf_counter() - begin


def no_start(data: Snapshots) -> dict:
    """Twice: the second fit compiles nothing."""
    (result, first), (_, second) = timed(data), timed(data)
    return {
        "weak_form": result.start,
        "errors": errors(result),
        "seconds_with_compilation": first,
        "seconds": second,
    }


def random_start(random) -> dict[str, float]:
    """U ±100 %, C in 0…3, ω in ±5, α₀ ±50 %."""
    return {
        "interaction": TRUTH["interaction"] * random.uniform(0, 2),
        "omega": random.uniform(-5, 5),
        "C": random.uniform(0, 3),
        "alpha_re": 2 * random.uniform(0.5, 1.5),
        "alpha_im": random.uniform(-1, 1),
    }


def random_starts(data: Snapshots) -> dict:
    random, rows = np.random.default_rng(0), []
    for _ in range(STARTS):
        start = random_start(random)
        result, seconds = timed(data, start=start)
        right = max(errors(result).values()) < 1e-6
        rows.append(
            {
                "start": start,
                "right": right,
                "reported_as_right": result.goodness.describes_data,
                "succeeded_from": result.origin,
                "seconds": seconds,
            }
        )
        print(len(rows), right, result.origin, f"{seconds:.1f} s", flush=True)
    return {
        "right": sum(r["right"] for r in rows),
        "right_without_the_weak_form": sum(
            r["right"] and r["succeeded_from"] == "start" for r in rows
        ),
        "wrong_but_reported_as_right": sum(r["reported_as_right"] and not r["right"] for r in rows),
        "median_seconds": float(np.median([r["seconds"] for r in rows])),
        "rows": rows,
    }


def counted(data: Snapshots, seed: int) -> Snapshots:
    probability = np.clip(data.density * data.cell, 0, 1)
    counts = np.random.default_rng(seed).binomial(SHOTS, probability)
    return dataclasses.replace(data, shots=SHOTS, counts=counts)


def noise_draws(data: Snapshots) -> dict:
    pulls, described = [], 0
    for seed in range(DRAWS):
        result, _ = timed(counted(data, seed))
        described += int(result.goodness.describes_data)
        pulls.append({n: (result.estimate[n] - v) / result.stderr[n] for n, v in TRUTH.items()})
        print(seed, pulls[-1], flush=True)
    table = {n: [p[n] for p in pulls] for n in TRUTH}
    return {
        "draws": DRAWS,
        "described": described,
        "pull_mean": {n: float(np.mean(x)) for n, x in table.items()},
        "pull_width": {n: float(np.std(x, ddof=1)) for n, x in table.items()},
    }


def rescaled(data: Snapshots, start: dict | None) -> dict:
    """The same data with q = 1.6 Q, p = P/1.6, and ℓ sought."""
    points = data.points * [1.6, 1 / 1.6]
    data = dataclasses.replace(data, points=points, ell=np.array([1.6]))
    result, seconds = timed(data, free=["ell"], start=start)
    return {
        "start": result.start,
        "ell_error": abs(result.estimate["ell"] - 1.6),
        "ell_stderr": result.stderr["ell"],
        "errors": errors(result),
        "seconds_with_compilation": seconds,
    }


def wrong_model(data: Snapshots) -> dict:
    result, seconds = timed(data)
    report = result.to_json()
    told = ("estimate", "stderr", "residual_of_peak", "describes_data", "verdict")
    return {name: report[name] for name in told} | {"seconds": seconds}


def main(folder: pathlib.Path):
    jax.config.update("jax_enable_x64", True)
    clean = read_snapshots(folder / "kerr_clean.npz")
    lossy = read_snapshots(folder / "kerr_lossy.npz")
    report = {
        "machine": f"{platform.machine()}, {jax.devices()[0].device_kind}, jax {jax.__version__}",
        "no_start": no_start(clean),
        "rescaled_no_start": rescaled(clean, None),
        "rescaled_far_start": rescaled(clean, {"ell": 1.0, "C": 0.5}),
        "lossy": wrong_model(lossy),
        "noise": noise_draws(clean),
        "random_starts": random_starts(clean),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
