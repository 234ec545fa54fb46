"""States at the first time of an experiment; their arrays are estimated.

A preparation is called with a basis. It returns the amplitudes of a ket or, if it is mixed, the
coefficients of a density matrix.
"""

import abc
import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..errors import InputError, finite, not_negative
from ..fock_bargmann.basis import FockBargmann

LOST = 1e-5  # part of the state beyond the cut-off; with more, it is NaN
ROUND = 1e-9  # squeezing that counts as none
PerMode = Float[Array | np.ndarray, " modes"]


class Outcomes(NamedTuple):
    """What was measured at the first time, as weighted points β: fits begin with its moments."""

    alpha: Complex[np.ndarray, " modes"]  # amplitude of the nearest coherent state
    beta: Complex[np.ndarray, "points modes"]
    weight: Float[np.ndarray, " points"]  # sums to 1
    noise: float  # ⟨|ν|²⟩ of the detector, beside 1 of the vacuum

    def mean(self, values: np.ndarray) -> np.ndarray:
        """The weighted mean of a function of the points."""
        return np.tensordot(self.weight, values, 1)

    @property
    def quanta(self) -> tuple[float, float]:
        """Mean and standard deviation of the quanta n of all modes.

        `⟨S⟩ = ⟨n⟩ + N` and `⟨S²⟩ = ⟨n²⟩ + (2N + 1)⟨n⟩ + N(N + 1)` for `S = Σ_i |β_i|²`.
        """
        modes, total = self.beta.shape[1], np.sum(np.abs(self.beta) ** 2, axis=1)
        mean = max(float(self.mean(total)) - modes * (1 + self.noise), 0.0)
        square = float(self.mean(total**2)) - (2 * modes + 1) * mean - modes * (modes + 1)
        return mean, max(square - mean**2, 0.0) ** 0.5


class AbstractPreparation(eqx.Module):
    """A state at the first time.

    Example:
        >>> class OneQuantum(dqm.AbstractPreparation):
        ...     modes = 1
        ...     def __call__(self, basis):
        ...         return basis.fock_ket((1,))
        >>> basis = dqm.FockBargmann(16)
        >>> dqm.readout.photon_numbers(basis, OneQuantum()(basis))[:3]
        Array([0., 1., 0.], dtype=float64)
    """

    @property
    @abc.abstractmethod
    def modes(self) -> int:
        """N."""

    @abc.abstractmethod
    def __call__(self, basis: FockBargmann) -> Complex[Array, "..."]:
        """Its amplitudes, or coefficients if it is mixed; NaN if the basis is too small."""

    def principal(self) -> "AbstractPreparation":
        """The same state by the one of its names from which fits begin, as angles within π."""
        return self


class AbstractDisplaced(AbstractPreparation):
    """A state of known shape around an amplitude α, one of each mode."""

    alpha_re: eqx.AbstractVar[PerMode]
    alpha_im: eqx.AbstractVar[PerMode]

    @property
    def modes(self):
        return len(self.alpha_re)

    @property
    def alpha(self) -> Complex[Array, " modes"]:
        """α."""
        return jnp.asarray(self.alpha_re) + 1j * jnp.asarray(self.alpha_im)


def _row(name: str, check: Callable = finite) -> Callable[[Any], Any]:
    """A converter of one number for each mode; those of JAX are estimated, others are constants."""

    def convert(value):
        value = check(name, value)
        if np.ndim(value):
            return value
        return jnp.atleast_1d(value) if isinstance(value, jax.Array) else np.atleast_1d(value)

    return convert


class Coherent(AbstractDisplaced):
    """The coherent state `|α⟩` of each mode.

    Args:
        alpha_re, alpha_im: Real and imaginary part of α = ⟨β⟩, one number for each mode.

    Raises:
        InputError: If they are not finite real numbers, as many of each.

    Example:
        >>> basis = dqm.FockBargmann(16)
        >>> ket = dqm.Coherent(jnp.array([1.0]), jnp.array([0.0]))(basis)
        >>> dqm.readout.photon_numbers(basis, ket)[:3].round(3)  # e⁻¹/n!
        Array([0.368, 0.368, 0.184], dtype=float64)
    """

    alpha_re: PerMode = eqx.field(converter=_row("alpha_re"))
    alpha_im: PerMode = eqx.field(converter=_row("alpha_im"))

    def __check_init__(self):
        _require_modes(self, "alpha_im")

    def __call__(self, basis):
        return basis.coherent_ket(self.alpha, loss=LOST)


class Squeezed(AbstractDisplaced):
    """The displaced squeezed state `D(α)S(ξ)|0⟩` of each mode.

    At real ξ the variance of q/ℓ is e^{−2ξ}/2. `FockBargmann.squeezed` has `ξ = r e^{iφ}`; real and
    imaginary part name each state once.

    Args:
        alpha_re, alpha_im: As of `Coherent`.
        xi_re, xi_im: Real and imaginary part of ξ, one number for each mode.

    Raises:
        InputError: If they are not finite real numbers, as many of each.

    Example:
        >>> basis, zero = dqm.FockBargmann(16), jnp.array([0.0])
        >>> ket = dqm.Squeezed(zero, zero, jnp.array([0.5]), zero)(basis)
        >>> dqm.readout.photon_numbers(basis, ket)[:3].round(3)  # 1/cosh 0.5 without quanta
        Array([0.887, 0.   , 0.095], dtype=float64)
    """

    alpha_re: PerMode = eqx.field(converter=_row("alpha_re"))
    alpha_im: PerMode = eqx.field(converter=_row("alpha_im"))
    xi_re: PerMode = eqx.field(converter=_row("xi_re"))
    xi_im: PerMode = eqx.field(converter=_row("xi_im"))

    def __check_init__(self):
        _require_modes(self, "alpha_im", "xi_re", "xi_im")

    def __call__(self, basis):
        x, y = jnp.asarray(self.xi_re), jnp.asarray(self.xi_im)
        x = jnp.where(x**2 + y**2 < ROUND**2, x + ROUND, x)  # polar coordinates have slopes there
        return basis.squeezed_ket(self.alpha, jnp.hypot(x, y), jnp.arctan2(y, x), loss=LOST)


class Cat(AbstractDisplaced):
    """The cat state `(|α⟩ + e^{iφ}|−α⟩)/√(2 + 2 cos φ e^{−2|α|²})`.

    Args:
        alpha_re, alpha_im: As of `Coherent`.
        phase: φ; 0 for the even cat, π for the odd one.

    Raises:
        InputError: If they are not finite real numbers, as many of each amplitude.

    Example:
        >>> basis = dqm.FockBargmann(16)
        >>> ket = dqm.Cat(jnp.array([1.0]), jnp.array([0.0]), phase=jnp.pi)(basis)
        >>> dqm.readout.photon_numbers(basis, ket)[:3].round(3)  # odd numbers only, 1/sinh 1 of one
        Array([0.   , 0.851, 0.   ], dtype=float64)
    """

    alpha_re: PerMode = eqx.field(converter=_row("alpha_re"))
    alpha_im: PerMode = eqx.field(converter=_row("alpha_im"))
    phase: Float[Array, ""] | float = eqx.field(converter=partial(finite, "phase", shape=()))

    def __check_init__(self):
        _require_modes(self, "alpha_im")

    def __call__(self, basis):
        return basis.cat_ket(self.alpha, jnp.asarray(self.phase), loss=LOST)

    def principal(self):
        """That with a phase between −π and π; −α and −φ name the same state as α and φ."""
        phase = jnp.angle(jnp.exp(1j * jnp.asarray(self.phase)))
        return dataclasses.replace(self, phase=phase)


class Thermal(AbstractDisplaced):
    """The displaced thermal state `D(α) ρ̂(n̄) D(α)†` of each mode.

    Args:
        alpha_re, alpha_im: As of `Coherent`.
        nbar: n̄, quanta around α, one number for each mode.

    Raises:
        InputError: If they are not finite real numbers, as many of each, or n̄ is negative.

    Example:
        >>> basis, zero = dqm.FockBargmann(24), jnp.array([0.0])
        >>> rho = dqm.Thermal(zero, zero, jnp.array([0.5]))(basis)
        >>> dqm.readout.photon_numbers(basis, rho)[:3].round(3)  # n̄ⁿ/(1 + n̄)ⁿ⁺¹
        Array([0.667, 0.222, 0.074], dtype=float64)
    """

    alpha_re: PerMode = eqx.field(converter=_row("alpha_re"))
    alpha_im: PerMode = eqx.field(converter=_row("alpha_im"))
    nbar: PerMode = eqx.field(converter=_row("nbar", not_negative))

    def __check_init__(self):
        _require_modes(self, "alpha_im", "nbar")

    def __call__(self, basis):
        return basis.thermal(jnp.asarray(self.nbar), self.alpha, loss=LOST)


def _require_modes(state: AbstractDisplaced, *names: str):
    for name in names:
        if np.shape(getattr(state, name)) != np.shape(state.alpha_re):
            raise InputError(
                f"`{name}` must have one number for each mode, as `alpha_re`, but has shape "
                f"{np.shape(getattr(state, name))} beside {np.shape(state.alpha_re)}."
            )
