"""The index sets that weighted shifts connect, as blocks of dense matrices."""

import dataclasses
import functools
import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Array, Bool, Complex, Int

from .ladder import Gathered, Shifts, sources


@dataclasses.dataclass(frozen=True)
class Blocks:
    """The index sets that shifts connect, packed into blocks of one width.

    Static, compared by value: two with the same shifts on the same coefficients are equal.
    """

    shifts: tuple[tuple[int, ...], ...]
    levels: tuple[int, ...]
    kept_bits: bytes  # which coefficients there are
    live_bits: bytes  # which weights, (shifts, coefficients), are not identically zero
    mirrored: bool = False

    @classmethod
    def of(
        cls,
        shifts,
        kept: Bool[np.ndarray, "*levels"],
        live: Bool[np.ndarray, "shifts size"],
        *,
        mirrored: bool = False,
    ):
        """The index sets that the `live` weights of `shifts` connect.

        If `mirrored`, the operator commutes with ρ → ρ†, as every equation of a real density, and
        only one set of two that are exchanged by it is there.
        """
        bits = (np.packbits(bits).tobytes() for bits in (kept, live))
        return cls(shifts, kept.shape, *bits, mirrored=mirrored)

    @property
    def kept(self) -> Bool[np.ndarray, "*levels"]:
        """Which coefficients there are."""
        return unpacked(self.kept_bits, self.levels)

    @functools.cached_property
    def _sources(self) -> Int[np.ndarray, "shifts size"]:
        """The source of each target for each shift; their number where it is none or not live."""
        size = int(self.kept.sum())
        live = unpacked(self.live_bits, (len(self.shifts), size))
        return np.where(live, sources(self.shifts, self.kept), size)

    @functools.cached_property
    def incoming(self) -> tuple[Int[np.ndarray, "size most"], Int[np.ndarray, "size most"]]:
        """The shifts that lead to each kept coefficient, and their sources."""
        table = self._sources.T
        is_source = table < len(table)
        most = int(is_source.sum(axis=1).max())
        used = np.argsort(~is_source, axis=1, kind="stable")[:, :most]
        return used, np.take_along_axis(table, used, axis=1)

    @functools.cached_property
    def _layout(self) -> "_Layout":
        kept, table = np.flatnonzero(self.kept), self._sources
        shift, to = np.nonzero(table < kept.size)
        of = table[shift, to]
        graph = scipy.sparse.coo_array((np.ones(of.shape), (to, of)), (kept.size, kept.size))
        _, component = scipy.sparse.csgraph.connected_components(graph, directed=False)
        here, both = np.ones(kept.size, bool), [kept]
        if self.mirrored:
            places = np.arange(self.kept.size).reshape(self.levels)
            axes = np.roll(range(self.kept.ndim), self.kept.ndim // 2)
            both.append(places.transpose(axes).ravel()[kept])
            here = component <= component[np.searchsorted(kept, both[1])]
        block, row = np.zeros((2, kept.size), int)
        block[here], row[here] = _pack(np.unique(component[here], return_inverse=True)[1])
        at = here[to]
        entry = block[to[at]], row[to[at]], row[of[at]]
        place = block[here], row[here]
        indices = [index[here] for index in both]
        return _Layout.of(self.levels, indices, place, (shift[at], to[at]), entry)

    @property
    def count(self) -> int:
        """Number of blocks."""
        return self._layout.shape[0]

    @property
    def width(self) -> int:
        """Rows of each block."""
        return self._layout.shape[1]

    def matrices(self, operator: Shifts | Gathered) -> Complex[Array, "count width width"]:
        """`operator` as one dense matrix per block, padded with zeros."""
        weights = operator.weights.reshape(len(operator.shifts), -1)[self._layout.weight]
        empty = jnp.zeros((self.count, self.width, self.width), weights.dtype)
        return empty.at[self._layout.entry].add(weights)

    def gather(self, rho: Complex[Array, "*levels"]) -> Complex[Array, "count width columns"]:
        """The coefficients block by block, padded with zeros; those of ρ† beside if mirrored."""
        padded = jnp.append(rho, jnp.zeros(1, rho.dtype))
        own, *mirrored = (padded[table] for table in self._layout.gathered)
        return jnp.stack([own, *(one.conj() for one in mirrored)], axis=-1)

    def scatter(self, rows: Complex[Array, "count width columns"]) -> Complex[Array, "*levels"]:
        """Back from `gather`."""
        own, *mirrored = jnp.moveaxis(rows, -1, 0)
        every = [own.ravel(), *(one.conj().ravel() for one in mirrored), jnp.zeros(1, rows.dtype)]
        return jnp.concatenate(every)[self._layout.scattered]


class _Layout(NamedTuple):
    """Where the coefficients and the weights of `Blocks` are.

    Tables in both directions: on a GPU, XLA scatters complex numbers in double precision one by
    one.
    """

    gathered: list[np.ndarray]  # index of each coefficient of ρ, and of ρ†, by block and row
    scattered: np.ndarray  # place of each index in the raveled blocks, *levels
    shape: tuple[int, ...]  # blocks, rows
    weight: tuple[np.ndarray, np.ndarray]  # shift and coefficient of each nonzero weight
    entry: tuple[np.ndarray, np.ndarray, np.ndarray]  # block, row and column of each of those

    @classmethod
    def of(cls, levels: tuple[int, ...], indices: list[np.ndarray], place, weight, entry):
        """From the indices of the coefficients of ρ, and of ρ†, at each place."""
        shape = tuple(int(at.max()) + 1 for at in place)
        size, rows = math.prod(levels), math.prod(shape)
        scattered = np.full(size, len(indices) * rows, np.int32)
        gathered = []
        for column, index in reversed(list(enumerate(indices))):
            table = np.full(shape, size, np.int32)
            table[place] = index
            gathered.insert(0, table)
            scattered[index] = column * rows + np.ravel_multi_index(place, shape)
        return cls(gathered, scattered.reshape(levels), shape, weight, entry)


def unpacked(bits: bytes, shape: tuple[int, ...]) -> Bool[np.ndarray, "..."]:
    """Truth values from `np.packbits`."""
    flat = np.unpackbits(np.frombuffer(bits, np.uint8), count=math.prod(shape))
    return flat.astype(bool).reshape(shape)


def _pack(component: Int[np.ndarray, " size"]):
    """Block and row for each index: small components share a block."""
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
