"""Equations of motion on phase space as operators on Fock–Bargmann coefficients."""

import dataclasses
import functools
import itertools
import math
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float

from ..errors import InputError, require
from ..phase_space.coordinates import PhaseSpace, contract_all
from ..phase_space.fokker_planck import FokkerPlanck
from ..phase_space.polynomial import Reader, generic, machine_epsilon, read
from .ladder import (
    Blocks,
    Factors,
    Gathered,
    Rows,
    Shifts,
    Word,
    by_shift,
    gathered,
    monomial_word,
    outside,
    sources,
    weights_of,
    words,
)

Phase = Float[Array, " phase"]
HIDDEN = (
    "`symbol` must have its constants as fields of an `AbstractSymbol`: beside those that it "
    "hides, some of its terms were lost in round-off."
)
Axes = tuple[int, ...]  # the a, b, … of `∂_{w_a}∂_{w_b}…`, a ≤ b ≤ …, w = (β, β*)


@runtime_checkable
class Flow(Protocol):
    """`∂ρ/∂t = Σ_k Σ_ab… ∂_a∂_b… (G_ab…⁽ᵏ⁾ ρ)`, k = 1 … `order`, in the coordinates ξ = (q, p)."""

    @property
    def order(self) -> int:
        """The highest number of derivatives."""
        ...

    def tensor(self, k: int, xi: Phase) -> Float[Array, "..."]:
        """G⁽ᵏ⁾ at one point, symmetric, with k axes of 2N."""
        ...


@runtime_checkable
class Basis(Protocol):
    """Number states of N modes, cut off."""

    @property
    def modes(self) -> int:
        """N."""
        ...

    @property
    def space(self) -> PhaseSpace:
        """The scales of `β = (q/ℓ + iℓp/κ)/√2`."""
        ...

    @property
    def kept(self) -> Bool[np.ndarray, "*levels"]:
        """Which coefficients of a density there are."""
        ...

    @property
    def kept_kets(self) -> Bool[np.ndarray, "*cutoff"]:
        """Which amplitudes of a ket there are."""
        ...


class Picture(NamedTuple):
    """An equation of motion as a sum of terms: polynomials in β, β* behind derivatives."""

    kept: Callable[[Basis], Bool[np.ndarray, "*levels"]]  # coefficients of a state
    terms: Callable[[int, Any], list[Axes]]  # of the number of modes and the law
    components: Callable  # (basis, law, points β) → the polynomials' values, (points, terms)
    words: Callable[[Axes, np.ndarray], dict[Word, int]]  # ladder words of a term's monomial


@dataclasses.dataclass(frozen=True, eq=False)
class Pattern:
    """The static part of a generator: its shifts and the ladder words that they consist of.

    It holds for all values of the parameters. For given values the weights are a linear map of
    the coefficients of the equation's polynomials.
    """

    picture: Picture
    reader: Reader
    used: tuple[np.ndarray, ...]  # monomial and term of each coefficient that occurs
    factors: Factors  # of each shift, of each of its words, on the used coefficients
    kept: Bool[np.ndarray, "*levels"]
    blocks: Blocks  # the index sets that the shifts connect

    @property
    def shifts(self) -> tuple[tuple[int, ...], ...]:
        """s of `(Lρ)_k = Σ_s c_s(k) ρ_{k−s}`."""
        return self.blocks.shifts

    def operator(self, basis: Basis, law) -> Shifts | Gathered:
        """The generator at the values of `law`."""
        weights = self._weights(basis, law, self.kept)
        if not self.kept.all():
            return gathered(self.shifts, weights, self.kept)
        return Shifts(self.shifts, weights.reshape(-1, *self.kept.shape))

    def leak(self, basis: Basis, law) -> Rows:
        """The part of the generator that leads from the kept coefficients, packed, out of them."""
        beyond = outside(self.shifts, self.kept)
        table = sources(self.shifts, self.kept, np.argwhere(beyond))
        return Rows(self._weights(basis, law, beyond), table)

    def _weights(self, basis: Basis, law, where: Bool[np.ndarray, "..."]):
        """The weights of all shifts that end `where`."""
        values = self.picture.components(basis, law, jnp.asarray(self.reader.beta))
        coefficients = self.reader.coefficients(values)
        missing = jax.lax.stop_gradient(values - self._rebuilt(coefficients))
        most = machine_epsilon(values.dtype) ** 0.5 * jnp.max(jnp.abs(values))
        coefficients = require(coefficients, jnp.max(jnp.abs(missing)) <= most, HIDDEN)
        return jnp.stack(weights_of(self.factors, coefficients[self.used], where))

    def _rebuilt(self, coefficients):
        """The values of the polynomials without the terms that the pattern has not found."""
        is_used = np.zeros(coefficients.shape, bool)
        is_used[self.used] = True
        return self.reader.monomials @ jnp.where(is_used, coefficients, 0.0)


def pattern(picture: Picture, basis: Basis, law) -> Pattern:
    """The pattern of `law` in one of the pictures, `DENSITY` or `KET`.

    Found once for all values of the parameters, at arbitrary ones (`generic`); this takes longer
    than most runs.

    Args:
        picture: `DENSITY`, of a `Flow`, or `KET`, of an anti-Wick symbol.
        basis: Coefficients that the generator acts on.
        law: The flow or the symbol.

    Raises:
        InputError: If `law` is not polynomial in (q, p), or its degree needs more levels.
    """
    leaves, structure = jax.tree.flatten(generic((basis, law)))
    return _pattern(picture, structure, tuple(map(_frozen, leaves)), machine_epsilon())


class _Numbers(NamedTuple):
    """An array that can be compared and hashed."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes


def _frozen(leaf):
    if not eqx.is_array(leaf) and not isinstance(leaf, np.ndarray):
        return leaf
    leaf = np.asarray(leaf)
    return _Numbers(leaf.dtype.str, leaf.shape, leaf.tobytes())


def _thawed(leaf):
    if not isinstance(leaf, _Numbers):
        return leaf
    return np.frombuffer(leaf.data, leaf.dtype).reshape(leaf.shape)


@functools.lru_cache(maxsize=16)
def _pattern(picture: Picture, structure, leaves: tuple, epsilon: float) -> Pattern:
    basis, law = jax.tree.unflatten(structure, map(_thawed, leaves))
    terms, kept = picture.terms(basis.modes, law), picture.kept(basis)
    traceable = lambda leaf: jnp.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf
    evaluate = lambda beta: picture.components(*jax.tree.map(traceable, (basis, law)), beta)
    reader, coefficients = read(evaluate, basis.modes, [len(axes) for axes in terms])
    used = np.nonzero(coefficients)
    monomials = zip(*used, strict=True)
    factors = by_shift(
        [picture.words(terms[k], reader.exponents[m]) for m, k in monomials], kept.ndim
    )
    _check_reach(factors, kept.shape)
    factors, live = _without_cancelled(factors, coefficients[used], kept, epsilon**0.7)
    return Pattern(picture, reader, used, factors, kept, Blocks.of(tuple(factors), kept, live))


def _check_reach(factors: Factors, levels: tuple[int, ...]):
    reach = np.abs(np.array(list(factors))).max(axis=0)
    if (reach >= np.array(levels)).any():
        raise InputError(
            f"`cutoff` must exceed the {reach.max()} levels that the symbol connects, but is "
            f"{levels}: keep more levels."
        )


def _without_cancelled(factors: Factors, coefficients, kept, tolerance: float):
    """The shifts whose terms do not cancel, as those of second order do at C = 1, and where."""
    weights = np.abs(weights_of(factors, coefficients, kept))
    absolute = {shift: {w: np.abs(x) for w, x in of.items()} for shift, of in factors.items()}
    live = weights > tolerance * np.stack(weights_of(absolute, np.abs(coefficients), kept))
    stays = [not any(shift) or row.any() for shift, row in zip(factors, live, strict=True)]
    left = itertools.compress(factors.items(), stays)
    return {shift: dict(of) for shift, of in left}, live[np.array(stays)]


def derivatives(modes: int, order: int) -> list[Axes]:
    """The derivatives `∂_{w_a}∂_{w_b}…`, a ≤ b ≤ …, up to `order`."""
    axes = range(2 * modes)
    alike = (itertools.combinations_with_replacement(axes, k) for k in range(1, order + 1))
    return list(itertools.chain(*alike))


def _repeats(axes: Axes) -> int:
    """How often a derivative occurs in the sum over all a, b, …."""
    same = math.prod(math.factorial(n) for n in Counter(axes).values())
    return math.factorial(len(axes)) // same


def components(basis: Basis, flow: Flow, beta) -> Complex[Array, "points terms"]:
    """What `derivatives` act on, at each β: the G⁽ᵏ⁾ in coordinates (β, β*)."""
    space, terms = basis.space, derivatives(basis.modes, flow.order)
    change = space.amplitude_map

    def of_order(k: int, xi: Phase) -> Complex[Array, " terms"]:
        alike = [axes for axes in terms if len(axes) == k]
        tensor = contract_all(flow.tensor(k, xi), change.T)
        repeats = jnp.array([_repeats(axes) for axes in alike])
        return repeats * tensor[tuple(np.array(alike).T)]

    def at(xi: Phase):
        return jnp.concatenate([of_order(k, xi) for k in range(1, flow.order + 1)])

    return jax.vmap(at)(space.point(beta))


def _schroedinger(basis: Basis, symbol: Callable, beta) -> Complex[Array, "points terms"]:
    """`−iH/κ` at each β."""
    space = basis.space
    values = jax.vmap(FokkerPlanck(symbol).hamiltonian)(space.point(beta))
    return -1j * values[:, None] / space.kappa


DENSITY = Picture(
    kept=lambda basis: basis.kept,
    terms=lambda modes, flow: derivatives(modes, flow.order),
    components=components,
    words=words,
)
KET = Picture(
    kept=lambda basis: basis.kept_kets,
    terms=lambda modes, symbol: [()],
    components=_schroedinger,
    words=lambda axes, exponent: {monomial_word(exponent): 1},
)
