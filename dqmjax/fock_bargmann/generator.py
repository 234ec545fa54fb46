"""Equations of motion on phase space as operators on Fock–Bargmann coefficients."""

import dataclasses
import functools
import itertools
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float

from ..errors import InputError, require
from ..phase_space.coordinates import PhaseSpace, contract_all
from ..phase_space.driven import frozen, separated
from ..phase_space.fokker_planck import Flow, FokkerPlanck
from ..phase_space.open_system import Dissipative, undissipated
from ..phase_space.polynomial import Reader, generic, machine_epsilon, read
from ..phase_space.symbols import depends_on_time, require_static
from .ladder import (
    Blocks,
    Factors,
    Gathered,
    Rows,
    Shifts,
    Word,
    by_shift,
    jump_words,
    monomial_word,
    outside,
    sources,
    unpacked,
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
    components: Callable  # (space, law, points β) → the polynomials' values, (points, terms)
    words: Callable[[Axes, np.ndarray], dict[Word, int]]  # ladder words of a term's monomial
    parts: Callable  # law → the law without drives, pairs (envelope, law)
    depends_on_time: Callable[[Any], bool]
    at: Callable  # (law, t) → the law at that time


@runtime_checkable
class Source(Protocol):
    """A part of a generator, `Σ_i c_i L_i`."""

    @property
    def columns(self) -> Sequence[Mapping[Word, float | int]]:
        """Each L_i as a sum of ladder words."""
        ...

    def coefficients(self, space: PhaseSpace, law) -> Complex[Array, " columns"]:
        """The c_i at the values of `law`."""
        ...


@dataclasses.dataclass(frozen=True, eq=False)
class Polynomials:
    """The terms of a flow or of a symbol, whose coefficients are read from its values."""

    picture: Picture
    reader: Reader
    used: tuple[np.ndarray, ...]  # monomial and term of each coefficient that occurs
    columns: Sequence[Mapping[Word, float | int]]

    def coefficients(self, space: PhaseSpace, law) -> Complex[Array, " columns"]:
        """They are NaN if `law` has terms that were not there when the pattern was found."""
        values = self.picture.components(space, undissipated(law), jnp.asarray(self.reader.beta))
        coefficients = self.reader.coefficients(values)
        missing = jax.lax.stop_gradient(values - self._rebuilt(coefficients))
        most = machine_epsilon(values.dtype) ** 0.5 * jnp.max(jnp.abs(values))
        coefficients = require(coefficients, jnp.max(jnp.abs(missing)) <= most, HIDDEN)
        return jnp.asarray(coefficients)[self.used]

    def _rebuilt(self, coefficients):
        """The values of the polynomials without the terms that the pattern has not found."""
        is_used = np.zeros(coefficients.shape, bool)
        is_used[self.used] = True
        return self.reader.monomials @ jnp.where(is_used, coefficients, 0.0)


@dataclasses.dataclass(frozen=True, eq=False)
class Jumps:
    """The dissipators `γ(ĴρĴ† − ½Ĵ†Ĵρ − ½ρĴ†Ĵ)` of an open system, `Ĵ = Σ_r j_r W_r`."""

    used: np.ndarray  # which products of two terms occur
    columns: Sequence[Mapping[Word, float | int]]

    @classmethod
    def of(cls, space: PhaseSpace, law: Dissipative) -> "tuple[Jumps, np.ndarray]":
        """Those that do not vanish at the values of `law`, with their coefficients."""
        with jax.ensure_compile_time_eval():
            rows = [tuple(terms) for _, terms in law.dissipators(space)]
            values = np.asarray(_products(space, law))
        pairs = [pair for of in rows for pair in itertools.product(of, repeat=2)]
        used = np.flatnonzero(np.abs(values) > machine_epsilon() ** 0.7 * np.abs(values).max())
        return cls(used, [jump_words(*pairs[i]) for i in used]), values[used]

    def coefficients(self, space: PhaseSpace, law: Dissipative) -> Complex[Array, " columns"]:
        """`γ j_r j_s*`."""
        return _products(space, law)[self.used]


def _products(space: PhaseSpace, law: Dissipative) -> Complex[Array, " pairs"]:
    """`γ j_r j_s*` of all jumps."""
    found = []
    for rate, terms in law.dissipators(space):
        j = jnp.stack([jnp.asarray(c) + 0j for c in terms.values()])
        found.append(rate * jnp.outer(j, j.conj()).ravel())
    return jnp.concatenate(found)


@dataclasses.dataclass(frozen=True, eq=False)
class Pattern:
    """The static part of a generator: its shifts and the ladder words that they consist of.

    It holds for all values of the parameters. For given values the weights are a linear map of
    the coefficients of its sources.
    """

    picture: Picture
    sources: tuple[tuple[Source, ...], ...]  # of the law without drives, and of each drive
    factors: Factors  # of each shift, of each of its words, on the coefficients of all sources
    kept: Bool[np.ndarray, "*levels"]
    blocks: Blocks  # the index sets that the shifts connect

    @property
    def shifts(self) -> tuple[tuple[int, ...], ...]:
        """s of `(Lρ)_k = Σ_s c_s(k) ρ_{k−s}`."""
        return self.blocks.shifts

    @property
    def is_zero(self) -> bool:
        """Whether nothing moves."""
        return not any(source.columns for of in self.sources for source in of)

    @functools.cached_property
    def beyond(self) -> Bool[np.ndarray, "*more"]:
        """The coefficients outside to which the shifts lead."""
        return outside(self.shifts, self.kept)

    def operator(self, basis: Basis, law) -> Shifts | Gathered:
        """The generator at the values of `law`.

        Raises:
            InputError: If `law` depends on time.
        """
        require_static(self.picture.depends_on_time(law))
        return self.with_weights(self.weights_of(self.coefficients(basis, law)(0.0)))

    def with_weights(self, weights: Complex[Array, "shifts size"]) -> Shifts | Gathered:
        """The generator with given weights."""
        if not self.kept.all():
            places = np.flatnonzero(self.kept)
            return Gathered(self.shifts, self.kept.shape, weights, *self.blocks.incoming, places)
        return Shifts(self.shifts, weights.reshape(-1, *self.kept.shape))

    def leak(self, weights: Complex[Array, "shifts size"]) -> Rows:
        """The part of the generator that leads from the kept coefficients, packed, out of them."""
        return Rows(weights.T, sources(self.shifts, self.kept, np.argwhere(self.beyond)).T)

    def coefficients(self, basis: Basis, law) -> "Series | Recomputed":
        """The coefficients of all sources as a function of t."""
        static, drives = self.picture.parts(law)
        if self.picture.depends_on_time(static):
            return Recomputed(self, basis.space, static)
        laws = static, *(part for _, part in drives)
        return Series(self._coefficients(basis.space, laws), tuple(f for f, _ in drives))

    def weights(self, coefficients: "Series | Recomputed", *, leaks: bool = False) -> Callable:
        """The weights of all shifts as a function of t; of those that end outside if `leaks`."""
        if isinstance(coefficients, Recomputed):
            return _Weights(coefficients, leaks)
        parts = [self.weights_of(part, leaks) for part in coefficients.parts]
        return Series(jnp.stack(parts), coefficients.envelopes)

    def weights_of(
        self, coefficients: Complex[Array, " columns"], leaks: bool = False
    ) -> Complex[Array, "shifts size"]:
        """The weights of all shifts; of those that end outside if `leaks`."""
        where = self.beyond if leaks else self.kept
        return jnp.stack(weights_of(self.factors, coefficients, where))

    def _coefficients(self, space: PhaseSpace, laws: tuple) -> Complex[Array, "laws columns"]:
        """Of each law, zero for the columns of the others."""
        found = [
            [source.coefficients(space, law) for source in of]
            for of, law in zip(self.sources, laws, strict=True)
        ]
        sizes = [sum(c.size for c in of) for of in found]
        every = jnp.concatenate([c for of in found for c in of])
        owner = np.repeat(np.arange(len(sizes)), sizes)
        return jnp.where(owner == np.arange(len(sizes))[:, None], every, 0.0)


class Series(eqx.Module):
    """`x(t) = x_0 + Σ_k f_k(t) x_k`."""

    parts: Complex[Array, "laws ..."]
    envelopes: tuple[Callable, ...] = ()

    def __call__(self, t) -> Complex[Array, "..."]:
        total = self.parts[0]
        for envelope, part in zip(self.envelopes, self.parts[1:], strict=True):
            total = total + envelope(t) * part
        return total


class Recomputed(eqx.Module):
    """The coefficients of a law that depends on time in any way."""

    pattern: Pattern = eqx.field(static=True)
    space: PhaseSpace
    law: Any

    def __call__(self, t) -> Complex[Array, " columns"]:
        law = self.pattern.picture.at(self.law, t)
        return self.pattern._coefficients(self.space, (law,))[0]


class _Weights(eqx.Module):
    """The weights of such a law."""

    coefficients: Recomputed
    leaks: bool = eqx.field(static=True)

    def __call__(self, t) -> Complex[Array, "shifts size"]:
        return self.coefficients.pattern.weights_of(self.coefficients(t), self.leaks)


def pattern(picture: Picture, basis: Basis, law) -> Pattern:
    """The pattern of `law` in one of the pictures, `DENSITY` or `KET`.

    Found once for all values of the parameters and all times, at arbitrary ones (`generic`); this
    takes longer than most runs.

    Args:
        picture: `DENSITY`, of a `Flow` or an `Open` system, or `KET`, of an anti-Wick symbol.
        basis: Coefficients that the generator acts on.
        law: The flow or the symbol.

    Raises:
        InputError: If `law` is not polynomial in (q, p), or its degree needs more levels.
    """
    static, drives = picture.parts(law)
    if picture.depends_on_time(static):
        static = picture.at(static, jnp.ones(()))
    laws = (static, *(part for _, part in drives))
    arbitrary, laws = generic((basis, laws))
    leaves, structure = jax.tree.flatten((arbitrary.space, laws))
    found = _sources(picture, structure, tuple(map(_frozen, leaves)), machine_epsilon())
    kept = picture.kept(basis)
    return _pattern(picture, found, kept.shape, np.packbits(kept).tobytes())


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


@dataclasses.dataclass(frozen=True, eq=False)
class _Found:
    """The sources of one law, and their coefficients at arbitrary values."""

    sources: tuple[Source, ...]
    coefficients: np.ndarray


@functools.lru_cache(maxsize=64)
def _sources(picture: Picture, structure, leaves: tuple, epsilon: float) -> tuple[_Found, ...]:
    """Those of several laws, for any number of levels."""
    space, laws = jax.tree.unflatten(structure, map(_thawed, leaves))
    return tuple(_sources_of(picture, space, law) for law in laws)


def _sources_of(picture: Picture, space: PhaseSpace, law) -> _Found:
    """What the generator of a law that does not depend on time consists of."""
    flow = undissipated(law)
    terms = picture.terms(space.modes, flow)
    traceable = lambda leaf: jnp.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf
    evaluate = lambda beta: picture.components(*jax.tree.map(traceable, (space, flow)), beta)
    reader, coefficients = read(evaluate, space.modes, [len(axes) for axes in terms])
    used = np.nonzero(coefficients)
    columns = [picture.words(terms[k], reader.exponents[m]) for m, k in zip(*used, strict=True)]
    polynomials = Polynomials(picture, reader, used, columns)
    if not isinstance(law, Dissipative):
        return _Found((polynomials,), coefficients[used])
    jumps, products = Jumps.of(space, law)
    return _Found((polynomials, jumps), np.append(coefficients[used], products))


@functools.lru_cache(maxsize=16)
def _pattern(
    picture: Picture, found: tuple[_Found, ...], levels: tuple[int, ...], kept_bits: bytes
) -> Pattern:
    kept = unpacked(kept_bits, levels)
    columns = [column for of in found for source in of.sources for column in source.columns]
    factors = by_shift(columns, kept.ndim)
    _check_reach(factors, kept.shape)
    values = np.concatenate([of.coefficients for of in found])
    factors, live = _without_cancelled(factors, values, kept, machine_epsilon() ** 0.7)
    blocks = Blocks.of(tuple(factors), kept, live)
    return Pattern(picture, tuple(of.sources for of in found), factors, kept, blocks)


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


def components(space: PhaseSpace, flow: Flow, beta) -> Complex[Array, "points terms"]:
    """What `derivatives` act on, at each β: the G⁽ᵏ⁾ in coordinates (β, β*)."""
    terms, change = derivatives(space.modes, flow.order), space.amplitude_map

    def of_order(k: int, xi: Phase) -> Complex[Array, " terms"]:
        alike = [axes for axes in terms if len(axes) == k]
        tensor = contract_all(flow.tensor(k, xi), change.T)
        repeats = jnp.array([_repeats(axes) for axes in alike])
        return repeats * tensor[tuple(np.array(alike).T)]

    def at(xi: Phase):
        return jnp.concatenate([of_order(k, xi) for k in range(1, flow.order + 1)])

    return jax.vmap(at)(space.point(beta))


def _schroedinger(space: PhaseSpace, symbol: Callable, beta) -> Complex[Array, "points terms"]:
    """`−iH/κ` at each β."""
    values = jax.vmap(FokkerPlanck(symbol).hamiltonian)(space.point(beta))
    return -1j * values[:, None] / space.kappa


DENSITY = Picture(
    kept=lambda basis: basis.kept,
    terms=lambda modes, flow: derivatives(modes, flow.order),
    components=components,
    words=words,
    parts=lambda law: getattr(law, "parts", (law, ())),
    depends_on_time=lambda law: getattr(law, "depends_on_time", False),
    at=lambda law, t: law.at(t),
)
KET = Picture(
    kept=lambda basis: basis.kept_kets,
    terms=lambda modes, symbol: [()],
    components=_schroedinger,
    words=lambda axes, exponent: {monomial_word(exponent): 1},
    parts=separated,
    depends_on_time=depends_on_time,
    at=frozen,
)
