"""Splitting schemes: sequences of kicks `e^{−ibV dt/ħ}` and drifts `e^{−iaT dt/ħ}`.

Every scheme is symmetric and begins with a kick: `b₁V a₁T b₂V a₂T … b₁V`. The coefficients below
are listed up to the middle. Runge–Kutta–Nyström schemes need a T that is quadratic in p.
"""

import dataclasses
import itertools
from typing import NamedTuple

from ..errors import InputError, require_instance


class Stage(NamedTuple):
    """A drift and the kick that follows it, as fractions of dt."""

    drift: float  # a
    kick: float  # b
    time: float  # Σa so far: V(x, t) is taken at t + time · dt


@dataclasses.dataclass(frozen=True, repr=False)
class Scheme:
    """A symmetric splitting scheme.

    Args:
        name: Its name.
        order: The global error is O(dt^order).
        kicks: Fractions b of dt for V, one more than drifts.
        drifts: Fractions a of dt for T.

    Raises:
        InputError: If the numbers of kicks and drifts do not match, or the fractions do not sum
            to 1 or are not symmetric.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> leapfrog = dqm.Scheme("leapfrog", order=2, kicks=(0.5, 0.5), drifts=(1.0,))
        >>> dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic()), grid, leapfrog).order
        2
    """

    name: str
    order: int
    kicks: tuple[float, ...]
    drifts: tuple[float, ...]

    def __post_init__(self):
        if len(self.kicks) != len(self.drifts) + 1:
            raise InputError(
                "`kicks` must have one entry more than `drifts`, since a step begins and ends "
                f"with a kick, but they have {len(self.kicks)} and {len(self.drifts)}."
            )
        for name, fractions in (("kicks", self.kicks), ("drifts", self.drifts)):
            if abs(sum(fractions) - 1) > 1e-12:
                raise InputError(
                    f"`{name}` must sum to 1, but {fractions} sum to {sum(fractions)}."
                )
            if fractions != fractions[::-1]:
                raise InputError(f"`{name}` must be symmetric, but are {fractions}.")

    def __repr__(self) -> str:
        names = [name for name, value in globals().items() if value is self]  # of this module
        return names[0] if names else f"Scheme({self.name!r}, order={self.order})"

    @property
    def merged_kicks(self) -> tuple[float, ...]:
        """The kick after each drift, the last one merged with the first of the next step."""
        return (*self.kicks[1:-1], self.kicks[-1] + self.kicks[0])

    @property
    def stages(self) -> list[Stage]:
        """One step with merged kicks."""
        times = itertools.accumulate(self.drifts)
        return [Stage(*s) for s in zip(self.drifts, self.merged_kicks, times, strict=True)]


def _mirror(half: tuple[float, ...], count: int) -> tuple[float, ...]:
    """The symmetric list of `count` fractions that begins with `half` and sums to 1."""
    rest = 1 - 2 * sum(half)
    middle = (rest,) if count % 2 else (rest / 2, rest / 2)
    return half + middle + half[::-1]


_CUBE = 1 / (2 - 2 ** (1 / 3))

strang = Scheme("Strang", 2, (0.5, 0.5), (1.0,))
yoshida4 = Scheme(  # Yoshida (1990), doi:10.1016/0375-9601(90)90092-3
    "Yoshida 4",
    4,
    (_CUBE / 2, (1 - _CUBE) / 2, (1 - _CUBE) / 2, _CUBE / 2),
    (_CUBE, 1 - 2 * _CUBE, _CUBE),
)
# Blanes & Moan (2002), doi:10.1016/S0377-0427(01)00492-7
blanes_moan4 = Scheme(
    "Blanes–Moan 4",
    4,
    _mirror((0.0792036964311957, 0.353172906049774, -0.0420650803577195), 7),
    _mirror((0.209515106613362, -0.143851773179818), 6),
)
blanes_moan6 = Scheme(
    "Blanes–Moan 6",
    6,
    _mirror(
        (
            0.0502627644003922,
            0.413514300428344,
            0.0450798897943977,
            -0.188054853819569,
            0.541960678450780,
        ),
        11,
    ),
    _mirror((0.148816447901042, -0.132385865767784, 0.067307604692185, 0.432666402578175), 10),
)
nystrom4 = Scheme(
    "Blanes–Moan Runge–Kutta–Nyström 4",
    4,
    _mirror((0.0829844064174052, 0.396309801498368, -0.0390563049223486), 7),
    _mirror((0.245298957184271, 0.604872665711080), 6),
)
nystrom6 = Scheme(
    "Blanes–Moan Runge–Kutta–Nyström 6",
    6,
    _mirror(
        (
            0.0414649985182624,
            0.198128671918067,
            -0.0400061921041533,
            0.0752539843015807,
            -0.0115113874206879,
        ),
        12,
    ),
    _mirror(
        (
            0.123229775946271,
            0.290553797799558,
            -0.127049212625417,
            -0.246331761062075,
            0.357208872795928,
        ),
        11,
    ),
)


def as_scheme(value) -> Scheme:
    """A `scheme`, checked before equinox warns of arrays among constants."""
    require_instance(Scheme, scheme=value)
    return value
