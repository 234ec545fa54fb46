"""Hamiltonians with a name, as anti-Wick symbols in units where ħ = κ = ℓ = 1.

`InUnits` converts to others. Symbols are given up to a constant.
"""

import math
from functools import partial

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import InputError, finite, positive, require_instance
from .coordinates import for_modes, wholes
from .symbols import AbstractSymbol, Modes, Scalar, at_modes

Sites = Float[Array, "..."] | tuple[float, ...] | float


class Kerr(AbstractSymbol):
    """Kerr oscillator, `Ĥ = ω n̂ + (U/2) n̂(n̂−1) + F(â + â†) + (G/2)(â² + â†²)`, one mode.

    `H(q, p) = ω|α|² + (U/2)(|α|⁴ − 4|α|²) + √2 F q + (G/2)(q² − p²)`, `|α|² = (q² + p²)/2`

    The 4 is that of `n̂(n̂−1) = â²â†² − 4ââ† + 2`; the −3 printed in arXiv:2603.20399, eqs.
    (68)–(69), is the symbol of another oscillator, `(U/2) n̂²`.

    Args:
        interaction: U, energy per pair of quanta.
        omega: ω, energy of one quantum; of a driven oscillator, minus that of a drive quantum.
        drive: F, an energy.
        pump: G, an energy; the drive creates and removes pairs of quanta.

    Example:
        >>> energies, kets = dqm.levels(dqm.Kerr(2.0), dqm.FockBargmann(8), 4)
        >>> print((energies - energies[0]).round(3))  # U n(n − 1)/2
        [0. 0. 2. 6.]
    """

    interaction: Scalar | float = eqx.field(converter=partial(finite, "interaction", shape=()))
    omega: Scalar | float = eqx.field(default=0.0, converter=partial(finite, "omega", shape=()))
    drive: Scalar | float = eqx.field(default=0.0, converter=partial(finite, "drive", shape=()))
    pump: Scalar | float = eqx.field(default=0.0, converter=partial(finite, "pump", shape=()))

    @property
    def modes(self) -> int:
        """One."""
        return 1

    def __call__(self, q, p):
        q, p = at_modes(q, p, 1)
        quanta = (q[0] ** 2 + p[0] ** 2) / 2
        driven = jnp.sqrt(2) * self.drive * q[0] + self.pump / 2 * (q[0] ** 2 - p[0] ** 2)
        return self.omega * quanta + driven + self.interaction / 2 * (quanta**2 - 4 * quanta)


class Oscillators(AbstractSymbol):
    """Free modes, `Ĥ = Σ ω_i n̂_i`: `H(q, p) = Σ ω_i |α_i|²`.

    Args:
        omega: ω, one for each mode.

    Example:
        >>> energies, kets = dqm.levels(dqm.Oscillators((1.0, 2.5)), dqm.FockBargmann((4, 4)), 4)
        >>> print((energies - energies[0]).round(3))
        [0.  1.  2.  2.5]
    """

    omega: Modes | tuple[float, ...] = eqx.field(converter=for_modes(finite, "omega"))

    @property
    def modes(self) -> int:
        """N, the number of modes."""
        return jnp.size(jnp.asarray(self.omega))

    def __call__(self, q, p):
        q, p = at_modes(q, p, self.modes)
        return jnp.sum(jnp.asarray(self.omega) * (q**2 + p**2)) / 2


class BoseHubbard(AbstractSymbol):
    """Bosons on a chain, ring or lattice with hopping between neighbours.

    `Ĥ = −J Σ_⟨ij⟩ (â_i†â_j + h.c.) + Σ_i ω_i n̂_i + Σ_i (U_i/2) n̂_i(n̂_i − 1)`,
    `H(q, p) = −J Σ_⟨ij⟩ (α_i*α_j + c.c.) + Σ_i ω_i|α_i|² + Σ_i (U_i/2) (|α_i|⁴ − 4|α_i|²)`

    Args:
        tunnelling: J, an energy.
        interaction: U, one number or one for each site.
        sites: Number of sites, or the numbers along each axis of a lattice, counted row by row.
        omega: ω, one number or one for each site.
        periodic: Whether the last site of each axis is a neighbour of the first. Two sites along an
            axis are neighbours once.

    Reference: arXiv:2603.20399, eqs. (67)–(69), with −4 for the printed −3.

    Example:
        >>> basis = dqm.FockBargmann((2, 2), quanta=1)
        >>> energies, kets = dqm.levels(dqm.BoseHubbard(1.0, 0.5, 2), basis, 3)
        >>> print((energies - energies[0]).round(3))  # −J, 0 and J
        [0. 1. 2.]
    """

    tunnelling: Scalar | float = eqx.field(converter=partial(finite, "tunnelling", shape=()))
    interaction: Sites = eqx.field(converter=for_modes(finite, "interaction"))
    sites: tuple[int, ...] = eqx.field(static=True, converter=wholes("sites", 1))
    omega: Sites = eqx.field(default=0.0, converter=for_modes(finite, "omega"))
    periodic: bool = eqx.field(default=False, static=True, kw_only=True)

    def __check_init__(self):
        require_instance(bool, periodic=self.periodic)
        for name in ("interaction", "omega"):
            shape = np.shape(getattr(self, name))
            if shape not in ((), (self.modes,)):
                raise InputError(
                    f"`{name}` must be one number or one for each of the {self.modes} sites, but "
                    f"has shape {shape}."
                )

    @property
    def modes(self) -> int:
        """N, all sites."""
        return math.prod(self.sites)

    def __call__(self, q, p):
        q, p = at_modes(q, p, self.modes)
        quanta = (q**2 + p**2) / 2
        pairs = jnp.asarray(self.interaction) / 2 * (quanta**2 - 4 * quanta)
        local = jnp.sum(jnp.asarray(self.omega) * quanta + pairs)
        one, other = self._bonds()
        hopping = jnp.sum(q[one] * q[other] + p[one] * p[other])  # 2 Re Σ α_i*α_j
        return local - self.tunnelling * hopping

    def _bonds(self) -> np.ndarray:
        """The neighbours as two rows of sites."""
        site, pairs = np.arange(self.modes).reshape(self.sites), [np.zeros((2, 0), int)]
        for axis, length in enumerate(self.sites):
            count = length if self.periodic and length > 2 else length - 1
            both = np.stack([site, np.roll(site, -1, axis)])
            pairs.append(np.take(both, range(count), axis + 1).reshape(2, -1))
        return np.concatenate(pairs, axis=1)


class ParametricAmplifier(AbstractSymbol):
    """`Ĥ = (ig/2)(â†² − â²)`, one mode: `H(q, p) = g q p`, so that q grows as e^{gt}.

    Args:
        gain: g, a rate.

    Example:
        >>> flow = dqm.FokkerPlanck(dqm.ParametricAmplifier(0.5))
        >>> print(flow.drift(jnp.array([1.0, 1.0])).round(3))  # (gq, −gp)
        [ 0.5 -0.5]
    """

    gain: Scalar | float = eqx.field(converter=partial(finite, "gain", shape=()))

    @property
    def modes(self) -> int:
        """One."""
        return 1

    def __call__(self, q, p):
        q, p = at_modes(q, p, 1)
        return self.gain * q[0] * p[0]


class ThreeWave(AbstractSymbol):
    """`Ĥ = χ (â₁†â₂†â₃ + h.c.)`: a quantum of mode 3 splits into one of mode 1 and one of mode 2.

    `H(q, p) = χ (α₁*α₂*α₃ + c.c.)`

    Args:
        coupling: χ.

    Example:
        >>> energies, kets = dqm.levels(dqm.ThreeWave(0.3), dqm.FockBargmann((2, 2, 2)), 1)
        >>> print(energies.round(3))  # −χ, of (|1, 1, 0⟩ − |0, 0, 1⟩)/√2
        [-0.3]
    """

    coupling: Scalar | float = eqx.field(converter=partial(finite, "coupling", shape=()))

    @property
    def modes(self) -> int:
        """Three."""
        return 3

    def __call__(self, q, p):
        q, p = at_modes(q, p, 3)
        one, two, three = (q + 1j * p) / jnp.sqrt(2)
        return 2 * self.coupling * jnp.real(one.conj() * two.conj() * three)


class AnharmonicOscillator(AbstractSymbol):
    """`Ĥ = p̂²/2 + ω²q̂²/2 + λq̂⁴`, one mode; its scale is ℓ = 1/√ω, the property `ell`.

    `H(q, p) = p²/2 + ω²q²/2 + λ(q⁴ − 3q²/ω)` up to a constant, ħ = κ = 1

    Args:
        omega: ω, positive.
        quartic: λ.

    Example:
        >>> energies, kets = dqm.levels(dqm.AnharmonicOscillator(1.0, 0.1), dqm.FockBargmann(32), 2)
        >>> round(float(energies[1] - energies[0]), 3)
        1.21
    """

    omega: Scalar | float = eqx.field(converter=partial(positive, "omega", shape=()))
    quartic: Scalar | float = eqx.field(converter=partial(finite, "quartic", shape=()))

    @property
    def modes(self) -> int:
        """One."""
        return 1

    @property
    def ell(self) -> Modes:
        """ℓ for which the quadratic part does not diffuse."""
        return 1 / jnp.sqrt(jnp.atleast_1d(jnp.asarray(self.omega)))

    def __call__(self, q, p):
        q, p = at_modes(q, p, 1)
        quartic = q[0] ** 4 - 3 * q[0] ** 2 / self.omega
        return (p[0] ** 2 + self.omega**2 * q[0] ** 2) / 2 + self.quartic * quartic
