"""Energy levels and stationary states of a symbol, by its matrix in number states."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..errors import InputError, is_known, require, require_instance, require_whole
from ..phase_space.symbols import require_symbol
from .basis import AT_EDGE, FockBargmann, share
from .generator import Pattern
from .steady_state import dense, require_dense


def operator_matrix(symbol: Callable, basis: FockBargmann) -> Complex[Array, "*levels"]:
    """`⟨m|Ĥ|n⟩ = ∫ H(q, p) ⟨m|β⟩⟨β|n⟩ dq dp/(2πκ)^N`, the matrix of an anti-Wick symbol.

    arXiv:2603.20399, eq. (62). For a polynomial H the elements between the levels kept are exact,
    the constant of H included; the symbols of the catalogue leave constants out.

    Args:
        symbol: H(q, p) for one point, a polynomial.
        basis: Number states of the scales ℓ and κ.

    Returns:
        The matrix, indices `m₁…m_N n₁…n_N` as those of coefficients; in units of energy.

    Raises:
        InputError: If `symbol` is no polynomial in (q, p) or depends on time, or its degree needs
            more levels.

    Example:
        >>> matrix = dqm.operator_matrix(dqm.operator("p**2/2 + q**2/2"), dqm.FockBargmann(3))
        >>> print(jnp.diag(matrix).real.round(3))  # n + ½
        [0.5 1.5 2.5]
    """
    require_instance(FockBargmann, basis=basis)
    size = basis.kept_kets.size
    places = np.flatnonzero(basis.kept_kets)
    kept = _kept_matrix(_pattern(symbol, basis), basis, symbol)
    full = jnp.zeros((size, size), kept.dtype).at[places[:, None], places].add(kept)
    return full.reshape(basis.levels)


def levels(
    symbol: Callable, basis: FockBargmann, count: int
) -> tuple[Float[Array, " count"], Complex[Array, "count *cutoff"]]:
    """The lowest `count` energies `Ĥψ = Eψ` in the basis, and their kets.

    The matrix `operator_matrix` is diagonalised. Energies are differentiable; kets are as well
    where no two levels meet, up to their phases. Symbols that conserve quanta need no more levels
    than those asked for: their blocks are exact.

    Args:
        symbol: H(q, p) for one point, a polynomial.
        basis: Number states of the scales ℓ and κ.
        count: How many levels, degenerate ones counted as often as they occur.

    Returns:
        Energies, ascending, in units of the symbol, and normalised kets. Levels that are refused
        are NaN where `symbol` is traced.

    Raises:
        InputError: As `operator_matrix`, or if there are not `count` levels, more than a millionth
            of a ket is in levels from which Ĥ leads out of the basis, or more than 4000 number
            states are kept.

    Example:
        >>> energies, kets = dqm.levels(dqm.operator("p**2/2 + q**2/2"), dqm.FockBargmann(8), 3)
        >>> print(energies.round(3))  # n + ½
        [0.5 1.5 2.5]
    """
    require_instance(FockBargmann, basis=basis)
    require_whole(1, count=count)
    kets = int(basis.kept_kets.sum())
    require_dense(kets)
    if count > kets:
        raise InputError(f"`count` must be at most the {kets} levels kept, but is {count}.")
    energies, states, at_edge = _levels(_pattern(symbol, basis), basis, symbol, count)
    holds = at_edge <= AT_EDGE
    lost = ", ".join(map(str, np.flatnonzero(~np.asarray(holds)))) if is_known(holds) else ""
    message = (
        f"`cutoff` must hold the levels, but {lost or 'some'} are not converged in "
        f"{basis.cutoff}: keep more, or ask for fewer."
    )
    by_state = holds.reshape(-1, *[1] * basis.modes)
    return require(energies, holds, message), require(states, by_state, message)


def _pattern(symbol: Callable, basis: FockBargmann) -> Pattern:
    require_symbol(symbol)
    return basis.ket_pattern(symbol)


@eqx.filter_jit
def _kept_matrix(pattern: Pattern, basis: FockBargmann, symbol) -> Complex[Array, "kets kets"]:
    """The matrix between the number states kept, from the generator `−iĤ/κ`."""
    generator = dense(pattern.operator(basis, symbol), pattern.kept, pattern.kept)
    return 1j * basis.space.kappa * generator


@eqx.filter_jit
def _levels(pattern: Pattern, basis: FockBargmann, symbol, count: int):
    """Energies, kets and the share of each at the cut-off."""
    energies, vectors = jnp.linalg.eigh(_kept_matrix(pattern, basis, symbol))
    flat = jnp.zeros((count, pattern.kept.size), vectors.dtype)
    flat = flat.at[:, np.flatnonzero(pattern.kept)].add(vectors.T[:count])
    states = flat.reshape(count, *basis.cutoff)
    at_edge = jax.vmap(lambda ket: share(ket, pattern.edge))(jax.lax.stop_gradient(states))
    return energies[:count], states, at_edge
