"""Exponentials of the generators in `ladder`, exact to round-off and differentiable.

Not `jax.scipy.linalg.expm`: for the triangular blocks of C ≠ 1, whose entries span twenty
orders of magnitude, its pivoting mixes the large ones into the small.
"""

import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int, Real

from ..products import product
from .ladder import Gathered, Range, Rows, Shifts, Windows

MAX_DEGREE, LOW_DEGREE = 128, 32  # terms of a Chebyshev series
BLOCK = 4  # terms that are skipped at once
SMALLEST = 1e-17  # of its coefficients
LONGEST = {128: 78.0, 32: 7.6}  # J_k of it is below SMALLEST from k = 128 or 32 on
MAX_GROWTH = 3.0  # half the real width of Lh: round-off is multiplied by its exponential
DENSE_DEGREE, DENSE_REACH = 16, 0.8
MAX_PIECES = 4096
MAX_SQUARINGS = 24
FEW = 16  # repetitions in one group


def expm(matrices: Complex[Array, "*batch n n"]) -> Complex[Array, "*batch n n"]:
    """`e^A` by a scaled series and squarings, which keep a triangular matrix triangular.

    NaN beyond `expm_reach`.
    """
    squarings = jnp.ceil(jnp.log2(jnp.maximum(_norm(matrices) / DENSE_REACH, 1.0)))
    squarings = jax.lax.stop_gradient(squarings)
    start = _dense_series(matrices / 2**squarings)
    return _repeat(lambda e: product(e, e), start, squarings, limit=MAX_SQUARINGS)


def expm_reach(matrices: Complex[Array, "*batch n n"]) -> Float[Array, ""]:
    """‖A‖ over the largest that `expm` takes, 24 squarings or about 1e7."""
    return _norm(matrices) / (DENSE_REACH * 2**MAX_SQUARINGS)


def _norm(matrices: Complex[Array, "*batch n n"]) -> Float[Array, ""]:
    return jnp.max(jnp.sum(jnp.abs(matrices), axis=-1))


def _dense_series(a: Complex[Array, "*batch n n"]) -> Complex[Array, "*batch n n"]:
    """`Σ_k a^k / k!` in six products (Paterson & Stockmeyer, doi:10.1137/0202007)."""
    a2 = product(a, a)
    powers = [jnp.eye(a.shape[-1], dtype=a.dtype), a, a2, product(a2, a)]
    a4 = product(a2, a2)
    total = a4 / float(math.factorial(DENSE_DEGREE))
    for first in range(DENSE_DEGREE - 4, -1, -4):
        total = total + sum(p / float(math.factorial(first + i)) for i, p in enumerate(powers))
        total = product(total, a4) if first else total
    return total


def expm_action(
    operator: Shifts | Gathered,
    of: Range,
    dt: Float[Array, ""],
    rho: Complex[Array, "*levels"],
    most: int = MAX_PIECES,
    degree: int = MAX_DEGREE,
) -> tuple[Complex[Array, "*levels"], Float[Array, ""]]:
    """`e^{L dt} ρ` of an L with the range `of`, and the number of series over the largest possible.

    Each Chebyshev series is for a piece h of dt. With c in the middle of the numerical range of Lh,
    a and b half its real and imaginary widths, and `r = a/b + √(1 + a²/b²)`,

    `e^{Lh} = e^c Σ_k (2 − δ_k0) J_k(b) r^k φ_k`, `φ_{k+1} = (2 (Lh − c)/b φ_k + φ_{k−1}/r)/r`

    from `φ_0 = 1`, `φ_1 = (Lh − c)/(b r)` (Tal-Ezer & Kosloff 1984, doi:10.1063/1.448136; the
    powers of r keep the φ_k of a damped L of order 1). Each has `degree` terms, or fewer if these
    suffice; a low one is best for short dt. NaN beyond `most` pieces.
    """
    if isinstance(operator, Gathered):
        moved, size = _action(operator.parts(), of, dt, operator.pack(rho), most, degree)
        return operator.unpack(moved), size
    return _action(operator.parts(), of, dt, rho.astype(operator.weights.dtype), most, degree)


def _action(operator: Windows | Rows, of: Range, dt, rho, most: int, degree: int):
    a, b, ratio = jax.lax.stop_gradient((of.real, jnp.maximum(of.imaginary, of.real), of.ratio))
    length = jax.lax.stop_gradient(jnp.abs(dt))
    pieces = jnp.ceil(length * jnp.maximum(b * ratio / LONGEST[degree], a / MAX_GROWTH))
    pieces = jnp.maximum(pieces, 1.0)
    h = dt / pieces
    center = jax.lax.stop_gradient(of.center * h)
    width = jnp.where(b * length > 0, b * length / pieces, 1.0)
    coefficients = _bessel(width, ratio)[: degree + 1]
    terms = jnp.arange(1, degree + 1), coefficients[1:]
    last = _most(needed(width, ratio, degree))
    share = 2 / (width * ratio)
    scaled = jax.tree.map(lambda weights: _times(share * h, weights), operator.weights)
    twice = eqx.tree_at(lambda op: op.weights, operator, scaled)

    def add(carry, now):
        (before, phi, total), (k, coefficient) = carry, now
        # else reverse mode stores a shifted state for every shift
        moved = jax.checkpoint(lambda op, x: op(x))(twice, phi) - share * center * phi
        after = _times(jnp.where(k == 1, 0.5, 1.0), moved) + _times(1 / ratio**2, before)
        return (phi, after, total + _times(coefficient, after)), None

    def block(carry, now):
        sum_of = lambda carry: jax.lax.scan(add, carry, now)[0]
        return jax.lax.cond(now[0][0] <= last, sum_of, lambda carry: carry, carry), None

    def piece(rho):
        start = jnp.zeros_like(rho), rho, coefficients[0] * rho
        blocks = jax.tree.map(lambda x: x.reshape(-1, BLOCK), terms)
        return jnp.exp(center) * jax.lax.scan(block, start, blocks)[0][2]

    return _repeat(piece, rho, pieces, limit=most), pieces / most


def _times(factor: Float[Array, ""], z: Complex[Array, "..."]) -> Complex[Array, "..."]:
    """A real number times complex ones, without the products with its imaginary part."""
    return jax.lax.complex(factor * jnp.real(z), factor * jnp.imag(z))


def _bessel(x: Float[Array, ""], ratio: Float[Array, ""]) -> Float[Array, " terms"]:
    """`(2 − δ_k0) J_k(x) r^k`, the Fourier coefficients of `exp(x (r e^{iφ} − e^{−iφ}/r)/2)`."""
    points = 2 * MAX_DEGREE + 16
    wave = ratio * jnp.exp(2j * jnp.pi * jnp.arange(points) / points)
    waves = jnp.fft.fft(jnp.exp(x / 2 * (wave - 1 / wave)), norm="forward")
    return jnp.real(waves[: MAX_DEGREE + 1]) * np.append(1.0, np.full(MAX_DEGREE, 2.0))


def needed(x: Float[Array, ""], ratio: Float[Array, ""], degree: int) -> Int[Array, ""]:
    """How many terms `J_k(x) r^k` exceed `SMALLEST`, at most, by `|J_k(x)| ≤ (x/2)^k/k!`."""
    k = jnp.arange(1, degree + 1)
    bound = k * jnp.log(x * ratio / 2) - jax.lax.lgamma(k + 1.0)
    return jnp.max(jnp.where(bound > math.log(SMALLEST), k, 1))


def taylor(apply: Callable, start: Array, degree: int) -> Array:
    """`Σ_k apply^k(start) / k!` up to k = `degree`."""

    def term(carry, k):
        power, total = carry
        power = apply(power) / k
        return (power, total + power), None

    orders = jnp.arange(1, degree + 1)
    return jax.lax.scan(term, (start, start), orders)[0][1]


def _repeat(body, state: Array, count: Float[Array, ""], *, limit: int) -> Array:
    """`body` applied `count` times, NaN if that exceeds `limit`.

    A loop of unknown length has no reverse-mode derivative. This one has a fixed length: groups of
    at most `FEW` groups of … iterations, and those beyond `count` are skipped. Under `vmap` it
    skips those beyond the largest `count`.
    """
    most = _most(jnp.where(count <= limit, count, 0.0))
    levels = max(1, math.ceil(math.log(limit, FEW)))
    each = math.ceil(limit ** (1 / levels))

    def when(condition, body):
        return lambda state: jax.lax.cond(condition, body, lambda state: state, state)

    def group(size, first):
        """The iterations from `first` on, `size` of them at most."""
        if size == 1:
            return when(first < count, body)
        part = size // each

        @jax.checkpoint  # outside of `cond`, which would keep what `body` closes over every time
        def one(state, index):
            return when(index < most, group(part, index))(state), None

        return lambda state: jax.lax.scan(one, state, first + part * jnp.arange(each))[0]

    state = group(each**levels, 0)(state)
    return state * jnp.where(count <= limit, 1.0, jnp.nan)  # derivatives are NaN, too


@jax.custom_batching.custom_vmap
def _most(count: Real[Array, ""]) -> Real[Array, ""]:
    """The largest `count` of a `vmap` batch."""
    return count


@_most.def_vmap
def _(size, batched, counts):
    return _most(jnp.max(counts)), False
