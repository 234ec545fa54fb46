"""Phase-space Hamiltonians H(q, p), written for one point.

A quantum Hamiltonian enters the Husimi picture through its *anti-Wick* symbol: write all â left
of all â†, then replace â → α, ↠→ α*. For this order ⟨Ĥ⟩ = ∫ H Q.
"""

import abc
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import InputError, require_whole
from .coordinates import PhaseSpace

Modes = Float[Array, " modes"]
Scalar = Float[Array, ""]


class AbstractSymbol(eqx.Module):
    """A Hamiltonian on phase space, written for one point; derivatives are automatic."""

    @property
    @abc.abstractmethod
    def modes(self) -> int:
        """N."""

    @abc.abstractmethod
    def __call__(self, q: Modes, p: Modes) -> Scalar:
        """`H(q, p)` at one point, in units of energy."""


class Kerr(AbstractSymbol):
    """Kerr oscillator, `Ĥ = ω n̂ + (U/2) n̂(n̂−1) + F(â + â†)`, one mode.

    `H(q, p) = ω|α|² + (U/2)(|α|⁴ − 4|α|²) + √2 F q` up to a constant, `|α|² = (q² + p²)/2`,

    in units where ħ = κ = ℓ = 1 (see `InUnits` for others). The 4 is that of
    `n̂(n̂−1) = â²â†² − 4ââ† + 2`; the −3 printed in arXiv:2603.20399, eqs. (68)–(69),
    is the symbol of another oscillator, `(U/2) n̂²`.

    Args:
        interaction: U, energy per pair of quanta.
        omega: ω, energy of one quantum; of a driven oscillator, minus that of a drive quantum.
        drive: F, an energy.
    """

    interaction: Scalar | float
    omega: Scalar | float = 0.0
    drive: Scalar | float = 0.0

    @property
    def modes(self) -> int:
        """1."""
        return 1

    def __call__(self, q, p):
        require_modes(q, 1)
        quanta = (q[0] ** 2 + p[0] ** 2) / 2
        driven = self.omega * quanta + jnp.sqrt(2) * self.drive * q[0]
        return driven + self.interaction / 2 * (quanta**2 - 4 * quanta)


class Oscillators(AbstractSymbol):
    """Free modes, `Ĥ = Σ ω_i n̂_i`: `H(q, p) = Σ ω_i |α_i|²`.

    Args:
        omega: ω, one for each mode.
    """

    omega: Modes | tuple[float, ...]

    @property
    def modes(self) -> int:
        """N."""
        return jnp.size(jnp.asarray(self.omega))

    def __call__(self, q, p):
        return jnp.sum(jnp.asarray(self.omega) * (q**2 + p**2)) / 2


class BoseHubbard(AbstractSymbol):
    """Bosons on an open chain or lattice with hopping between neighbours.

    `Ĥ = −J Σ_⟨ij⟩ (â_i†â_j + h.c.) + (U/2) Σ_i n̂_i(n̂_i − 1)`,
    `H(q, p) = −J Σ_⟨ij⟩ (α_i*α_j + c.c.) + (U/2) Σ_i (|α_i|⁴ − 4|α_i|²)`

    Args:
        tunnelling: J.
        interaction: U.
        sites: Number of sites, or the numbers along each axis of a lattice, counted row by row.

    Reference: arXiv:2603.20399, eqs. (67)–(69), with −4 for the printed −3.
    """

    tunnelling: Scalar | float
    interaction: Scalar | float
    sites: tuple[int, ...] = eqx.field(
        static=True, converter=lambda n: (n,) if np.ndim(n) == 0 else tuple(n)
    )

    def __check_init__(self):
        for n in self.sites:
            require_whole(1, sites=n)

    @property
    def modes(self) -> int:
        """N, all sites."""
        return math.prod(self.sites)

    def __call__(self, q, p):
        require_modes(q, self.modes)
        alpha = ((q + 1j * p) / jnp.sqrt(2)).reshape(self.sites)
        quanta = (q**2 + p**2) / 2
        neighbours = (
            (
                jax.lax.slice_in_dim(alpha, 0, -1, axis=a),
                jax.lax.slice_in_dim(alpha, 1, None, axis=a),
            )
            for a in range(alpha.ndim)
        )
        hopping = sum(2 * jnp.sum(jnp.real(a.conj() * b)) for a, b in neighbours)
        return -self.tunnelling * hopping + self.interaction / 2 * jnp.sum(quanta**2 - 4 * quanta)


class ParametricAmplifier(AbstractSymbol):
    """`Ĥ = (ig/2)(â†² − â²)`, one mode: `H(q, p) = g q p`, so that q grows as e^{gt}.

    Args:
        gain: g.
    """

    gain: Scalar | float

    @property
    def modes(self) -> int:
        """1."""
        return 1

    def __call__(self, q, p):
        require_modes(q, 1)
        return self.gain * q[0] * p[0]


class ThreeWave(AbstractSymbol):
    """`Ĥ = χ (â₁†â₂†â₃ + h.c.)`: a quantum of mode 3 splits into one of mode 1 and one of mode 2.

    `H(q, p) = χ (α₁*α₂*α₃ + c.c.)`

    Args:
        coupling: χ.
    """

    coupling: Scalar | float

    @property
    def modes(self) -> int:
        """3."""
        return 3

    def __call__(self, q, p):
        require_modes(q, 3)
        one, two, three = (q + 1j * p) / jnp.sqrt(2)
        return 2 * self.coupling * jnp.real(one.conj() * two.conj() * three)


class AnharmonicOscillator(AbstractSymbol):
    """`Ĥ = p̂²/2 + ω²q̂²/2 + λq̂⁴`, one mode; its scale is ℓ = 1/√ω, the property `ell`.

    `H(q, p) = p²/2 + ω²q²/2 + λ(q⁴ − 3q²/ω)` up to a constant, ħ = κ = 1

    Args:
        omega: ω.
        quartic: λ.
    """

    omega: Scalar | float
    quartic: Scalar | float

    @property
    def modes(self) -> int:
        """1."""
        return 1

    @property
    def ell(self) -> Modes:
        """ℓ for which the quadratic part does not diffuse."""
        return 1 / jnp.sqrt(jnp.atleast_1d(jnp.asarray(self.omega)))

    def __call__(self, q, p):
        require_modes(q, 1)
        quartic = q[0] ** 4 - 3 * q[0] ** 2 / self.omega
        return (p[0] ** 2 + self.omega**2 * q[0] ** 2) / 2 + self.quartic * quartic


class InUnits(AbstractSymbol):
    """A dimensionless symbol in physical coordinates, `H(q, p) = h(q/ℓ, ℓp/κ)`.

    Args:
        symbol: h(Q, P), any symbol or function.
        ell: ℓ, length per unit of Q; one number or one per mode.
        kappa: κ, action.
    """

    symbol: AbstractSymbol
    ell: Modes | Scalar | tuple[float, ...] | float = 1.0
    kappa: Scalar | float = 1.0

    @property
    def modes(self) -> int:
        """N, that of `symbol`."""
        return self.symbol.modes

    def __call__(self, q, p):
        scale = PhaseSpace.of(q.size, self.ell, self.kappa).scale
        return self.symbol(*jnp.split(jnp.concatenate([q, p]) / scale, 2))


def require_modes(q: Array, modes: int):
    """Checks that a point has as many modes as the symbol.

    Raises:
        InputError: If `q` has another shape.
    """
    if q.shape != (modes,):
        raise InputError(f"`q` must have shape ({modes},), one entry per mode, but has {q.shape}.")
