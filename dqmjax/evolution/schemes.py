"""Splitting schemes: how kicks by V and drifts by T alternate in one step.

Each is symmetric and begins with a kick: `b₁V a₁T b₂V a₂T … b₁V`. Coefficients are given up
to the middle. One of Runge–Kutta–Nyström type uses that T is quadratic in p.
"""

import dataclasses

from ..errors import InputError


@dataclasses.dataclass(frozen=True)
class Scheme:
    """A symmetric splitting scheme.

    Args:
        name: What it is called.
        order: Global error O(dt^order).
        kicks: Fractions b of dt for V, one more than drifts.
        drifts: Fractions a of dt for T.

    Raises:
        InputError: If the fractions do not alternate, do not add up to 1, or are not symmetric.
    """

    name: str
    order: int
    kicks: tuple[float, ...]
    drifts: tuple[float, ...]

    def __post_init__(self):
        if len(self.kicks) != len(self.drifts) + 1:
            raise InputError("`kicks` must be one more than `drifts`, since a kick comes first.")
        for name, fractions in (("kicks", self.kicks), ("drifts", self.drifts)):
            if abs(sum(fractions) - 1) > 1e-12:
                raise InputError(f"`{name}` must add up to 1, but make {sum(fractions)}.")
            if fractions != fractions[::-1]:
                raise InputError(f"`{name}` must be symmetric, but are {fractions}.")


def _mirror(half: tuple[float, ...], count: int) -> tuple[float, ...]:
    """The symmetric list of `count` that begins with `half`, completed to add up to 1."""
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
