"""What the device does at best with the same arrays: a copy, Fourier transforms, a product."""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from .kernels import Work
from .timing import measure

PRODUCT = 1024  # rows of the matrices multiplied
ENOUGH = 1 << 16  # numbers, for a copy to take longer than its start
REPEATED = 32  # times in one program, so that starting it counts little


class Floors:
    """Rates of the device in use, in the precision in use, each measured when first needed."""

    @functools.cache  # noqa: B019
    def copy(self, count: int) -> float:
        """Seconds to read and to write so many complex numbers, in whatever cache they fit."""
        measured = max(count, ENOUGH)
        return _repeated(lambda y: y * 2, (measured,)) * count / measured

    @functools.cached_property
    def rate(self) -> float:
        """Real additions and multiplications a second in a product of complex matrices."""
        a = jnp.ones((PRODUCT, PRODUCT)) + 0j
        timing, _ = measure(lambda a: a @ a, a)
        return 8 * PRODUCT**3 / timing.min_s

    @functools.cache  # noqa: B019
    def pair(self, shape: tuple[int, ...]) -> float:
        """Seconds of a transform and its inverse, over all axes but the first."""
        axes = tuple(range(1, len(shape)))
        return _repeated(lambda y: jnp.fft.ifftn(jnp.fft.fftn(y, axes=axes), axes=axes), shape)

    def least(self, work: Work) -> tuple[float, str]:
        """Seconds under which `work` cannot be done, and what sets them; 0 where none is known."""
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
