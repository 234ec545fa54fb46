"""Periodic splines of degree five through values on a lattice.

`f(x) = Σ_j c_j Π_a β(u_a − j_a)`, β the cardinal B-spline and u the place in units of the spacing.
The transform of the values gives the c_j (Unser, Aldroubi & Eden 1993, doi:10.1109/78.193220). A
wave of n points per length has a relative error of about `4/(n − 1)^6`.
"""

import itertools
import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact

DEGREE = 5
REACH = DEGREE + 1  # lattice points along each axis that a value depends on


def _pieces() -> np.ndarray:
    """Coefficients of `t^p` of β on its pieces, one row for each lattice point from the left.

    The piece from i to i + 1 is `Σ_{k≤i} (−1)^k C(6, k) (t + i − k)^5 / 5!`.
    """
    rows = np.zeros((REACH, REACH), int)
    for i in range(REACH):
        for k, p in itertools.product(range(i + 1), range(REACH)):
            sign = (-1) ** k * math.comb(REACH, k) * math.comb(DEGREE, p)
            rows[REACH - 1 - i, p] += sign * (i - k) ** (DEGREE - p)
    return rows / math.factorial(DEGREE)


PIECES = _pieces()


def spline_coefficients(values: Inexact[Array, "*shape"], dim: int) -> Inexact[Array, "*shape"]:
    """The c_j of values on a lattice, along the last `dim` axes."""
    axes = tuple(range(values.ndim - dim, values.ndim))
    waves = jnp.fft.fftn(values, axes=axes)
    for axis in axes:
        phase = 2 * np.pi * np.fft.fftfreq(values.shape[axis])
        size = (66 + 52 * np.cos(phase) + 2 * np.cos(2 * phase)) / 120
        waves = waves / np.expand_dims(size, [a for a in range(values.ndim) if a != axis])
    found = jnp.fft.ifftn(waves, axes=axes)
    return found if jnp.iscomplexobj(values) else found.real


def spline_at(
    coefficients: Inexact[Array, "*shape"], place: Float[Array, " dim"]
) -> tuple[Inexact[Array, ""], Inexact[Array, " dim"]]:
    """f and its gradient with respect to u, at one place u."""
    first = jnp.floor(place)
    powers = (place - first)[:, None] ** np.arange(REACH)
    slopes = np.arange(1, REACH) * powers[:, :-1]
    weights, rates = powers @ PIECES.T, slopes @ PIECES[:, 1:].T
    rows = first.astype(int)[:, None] + np.arange(-2, 4)
    rows = rows % np.array(coefficients.shape)[:, None]
    value, parts = _summed(coefficients, rows, weights, rates, 0, 0)
    return jnp.asarray(value), jnp.stack(parts)


def _summed(coefficients, rows, weights, rates, axis: int, offset):
    """`Σ c Π weights` over the axes from `axis` on, and its derivatives along them.

    Term by term, which is faster on a CPU than products of small arrays.
    """
    if axis == coefficients.ndim:
        return coefficients.ravel()[offset], []
    value, parts = 0.0, [0.0] * (coefficients.ndim - axis)
    for j in range(REACH):
        inner = (offset * coefficients.shape[axis]) + rows[axis, j]
        inside, slopes = _summed(coefficients, rows, weights, rates, axis + 1, inner)
        value = value + inside * weights[axis, j]
        moved = [inside * rates[axis, j], *(s * weights[axis, j] for s in slopes)]
        parts = [a + b for a, b in zip(parts, moved, strict=True)]
    return value, parts
