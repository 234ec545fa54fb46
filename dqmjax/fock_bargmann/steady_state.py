"""Steady states of open systems, `Lρ = 0` with `∫ρ = tr ρ̂ = 1`, by a dense linear solve."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float

from ..errors import InputError, is_known, require, require_instance
from ..phase_space.fokker_planck import Flow
from ..phase_space.open_system import Open
from ..phase_space.symbols import require_static
from .basis import AT_EDGE, FockBargmann, share
from .blocks import Blocks
from .generator import Pattern
from .ladder import Gathered, Shifts, sources, weights_of

Scalar = Float[Array, ""]
Mask = Bool[np.ndarray, "*levels"]  # some of the coefficients

MOST_DENSE = 4000  # rows of a matrix: 256 MB
LEAST_GAP = 1e3  # machine epsilons, so that the solution is right to 1e-3
NOT_UNIQUE = (
    "`flow` must have one steady state, but has none or several, or the precision in use cannot "
    "tell: couple every mode to a bath, by `Damped` or `Open`, strongly enough."
)


class SteadyState(NamedTuple):
    """The result of `steady_state`.

    Example:
        >>> flow = dqm.Damped(dqm.FokkerPlanck(dqm.Kerr(1.0)), rate=1.0, thermal=0.2)
        >>> found = dqm.steady_state(flow, dqm.FockBargmann(12))
        >>> float(found.residual) < 1e-8
        True
    """

    state: Complex[Array, "*levels"]
    residual: Scalar  # ‖Lρ‖/‖L‖‖ρ‖, with what L leads out of the basis


def steady_state(flow: Flow | Open, basis: FockBargmann) -> SteadyState:
    """The state with `Lρ = 0` and `∫ρ = 1`, where `∂ρ/∂t = Lρ`.

    A dense linear solve for the coefficients that L connects to the diagonal ρ_mm: N² for one
    driven mode of N levels, N if only loss and gain change the number of quanta. L conserves the
    trace once what leaves the basis returns at the highest level. One equation then follows from
    the others, and `∫ρ = 1` takes the place of that of the vacuum. The state is differentiable with
    respect to the parameters of `flow`.

    Args:
        flow: Equation of motion with a bath, `Damped` or `Open`.
        basis: Coefficients, cut-off and measuring scale.

    Returns:
        Coefficients, and the residual. A state that is refused is NaN where it is traced.

    Raises:
        InputError: If `flow` depends on time or has no steady state or several, a millionth of
            ‖ρ‖² is in coefficients from which L leads out of the basis, or more than 4000
            coefficients are connected.

    Example:
        >>> basis = dqm.FockBargmann(12)
        >>> flow = dqm.Damped(dqm.FokkerPlanck(dqm.Kerr(1.0)), rate=1.0, thermal=0.2)
        >>> rho = dqm.steady_state(flow, basis).state
        >>> round(float(dqm.readout.photon_numbers(basis, rho)[0]), 3)  # 1/(n̄ + 1)
        0.833
    """
    require_instance(FockBargmann, basis=basis)
    require_static(getattr(flow, "depends_on_time", False))
    state, residual, gap, at_edge = _solved(basis.pattern(flow), basis, flow)
    state = require(state, is_gap(gap), NOT_UNIQUE)
    state = require(state, at_edge <= AT_EDGE, _too_small(basis, at_edge))
    return SteadyState(state, residual)


def is_gap(gap: Float[Array, "*many"]) -> Bool[Array, ""]:
    """Whether relative gaps are more than round-off."""
    return jnp.min(gap) >= LEAST_GAP * float(jnp.finfo(gap.dtype).eps)


def _too_small(basis: FockBargmann, at_edge) -> str:
    part = f"{float(at_edge):.1g}" if is_known(at_edge) else "a part"
    return (
        f"`cutoff` must hold the steady state, but {part} of ‖ρ‖² is at the edge of "
        f"{basis.cutoff} levels: keep more. If that does not help, there is no steady state."
    )


@eqx.filter_jit
def _solved(pattern: Pattern, basis: FockBargmann, flow: Flow | Open):
    """The state, its residual, the gap relative to the largest rate, and the share at the edge."""
    operator, coefficients = parts(pattern, basis, flow)
    inside = sectors(pattern.blocks, diagonal(basis))
    if len(inside) > 1:  # each conserves a trace of its own
        raise InputError(NOT_UNIQUE)
    sector = Sector.of(pattern, operator, coefficients, inside[0])
    unit = np.zeros(len(sector.places))
    unit[sector.redundant] = 1.0
    row, gap = sector.solved(0.0, sector.scale * unit)
    state = jnp.zeros(pattern.kept.size, row.dtype).at[sector.places].add(row)
    state = state.reshape(basis.levels)
    adjoint = state.transpose(np.roll(range(state.ndim), basis.modes)).conj()
    state = (state + adjoint) / 2
    seen = jax.lax.stop_gradient((operator, coefficients, state))
    return state, _residual(pattern, *seen), gap, share(seen[2], pattern.edge)


def parts(pattern: Pattern, basis: FockBargmann, flow: Flow | Open):
    """The generator, and the coefficients of its sources."""
    coefficients = pattern.coefficients(basis, flow)(0.0)
    return pattern.with_weights(pattern.weights_of(coefficients)), coefficients


def _residual(pattern: Pattern, operator, coefficients, state) -> Scalar:
    out = pattern.leak(pattern.leaks_of(coefficients))(state)
    return relative(jnp.concatenate([operator(state).ravel(), out]), operator, state)


def relative(rate: Complex[Array, " rates"], operator, state) -> Scalar:
    """`‖rate‖/‖L‖‖ρ‖`, with the largest sum over a row for ‖L‖."""
    largest = jnp.max(jnp.sum(jnp.abs(operator.weights), axis=0))
    return jnp.linalg.norm(rate) / (largest * jnp.linalg.norm(state.ravel()))


def diagonal(basis: FockBargmann) -> Mask:
    """The coefficients ρ_mm."""
    return np.diag(basis.kept_kets.ravel()).reshape(basis.levels)


def sectors(blocks: Blocks, where: Mask) -> list[Mask]:
    """The coefficients of each block that contains some of those `where`.

    Raises:
        InputError: If there are too many for a dense matrix.
    """
    with jax.ensure_compile_time_eval():
        number = jnp.arange(1, blocks.count + 1) + 0j
        rows = jnp.repeat(number[:, None, None], blocks.width, axis=1)
        block = np.real(np.asarray(blocks.scatter(rows)))
    found = [block == i for i in np.unique(block[where])]
    require_dense(int(np.sum(found)))
    return found


def require_dense(size: int):
    """Checks that a matrix of so many rows is not too large.

    Raises:
        InputError: Naming `basis`.
    """
    if size > MOST_DENSE:
        raise InputError(
            f"`basis` must have at most {MOST_DENSE} coefficients that the equation connects, but "
            f"has {size}: keep fewer levels, or `solve` for a long time."
        )


class Sector(NamedTuple):
    """The generator as a matrix on a closed set of coefficients."""

    matrix: Complex[Array, "size size"]
    places: np.ndarray  # of the rows in the raveled coefficients
    on_diagonal: np.ndarray  # which of the rows are some ρ_mm

    @classmethod
    def of(
        cls, pattern: Pattern, operator: Shifts | Gathered, coefficients, inside: Mask
    ) -> "Sector":
        """On the coefficients `inside`. What leaves the diagonal returns to the highest ρ_mm."""
        places, modes = np.flatnonzero(inside), inside.ndim // 2
        index = np.argwhere(inside)
        on_diagonal = (index[:, :modes] == index[:, modes:]).all(axis=1)
        matrix = dense(operator, pattern.kept, inside)
        for row in np.flatnonzero(on_diagonal)[-1:]:
            matrix = matrix.at[row].add(_lost(pattern, coefficients)[inside[pattern.kept]])
        return cls(matrix, places, on_diagonal)

    @property
    def scale(self) -> Scalar:
        """The largest rate."""
        return jax.lax.stop_gradient(jnp.max(jnp.abs(self.matrix)))

    @property
    def redundant(self) -> list[int]:
        """The equation that follows from the others, that of the lowest ρ_mm, if there is one.

        Round-off of all the others ends in it, so that it should be that of a large ρ_mm.
        """
        return np.flatnonzero(self.on_diagonal)[:1].tolist()

    def bordered(self, rate: Complex[Array, ""] | float) -> Complex[Array, "size size"]:
        """`L − rate` with the trace, times `scale`, in place of the redundant equation."""
        matrix = self.matrix - rate * jnp.eye(len(self.places))
        for row in self.redundant:
            matrix = matrix.at[row].set(self.scale * self.on_diagonal)
        return matrix

    def solved(
        self, rate: Complex[Array, ""] | float, right
    ) -> tuple[Complex[Array, " size"], Scalar]:
        """x of `(L − rate) x = right`, and the gap between `rate` and L relative to `scale`.

        The response to arbitrary numbers is as large as the inverse of the gap.
        """
        probe = np.random.default_rng(0).normal(size=len(self.places))
        probe = self.scale * probe / np.linalg.norm(probe)
        both = jnp.stack([right + 0j, probe + 0j], axis=1)
        found, response = jnp.linalg.solve(self.bordered(rate), both).T
        return found, 1 / jax.lax.stop_gradient(jnp.linalg.norm(response))


def _lost(pattern: Pattern, coefficients) -> Complex[Array, " kept"]:
    """The rates at which the kept coefficients feed ρ_mm outside of the basis."""
    outside, modes = np.argwhere(pattern.beyond), pattern.kept.ndim // 2
    outside = outside[(outside[:, :modes] == outside[:, modes:]).all(axis=1)]
    where = np.zeros_like(pattern.beyond)
    where[tuple(outside.T)] = True
    weights = weights_of(pattern.factors, coefficients, where)
    empty = jnp.zeros(pattern.kept.sum() + 1, weights.dtype)
    return empty.at[sources(pattern.shifts, pattern.kept, outside)].add(weights)[:-1]


def dense(operator: Shifts | Gathered, kept: Mask, inside: Mask) -> Complex[Array, "size size"]:
    """`operator`, which acts on what is `kept`, as a matrix on the coefficients `inside`."""
    weights = operator.weights.reshape(len(operator.shifts), -1)[:, inside[kept]]
    table = sources(operator.shifts, inside)
    size = table.shape[1]
    empty = jnp.zeros((size, size + 1), weights.dtype)
    return empty.at[np.arange(size), table].add(weights)[:, :size]
