"""Symbols of an operator for different orders of its â and â†.

An operator is written with all ↠left of all â (normal order, Wick), symmetrically (Weyl) or with
all â left (antinormal, anti-Wick); then â → α, ↠→ α*. With the s of Cahill & Glauber
(1969, doi:10.1103/PhysRev.177.1857)

`H_s' = exp(½(s' − s) Σ_i ∂_{α_i}∂_{α_i*}) H_s`, `α = (Q + iP)/√2`.
"""

import functools
import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact

from ..errors import (
    InputError,
    field,
    finite,
    is_known,
    positive,
    require,
    require_instance,
    require_whole,
)
from .coordinates import for_modes, whole
from .normal_order import Powers, Terms, added, adjoint, scaled, turned, written
from .polynomial import (
    Polynomial as Polynomial,
    machine_epsilon,
    polynomial as polynomial,
    require_rows,
)
from .symbols import AbstractSymbol, at_modes, require_function, require_scalar_function

__all__ = [
    "ANTINORMAL",
    "NORMAL",
    "SYMMETRIC",
    "Polynomial",
    "Smoothed",
    "anti_wick",
    "from_qutip",
    "from_terms",
    "normal_terms",
    "operator_text",
    "polynomial",
    "reorder",
    "to_terms",
]

NORMAL, SYMMETRIC, ANTINORMAL = 1, 0, -1  # Wick, Weyl, anti-Wick
MOST_NODES = 180  # NumPy's Gauss–Hermite weights overflow beyond

Number = Inexact[Array, ""] | complex | float | int
Coefficients = Inexact[Array | np.ndarray, " rows"]


def reorder(symbol: Polynomial, source: float | int, target: float | int) -> Polynomial:
    """The symbol for the order `target` of the operator whose symbol for `source` is given.

    Exact for every polynomial. Orders are `NORMAL`, `SYMMETRIC` and `ANTINORMAL`, or any other s.

    Args:
        symbol: That of the order `source`.
        source, target: Orders.

    Raises:
        InputError: If `symbol` is no `Polynomial`, or an order is not one finite number.

    Example:
        >>> order = dqm.ordering
        >>> classical = order.polynomial(lambda q, p: (q[0] ** 2 + p[0] ** 2) / 2, modes=1)
        >>> symbol = order.reorder(classical, order.SYMMETRIC, order.ANTINORMAL)
        >>> round(float(symbol(jnp.zeros(1), jnp.zeros(1))), 3)  # |α|² − ½ at α = 0
        -0.5
    """
    require_instance(Polynomial, symbol=symbol)
    step = (finite("target", target, shape=()) - finite("source", source, shape=())) / 2
    powers, matrix = _reordering(tuple(map(tuple, symbol.powers)), float(step))
    return Polynomial(powers, jnp.matmul(matrix, symbol.coefficients, precision="highest"))


@functools.lru_cache(maxsize=256)
def _reordering(powers: tuple[Powers, ...], step: float) -> tuple[tuple[Powers, ...], np.ndarray]:
    """The rows of the new symbol, and its coefficients as a matrix times those of the old one."""
    total: dict[Powers, np.ndarray] = defaultdict(lambda: np.zeros(len(powers)))
    for column, row in enumerate(powers):
        modes = len(row) // 2
        pairs = list(zip(row[:modes], row[modes:], strict=True))
        for k in itertools.product(*(range(min(pair) + 1) for pair in pairs)):
            left = tuple(power - j for power, j in zip(row, k + k, strict=True))
            total[left][column] += math.prod(
                step**j * math.comb(a, j) * math.comb(b, j) * math.factorial(j)
                for (a, b), j in zip(pairs, k, strict=True)
            )
    return tuple(total), np.stack(list(total.values()))


def from_terms(terms: Mapping[Powers, Number]) -> Polynomial:
    """Anti-Wick symbol of `Ĥ = Σ c Π_i â_i†^{m_i} Π_i â_i^{n_i}`, given as `{(m₁…m_N, n₁…n_N): c}`.

    Arrays among the coefficients are trainable.

    Args:
        terms: The coefficient c of each row of powers, in units where ħ = κ = ℓ = 1.

    Raises:
        InputError: If the rows differ in length or have negative entries, a coefficient is not
            finite, or Ĥ is not Hermitian. If traced coefficients make it so, they become NaN.

    Example:
        >>> number = dqm.from_terms({(1, 1): 3.0})
        >>> round(float(number(jnp.array([2.0]), jnp.zeros(1))), 3)  # 3(|α|² − 1) at |α|² = 2
        3.0
    """
    require_instance(Mapping, terms=terms)
    require_rows("terms", tuple(terms))
    for value in terms.values():
        field("terms", value, ())
    rows, values = tuple(terms), list(terms.values())
    coefficients = np.array(values, complex) if is_known(values) else jnp.stack(values)
    return anti_wick(rows, if_hermitian("terms", rows, coefficients, coefficients))


def anti_wick(rows: tuple[Powers, ...], coefficients: Coefficients) -> Polynomial:
    """Anti-Wick symbol of `Ĥ = Σ_k c_k Π_i â_i†^{m_ki} Π_i â_i^{n_ki}`, as `from_terms`, unchecked.

    Args:
        rows: Rows (m₁…m_N, n₁…n_N).
        coefficients: c, one for each row.

    Example:
        >>> number = dqm.ordering.anti_wick(((1, 1),), jnp.array([3.0]))
        >>> round(float(number(jnp.array([2.0]), jnp.zeros(1))), 3)  # 3(|α|² − 1) at |α|² = 2
        3.0
    """
    return reorder(Polynomial(rows, jnp.asarray(coefficients) + 0j), NORMAL, ANTINORMAL)


def if_hermitian(name: str, rows: tuple[Powers, ...], coefficients: Coefficients, value):
    """`value`, if an operator is Hermitian to round-off; NaN where that is traced and not so.

    Raises:
        InputError: If the operator is known and not Hermitian; `name` is that of the argument.
    """
    numbers = np if is_known(coefficients) else jnp
    place = {row: i for i, row in enumerate(rows)}
    padded = numbers.append(coefficients, 0.0)  # what has no row
    adjoint = padded[np.array([place.get(turned(row), len(rows)) for row in rows])].conj()
    size, rest = abs(coefficients), abs(coefficients - adjoint)
    roundoff = 100 * float(numbers.finfo(coefficients.dtype).eps)
    holds = rest <= 1e-12 * size + roundoff * size.max()
    message = f"`{name}` must be Hermitian, but is not."
    if is_known(coefficients):
        i = int(np.argmax(np.where(holds, -1.0, size)))
        term = written({rows[i]: coefficients[i]})
        message = f"`{name}` must be Hermitian, but has {term} without its adjoint: add that."
    return require(value, holds.all(), message)


def normal_terms(symbol: Polynomial) -> Terms:
    """The normally ordered products of the operator with a given anti-Wick symbol.

    Those of `to_terms`, for a `Polynomial` in units where ħ = κ = ℓ = 1. Its coefficients may be
    traced.

    Args:
        symbol: H(q, p).

    Returns:
        `{(m₁…m_N, n₁…n_N): c}` for `Ĥ = Σ c Π_i â_i†^{m_i} Π_i â_i^{n_i}`.

    Example:
        >>> quanta = dqm.ordering.Polynomial(((1, 1),), jnp.array([1.0 + 0j]))
        >>> terms = dqm.ordering.normal_terms(quanta)
        >>> {row: float(c.real) for row, c in terms.items()}  # |α|² belongs to â â† = n̂ + 1
        {(1, 1): 1.0, (0, 0): 1.0}
    """
    normal = reorder(symbol, ANTINORMAL, NORMAL)
    found = dict(zip(normal.powers, listed(normal.coefficients), strict=True))
    return scaled(0.5, added(found, adjoint(found)))  # `Polynomial` is the real part of its sum


def listed(values: Coefficients) -> list:
    """Python numbers, if they are known."""
    return np.asarray(values).tolist() if is_known(values) else list(values)


def to_terms(symbol: Callable, modes: int, ell: Any = 1.0, kappa: Any = 1.0) -> Terms:
    """The normally ordered products of the operator with a given anti-Wick symbol.

    `Ĥ = Σ c Π_i â_i†^{m_i} Π_i â_i^{n_i}` as `{(m₁…m_N, n₁…n_N): c}`, the inverse of `from_terms`.

    Args:
        symbol: H(q, p), a polynomial of degree at most 8.
        modes: N, the number of modes.
        ell: ℓ of `â = (q̂/ℓ + iℓp̂/κ)/√2`, one number or one per mode.
        kappa: κ.

    Raises:
        InputError: As `polynomial`.

    Example:
        >>> terms = dqm.ordering.to_terms(lambda q, p: (q[0] ** 2 + p[0] ** 2) / 2, modes=1)
        >>> {row: round(c.real, 3) for row, c in terms.items()}  # |α|² belongs to â â† = n̂ + 1
        {(1, 1): 1.0, (0, 0): 1.0}
    """
    read = polynomial(symbol, modes, ell, kappa)
    sizes = reorder(Polynomial(read.powers, abs(read.coefficients) + 0j), ANTINORMAL, NORMAL)
    roundoff = machine_epsilon() ** 0.7 * float(jnp.max(jnp.abs(sizes.coefficients)))
    terms = normal_terms(read)
    return {row: complex(c) for row, c in terms.items() if abs(c) > roundoff or not any(row)}


def operator_text(symbol: Callable, modes: int, ell: Any = 1.0, kappa: Any = 1.0) -> str:
    """The operator with a given anti-Wick symbol, to be read: such as `0.5 a†²a² + 0.1 (a† + a)`.

    Normally ordered and without its constant, which moves nothing. Arguments and errors are those
    of `to_terms`.

    Example:
        >>> dqm.ordering.operator_text(dqm.Kerr(1.0, drive=0.1), modes=1)
        '0.5 a†²a² + 0.1 (a† + a)'
    """
    terms = to_terms(symbol, modes, ell, kappa)
    return written({row: c for row, c in terms.items() if any(row)})


def from_qutip(operator, degree: int) -> Polynomial:
    """Anti-Wick symbol of a QuTiP operator that is a polynomial in â, â† of the given degree.

    The normal-ordered coefficients follow from the lowest levels,
    `c_jk = ⟨j|Ĥ|k⟩/√(j!k!) − Σ_{l>0} c_{j−l,k−l}/l!`. The higher levels are a check, except the
    `degree` highest of each mode, where products of truncated matrices are wrong.

    Args:
        operator: Ĥ, with at least 2·`degree` + 1 levels of each mode.
        degree: Of the polynomial, in all â and â† together.

    Raises:
        InputError: If `operator` is not Hermitian, has too few levels, or is no such polynomial.

    Example:
        >>> import qutip
        >>> number = dqm.from_qutip(3.0 * qutip.num(8), degree=2)
        >>> round(float(number(jnp.array([2.0]), jnp.zeros(1))), 3)  # 3(|α|² − 1) at |α|² = 2
        3.0
    """
    require_whole(degree=degree)
    is_operator = getattr(operator, "isoper", False)
    if not is_operator or not np.isfinite(operator.full()).all() or not operator.isherm:
        raise InputError("`operator` must be a Hermitian operator of QuTiP with finite entries.")
    levels = operator.dims[0]
    if min(levels) < 2 * degree + 1:
        raise InputError(
            f"`operator` must have {2 * degree + 1} levels of each mode for degree {degree}, but "
            f"has {levels}: use more levels."
        )
    modes, matrix = len(levels), operator.full().reshape(levels * 2)
    kept = list(itertools.product(range(degree + 1), repeat=modes))
    terms: dict[Powers, complex] = {}
    for j, k in itertools.product(kept, repeat=2):
        value = matrix[j + k] / math.sqrt(math.prod(map(math.factorial, j + k)))
        for down in itertools.product(*(range(min(p) + 1) for p in zip(j, k, strict=True))):
            if any(down):
                row = tuple(a - b for a, b in zip(j + k, down + down, strict=True))
                value -= terms.get(row, 0.0) / math.prod(map(math.factorial, down))
        terms[j + k] = complex(value)
    largest = max(map(abs, terms.values()))
    small = {row for row, c in terms.items() if abs(c) <= 1e-11 * largest}
    beyond = [row for row in terms if row not in small and sum(row) > degree]
    terms = {row: c for row, c in terms.items() if row not in small}
    if beyond or not _describes(terms, matrix, degree):
        raise InputError(
            f"`operator` must be a polynomial of degree {degree} in â and â†, but is not: raise "
            "`degree`, or give another operator."
        )
    mean = lambda row: (terms[row] + np.conj(terms.get(row[modes:] + row[:modes], 0.0))) / 2
    return from_terms({row: mean(row) for row in terms})


def _describes(terms: Mapping[Powers, complex | float], matrix: np.ndarray, degree: int) -> bool:
    """Whether `Σ c a†^m a^n` is `matrix`, except in the `degree` highest levels."""
    modes = matrix.ndim // 2
    levels = matrix.shape[:modes]
    total = np.zeros_like(matrix)
    for row, c in terms.items():
        powers = row[modes:] + row[:modes]
        for n in itertools.product(*map(range, levels)):
            lowered = [a - b for a, b in zip(n, row[modes:], strict=True)]
            raised = tuple(a + b for a, b in zip(lowered, row[:modes], strict=True))
            if min(lowered) < 0 or any(a >= b for a, b in zip(raised, levels, strict=True)):
                continue
            falling = (math.perm(a, b) for a, b in zip(n + raised, powers, strict=True))
            total[raised + n] += c * math.sqrt(math.prod(falling))
    inner = tuple(slice(level - degree) for level in levels * 2)
    return bool(np.abs(total - matrix)[inner].max() <= 1e-9 * np.abs(matrix[inner]).max())


def _order(name: str) -> Callable[[float | int], float]:
    """A converter of an order."""
    return lambda s: float(finite(name, s, shape=()))


class Smoothed(AbstractSymbol):
    """A potential V(q) for another order: its mean over a Gaussian of variance `½(s' − s)ℓ²`.

    `V_s'(q) = ∫ V_s(q + x) g(x) dx`, by Gauss–Hermite quadrature, exact to degree 2·`nodes` − 1.

    Args:
        potential: V(q), any function of q of shape (N,).
        source, target: Orders; the integral exists only if `target` > `source`.
        ell: ℓ, one positive number for each mode.
        nodes: Quadrature nodes for each mode.

    Raises:
        InputError: If `target` is not closer to normal order than `source`, an ℓ is not positive,
            `nodes` is not an integer of at least 1 and at most 180, or V uses a coordinate that q
            does not have or does not return one real number.

    Example:
        >>> order = dqm.ordering
        >>> well = order.Smoothed(lambda q: q[0] ** 2, order.SYMMETRIC, order.NORMAL)
        >>> round(float(well(jnp.zeros(1), jnp.zeros(1))), 3)  # q² + ½ at q = 0
        0.5
    """

    potential: Callable[[Array], Float[Array, ""]]
    source: float = eqx.field(static=True, converter=_order("source"))
    target: float = eqx.field(static=True, converter=_order("target"))
    ell: Float[Array, " modes"] | tuple[float, ...] = eqx.field(
        default=(1.0,), converter=for_modes(positive, "ell")
    )
    nodes: int = eqx.field(default=40, static=True, kw_only=True, converter=whole("nodes", 1))

    @property
    def modes(self) -> int:
        """N, the number of modes."""
        return np.size(self.ell)

    def __check_init__(self):
        if self.nodes > MOST_NODES:
            raise InputError(f"`nodes` must be at most {MOST_NODES}, but is {self.nodes}.")
        require_function("potential", self.potential, "q")
        require_scalar_function("potential", self.potential, np.ones(self.modes))
        if not self.target > self.source:
            raise InputError(
                f"`target` must exceed `source`, but {self.target} does not exceed {self.source}. "
                "The opposite direction is a deconvolution, which amplifies waves as e^{k²ℓ²/4}: "
                "use a polynomial and `reorder`."
            )

    def __call__(self, q, p):
        q, p = at_modes(q, p, self.modes)
        x, w = np.polynomial.hermite_e.hermegauss(self.nodes)
        away = np.stack(np.meshgrid(*[x] * self.modes, indexing="ij")).reshape(self.modes, -1).T
        weights = np.prod(np.stack(np.meshgrid(*[w] * self.modes)).reshape(self.modes, -1), axis=0)
        spread = jnp.sqrt((self.target - self.source) / 2) * jnp.asarray(self.ell)
        values = [self.potential(q + spread * a) for a in away]
        return jnp.asarray(weights / weights.sum()) @ jnp.stack(values)
