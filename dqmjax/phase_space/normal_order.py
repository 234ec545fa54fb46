"""The algebra of normally ordered polynomials in ladder operators, all ↠left of all â.

An operator `Σ c Π_i â_i†^{m_i} Π_i â_i^{n_i}` of N modes is a dictionary `{(m₁…m_N, n₁…n_N): c}`.
The coefficients are Python numbers, scalars of JAX, which may be traced, or `Scalar`. Which rows a
result has never depends on their values: a coefficient that happens to be 0 keeps its row.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
SMALL = 1e-9  # a part of a number that is not shown, relative to the number

Powers = tuple[int, ...]
Terms = dict[Powers, Any]
OneMode = tuple[int, int]  # powers of ↠and â


@dataclasses.dataclass(frozen=True)
class Scalar:
    """A coefficient that is a polynomial in other numbers x, `Σ c Π_i x_i`: c by the sorted i."""

    parts: dict[tuple[int, ...], Any]  # numbers of Python

    def __add__(self, other: "Scalar") -> "Scalar":
        total = dict(self.parts)
        for key, c in other.parts.items():
            total[key] = total.get(key, 0.0) + c
        return Scalar(total)

    def __mul__(self, other: "Scalar") -> "Scalar":
        total: dict[tuple[int, ...], Any] = {}
        for one, c in self.parts.items():
            for two, d in other.parts.items():
                key = tuple(sorted(one + two))
                total[key] = total.get(key, 0.0) + c * d
        return Scalar(total)

    def __rmul__(self, number) -> "Scalar":
        return Scalar({key: number * c for key, c in self.parts.items()})

    @property
    def number(self) -> complex | float | None:
        """Its value, if there is no x in it."""
        return self.parts[()] if self.parts.keys() == {()} else None

    def at(self, values: list):
        """Its value at those of the x."""
        if self.number is not None:
            return self.number
        return sum(c * math.prod(values[i] for i in key) for key, c in self.parts.items())


def ladder(letter: str, mode: int, modes: int) -> Terms:
    """One of `a`, `ad`, `n`, `q`, `p` of one mode, i = 0 … N − 1: `â = (q̂ + ip̂)/√2`."""
    at = lambda place: {tuple(int(i == place) for i in range(2 * modes)): 1.0}
    up, down = at(mode), at(modes + mode)
    if letter in ("a", "ad"):
        return down if letter == "a" else up
    if letter == "n":
        return product(up, down)
    if letter == "q":
        return scaled(math.sqrt(0.5), added(up, down))
    return scaled(1j * math.sqrt(0.5), added(up, scaled(-1.0, down)))


def constant(value, modes: int) -> Terms:
    """`c 1̂` of N modes."""
    return {(0,) * (2 * modes): value}


def degree(terms: Mapping[Powers, Any]) -> int:
    """The most factors ↠and â in one term."""
    return max(map(sum, terms), default=0)


def added(*terms: Mapping[Powers, Any]) -> Terms:
    """The sum of operators."""
    return _collected(itertools.chain.from_iterable(each.items() for each in terms))


def scaled(factor, terms: Mapping[Powers, Any]) -> Terms:
    """A number times an operator."""
    return {row: factor * value for row, value in terms.items()}


def adjoint(terms: Mapping[Powers, Any]) -> Terms:
    """The Hermitian conjugate."""
    return {turned(row): value.conjugate() for row, value in terms.items()}


def turned(row: Powers) -> Powers:
    """The row of the adjoint."""
    modes = len(row) // 2
    return row[modes:] + row[:modes]


def product(one: Mapping[Powers, Any], other: Mapping[Powers, Any]) -> Terms:
    """The first operator times the second.

    In each mode `â^n â†^m = Σ_k k! C(n, k) C(m, k) â†^{m−k} â^{n−k}`.
    """
    pairs = itertools.product(one.items(), other.items())
    return _collected(
        (row, weight * value if weight != 1 else value)
        for (left, a), (right, b) in pairs
        for value in [a * b]
        for row, weight in _ordered(left, right)
    )


def power(terms: Mapping[Powers, Any], exponent: int) -> Terms:
    """An operator times itself, `exponent` ≥ 0 factors."""
    modes = len(next(iter(terms))) // 2
    return functools.reduce(product, [terms] * exponent, constant(1.0, modes))


def substituted(terms: Mapping[Powers, Any], new: Sequence[Mapping[Powers, Any]]) -> Terms:
    """The operator with each `â_i` replaced by `new[i]`, and each `â_i†` by its adjoint.

    Such as `â → â + α` of a displaced mode or `â → e^{−iωt} â` of a rotating one. The order of the
    factors stays: all daggers come first.

    Args:
        terms: An operator of `len(new)` modes.
        new: One operator for each mode, all of the same number of modes.
    """
    letters = [*map(adjoint, new), *new]
    most = [max(column) for column in zip(*terms, strict=True)]
    powers = [
        [power(letter, k) for k in range(n + 1)] for letter, n in zip(letters, most, strict=True)
    ]
    words = (
        scaled(value, functools.reduce(product, [powers[i][k] for i, k in enumerate(row) if k]))
        if any(row)
        else constant(value, len(next(iter(new[0]))) // 2)
        for row, value in terms.items()
    )
    return added(*words)


def _collected(rows: Iterator[tuple[Powers, Any]]) -> Terms:
    """The sum of what belongs to the same row."""
    total: Terms = {}
    for row, value in rows:
        total[row] = total[row] + value if row in total else value
    return total


def _ordered(left: Powers, right: Powers) -> Iterator[tuple[Powers, int]]:
    """The product of two words as normally ordered ones with integer weights."""
    modes = len(left) // 2
    by_mode = [
        _in_one_mode((left[i], left[modes + i]), (right[i], right[modes + i])) for i in range(modes)
    ]
    for choice in itertools.product(*by_mode):
        rows, weights = zip(*choice, strict=True)
        up, down = zip(*rows, strict=True)
        yield up + down, math.prod(weights)


@functools.lru_cache(maxsize=4096)
def _in_one_mode(left: OneMode, right: OneMode) -> tuple[tuple[OneMode, int], ...]:
    """`â†^{m₁} â^{n₁} â†^{m₂} â^{n₂}`, normally ordered."""
    (up, n), (m, down) = left, right
    return tuple(
        ((up + m - k, n + down - k), math.factorial(k) * math.comb(n, k) * math.comb(m, k))
        for k in range(min(n, m) + 1)
    )


def word(row: Powers) -> str:
    """A product of ladder operators to be read, such as `a₁†²a₂`."""
    modes = len(row) // 2
    name = lambda i: "a" if modes == 1 else f"a{i % modes + 1}".translate(SUBSCRIPTS)
    high = lambda n: str(n).translate(SUPERSCRIPTS) if n > 1 else ""
    dagger = lambda i: "†" if i < modes else ""
    return "".join(f"{name(i)}{dagger(i)}{high(n)}" for i, n in enumerate(row) if n)


def written(terms: Mapping[Powers, Any]) -> str:
    """An operator to be read, such as `0.5 a†²a² + 0.1 (a† + a)`."""
    parts: list[str] = []
    for row in sorted(terms, key=lambda row: (-sum(row), [-n for n in row])):
        other, c = turned(row), complex(terms[row])
        is_pair = row != other and abs(terms.get(other, math.inf) - c) <= SMALL * abs(c)
        if not is_pair:
            parts += _times(c, word(row))
        elif row > other:
            parts += _times(c, f"({word(row)} + {word(other)})")
    first = "-" if parts[:1] == ["-"] else ""
    return first + " ".join(parts[1:]) or "0"


def _times(c: complex, words: str) -> tuple[str, str]:
    """A sign, and a number times what follows."""
    if min(abs(c.real), abs(c.imag)) > SMALL * abs(c):
        return "+", f"({c.real:.6g}{c.imag:+.6g}i) {words}".rstrip()
    is_real = abs(c.imag) <= abs(c.real)
    size = c.real if is_real else c.imag
    return "-" if size < 0 else "+", f"{abs(size):.6g}{'' if is_real else 'i'} {words}".rstrip()
