"""Parameters from snapshots without any simulation: the equation of motion in weak form.

`⟨f⟩(t) − ⟨f⟩(0) = ∫₀ᵗ ∫ f (∂ρ/∂t) dξ dt'` for test functions f(q, p). Both sides are means over
what was measured, so what is unknown in `∂ρ/∂t = Σ_k Σ_ab… ∂_a∂_b… (G_ab…⁽ᵏ⁾ ρ)` follows from a
small least-squares problem, whatever the starting values.

Densities at points, on a regular grid or not, are first expanded in few Fock–Bargmann levels by
linear least squares; over the expansion, the equation and all means are exact. Over draws from the
densities means are sums, and the derivatives act on f.
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float
from scipy.interpolate import CubicSpline

from ..data.series import Samples, Series
from ..fock_bargmann.basis import FockBargmann
from ..fock_bargmann.generator import Flow
from ..phase_space.coordinates import derivatives
from ..phase_space.polynomial import MAX_DEGREE, exponents

DEGREE = 4  # of the monomials in the test functions
FAINT = 1e-5  # part of the largest mean below which a mean is round-off or noise
RARE = 0.03  # part of the greatest variance; functions below differ from 0 at few draws only
MOST_DRAWS = 10_000  # at a time, of those used for a start


def early_snapshots(t: Float[np.ndarray, " times"]) -> int:
    """How many leading snapshots are about equally spaced, so that a spline joins them."""
    steps = np.diff(t)
    long = np.flatnonzero(steps > 2 * np.median(steps[:4]))
    return int(long[0]) + 1 if long.size else len(t)


class TestFunctions(eqx.Module):
    """Monomials up to `DEGREE` times one Gaussian, `Π (z_a/w)^e_a e^{−|z|²/2w²}`, `ξ = Lz`.

    Args:
        ell, kappa: Of L = diag(ℓ, κ/ℓ), ℓ for each mode.
        width: w.
    """

    __test__ = False  # not a test case

    ell: tuple[float, ...]
    kappa: float
    width: float

    @property
    def exponents(self) -> np.ndarray:
        """e, a row for each function."""
        return exponents(len(self.ell), DEGREE)

    def __call__(self, xi: Float[Array, " phase"]) -> Float[Array, " tests"]:
        ell = jnp.asarray(self.ell)
        y = xi / jnp.concatenate([ell, self.kappa / ell]) / self.width
        powers = jnp.stack([y**k for k in range(DEGREE + 1)])
        monomials = jnp.prod(powers[self.exponents, np.arange(y.size)], axis=1)
        return monomials * jnp.exp(-jnp.sum(y**2) / 2)

    def means(self, rho: Complex[Array, "*levels"]) -> Float[Array, " tests"]:
        """`∫ f ρ dξ` of coefficients in a basis of the same scales, exactly, mode by mode."""
        modes = len(self.ell)
        for left in range(modes, 0, -1):
            matrix = self._one_mode(rho.shape[0])
            rho = jnp.tensordot(rho, matrix, axes=((0, left), (1, 2)))
        first, second = self.exponents[:, :modes], self.exponents[:, modes:]
        return jnp.real(rho[tuple((first * (DEGREE + 1) + second).T)])

    def _one_mode(self, levels: int) -> Complex[np.ndarray, "powers levels levels"]:
        """`∫ (Q/w)^a (P/w)^b e^{−|z|²/2w²} e^{−|β|²} β*^m β^n/√(m!n!) d²β/π`, by Gauss–Hermite."""
        x, weight = np.polynomial.hermite.hermgauss(levels + DEGREE)
        spread = math.sqrt(2 / (1 + 1 / self.width**2))
        q, p = (spread * axis.ravel() for axis in np.meshgrid(x, x, indexing="ij"))
        weight = np.outer(weight, weight).ravel() * spread**2 / (2 * np.pi)
        ratios = ((q + 1j * p) / math.sqrt(2))[:, None] / np.sqrt(np.arange(1, levels))
        overlaps = np.cumprod(np.hstack([np.ones((len(q), 1)), ratios]), axis=1)
        a, b = np.indices((DEGREE + 1,) * 2).reshape(2, -1, 1)
        monomials = (q / self.width) ** a * (p / self.width) ** b
        return np.einsum("ak,km,kn->amn", monomials * weight, overlaps.conj(), overlaps)


class DensityForm(eqx.Module):
    """What densities, expanded in a basis, say of means of test functions, in units of those."""

    means: Float[Array, "times tests"]
    since: Complex[Array, "times *levels"]  # ∫₀ᵗ ρ dt'
    basis: FockBargmann
    tests: TestFunctions
    norm: Float[Array, " tests"]

    def residual(self, flow: Flow) -> Float[Array, "times tests"]:
        """`⟨f⟩(t) − ∫ f L ∫₀ᵗ ρ dt' dξ` less its mean, L the generator of `flow`."""
        moved = jax.vmap(self.basis.generator(flow))(self.since)
        return _less_mean(self.means - jax.vmap(self.tests.means)(moved)) / self.norm


class DrawForm(eqx.Module):
    """What draws say of them."""

    means: Float[Array, "times tests"]
    points: Float[Array, "times draws phase"]
    integral: Float[Array, "times times"]  # ∫₀ᵗ of what is known at the times
    tests: TestFunctions
    whiten: Float[Array, "tests known"]  # to independent combinations, in standard deviations

    def residual(self, flow: Flow) -> Float[Array, "times known"]:
        """`⟨f⟩(t) − ∫₀ᵗ ⟨Σ_k (−1)^k G⁽ᵏ⁾·∇^k f⟩ dt'` less its mean."""

        def rate(xi):
            orders = range(1, flow.order + 1)
            slopes = (derivatives(self.tests, k)(xi) for k in orders)
            parts = zip(orders, slopes, strict=True)
            terms = [(-1) ** k * jnp.tensordot(f, flow.tensor(k, xi), k) for k, f in parts]
            return jnp.sum(jnp.stack(terms), axis=0)

        means = jax.lax.map(lambda points: jax.vmap(rate)(points).mean(axis=0), self.points)
        return _less_mean(self.means - self.integral @ means) @ self.whiten


WeakForm = DensityForm | DrawForm


def density_form(
    t: Float[np.ndarray, " times"],
    points: Float[np.ndarray, "points phase"],
    density: Float[np.ndarray, "times points"],
    basis: FockBargmann,
    flow: Flow,
    width: float,
) -> DensityForm:
    """The weak form of densities at points.

    Args:
        t: Times, at least four, close enough for a cubic spline.
        points, density: As in a snapshot file; the points need not form a grid.
        basis: The levels in which the densities are expanded, few enough for the points.
        flow: An equation of the kind that is sought, for how far it climbs.
        width: Width of the Gaussians in units of z.
    """
    roomy = tuple(max(n, MAX_DEGREE + 1) for n in basis.cutoff)
    probe = FockBargmann(roomy, basis.ell, basis.kappa, quanta=basis.quanta)
    reach = max(abs(s) for shift in probe.assembly(flow).shifts for s in shift)
    levels = tuple(n + reach for n in basis.cutoff)
    total = None if basis.quanta is None else basis.quanta + reach
    wide = FockBargmann(levels, basis.ell, basis.kappa, quanta=total)
    rho = _expand(basis, points, density)
    rho = np.pad(rho, [(0, 0), *[(0, reach)] * (2 * basis.modes)])
    since = CubicSpline(t, rho, axis=0).antiderivative()(t)
    tests = test_functions(basis.ell, basis.kappa, basis.modes, width)
    means = jax.vmap(tests.means)(jnp.asarray(rho))
    norm = jnp.linalg.norm(means, axis=0)
    norm = jnp.maximum(norm, FAINT * jnp.max(norm))
    return DensityForm(means, jnp.asarray(since), wide, tests, norm)


def draw_form(
    t: Float[np.ndarray, " times"],
    points: Float[np.ndarray, "times draws phase"],
    ell,
    kappa: float,
    width: float,
) -> DrawForm:
    """The weak form of draws; arguments as of `density_form`."""
    some = jnp.asarray(points[:, :MOST_DRAWS])
    tests = test_functions(ell, kappa, some.shape[2] // 2, width)
    values = jax.lax.map(jax.vmap(tests), some)
    integral = CubicSpline(t, np.eye(len(t)), axis=0).antiderivative()(t)
    spread = values - values.mean(axis=1, keepdims=True)
    whiten = _whitening(np.asarray(spread).reshape(-1, values.shape[2]))
    return DrawForm(values.mean(axis=1), some, jnp.asarray(integral), tests, jnp.asarray(whiten))


def _less_mean(rows: Float[Array, "times tests"]) -> Float[Array, "times tests"]:
    """⟨f⟩(0) is measured no better than the others, so it is fitted."""
    return rows - rows.mean(axis=0)


def _whitening(spread: Float[np.ndarray, "draws tests"]) -> Float[np.ndarray, "tests known"]:
    """Combinations of variance 1 and not correlated, those known from the draws."""
    variance, directions = np.linalg.eigh(np.corrcoef(spread, rowvar=False))
    known = variance > RARE * variance[-1]
    return (directions / spread.std(axis=0)[:, None] / np.sqrt(np.abs(variance)))[:, known]


def means_of(data: Samples, tests: TestFunctions) -> Series:
    """Means of test functions over draws, with their standard deviations."""
    values = np.asarray(jax.lax.map(jax.vmap(tests), jnp.asarray(data.points)))
    return Series(data.t, values.mean(axis=1), values.std(axis=1) / values.shape[1] ** 0.5)


def moments(points: Float[Array, "times draws phase"], rho, tests: TestFunctions):
    """How far the means of test functions over draws are from those of coefficients `rho`.

    Returns:
        Uncorrelated numbers in units of their standard deviations, (times, tests), 0 in place of
        those too rare to be known from the draws; and the root mean square as a part of the means.
    """
    values = np.asarray(jax.lax.map(jax.vmap(tests), points))
    exact = np.asarray(jax.vmap(tests.means)(rho))
    away = values.mean(axis=1) - exact
    centred = values - values.mean(axis=1, keepdims=True)
    whitened = []
    for row, spread in zip(away, centred, strict=True):
        along = np.sqrt(len(spread)) * row @ _whitening(spread)
        whitened.append(np.pad(along, (row.size - along.size, 0)))
    return np.array(whitened), float(np.sqrt(np.mean(away**2) / np.mean(exact**2)))


def test_functions(ell, kappa, modes: int, width: float) -> TestFunctions:
    """Those of the given scales, ℓ one number or one per mode."""
    return TestFunctions(
        tuple(np.broadcast_to(ell, (modes,)).astype(float).tolist()), float(kappa), width
    )


def _expand(basis: FockBargmann, points, density) -> Complex[np.ndarray, "times *levels"]:
    """The Hermitian coefficients whose densities fit best at the points."""
    kets = np.flatnonzero(basis.kept_kets)
    overlaps = np.asarray(basis.overlaps(jnp.asarray(points)))[:, kets]
    i, j = np.triu_indices(len(kets))
    products = overlaps[:, i].conj() * overlaps[:, j]
    functions = np.concatenate([np.real(products), np.imag(products)[:, i != j]], axis=1)
    cell = (2 * np.pi * float(basis.kappa)) ** basis.modes
    found = np.linalg.lstsq(functions, cell * density.T, rcond=1e-6)[0].T
    # Re ρ_ij Re(φ_i*φ_j) − Im ρ_ij Im(φ_i*φ_j), twice for i ≠ j
    matrix = np.zeros((len(density), len(kets), len(kets)), complex)
    real, imaginary = np.split(found, [len(i)], axis=1)
    matrix[:, i, j] = np.where(i == j, 1.0, 0.5) * real
    off = i != j
    matrix[:, i[off], j[off]] -= 0.5j * imaginary
    matrix[:, j, i] = matrix[:, i, j].conj()
    full = np.zeros((len(density), *[basis.kept_kets.size] * 2), complex)
    full[:, kets[:, None], kets] = matrix
    return full.reshape(-1, *basis.levels)
