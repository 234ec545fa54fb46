"""Initial states in a basis of number states.

Amplitudes are those of the infinite space, cut off and not normalised again.
"""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Inexact, Num

from ..errors import (
    InputError,
    field,
    finite,
    is_known,
    not_negative,
    require,
)
from ..grid import density
from ..phase_space.coordinates import wholes
from .amplitudes import (
    cat_numbers,
    cat_square,
    displaced_thermal,
    further,
    of_all,
    share_beyond,
    squeezed,
    thermal,
)

LOSS = 1e-8  # share of the norm of an initial state that may lie beyond the cut-off
Scalar = Float[Array, ""]
PerMode = Num[Array | np.ndarray, "..."] | complex | float | int | tuple[complex | float | int, ...]


class BeyondCutoff(InputError):
    """A state that does not fit into a basis."""


class AbstractStates(eqx.Module):
    """Number states of N modes, cut off, and the initial states in them.

    Methods `…_ket` return amplitudes `⟨m|ψ⟩` of shape `cutoff`, the others coefficients `⟨m|ρ̂|n⟩`
    of shape `(*cutoff, *cutoff)`. An argument "per mode" is an array of N numbers; for one mode it
    can be a number.

    A state is refused if more than `loss` of its norm lies beyond the cut-off; a traced one becomes
    NaN. That share is a sum over as many further levels as there are, and more. Those above them
    count as a geometric series. The cancellation in `1 − Σ|c_n|²` is avoided.
    """

    cutoff: eqx.AbstractVar[tuple[int, ...]]
    quanta: eqx.AbstractVar[int | None]

    @property
    def modes(self) -> int:
        """N, the number of modes."""
        return len(self.cutoff)

    @property
    def levels(self) -> tuple[int, ...]:
        """Shape of the coefficients."""
        return self.cutoff * 2

    @property
    def kept_kets(self) -> Bool[np.ndarray, "*cutoff"]:
        """Which number states there are."""
        total = np.indices(self.cutoff).sum(axis=0)
        return total <= (total.max() if self.quanta is None else self.quanta)

    @property
    def kept(self) -> Bool[np.ndarray, "*levels"]:
        """Which coefficients there are."""
        return np.multiply.outer(self.kept_kets, self.kept_kets)

    def pure(self, ket: Inexact[Array, "*cutoff"]) -> Complex[Array, "*levels"]:
        """`|ψ⟩⟨ψ|` of amplitudes.

        Raises:
            InputError: If `ket` has another shape than `cutoff`, or is known and not finite.
        """
        return _pure(field("ket", ket, self.cutoff) + 0j)

    def fock(self, n: int | tuple[int, ...]) -> Complex[Array, "*levels"]:
        """The number state `|n⟩`.

        Args:
            n: Quanta per mode.

        Raises:
            InputError: If `n` is not an integer of at least 0 per mode, or the basis does not have
                this level.
        """
        return self.pure(self.fock_ket(n))

    def fock_ket(self, n: int | tuple[int, ...]) -> Complex[Array, "*cutoff"]:
        """Amplitudes of the number state, see `fock`."""
        level = wholes("n", 0)(n)
        self._per_mode("n", level)
        inside = all(k < most for k, most in zip(level, self.cutoff, strict=True))
        if not inside or not self.kept_kets[level]:
            raise BeyondCutoff(
                f"`n` must be a level of the basis, but is {n} with `cutoff` = {self.cutoff}"
                f"{'' if self.quanta is None else f' and `quanta` = {self.quanta}'}: keep more "
                "levels."
            )
        return jnp.zeros(self.cutoff, complex).at[level].set(1.0)

    def coherent(self, alpha: PerMode, *, loss: float = LOSS) -> Complex[Array, "*levels"]:
        """The coherent state `|α⟩`, a Gaussian of minimal width at β = α.

        Args:
            alpha: ⟨β⟩ per mode, in units of √quanta.
            loss: Share of the norm that may lie beyond the cut-off.

        Raises:
            InputError: If `alpha` has another length or is not finite, or if more than `loss` of
                the norm lies beyond the cut-off. If `alpha` is traced, the state becomes NaN.
        """
        return self.pure(self.coherent_ket(alpha, loss=loss))

    def coherent_ket(self, alpha: PerMode, *, loss: float = LOSS) -> Complex[Array, "*cutoff"]:
        """Amplitudes `⟨m|α⟩` of the coherent state, see `coherent`."""
        none = np.zeros(self.modes)
        return self.squeezed_ket(alpha, none, none, loss=loss)

    def squeezed(
        self, alpha: PerMode, r: PerMode, phi: PerMode, *, loss: float = LOSS
    ) -> Complex[Array, "*levels"]:
        """The displaced squeezed state `D(α)S(ξ)|0⟩` of each mode.

        `D(α) = exp(αa† − α*a)`, `S(ξ) = exp((ξ*a² − ξa†²)/2)`, `ξ = r e^{iφ}`

        At φ = 0 the variance of q/ℓ is e^{−2r}/2. Yuen (1976), doi:10.1103/PhysRevA.13.2226.

        Args:
            alpha: α per mode.
            r: Squeezing per mode, real.
            phi: φ per mode, real.
            loss: Share of the norm that may lie beyond the cut-off.

        Raises:
            InputError: If an argument has another length, is not finite or is complex beside α, or
                if more than `loss` of the norm lies beyond the cut-off.
        """
        return self.pure(self.squeezed_ket(alpha, r, phi, loss=loss))

    def squeezed_ket(
        self, alpha: PerMode, r: PerMode, phi: PerMode, *, loss: float = LOSS
    ) -> Complex[Array, "*cutoff"]:
        """Amplitudes of the squeezed state, see `squeezed`."""
        not_negative("loss", loss, shape=())
        alpha = self._per_mode("alpha", field("alpha", alpha)) + 0j
        angles = (self._per_mode(n, finite(n, v)) for n, v in (("r", r), ("phi", phi)))
        of_modes, numbers = squeezed(self._further, alpha, *angles)
        return self._held(self._product(of_modes), self._beyond(numbers, of_all(numbers)), loss)

    def cat(
        self, alpha: PerMode, phase: Scalar | float = 0.0, *, loss: float = LOSS
    ) -> Complex[Array, "*levels"]:
        """The cat state `(|α⟩ + e^{iφ}|−α⟩)/√(2 + 2 cos φ e^{−2|α|²})`.

        Args:
            alpha: α per mode.
            phase: φ; 0 for the even cat, π for the odd one.
            loss: Share of the norm that may lie beyond the cut-off.

        Raises:
            InputError: As `coherent`; also if the two states cancel each other.
        """
        return self.pure(self.cat_ket(alpha, phase, loss=loss))

    def cat_ket(
        self, alpha: PerMode, phase: Scalar | float = 0.0, *, loss: float = LOSS
    ) -> Complex[Array, "*cutoff"]:
        """Amplitudes of the cat state, see `cat`."""
        not_negative("loss", loss, shape=())
        alpha = self._per_mode("alpha", field("alpha", alpha)) + 0j
        phase = jnp.asarray(finite("phase", phase, shape=()))
        square = cat_square(phase, jnp.sum(density(alpha)))
        square = require(
            square,
            jax.lax.stop_gradient(square) > jnp.finfo(square.dtype).eps,
            "`alpha` must not be 0 where `phase` is π: the two coherent states cancel each other.",
        )
        of_modes, numbers = squeezed(self._further, alpha, *np.zeros((2, self.modes)))
        numbers = cat_numbers(numbers, alpha, phase, square)
        # e^{iφ/2} times these is (1 ± e^{iφ})/2, without cancellation at φ = 0 and π
        even, odd = jnp.cos(phase / 2), -1j * jnp.sin(phase / 2)
        is_even = np.indices(self.cutoff).sum(axis=0) % 2 == 0
        parts = jnp.exp(0.5j * phase) * jnp.where(is_even, even, odd)
        ket = self._product(of_modes) * parts * (2 / jnp.sqrt(square))
        return self._held(ket, self._beyond(*numbers), loss)

    def thermal(
        self, nbar: PerMode, alpha: PerMode | None = None, *, loss: float = LOSS
    ) -> Complex[Array, "*levels"]:
        """The thermal state `Σ_n n̄ⁿ/(n̄ + 1)ⁿ⁺¹ |n⟩⟨n|` of each mode, displaced by α.

        Args:
            nbar: n̄, the mean number of quanta without α, per mode.
            alpha: α per mode, 0 by default.
            loss: Share of the trace that may lie beyond the cut-off.

        Raises:
            InputError: As `coherent`; also if `nbar` is negative.
        """
        not_negative("loss", loss, shape=())
        nbar = self._per_mode("nbar", not_negative("nbar", nbar))
        if alpha is not None:
            alpha = self._per_mode("alpha", field("alpha", alpha)) + 0j
            return self._displaced_thermal(nbar, alpha, loss)
        of_modes = thermal(self._further, nbar)
        rho = jnp.diag(self._product(of_modes).ravel() + 0j).reshape(self.levels)
        return self._held(rho, self._beyond(of_modes, of_all(of_modes)), loss)

    def _displaced_thermal(self, nbar, alpha, loss: float) -> Complex[Array, "*levels"]:
        matrices = displaced_thermal(self._further, nbar, alpha)
        kept, axes, rho = self.kept, range(self.modes), jnp.ones((), complex)
        for matrix, levels in zip(matrices, self.cutoff, strict=True):
            rho = jnp.multiply.outer(rho, matrix[:levels, :levels])
        rho = jnp.where(
            kept, rho.transpose([*(2 * i for i in axes), *(2 * i + 1 for i in axes)]), 0
        )
        numbers = jnp.real(jnp.diagonal(matrices, axis1=1, axis2=2))
        return self._held(rho, self._beyond(numbers, of_all(numbers)), loss)

    def superposition(
        self,
        kets: Inexact[Array | np.ndarray, "count *cutoff"],
        amplitudes: Num[Array | np.ndarray, " count"],
    ) -> Complex[Array, "*levels"]:
        """The pure state `Σ_k A_k |ψ_k⟩`, normalised in the basis.

        Args:
            kets: Amplitudes of the `|ψ_k⟩` in this basis.
            amplitudes: A_k.

        Raises:
            InputError: If the arguments do not have these shapes or are not finite, or if the kets
                cancel each other.
        """
        return self.pure(self.superposition_ket(kets, amplitudes))

    def superposition_ket(
        self,
        kets: Inexact[Array | np.ndarray, "count *cutoff"],
        amplitudes: Num[Array | np.ndarray, " count"],
    ) -> Complex[Array, "*cutoff"]:
        """Amplitudes of the superposition, see `superposition`."""
        factors = field("amplitudes", amplitudes, (np.size(amplitudes),))
        kets = field("kets", kets, (factors.size, *self.cutoff)) + 0j
        ket = jnp.tensordot(factors, kets, 1)
        square, parts = jnp.sum(density(ket)), jnp.sum(density(factors * kets.T))
        ket = require(
            ket,
            jax.lax.stop_gradient(square > jnp.finfo(square.dtype).eps * parts),
            "`amplitudes` must not be such that the kets cancel each other.",
        )
        return ket / jnp.sqrt(square)

    def _per_mode(self, name: str, value) -> Array:
        """`value` as one number for each mode."""
        if np.shape(value) not in [(self.modes,), () if self.modes == 1 else None]:
            raise InputError(
                f"`{name}` must have one entry for each of the {self.modes} modes, but has "
                f"shape {np.shape(value)}."
            )
        return jnp.atleast_1d(jnp.asarray(value))

    @property
    def _totals(self) -> int:
        """How many total numbers of quanta there are."""
        within = sum(self.cutoff) - self.modes
        return 1 + (within if self.quanta is None else min(self.quanta, within))

    @property
    def _further(self) -> int:
        return further(max(*self.cutoff, 0 if self.quanta is None else self._totals))

    def _product(self, of_modes: Inexact[Array, "modes levels"]) -> Inexact[Array, "*cutoff"]:
        return _product(of_modes, self.kept_kets)

    def _beyond(
        self, of_modes: Float[Array, "modes levels"], of_all: Float[Array, " levels"]
    ) -> Scalar:
        """Share of a state beyond the basis, at most, from its distributions of quanta."""
        rows, first = of_modes, self.cutoff
        if self.quanta is not None:
            rows, first = jnp.concatenate([of_modes, of_all[None]]), (*first, self._totals)
        return share_beyond(jax.lax.stop_gradient(rows), np.array(first))

    def _held(self, state, beyond: Scalar | float, loss: float):
        """`state`, if no more than `loss` of it lies beyond the basis."""
        if is_known(beyond) and not beyond <= loss:
            raise BeyondCutoff(
                f"`cutoff` must hold the state, but {float(beyond):.1g} of its norm lies beyond "
                f"{self.cutoff}: keep more levels, or allow more than `loss` = {loss}."
            )
        return require(state, beyond <= loss, "")


@jax.jit
def _product(of_modes: Inexact[Array, "modes levels"], kept) -> Inexact[Array, "*cutoff"]:
    kets = (row[:levels] for row, levels in zip(of_modes, kept.shape, strict=True))
    return jnp.where(kept, functools.reduce(jnp.multiply.outer, kets), 0.0)


@jax.jit
def _pure(ket: Complex[Array, "*cutoff"]) -> Complex[Array, "*levels"]:
    return jnp.multiply.outer(ket, jnp.conj(ket))
