"""Parameters from snapshots without any simulation: the equation of motion in weak form.

`⟨f⟩(t) − ⟨f⟩(0) = ∫₀ᵗ ∫ f (∂ρ/∂t) dξ dt'` for test functions f(q, p). Both sides are means over
measured data. The unknown parameters of `∂ρ/∂t = Σ_k Σ_ab… ∂_a∂_b… (G_ab…⁽ᵏ⁾ ρ)` therefore follow
from a small least-squares problem, whatever the starting values.

Densities at points, on a regular grid or not, are first expanded in few Fock–Bargmann levels by
linear least squares; for the expansion, the equation and all means are exact. For samples of the
densities, means are sums, and the derivatives act on f.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Array, Complex, Float

from ..data.abstract import AbstractHeterodyneData
from ..data.samples import whitening
from ..data.test_functions import TestFunctions, width_for
from ..fock_bargmann.basis import FockBargmann
from ..phase_space.coordinates import PhaseSpace, derivatives
from ..phase_space.fokker_planck import Flow
from ..phase_space.open_system import Open
from ..phase_space.polynomial import MAX_DEGREE

FAINT = 1e-5  # part of the largest mean below which a mean is round-off or noise
MOST_SAMPLES = 10_000  # at a time, of those used for a start


def early_snapshots(t: Float[np.ndarray, " times"]) -> int:
    """How many leading snapshots are about equally spaced, so that a spline joins them."""
    steps = np.diff(t)
    long = np.flatnonzero(steps > 2 * np.median(steps[:4]))
    return int(long[0]) + 1 if long.size else len(t)


class DensityForm(eqx.Module):
    """Means of test functions over expanded densities, in units of their size."""

    means: Float[Array, "times tests"]
    since: Complex[Array, "times *levels"]  # ∫₀ᵗ ρ dt'
    basis: FockBargmann
    tests: TestFunctions
    norm: Float[Array, " tests"]

    def residual(self, flow: Flow | Open) -> Float[Array, "times tests"]:
        """`⟨f⟩(t) − ∫ f L ∫₀ᵗ ρ dt' dξ` less its mean over time, L the generator of `flow`."""
        moved = jax.vmap(self.basis.generator(flow))(self.since)
        return _less_mean(self.means - jax.vmap(self.tests.means)(moved)) / self.norm


class SampleForm(eqx.Module):
    """Means of test functions over samples."""

    means: Float[Array, "times tests"]
    points: Float[Array, "times samples phase"]
    integral: Float[Array, "times times"]  # ∫₀ᵗ of what is known at the times
    tests: TestFunctions
    whiten: Float[Array, "tests known"]  # to independent combinations, in standard deviations

    def residual(self, flow: Flow) -> Float[Array, "times known"]:
        """`⟨f⟩(t) − ∫₀ᵗ ⟨Σ_k (−1)^k G⁽ᵏ⁾·∇^k f⟩ dt'` less its mean over time."""

        def rate(xi):
            orders = range(1, flow.order + 1)
            slopes = (derivatives(self.tests, k)(xi) for k in orders)
            parts = zip(orders, slopes, strict=True)
            terms = [(-1) ** k * jnp.tensordot(f, flow.tensor(k, xi), k) for k, f in parts]
            return jnp.sum(jnp.stack(terms), axis=0)

        means = jax.lax.map(lambda points: jax.vmap(rate)(points).mean(axis=0), self.points)
        return _less_mean(self.means - self.integral @ means) @ self.whiten


WeakForm = DensityForm | SampleForm


def weak_form(
    data: AbstractHeterodyneData, count: int, basis: FockBargmann, flow: Flow | Open
) -> WeakForm:
    """The weak form of the leading `count` times.

    Args:
        data: Heterodyne data.
        count: Times, at least four, close enough for a cubic spline.
        basis: The levels in which densities are expanded, few enough for the points.
        flow: An equation of the kind to be fitted; it determines how many levels a step climbs.
    """
    width, t = width_for(data.first_amplitude), data.t[:count]
    if data.measured is None:
        return sample_form(t, data.points[:count], data.space, width)
    return density_form(t, data.points, data.measured[:count], basis, flow, width)


def density_form(
    t: Float[np.ndarray, " times"],
    points: Float[np.ndarray, "points phase"],
    density: Float[np.ndarray, "times points"],
    basis: FockBargmann,
    flow: Flow | Open,
    width: float,
) -> DensityForm:
    """The weak form of densities at points; `width` of the Gaussians in units of z."""
    roomy = tuple(max(n, MAX_DEGREE + 1) for n in basis.cutoff)
    probe = FockBargmann(roomy, basis.ell, basis.kappa, quanta=basis.quanta)
    reach = max(abs(s) for shift in probe.pattern(flow).shifts for s in shift)
    levels = tuple(n + reach for n in basis.cutoff)
    total = None if basis.quanta is None else basis.quanta + reach
    wide = FockBargmann(levels, basis.ell, basis.kappa, quanta=total)
    rho = _expand(basis, points, density)
    rho = np.pad(rho, [(0, 0), *[(0, reach)] * (2 * basis.modes)])
    since = integral_over(t, rho)
    tests = TestFunctions.of(
        PhaseSpace(np.broadcast_to(basis.ell, (basis.modes,)), basis.kappa), width
    )
    means, norm = _means(tests, rho)
    return DensityForm(means, jax.device_put(since), wide, tests, norm)


def sample_form(
    t: Float[np.ndarray, " times"],
    points: Float[np.ndarray, "times samples phase"],
    space: PhaseSpace,
    width: float,
) -> SampleForm:
    """The weak form of samples; arguments as of `density_form`."""
    some = points[:, :MOST_SAMPLES]
    tests = TestFunctions.of(space, width)
    values = np.asarray(tests.at(some))
    integral = integral_over(t, np.eye(len(t)))
    spread = values - values.mean(axis=1, keepdims=True)
    whiten = whitening(spread.reshape(-1, values.shape[2]))
    arrays = jax.device_put((values.mean(axis=1), some, integral, whiten))
    means, samples, integral, whiten = arrays
    return SampleForm(means, samples, integral, tests, whiten)


def integral_over(t: Float[np.ndarray, " times"], values: np.ndarray) -> np.ndarray:
    """`∫₀ᵗ` of a cubic spline through `values`, at the times t."""
    return scipy.interpolate.CubicSpline(t, values, axis=0).antiderivative()(t)


def _less_mean(rows: Float[Array, "times tests"]) -> Float[Array, "times tests"]:
    """⟨f⟩(0) is measured no better than the others, so it is fitted."""
    return rows - rows.mean(axis=0)


@eqx.filter_jit
def _means(tests: TestFunctions, rho):
    """Means of the test functions, and their size."""
    means = jax.vmap(tests.means)(jnp.asarray(rho))
    norm = jnp.linalg.norm(means, axis=0)
    return means, jnp.maximum(norm, FAINT * jnp.max(norm))


def _expand(basis: FockBargmann, points, density) -> Complex[np.ndarray, "times *levels"]:
    """The Hermitian coefficients whose densities fit best at the points."""
    functions = np.asarray(_functions(basis, points))
    return basis.hermitian(
        np.linalg.lstsq(functions, basis.space.cell * density.T, rcond=1e-6)[0].T
    )


@eqx.filter_jit
def _functions(basis: FockBargmann, points):
    return basis.functions(jnp.asarray(points))
