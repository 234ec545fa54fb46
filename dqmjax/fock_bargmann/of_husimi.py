"""Coefficients of a Husimi density that is given as a function.

`(2πκ)^N ρ = e^{−|β|²} Σ ρ_mn β*^m β^n / √(m!n!)`. With β = √s e^{iθ}, the Fourier series in θ
separates the k = n − m. In s, the functions `e^{−s} s^{k/2} L_j^k(2s)` are orthogonal (L are
Laguerre's polynomials), and a triangular matrix leads from their coefficients to those of
`e^{−s} s^{m + k/2}`:

`ρ_{m,m+k} = (−2)^m √((m+k)!/m!) Σ_{j≥m} C(j+k, j−m) j!/(j+k)! c_j`,
`c_j = ∫ e^{−s} s^{−k/2} L_j^k(u) F_k(s) u^k du`

with u = 2s and F_k the Fourier coefficient of the left-hand side. The first step is
well-conditioned. The second one multiplies errors by up to 3 for each level. So must every method
that knows ρ with a given error at real (q, p).
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Array, Complex, Float

from ..errors import InputError, field
from ..phase_space.coordinates import PhaseSpace
from ..phase_space.symbols import require_function
from ..user_function import called_once

AT_ONCE = 1 << 10  # points at which a user's function is evaluated


def values_at(
    density: Callable, space: PhaseSpace, levels: tuple[int, ...]
) -> Float[Array, "*points"]:
    """`(2πκ)^N ρ` at the products of the points β of each mode that `dual` refers to.

    Raises:
        InputError: If `density` does not return one real number, or is known and not finite.
    """
    require_function("density", density, "xi")
    returned = called_once("density", density, np.zeros(2 * len(levels)))
    if returned.shape != () or returned.dtype.kind not in "iuf":
        raise InputError(
            "`density` must return one real number for one point ξ = (q, p), but returns "
            f"{returned.dtype} of shape {returned.shape}."
        )
    beta = np.stack(np.meshgrid(*(_points(n)[0] for n in levels), indexing="ij"), axis=-1)
    xi = space.point(jnp.asarray(beta.reshape(-1, len(levels))))
    values = jax.lax.map(density, xi, batch_size=AT_ONCE)
    return field("density", values * space.cell).reshape(beta.shape[:-1])


def coefficients(
    values: Float[Array, "*points"], fitted: tuple[int, ...], levels: tuple[int, ...]
) -> Complex[Array, "..."]:
    """The coefficients in the `fitted` lowest levels, from `values_at` with `levels`."""
    for wanted, given in zip(fitted, levels, strict=True):
        values = jnp.tensordot(values, dual(wanted, given), axes=(0, 0))
    left = range(0, 2 * len(levels), 2)
    return values.transpose(*left, *(axis + 1 for axis in left))


@functools.lru_cache(maxsize=16)
def _points(levels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """β on as many circles as levels, twice as many points on each; θ, and u and its weights."""
    u, weights = scipy.special.roots_laguerre(levels)
    angle = np.pi * np.arange(2 * levels) / levels
    beta = np.sqrt(u / 2)[:, None] * np.exp(1j * angle)
    return beta.ravel(), angle, u, weights


@functools.lru_cache(maxsize=16)
def dual(fitted: int, levels: int) -> Complex[np.ndarray, "points fitted fitted"]:
    """The weights of ρ at each point of one mode in each coefficient."""
    _, angle, u, weights = _points(levels)
    radial = np.zeros((levels, fitted, fitted))
    for k in range(fitted):
        m = np.arange(fitted - k)
        radial[:, m, m + k] = radial[:, m + k, m] = _radial(fitted - k, k, u, weights)
    m, n = np.indices((fitted, fitted))
    turns = np.exp(-1j * np.multiply.outer(angle, n - m)) / len(angle)
    return (radial[:, None] * turns).reshape(-1, fitted, fitted)


def _radial(count: int, k: int, u: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The weights of F_k(u/2) in ρ_{m,m+k}, m = 0 … `count` − 1: shape (points, m)."""
    special, j = scipy.special, np.arange(count)
    log_factorials = special.gammaln(j + k + 1) - special.gammaln(j + 1)
    laguerre = special.eval_genlaguerre(j, k, u[:, None]) * np.exp(-log_factorials)
    back = special.binom(j[:, None] + k, j[:, None] - j)  # 0 for m > j
    known = weights * u**k * np.exp(u / 2) * (u / 2) ** (-k / 2)
    return known[:, None] * (laguerre @ back) * (-2.0) ** j * np.exp(log_factorials / 2)
