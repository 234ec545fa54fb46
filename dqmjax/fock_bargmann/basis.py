"""Husimi densities as Fock–Bargmann coefficients."""

import math
from collections.abc import Callable
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln
from jaxtyping import Array, Bool, Complex, Float, Inexact

from ..errors import (
    InputError,
    field,
    is_known,
    not_negative,
    positive,
    real_field,
    require,
    require_finite,
)
from ..grid import density
from ..phase_space.coordinates import PhaseSpace, for_modes, require_points, whole, wholes
from ..phase_space.fokker_planck import FokkerPlanck
from ..phase_space.polynomial import require_constant
from ..phase_space.symbols import require_symbol
from .generator import DENSITY, KET, Flow, Pattern, pattern
from .ladder import Gathered, Shifts, edge

AT_EDGE = 1e-6  # share of ‖ρ‖² at a cut-off; densities are off by its root at most
LOSS = 1e-8  # share of the norm of an initial state that may lie beyond the cut-off
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
        InputError: If a cut-off is not an integer of at least 2, ℓ or κ is not positive or does not
            fit into the floating-point numbers in use, ℓ has another length, or `quanta` is not an
            integer of at least 1.
    """

    cutoff: tuple[int, ...] = eqx.field(static=True, converter=wholes("cutoff", 2))
    ell: Float[Array, " modes"] | Float[Array, ""] | tuple[float, ...] | float = eqx.field(
        default=1.0, converter=for_modes(positive, "ell")
    )
    kappa: Float[Array, ""] | float = eqx.field(
        default=1.0, converter=partial(positive, "kappa", shape=())
    )
    quanta: int | None = eqx.field(
        default=None,
        converter=lambda n: n if n is None else whole("quanta", 1)(n),
        static=True,
        kw_only=True,
    )

    def __check_init__(self):
        if np.ndim(self.ell) and np.size(self.ell) != self.modes:
            raise InputError(
                f"`ell` must be one number or one per mode, but has {np.size(self.ell)} entries "
                f"for {self.modes} modes: give `cutoff` one entry per mode."
            )
        _ = self.space

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
        return self.space.amplitude(real_field("xi", xi, (2 * self.modes,)))

    def coherent(
        self, alpha: Inexact[Array, "..."] | complex | float, *, loss: float = LOSS
    ) -> Complex[Array, "*levels"]:
        """The coherent state |α⟩, a Gaussian of minimal width at β = α.

        Args:
            alpha: ⟨β⟩, in units of √quanta; one number, or one per mode.
            loss: Share of the norm that may lie beyond the cut-off.

        Raises:
            InputError: If `alpha` has another length or is not finite, or if more than `loss` of
                the norm lies beyond the cut-off. If `alpha` is traced, the state becomes NaN.
        """
        return self.pure(self.coherent_ket(alpha, loss=loss))

    def coherent_ket(
        self, alpha: Inexact[Array, "..."] | complex | float, *, loss: float = LOSS
    ) -> Complex[Array, "*cutoff"]:
        """Amplitudes `⟨m|α⟩` of the coherent state, see `coherent`."""
        if np.shape(alpha) != (self.modes,) and not (self.modes == 1 and np.ndim(alpha) == 0):
            raise InputError(
                f"`alpha` must have one entry for each of the {self.modes} modes, but has "
                f"shape {np.shape(alpha)}."
            )
        not_negative("loss", loss, shape=())
        ket, beyond = _coherent(self, field("alpha", alpha, np.shape(alpha)))
        return require(ket, beyond <= loss, self._too_small(beyond, loss))

    def pure(self, ket: Complex[Array, "*cutoff"]) -> Complex[Array, "*levels"]:
        """`|ψ⟩⟨ψ|` of amplitudes.

        Raises:
            InputError: If `ket` has another shape than `cutoff`, or is known and not finite.
        """
        return _pure(field("ket", ket, self.cutoff) + 0j)

    def from_qutip(self, state, *, loss: float = LOSS) -> Complex[Array, "*levels"]:
        """Coefficients of a QuTiP ket or density matrix; missing levels are filled with zeros.

        Args:
            state: Ket or density matrix.
            loss: Share of it that may lie in levels that the basis does not have.

        Raises:
            InputError: If `state` is no ket or operator on the modes of the basis or is not finite,
                or if more than `loss` of it lies beyond the cut-off.
        """
        is_ket, is_operator = (getattr(state, name, False) for name in ("isket", "isoper"))
        if not (is_ket or is_operator) or len(state.dims[0]) != self.modes:
            raise InputError(
                f"`state` must be a ket or a density matrix on {self.modes} modes from QuTiP, but "
                f"has dims {getattr(state, 'dims', None)}."
            )
        not_negative("loss", loss, shape=())
        require_finite(state=state.full())
        state = state.proj() if is_ket else state
        levels = tuple(state.dims[0] + state.dims[1])
        full = state.full().reshape(levels)
        kept = full[tuple(slice(n) for n in self.levels)]
        missing = [(0, n - have) for n, have in zip(self.levels, kept.shape, strict=True)]
        beyond = _share_beyond(self, full)
        kept = self.kept * np.pad(kept, missing)
        return jnp.asarray(require(kept, beyond <= loss, self._too_small(beyond, loss)))

    def _too_small(self, beyond, loss) -> str:
        share = f"{float(beyond):.1g}" if is_known(beyond) else "a part"
        return (
            f"`cutoff` must hold the state, but {share} of its norm lies beyond {self.cutoff}: "
            f"keep more levels, or allow more than `loss` = {loss}."
        )

    def density(
        self, coefficients: Complex[Array, "..."], points: Float[Array, "points phase"]
    ) -> Float[Array, "*states points"]:
        """The density of a state or ket per dq dp at `points`, rows `(q₁…q_N, p₁…p_N)`.

        Many states along a leading axis cost much less than one after the other.

        Raises:
            InputError: If `coefficients` are those of no state of this basis, or `points` are no
                rows of 2N real numbers.
        """
        points = require_points(points, 2 * self.modes)
        many = np.shape(coefficients)[:1] if np.ndim(coefficients) > 2 * self.modes else ()
        self._require_state("coefficients", coefficients, many)
        return _density(self, coefficients, points)

    def overlaps(self, points: Float[Array, "points phase"]) -> Complex[Array, "points states"]:
        """`⟨m|β⟩` of all number states m, raveled, with the coherent state at each point."""
        points = require_points(points, 2 * self.modes)
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
        coefficients = field("coefficients", coefficients, self.levels)
        matrix, (i, j) = self._matrix(coefficients), self._pairs
        both = matrix[i, j] + jnp.where(i == j, 0.0, matrix[j, i].conj())
        return jnp.concatenate([jnp.real(both), jnp.imag(both)[i != j]])

    def hermitian(self, numbers: Float[np.ndarray, "*batch numbers"]) -> Complex[np.ndarray, "..."]:
        """The Hermitian coefficients with given `numbers`, on the host."""
        i, j = self._pairs
        off, size = i != j, self._kets.size
        numbers = np.asarray(
            real_field("numbers", numbers, (*np.shape(numbers)[:-1], len(i) + int(off.sum())))
        )
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

    def _require_state(self, name: str, state, many: tuple[int, ...] = ()):
        """Checks that `state` has the shape of a ket or of coefficients, `many` of them.

        Raises:
            InputError: Naming the argument.
        """
        shape = (*many, *(self.cutoff if np.ndim(state) == self.modes else self.levels))
        field(name, state, shape)

    def _matrix(self, coefficients: Complex[Array, "*levels"]) -> Complex[Array, "kets kets"]:
        square = coefficients.reshape(2 * [math.prod(self.cutoff)])
        return square[self._kets[:, None], self._kets]

    def edge_weight(self, state: Complex[Array, "..."]) -> Float[Array, ""]:
        """Share of ‖ρ‖², or of ‖ψ‖² of a ket, in the highest levels kept."""
        self._require_state("state", state)
        kept = self.kept_kets if state.ndim == self.modes else self.kept
        return share(state, edge(kept, np.eye(kept.ndim, dtype=int)))

    def generator(self, flow: Flow) -> Shifts | Gathered:
        """The generator of `flow`, which acts on coefficients.

        Raises:
            InputError: If `flow` is no equation, is not polynomial in (q, p), or its degree needs
                more levels.
        """
        return _generator(self.pattern(flow), self, flow)

    def pattern(self, flow: Flow) -> Pattern:
        """The static part of the generator: its shifts and index sets."""
        if not isinstance(flow, Flow):
            raise InputError(f"`flow` must be a `FokkerPlanck` or `Damped`, but is {flow!r}.")
        self._check_modes(flow)
        found = pattern(DENSITY, self, flow)
        if isinstance(flow, FokkerPlanck) and not found.used[0].size:
            require_constant(flow, self.modes)
        return found

    def ket_pattern(self, symbol: Callable) -> Pattern:
        """The same for Schrödinger's equation of the anti-Wick symbol H(q, p)."""
        require_symbol(symbol)
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
def _coherent(basis: FockBargmann, alpha) -> tuple[Complex[Array, "*cutoff"], Scalar]:
    """|α⟩, and an upper bound of the share of its norm beyond the basis."""
    alpha = jnp.atleast_1d(alpha) + 0j
    quanta = jax.lax.stop_gradient(density(alpha))
    beyond = jnp.sum(_tail(quanta, np.array(basis.cutoff)))
    if basis.quanta is not None:
        beyond += _tail(jnp.sum(quanta), np.array(basis.quanta + 1))
    return jnp.where(basis.kept_kets, basis._overlaps(alpha), 0.0), jnp.minimum(beyond, 1.0)


def _tail(mean: Float[Array, "..."], levels: np.ndarray) -> Float[Array, "..."]:
    """Bound of a Poisson distribution's share at n ≥ `levels`: a geometric series, without the
    cancellation of 1 − Σ p_n."""
    ratio = mean / (levels + 1)
    first = jnp.exp(jax.scipy.special.xlogy(levels, mean) - mean - gammaln(levels + 1.0))
    return jnp.where(ratio < 1, first / jnp.where(ratio < 1, 1 - ratio, 1.0), 1.0)


def _share_beyond(basis: FockBargmann, full: np.ndarray) -> float:
    """Share of a matrix in levels that the basis does not have: of its trace or of its squares."""
    cutoff, level = np.array(basis.cutoff), np.indices(full.shape[: basis.modes])
    outside = (cutoff <= level.T).T.any(axis=0)
    if basis.quanta is not None:
        outside |= level.sum(axis=0) > basis.quanta
    matrix = full.reshape(outside.size, -1)
    weights = np.abs(np.diag(matrix)), np.sum(np.abs(matrix) ** 2, axis=1)
    return max(float(w[outside.ravel()].sum() / (w.sum() or 1.0)) for w in weights)


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
