"""Phase-space Hamiltonians H(q, p), written for one point.

A quantum Hamiltonian enters the Husimi picture through its *anti-Wick* symbol: write all â left
of all â†, then replace â → α, ↠→ α*. For this order ⟨Ĥ⟩ = ∫ H Q.
"""

import abc
import inspect
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import InputError, finite, positive, real_field
from ..user_function import called_once
from .coordinates import PhaseSpace, for_modes

Modes = Float[Array, " modes"]
Scalar = Float[Array, ""]


class AbstractSymbol(eqx.Module):
    """A Hamiltonian on phase space, written for one point; derivatives are automatic.

    Symbols add and scale: `a + b`, `a - b`, `2.0 * a`, `-a`, where b may be any function of (q, p).

    Example:
        >>> class Quartic(dqm.AbstractSymbol):
        ...     strength: float
        ...     modes = 1
        ...     def __call__(self, q, p):
        ...         return p[0] ** 2 / 2 + self.strength * q[0] ** 4
        ...
        >>> float(Quartic(0.5)(jnp.ones(1), jnp.ones(1)))
        1.0
    """

    __array_ufunc__ = None  # or NumPy's arrays would multiply entry by entry

    @property
    @abc.abstractmethod
    def modes(self) -> int:
        """N, the number of modes."""

    @abc.abstractmethod
    def __call__(self, q: Modes, p: Modes) -> Scalar:
        """`H(q, p)` at one point, in units of energy."""

    def __add__(self, other: Any) -> "Sum":
        return Sum((self, other))

    def __radd__(self, other: Any) -> "Sum":
        return Sum((other, self))

    def __sub__(self, other: Any) -> "Sum":
        return Sum((self, Scaled(-1.0, other)))

    def __rsub__(self, other: Any) -> "Sum":
        return Sum((other, -self))

    def __mul__(self, factor: Any) -> "Scaled":
        return Scaled(factor, self)

    __rmul__ = __mul__

    def __neg__(self) -> "Scaled":
        return Scaled(-1.0, self)


class Sum(AbstractSymbol):
    """`H(q, p) = Σ_i H_i(q, p)`, the result of `+` and `-`.

    Args:
        terms: H_i, symbols or functions without t.

    Raises:
        InputError: If one is no such function, or they differ in their modes.
    """

    terms: tuple[Callable[[Array, Array], Scalar], ...]

    def __check_init__(self):
        for term in self.terms:
            require_symbol(term)
        modes = {getattr(term, "modes", None) for term in self.terms} - {None}
        if len(modes) > 1:
            raise InputError(
                f"`symbol` must have the modes of what it is added to, but there are {modes}: in "
                "the text of an operator name the last mode too, as in 'a1 + ad1 + 0*n2'."
            )

    @property
    def modes(self) -> Any:
        """N, if a term knows it."""
        known = (getattr(term, "modes", None) for term in self.terms)
        return next((n for n in known if n is not None), None)

    def __call__(self, q, p):
        q, p = at_modes(q, p, self.modes or max(1, np.size(q)))
        return sum((term(q, p) for term in self.terms), jnp.zeros(()))


class Scaled(AbstractSymbol):
    """`f H(q, p)`, the result of `*`.

    Args:
        factor: f, a real number.
        symbol: H, a symbol or function without t.
    """

    factor: Scalar | float = eqx.field(converter=partial(finite, "factor", shape=()))
    symbol: Callable[[Array, Array], Scalar]

    def __check_init__(self):
        require_symbol(self.symbol)

    @property
    def modes(self) -> Any:
        """N, if the symbol knows it."""
        return getattr(self.symbol, "modes", None)

    def __call__(self, q, p):
        q, p = at_modes(q, p, self.modes or max(1, np.size(q)))
        return self.factor * self.symbol(q, p)


class InUnits(AbstractSymbol):
    """A dimensionless symbol in physical coordinates, `H(q, p) = h(q/ℓ, ℓp/κ)`.

    Args:
        symbol: h(Q, P), any symbol or function.
        ell: ℓ, length per unit of Q, positive; one number or one per mode.
        kappa: κ, action, positive.

    Example:
        >>> symbol = dqm.InUnits(dqm.Oscillators((1.0,)), ell=2.0, kappa=0.5)
        >>> float(symbol(jnp.array([2.0]), jnp.array([0.25])))  # (1² + 1²)/2
        1.0
    """

    symbol: Callable[[Array, Array], Scalar]
    ell: Modes | Scalar | tuple[float, ...] | float = eqx.field(
        default=1.0, converter=for_modes(positive, "ell")
    )
    kappa: Scalar | float = eqx.field(default=1.0, converter=partial(positive, "kappa", shape=()))

    def __check_init__(self):
        require_symbol(self.symbol)
        require_same_modes(self.symbol, self.ell)

    @property
    def modes(self) -> int:
        """N, the entries of `ell` or that of `symbol`."""
        known = known_modes(self.symbol, self.ell)
        if known is None:
            raise AttributeError("A plain function has no `modes`: give `ell` one entry per mode.")
        return known

    def __call__(self, q, p):
        q, p = at_modes(q, p, known_modes(self.symbol, self.ell) or max(1, np.size(q)))
        scale = PhaseSpace.of(q.size, self.ell, self.kappa).scale
        return energy(self.symbol, jnp.concatenate([q, p]) / scale)


def at_modes(q, p, modes: int) -> tuple[Modes, Modes]:
    """A point as arrays, if it has as many modes as the symbol.

    Raises:
        InputError: If `q` or `p` has another shape, is complex, or is known and not finite.
    """
    for name, x in (("q", q), ("p", p)):
        if np.shape(x) != (modes,):
            raise InputError(
                f"`{name}` must have shape ({modes},), one entry per mode, but has {np.shape(x)}."
            )
    return real_field("q", q, (modes,)), real_field("p", p, (modes,))


def energy(symbol: Callable[[Array, Array], Scalar], xi: Float[Array, " phase"]) -> Scalar:
    """H at `ξ = (q, p)`.

    Raises:
        InputError: If `symbol` uses a coordinate that ξ does not have, or does not return one real
            number.
    """
    modes = np.size(xi) // 2
    require_scalar_function("symbol", symbol, np.ones(modes), np.ones(modes))
    return jnp.asarray(symbol(*jnp.split(xi, 2)))


def require_scalar_function(name: str, f, *point: np.ndarray):
    """Checks that a user's function of a point gives one real number.

    Raises:
        InputError: If not, or if it uses a coordinate that the point does not have.
    """
    value = called_once(name, f, *point)
    if value.shape or value.dtype.kind not in "iuf":
        raise InputError(
            f"`{name}` must return one real number, but returns {value.dtype} of shape "
            f"{value.shape}: sum over the modes or take the real part."
        )


def require_symbol(symbol):
    """Checks that `symbol` is a function of (q, p) without t.

    Raises:
        InputError: Naming `symbol`.
    """
    if depends_on_time(symbol):
        raise InputError(
            "`symbol` must be a function of (q, p) alone here, but has an argument t: take it at "
            "one time, such as `flow.at(t)`, or let `dqm.Driven` add the part that depends on time."
        )


def depends_on_time(symbol) -> bool:
    """Whether a symbol is a function H(q, p, t), not H(q, p).

    Raises:
        InputError: If it is neither.
    """
    return "t" in require_function("symbol", symbol, "q", "p", optional=("t",))


def require_static(moves: bool):
    """Checks that an equation does not depend on time.

    Raises:
        InputError: If it does.
    """
    if moves:
        raise InputError(
            "`flow` must not depend on time here, but its symbol does: take it at one time, "
            "`flow.at(t)`."
        )


def require_function(
    name: str, f, *arguments: str, optional: tuple[str, ...] = ()
) -> Collection[str]:
    """Checks that f is a function of the `arguments`; the names of those that it takes.

    Raises:
        InputError: Naming f, the argument `name`.
    """
    try:
        signature = inspect.signature(f)
    except ValueError:  # some built-in functions have no signature
        return ()
    except TypeError:
        raise _not_a_function(name, f, arguments) from None
    also = [argument for argument in optional if argument in signature.parameters]
    try:
        signature.bind(*arguments, **dict.fromkeys(also))
    except TypeError:
        raise _not_a_function(name, f, arguments) from None
    return signature.parameters


def _not_a_function(name: str, f, arguments: tuple[str, ...]) -> InputError:
    point = ", ".join(arguments)
    return InputError(f"`{name}` must be a function of ({point}), all modes in each, but is {f!r}.")


def require_same_modes(symbol, ell):
    """Checks that `ell` is one number, or has an entry for each mode of `symbol`.

    Raises:
        InputError: Naming `ell`.
    """
    declared, entries = getattr(symbol, "modes", None), _entries(ell)
    if None not in (declared, entries) and entries != declared:
        raise InputError(
            f"`ell` must have one entry for each of the {declared} modes of the symbol, or be "
            f"one number, but has {entries} entries."
        )


def known_modes(symbol, ell) -> int | None:
    """The entries of `ell`, else the modes of `symbol`; `None` if both are unknown."""
    return _entries(ell) or getattr(symbol, "modes", None)


def _entries(ell) -> int | None:
    """Of a list, also one of traced numbers; `None` of one number."""
    if isinstance(ell, tuple | list):
        return len(ell)
    return np.size(ell) if np.ndim(ell) else None
