"""Test functions on phase space, whose means enter the weak form of an equation of motion."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..phase_space.coordinates import PhaseSpace
from ..phase_space.polynomial import exponents

DEGREE = 4  # of the monomials


class TestFunctions(eqx.Module):
    """Monomials up to `DEGREE` times one Gaussian, `Π (z_a/w)^e_a e^{−|z|²/2w²}`, `ξ = Lz`.

    Args:
        ell, kappa: Scales of L = diag(ℓ, κ/ℓ), one ℓ for each mode.
        width: w.
    """

    __test__ = False  # not a test case

    ell: tuple[float, ...]
    kappa: float
    width: float

    @classmethod
    def of(cls, space: PhaseSpace, width: float) -> "TestFunctions":
        """With the scales of `space`."""
        return cls(tuple(np.asarray(space.ell, float).tolist()), float(space.kappa), width)

    @property
    def exponents(self) -> np.ndarray:
        """e, a row for each function."""
        return exponents(len(self.ell), DEGREE)

    def __call__(self, xi: Float[Array, " phase"]) -> Float[Array, " tests"]:
        y = xi / PhaseSpace(np.asarray(self.ell), self.kappa).scale / self.width
        powers = jnp.stack([y**k for k in range(DEGREE + 1)])
        monomials = jnp.prod(powers[self.exponents, np.arange(y.size)], axis=1)
        return monomials * jnp.exp(-jnp.sum(y**2) / 2)

    def at(self, points: Float[np.ndarray, "times samples phase"]):
        """Values at many points, one time after the other: (times, samples, tests)."""
        return _at(self, jnp.asarray(points))

    def means(self, rho: Complex[Array, "*levels"]) -> Float[Array, " tests"]:
        """`∫ f ρ dξ` of Fock–Bargmann coefficients with the same scales, exactly, mode by mode."""
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


@eqx.filter_jit
def _at(tests: TestFunctions, points):
    return jax.lax.map(jax.vmap(tests), points)


def width_for(amplitude: Complex[np.ndarray, " modes"]) -> float:
    """w for data that begin at this amplitude, so that many of them have weight; in units of z."""
    return max(1.0, float(np.max(np.abs(amplitude))) / 2)
