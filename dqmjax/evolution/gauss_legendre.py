"""Gauss–Legendre collocation of order 6: implicit, symmetric and symplectic.

Hairer, Lubich & Wanner, Geometric Numerical Integration, II.1.3 (doi:10.1007/3-540-30666-8).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

ROOT = np.sqrt(15.0)
WEIGHTS = np.array([5, 8, 5]) / 18
MATRIX = np.array(
    [
        [5 / 36, 2 / 9 - ROOT / 15, 5 / 36 - ROOT / 30],
        [5 / 36 + ROOT / 24, 2 / 9, 5 / 36 - ROOT / 24],
        [5 / 36 + ROOT / 30, 2 / 9 + ROOT / 15, 5 / 36],
    ]
)


def gauss_legendre_step(
    f: Callable[[Float[Array, "..."]], Float[Array, "..."]],
    z: Float[Array, "..."],
    dt: Float[Array, ""],
    iterations: int,
) -> tuple[Float[Array, "..."], Bool[Array, ""]]:
    """`z + dt Σ b_i k_i` with `k_i = f(z + dt Σ a_ij k_j)`, by fixed-point iteration.

    Also returns whether it converged: the last of the `iterations` changes the stages by less than
    10⁴ ε of the largest.
    """
    slopes = lambda k: jax.vmap(f)(z + dt * jnp.tensordot(MATRIX, k, 1))
    begin = jnp.broadcast_to(f(z), (3, *z.shape))
    before, _ = jax.lax.scan(lambda k, _: (slopes(k), None), begin, length=iterations - 1)
    k = slopes(before)
    eps = jnp.finfo(z.dtype).eps
    converged = jnp.max(jnp.abs(k - before)) <= 1e4 * eps * jnp.max(jnp.abs(k))  # false for NaN
    return z + dt * jnp.tensordot(WEIGHTS, k, 1), converged
