"""Husimi densities as Fock–Bargmann coefficients."""

import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Inexact

from ..errors import InputError, is_known, require_positive, require_whole
from ..grid import density
from ..phase_space.coordinates import PhaseSpace
from .generator import DENSITY, KET, Flow, Pattern, pattern
from .ladder import Gathered, Shifts, edge

AT_EDGE = 1e-6  # share of ‖ρ‖² at a cut-off; densities are off by its root at most
AT_ONCE = 1 << 21  # values of `functions` that are held in memory, 16 MB
Phase = Float[Array, " phase"]
Scalar = Float[Array, ""]


class FockBargmann(eqx.Module):
    """Husimi densities by their coefficients, which are the density matrix in number states.

    `ρ(q, p) = (2πκ)^−N e^{−|β|²} Σ ρ_mn β*^m β^n / √(m! n!)`, `β_i = (q_i/ℓ_i + iℓ_i p_i/κ)/√2`

    Every Husimi density is of this form (e^{−|β|²} times a sesqui-analytic function), and
    the Fokker–Planck equation, ill-posed on a grid, is well-conditioned here.

    Args:
        cutoff: Number of levels kept of each mode: an integer for one mode, else a tuple.
        ell: ℓ, length scale of the measuring coherent states; one number or one per mode.
        kappa: κ, action scale (ħ for quantum theory).
        quanta: Largest total number of quanta in all modes, no limit by default. If H conserves
            quanta, this cut-off is exact.

    Coefficients have shape `(*cutoff, *cutoff)`, indices `m₁…m_N n₁…n_N`; the amplitudes of a ket
    have shape `cutoff`.

    Raises:
        InputError: If a cut-off is not an integer of at least 2, ℓ has another length, or `quanta`
            is not an integer of at least 1.
    """

    cutoff: tuple[int, ...] = eqx.field(
        static=True, converter=lambda c: (c,) if np.ndim(c) == 0 else tuple(c)
    )
    ell: Float[Array, " modes"] | Float[Array, ""] | tuple[float, ...] | float = 1.0
    kappa: Float[Array, ""] | float = 1.0
    quanta: int | None = eqx.field(default=None, static=True, kw_only=True)

    def __check_init__(self):
        if self.quanta is not None:
            require_whole(1, quanta=self.quanta)
        require_positive(ell=self.ell, kappa=self.kappa)
        for levels in self.cutoff:
            require_whole(2, cutoff=levels)
        if np.ndim(self.ell) and np.size(self.ell) != self.modes:
            raise InputError(
                f"`ell` must be one number or one per mode, but has {np.size(self.ell)} entries "
                f"for {self.modes} modes: give `cutoff` one entry per mode."
            )

    @property
    def modes(self) -> int:
        """N."""
        return len(self.cutoff)

    @property
    def levels(self) -> tuple[int, ...]:
        """Shape of the coefficients."""
        return self.cutoff * 2

    @property
    def space(self) -> PhaseSpace:
        """The scales ℓ and κ."""
        return PhaseSpace.of(self.modes, self.ell, self.kappa)

    @property
    def kept_kets(self) -> Bool[np.ndarray, "*cutoff"]:
        """Which number states there are."""
        total = np.indices(self.cutoff).sum(axis=0)
        return total <= (total.max() if self.quanta is None else self.quanta)

    @property
    def kept(self) -> Bool[np.ndarray, "*levels"]:
        """Which coefficients there are."""
        return np.multiply.outer(self.kept_kets, self.kept_kets)

    def amplitude(self, xi: Phase) -> Complex[Array, " modes"]:
        """`β` of a point `ξ = (q, p)`."""
        return self.space.amplitude(xi)

    def coherent(self, alpha: Inexact[Array, "..."] | complex | float) -> Complex[Array, "*levels"]:
        """The coherent state |α⟩, a Gaussian of minimal width at β = α.

        Args:
            alpha: ⟨β⟩, in units of √quanta; one number, or one per mode.

        Raises:
            InputError: If `alpha` has another length, or more than a millionth of the norm lies
                beyond the cut-off.
        """
        return self.pure(self.coherent_ket(alpha))

    def coherent_ket(
        self, alpha: Inexact[Array, "..."] | complex | float
    ) -> Complex[Array, "*cutoff"]:
        """Amplitudes `⟨m|α⟩` of the coherent state, see `coherent`."""
        if np.shape(alpha) != (self.modes,) and not (self.modes == 1 and np.ndim(alpha) == 0):
            raise InputError(
                f"`alpha` must have one entry for each of the {self.modes} modes, but has "
                f"shape {np.shape(alpha)}."
            )
        ket = _coherent(self, alpha)
        if is_known(ket):
            beyond = 1 - float(np.sum(np.abs(ket) ** 2))
            if not beyond < AT_EDGE:
                raise InputError(
                    f"`cutoff` must hold the state, but {beyond:.1g} of its norm lies beyond "
                    f"{self.cutoff}: keep more levels."
                )
        return ket

    def pure(self, ket: Complex[Array, "*cutoff"]) -> Complex[Array, "*levels"]:
        """`|ψ⟩⟨ψ|` of amplitudes."""
        return _pure(ket)

    def from_qutip(self, state) -> Complex[Array, "*levels"]:
        """Coefficients of a QuTiP ket or density matrix.

        Levels beyond the cut-off are dropped, missing levels filled with zeros.

        Raises:
            InputError: If `state` is no ket or operator on the modes of the basis.
        """
        if state.isket:
            state = state.proj()
        if not state.isoper or len(state.dims[0]) != self.modes:
            raise InputError(
                f"`state` must be a ket or a density matrix on {self.modes} modes, but has "
                f"dims {state.dims}."
            )
        full = state.full().reshape(state.dims[0] + state.dims[1])
        kept = full[tuple(slice(n) for n in self.levels)]
        missing = [(0, n - have) for n, have in zip(self.levels, kept.shape, strict=True)]
        return jnp.asarray(self.kept * np.pad(kept, missing))

    def density(
        self, coefficients: Complex[Array, "..."], points: Float[Array, "points phase"]
    ) -> Float[Array, "*states points"]:
        """The density of a state or ket per dq dp at `points`, rows `(q₁…q_N, p₁…p_N)`.

        Many states along a leading axis cost much less than one after the other.
        """
        return _density(self, coefficients, points)

    def overlaps(self, points: Float[Array, "points phase"]) -> Complex[Array, "points states"]:
        """`⟨m|β⟩` of all number states m, raveled, with the coherent state at each point."""
        return jax.vmap(lambda xi: self._overlaps(self.amplitude(xi)).ravel())(points)

    def functions(self, points: Float[Array, "points phase"]) -> Float[Array, "points numbers"]:
        """Real functions f_k of a point with `(2πκ)^N ρ = Σ_k x_k f_k`, x as `hermitian` takes it.

        They are the Re φ_i*φ_j with i ≤ j, and then the −Im φ_i*φ_j with i < j, of `overlaps`.
        """
        overlaps, (i, j) = self.overlaps(points)[:, self._kets], self._pairs
        products = overlaps[:, i].conj() * overlaps[:, j]
        return jnp.concatenate([jnp.real(products), -jnp.imag(products)[:, i != j]], axis=1)

    def numbers(self, coefficients: Complex[Array, "*levels"]) -> Float[Array, " numbers"]:
        """The x_k of `functions`: the real numbers in the Hermitian part of the coefficients."""
        matrix, (i, j) = self._matrix(coefficients), self._pairs
        both = matrix[i, j] + jnp.where(i == j, 0.0, matrix[j, i].conj())
        return jnp.concatenate([jnp.real(both), jnp.imag(both)[i != j]])

    def hermitian(self, numbers: Float[np.ndarray, "*batch numbers"]) -> Complex[np.ndarray, "..."]:
        """The Hermitian coefficients with given `numbers`, on the host."""
        i, j = self._pairs
        off, size = i != j, self._kets.size
        real, imaginary = np.split(numbers, [len(i)], axis=-1)
        matrix = np.zeros((*numbers.shape[:-1], size, size), complex)
        matrix[..., i, j] = np.where(off, 0.5, 1.0) * real
        matrix[..., i[off], j[off]] += 0.5j * imaginary
        matrix[..., j, i] = matrix[..., i, j].conj()
        full = np.zeros((*numbers.shape[:-1], *[self.kept_kets.size] * 2), complex)
        full[..., self._kets[:, None], self._kets] = matrix
        return full.reshape(*numbers.shape[:-1], *self.levels)

    @property
    def _kets(self) -> np.ndarray:
        """Which of the raveled amplitudes are kept."""
        return np.flatnonzero(self.kept_kets)

    @property
    def _pairs(self) -> tuple[np.ndarray, ...]:
        """Pairs i ≤ j of those."""
        return np.triu_indices(self._kets.size)

    def _matrix(self, coefficients: Complex[Array, "*levels"]) -> Complex[Array, "kets kets"]:
        square = coefficients.reshape(2 * [math.prod(self.cutoff)])
        return square[self._kets[:, None], self._kets]

    def edge_weight(self, state: Complex[Array, "..."]) -> Float[Array, ""]:
        """Share of ‖ρ‖², or of ‖ψ‖² of a ket, in the highest levels kept."""
        kept = self.kept_kets if state.ndim == self.modes else self.kept
        return share(state, edge(kept, np.eye(kept.ndim, dtype=int)))

    def generator(self, flow: Flow) -> Shifts | Gathered:
        """The generator of `flow`, which acts on coefficients.

        Raises:
            InputError: If `flow` is not polynomial in (q, p), or its degree needs more levels.
        """
        return _generator(self.pattern(flow), self, flow)

    def pattern(self, flow: Flow) -> Pattern:
        """The static part of the generator: its shifts and index sets."""
        self._check_modes(flow)
        return pattern(DENSITY, self, flow)

    def ket_pattern(self, symbol: Callable) -> Pattern:
        """The same for Schrödinger's equation of the anti-Wick symbol H(q, p)."""
        self._check_modes(symbol)
        return pattern(KET, self, symbol)

    def _check_modes(self, law):
        declared = getattr(law, "modes", None)
        if declared not in (None, self.modes):
            raise InputError(
                f"`basis` must have the {declared} modes of the equation, but has {self.modes}: "
                "give `cutoff` one entry per mode."
            )

    def _overlaps(self, beta: Complex[Array, " modes"]) -> Complex[Array, "*cutoff"]:
        """`⟨m|β⟩ = e^{−|β|²/2} β^m/√m!`, as an outer product over the modes."""
        total = jnp.ones(())
        for b, levels in zip(beta, self.cutoff, strict=True):
            first = jnp.exp(-(jnp.abs(b) ** 2) / 2).astype(b.dtype)
            ratios = b / np.sqrt(np.arange(1, levels))
            mode = jnp.cumprod(jnp.concatenate([first[None], ratios]))
            total = jnp.multiply.outer(total, mode)
        return total


@eqx.filter_jit
def _generator(pattern: Pattern, basis: FockBargmann, flow: Flow) -> Shifts | Gathered:
    return pattern.operator(basis, flow)


@jax.jit
def _coherent(basis: FockBargmann, alpha) -> Complex[Array, "*cutoff"]:
    alpha = jnp.atleast_1d(alpha) + 0j
    return jnp.where(basis.kept_kets, basis._overlaps(alpha), 0.0)


@jax.jit
def _pure(ket: Complex[Array, "*cutoff"]) -> Complex[Array, "*levels"]:
    return jnp.multiply.outer(ket, jnp.conj(ket))


@jax.jit
def _density(
    basis: FockBargmann, coefficients: Complex[Array, "..."], points: Float[Array, "points phase"]
) -> Float[Array, "*states points"]:
    kets = basis._kets
    if coefficients.ndim > 2 * basis.modes:
        if len(points) * kets.size**2 > AT_ONCE:
            return jax.lax.map(lambda state: _density(basis, state, points), coefficients)
        numbers = jax.vmap(basis.numbers)(coefficients)
        return numbers @ basis.functions(points).T / basis.space.cell
    overlaps = basis.overlaps(points)[:, kets]
    if coefficients.ndim == basis.modes:
        return density(overlaps.conj() @ coefficients.ravel()[kets]) / basis.space.cell
    moved = overlaps.conj() @ basis._matrix(coefficients)
    return jnp.sum(moved * overlaps, axis=1).real / basis.space.cell


@jax.jit
def share(state: Complex[Array, "*levels"], where: Bool[Array | np.ndarray, "*levels"]) -> Scalar:
    """Part of `Σ|ρ_k|²` in the coefficients `where`; 0 if the state is 0."""
    size = density(state)
    total = jnp.sum(size)
    return jnp.sum(jnp.where(where, size, 0.0)) / jnp.where(total == 0, 1.0, total)
