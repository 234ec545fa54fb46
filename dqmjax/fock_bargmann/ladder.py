"""Linear equations of motion on Fock–Bargmann coefficients, as sums of weighted shifts.

`(Lρ)_k = Σ_s c_s(k) ρ_{k−s}`, k = (m₁…m_N, n₁…n_N). Products with β, β* and derivatives
∂_β, ∂_β* raise or lower one index of ρ_mn,

    βρ → ρ̂a,  β*ρ → a†ρ̂,  ∂_β ρ → ρ̂a† − a†ρ̂,  ∂_β* ρ → aρ̂ − ρ̂a,

so a polynomial in them is a sum of few shifts. The ladder words are multiplied in the infinite
space and cut off afterwards, so that cancellations there are exact.
"""

import functools
import itertools
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int

AT_ONCE = 32  # XLA stores the terms of longer sums on CPUs, instead of adding each at once
Word = tuple[str, ...]  # per index axis, "+" raises and "-" lowers, first letter first
Ranges = tuple[tuple[int, int], ...]  # first level and the one after the last, of each index axis
Factors = dict[tuple[int, ...], dict[Word, np.ndarray]]  # by shift and word, one a coefficient


def words(derivatives: tuple[int, ...], exponent: np.ndarray) -> dict[Word, int]:
    """`Π_a ∂_{w_a} Π_i w_i^{e_i}` as ladder words with integer factors.

    w = (β, β*); `derivatives` lists the a, `exponent` the e. Axis i of a word is m_i for
    i < N and n_{i−N} after.
    """
    modes = len(exponent) // 2
    left, right = range(modes), range(modes, 2 * modes)
    # β_i raises n_i (axis N+i) and β_i* raises m_i (axis i)
    start = ["+" * exponent[modes + i] for i in left] + ["+" * exponent[i] for i in left]
    total: dict[Word, int] = defaultdict(int)
    for choice in itertools.product((0, 1), repeat=len(derivatives)):
        word, sign = list(start), 1
        for a, second in zip(derivatives, choice, strict=True):
            m, n = left[a % modes], right[a % modes]
            lowered, raised = (n, m) if a < modes else (m, n)
            word[raised if second else lowered] += "+" if second else "-"
            sign *= -1 if second else 1
        total[tuple(word)] += sign
    return {word: factor for word, factor in total.items() if factor}


def monomial_word(exponent: np.ndarray) -> Word:
    """`Π_i β_i^{e_i} β_i*^{e_{N+i}}` on the amplitudes of a ket: ↠for β*, left of â for β."""
    down, up = np.split(exponent, 2)
    return tuple("+" * u + "-" * d for u, d in zip(up, down, strict=True))


def jump_words(left: tuple[int, ...], right: tuple[int, ...]) -> dict[Word, float]:
    """`W_r ρ W_s† − ½ W_s†W_r ρ − ½ ρ W_s†W_r` of two normally ordered products.

    Args:
        left: Powers (m₁…m_N, n₁…n_N) of `W_r = Π â_i†^{m_i} Π â_i^{n_i}`.
        right: Those of W_s.
    """
    modes = len(left) // 2
    one = lambda powers, i: "-" * powers[modes + i] + "+" * powers[i]  # the first letter acts first
    dagger = lambda powers, i: "-" * powers[i] + "+" * powers[modes + i]
    axes, none = range(modes), ("",) * modes
    both = tuple(one(left, i) for i in axes) + tuple(one(right, i) for i in axes)
    total: dict[Word, float] = defaultdict(float)
    total[both] += 1.0
    total[tuple(one(left, i) + dagger(right, i) for i in axes) + none] -= 0.5
    total[none + tuple(one(right, i) + dagger(left, i) for i in axes)] -= 0.5
    return dict(total)


def by_shift(columns: Sequence[Mapping[Word, float | int]], axes: int) -> Factors:
    """The words of each shift, by how much they raise each of the `axes`; and the zero shift."""
    factors: Factors = defaultdict(lambda: defaultdict(lambda: np.zeros(len(columns))))
    factors[(0,) * axes][("",) * axes] += 0
    for column, words in enumerate(columns):
        for word, factor in words.items():
            shift = tuple(letters.count("+") - letters.count("-") for letters in word)
            factors[shift][word][column] += factor
    return factors


def weights_of(factors: Factors, coefficients, where: Bool[np.ndarray, "*levels"] | Ranges) -> Any:
    """Weights of each shift at some indices, (shifts, indices), or in a box, (shifts, *box).

    NumPy's or JAX's as `coefficients` are.
    """
    numbers = np if isinstance(coefficients, np.ndarray) else jnp
    if numbers is jnp:  # else XLA computes with all constants while it compiles
        coefficients = jax.lax.optimization_barrier(coefficients)
    places, shape = _places(where)

    @functools.cache
    def element(axis: int, letters: str):
        place = places[axis]
        values = weight_of(letters, int(place.max(initial=0)) + 1)
        if numbers is jnp and place.size > values.size:
            return jax.lax.optimization_barrier(jnp.asarray(values))[place]
        return values[place]

    def at(word: Word, value):
        for axis, letters in enumerate(word):
            value = value * element(axis, letters) if letters else value
        return numbers.broadcast_to(value, shape)

    found = []
    for of in factors.values():
        values = np.stack(list(of.values())) @ coefficients
        found.append(sum(at(word, value) for word, value in zip(of, values, strict=True)))
    return numbers.stack(found)


def _places(where) -> tuple[list[Int[np.ndarray, "..."]], tuple[int, ...]]:
    """The index on each axis at which weights are wanted, and the shape of all."""
    if not isinstance(where, tuple):
        return [index.astype(np.int32) for index in np.nonzero(where)], (int(where.sum()),)
    axes = np.ix_(*(np.arange(*ends) for ends in where))
    return list(axes), tuple(axis.size for axis in axes)


def weight_of(letters: str, levels: int) -> Float[np.ndarray, " levels"]:
    """Matrix element of one axis of a word, ending at each level: `√k` up, `√(k+1)` down."""
    k, weight = np.arange(levels), np.ones(levels)
    for letter in reversed(letters):
        weight = weight * np.sqrt(np.maximum(k if letter == "+" else k + 1, 0))
        k = k - 1 if letter == "+" else k + 1
    return weight


def box(levels: tuple[int, ...]) -> Ranges:
    """All indices."""
    return tuple((0, n) for n in levels)


def boxes_outside(
    shifts, levels: tuple[int, ...]
) -> list[tuple[tuple[tuple[int, ...], ...], Ranges]]:
    """Boxes without overlap that hold all indices outside to which a shift leads.

    With each, the shifts that lead there.
    """
    up = np.maximum(np.array(shifts).max(axis=0), 0).tolist()
    found = []
    for axis in np.flatnonzero(up).tolist():
        lead = tuple(shift for shift in shifts if shift[axis] > 0)
        ends = [
            (0, n) if a < axis else (0, n + r)
            for a, (n, r) in enumerate(zip(levels, up, strict=True))
        ]
        ends[axis] = levels[axis], levels[axis] + up[axis]
        found.append((lead, tuple(ends)))
    return found


def _reversed(shift: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(-s for s in shift)


def _both_ways(shifts) -> list[tuple[int, ...]]:
    """The shifts but 0, and those of the adjoint operator."""
    return [s for s in dict.fromkeys((*shifts, *map(_reversed, shifts))) if any(s)]


def _overlap(shift, levels) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """The indices with a source, and their sources."""
    to, of = [], []
    for s, n in zip(shift, levels, strict=True):
        to.append(slice(max(s, 0), n + min(s, 0)))
        of.append(slice(max(-s, 0), n + min(-s, 0)))
    return tuple(to), tuple(of)


class Shifts(eqx.Module):
    """`(Lρ)_k = Σ_s c_s(k) ρ_{k−s}`, a linear operator on all coefficients."""

    shifts: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    weights: Complex[Array, "shifts *levels"]

    def __call__(self, rho: Complex[Array, "*levels"]) -> Complex[Array, "*levels"]:
        return self.parts()(rho)

    def parts(self) -> "Windows":
        """The operator with its weights apart, for repeated application.

        Reverse mode adds to each of them, instead of to one array at all its rows.
        """
        return Windows(self.shifts, box(self.weights.shape[1:]), tuple(self.weights))

    def range(self) -> "Range":
        """Its numerical range, by Gershgorin's discs of `(L + L†)/2` and `(L − L†)/2i`."""
        levels, weights = self.weights.shape[1:], dict(zip(self.shifts, self.weights, strict=True))
        real = imaginary = jnp.zeros(levels, jnp.finfo(self.weights.dtype).dtype)
        for shift in _both_ways(self.shifts):
            to, of = _overlap(shift, levels)
            here = weights[shift][to] if shift in weights else 0.0
            back = weights[_reversed(shift)][of].conj() if _reversed(shift) in weights else 0.0
            around = [(t.start, n - t.stop) for t, n in zip(to, levels, strict=True)]
            real += jnp.pad(jnp.abs(here + back) / 2, around)
            imaginary += jnp.pad(jnp.abs(here - back) / 2, around)
        return Range.of(weights.get((0,) * len(levels), jnp.zeros(levels)), real, imaginary)


class Windows(eqx.Module):
    """The same operator by shifted windows of the coefficients, at the indices of a box."""

    shifts: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    ranges: Ranges = eqx.field(static=True)
    weights: tuple[Complex[Array, "*box"], ...]

    def __call__(self, rho: Complex[Array, "*levels"]) -> Complex[Array, "*box"]:
        start, stop = np.array(self.ranges).T
        shifts = np.array(self.shifts)
        below = np.maximum((shifts - start).max(axis=0), 0)
        above = np.maximum((stop - rho.shape - shifts).max(axis=0), 0)
        padded = jnp.pad(rho, list(zip(below.tolist(), above.tolist(), strict=True)))
        first = below + start - shifts
        windows = (
            padded[tuple(map(slice, one.tolist(), (one + stop - start).tolist()))] for one in first
        )
        terms = (weight * window for weight, window in zip(self.weights, windows, strict=True))
        return sum(terms, jnp.zeros(tuple(stop - start), rho.dtype))


class Slabs(eqx.Module):
    """The part of an operator that leads out of a box, in boxes around it."""

    parts: tuple[Windows, ...]

    def __call__(self, rho: Complex[Array, "*levels"]) -> Complex[Array, " outside"]:
        return jnp.concatenate([part(rho).ravel() for part in self.parts])


class Gathered(eqx.Module):
    """The same operator on some of the coefficients, packed into a row."""

    shifts: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    levels: tuple[int, ...] = eqx.field(static=True)
    weights: Complex[Array, "shifts size"]
    used: Int[Array | np.ndarray, "size most"]  # the shifts that lead to each coefficient
    sources: Int[Array | np.ndarray, "size most"]  # their places in the row; `size` for none
    places: Int[Array | np.ndarray, " size"]  # of the row in the raveled coefficients

    def __call__(self, rho: Complex[Array, "*levels"]) -> Complex[Array, "*levels"]:
        return self.unpack(self.parts()(self.pack(rho)))

    def parts(self) -> "Rows":
        """The operator on packed coefficients, for repeated application."""
        return Rows(jnp.take_along_axis(self.weights.T, self.used, axis=1), self.sources)

    def range(self) -> "Range":
        """Its numerical range."""
        kept = np.zeros(self.levels, bool)
        kept.ravel()[np.asarray(self.places)] = True
        return range_of(self.shifts, kept, self.weights)

    def pack(self, rho: Complex[Array, "*levels"]) -> Complex[Array, " size"]:
        """The coefficients that are kept."""
        return rho.ravel()[self.places]

    def unpack(self, row: Complex[Array, " size"]) -> Complex[Array, "*levels"]:
        """Back from `pack`."""
        flat = jnp.zeros(math.prod(self.levels), row.dtype)
        return flat.at[self.places].add(row).reshape(self.levels)


class Rows(eqx.Module):
    """The same operator, or a part of it, from packed coefficients."""

    weights: Complex[Array, "size most"]
    sources: Int[Array | np.ndarray, "size most"]

    def __call__(self, row: Complex[Array, " kept"]) -> Complex[Array, " size"]:
        padded = jnp.concatenate([row, jnp.zeros(1, row.dtype)])
        size, most = self.sources.shape
        total = jnp.zeros(size, row.dtype)
        for first in range(0, most, AT_ONCE):
            part = slice(first, first + AT_ONCE)
            terms = self.weights[:, part] * padded[self.sources[:, part]]
            total = total + jnp.sum(terms, axis=1)
        return total


def sources(
    shifts, kept: Bool[np.ndarray, "*levels"], targets: Int[np.ndarray, "size axes"] | None = None
) -> Int[np.ndarray, "shifts size"]:
    """Place of the source of each target among the kept coefficients, for each shift.

    It is the number of those if there is none. The targets are the kept coefficients, unless given.
    """
    places = np.flatnonzero(kept)
    rank = np.full(kept.size, places.size)
    rank[places] = np.arange(places.size)
    targets = np.argwhere(kept) if targets is None else targets
    found = []
    for shift in shifts:
        source = targets - np.array(shift)
        inside = ((source >= 0) & (source < kept.shape)).all(axis=1)
        at = np.ravel_multi_index(tuple(np.where(inside, source.T, 0)), kept.shape)
        found.append(np.where(inside, rank[at], places.size))
    return np.array(found, np.int32)


def outside(shifts, kept: Bool[np.ndarray, "*levels"]) -> Bool[np.ndarray, "*more"]:
    """The coefficients beyond the kept ones to which a shift leads from one of them."""
    reach = np.maximum(np.array(shifts).max(axis=0), 0)
    more = np.pad(kept, [(0, r) for r in reach])
    reached = np.zeros_like(more)
    for shift in shifts:
        to = np.argwhere(kept) + np.array(shift)
        reached[tuple(to[(to >= 0).all(axis=1)].T)] = True
    return reached & ~more


class Range(NamedTuple):
    """A rectangle that contains the numerical range `⟨ρ, Lρ⟩/⟨ρ, ρ⟩` of an operator."""

    lower: Complex[Array, ""]
    upper: Complex[Array, ""]

    @classmethod
    def of(cls, middle, real, imaginary) -> "Range":
        """From the diagonal of the operator and the radii of the discs."""
        lower = jnp.min(middle.real - real) + 1j * jnp.min(middle.imag - imaginary)
        upper = jnp.max(middle.real + real) + 1j * jnp.max(middle.imag + imaginary)
        return cls(lower, upper)

    @property
    def center(self) -> Complex[Array, ""]:
        """Its middle."""
        return (self.lower + self.upper) / 2

    @property
    def real(self) -> Float[Array, ""]:
        """Half its real width."""
        return jnp.real(self.upper - self.lower) / 2

    @property
    def imaginary(self) -> Float[Array, ""]:
        """Half its imaginary width."""
        return jnp.imag(self.upper - self.lower) / 2

    @property
    def ratio(self) -> Float[Array, ""]:
        """`a/b + √(1 + a²/b²)` for a, b half its widths, b at least a."""
        b = jnp.maximum(self.imaginary, self.real)
        share = self.real / jnp.where(b > 0, b, 1.0)
        return share + jnp.sqrt(1 + share**2)

    @property
    def growth(self) -> Float[Array, ""]:
        """`‖e^{Lt}‖ ≤ e^{growth·t}` in the norm `√Σ|ρ_k|²`, at least 0."""
        return jnp.maximum(jnp.real(self.upper), 0.0)


def range_of(
    shifts, kept: Bool[np.ndarray, "*levels"], weights: Complex[Array, "shifts size"]
) -> Range:
    """The numerical range on some of the indices, as `Shifts.range` on all."""
    zero, every = (0,) * kept.ndim, _both_ways(shifts)
    place = {shift: i for i, shift in enumerate(shifts)}
    of = lambda many: np.array([place.get(s, len(shifts)) for s in many], int)  # the last row is 0
    source = sources([zero, *every], kept)[1:]
    inside = source < weights.shape[1]
    table = jnp.pad(weights, [(0, 1), (0, 1)])
    here = jnp.where(inside, table[of(every), :-1], 0.0)
    back = table[of(map(_reversed, every))[:, None], source].conj()  # L†: from k − s to k
    real, imaginary = (jnp.sum(jnp.abs(x), axis=0) / 2 for x in (here + back, here - back))
    return Range.of(table[of([zero])[0], :-1], real, imaginary)


def edge(kept: Bool[np.ndarray, "*levels"], shifts) -> Bool[np.ndarray, "*levels"]:
    """The coefficients from which one of `shifts` leads to one that is not kept."""
    reach = np.abs(np.array(shifts)).max(axis=0)
    known = np.pad(kept, [(0, r) for r in reach])
    known = np.pad(known, [(r, 0) for r in reach], constant_values=True)  # no shift leads below 0
    leads_out = np.zeros_like(kept)
    for s in shifts:
        window = zip(reach, s, kept.shape, strict=True)
        leads_out |= ~known[tuple(slice(r + d, r + d + n) for r, d, n in window)]
    return leads_out & kept
