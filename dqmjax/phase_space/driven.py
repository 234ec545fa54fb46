"""Hamiltonians that depend on time, `H(q, p, t) = H_0(q, p) + Σ_k f_k(t) H_k(q, p)`."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import InputError, finite, require
from .symbols import (
    AbstractSymbol,
    Scalar,
    Scaled,
    Sum,
    depends_on_time,
    require_function,
    require_scalar_function,
    require_symbol,
)

Time = Float[Array, ""] | float
Envelope = Callable[[Time], Scalar]
Drive = tuple[Envelope, Callable]  # f_k(t) and a symbol H_k(q, p)


class Driven(AbstractSymbol):
    """`H(q, p, t) = H_0(q, p) + Σ_k f_k(t) H_k(q, p)`.

    The generator of each H_k is found once for all times. Any other `H(q, p, t)`, written as a
    function with an argument t, works too, but its generator is computed again in every step.

    Args:
        base: H_0, a symbol without t.
        drives: Pairs (f_k, H_k). f_k(t) is a real function of time, such as `dqm.Pulse`,
            `dqm.Interpolated` or your own; its parameters are leaves if it is an `eqx.Module`. H_k
            is a symbol without t.

    Raises:
        InputError: If a symbol has an argument t, an envelope is no function of t with one real
            value, or the symbols differ in their modes.

    Example:
        >>> drive = dqm.operator("a + ad")
        >>> driven = dqm.Driven(dqm.Oscillators((1.0,)), (lambda t: jnp.cos(t), drive))
        >>> q, p = jnp.array([2.0]), jnp.zeros(1)
        >>> round(float(driven(q, p, np.pi)), 3)  # |α|² + √2 q cos t
        -0.828
    """

    base: Callable
    drives: tuple[Drive, ...]

    def __init__(self, base, *drives):
        self.base, self.drives = base, drives

    def __check_init__(self):
        require_symbol(self.base)
        for drive in self.drives:
            if not isinstance(drive, tuple | list) or len(drive) != 2:
                raise InputError(
                    f"`drives` must be pairs (envelope, symbol), but one is {drive!r}."
                )
            require_function("envelope", drive[0], "t")
            require_scalar_function("envelope", drive[0], np.ones(()))
            require_symbol(drive[1])
        known = [getattr(symbol, "modes", None) for symbol in self._symbols]
        if len(set(known) - {None}) > 1:
            raise InputError(
                f"`drives` must have the modes of `base`, but there are symbols of {known} modes: "
                "give an `operator` its number of modes, such as `operator('a1 + ad1', 2)`."
            )

    @property
    def _symbols(self) -> tuple[Callable, ...]:
        return (self.base, *(symbol for _, symbol in self.drives))

    @property
    def modes(self) -> Any:
        """N, as far as the symbols know it."""
        known = (getattr(symbol, "modes", None) for symbol in self._symbols)
        return next((n for n in known if n is not None), None)

    def __call__(self, q, p, t):  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.at(t)(q, p)

    def at(self, t: Time) -> Sum:
        """`H(q, p)` at time t, with the numbers f_k(t) as parameters.

        Raises:
            InputError: If t is not one finite number, or an envelope is not finite there.
        """
        t = finite("t", t, shape=())
        return Sum((self.base, *(Scaled(_value(f, t), symbol) for f, symbol in self.drives)))


class Frozen(AbstractSymbol):
    """`H(q, p) = H(q, p, t)` at one time t.

    Args:
        symbol: H(q, p, t).
        t: The time.
    """

    symbol: Callable
    t: Time

    @property
    def modes(self) -> Any:
        """N, if the symbol knows it."""
        return getattr(self.symbol, "modes", None)

    def __call__(self, q, p):
        return self.symbol(q, p, self.t)


def frozen(symbol: Callable, t: Time) -> Callable:
    """`symbol` at time t; itself if it does not depend on time.

    Raises:
        InputError: If t is not one finite number, or an envelope is not finite there.
    """
    t = finite("t", t, shape=())
    if isinstance(symbol, Driven):
        return symbol.at(t)
    return Frozen(symbol, t) if depends_on_time(symbol) else symbol


def _value(envelope: Envelope, t: Time) -> Scalar:
    """f(t), as it is or NaN if it is traced.

    Raises:
        InputError: If it is known and not finite.
    """
    value = jnp.asarray(envelope(t))
    message = f"`t` must be a time at which all envelopes are finite, but is {t}: {envelope!r}."
    return require(value, jnp.isfinite(value), message)


def separated(symbol: Callable) -> tuple[Callable, tuple[Drive, ...]]:
    """The part of a symbol that its drives leave, and the drives."""
    return (symbol.base, symbol.drives) if isinstance(symbol, Driven) else (symbol, ())
