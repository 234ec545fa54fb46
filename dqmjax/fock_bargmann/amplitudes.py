"""Amplitudes of Gaussian states in number states, and how much of them lies beyond a cut-off."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact

from ..grid import density

Scalar = Float[Array, ""]
BIG = 2.0**40  # a power of two, so that rescaling is exact; its square fits into float32


def recurrence(a: Inexact[Array | np.ndarray, "steps *shape"], b, start=(1.0, 0.0)):
    """`y_{n+1} = a_n y_n − b_n y_{n−1}` as `(x, e)` with `y_n = x_n exp(e_n)`, n = 0 … `steps`.

    The x_n neither underflow nor overflow. `start` is (x_0, e_0).
    """

    def step(carry, factors):
        before, now, power = carry
        a, b = factors
        after = a * now - b * before
        size = jax.lax.stop_gradient(jnp.maximum(jnp.abs(now), jnp.abs(after)))
        up, down = size > BIG, (size < 1 / BIG) & (size > 0)
        scale = jnp.where(up, 1 / BIG, jnp.where(down, BIG, 1.0))
        carry = scale * now, scale * after, power + up - down
        return carry, carry[1:]

    a, b = jnp.broadcast_arrays(a, b)
    first = jnp.broadcast_to(start[0], a.shape[1:]).astype(jnp.result_type(a, b, start[0]))
    power = jnp.zeros(a.shape[1:], first.real.dtype)
    _, (x, powers) = jax.lax.scan(step, (jnp.zeros_like(first), first, power), (a, b))
    powers = jnp.concatenate([power[None], powers])
    return jnp.concatenate([first[None], x]), powers * math.log(BIG) + start[1]


def gaussian(levels: int, gamma: Inexact[Array, "*shape"], t):
    """`recurrence` of `√(n+1) c_{n+1} = γ c_n − √n t c_{n−1}` with c_0 = 1.

    They are the amplitudes of the state that `â + tâ† − γ` annihilates. The recurrence is stable,
    because c_n is its dominant solution where the two solutions differ in size.
    """
    n = np.arange(1, levels).reshape(-1, *[1] * jnp.ndim(gamma))
    return recurrence(gamma / np.sqrt(n), t * np.sqrt(1 - 1 / n))


@functools.partial(jax.jit, static_argnums=0)
def oscillator(levels: int, y: Float[Array, "*shape"]) -> Float[Array, "levels *shape"]:
    """The oscillator's eigenfunctions `H_n(y) e^{−y²/2} / √(√π 2ⁿ n!)`, n = 0 … `levels` − 1."""
    x, log = gaussian(levels, math.sqrt(2) * y, 1.0)
    return x * jnp.exp(log - y**2 / 2 - math.log(math.pi) / 4)


@functools.partial(jax.jit, static_argnums=0)
def squeezed(
    levels: int,
    alpha: Complex[Array, " modes"],
    r: Float[Array, " modes"],
    phi: Float[Array, " modes"],
) -> tuple[Complex[Array, "modes levels"], Float[Array, "modes levels"]]:
    """`⟨n|D(α)S(ξ)|0⟩` of each mode, and its square.

    The state obeys `(â − α + t(↠− α*))|ψ⟩ = 0` with `t = e^{iφ} tanh r`.
    """
    t = jnp.exp(1j * phi) * jnp.tanh(r)
    log_cosh = jnp.logaddexp(r, -r) - math.log(2)
    first = -(density(alpha) + alpha.conj() ** 2 * t + log_cosh) / 2
    x, log = gaussian(levels, alpha + alpha.conj() * t, t)
    of_modes = (x * jnp.exp(log + first)).T
    return of_modes, density(of_modes)


@functools.partial(jax.jit, static_argnums=0)
def thermal(levels: int, nbar: Float[Array, " modes"]) -> Float[Array, "modes levels"]:
    """`p_n = n̄ⁿ/(n̄ + 1)ⁿ⁺¹` of each mode."""
    first, ratio = 1 / (nbar + 1), nbar / (nbar + 1)
    ratios = jnp.broadcast_to(ratio[:, None], (len(nbar), levels - 1))
    return jnp.cumprod(jnp.concatenate([first[:, None], ratios], axis=1), axis=1)


@functools.partial(jax.jit, static_argnums=0)
def displaced_thermal(
    levels: int, nbar: Float[Array, " modes"], alpha: Complex[Array, " modes"]
) -> Complex[Array, "modes levels levels"]:
    """`⟨m|D(α) ρ̂(n̄) D(α)†|n⟩` of each mode, `Σ_k p_k v_km v_kn*`.

    `v_km = √C(m, k) a^{m−k}/√((m−k)!)` with `a = α/(n̄ + 1)` and
    `p_k = e^{−|α|²/(n̄ + 1)} n̄^k/(n̄ + 1)^{k + 1}`, from
    `⟨β|ρ̂|β⟩ = e^{−|β − α|²/(n̄ + 1)}/(n̄ + 1)`.
    """
    m, k = np.indices((levels, levels))
    above = np.where(m >= k, m - k, 0)
    log = np.array([math.lgamma(n + 1) for n in range(levels)])
    root = np.where(m >= k, np.exp((log[m] - log[k] - log[above]) / 2), 0.0)  # √C(m, k)
    a = (alpha / (nbar + 1))[:, None]
    first = jnp.exp(-density(alpha) / (nbar + 1) / 2)[:, None]
    powers = jnp.cumprod(
        jnp.concatenate([first, a / np.sqrt(np.arange(1, levels))], axis=1), axis=1
    )
    columns = root * powers[:, above]
    p = thermal(levels, nbar)
    return jnp.einsum("imk,ik,ink->imn", columns, p, columns.conj())


@jax.jit
def of_all(numbers: Float[Array, "modes levels"]) -> Float[Array, " levels"]:
    """The distribution of the quanta of all modes together, if those are independent."""
    convolve = lambda p, q: jnp.convolve(p, q)[: p.size]
    return functools.reduce(convolve, numbers)


@jax.jit
def cat_numbers(
    numbers: Float[Array, "modes levels"], alpha: Complex[Array, " modes"], phase, square
) -> tuple[Float[Array, "modes levels"], Float[Array, " levels"]]:
    """Distributions of the quanta of a cat, of each mode and of all, from those of |α⟩.

    The second component changes them by `(−1)ⁿ cos φ` times its overlap with the first in the
    other modes.
    """
    quanta = density(alpha)
    others = jnp.exp(-2 * (jnp.sum(quanta) - quanta))
    signs = jnp.cos(phase) * (-1.0) ** np.arange(numbers.shape[1])
    of_modes = numbers * (1 + others[:, None] * signs)
    return 2 / square * of_modes, 2 / square * of_all(numbers) * (1 + signs)


def cat_square(phase: Scalar, quanta: Scalar) -> Scalar:
    """`2 + 2 cos φ e^{−2|α|²}`, the square of the norm of `|α⟩ + e^{iφ}|−α⟩`."""
    return 4 * jnp.cos(phase / 2) ** 2 + 2 * jnp.cos(phase) * jnp.expm1(-2 * quanta)


def further(levels: int) -> int:
    """How many levels to compute to see what lies beyond the first ones.

    A power of two, so that few programs are compiled.
    """
    return 1 << (2 * levels + 19).bit_length()


@jax.jit
def share_beyond(numbers: Float[Array, "rows levels"], first) -> Scalar:
    """`Σ_{n ≥ first} p_n` of each row, together.

    The levels that are not given count as a geometric series. A distribution that has not begun to
    fall lies there if less than half of it is given.
    """
    n, first = np.arange(numbers.shape[1]), first[:, None]
    sum_of = lambda which: jnp.sum(jnp.where(which, numbers, 0.0), axis=1)
    middle = (first + len(n)) // 2
    near, far = sum_of((n >= first) & (n < middle)), sum_of(n >= middle)
    series = far**2 / jnp.where(far < near, near - far, 1.0)
    rest = jnp.where(far < near, series, jnp.where(jnp.sum(numbers, axis=1) < 1 / 2, 1.0, 0.0))
    return jnp.minimum(jnp.sum(near + far + rest), 1.0)
