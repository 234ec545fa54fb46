"""Husimi densities as Fock–Bargmann coefficients."""

import math
from collections.abc import Callable
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float

from ..errors import InputError, field, positive, real_field, require_whole
from ..grid import density
from ..phase_space.coordinates import PhaseSpace, for_modes, require_points, whole, wholes
from ..phase_space.fokker_planck import Flow, FokkerPlanck
from ..phase_space.open_system import Open
from ..phase_space.polynomial import require_constant
from ..phase_space.symbols import depends_on_time
from .generator import DENSITY, KET, Pattern, pattern
from .ladder import Gathered, Shifts, edge
from .of_grid import AbstractConversions
from .states import BeyondCutoff

AT_EDGE = 1e-6  # share of ‖ρ‖² at a cut-off; densities are off by its root at most
AT_ONCE = 1 << 21  # values of `functions` that are held in memory, 16 MB
Phase = Float[Array, " phase"]
Scalar = Float[Array, ""]


class FockBargmann(AbstractConversions):
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

    Example:
        >>> basis = dqm.FockBargmann(cutoff=12)
        >>> rho = basis.coherent(1.0)
        >>> print(basis.density(rho, jnp.array([[2**0.5, 0.0]])).round(3))  # 1/2π at the maximum
        [0.159]
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
    def space(self) -> PhaseSpace:
        """The scales ℓ and κ."""
        return PhaseSpace.of(self.modes, self.ell, self.kappa)

    def amplitude(self, xi: Phase) -> Complex[Array, " modes"]:
        """`β` of a point `ξ = (q, p)`."""
        return self.space.amplitude(real_field("xi", xi, (2 * self.modes,)))

    def density(
        self, coefficients: Complex[Array, "..."], points: Float[Array | np.ndarray, "points phase"]
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

    def overlaps(
        self, points: Float[Array | np.ndarray, "points phase"]
    ) -> Complex[Array, "points states"]:
        """`⟨m|β⟩` of all number states m, raveled, with the coherent state at each point."""
        points = require_points(points, 2 * self.modes)
        return jax.vmap(lambda xi: self._overlaps(self.amplitude(xi)).ravel())(points)

    def functions(
        self, points: Float[Array | np.ndarray, "points phase"]
    ) -> Float[Array, "points numbers"]:
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

    def generator(self, flow: Flow | Open) -> Shifts | Gathered:
        """The generator of `flow`, which acts on coefficients.

        Raises:
            InputError: If `flow` is no equation, is not polynomial in (q, p), or its degree needs
                more levels.
        """
        return _generator(self.pattern(flow), self, flow)

    def pattern(self, flow: Flow | Open) -> Pattern:
        """The static part of the generator: its shifts and index sets."""
        if not isinstance(flow, Flow | Open):
            raise InputError(
                f"`flow` must be a `FokkerPlanck`, `Damped` or `Open`, but is {flow!r}."
            )
        self._check_modes(flow)
        if isinstance(flow, Open):
            flow.require_kappa(self.kappa)
        found = pattern(DENSITY, self, flow)
        if isinstance(flow, FokkerPlanck) and not flow.depends_on_time and found.is_zero:
            require_constant(flow, self.modes)
        return found

    def ket_pattern(self, symbol: Callable) -> Pattern:
        """The same for Schrödinger's equation of the anti-Wick symbol H(q, p) or H(q, p, t)."""
        depends_on_time(symbol)
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
def _generator(pattern: Pattern, basis: FockBargmann, flow: Flow | Open) -> Shifts | Gathered:
    return pattern.operator(basis, flow)


@jax.jit
def _density(
    basis: FockBargmann,
    coefficients: Complex[Array, "..."],
    points: Float[Array | np.ndarray, "points phase"],
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


def cutoff_for(make: Callable[[int], object], *, most: int = 4096) -> int:
    """The least number of levels n for which `make(n)` does not raise that a state is cut off.

    It tries 2, 4, 8, … levels and then bisects. Of a pure state, make the ket.

    Args:
        make: Makes a state in a basis of n levels, with the `loss` that is allowed.
        most: Levels to try at most.

    Raises:
        InputError: If `make` is no function, or `most` levels are too few.

    Example:
        >>> dqm.cutoff_for(lambda n: dqm.FockBargmann(n).squeezed_ket(1.0, 0.5, 0.0))
        23
    """
    if not callable(make):
        raise InputError(f"`make` must be a function of the number of levels, but is {make!r}.")
    require_whole(2, most=most)
    low, high = 1, 2
    while not _fits(make, min(high, most)):
        if high >= most:
            raise InputError(
                f"`most` must be enough levels for the state, but is {most}: take more, or allow a "
                "larger `loss`."
            )
        low, high = high, 2 * high
    high = min(high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _fits(make, middle) else (middle, high)
    return high


def _fits(make: Callable[[int], object], levels: int) -> bool:
    try:
        make(levels)
    except BeyondCutoff:
        return False
    return True
