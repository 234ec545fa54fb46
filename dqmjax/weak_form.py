"""Parameters from snapshots without any simulation: the equation of motion in weak form.

`⟨f⟩(t) − ⟨f⟩(0) = ∫₀ᵗ Σ_k (−1)^k ⟨G⁽ᵏ⁾·∇^k f⟩ dt'` for test functions f(q, p), −G⁽¹⁾ being the
drift and G⁽²⁾ = (ħ/2κ) L D Lᵀ. Both sides are means over the measured densities, so what is unknown
in the G⁽ᵏ⁾ follows from a small least-squares problem, whatever the starting values.

Means: the densities at the points, on a regular grid or not, are first expanded in few
Fock–Bargmann levels by linear least squares; over the expansion, means are exact.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.interpolate import CubicSpline

from .fock import FockBargmann
from .generators import Flow
from .polynomials import derivatives, exponents

DEGREE = 4  # of the monomials in the test functions


def early_snapshots(t: Float[np.ndarray, " times"]) -> int:
    """How many leading snapshots are about equally spaced, so that a spline joins them."""
    steps = np.diff(t)
    long = np.flatnonzero(steps > 2 * np.median(steps[:4]))
    return int(long[0]) + 1 if long.size else len(t)


class WeakForm(eqx.Module):
    """What snapshots say of the means of test functions, in units of those means.

    Made by `weak_form`; `residual` is what a model leaves unexplained.
    """

    change: Float[Array, "times tests"]  # ⟨f⟩(t) − ⟨f⟩(0)
    since: Float[Array, "times nodes"]  # ∫₀ᵗ ρ dt' times the quadrature weight of each node
    nodes: Float[Array, "nodes phase"]
    tests: "TestFunctions"

    def residual(self, flow: Flow) -> Float[Array, "times tests"]:
        """`⟨f⟩(t) − ⟨f⟩(0) − ∫₀ᵗ Σ_k (−1)^k ⟨G⁽ᵏ⁾·∇^k f⟩ dt'`."""

        def rate(xi):
            orders = range(1, flow.order + 1)
            slopes = (derivatives(self.tests, k)(xi) for k in orders)
            parts = zip(orders, slopes, strict=True)
            return sum((-1) ** k * jnp.tensordot(f, flow.tensor(k, xi), k) for k, f in parts)

        return self.change - self.since @ jax.vmap(rate)(self.nodes)


class TestFunctions(eqx.Module):
    """Monomials up to `DEGREE` times one Gaussian, `Π (z_a/w)^e_a e^{−|z|²/2w²}`, normalised."""

    __test__ = False  # not a test case

    scales: Float[Array, " phase"]  # ξ = scales · z
    width: Float[Array, ""]  # w
    norm: Float[Array, " tests"]

    def __call__(self, xi: Float[Array, " phase"]) -> Float[Array, " tests"]:
        z = xi / self.scales / self.width
        powers = jnp.stack([z**k for k in range(DEGREE + 1)])
        monomials = jnp.prod(powers[exponents(z.size // 2, DEGREE), np.arange(z.size)], axis=1)
        return monomials * jnp.exp(-jnp.sum(z**2) / 2) / self.norm


def weak_form(
    t: Float[np.ndarray, " times"],
    points: Float[np.ndarray, "points phase"],
    density: Float[np.ndarray, "times points"],
    basis: FockBargmann,
    width: float,
) -> WeakForm:
    """The weak form of the given snapshots.

    Args:
        t: Times, at least four, close enough for a cubic spline.
        points, density: As in a snapshot file; the points need not form a grid.
        basis: The levels in which the densities are expanded.
        width: Width of the Gaussians in units of z.
    """
    nodes, weights, scales = _quadrature(basis, width)
    expansion = np.linalg.lstsq(_husimi_functions(basis, points), density.T, rcond=1e-6)[0]
    weighted = (_husimi_functions(basis, nodes) @ expansion).T * weights
    since = CubicSpline(t, weighted, axis=0).antiderivative()(t)
    ones = jnp.ones(len(exponents(basis.modes, DEGREE)))
    unit = TestFunctions(jnp.asarray(scales), jnp.asarray(width), ones)
    means = weighted @ jax.vmap(unit)(nodes)
    norm = jnp.linalg.norm(means, axis=0)
    tests = TestFunctions(unit.scales, unit.width, norm)
    return WeakForm((means - means[0]) / norm, jnp.asarray(since), jnp.asarray(nodes), tests)


def _quadrature(basis: FockBargmann, width: float):
    """Gauss–Hermite nodes ξ and weights, exact for level densities times test functions."""
    x, w = np.polynomial.hermite.hermgauss(max(basis.cutoff) + 8)
    spread = np.sqrt(2 / (1 + 1 / width**2))
    axes = 2 * basis.modes
    z = spread * np.stack(np.meshgrid(*[x] * axes, indexing="ij")).reshape(axes, -1).T
    weights = np.prod(
        np.stack(np.meshgrid(*[w * np.exp(x**2)] * axes, indexing="ij")).reshape(axes, -1), axis=0
    )
    ell = np.broadcast_to(basis.ell, (basis.modes,))
    scales = np.concatenate([ell, basis.kappa / ell])
    return z * scales, weights * np.prod(spread * scales), scales


def _husimi_functions(basis: FockBargmann, points) -> Float[np.ndarray, "points unknowns"]:
    """The real functions that every density of `basis` is a real combination of."""
    overlaps = np.asarray(basis.overlaps(jnp.asarray(points)))
    i, j = np.triu_indices(overlaps.shape[1])
    products = overlaps[:, i].conj() * overlaps[:, j]
    return np.concatenate([np.real(products), np.imag(products)[:, i != j]], axis=1)
