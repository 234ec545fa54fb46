"""Test functions on phase space, whose means enter the weak form of an equation of motion."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..phase_space.coordinates import PhaseSpace
from ..phase_space.polynomial import exponents

DEGREE = 4  # of the monomials
View = tuple[Any, Any, Any] | None


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

    def means(self, rho: Complex[Array, "*levels"], view: View = None) -> Float[Array, " tests"]:
        """`∫ f(v(ξ)) ρ dξ` of Fock–Bargmann coefficients with the same scales, exactly.

        Args:
            rho: Coefficients.
            view: Scale s, angle θ and shifts c of `v = s R(θ) z + c` in units of z, for outcomes of
                a detector; none where v = ξ.
        """
        modes = len(self.ell)
        for left in range(modes, 0, -1):
            mode = modes - left
            seen = None if view is None else (*view[:2], view[2][mode::modes])
            matrix = self._one_mode(rho.shape[0], seen)
            rho = jnp.tensordot(rho, matrix, axes=((0, left), (1, 2)))
        first, second = self.exponents[:, :modes], self.exponents[:, modes:]
        return jnp.real(rho[tuple((first * (DEGREE + 1) + second).T)])

    def _one_mode(
        self, levels: int, view: View
    ) -> Complex[Array | np.ndarray, "powers levels levels"]:
        """`∫ (V/w)^a (W/w)^b e^{−|v|²/2w²} e^{−|β|²} β*^m β^n/√(m!n!) d²β/π`, by Gauss–Hermite.

        The two Gaussians are one of variance τ² around −τ² s Rᵀc/w².
        """
        numbers = np if view is None else jnp
        x, weight = np.polynomial.hermite.hermgauss(levels + DEGREE)
        z = np.stack(np.meshgrid(x, x, indexing="ij")).reshape(2, -1)
        weight = np.outer(weight, weight).ravel() / (2 * np.pi)
        scale, angle, shift = (1.0, 0.0, np.zeros(2)) if view is None else view
        cos, sin = numbers.cos(angle), numbers.sin(angle)
        turn = numbers.stack([numbers.stack([cos, -sin]), numbers.stack([sin, cos])])
        variance = 1 / (1 + scale**2 / self.width**2)
        middle = -variance * scale / self.width**2 * (turn.T @ shift)
        z = middle[:, None] + numbers.sqrt(2 * variance) * z
        v = (scale * (turn @ z) + shift[:, None]) / self.width
        height = middle @ middle / variance - shift @ shift / self.width**2
        weight = weight * 2 * variance * numbers.exp(height / 2)
        ratios = ((z[0] + 1j * z[1]) / math.sqrt(2))[:, None] / np.sqrt(np.arange(1, levels))
        ones = np.ones((ratios.shape[0], 1))
        overlaps = numbers.cumprod(numbers.concatenate([ones, ratios], axis=1), axis=1)
        a, b = np.indices((DEGREE + 1,) * 2).reshape(2, -1, 1)
        monomials = v[0] ** a * v[1] ** b
        return numbers.einsum("ak,km,kn->amn", monomials * weight, overlaps.conj(), overlaps)


@eqx.filter_jit
def _at(tests: TestFunctions, points):
    return jax.lax.map(jax.vmap(tests), points)


def width_for(amplitude: Complex[np.ndarray, " modes"]) -> float:
    """w for data that begin at this amplitude, so that many of them have weight; in units of z."""
    half = float(np.max(np.abs(amplitude))) / 2
    return max(1.0, round(4 * half) / 4)  # few values: each compiles programs of its own
