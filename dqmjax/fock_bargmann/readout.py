"""Observables of a Husimi density: moments, entropy, marginals and samples of (q, p).

The Husimi density is the distribution of heterodyne outcomes, a joint measurement of q and p with
added noise. Its moments are therefore those of antinormal order.

A state `rho` is given by its coefficients or, if it is pure, by the amplitudes of its ket.
"""

import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Inexact, Int, Key

from ..errors import (
    InputError,
    positive,
    require,
    require_key,
    require_real,
    require_whole,
)
from ..grid import Grid, density, field_on
from ..phase_space.coordinates import PhaseSpace
from ..phase_space.polynomial import Polynomial, polynomial
from .basis import FockBargmann
from .distributions import (
    State,
    as_state,
    mean,
    parity as parity,
    photon_numbers as photon_numbers,
    quadratures as quadratures,
    wigner as wigner,
)

__all__ = [
    "expectation",
    "marginal",
    "moment",
    "parity",
    "photon_numbers",
    "quadratures",
    "reduced",
    "sample",
    "wehrl_entropy",
    "wigner",
]

Powers = tuple[int, ...]
NEGLIGIBLE = 1e-6  # negative part of a density, of its maximum: interpolation and round-off
AT_ONCE = 1 << 22  # overlaps of proposals, 64 MB


def moment(basis: FockBargmann, rho: State, up: Powers, down: Powers) -> Inexact[Array, ""]:
    """`∫ Π_i β_i*^{up_i} β_i^{down_i} ρ = ⟨Π_i â_i^{down_i} â_i†^{up_i}⟩`, exact in the basis.

    Args:
        basis: That of `rho`.
        rho: Coefficients or amplitudes.
        up, down: Powers of β* and β, one for each mode.

    Raises:
        InputError: If the powers are not integers of at least 0, one for each mode, or `rho` has
            another shape than the basis.

    Example:
        >>> basis = dqm.FockBargmann(12)
        >>> quanta = dqm.readout.moment(basis, basis.coherent(1.0), up=(1,), down=(1,)).real - 1
        >>> round(float(quanta), 3)  # ⟨n̂⟩ = ⟨ââ†⟩ − 1
        1.0
    """
    rho = as_state(basis, "rho", rho)
    require_powers(basis, up=up, down=down)
    return mean(rho, [_integrals(*powers).T for powers in zip(basis.cutoff, up, down, strict=True)])


def _integrals(levels: int, up: int, down: int) -> Float[np.ndarray, "levels levels"]:
    """`∫ β*^{m+up} β^{n+down} e^{−|β|²} d²β/π / √(m!n!)`, which is `(m+up)!/√(m!n!)` or 0."""
    matrix = np.zeros((levels, levels))
    log = [math.lgamma(k + 1) for k in range(levels + up + 1)]
    for m in range(levels):
        n = m + up - down
        if 0 <= n < levels:
            matrix[m, n] = math.exp(log[m + up] - (log[m] + log[n]) / 2)
    return matrix


def expectation(basis: FockBargmann, rho: State, symbol: Callable) -> Float[Array, ""]:
    """`⟨Â⟩ = ∫ A ρ` of the operator with this anti-Wick symbol in the units of the basis.

    Args:
        basis: That of `rho`.
        rho: Coefficients or amplitudes.
        symbol: A(Q, P), such as an `operator`, or any function that is a polynomial.

    Raises:
        InputError: If `symbol` is no polynomial or has other modes, or `rho` has another shape
            than the basis.

    Example:
        >>> basis = dqm.FockBargmann(12)
        >>> number = dqm.operator("n")
        >>> round(float(dqm.readout.expectation(basis, basis.coherent(1.0), number)), 3)
        1.0
    """
    rho, modes = as_state(basis, "rho", rho), basis.modes
    if not isinstance(symbol, Polynomial):
        symbol = polynomial(symbol, modes)
    if symbol.modes != modes:
        raise InputError(
            f"`symbol` must have the {modes} modes of `basis`, but has {symbol.modes}."
        )
    terms = [
        c * moment(basis, rho, row[:modes], row[modes:])
        for row, c in zip(symbol.powers, symbol.coefficients, strict=True)
    ]
    return jnp.real(sum(terms))


def reduced(basis: FockBargmann, rho: State, keep: tuple[int, ...]) -> Inexact[Array, "*kept"]:
    """The coefficients of some of the modes, the others integrated out.

    Args:
        basis: That of `rho`.
        rho: Coefficients or amplitudes.
        keep: Which modes, in increasing order.

    Raises:
        InputError: If `keep` is not increasing, or `rho` has another shape than the basis.

    Example:
        >>> pair = dqm.FockBargmann((2, 2))
        >>> kets = jnp.stack([pair.fock_ket((1, 0)), pair.fock_ket((0, 1))])
        >>> both = pair.superposition_ket(kets, jnp.ones(2))
        >>> rho = dqm.readout.reduced(pair, both, keep=(0,))
        >>> round(float(jnp.trace(rho @ rho).real), 3)  # the purity of one of two entangled modes
        0.5
    """
    rho = as_state(basis, "rho", rho)
    _require_increasing("keep", keep, basis.modes)
    left, right = list(range(basis.modes)), list(range(basis.modes, 2 * basis.modes))
    for mode in set(left) - set(keep):
        right[mode] = left[mode]
    kept = [left[mode] for mode in keep] + [right[mode] for mode in keep]
    if rho.ndim == basis.modes:
        return jnp.einsum(rho, left, rho.conj(), right, kept)
    return jnp.einsum(rho, [*left, *right], kept)


def wehrl_entropy(
    grid: Grid, rho: Float[Array, "*shape"], kappa: Float[Array, ""] | float = 1.0
) -> Float[Array, ""]:
    """`−∫ ρ ln((2πκ)^N ρ) dq dp`, N for a coherent state and more for any other.

    Wehrl (1979), doi:10.1016/0034-4877(79)90070-3. Zeros of ρ slow the convergence with the grid:
    for cat states of the Kerr oscillator the error is 1e-8 at a spacing of ℓ/25.

    Args:
        grid: Of phase space, axes q₁…q_N p₁…p_N.
        rho: Density.
        kappa: κ.

    Raises:
        InputError: If `grid` has an odd number of axes, `rho` is not real, not on it, not finite or
            negative, or κ is not positive. If they are traced, the entropy becomes NaN.

    Example:
        >>> grid = dqm.Grid((-8.0, -8.0), (8.0, 8.0), (32, 32))
        >>> q, p = grid.points
        >>> rho = jnp.exp(-(q**2 + p**2) / 2) / (2 * np.pi)
        >>> round(float(dqm.readout.wehrl_entropy(grid, rho)), 3)
        1.0
    """
    rho = _real_on(grid, rho)
    if grid.dim % 2:
        raise InputError(f"`grid` must have an axis for each q and p, but has {grid.dim} axes.")
    kappa = positive("kappa", kappa, shape=())
    rho = require(
        rho,
        jnp.min(rho) >= -NEGLIGIBLE * jnp.max(rho),
        "`rho` must not be negative: this is the entropy of a Husimi density.",
    )
    dark = rho <= 0
    cell = PhaseSpace.of(grid.dim // 2, 1.0, kappa).cell
    logarithm = jnp.log(cell * jnp.where(dark, 1.0, rho))
    return -grid.integrate(jnp.where(dark, 0.0, rho * logarithm))


def marginal(grid: Grid, rho: Float[Array, "*shape"], axes: tuple[int, ...]) -> Array:
    """The density of some of the coordinates, the others integrated out.

    Args:
        grid: Of phase space, axes q₁…q_N p₁…p_N.
        rho: Density.
        axes: Which to keep, in increasing order.

    Raises:
        InputError: If `axes` is not increasing, or `rho` is not real, not on `grid` or not finite.

    Example:
        >>> grid = dqm.Grid((-8.0, -8.0), (8.0, 8.0), (32, 32))
        >>> q, p = grid.points
        >>> rho = jnp.exp(-(q**2 + p**2) / 2) / (2 * np.pi)
        >>> round(float(dqm.readout.marginal(grid, rho, (0,)).max()), 3)  # 1/√2π
        0.399
    """
    rho = _real_on(grid, rho)
    _require_increasing("axes", axes, grid.dim)
    others = tuple(axis for axis in range(grid.dim) if axis not in axes)
    return jnp.sum(rho, axis=others) * math.prod(grid.spacing[axis] for axis in others)


def sample(
    key: Key[Array, ""], basis: FockBargmann, rho: State, count: int
) -> Float[np.ndarray, "count phase"]:
    """Samples of (q, p) from the Husimi density, exact and independent.

    By rejection. `ρ ≤ w diag(√ρ_nn)` with `w = Σ √ρ_nn` by the Cauchy–Schwarz inequality, and a
    number state with a Γ-distributed `|β|²` samples the Husimi density of diag(√ρ_nn). One proposal
    in w² is accepted. Levels with less than 1e-15 of the state are neglected.

    Args:
        key: Of `jax.random`.
        basis: That of `rho`.
        rho: Coefficients or amplitudes.
        count: Number of samples.

    Raises:
        InputError: If `count` is not an integer of at least 0, or `rho` is no density matrix: not
            finite, Hermitian, positive and nonzero.

    Example:
        >>> basis = dqm.FockBargmann(12)
        >>> points = dqm.readout.sample(jax.random.key(0), basis, basis.coherent(1.0), 10_000)
        >>> points.shape, round(float(points[:, 0].mean()), 1)  # √2
        ((10000, 2), 1.4)
    """
    require_key(key=key)
    require_whole(count=count)
    rho = as_state(basis, "rho", rho)
    rho = basis.pure(rho) if rho.ndim == basis.modes else rho
    size = math.prod(basis.cutoff)
    matrix = np.asarray(rho).reshape(size, size)
    _require_state(matrix)
    weight = np.clip(np.real(np.diag(matrix)), 0, None)
    levels = np.flatnonzero(weight > 1e-15 * weight.sum())
    parts, vectors = np.linalg.eigh(matrix[np.ix_(levels, levels)])
    kept = parts > 1e-15 * parts[-1]
    factor = jnp.asarray(vectors[:, kept] * np.sqrt(parts[kept]))
    root = jnp.asarray(np.sqrt(weight[levels]))
    tries = float(root.sum() ** 2 / weight.sum())  # for one draw
    wanted = 1 << math.ceil(math.log2(1 + 1.2 * count * tries))
    proposals = max(1, min(wanted, AT_ONCE // len(levels)))
    state = basis, jnp.asarray(levels), factor, root
    drawn: list[np.ndarray] = []
    while sum(map(len, drawn)) < count:
        key, now = jax.random.split(key)
        points, accepted = map(np.asarray, _proposed(now, proposals, *state))
        drawn.append(points[accepted])
    return np.concatenate(drawn)[:count] if drawn else np.zeros((0, 2 * basis.modes))


@eqx.filter_jit
def _proposed(
    key: Key[Array, ""],
    proposals: int,
    basis: FockBargmann,
    levels: Int[Array, " kept"],
    factor: Complex[Array, "kept parts"],
    root: Float[Array, " kept"],
) -> tuple[Float[Array, "proposals phase"], Bool[Array, " proposals"]]:
    """Samples from diag(√ρ_nn), and which of them to accept; ρ = factor factor†."""
    which, size, turn, luck = jax.random.split(key, 4)
    level = jax.random.choice(which, len(levels), (proposals,), p=root / root.sum())
    numbers = jnp.stack(jnp.unravel_index(levels, basis.cutoff), axis=1)
    square = jax.random.gamma(size, numbers[level] + 1.0)
    angle = 2 * jnp.pi * jax.random.uniform(turn, square.shape)
    to_points = basis.space.point
    points = to_points(jnp.sqrt(square) * jnp.exp(1j * angle))
    overlaps = basis.overlaps(points)[:, levels]
    exact = jnp.sum(density(overlaps.conj() @ factor), axis=1)
    bound = root.sum() * (density(overlaps) @ root)
    return points, jax.random.uniform(luck, (proposals,)) * bound < exact


def require_powers(basis: FockBargmann, **powers):
    """Checks that there is a power, an integer of at least 0, for each mode.

    Raises:
        InputError: Naming the argument.
    """
    for name, of_modes in powers.items():
        if not _is_list_of_integers(of_modes) or len(of_modes) != basis.modes or min(of_modes) < 0:
            raise InputError(
                f"`{name}` must have a power of at least 0 for each of {basis.modes} modes, but is "
                f"{of_modes!r}."
            )


def _is_list_of_integers(values) -> bool:
    whole = lambda n: isinstance(n, int | np.integer) and not isinstance(n, bool)
    return isinstance(values, tuple | list) and all(map(whole, values))


def _real_on(grid: Grid, rho) -> Float[Array, "*shape"]:
    """`rho` as real numbers on `grid`, finite where they are known."""
    rho = field_on(grid, "rho", rho)
    require_real("rho", rho)
    return rho


def _require_increasing(name: str, chosen: tuple[int, ...], count: int):
    is_list = _is_list_of_integers(chosen) and chosen
    if not is_list or list(chosen) != sorted(set(chosen) & set(range(count))):
        raise InputError(
            f"`{name}` must contain some of 0 … {count - 1} in increasing order, but is {chosen}."
        )


def _require_state(matrix: np.ndarray):
    tolerance = 1e2 * len(matrix) * np.finfo(matrix.dtype).eps
    size, skew = (np.abs(m).max() for m in (matrix, matrix - matrix.conj().T))
    if 0 < size < np.inf and skew <= tolerance * size:
        values = np.linalg.eigvalsh(matrix)
        if values[-1] > 0 and values[0] >= -tolerance * values[-1]:
            return
    raise InputError("`rho` must be a density matrix: finite, Hermitian and positive, but is not.")
