"""Seconds of a compiled function, compilation apart."""

import dataclasses
import time
from collections.abc import Callable

import jax
import numpy as np

REPEATS, SECONDS = (5, 50), 0.5  # at least and at most so many, until so long has been spent


@dataclasses.dataclass(frozen=True)
class Timing:
    """Seconds, and bytes of memory that XLA plans for arguments, results and what is between."""

    compile_s: float
    min_s: float
    median_s: float
    repeats: int
    memory_bytes: int | None


def measure(function: Callable, *arguments, compiles: bool = True) -> tuple[Timing, object]:
    """Times `function(*arguments)` and returns what it gave last.

    Args:
        function: Traceable; compiled ahead, untimed.
        arguments: Arrays, made beforehand.
        compiles: Or else no program of its own: it is called as it is, and its first call, which
            compiles what it needs, takes the place of the compilation.
    """
    begin = time.perf_counter()
    memory = None
    if compiles:
        call = jax.jit(function).lower(*arguments).compile()
        plan = call.memory_analysis()
        sizes = ("temp_size_in_bytes", "argument_size_in_bytes", "output_size_in_bytes")
        memory = sum(int(getattr(plan, name)) for name in sizes) if plan else None
    else:
        call = function
        jax.block_until_ready(call(*arguments))
    compiled = time.perf_counter()
    result = jax.block_until_ready(call(*arguments))
    least, most = REPEATS
    if time.perf_counter() - compiled > 4 * SECONDS:
        least = 1
    times: list[float] = []
    while len(times) < least or (sum(times) < SECONDS and len(times) < most):
        start = time.perf_counter()
        result = jax.block_until_ready(call(*arguments))
        times.append(time.perf_counter() - start)
    first = compiled - begin
    return Timing(first, min(times), float(np.median(times)), len(times), memory), result
