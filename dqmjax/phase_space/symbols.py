"""Phase-space Hamiltonians H(q, p), written for one point.

A quantum Hamiltonian enters the Husimi picture through its *anti-Wick* symbol: write all â left
of all â†, then replace â → α, ↠→ α*. For this order ⟨Ĥ⟩ = ∫ H Q.
"""

import abc
import inspect
import math
from collections.abc import Callable, Collection
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import InputError, finite, positive, real_field
from ..user_function import called_once
from .coordinates import PhaseSpace, for_modes, wholes

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

    interaction: Scalar | float = eqx.field(converter=partial(finite, "interaction", shape=()))
    omega: Scalar | float = eqx.field(default=0.0, converter=partial(finite, "omega", shape=()))
    drive: Scalar | float = eqx.field(default=0.0, converter=partial(finite, "drive", shape=()))

    @property
    def modes(self) -> int:
        """1."""
        return 1

    def __call__(self, q, p):
        q, p = at_modes(q, p, 1)
        quanta = (q[0] ** 2 + p[0] ** 2) / 2
        driven = self.omega * quanta + jnp.sqrt(2) * self.drive * q[0]
        return driven + self.interaction / 2 * (quanta**2 - 4 * quanta)


class Oscillators(AbstractSymbol):
    """Free modes, `Ĥ = Σ ω_i n̂_i`: `H(q, p) = Σ ω_i |α_i|²`.

    Args:
        omega: ω, one for each mode.
    """

    omega: Modes | tuple[float, ...] = eqx.field(converter=for_modes(finite, "omega"))

    @property
    def modes(self) -> int:
        """N."""
        return jnp.size(jnp.asarray(self.omega))

    def __call__(self, q, p):
        q, p = at_modes(q, p, self.modes)
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

    tunnelling: Scalar | float = eqx.field(converter=partial(finite, "tunnelling", shape=()))
    interaction: Scalar | float = eqx.field(converter=partial(finite, "interaction", shape=()))
    sites: tuple[int, ...] = eqx.field(static=True, converter=wholes("sites", 1))

    @property
    def modes(self) -> int:
        """N, all sites."""
        return math.prod(self.sites)

    def __call__(self, q, p):
        q, p = at_modes(q, p, self.modes)
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

    gain: Scalar | float = eqx.field(converter=partial(finite, "gain", shape=()))

    @property
    def modes(self) -> int:
        """1."""
        return 1

    def __call__(self, q, p):
        q, p = at_modes(q, p, 1)
        return self.gain * q[0] * p[0]


class ThreeWave(AbstractSymbol):
    """`Ĥ = χ (â₁†â₂†â₃ + h.c.)`: a quantum of mode 3 splits into one of mode 1 and one of mode 2.

    `H(q, p) = χ (α₁*α₂*α₃ + c.c.)`

    Args:
        coupling: χ.
    """

    coupling: Scalar | float = eqx.field(converter=partial(finite, "coupling", shape=()))

    @property
    def modes(self) -> int:
        """3."""
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
    """

    omega: Scalar | float = eqx.field(converter=partial(positive, "omega", shape=()))
    quartic: Scalar | float = eqx.field(converter=partial(finite, "quartic", shape=()))

    @property
    def modes(self) -> int:
        """1."""
        return 1

    @property
    def ell(self) -> Modes:
        """ℓ for which the quadratic part does not diffuse."""
        return 1 / jnp.sqrt(jnp.atleast_1d(jnp.asarray(self.omega)))

    def __call__(self, q, p):
        q, p = at_modes(q, p, 1)
        quartic = q[0] ** 4 - 3 * q[0] ** 2 / self.omega
        return (p[0] ** 2 + self.omega**2 * q[0] ** 2) / 2 + self.quartic * quartic


class InUnits(AbstractSymbol):
    """A dimensionless symbol in physical coordinates, `H(q, p) = h(q/ℓ, ℓp/κ)`.

    Args:
        symbol: h(Q, P), any symbol or function.
        ell: ℓ, length per unit of Q, positive; one number or one per mode.
        kappa: κ, action, positive.
    """

    symbol: Callable[[Array, Array], Scalar]
    ell: Modes | Scalar | tuple[float, ...] | float = eqx.field(
        default=1.0, converter=for_modes(positive, "ell")
    )
    kappa: Scalar | float = eqx.field(default=1.0, converter=partial(positive, "kappa", shape=()))

    def __check_init__(self):
        require_symbol(self.symbol)
        require_same_modes(self.symbol, self.ell)

    @property
    def modes(self) -> int:
        """N, the entries of `ell` or that of `symbol`."""
        known = known_modes(self.symbol, self.ell)
        if known is None:
            raise AttributeError("A plain function has no `modes`: give `ell` one entry per mode.")
        return known

    def __call__(self, q, p):
        q, p = at_modes(q, p, known_modes(self.symbol, self.ell) or max(1, np.size(q)))
        scale = PhaseSpace.of(q.size, self.ell, self.kappa).scale
        return energy(self.symbol, jnp.concatenate([q, p]) / scale)


def at_modes(q, p, modes: int) -> tuple[Modes, Modes]:
    """A point as arrays, if it has as many modes as the symbol.

    Raises:
        InputError: If `q` or `p` has another shape, is complex, or is known and not finite.
    """
    for name, x in (("q", q), ("p", p)):
        if np.shape(x) != (modes,):
            raise InputError(
                f"`{name}` must have shape ({modes},), one entry per mode, but has {np.shape(x)}."
            )
    return real_field("q", q, (modes,)), real_field("p", p, (modes,))


def energy(symbol: Callable[[Array, Array], Scalar], xi: Float[Array, " phase"]) -> Scalar:
    """H at `ξ = (q, p)`.

    Raises:
        InputError: If `symbol` uses a coordinate that ξ does not have, or does not return one real
            number.
    """
    modes = np.size(xi) // 2
    require_scalar_function("symbol", symbol, np.ones(modes), np.ones(modes))
    return jnp.asarray(symbol(*jnp.split(xi, 2)))


def require_scalar_function(name: str, f, *point: np.ndarray):
    """Checks that a user's function of a point gives one real number.

    Raises:
        InputError: If not, or if it uses a coordinate that the point does not have.
    """
    value = called_once(name, f, *point)
    if value.shape or value.dtype.kind not in "iuf":
        raise InputError(
            f"`{name}` must return one real number, but returns {value.dtype} of shape "
            f"{value.shape}: sum over the modes or take the real part."
        )


def require_symbol(symbol):
    """Checks that `symbol` is a function of (q, p) without t.

    Raises:
        InputError: Naming `symbol`.
    """
    names = require_function("symbol", symbol, "q", "p")
    if "t" in names:
        raise InputError(
            "`symbol` must be a function of (q, p) alone, but has an argument t: Hamiltonians that "
            "depend on time are not available on phase space. Remove t."
        )


def require_function(name: str, f, *arguments: str) -> Collection[str]:
    """Checks that f is a function of the `arguments`; the names of those that it takes.

    Raises:
        InputError: Naming f, the argument `name`.
    """
    point = ", ".join(arguments)
    try:
        signature = inspect.signature(f)
        signature.bind(*arguments)
    except ValueError:  # some built-in functions have no signature
        return ()
    except TypeError:
        raise InputError(
            f"`{name}` must be a function of ({point}), all modes in each, but is {f!r}."
        ) from None
    return signature.parameters


def require_same_modes(symbol, ell):
    """Checks that `ell` is one number, or has an entry for each mode of `symbol`.

    Raises:
        InputError: Naming `ell`.
    """
    declared, entries = getattr(symbol, "modes", None), _entries(ell)
    if None not in (declared, entries) and entries != declared:
        raise InputError(
            f"`ell` must have one entry for each of the {declared} modes of the symbol, or be "
            f"one number, but has {entries} entries."
        )


def known_modes(symbol, ell) -> int | None:
    """The entries of `ell`, else the modes of `symbol`; `None` if both are unknown."""
    return _entries(ell) or getattr(symbol, "modes", None)


def _entries(ell) -> int | None:
    """Of a list, also one of traced numbers; `None` of one number."""
    if isinstance(ell, tuple | list):
        return len(ell)
    return np.size(ell) if np.ndim(ell) else None
