"""Units at the boundary: numbers with units become numbers in the time unit of the data."""

import functools
import math
from typing import Any

from ..errors import InputError

FREQUENCIES = "`'2*pi*5 MHz'` or `'3/us'`"


def require_time_unit(name: str, text: str) -> str:
    """`text`, if it is a unit of time.

    Raises:
        InputError: If it is not, or pint is not installed.
    """
    if _parsed(name, text).dimensionality != _registry().second.dimensionality:
        raise InputError(f"`{name}` must be a unit of time, such as 'us', but is {text!r}.")
    return text


def in_units_of(name: str, value, time_unit: str, kappa: float = 1.0):
    """A number from text with a unit; other values stay what they are.

    A frequency becomes an angular one, `2*pi*5 MHz` is 31.4/us, and a time a number of units.

    Args:
        name: What the number is, for errors.
        value: Text such as `"2*pi*5 MHz"`, "3/us", "10 ns" or "0.5"; or numbers.
        time_unit: Of the data.
        kappa: κ of the data, which must be 1 for parameters with units.

    Raises:
        InputError: If the text has no such meaning, or the data have no unit of time.
    """
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        quantity = _parsed(name, value)
    if quantity.dimensionless:
        return float(quantity.to("").magnitude)
    if not time_unit:
        raise InputError(
            f"`{name}` is {value!r}, but the data have no unit of time: give `time_unit`."
        )
    if kappa != 1:
        raise InputError(f"`{name}` can have units only for kappa = 1, but kappa is {kappa:g}.")
    unit = _registry()(time_unit)
    for target in (1 / unit, unit):
        if quantity.dimensionality == target.dimensionality:
            return float((quantity / target).to("").magnitude)
    raise InputError(
        f"`{name}` must be a frequency such as {FREQUENCIES}, a time or a number, but is {value!r}."
    )


def as_frequency(value: float, time_unit: str) -> tuple[float, str]:
    """`value/2π` in a unit of frequency, that of 1/`time_unit`."""
    unit = (1 / _registry()(time_unit)).to("Hz").to_compact()
    return value / (2 * math.pi) * unit.magnitude, f"{unit.units:~}"


def _parsed(name: str, text: str) -> Any:
    registry = _registry()
    try:
        found = registry.Quantity(text)
    except Exception as error:  # pint raises several kinds for unknown names and syntax
        raise InputError(
            f"`{name}` must be a number with a unit, such as {FREQUENCIES}, but is {text!r} "
            f"({error})."
        ) from None
    if any(str(unit) == "radian" for unit in found.units._units):
        found = found / registry.radian
    return found


@functools.cache
def _registry() -> Any:
    try:
        import pint
    except ImportError:
        raise InputError("units need pint: pip install 'dqmjax[data]'.") from None
    return pint.UnitRegistry()
