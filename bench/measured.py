"""Times the programs of `dqmjax bench --compile-for` on a device, beside their predictions.

    python bench/measured.py [--target h100] [--seconds 400] [--only TEXT]

The arguments are arrays of 0.5. `ratio` is the measured time of a step over the predicted one, of
bench/results/programs_TARGET.json. No program is started after so many seconds; those left out are
listed. Writes bench/results/measured_PLATFORM.json.
"""

import argparse
import json
import pathlib
import time
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp

from dqmjax.benchmark.programs import CATALOGUE, Program
from dqmjax.benchmark.timing import measure

RESULTS = pathlib.Path(__file__).parent / "results"


def filled(program: Program) -> tuple:
    """Its arguments, as arrays."""
    half = lambda leaf: jnp.full(jnp.shape(leaf), 0.5, jnp.result_type(leaf))
    is_shape = lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct)
    fill = lambda leaf: half(leaf) if is_shape(leaf) else jnp.asarray(leaf)
    return jax.tree.map(fill, program.arguments, is_leaf=is_shape)


def row(name: str, precision: str, predicted: float | None) -> dict[str, Any]:
    """Seconds for each step of a program."""
    found: dict[str, Any] = {"program": name, "precision": precision, "predicted_s": predicted}
    try:
        program = CATALOGUE[name]()
        timing, _ = measure(program.function, *filled(program))
    except Exception as error:  # a device may be too small for one of them
        return found | {"error": f"{type(error).__name__}: {str(error).splitlines()[0]}"}
    seconds = timing.min_s / program.steps
    ratio = seconds / predicted if predicted else None
    return found | {"s": seconds, "ratio": ratio, "compile_s": round(timing.compile_s, 2)}


def every(only: str) -> Iterator[tuple[str, str]]:
    """Names and precisions, each program in double precision first."""
    for precision in ("double", "single"):
        for name in CATALOGUE:
            if only in name:
                yield name, precision


def write(target: str, rows: list[dict[str, Any]], left_out: list[tuple[str, str]]):
    """The report, after each program, so that a run that is ended loses none."""
    device = jax.devices()[0]
    report = {
        "device": f"{device.platform}: {device.device_kind}",
        "jax": jax.__version__,
        "predictions": target,
        "programs": rows,
        "left_out": left_out,
    }
    path = RESULTS / f"measured_{device.platform}.json"
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")


def main():
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--target", default="h100", help="whose predictions to compare with")
    parser.add_argument("--seconds", type=float, default=400.0)
    parser.add_argument("--only", default="", help="programs whose name contains this text")
    options = parser.parse_args()
    given = json.loads((RESULTS / f"programs_{options.target}.json").read_text())["programs"]
    predicted = {(r["program"], r["precision"]): r.get("step", {}).get("s") for r in given}
    begin, rows, programs = time.monotonic(), [], list(every(options.only))
    for i, (name, precision) in enumerate(programs):
        if time.monotonic() - begin > options.seconds:
            break
        with jax.enable_x64(precision == "double"):
            rows.append(row(name, precision, predicted.get((name, precision))))
        print(rows[-1], flush=True)
        if not options.only:
            write(options.target, rows, programs[i + 1 :])


if __name__ == "__main__":
    main()
