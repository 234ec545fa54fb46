"""What XLA compiles of every program for a device that is not here, and the predicted time."""

import time
from collections.abc import Callable
from typing import Any

import jax

from ..errors import InputError
from .compiled import RATES, Counts, Rates, constant_bytes, counted, is_complete, total
from .programs import CATALOGUE, Program
from .topologies import compile_for, mesh_for

PRECISIONS = {"h100": ("double", "single"), "v5e": ("single",)}  # a TPU has no double
COUNTS = "transforms", "kernels", "counters", "copies", "calls", "round trips"
HEAD = (
    f"{'program':32}{'':7}{''.join(f'  {name}' for name in COUNTS)}"
    f"{'kB':>11}{'µs':>11}{'constants kB':>14}{'temporaries MB':>16}"
)
Say = Callable[[str], None]


def predict(target: str, say: Say | None = None, precision: str | None = None) -> dict[str, Any]:
    """Compiles all programs for a device and returns a report that can be written as JSON.

    Nothing runs. A program that does not compile has an entry `error` instead of counts.

    Args:
        target: "h100" or "v5e", see `dqmjax.benchmark.topologies`.
        say: Called with a line of text after each program.
        precision: "double" or "single", by default all that the device has.

    Raises:
        InputError: If the target is unknown, its packages are missing, or it has no such precision.
    """
    if say is not None and not callable(say):
        raise InputError(f"`say` must be a function of a line of text, but is {say!r}.")
    mesh_for(target, 1)
    if precision not in (None, *PRECISIONS[target]):
        known = " or ".join(map(repr, PRECISIONS[target]))
        raise InputError(f"`precision` must be {known} for {target}, but is {precision!r}.")
    rows = []
    for each in PRECISIONS[target] if precision is None else [precision]:
        with jax.enable_x64(each == "double"):
            for name, make in CATALOGUE.items():
                rows.append({"program": name, "precision": each, **_row(target, make)})
                (say or (lambda _: None))(line(rows[-1]))
    return {"target": target, "jax": jax.__version__, **_rates(RATES[target]), "programs": rows}


def _rates(rates: Rates) -> dict[str, Any]:
    return {
        "device": f"{rates.device}, compiled only",
        "memory_bytes_per_s": rates.memory,
        "launch_s": rates.launch,
    }


def _row(target: str, make: Callable[[], Program]) -> dict[str, Any]:
    """Counts of one program, or why there are none."""
    begin = time.perf_counter()
    try:
        one = make()
        compiled = compile_for(target, 1, one.function, one.arguments)
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0]
        return {"error": f"{type(error).__name__}: {first}"}
    text, memory = compiled.as_text() or "", compiled.memory_analysis()
    parts = counted(text)
    return {
        "steps": one.steps,
        "is_complete": is_complete(parts),
        "step": _per_step(RATES[target], total(parts), one.steps),
        "outside": parts[0].row(),
        "loops": [part.row() for part in parts[1:]],
        "constant_bytes": constant_bytes(text),
        "temporary_bytes": getattr(memory, "temp_size_in_bytes", None),
        "compile_s": round(time.perf_counter() - begin, 1),
    }


def _per_step(rates: Rates, work: Counts, steps: int) -> dict[str, float]:
    """The work of a call, divided by its number of steps."""
    whole = {
        "transforms": work.transforms,
        "kernels": work.kernels - work.numbers,
        "counters": work.numbers,
        "copies": work.moves,
        "calls": work.calls.total(),
        "round_trips": rates.round_trips(work),
        "bytes": work.bytes,
        "s": rates.seconds(work),
    }
    return {name: value / steps for name, value in whole.items()}


def failed(report: dict[str, Any]) -> list[str]:
    """The names of the programs that do not compile.

    Args:
        report: Returned by `predict`.
    """
    return sorted({row["program"] for row in report["programs"] if "error" in row})


def line(row: dict[str, Any]) -> str:
    """One program as text."""
    name = f"{row['program']:32}{row['precision']:7}"
    if "error" in row:
        return f"{name}  does not compile: {row['error']}"
    step = row["step"]
    counts = "".join(f"  {_short(step[n.replace(' ', '_')]):>{len(n)}}" for n in COUNTS)
    least = "" if row["is_complete"] else "≥"
    temporary = row["temporary_bytes"]
    return (
        f"{name}{counts}{least + _size(step['bytes'] / 1e3):>11}"
        f"{least + _size(step['s'] * 1e6):>11}{_size(row['constant_bytes'] / 1e3):>14}"
        f"{'–' if temporary is None else _size(temporary / 1e6):>16}"
    )


def _short(count: float) -> str:
    return f"{count:.1f}".removesuffix(".0")


def _size(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def table(report: dict[str, Any]) -> str:
    """The report as text: a line for each program.

    Args:
        report: Returned by `predict`.
    """
    rates = RATES[report["target"]]
    started = f" plus {rates.launch * 1e6:g} µs to start each kernel" if rates.launch else ""
    on_chip = "" if rates.launch else " Arrays that stay on the chip do not count."
    return "\n".join(
        [
            f"Compiled for {rates.device} by jax {report['jax']}; nothing ran. Per time step:",
            HEAD,
            *map(line, report["programs"]),
            "",
            f"The time is predicted: bytes at {rates.memory / 1e12:.3g} TB/s{started}.{on_chip}",
            "Round trips wait for the host. A loop of unknown length counts as one pass (≥).",
        ]
    )
