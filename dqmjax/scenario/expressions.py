"""Potentials V(x, t) written as text, such as `x**2/2 + a*x**4*cos(w*t)`.

A text is parsed and then read node by node into operations of `jax.numpy`. Nothing in it is ever
executed.
"""

import ast
import functools
import itertools
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn

import equinox as eqx
import jax.numpy as jnp

from ..errors import InputError
from ..phase_space.formula import FINITE, folded, refuse, tree_of
from ..phase_space.operators import one_line
from ..wave.potentials import AbstractPotential, require_point

MOST_CHARACTERS = 2000
DEEPEST = 40  # parentheses and calls in one another
MOST_POWER = 64
LETTERS = "xyz"
NUMBERED = re.compile(r"x([1-9]\d?)")
PARAMETER = re.compile(r"[^\W\d]\w{0,39}")
FUNCTIONS: dict[str, tuple[Callable, Callable]] = {  # of arrays and of Python's numbers
    "sin": (jnp.sin, math.sin),
    "cos": (jnp.cos, math.cos),
    "tan": (jnp.tan, math.tan),
    "exp": (jnp.exp, math.exp),
    "log": (jnp.log, math.log),
    "sqrt": (jnp.sqrt, math.sqrt),
    "tanh": (jnp.tanh, math.tanh),
    "cosh": (jnp.cosh, math.cosh),
    "sinh": (jnp.sinh, math.sinh),
    "abs": (jnp.abs, abs),
}
RESERVED = {*FUNCTIONS, *LETTERS, "where", "t", "pi"}
OPERATORS: dict[type, Callable] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
COMPARISONS: dict[type, Callable] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
ALLOWED = (
    "numbers, pi, t, the coordinates x, y, z or x1, x2, …, parameters, + - * / **, parentheses, "
    f"{', '.join(FUNCTIONS)} and where(x < 0, …, …)"
)


class Expression(AbstractPotential):
    """A potential energy V(x, t) that is written as text.

    Args:
        text: The formula.
        parameters: A number for each of its names that is no coordinate and no function.
        dim: The number of coordinates.

    Raises:
        InputError: If the text does not parse or has anything else in it than numbers, coordinates,
            parameters, operators and a few functions (the message marks the place), if a parameter
            is missing or not used, or if a constant part is not finite.
    """

    text: str = eqx.field(static=True, converter=one_line)
    parameters: dict[str, float]
    dim: int = eqx.field(static=True)

    def __check_init__(self):
        for name in self.parameters:
            if name in RESERVED or NUMBERED.fullmatch(name) or not PARAMETER.fullmatch(name):
                raise InputError(
                    f"`parameters` must have names of their own, but has {name[:40]!r}: take "
                    "another name."
                )
        reading, tree = self._reading(), parsed(self.text)
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        reading.value(tree)
        if unused := self.parameters.keys() - used:
            raise InputError(f"`text` must use all parameters, but has no {min(unused)}.")

    def __call__(self, x, t=0.0):
        require_point(x, t)
        value = self._reading(dict(zip(self._names, x, strict=False)), t).value(parsed(self.text))
        return jnp.asarray(value) + 0.0 * jnp.sum(x)

    @property
    def _names(self) -> list[str]:
        return [f"x{i + 1}" for i in range(self.dim)]

    def _reading(self, x: Mapping[str, Any] | None = None, t: Any = None) -> "_Reading":
        """With the values of the coordinates; without them, to check the text."""
        is_check = x is None
        names = dict.fromkeys(self._names, UNKNOWN) if x is None else dict(x)
        names |= {letter: names[f"x{i + 1}"] for i, letter in enumerate(LETTERS[: self.dim])}
        names |= {"t": UNKNOWN if is_check else t, "pi": math.pi} | self.parameters
        return _Reading(self.text, names)


class _Unknown:
    """A coordinate without a value."""


UNKNOWN = _Unknown()


@functools.lru_cache(maxsize=64)
def parsed(text: str) -> ast.expr:
    """The syntax tree of a text, not too long and not too deep.

    Raises:
        InputError: If there is none.
    """
    if len(text) > MOST_CHARACTERS:
        raise InputError(f"`text` must have at most {MOST_CHARACTERS} characters.")
    tree = tree_of(text)
    below: list[tuple[ast.AST, int]] = [(tree, 0)]
    while below:
        node, depth = below.pop()
        if depth > DEEPEST and isinstance(node, ast.expr):
            refuse(text, node, f"have at most {DEEPEST} parts in one another")
        for child in ast.iter_child_nodes(node):  # long sums are deep on the left
            is_left = isinstance(node, ast.BinOp) and child is node.left
            below.append((child, depth + (not is_left)))
    return tree


class _Reading(NamedTuple):
    """The value of each part of a text: Python's numbers as long as they are known."""

    text: str
    names: dict[str, Any]

    def value(self, node: ast.expr) -> Any:
        """Of one node."""
        return folded(node, self._leaf, self._combined)

    def _leaf(self, node: ast.expr) -> Any:
        match node:
            case ast.UnaryOp(op=ast.UAdd()):
                return self.value(node.operand)
            case ast.UnaryOp(op=ast.USub()):
                return self._applied(node, operator.neg, self.value(node.operand))
            case ast.Constant(value=int() | float() as number) if type(number) is not bool:
                return self._applied(node, lambda: float(number))
            case ast.Name():
                return self._named(node)
            case ast.Call(func=ast.Name(id="where"), args=[condition, one, other], keywords=[]):
                return self._where(condition, one, other)
            case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if (
                name in FUNCTIONS
            ):
                return self._function(node, name, self.value(argument))
        self._foreign(node)

    def _named(self, node: ast.Name) -> Any:
        if node.id in self.names:
            return self.names[node.id]
        if node.id in LETTERS or NUMBERED.fullmatch(node.id):
            refuse(self.text, node, f"use coordinates of the grid, which has no {node.id}")
        if node.id in RESERVED:
            refuse(self.text, node, f"call functions, such as {node.id}(…)")
        given = ", ".join(self.names)
        must = f"use known names, but {node.id[:40]} is unknown (known here: {given})"
        refuse(self.text, node, must)

    def _combined(self, node: ast.BinOp, left: Any) -> Any:
        right = self.value(node.right)
        if isinstance(node.op, ast.Pow):
            return self._power(node, left, right)
        if type(node.op) not in OPERATORS:
            self._foreign(node.right, node.op)
        return self._applied(node.right, OPERATORS[type(node.op)], left, right)

    def _power(self, node: ast.BinOp, base: Any, exponent: Any) -> Any:
        if isinstance(exponent, float):
            if abs(exponent) > MOST_POWER:
                refuse(self.text, node.right, f"have powers of at most {MOST_POWER}")
            if exponent.is_integer():
                exponent = int(exponent)  # exact, also of negative numbers
        return self._applied(node.right, operator.pow, base, exponent)

    def _function(self, node: ast.expr, name: str, argument: Any) -> Any:
        of_arrays, of_numbers = FUNCTIONS[name]
        is_number = isinstance(argument, float)
        return self._applied(node, of_numbers if is_number else of_arrays, argument)

    def _where(self, condition: ast.expr, one: ast.expr, other: ast.expr) -> Any:
        if not isinstance(condition, ast.Compare):
            refuse(self.text, condition, "compare two numbers in where(…), such as x < 0")
        sides = [condition.left, *condition.comparators]
        values, holds = [self.value(side) for side in sides], True
        for i, (a, b) in enumerate(itertools.pairwise(values)):
            kind = type(condition.ops[i])
            if kind not in COMPARISONS:
                self._foreign(sides[i + 1], condition.ops[i])
            if not _has_unknown(a, b):
                holds = jnp.logical_and(holds, COMPARISONS[kind](a, b))
        branches = self.value(one), self.value(other)
        return UNKNOWN if _has_unknown(*values, *branches) else jnp.where(holds, *branches)

    def _applied(self, place: ast.expr, function: Callable, *values: Any) -> Any:
        """`function(*values)`, a finite real number where the values are known."""
        if _has_unknown(*values):
            return UNKNOWN
        try:
            found = function(*values)
        except (ArithmeticError, ValueError):
            refuse(self.text, place, FINITE)
        if isinstance(found, complex) or (isinstance(found, float) and not math.isfinite(found)):
            refuse(self.text, place, FINITE)
        return found

    def _foreign(self, place: ast.expr, node: ast.AST | None = None) -> NoReturn:
        kinds: dict[type, str] = {
            ast.Attribute: "an attribute",
            ast.BitXor: "^: write ** for a power",
            ast.Call: "another call",
            ast.Compare: "a comparison outside of where(…)",
        }
        found = kinds.get(type(node or place), "something else")
        refuse(self.text, place, f"not have {found} here: it consists of {ALLOWED}")


def _has_unknown(*values: Any) -> bool:
    return any(value is UNKNOWN for value in values)
