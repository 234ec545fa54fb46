"""Linear equations of motion on Fock–Bargmann coefficients, as sums of weighted shifts.

`(Lρ)_k = Σ_s c_s(k) ρ_{k−s}`, k = (m₁…m_N, n₁…n_N). Products with β, β* and derivatives
∂_β, ∂_β* raise or lower one index of ρ_mn,

    βρ → ρ̂a,  β*ρ → a†ρ̂,  ∂_β ρ → ρ̂a† − a†ρ̂,  ∂_β* ρ → aρ̂ − ρ̂a,

so a polynomial in them multiplies out into few shifts. The words are multiplied in the
infinite space and cut off afterwards, so that what cancels there cancels exactly.
"""

import itertools
import math
from collections import defaultdict

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
from jaxtyping import Array, Bool, Complex, Float, Int

Word = tuple[str, ...]  # per index axis, "+" raises and "-" lowers, first letter first


def words(derivatives: tuple[int, ...], exponent: np.ndarray) -> dict[Word, int]:
    """`Π_a ∂_{w_a} Π_i w_i^{e_i}` in ladder words with their integer factors.

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


def shift_of(word: Word) -> tuple[int, ...]:
    """By how much `word` raises each index."""
    return tuple(letters.count("+") - letters.count("-") for letters in word)


def weight_of(letters: str, levels: int) -> Float[np.ndarray, " levels"]:
    """Matrix element of one axis of a word, ending at each level: `√k` up, `√(k+1)` down."""
    k, weight = np.arange(levels), np.ones(levels)
    for letter in reversed(letters):
        weight = weight * np.sqrt(np.maximum(k if letter == "+" else k + 1, 0))
        k = k - 1 if letter == "+" else k + 1
    return weight


class Shifts(eqx.Module):
    """`(Lρ)_k = Σ_s c_s(k) ρ_{k−s}`, a linear operator that moves a few arrays and nothing else."""

    shifts: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    weights: Complex[Array, "shifts *levels"]

    def __call__(self, rho: Complex[Array, "*levels"]) -> Complex[Array, "*levels"]:
        reach = np.abs(np.array(self.shifts)).max(axis=0)
        padded = jnp.pad(rho, [(r, r) for r in reach])
        terms = []
        for s, weight in zip(self.shifts, self.weights, strict=True):
            window = zip(reach, s, rho.shape, strict=True)
            terms.append(weight * padded[tuple(slice(r - d, r - d + n) for r, d, n in window)])
        return sum(terms, jnp.zeros_like(rho))

    def bound(self) -> Float[Array, ""]:
        """`‖L‖_∞`, the largest sum of absolute weights over a row."""
        return jnp.max(jnp.sum(jnp.abs(self.weights), axis=0))


class Gathered(eqx.Module):
    """The same operator where not all of the coefficients are kept, on those alone, in a row."""

    shifts: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    levels: tuple[int, ...] = eqx.field(static=True)
    weights: Complex[Array, "shifts size"]
    sources: Int[Array | np.ndarray, "shifts size"]  # in the row; `size` for nowhere
    places: Int[Array | np.ndarray, " size"]  # of the row in the raveled coefficients

    def __call__(self, rho: Complex[Array, "*levels"]) -> Complex[Array, "*levels"]:
        return self.unpack(self.on_rows()(self.pack(rho)))

    def on_rows(self) -> "Rows":
        """Itself on what `pack` returns, for many applications in a row."""
        return Rows(self.weights, self.sources)

    def bound(self) -> Float[Array, ""]:
        """`‖L‖_∞`."""
        return self.on_rows().bound()

    def pack(self, rho: Complex[Array, "*levels"]) -> Complex[Array, " size"]:
        """The coefficients that are kept."""
        return rho.ravel()[self.places]

    def unpack(self, row: Complex[Array, " size"]) -> Complex[Array, "*levels"]:
        """Back from `pack`."""
        flat = jnp.zeros(math.prod(self.levels), row.dtype)
        return flat.at[self.places].set(row).reshape(self.levels)


def gathered(shifts, weights: Complex[Array, "shifts size"], kept) -> Gathered:
    """The operator on those of the coefficients that are `kept`."""
    return Gathered(shifts, kept.shape, weights, sources(shifts, kept), np.flatnonzero(kept))


class Rows(eqx.Module):
    """`Gathered` between packed coefficients."""

    weights: Complex[Array, "shifts size"]
    sources: Int[Array | np.ndarray, "shifts size"]

    def __call__(self, row: Complex[Array, " size"]) -> Complex[Array, " size"]:
        padded = jnp.concatenate([row, jnp.zeros(1, row.dtype)])
        return jnp.sum(self.weights * padded[self.sources], axis=0)

    def bound(self) -> Float[Array, ""]:
        """`‖L‖_∞`."""
        return jnp.max(jnp.sum(jnp.abs(self.weights), axis=0))


def sources(shifts, kept: Bool[np.ndarray, "*levels"]) -> Int[np.ndarray, "shifts size"]:
    """Where among the kept coefficients each shift takes those from, their number for nowhere."""
    places = np.flatnonzero(kept)
    rank = np.full(kept.size, places.size)
    rank[places] = np.arange(places.size)
    targets = np.stack(np.unravel_index(places, kept.shape), axis=1)
    found = []
    for shift in shifts:
        source = targets - np.array(shift)
        inside = ((source >= 0) & (source < kept.shape)).all(axis=1)
        at = np.ravel_multi_index(tuple(np.where(inside, source.T, 0)), kept.shape)
        found.append(np.where(inside, rank[at], places.size))
    return np.array(found)


def edge(kept: Bool[np.ndarray, "*levels"], shifts) -> Bool[np.ndarray, "*levels"]:
    """The coefficients from which one of `shifts` leads to some that are not kept."""
    reach = np.abs(np.array(shifts)).max(axis=0)
    known = np.pad(kept, [(0, r) for r in reach])
    known = np.pad(known, [(r, 0) for r in reach], constant_values=True)  # below 0 leads nothing
    leads_out = np.zeros_like(kept)
    for s in shifts:
        window = zip(reach, s, kept.shape, strict=True)
        leads_out |= ~known[tuple(slice(r + d, r + d + n) for r, d, n in window)]
    return leads_out & kept


def _pack(component: Int[np.ndarray, " size"]):
    """Block and row for each index: whole components, several small ones to a block."""
    sizes = np.bincount(component)
    width, blocks = int(sizes.max()), 0
    room: dict[int, int] = {}  # free rows of the blocks that are not yet full
    home = np.empty((len(sizes), 2), int)  # block and first row of each component
    for c in np.argsort(-sizes, kind="stable").tolist():
        block = next((b for b, free in room.items() if free >= sizes[c]), blocks)
        blocks = max(blocks, block + 1)
        free = room.pop(block, width)
        home[c] = block, width - free
        if free > sizes[c]:
            room[block] = free - int(sizes[c])
    order = np.argsort(component, kind="stable")
    within = np.empty_like(order)
    within[order] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return home[component, 0], home[component, 1] + within


class Blocks:
    """The index sets that shifts connect, packed into blocks of one width; all static.

    Args:
        shifts: As in `Shifts`.
        kept: Which coefficients there are.
        live: Which weights are not identically zero, for each kept coefficient.
    """

    def __init__(self, shifts, kept: Bool[np.ndarray, "*levels"], live: np.ndarray):
        self.levels = kept.shape
        self._kept = np.flatnonzero(kept)
        size = self._kept.size
        table = sources(shifts, kept)
        shift, to = np.nonzero((table < size) & live)
        of = table[shift, to]
        edges = (np.ones(of.shape), (to, of))
        graph = scipy.sparse.coo_array(edges, (size, size))
        _, component = scipy.sparse.csgraph.connected_components(graph, directed=False)
        block, row = _pack(component)
        self.count, self.width = int(block.max()) + 1, int(row.max()) + 1
        self._place = (block, row)  # of each coefficient kept
        self._entry = (block[to], row[to], row[of])  # of each nonzero weight
        self._weight = (shift, to)

    def matrices(self, operator: Shifts | Gathered) -> Complex[Array, "count width width"]:
        """`operator` as one dense matrix per block, padded with zeros."""
        weights = operator.weights.reshape(len(operator.shifts), -1)[self._weight]
        empty = jnp.zeros((self.count, self.width, self.width), weights.dtype)
        return empty.at[self._entry].add(weights)

    def gather(self, rho: Complex[Array, "*levels"]) -> Complex[Array, "count width"]:
        """The coefficients block by block, padded with zeros."""
        rows = jnp.zeros((self.count, self.width), rho.dtype)
        return rows.at[self._place].set(rho.ravel()[self._kept])

    def scatter(self, rows: Complex[Array, "count width"]) -> Complex[Array, "*levels"]:
        """Back from `gather`."""
        flat = jnp.zeros(math.prod(self.levels), rows.dtype)
        return flat.at[self._kept].set(rows[self._place]).reshape(self.levels)
