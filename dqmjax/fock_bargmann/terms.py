"""Derivatives in w = (β, β*), and polynomials in β, β* that are read from their values."""

import dataclasses
import itertools
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex

from ..errors import require
from ..phase_space.coordinates import PhaseSpace
from ..phase_space.fokker_planck import FokkerPlanck
from ..phase_space.open_system import Damped
from ..phase_space.polynomial import Reader, machine_epsilon, read

HIDDEN = (
    "`symbol` must have its constants as fields of an `AbstractSymbol`: beside those that it "
    "hides, some of its terms were lost in round-off."
)
NOISE = 1e3  # round-off of a symbol, over ε and the size of the energies that cancel in it
Numbers = Any  # an array of NumPy or JAX
Axes = tuple[int, ...]  # the a, b, … of `∂_{w_a}∂_{w_b}…`, a ≤ b ≤ …


@dataclasses.dataclass(frozen=True, eq=False)
class Values:
    """Polynomials whose coefficients are read from their values."""

    evaluate: Callable  # (space, law, points β) → the polynomials' values, (points, terms)
    reader: Reader
    used: tuple[np.ndarray, ...]  # monomial and term of each coefficient that occurs

    @classmethod
    def of(cls, evaluate: Callable, space: PhaseSpace, law, orders: Sequence[int]):
        """Those that do not vanish at the values of `law`, with all their coefficients."""
        traceable = lambda leaf: jnp.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf
        at = lambda beta: evaluate(*jax.tree.map(traceable, (space, law)), beta)
        reader, coefficients = read(at, space.modes, orders)
        return cls(evaluate, reader, np.nonzero(coefficients)), coefficients

    def coefficients(self, space: PhaseSpace, law) -> Complex[Array, "monomials terms"]:
        """They are NaN if `law` has terms that were not there when the pattern was found."""
        values = self.evaluate(space, law, jnp.asarray(self.reader.beta))
        coefficients = self.reader.coefficients(values)
        missing = jax.lax.stop_gradient(values - self._rebuilt(coefficients))
        symbol = law.symbol if isinstance(law, FokkerPlanck | Damped) else law
        cancelled = getattr(symbol, "cancelled", 0.0)
        eps = machine_epsilon(values.dtype)
        most = eps**0.5 * jnp.max(jnp.abs(values)) + NOISE * eps * cancelled
        return jnp.asarray(require(coefficients, jnp.max(jnp.abs(missing)) <= most, HIDDEN))

    def _rebuilt(self, coefficients):
        """The values of the polynomials without the terms that the pattern has not found."""
        is_used = np.zeros(coefficients.shape, bool)
        is_used[self.used] = True
        return self.reader.monomials @ jnp.where(is_used, coefficients, 0.0)


def derivatives(modes: int, order: int) -> list[Axes]:
    """The derivatives `∂_{w_a}∂_{w_b}…`, a ≤ b ≤ …, up to `order`."""
    return list(itertools.chain(*(of_order(modes, k) for k in range(1, order + 1))))


def of_order(modes: int, k: int) -> list[Axes]:
    """Those of one order."""
    return list(itertools.combinations_with_replacement(range(2 * modes), k))


def repeats(axes: Axes) -> int:
    """How often a derivative occurs in the sum over all a, b, …."""
    same = math.prod(math.factorial(n) for n in Counter(axes).values())
    return math.factorial(len(axes)) // same
