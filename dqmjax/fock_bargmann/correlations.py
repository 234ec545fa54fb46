"""Correlations at two times and spectra, by the quantum regression theorem.

Lax (1963), doi:10.1103/PhysRev.129.2342. Operators are those of the basis's ladder operators,
`â → (q/ℓ + iℓp/κ)/√2`: text such as "ad1*a2", or normally ordered terms.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Inexact, Real

from ..errors import (
    InputError,
    field,
    real_field,
    require,
    require_increasing,
    require_instance,
)
from ..evolution.solve import solve
from ..evolution.status import Reason
from ..phase_space.fokker_planck import Flow
from ..phase_space.normal_order import Terms, adjoint
from ..phase_space.open_system import Open
from ..phase_space.operators import terms_of
from ..phase_space.symbols import require_static
from .basis import AT_EDGE, FockBargmann, share
from .generator import Pattern
from .ladder import weight_of
from .steady_state import Sector, diagonal, is_gap, parts, relative, sectors
from .steps import HusimiStep

Operator = str | Mapping[tuple[int, ...], Any]
Matrix = Inexact[Array | np.ndarray, "rows columns"]


def correlation(
    stepper: HusimiStep,
    rho: Complex[Array, "*levels"],
    taus: Real[Array | np.ndarray, " times"],
    after: Operator,
    before: Operator = "",
    *,
    left: Operator = "",
    substeps: int = 1,
) -> Complex[Array, " times"]:
    """`⟨Ĉ(0) Â(τ) B̂(0)⟩ = tr(Â e^{Lτ}[B̂ρĈ])`, for Â `after`, B̂ `before` and Ĉ `left`.

    Such as ⟨â†(τ)â(0)⟩ for "ad" and "a". The system begins in ρ at τ = 0, steady or not.

    Args:
        stepper: Equation of motion and basis.
        rho: Coefficients at τ = 0.
        taus: Times, from 0, strictly increasing.
        after, before, left: Operators; "" is the identity.
        substeps: Steps per interval, as for `solve`.

    Raises:
        InputError: If `taus` does not increase from 0, an operator is no polynomial in the ladder
            operators of the modes, `rho` has another shape or is not finite, or B̂ρĈ has more than a
            millionth of its square beyond the cut-off. If it is traced, the values become NaN.
        RuntimeError: As `solve`.

    Example:
        >>> basis = dqm.FockBargmann(12)
        >>> flow = dqm.Damped(dqm.FokkerPlanck(dqm.Oscillators((0.0,))), rate=1.0, thermal=0.2)
        >>> step, rho = dqm.HusimiStep(flow, basis), dqm.steady_state(flow, basis).state
        >>> taus = jnp.array([0.0, 2.0])
        >>> print(dqm.correlation(step, rho, taus, "ad", "a").real.round(3))  # n̄ e^{−γτ/2}
        [0.2   0.074]
    """
    basis = _basis(stepper)
    given = {"after": after, "before": before, "left": left}
    terms = {name: _terms(basis, name, operator) for name, operator in given.items()}
    start = _between(basis, terms["before"], field("rho", rho, basis.levels), terms["left"])
    read = _Mean.of(basis, matrix(basis, terms["after"]))
    return _run(stepper, start, taus, read, substeps)


def g2(
    stepper: HusimiStep,
    rho: Complex[Array, "*levels"],
    taus: Real[Array | np.ndarray, " times"],
    detected: Operator = "a",
    *,
    substeps: int = 1,
) -> Float[Array, " times"]:
    """`g²(τ) = ⟨ĉ†(0) ĉ†(τ) ĉ(τ) ĉ(0)⟩ / ⟨ĉ†ĉ(0)⟩⟨ĉ†ĉ(τ)⟩`, for ĉ `detected`.

    1 for a coherent state, 2 at τ = 0 for a thermal one. Glauber (1963),
    doi:10.1103/PhysRev.130.2529.

    Args:
        stepper: Equation of motion and basis.
        rho: Coefficients at τ = 0, usually those of `steady_state`.
        taus: Times, from 0, strictly increasing.
        detected: Operator of the detected field, such as "a2" or "a1 + a2".
        substeps: Steps per interval, as for `solve`.

    Raises:
        InputError: As `correlation`, or if no quanta are detected.
        RuntimeError: As `solve`.

    Example:
        >>> basis = dqm.FockBargmann(12)
        >>> flow = dqm.Damped(dqm.FokkerPlanck(dqm.Oscillators((0.0,))), rate=1.0, thermal=0.2)
        >>> step, rho = dqm.HusimiStep(flow, basis), dqm.steady_state(flow, basis).state
        >>> taus = jnp.array([0.0, 2.0])
        >>> print(dqm.g2(step, rho, taus).round(3))  # 1 + e^{−γτ}, of thermal light
        [2.    1.135]
    """
    basis = _basis(stepper)
    terms, rho = _terms(basis, "detected", detected), field("rho", rho, basis.levels)
    lowered = matrix(basis, terms, _raised(basis, terms))
    read = _Mean.of(basis, lowered.conj().T @ lowered)
    numbers = jnp.real(_run(stepper, rho, taus, read, substeps))
    is_bright = jnp.min(numbers) > jnp.finfo(numbers.dtype).eps
    numbers = require(numbers, is_bright, "`rho` must have quanta to detect, but has ⟨ĉ†ĉ⟩ = 0.")
    start = _between(basis, terms, rho, adjoint(terms))
    both = jnp.real(_run(stepper, start, taus, read, substeps))
    return both / (numbers[0] * numbers)


def spectrum(
    flow: Flow | Open,
    basis: FockBargmann,
    rho: Complex[Array, "*levels"],
    omega: Real[Array | np.ndarray, " frequencies"],
    after: Operator = "ad",
    before: Operator = "a",
) -> Float[Array, " frequencies"]:
    """`S(ω) = 2 Re ∫_0^∞ e^{−iωτ} (⟨Â(τ)B̂(0)⟩ − ⟨Â⟩⟨B̂⟩) dτ`, for Â `after` and B̂ `before`.

    `S(ω) = 2 Re tr(Â (iω − L)⁻¹ [B̂ρ − ⟨B̂⟩ρ])`, by one dense linear solve for each ω. For â†(τ)â(0)
    this is the emission spectrum, with a line of a free mode at its ω. The coherent part,
    a line `2π ⟨Â⟩⟨B̂⟩ δ(ω)`, is left out. These are QuTiP's conventions.

    Args:
        flow: Equation of motion with a bath.
        basis: Coefficients.
        rho: The steady state, from `steady_state`.
        omega: Angular frequencies.
        after, before: Operators.

    Raises:
        InputError: If `flow` depends on time, an operator is no polynomial in the ladder operators
            of the modes, `omega` is no list of real numbers, `rho` is not the steady state, B̂ρ has
            more than a millionth of its square beyond the cut-off, a line has no width, or more
            than 4000 coefficients are connected. If it is traced, the values become NaN.

    Example:
        >>> basis = dqm.FockBargmann(12)
        >>> flow = dqm.Damped(dqm.FokkerPlanck(dqm.Oscillators((0.0,))), rate=1.0, thermal=0.2)
        >>> rho = dqm.steady_state(flow, basis).state
        >>> omega = jnp.array([0.0, 0.5])
        >>> print(dqm.spectrum(flow, basis, rho, omega).round(3))  # n̄γ/(ω² + γ²/4)
        [0.8 0.4]
    """
    require_instance(FockBargmann, basis=basis)
    require_static(getattr(flow, "depends_on_time", False))
    pattern, rho = basis.pattern(flow), field("rho", rho, basis.levels) + 0j
    if np.ndim(omega) != 1 or np.size(omega) == 0:
        raise InputError(
            f"`omega` must be a list of one number or more, but has shape {np.shape(omega)}."
        )
    omega = real_field("omega", omega, np.shape(omega))
    a, b = _terms(basis, "after", after), _terms(basis, "before", before)
    start = _between(basis, b, rho, _identity(basis))
    values, gaps, rest = _resolved(pattern, basis, flow, rho, start, omega, a)
    undamped = "`flow` must damp all that Â reads, but there is a line without width at an `omega`."
    values = require(values, is_gap(gaps), undamped)
    is_steady = rest <= float(jnp.finfo(values.dtype).eps) ** 0.5
    message = "`rho` must be the steady state of `flow` with trace 1: take that of `steady_state`."
    return require(values, is_steady, message)


@eqx.filter_jit
def _resolved(pattern: Pattern, basis: FockBargmann, flow, rho, start, omega, after: Terms):
    """S(ω), how far L is from iω, and by how much `Lρ = 0` is violated."""
    operator, coefficients = parts(pattern, basis, flow)
    inside = np.any(sectors(pattern.blocks, _read_by(basis, after)), axis=0)
    sector = Sector.of(pattern, operator, coefficients, inside)
    trace = lambda state: jnp.trace(state.reshape(2 * [math.prod(basis.cutoff)]))
    right = (start - trace(start) * rho).ravel()[sector.places]
    right = right.at[np.array(sector.redundant, int)].set(0.0)  # the trace is 0
    read = matrix(basis, after).T.ravel()[sector.places]

    @jax.checkpoint
    def at(omega):
        found, gap = sector.solved(1j * omega, right)
        return -2 * jnp.real(read @ found), gap

    return *jax.lax.map(at, omega), _unrest(basis, operator, rho, trace)


def _unrest(basis: FockBargmann, operator, rho, trace):
    """`‖Lρ‖/‖L‖‖ρ‖` without the highest ρ_mm, to which what leaves the basis would return."""
    operator, rho = jax.lax.stop_gradient((operator, rho))
    highest = np.flatnonzero(diagonal(basis))[-1]
    moved = operator(rho).ravel().at[highest].set(0.0)
    return jnp.maximum(relative(moved, operator, rho), jnp.abs(trace(rho) - 1))


class _Mean(eqx.Module):
    """`tr(Âρ)`, as a function of ρ."""

    weights: Inexact[Array, "*levels"]  # the transpose of Â

    @classmethod
    def of(cls, basis: FockBargmann, operator: Matrix) -> "_Mean":
        """Of the matrix Â."""
        return cls(jnp.asarray(operator.T.reshape(basis.levels)))

    def __call__(self, rho: Complex[Array, "*levels"]) -> Complex[Array, ""]:
        return jnp.sum(self.weights * rho)


def _run(stepper: HusimiStep, start, taus, read: _Mean, substeps: int) -> Complex[Array, " times"]:
    """`tr(Â e^{Lτ} start)`."""
    require_increasing(taus=taus)
    taus = require(taus, taus[0] == 0, "`taus` must begin at 0, the time of `rho`.")
    solution = solve(stepper, start, taus, save=read, substeps=substeps)
    is_accurate = solution.status.reason != Reason.INACCURATE
    return require(
        solution.saved, is_accurate, f"`substeps` must be more than {substeps}: the error is > 1 %."
    )


def _basis(stepper: HusimiStep) -> FockBargmann:
    require_instance(HusimiStep, stepper=stepper)
    return stepper.basis


def _terms(basis: FockBargmann, name: str, operator: Operator) -> Terms:
    """An operator as normally ordered products, `Σ c â†^m â^n`.

    Raises:
        InputError: Naming the argument, if it is none or connects no levels of the basis.
    """
    if isinstance(operator, str) and not operator:
        return _identity(basis)
    try:
        terms = terms_of(operator, basis.modes)
    except InputError as error:
        raise InputError(f"`{name}` must be an operator: {error}") from None
    if not _read_by(basis, terms).any():
        raise InputError(f"`{name}` must connect levels of the basis, but is {operator!r}.")
    return {row: jnp.asarray(value) + 0j for row, value in terms.items()}


def _read_by(basis: FockBargmann, terms: Terms) -> Bool[np.ndarray, "*levels"]:
    """The coefficients ρ_mn that `tr(Âρ)` depends on, those with a nonzero Â_nm."""
    pairs = np.asarray(matrix(basis, dict.fromkeys(terms, 1.0))).T != 0
    return pairs.reshape(basis.levels) & basis.kept


def _identity(basis: FockBargmann) -> Terms:
    return {(0,) * (2 * basis.modes): 1.0}


def _between(basis: FockBargmann, before: Terms, rho, left: Terms) -> Complex[Array, "*levels"]:
    """`B̂ρĈ`.

    Raises:
        InputError: If the cut-off takes away too much of it.
    """
    matrices, sizes, kept = [], [], []
    for terms in (before, adjoint(left)):
        raised = _raised(basis, terms)
        matrices.append(matrix(basis, terms, raised))
        sizes += [n + r for n, r in zip(basis.cutoff, raised, strict=True)]
        kept.append(np.pad(basis.kept_kets, [(0, r) for r in raised]))
    one, other = matrices
    product = one @ rho.reshape(one.shape[1], -1) @ other.conj().T
    product, kept = product.reshape(sizes), np.multiply.outer(*kept)
    beyond = share(product, ~kept)
    message = (
        "`cutoff` must hold the state on which `before` and `left` have acted, but too much of it "
        "lies beyond: keep more levels."
    )
    inside = tuple(slice(n) for n in basis.levels)
    return require(jnp.where(kept, product, 0.0)[inside], beyond <= AT_EDGE, message)


def _raised(basis: FockBargmann, terms: Terms) -> list[int]:
    """By how many levels of each mode an operator raises at most."""
    up, down = np.split(np.array(list(terms)), 2, axis=1)
    return np.max(up - down, axis=0, initial=0).tolist()


def matrix(basis: FockBargmann, terms: Terms, raised: Sequence[int] = ()) -> Matrix:
    """`⟨j|Â|k⟩` for the levels k of the basis, and as many or `raised` by some more levels j."""
    rows = [n + r for n, r in zip(basis.cutoff, raised or [0] * basis.modes, strict=True)]
    total: Any = 0.0
    for row, c in terms.items():
        powers = zip(row[: basis.modes], row[basis.modes :], rows, basis.cutoff, strict=True)
        total = total + c * functools.reduce(np.kron, [_of_mode(*of) for of in powers])
    return total


def _of_mode(up: int, down: int, rows: int, columns: int) -> Float[np.ndarray, "rows columns"]:
    """`â†^up â^down` of one mode."""
    weights = weight_of("-" * down + "+" * up, rows)
    return weights[:, None] * np.eye(rows, columns, down - up)
