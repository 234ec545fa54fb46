"""Operators as input: text, normally ordered products or a polynomial symbol."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Inexact

from ..errors import InputError, field, finite, is_known, require_whole
from .formula import LADDER, Formula, parsed
from .normal_order import Powers, Terms
from .ordering import anti_wick, if_hermitian, listed, normal_terms
from .polynomial import Polynomial, require_rows
from .symbols import AbstractSymbol


def one_line(text) -> str:
    """A text with single spaces, so that places in it can be marked.

    Raises:
        InputError: If it is no text.
    """
    if not isinstance(text, str):
        raise InputError(f"`text` must be text, such as 'n + 0.1*(a + ad)', but is {text!r}.")
    return " ".join(text.split())


def _numbers(parameters) -> dict[str, Any]:
    """The parameters of a formula, each a finite real or complex number.

    Raises:
        InputError: Naming the parameter.
    """
    if not isinstance(parameters, Mapping) or not all(isinstance(k, str) for k in parameters):
        raise InputError(f"`parameters` must be numbers by name, but is {parameters!r}.")
    taken = [name for name in parameters if name == "pi" or LADDER.fullmatch(name)]
    if taken:
        raise InputError(
            f"`{taken[0]}` must not be a parameter of `text`, where it is an operator or a number: "
            "take another name."
        )
    return {name: _number(name, value) for name, value in parameters.items()}


def _number(name: str, value):
    if np.iscomplexobj(value):
        field(name, value, ())
        return value
    value = finite(name, value, shape=())
    return 1.0 * value if jnp.result_type(value).kind in "iu" else value


class Operator(AbstractSymbol):
    """The anti-Wick symbol of a Hermitian operator that is written as text.

    `â = (q̂ + ip̂)/√2`, `n̂ = â†â`, in units where ħ = κ = ℓ = 1; `InUnits` converts to others. See
    `operator`, which makes one.

    Args:
        text: The operator.
        parameters: The value of each of its parameters; floats are constants, arrays trainable.
            Where traced or fitted values are not Hermitian, H belongs to the Hermitian part.
        count: N, if there are more modes than the text names.

    Example:
        >>> number = dqm.Operator("omega*n", {"omega": 3.0})
        >>> round(float(number(jnp.array([2.0]), jnp.zeros(1))), 3)  # ω(|α|² − 1) at |α|² = 2
        3.0
    """

    text: str = eqx.field(static=True, converter=one_line)
    parameters: dict[str, Any] = eqx.field(default_factory=dict, converter=_numbers)
    count: int | None = eqx.field(default=None, static=True)

    def __check_init__(self):
        self._formula.require(self.parameters)
        _ = self.rows
        if is_known(self.parameters):
            if_hermitian("text", self._formula.rows, self._coefficients, ())

    @property
    def modes(self) -> int:
        """N, the highest number of a mode in the text unless `count` says more."""
        return self._formula.modes if self.count is None else self.count

    @property
    def rows(self) -> tuple[Powers, ...]:
        """The powers (m₁…m_N, n₁…n_N) of the products."""
        return tuple(_padded("text", self.text, self._formula, self.modes))

    @property
    def terms(self) -> Terms:
        """The normally ordered products, `{(m₁…m_N, n₁…n_N): c}`."""
        return ladder_terms(self.text, self.parameters, self.modes)

    def __call__(self, q, p):
        return anti_wick(self.rows, self._coefficients)(q, p)

    @property
    def _formula(self) -> Formula:
        return parsed(self.text)

    @property
    def _coefficients(self) -> Inexact[Array | np.ndarray, " rows"]:
        return self._formula.coefficients(self.parameters)


def operator(text: str, modes: int | None = None, /, **parameters) -> Operator:
    """The anti-Wick symbol H(q, p) of a Hermitian operator written as text.

    Such as `operator("delta*n + U/2*n*(n-1) + F*(a + ad)", delta=0.3, U=1.0, F=0.1)`. The text has

    - `a`, `ad`, `n`, `q`, `p` for one mode: `q = (a + ad)/√2`, `p = (a − ad)/(i√2)`;
      `a1`, `ad1`, `n1`, … for several, up to 99,
    - numbers, `1j`, `pi` and the named parameters,
    - `+ - * / **` and parentheses. Operators do not commute, and have whole powers 0 … 8.

    The units are those where ħ = κ = ℓ = 1; `InUnits` converts to others.

    Args:
        text: The operator, a polynomial of degree at most 8 in the â and â†.
        modes: N, the highest number in the text by default. Give it for an operator on some of the
            modes of a larger system, such as `operator("a1 + ad1", 2)`.
        parameters: One real or complex number for each name; floats are constants, arrays
            trainable.

    Raises:
        InputError: If the text does not parse or has anything else in it (the message marks the
            place), a parameter is missing, not used or not finite, or the operator is not
            Hermitian. If a traced parameter makes it so, the parameters become NaN.

    Example:
        >>> number = dqm.operator("omega*n", omega=3.0)
        >>> round(float(number(jnp.array([2.0]), jnp.zeros(1))), 3)  # ω(|α|² − 1) at |α|² = 2
        3.0
    """
    found = Operator(text, parameters, modes)
    if is_known(found):
        return found
    return if_hermitian("text", found._formula.rows, found._coefficients, found)


def ladder_terms(
    text: str, parameters: Mapping[str, Any] | None = None, modes: int | None = None
) -> Terms:
    """The normally ordered products of an operator written as text, Hermitian or not.

    `Σ c Π_i â_i†^{m_i} Π_i â_i^{n_i}` as `{(m₁…m_N, n₁…n_N): c}`; the text is that of `operator`.

    Args:
        text: The operator.
        parameters: One number for each name in the text.
        modes: N, the highest number in the text by default.

    Raises:
        InputError: As `operator`, except that the operator need not be Hermitian; and if the text
            names more modes.
    """
    return _read("text", text, parameters, modes)


def _read(name: str, text: str, parameters, modes: int | None) -> Terms:
    """The products of a text, which is the argument `name`."""
    formula = parsed(one_line(text))
    coefficients = formula.coefficients(_numbers(parameters or {}))
    rows = _padded(name, text, formula, formula.modes if modes is None else modes)
    return dict(zip(rows, listed(coefficients), strict=True))


def terms_of(operator, modes: int) -> Terms:
    """The normally ordered products of an operator of `modes` modes.

    Args:
        operator: Text, an `Operator`, a `Polynomial` (the anti-Wick symbol) or the products
            themselves; Hermitian or not.
        modes: N. A text with numbered modes may have fewer.

    Raises:
        InputError: If `operator` is none of these, or has other modes; or as `ladder_terms`.
    """
    require_whole(1, modes=modes)
    if isinstance(operator, str):
        return _read("operator", operator, None, modes)
    if isinstance(operator, Operator):
        return _read("operator", operator.text, operator.parameters, modes)
    terms = _terms(operator)
    own = len(next(iter(terms))) // 2
    if own == modes:
        return terms
    raise InputError(f"`operator` must have {modes} modes, but has {own}: {operator!r}.")


def _padded(name: str, text: str, formula: Formula, modes: int) -> list[Powers]:
    """The rows of a formula for so many modes.

    Raises:
        InputError: If it has more, or fewer without numbers.
    """
    require_whole(1, modes=modes)
    own = formula.modes
    if own == modes or (own < modes and formula.is_numbered):
        more = (0,) * (modes - own)
        return [row[:own] + more + row[own:] + more for row in formula.rows]
    remedy = "" if formula.is_numbered else ", or numbered operators, such as 'a1'"
    raise InputError(f"`{name}` must have {modes} modes{remedy}, but has {own}: {text!r}.")


def _terms(operator) -> Terms:
    """The products of a polynomial, or as they are given."""
    if isinstance(operator, Polynomial):
        return normal_terms(operator)
    if isinstance(operator, Mapping):
        require_rows("operator", tuple(operator))
        for value in operator.values():
            field("operator", value, ())
        return dict(operator)
    raise InputError(
        "`operator` must be text, such as 'a1', a polynomial symbol or normally ordered terms, "
        f"but is {operator!r}."
    )
