"""Phase-space Hamiltonians H(q, p), written for one point.

A quantum Hamiltonian enters the Husimi picture through its *anti-Wick* symbol: order all
â left of all â†, then replace â → α, ↠→ α*. In that order ⟨Ĥ⟩ = ∫ H Q.
"""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .errors import InputError

Modes = Float[Array, " modes"]
Scalar = Float[Array, ""]


class AbstractSymbol(eqx.Module):
    """A Hamiltonian on phase space. Write it for one point; the rest is differentiation."""

    @property
    @abc.abstractmethod
    def modes(self) -> int:
        """N."""

    @abc.abstractmethod
    def __call__(self, q: Modes, p: Modes) -> Scalar:
        """`H(q, p)` at one point, in units of energy."""


class Kerr(AbstractSymbol):
    """Kerr oscillator, `Ĥ = ω n̂ + (U/2) n̂(n̂−1)`, one mode.

    `H(q, p) = ω|α|² + (U/2)(|α|⁴ − 4|α|²)` up to a constant, `|α|² = (q² + p²)/2`,

    in units where ħ = κ = ℓ = 1 (see `InUnits` for others). The 4 is that of
    `n̂(n̂−1) = â²â†² − 4ââ† + 2`; the −3 printed in arXiv:2603.20399, eqs. (68)–(69),
    is the symbol of another oscillator, `(U/2) n̂²`.

    Args:
        interaction: U, energy per pair of quanta.
        omega: ω, energy of one quantum.
    """

    interaction: Scalar | float
    omega: Scalar | float = 0.0

    @property
    def modes(self) -> int:
        """1."""
        return 1

    def __call__(self, q, p):
        if q.shape != (1,):
            raise InputError(f"`q` must have shape (1,) for one mode, but has {q.shape}.")
        quanta = (q[0] ** 2 + p[0] ** 2) / 2
        return self.omega * quanta + self.interaction / 2 * (quanta**2 - 4 * quanta)


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
        ell = jnp.asarray(self.ell)
        return self.symbol(q / ell, ell * p / self.kappa)
