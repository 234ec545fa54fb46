"""Which terms of a generator cancel, and whether it is `ρ → Aρ + ρA†`.

Both are found at arbitrary values of the parameters, from the weights at a few indices: a weight is
√ of some levels times a polynomial in all of them.
"""

import math

import numpy as np
from jaxtyping import Bool, Float

from ..phase_space.polynomial import machine_epsilon
from .ladder import Factors, Word, box, weight_of, weights_of


def is_live(factors: Factors, coefficients, where) -> Bool[np.ndarray, "shifts size"]:
    """Where the terms of a shift do not cancel, as those of second order do at C = 1."""
    size = np.abs(weights_of(factors, coefficients, where))
    return np.asarray(size > _roundoff(factors, coefficients, where))


def _roundoff(factors: Factors, coefficients, where) -> Float[np.ndarray, "shifts size"]:
    absolute = {shift: {w: np.abs(x) for w, x in of.items()} for shift, of in factors.items()}
    return machine_epsilon() ** 0.7 * weights_of(absolute, np.abs(coefficients), where)


def enough(factors: Factors, kept: Bool[np.ndarray, "*levels"]) -> Bool[np.ndarray, "*levels"]:
    """Kept coefficients at which weights vanish only if they vanish everywhere.

    A weight is √ of some levels times a polynomial in all of them, of at most as many levels as
    letters.
    """
    words = [word for of in factors.values() for word in of]
    letters = np.array([[len(axis) for axis in word] for word in words]).max(axis=0)
    few = np.zeros_like(kept)
    few[tuple(slice(n + 1) for n in letters)] = True
    few &= kept
    return few


def side_of(factors: Factors) -> Factors | None:
    """The words of A, if these can be those of `Aρ + ρA†`, A on the first half of the axes.

    They are its words at the lowest level of the other half: an equation that keeps the trace has
    no diagonal element there.
    """
    side: Factors = {}
    for shift, of in factors.items():
        left, right = _halves(shift)
        if any(left) and any(right):
            return None
        if any(right):
            continue
        side[left] = words = {}
        for word, row in of.items():
            left_word, right_word = _halves(word)
            folded = row * _at_lowest(right_word)
            words[left_word] = words.get(left_word, 0.0) + folded
    return side


def _halves(whole: tuple) -> tuple[tuple, tuple]:
    return whole[: len(whole) // 2], whole[len(whole) // 2 :]


def _at_lowest(word: Word) -> float:
    return math.prod(float(weight_of(letters, 1)[0]) for letters in word)


def is_sum(factors: Factors, side: Factors, coefficients, where) -> bool:
    """Whether the weights are those of `Aρ + ρA†`, checked at some indices."""
    left, right = np.split(np.argwhere(where).T, 2)
    ends = box(tuple((left.max(axis=1) + 1).tolist()))
    of_side = dict(zip(side, weights_of(side, coefficients, ends), strict=True))
    none: tuple[int, ...] = (0,) * len(left)
    expected: dict[tuple[int, ...], np.ndarray] = {}
    expected[*none, *none] = of_side[none][tuple(left)] + of_side[none][tuple(right)].conj()
    for shift in side:
        if any(shift):
            expected[*shift, *none] = of_side[shift][tuple(left)]
            expected[*none, *shift] = of_side[shift][tuple(right)].conj()
    if expected.keys() != factors.keys():
        return False
    rest = weights_of(factors, coefficients, where) - np.stack([expected[s] for s in factors])
    return bool((np.abs(rest) <= _roundoff(factors, coefficients, where)).all())
