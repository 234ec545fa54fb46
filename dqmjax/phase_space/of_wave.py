"""Densities on phase space of a wave function on a grid."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..errors import InputError, is_known, positive, require_instance
from ..grid import Grid, density, field_on
from ..wave.states import Parameter, greatest_waves, per_axis
from .coordinates import PhaseSpace, require_points

AT_ONCE = 256  # transforms and points
SHARED = 4  # points with the same q from which on its transform is stored; also p


def husimi(
    grid: Grid,
    psi: Complex[Array, "*shape"],
    points: Float[Array | np.ndarray, "count coordinates"],
    ell: Parameter = 1.0,
    hbar=1.0,
) -> Float[Array, " count"]:
    """Husimi density of ψ at points of phase space, per dq dp; its integral is the norm.

    `Q(q, p) = |⟨q, p|ψ⟩|² / (2πħ)^N`, `⟨x|q, p⟩ ∝ exp(−Σ (x_i − q_i)²/2ℓ_i² + i p_i x_i/ħ)`

    Args:
        grid: Box of N axes.
        psi: Wave function, small at the edges. Q is 0 beyond the momenta ħk of the grid.
        points: Rows (q₁…q_N, p₁…p_N).
        ell: ℓ, the width of the measuring coherent states; one number or one per axis.
        hbar: ħ.

    Raises:
        InputError: If ψ is not on the grid, the rows of `points` do not have 2N real entries, ℓ or
            ħ is not positive, or a known array is not finite.

    Example:
        >>> grid = dqm.Grid(-8, 8, 64)
        >>> psi = dqm.coherent(grid, center=1.0, momentum=0.0)
        >>> print(dqm.husimi(grid, psi, jnp.array([[1.0, 0.0]])).round(3))  # 1/2πħ at the maximum
        [0.159]
    """
    psi = field_on(grid, "psi", psi)
    points = require_points(points, 2 * grid.dim)
    scale = per_axis("ell", positive("ell", ell), grid)
    return _husimi(grid, psi, points, scale, jnp.asarray(positive("hbar", hbar, shape=())))


@eqx.filter_jit
def _husimi(grid, psi, points, scale, hbar):
    most = hbar * greatest_waves(grid)

    def probability(point):
        q, p = (half.reshape(-1, *[1] * grid.dim) for half in jnp.split(point, 2))
        away = (grid.points - q) / scale
        bra = jnp.exp(jnp.sum(-(away**2) / 2 - 1j * p * grid.points / hbar, axis=0))
        inside = (jnp.abs(jnp.split(point, 2)[1]) <= most).all()  # beyond, p would alias
        return jnp.where(inside, density(grid.integrate(bra * psi)), 0.0)

    norms = jnp.prod(scale) * jnp.pi ** (grid.dim / 2)
    cell = PhaseSpace(scale, hbar).cell
    return jax.lax.map(probability, points, batch_size=64) / norms / cell


def wigner(
    grid: Grid,
    psi: Complex[Array, " n"],
    points: Float[Array | np.ndarray, "count coordinates"],
    hbar=1.0,
) -> Float[Array, " count"]:
    """Wigner function of a one-dimensional ψ at points of phase space, per dq dp.

    `W(q, p) = (1/πħ) ∫ ψ*(q + y) ψ(q − y) e^{2ipy/ħ} dy`

    ψ is zero outside the box. Between the points it is interpolated by its Fourier series, so
    that the error is as small as ψ at the edges. W is 0 beyond the momenta ħk of the grid.

    Args:
        grid: Box of one axis.
        psi: Wave function.
        points: Rows (q, p).
        hbar: ħ.

    Raises:
        InputError: If `grid` has more than one axis, ψ is not on it, the rows of `points` do not
            have 2 real entries, ħ is not positive, or a known array is not finite.

    Example:
        >>> grid = dqm.Grid(-8, 8, 64)
        >>> psi = dqm.coherent(grid, center=1.0, momentum=0.0)
        >>> print(dqm.wigner(grid, psi, jnp.array([[1.0, 0.0]])).round(3))  # 1/πħ at the maximum
        [0.318]
    """
    require_instance(Grid, grid=grid)
    if grid.dim != 1:
        raise InputError(f"`grid` must have one axis, but has {grid.dim}.")
    psi, points = field_on(grid, "psi", psi), require_points(points, 2)
    hbar = jnp.asarray(positive("hbar", hbar, shape=()))
    q, p = points.T
    if not is_known(points):
        return _wigner(grid, psi, (q, p), jnp.arange(len(q)), jnp.arange(len(p)), hbar)
    (q, of_q), (p, of_p) = (np.unique(np.asarray(x), return_inverse=True) for x in (q, p))
    return _wigner(grid, psi, (q, p), of_q, of_p, hbar)


@eqx.filter_jit
def _wigner(grid, psi, places, of_q, of_p, hbar):
    """At the points `q[of_q], p[of_p]`; one transform for each distinct q."""
    (lower,), (upper,), (n,) = grid.lower, grid.upper, grid.shape
    q, p = map(jnp.asarray, places)
    y = jnp.arange(-n, n) * (grid.spacing[0] / 2)  # half the spacing, for the product's band
    waves, k = jnp.fft.fft(psi, norm="forward"), grid.waves[0]
    half = n // 2 + n % 2  # waves of positive k

    def both(q):
        """`ψ*(q + y) ψ(q − y)`, from ψ at q and all multiples of y beyond."""
        turned = jnp.exp(1j * k * (q - lower)) * waves
        padded = jnp.concatenate([turned[:half], jnp.zeros(n), turned[half:]])
        psi = jnp.fft.ifft(padded, norm="forward")
        inside = lambda x: (x >= lower) & (x < upper)
        product = jnp.roll(psi, n).conj() * jnp.roll(psi[::-1], n + 1)
        return jnp.where(inside(q + y) & inside(q - y), product, 0)

    turn = lambda p: jnp.exp(2j * p * y / hbar)
    product_of, turn_of = _stored(both, q, of_q.size), _stored(turn, p, of_p.size)

    def value(of):
        product, turn = product_of(of[0]), turn_of(of[1])
        return jnp.sum(product.real * turn.real - product.imag * turn.imag)

    total = jax.lax.map(value, (of_q, of_p), batch_size=AT_ONCE)
    total = jnp.where(jnp.abs(p[of_p]) <= hbar * greatest_waves(grid)[0], total, 0.0)
    return total * (grid.spacing[0] / 2) / (jnp.pi * hbar)


def _stored(function, x, uses: int):
    """`function(x[i])` of i; all values are computed at once if each has several uses."""
    if len(x) > uses // SHARED:
        return lambda i: function(x[i])
    table = jax.lax.map(function, x, batch_size=AT_ONCE)
    return lambda i: table[i]
