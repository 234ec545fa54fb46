"""Formulas in ladder operators, such as `delta*n + U/2*n*(n-1) + F*(a + ad)`.

A text is parsed and then read node by node. Nothing in it is ever executed. Parameters are
multiplied out as symbols, once for each text, so that JAX sees one product of a constant matrix
and the monomials of the parameters that occur.
"""

import ast
import dataclasses
import functools
import math
import operator
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Inexact, Int

from ..errors import InputError, is_known, require_finite
from .normal_order import Powers, Scalar, Terms, added, constant, degree, ladder, product, scaled
from .polynomial import MAX_DEGREE

DIGITS = "0123456789"
LADDER = re.compile(r"(ad|a|n|q|p)([1-9]\d?)?")
ALLOWED = (
    "numbers, 1j, pi, parameters, + - * / **, parentheses and the operators a, ad, n, q, p, "
    "numbered (a1, ad1, …) if there are several modes"
)
FOUND = {  # what to call a node that is not allowed
    ast.Attribute: "an attribute",
    ast.BitXor: "^: write ** for a power",
    ast.Call: "a call: write it out, or give a function of time to `dqmjax.Driven`",
    ast.Compare: "a comparison",
}
MOST_PRODUCTS = 100_000  # of words in one product, which take a second
POWERS = (*map(float, range(MAX_DEGREE + 1)),)
INVERSE = Scalar({(): -1.0})
FINITE = "be finite, but is not here"


class Atom(NamedTuple):
    """A number that is known only with the parameters: one of them, or a power `base ** exponent`.

    Both depend on earlier atoms only.
    """

    place: ast.expr
    name: str | None = None
    base: Scalar = Scalar({})
    exponent: Scalar = Scalar({})


@dataclasses.dataclass(frozen=True, eq=False)
class Formula:
    """A formula multiplied out, whatever the values of its parameters."""

    text: str
    modes: int
    is_numbered: bool
    rows: tuple[Powers, ...]  # the normally ordered products that occur
    atoms: tuple[Atom, ...]
    monomials: Int[np.ndarray, "factors monomials"]  # the numbers of the atoms, 0 for none
    matrix: Inexact[np.ndarray, "rows monomials"]

    @property
    def parameters(self) -> dict[str, ast.expr]:
        """The place of each parameter, by name."""
        return {atom.name: atom.place for atom in self.atoms if atom.name}

    def coefficients(self, parameters: Mapping[str, Any]) -> Inexact[Array | np.ndarray, " rows"]:
        """Of `rows`; of NumPy if all parameters are known.

        Raises:
            InputError: If a parameter is missing or not used, or known ones give no finite numbers.
        """
        self.require(parameters)
        with np.errstate(all="ignore"):
            values = self._values(parameters)
            if not is_known(values):
                stacked = jnp.stack([jnp.asarray(x) for x in values])
                monomials = functools.reduce(operator.mul, stacked[self.monomials])
                return jnp.matmul(self.matrix, monomials, precision="highest")
            found = self.matrix @ np.prod(np.array(values)[self.monomials], axis=0)
        require_finite(text=found)
        return found

    def require(self, parameters: Mapping[str, Any]):
        """Checks that the parameters are those of the text.

        Raises:
            InputError: If one is missing or not used.
        """
        named = self.parameters
        for name, place in named.items():
            if name not in parameters:
                given = ", ".join(parameters) or "none"
                must = f"consist of {ALLOWED}; {name} is unknown (parameters given: {given})"
                refuse(self.text, place, must)
        if unused := parameters.keys() - named.keys():
            raise InputError(
                f"`text` must use all parameters, but has no {min(unused)}: {self.text!r}."
            )

    def _values(self, parameters: Mapping[str, Any]) -> list:
        """1 and those of the atoms."""
        values: list[Any] = [1.0]
        for atom in self.atoms:
            try:
                values.append(
                    parameters[atom.name]
                    if atom.name
                    else atom.base.at(values) ** atom.exponent.at(values)
                )
            except (ZeroDivisionError, OverflowError):
                refuse(self.text, atom.place, FINITE)
        return values


@functools.lru_cache(maxsize=256)
def parsed(text: str) -> Formula:
    """The formula in a text of one line.

    Raises:
        InputError: If there is none, or it has no operator; the message marks the place.
    """
    body = tree_of(text)
    names = [node for node in ast.walk(body) if isinstance(node, ast.Name)]
    found = [(LADDER.fullmatch(n.id), n) for n in sorted(names, key=lambda n: n.col_offset)]
    ladders = [(match[2], node) for match, node in found if match]
    is_numbered = bool(ladders and ladders[0][0])
    for number, node in ladders:
        if (number is not None) != is_numbered:
            refuse(text, node, "have numbers at all operators or, for a single mode, at none")
    reading = _Reading(text, max((int(n or 1) for n, _ in ladders), default=1), [])
    try:
        terms = reading.value(body)
    except RecursionError:
        refuse(text, body, "have fewer brackets in one another")
    if not ladders:
        raise InputError(f"`text` must have an operator a, ad, n, q or p, but is {text!r}.")
    return _formula(reading, terms, is_numbered)


def _formula(reading: "_Reading", terms: Terms, is_numbered: bool) -> Formula:
    """`terms`, whose coefficients are `Scalar`, as arrays."""
    live = {row: {k: c for k, c in value.parts.items() if c} for row, value in terms.items()}
    live = {row: parts for row, parts in live.items() if parts} or {(0,) * 2 * reading.modes: {}}
    keys = sorted(set().union(*live.values())) or [()]
    matrix = np.array([[parts.get(key, 0.0) for key in keys] for parts in live.values()])
    longest = max(1, *map(len, keys))
    monomials = np.array([key + (0,) * (longest - len(key)) for key in keys]).T
    atoms = tuple(reading.atoms)
    return Formula(reading.text, reading.modes, is_numbered, tuple(live), atoms, monomials, matrix)


def tree_of(text: str) -> ast.expr:
    """The syntax tree of a text of one line. Nothing in it is executed.

    Raises:
        InputError: If it is no expression; the message marks the place.
    """
    try:
        if "#" in text:  # Python would ignore what follows
            raise SyntaxError("invalid character '#'", (None, 1, text.index("#") + 1, text))
        with warnings.catch_warnings(action="ignore"):
            return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        column = min((getattr(error, "offset", None) or len(text) + 1) - 1, len(text))
        problem = getattr(error, "msg", None) or str(error)
    refuse(text, column, f"be a formula, with * for products, but does not parse ({problem})")


def _foreign(text: str, place: ast.expr, node: ast.AST) -> NoReturn:
    found = FOUND.get(type(node), "something else")
    refuse(text, place, f"consist of {ALLOWED}, but has {found}")


def without_mark(error: InputError) -> str:
    """The message of an error on one line, with the number of the character that it marks."""
    problem, *marked = str(error).splitlines()
    if len(marked) < 2 or not marked[-1].endswith("^"):
        return str(error)
    return f"{problem.rstrip(':')} (character {len(marked[-1]) - 4})"


def refuse(text: str, where: ast.expr | int, must: str) -> NoReturn:
    """An error that shows the text and marks a place in it.

    Raises:
        InputError: Always.
    """
    if isinstance(where, ast.expr):  # which counts bytes
        where = len(text.encode()[: where.col_offset].decode())
    raise InputError(f"`text` must {must}:\n    {text}\n    {' ' * where}^")


def folded(node: ast.expr, leaf: Callable, combined: Callable) -> Any:
    """The value of a node. Long sums are deep on the left, so that side is a loop.

    Args:
        node: Of a syntax tree.
        leaf: Of what is no binary operation.
        combined: Of a binary operation and the value of its left side.
    """
    above = []
    while isinstance(node, ast.BinOp):
        above.append(node)
        node = node.left
    return functools.reduce(lambda value, step: combined(step, value), above[::-1], leaf(node))


class _Reading(NamedTuple):
    """The value of each part of a formula: normally ordered products of `Scalar` coefficients."""

    text: str
    modes: int
    atoms: list[Atom]  # grows

    def value(self, node: ast.expr) -> Terms:
        """Of one node."""
        return folded(node, self._leaf, self._finite)

    def _finite(self, node: ast.BinOp, left: Terms) -> Terms:
        try:
            return self._combined(node, left)
        except (ZeroDivisionError, OverflowError):
            refuse(self.text, node.right, FINITE)

    def _leaf(self, node: ast.expr) -> Terms:
        match node:
            case ast.UnaryOp(op=ast.UAdd()):
                return self.value(node.operand)
            case ast.UnaryOp(op=ast.USub()):
                return scaled(-1.0, self.value(node.operand))
            case ast.Constant(value=int() | float() | complex() as number) if (
                type(number) is not bool
            ):
                return self._constant(1.0 * number)
            case ast.Name(id="pi"):
                return self._constant(math.pi)
            case ast.Name():
                return self._named(node)
        _foreign(self.text, node, node)

    def _named(self, node: ast.Name) -> Terms:
        if LADDER.fullmatch(node.id):
            letter, number = node.id.rstrip(DIGITS), node.id.strip("adnqp")
            terms = ladder(letter, int(number or 1) - 1, self.modes)
            return {row: Scalar({(): c}) for row, c in terms.items()}
        names = [atom.name for atom in self.atoms]
        if node.id not in names:
            return self._atom(Atom(node, node.id))
        return self._constant(1.0, (names.index(node.id) + 1,))

    def _constant(self, value: complex | float, atoms: tuple[int, ...] = ()) -> Terms:
        return constant(Scalar({atoms: value}), self.modes)

    def _atom(self, atom: Atom) -> Terms:
        self.atoms.append(atom)
        return self._constant(1.0, (len(self.atoms),))

    def _combined(self, node: ast.BinOp, left: Terms) -> Terms:
        right, place = self.value(node.right), node.right
        match node.op:
            case ast.Add():
                return added(left, right)
            case ast.Sub():
                return added(left, scaled(-1.0, right))
            case ast.Mult():
                return self._product(place, left, right)
            case ast.Div():
                divisor = self._scalar(place, right, "divide by")
                return self._product(place, left, self._raised(place, divisor, INVERSE))
            case ast.Pow():
                return self._power(place, left, right)
        _foreign(self.text, place, node.op)

    def _product(self, place: ast.expr, left: Terms, right: Terms) -> Terms:
        if degree(left) + degree(right) > MAX_DEGREE:
            refuse(self.text, place, f"have at most {MAX_DEGREE} factors a and ad in a product")
        if _size(left) * _size(right) > MOST_PRODUCTS:
            refuse(self.text, place, f"have at most {MOST_PRODUCTS} terms in a product")
        return product(left, right)

    def _power(self, place: ast.expr, base: Terms, exponent: Terms) -> Terms:
        power = self._scalar(place, exponent, "have as exponents")
        if power.number in POWERS:
            multiply = functools.partial(self._product, place)
            factors = [base] * POWERS.index(power.number)
            return functools.reduce(multiply, factors, self._constant(1.0))
        if degree(base):
            refuse(self.text, place, f"have powers 0, 1, … {MAX_DEGREE} of operators")
        return self._raised(place, next(iter(base.values())), power)

    def _raised(self, place: ast.expr, base: Scalar, exponent: Scalar) -> Terms:
        if base.number is None or exponent.number is None:
            return self._atom(Atom(place, None, base, exponent))
        return self._constant(base.number**exponent.number)

    def _scalar(self, place: ast.expr, terms: Terms, what: str) -> Scalar:
        """The number that `terms` are."""
        if degree(terms):
            refuse(self.text, place, f"{what} numbers and parameters only")
        return next(iter(terms.values()))


def _size(terms: Terms) -> int:
    return sum(len(value.parts) for value in terms.values())
