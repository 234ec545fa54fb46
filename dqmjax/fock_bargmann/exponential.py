"""Exponentials of the generators in `ladder`, exact to round-off and differentiable.

Not `jax.scipy.linalg.expm`: for the triangular blocks of C ≠ 1, whose entries span twenty
orders of magnitude, its pivoting mixes the large ones into the small.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from .ladder import Gathered, Rows, Shifts

SERIES_DEGREE, SERIES_REACH = 40, 6.5  # for ‖L‖dt ≤ reach the remainder is < 1e-16
DENSE_DEGREE, DENSE_REACH = 16, 0.8
MAX_PIECES = 4096
MAX_SQUARINGS = 24


def expm(matrices: Complex[Array, "*batch n n"]) -> Complex[Array, "*batch n n"]:
    """`e^A` by a scaled series and squarings, which keep a triangular matrix triangular.

    NaN beyond `expm_reach`.
    """
    squarings = jnp.ceil(jnp.log2(jnp.maximum(_norm(matrices) / DENSE_REACH, 1.0)))
    squarings = jax.lax.stop_gradient(squarings)
    start = _dense_series(matrices / 2**squarings)
    return _repeat(lambda e: e @ e, start, squarings, limit=MAX_SQUARINGS)


def expm_reach(matrices: Complex[Array, "*batch n n"]) -> Float[Array, ""]:
    """‖A‖ over the largest that `expm` takes, 24 squarings or about 1e7."""
    return _norm(matrices) / (DENSE_REACH * 2**MAX_SQUARINGS)


def _norm(matrices: Complex[Array, "*batch n n"]) -> Float[Array, ""]:
    return jnp.max(jnp.sum(jnp.abs(matrices), axis=-1))


def _dense_series(a: Complex[Array, "*batch n n"]) -> Complex[Array, "*batch n n"]:
    """`Σ_k a^k / k!` in six products (Paterson & Stockmeyer, doi:10.1137/0202007)."""
    a2 = a @ a
    powers = [jnp.eye(a.shape[-1], dtype=a.dtype), a, a2, a2 @ a]
    a4 = a2 @ a2
    total = a4 / float(math.factorial(DENSE_DEGREE))
    for first in range(DENSE_DEGREE - 4, -1, -4):
        total = total + sum(p / float(math.factorial(first + i)) for i, p in enumerate(powers))
        total = total @ a4 if first else total
    return total


def expm_action(operator: Shifts | Rows, dt: Float[Array, ""], rho: Complex[Array, "*levels"]):
    """`e^{L dt} ρ` by Taylor series over equal pieces of `dt`, their number set by ‖L‖dt.

    NaN beyond `action_reach`.
    """
    pieces = jnp.maximum(jnp.ceil(jnp.abs(dt) * operator.bound() / SERIES_REACH), 1.0)
    pieces = jax.lax.stop_gradient(pieces)
    h = dt / pieces
    rho = rho.astype(operator.weights.dtype)
    piece = lambda rho: taylor(lambda power: h * operator(power), rho, SERIES_DEGREE)
    return _repeat(piece, rho, pieces, limit=MAX_PIECES)


def action_reach(operator: Shifts | Gathered | Rows, dt: Float[Array, ""]) -> Float[Array, ""]:
    """‖L‖dt over the largest that `expm_action` takes, 4096 pieces."""
    return jnp.abs(dt) * operator.bound() / (SERIES_REACH * MAX_PIECES)


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

    A loop of unknown length has no reverse-mode derivative. This one has a fixed length, skips the
    iterations beyond `count`, and needs memory √limit. Under `vmap` it skips those beyond the
    largest `count`.
    """
    inner = math.isqrt(limit - 1) + 1
    most = _most(jnp.where(count <= limit, count, 0.0))

    def when(condition, body):
        return lambda state: jax.lax.cond(condition, body, lambda state: state, state)

    def one(state, index):
        return when(index < most, when(index < count, body))(state), None

    def group(state, first):
        many = lambda state: jax.lax.scan(one, state, first + jnp.arange(inner))[0]
        return when(first < most, many)(state), None

    starts = inner * jnp.arange(-(-limit // inner))
    state = jax.lax.scan(jax.checkpoint(group), state, starts)[0]
    return state * jnp.where(count <= limit, 1.0, jnp.nan)  # derivatives are NaN, too


@jax.custom_batching.custom_vmap
def _most(count: Float[Array, ""]) -> Float[Array, ""]:
    """The largest `count` of a `vmap` batch."""
    return count


@_most.def_vmap
def _(size, batched, counts):
    return _most(jnp.max(counts)), False
