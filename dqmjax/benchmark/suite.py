"""All kernels on one device: times, errors, lower bounds, and growth of the run time with size."""

import importlib.metadata
import math
import os
import pathlib
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator

import jax
import numpy as np

from ..errors import InputError
from .floors import Floors
from .kernels import (
    Case,
    canonical_step,
    chebyshev,
    husimi_step,
    recovery,
    right_hand_side,
    split_step,
    split_step_gradient,
)
from .timing import measure

PACKAGES = ("dqmjax", "jax", "jaxlib", "equinox", "numpy", "scipy")
Say = Callable[[str], None]


def run(quick: bool = False, device: str | None = None, say: "Say | None" = None) -> dict:
    """Measures all kernels and returns a report that can be written as JSON.

    Args:
        quick: Whether to measure small sizes only, without recovery (about a minute).
        device: `cpu`, `gpu` or `tpu`; by default the one that JAX chooses.
        say: Called with a line of text after each measurement.

    Raises:
        InputError: If JAX finds no such device.

    Example:
        >>> report = dqm.benchmark.run(quick=True, say=print)  # doctest: +SKIP
        >>> print(dqm.benchmark.table(report))  # doctest: +SKIP
        >>> dqm.benchmark.run(device="abacus")
        Traceback (most recent call last):
        dqmjax.errors.InputError: `device` is 'abacus', but JAX finds none...
    """
    chosen = _device(device)
    if not isinstance(quick, bool):
        raise InputError(f"`quick` must be true or false, but is {quick!r}.")
    if say is not None and not callable(say):
        raise InputError(f"`say` must be a function of a line of text, but is {say!r}.")
    say = say or (lambda _: None)
    with jax.default_device(chosen):
        rows = []
        for is_double in (False, True):
            with jax.enable_x64(is_double):
                floors = Floors()
                for case in _cases(quick, is_double, chosen.platform != "cpu"):
                    rows.append(row(case(), floors))
                    say(line(rows[-1]))
        with jax.enable_x64(True):
            trends = []
            for name, theory, cases in _growth(quick):
                trends.append(trend(name, theory, cases))
                say(trend_line(trends[-1]))
    return {"machine": _machine(chosen), "quick": quick, "kernels": rows, "growth": trends}


def row(case: Case, floors: Floors) -> dict:
    """Measures one case: seconds, error, and the ratio to the lower bound.

    Args:
        case: A kernel at one size.
        floors: Rates of the device, `dqmjax.benchmark.floors.Floors()`.

    Example:
        >>> from dqmjax.benchmark.floors import Floors
        >>> case = dqm.benchmark.Case(
        ...     kernel="square",
        ...     size={"shape": "64"},
        ...     function=jnp.square,
        ...     arguments=(jnp.ones(64),),
        ...     error=lambda result: float(abs(result - 1).max()),
        ...     work=dqm.benchmark.Work(shape=(64,), passes=2),
        ... )
        >>> row = dqm.benchmark.row(case, Floors())
        >>> row["kernel"], row["error"], row["bytes"]
        ('square', 0.0, 2048)
    """
    timing, result = measure(case.function, *case.arguments, compiles=case.compiles)
    least, limit = floors.least(case.work)
    known = {"floor_s": least, "floor": limit, "over_floor": timing.min_s / least} if least else {}
    each = {"ns_per_update": 1e9 * timing.min_s / case.updates} if case.updates else {}
    return {
        "kernel": case.kernel,
        **case.size,
        "error": case.error(result),
        **vars(timing),
        **each,
        "bytes": case.work.moved,
        "operations": case.work.operations,
        "transform_pairs": case.work.pairs,
        **known,
    }


def trend(name: str, theory: float, cases: list[tuple[int, Callable[[], Case]]]) -> dict:
    """The exponent with which the run time grows.

    It is the slope of a straight line through the logarithms of the larger half of the sizes.

    Args:
        name: Kernel and the quantity that varies.
        theory: The expected exponent.
        cases: The values of that quantity, and a function that makes each case.
    """
    values = [value for value, _ in cases]
    timings = [measure(c.function, *c.arguments)[0] for c in (make() for _, make in cases)]
    seconds = [timing.min_s for timing in timings]
    later = slice(len(values) // 2, None)
    slope = np.polyfit(np.log(values[later]), np.log(seconds[later]), 1)[0]
    return {
        "growth": name,
        "values": values,
        "seconds": seconds,
        "exponent": float(slope),
        "theory": theory,
    }


def line(row: dict) -> str:
    """One line of the table."""
    size = row.get("shape", row.get("points", ""))
    batch = f" ×{row['batch']}" if "batch" in row else ""
    over = f"{row['over_floor']:6.1f} × {row['floor']}" if "floor" in row else ""
    each = f"{row['ns_per_update']:9.3g}" if "ns_per_update" in row else " " * 9
    return (
        f"{row['kernel']:31}{size!s:>13}{batch:5} {row.get('precision', 'double'):7}"
        f"{row['min_s']:9.2e} s {each} {row['compile_s']:7.2f} s {row['error']:9.1e}  {over}"
    )


def trend_line(trend: dict) -> str:
    """One exponent as text."""
    return (
        f"growth with {trend['growth']}: exponent {trend['exponent']:.2f}, theory "
        f"{trend['theory']:.2f}, up to {trend['values'][-1]:g}"
    )


def _cases(quick: bool, is_double: bool, large: bool) -> Iterator[Callable[[], Case]]:
    sides = ((1024,), (128,) * 2, (32,) * 3) if quick else ((4096,), (512,) * 2, (64,) * 3)
    for shape in sides:
        yield lambda s=shape: split_step(s, 20)
    yield lambda: split_step(sides[0], 20, batch=64)
    yield lambda: split_step_gradient(sides[1], 20)
    yield lambda: canonical_step(sides[1], 20)
    if large and not quick:
        yield lambda: split_step((4096,) * 2, 20)
        yield lambda: split_step((256,) * 3, 10)
        if not is_double:
            yield lambda: split_step((512,) * 3, 5)
    if not is_double:
        return
    yield lambda: chebyshev(sides[1])
    yield lambda: right_hand_side(128 if quick else 512)
    for levels in ((16,), (5, 5)) if quick else ((32,), (48,), (8, 8), (12, 12)):
        yield lambda n=levels: husimi_step(n)
    if not quick:
        yield recovery


def _growth(quick: bool) -> Iterator[tuple[str, float, list]]:
    shift = 0 if quick else 2
    powers = [2**k for k in range(9 + shift, 15 + shift)]
    middle = math.log(powers[-2])
    yield (
        "split step, points",
        1 + 1 / middle,
        [(n, lambda n=n: split_step((n,), 10)) for n in powers],
    )
    counts = [2**k for k in range(2, 9)]
    yield "split step, steps", 1.0, [(n, lambda n=n: split_step((4096,), n)) for n in counts]
    yield (
        "split step, batch",
        1.0,
        [(n, lambda n=n: split_step((1024,), 10, batch=n)) for n in counts],
    )
    levels = (8, 12, 16, 24) if quick else (12, 16, 24, 32, 48, 64)
    yield "Fock–Bargmann step, levels", 4.0, [(n, lambda n=n: husimi_step((n,))) for n in levels]


def _device(name: str | None):
    if name is not None and (not isinstance(name, str) or not name):
        raise InputError(f"`device` must be `cpu`, `gpu` or `tpu`, but is {name!r}.")
    try:
        return jax.devices(name)[0]
    except (RuntimeError, AssertionError):  # the latter if JAX_PLATFORMS names an absent one
        platforms = os.environ.get("JAX_PLATFORMS") or "all"
        raise InputError(
            f"`device` is {name!r}, but JAX finds none (JAX_PLATFORMS: {platforms}): for a GPU "
            "install 'dqmjax[cuda12]' or 'dqmjax[cuda13]'; `nvidia-smi` shows which CUDA it has."
        ) from None


def _machine(device) -> dict:
    return {
        "device": f"{device.platform}: {device.device_kind}",
        "processor": platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "python": sys.version.split()[0],
        **{name: importlib.metadata.version(name) for name in PACKAGES},
        "commit": _commit(),
    }


def _commit() -> str | None:
    """The commit of the repository that contains this package, if there is one."""
    here = pathlib.Path(__file__).parents[2]
    if not (here / ".git").exists():
        return None
    words = ["git", "-C", str(here), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
