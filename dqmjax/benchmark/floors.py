"""Lower bounds ("floors") of run times on this device.

A kernel cannot be faster than the basic operations that it must do on its arrays: reading and
writing them, their Fourier transforms, and its products of matrices. Each of the three is timed on
its own; the longest is the lower bound.
"""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from .kernels import Work
from .timing import measure

PRODUCT = 1024  # rows of the matrices that are multiplied
ENOUGH = 1 << 16  # numbers; a copy of fewer takes less time than the start of a program
REPEATED = 32  # times in one program, so that its start is negligible


class Floors:
    """Rates of the current device in the current precision, each measured at first use."""

    @functools.cache  # noqa: B019
    def copy(self, count: int) -> float:
        """Seconds to read and write `count` complex numbers, from the cache if they fit."""
        measured = max(count, ENOUGH)
        return _repeated(lambda y: y * 2, (measured,)) * count / measured

    @functools.cached_property
    def rate(self) -> float:
        """Real additions and multiplications per second in a product of complex matrices."""
        a = jnp.ones((PRODUCT, PRODUCT)) + 0j
        timing, _ = measure(lambda a: a @ a, a)
        return 8 * PRODUCT**3 / timing.min_s

    @functools.cache  # noqa: B019
    def pair(self, shape: tuple[int, ...]) -> float:
        """Seconds for a Fourier transform and its inverse, over all axes except the first."""
        axes = tuple(range(1, len(shape)))
        return _repeated(lambda y: jnp.fft.ifftn(jnp.fft.fftn(y, axes=axes), axes=axes), shape)

    def least(self, work: Work) -> tuple[float, str]:
        """A lower bound in seconds, and the operation that sets it; 0 if none is known.

        Args:
            work: What a kernel must do.
        """
        parts = {
            "memory": work.passes / 2 * self.copy(math.prod(work.shape)) if work.passes else 0.0,
            "products": work.operations / self.rate if work.operations else 0.0,
            "transforms": work.pairs * self.pair(work.shape) if work.pairs else 0.0,
        }
        what = max(parts, key=lambda name: parts[name])
        return parts[what], what


def _repeated(f: Callable, shape: tuple[int, ...]) -> float:
    many = lambda y: jax.lax.scan(lambda y, _: (f(y), None), y, length=REPEATED)[0]
    return measure(many, jnp.ones(shape) + 0j)[0].min_s / REPEATED
