"""Equations of motion on phase space as operators on Fock–Bargmann coefficients."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex

from ..errors import InputError
from ..phase_space.coordinates import PhaseSpace
from ..phase_space.driven import frozen, separated
from ..phase_space.polynomial import generic, machine_epsilon
from ..phase_space.symbols import depends_on_time, require_static
from .blocks import Blocks, unpacked
from .ladder import (
    Factors,
    Gathered,
    Rows,
    Shifts,
    Slabs,
    Windows,
    box,
    boxes_outside,
    by_shift,
    edge,
    outside,
    sources,
    weights_of,
)
from .separation import enough, is_live, is_sum, side_of
from .sources import Found, Source, of_density, of_ket


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
    """A kind of equation of motion, of densities or of kets."""

    kept: Callable[[Basis], Bool[np.ndarray, "*levels"]]  # coefficients of a state
    sources: Callable[[PhaseSpace, Any], Found]  # of a law that does not depend on time
    parts: Callable  # law → the law without drives, pairs (envelope, law)
    depends_on_time: Callable[[Any], bool]
    at: Callable  # (law, t) → the law at that time


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
    arbitrary: np.ndarray  # coefficients of all sources at arbitrary values

    @functools.cached_property
    def shifts(self) -> tuple[tuple[int, ...], ...]:
        """s of `(Lρ)_k = Σ_s c_s(k) ρ_{k−s}`."""
        return tuple(self.factors)

    @functools.cached_property
    def edge(self) -> Bool[np.ndarray, "*levels"]:
        """The coefficients from which a shift leads to one that is not kept."""
        return edge(self.kept, self.shifts)

    @functools.cached_property
    def blocks(self) -> Blocks:
        """The index sets that the shifts connect."""
        return Blocks.of(self.shifts, self.kept, self._live)

    @functools.cached_property
    def halved(self) -> Blocks:
        """Those of a density without the ones that are adjoint to others; those of a ket."""
        mirrored = self.picture is DENSITY
        return Blocks.of(self.shifts, self.kept, self._live, mirrored=mirrored)

    @functools.cached_property
    def _live(self) -> Bool[np.ndarray, "shifts size"]:
        return is_live(self.factors, self.arbitrary, self.kept)

    @functools.cached_property
    def side(self) -> "Pattern | None":
        """That of A, where the equation is `∂ρ/∂t = Aρ + ρA†`, as that of a closed system."""
        side = side_of(self.factors) if self.picture is DENSITY else None
        if side is None:
            return None
        kets = self.kept[..., *[0] * (self.kept.ndim // 2)]
        where = enough(self.factors, self.kept)
        if not is_sum(self.factors, side, self.arbitrary, where):
            return None
        return dataclasses.replace(self, picture=KET, factors=side, kept=kets)

    @property
    def is_zero(self) -> bool:
        """Whether nothing moves."""
        return not any(source.columns for of in self.sources for source in of)

    @functools.cached_property
    def beyond(self) -> Bool[np.ndarray, "*more"]:
        """The coefficients outside to which the shifts lead."""
        return outside(self.shifts, self.kept)

    @functools.cached_property
    def _around(self) -> list:
        """The boxes outside, and the shifts that lead there; none unless all are kept."""
        return boxes_outside(self.shifts, self.kept.shape) if self.kept.all() else []

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

    def leak(self, weights: Complex[Array, " weights"]) -> Callable:
        """What leads from the kept coefficients out of them, with weights from `leaks_of`."""
        if not self.kept.all():
            weights = weights.reshape(len(self.shifts), -1)
            rows = Rows(weights.T, sources(self.shifts, self.kept, np.argwhere(self.beyond)).T)
            places = np.flatnonzero(self.kept)
            return lambda rho: rows(rho.ravel()[places])
        parts = []
        for shifts, ranges in self._around:
            shape = len(shifts), *(stop - start for start, stop in ranges)
            here, weights = jnp.split(weights, [math.prod(shape)])
            parts.append(Windows(shifts, ranges, tuple(here.reshape(shape))))
        return Slabs(tuple(parts))

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
            return _Weights(self, coefficients, leaks)
        of = self.leaks_of if leaks else self.weights_of
        return Series(jnp.stack([of(part) for part in coefficients.parts]), coefficients.envelopes)

    def weights_of(self, coefficients: Complex[Array, " columns"]) -> Complex[Array, "shifts size"]:
        """The weights of all shifts."""
        where = box(self.kept.shape) if self.kept.all() else self.kept
        return weights_of(self.factors, coefficients, where).reshape(len(self.shifts), -1)

    def leaks_of(self, coefficients: Complex[Array, " columns"]) -> Complex[Array, " weights"]:
        """Those of all shifts that end outside."""
        if not self.kept.all():
            return weights_of(self.factors, coefficients, self.beyond).ravel()
        found = [jnp.zeros(0, coefficients.dtype)]
        for shifts, ranges in self._around:
            factors = {shift: self.factors[shift] for shift in shifts}
            found.append(weights_of(factors, coefficients, ranges).ravel())
        return jnp.concatenate(found)

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

    pattern: Pattern = eqx.field(static=True)
    coefficients: Recomputed
    leaks: bool = eqx.field(static=True)

    def __call__(self, t) -> Complex[Array, "..."]:
        of = self.pattern.leaks_of if self.leaks else self.pattern.weights_of
        return of(self.coefficients(t))


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


@functools.lru_cache(maxsize=64)
def _sources(picture: Picture, structure, leaves: tuple, epsilon: float) -> tuple[Found, ...]:
    """Those of several laws, for any number of levels."""
    space, laws = jax.tree.unflatten(structure, map(_thawed, leaves))
    return tuple(picture.sources(space, law) for law in laws)


@functools.lru_cache(maxsize=16)
def _pattern(
    picture: Picture, found: tuple[Found, ...], levels: tuple[int, ...], kept_bits: bytes
) -> Pattern:
    kept = unpacked(kept_bits, levels)
    columns = [column for of in found for source in of.sources for column in source.columns]
    factors = by_shift(columns, kept.ndim)
    _check_reach(factors, kept.shape)
    values = np.concatenate([of.coefficients for of in found])
    live = np.any(is_live(factors, values, enough(factors, kept)), axis=1)
    used = {
        shift: dict(of)
        for (shift, of), lives in zip(factors.items(), live.tolist(), strict=True)
        if lives or not any(shift)
    }
    return Pattern(picture, tuple(of.sources for of in found), used, kept, values)


def _check_reach(factors: Factors, levels: tuple[int, ...]):
    reach = np.abs(np.array(list(factors))).max(axis=0)
    if (reach >= np.array(levels)).any():
        raise InputError(
            f"`cutoff` must exceed the {reach.max()} levels that the symbol connects, but is "
            f"{levels}: keep more levels."
        )


DENSITY = Picture(
    kept=lambda basis: basis.kept,
    sources=of_density,
    parts=lambda law: getattr(law, "parts", (law, ())),
    depends_on_time=lambda law: getattr(law, "depends_on_time", False),
    at=lambda law, t: law.at(t),
)
KET = Picture(
    kept=lambda basis: basis.kept_kets,
    sources=of_ket,
    parts=separated,
    depends_on_time=depends_on_time,
    at=frozen,
)
