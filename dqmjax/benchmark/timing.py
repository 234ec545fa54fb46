"""Run time of a compiled function, without compilation."""

import dataclasses
import time
from collections.abc import Callable

import jax
import numpy as np

REPEATS, SECONDS = (5, 50), 0.5  # runs: at least 5, then until 0.5 s are spent, at most 50


@dataclasses.dataclass(frozen=True)
class Timing:
    """Seconds, and the bytes that XLA plans for arguments, results and intermediate arrays.

    Example:
        >>> timing, _ = dqm.benchmark.measure(jnp.sum, jnp.ones(64))
        >>> timing.min_s <= timing.median_s, timing.repeats >= 5
        (True, True)
    """

    compile_s: float
    min_s: float
    median_s: float
    repeats: int
    memory_bytes: int | None


def measure(function: Callable, *arguments, compiles: bool = True) -> tuple[Timing, object]:
    """Times `function(*arguments)`; returns the timing and the last result.

    Args:
        function: Traceable by JAX. It is compiled first, which is timed separately.
        arguments: Arrays.
        compiles: False if JAX cannot trace `function` as one program. It is then called directly,
            and its first call counts as compilation.

    Example:
        >>> timing, result = dqm.benchmark.measure(jnp.sum, jnp.ones(64))
        >>> float(result), 0 < timing.min_s < timing.compile_s
        (64.0, True)
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
