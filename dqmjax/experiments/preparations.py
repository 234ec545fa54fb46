"""States at the first time of an experiment; their arrays are estimated.

A preparation is called with a basis. It returns the amplitudes of a ket or, if it is mixed, the
coefficients of a density matrix.
"""

import abc
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..errors import InputError, finite, not_negative, require_whole
from ..fock_bargmann.basis import FockBargmann

LOST = 1e-5  # part of the state beyond the cut-off; with more, it is NaN
ANGLES = (np.arange(4) * math.pi / 2).tolist()  # at which fits of an angle begin
ITERATIONS = 200  # of the first guess of an unknown state
SLIGHT = 0.2  # squeezing at which its fit begins, besides that of the variances
COLD = 0.05  # thermal quanta at which their fit begins, at least
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


class AbstractPreparation(eqx.Module):
    """A state at the first time."""

    @property
    @abc.abstractmethod
    def modes(self) -> int:
        """N."""

    @abc.abstractmethod
    def __call__(self, basis: FockBargmann) -> Complex[Array, "..."]:
        """Its amplitudes, or coefficients if it is mixed; NaN if the basis is too small."""


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
    """The coherent state |α⟩ of each mode.

    Args:
        alpha_re, alpha_im: Real and imaginary part of α = ⟨β⟩, one number for each mode.

    Raises:
        InputError: If they are not finite real numbers, as many of each.

    Example:
        >>> dqm.Coherent(jnp.array([2.0]), jnp.array([0.0]))
    """

    alpha_re: PerMode = eqx.field(converter=_row("alpha_re"))
    alpha_im: PerMode = eqx.field(converter=_row("alpha_im"))

    def __check_init__(self):
        _require_modes(self, "alpha_im")

    def __call__(self, basis):
        return basis.coherent_ket(self.alpha, loss=LOST)


class Squeezed(AbstractDisplaced):
    """The displaced squeezed state `D(α)S(ξ)|0⟩` of each mode, `ξ = r e^{iφ}`.

    At φ = 0 the variance of q/ℓ is e^{−2r}/2. See `FockBargmann.squeezed`.

    Args:
        alpha_re, alpha_im: As of `Coherent`.
        r: Squeezing, one number for each mode.
        phi: φ.

    Raises:
        InputError: If they are not finite real numbers, as many of each.
    """

    alpha_re: PerMode = eqx.field(converter=_row("alpha_re"))
    alpha_im: PerMode = eqx.field(converter=_row("alpha_im"))
    r: PerMode = eqx.field(converter=_row("r"))
    phi: PerMode = eqx.field(converter=_row("phi"))

    def __check_init__(self):
        _require_modes(self, "alpha_im", "r", "phi")

    def __call__(self, basis):
        r, phi = jnp.asarray(self.r), jnp.asarray(self.phi)
        return basis.squeezed_ket(self.alpha, r, phi, loss=LOST)


class Cat(AbstractDisplaced):
    """The cat state `(|α⟩ + e^{iφ}|−α⟩)/√(2 + 2 cos φ e^{−2|α|²})`.

    Args:
        alpha_re, alpha_im: As of `Coherent`.
        phase: φ; 0 for the even cat, π for the odd one.

    Raises:
        InputError: If they are not finite real numbers, as many of each amplitude.
    """

    alpha_re: PerMode = eqx.field(converter=_row("alpha_re"))
    alpha_im: PerMode = eqx.field(converter=_row("alpha_im"))
    phase: Float[Array, ""] | float = eqx.field(converter=partial(finite, "phase", shape=()))

    def __check_init__(self):
        _require_modes(self, "alpha_im")

    def __call__(self, basis):
        return basis.cat_ket(self.alpha, jnp.asarray(self.phase), loss=LOST)


class Thermal(AbstractDisplaced):
    """The displaced thermal state `D(α) ρ̂(n̄) D(α)†` of each mode.

    Args:
        alpha_re, alpha_im: As of `Coherent`.
        nbar: n̄, quanta around α, one number for each mode.

    Raises:
        InputError: If they are not finite real numbers, as many of each, or n̄ is negative.
    """

    alpha_re: PerMode = eqx.field(converter=_row("alpha_re"))
    alpha_im: PerMode = eqx.field(converter=_row("alpha_im"))
    nbar: PerMode = eqx.field(converter=_row("nbar", not_negative))

    def __check_init__(self):
        _require_modes(self, "alpha_im", "nbar")

    def __call__(self, basis):
        return basis.thermal(jnp.asarray(self.nbar), self.alpha, loss=LOST)


class Factored(AbstractPreparation):
    """The density matrix `TT†/tr TT†` in the lowest levels of one mode.

    T is a lower trapezoid with a real diagonal: other factors of the same matrix are not estimated.
    One more number, the first of the diagonal, follows from the others: they are stereographic
    coordinates y of the unit sphere of T, `T = (1 − |y|², 2y)/(1 + |y|²)`.

    Args:
        y: The coordinates.
        size: Levels.
        rank: Columns of T.
    """

    y: Float[Array, " numbers"]
    size: int = eqx.field(static=True)
    rank: int = eqx.field(static=True)

    @property
    def modes(self):
        return 1

    def factor(self) -> Complex[Array, "size rank"]:
        """T, with `tr TT† = 1`."""
        square = jnp.sum(self.y**2)
        sphere = jnp.append(1 - square, 2 * self.y) / (1 + square)
        real, imaginary = _trapezoid(self.size, self.rank)
        parts = jnp.zeros((self.size, self.rank), complex).at[real].set(sphere[: len(real[0])])
        return parts.at[imaginary].add(1j * sphere[len(real[0]) :])

    def __call__(self, basis):
        if basis.cutoff[0] < self.size:
            raise InputError(f"`cutoff` must be at least {self.size}, the levels of the state.")
        factor = self.factor()
        room = basis.cutoff[0] - self.size
        return jnp.pad(factor @ factor.conj().T, (0, room))

    @classmethod
    def of(cls, rho: Complex[np.ndarray, "size size"], rank: int) -> "Factored":
        """The state of that rank nearest to a density matrix."""
        values, vectors = np.linalg.eigh(rho)
        kept = vectors[:, -rank:] * np.sqrt(np.clip(values[-rank:], 1e-6 * values[-1], None))
        upper = np.linalg.qr(kept.conj().T)[1]  # kept = upper† q†
        factor = upper.conj().T * np.exp(1j * np.angle(np.diag(upper)))
        real, imaginary = _trapezoid(len(rho), rank)
        sphere = np.append(np.real(factor)[real], np.imag(factor)[imaginary])
        sphere /= np.linalg.norm(sphere)
        return cls(jnp.asarray(sphere[1:] / (1 + sphere[0])), len(rho), rank)


def _trapezoid(size: int, rank: int) -> tuple[Any, Any]:
    """Where T has real parts, the first at 0, 0; and where imaginary ones."""
    return np.tril_indices(size, 0, rank), np.tril_indices(size, -1, rank)


class Unknown(NamedTuple):
    """Any state of one mode of a rank up to `rank`, to be estimated with the model.

    Args:
        rank: Largest number of pure states in it.
        levels: How many of the lowest number states it occupies; chosen from the data if not given.
    """

    rank: int
    levels: int | None = None


def _require_modes(state: AbstractDisplaced, *names: str):
    for name in names:
        if np.shape(getattr(state, name)) != np.shape(state.alpha_re):
            raise InputError(
                f"`{name}` must have one number for each mode, as `alpha_re`, but has shape "
                f"{np.shape(getattr(state, name))} beside {np.shape(state.alpha_re)}."
            )


State = str | AbstractPreparation | Unknown


def candidates(state: State, found: Outcomes) -> Sequence[AbstractPreparation]:
    """Preparations at which a fit of the first time may begin.

    Args:
        state: A name of `STATES`, an object, or `Unknown`.
        found: What was measured then.

    Raises:
        InputError: If there is no such state.
    """
    if isinstance(state, AbstractPreparation):
        return [state]
    if isinstance(state, Unknown):
        return [_tomography(state, found)]
    if not isinstance(state, str) or state not in STATES:
        raise InputError(
            f"`state` must be one of {', '.join(STATES)}, a preparation such as `dqm.Squeezed`, or "
            f"`dqm.Unknown(rank)`, but is {state!r}."
        )
    return STATES[state](found)


def _parts(*values) -> list[Array]:
    """As arrays of JAX, which are estimated; of a complex one the two parts."""
    both = lambda x: (np.real(x), np.imag(x)) if np.iscomplexobj(x) else (x,)
    return [jnp.asarray(part, float) for value in values for part in both(value)]


def _coherent(found: Outcomes) -> list[AbstractPreparation]:
    return [Coherent(*_parts(found.alpha))]


def _squeezed(found: Outcomes) -> list[AbstractPreparation]:
    """That of the variances, and little squeezing at four angles."""
    mean = found.mean(found.beta)
    square = -found.mean((found.beta - mean) ** 2)  # ½ sinh 2r e^{iφ}
    guess = np.arcsinh(2 * np.abs(square)) / 2, np.angle(square)
    slight = [(np.full(mean.size, SLIGHT), np.full(mean.size, angle)) for angle in ANGLES]
    return [Squeezed(*_parts(mean, r, phi)) for r, phi in [guess, *slight]]


def _cat(found: Outcomes) -> list[AbstractPreparation]:
    """Of the amplitude whose square is the mean square, at four phases."""
    alpha = np.sqrt(found.mean(found.beta**2))
    return [Cat(*_parts(alpha, np.asarray(angle))) for angle in ANGLES]


def _thermal(found: Outcomes) -> list[AbstractPreparation]:
    mean = found.mean(found.beta)
    noise = found.mean(np.abs(found.beta - mean) ** 2) - 1 - found.noise
    return [Thermal(*_parts(mean, np.maximum(noise, COLD)))]


STATES: dict[str, Callable[[Outcomes], list[AbstractPreparation]]] = {
    "coherent": _coherent,
    "squeezed": _squeezed,
    "cat": _cat,
    "thermal": _thermal,
}


def _tomography(state: Unknown, found: Outcomes) -> Factored:
    """The likeliest state of the first time alone, by the iteration `ρ → RρR`.

    Hradil, Řeháček, Fiurášek & Ježek (2004), doi:10.1007/978-3-540-44481-7_3.
    """
    require_whole(1, rank=state.rank)
    if found.beta.shape[1] != 1:
        raise InputError(
            f"`state` can be unknown for one mode only, but the data have {found.beta.shape[1]}."
        )
    size = _levels(state, found)
    overlap = np.exp(-(np.abs(found.beta) ** 2) / 2).astype(complex)
    ratios = found.beta / np.sqrt(np.arange(1, size))
    overlap = np.cumprod(np.concatenate([overlap, ratios], axis=1), axis=1)
    rho = np.eye(size) / size
    for _ in range(ITERATIONS):
        density = np.sum(overlap.conj() @ rho * overlap, axis=1).real
        step = (overlap * (found.weight / density)[:, None]).T @ overlap.conj()
        rho = step @ rho @ step
        rho /= np.trace(rho).real
    return Factored.of(rho, state.rank)


def _levels(state: Unknown, found: Outcomes) -> int:
    """Enough levels for an unknown state, from the moments of |β|²."""
    if state.levels is not None:
        require_whole(state.rank, levels=state.levels)
        return state.levels
    square = np.abs(found.beta[:, 0]) ** 2
    mean = max(float(found.mean(square)) - 1 - found.noise, 0.0)
    spread = max(float(found.mean(square**2)) - 3 * mean - 2 - mean**2, 0.0) ** 0.5
    return max(math.ceil(mean + 3 * spread) + 3, state.rank)
