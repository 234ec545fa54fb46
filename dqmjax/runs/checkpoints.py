"""Checkpoints of a run: the rows that it has saved, and the state that it has reached."""

from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from ..errors import InputFileError
from ..evolution.interval import Reached
from ..storage.archive import Archive
from ..storage.folder import Entry, Folder
from .pieces import Row
from .processes import by_all

KEPT = 2  # states; the older one is used if the newer one is damaged


class Position(NamedTuple):
    """How far a run is."""

    piece: int  # pieces that are done
    rows: int  # rows that are saved
    is_done: bool  # whether `until` held
    local: Float[np.ndarray, " probes"]  # errors of the steps that were probed, NaN of others


class Restored(NamedTuple):
    """What a run continues from."""

    position: Position
    reached: Reached
    rows: list[Row]  # as they were written


class Checkpoints:
    """The rows and states of a run in a folder.

    Each process writes the parts of the state that its own devices have. The rows are the same in
    all, so that the first one writes them.
    """

    def __init__(self, folder: Folder):
        self._folder = folder
        self._number = 0
        self._pending: list[Row] = []  # to be written with the next state

    def add(self, rows: Row):
        """Rows to be written with the next state; the first ones may be none."""
        self._pending.append(rows)

    def write(self, position: Position, reached: Reached):
        """The rows since the last state, and the state."""
        number, process = self._number, jax.process_index()
        written = True
        if process == 0:
            leaves = zip(*map(jax.tree.leaves, self._pending), strict=True)
            rows = {str(i): np.concatenate(parts) for i, parts in enumerate(leaves)}
            written = self._folder.write(Entry("rows", number, 0), rows)
        if not by_all(written):
            return
        arrays, starts = _parts(reached)
        written = self._folder.write(
            Entry("state", number, process),
            arrays | {"local": position.local},
            starts=starts,
            shapes=[list(leaf.shape) for leaf in jax.tree.leaves(reached)],
            processes=jax.process_count(),
            **{name: x for name, x in position._asdict().items() if name != "local"},
        )
        if by_all(written):
            none = jax.tree.map(lambda leaf: leaf[:0], self._pending[0])
            self._pending, self._number = [none], number + 1
            self._folder.remove(Entry("state", number - KEPT, process))

    def restore(self, like: Reached, row: Row) -> Restored | None:
        """The newest good state with its rows, `None` if there is none.

        Raises:
            InputFileError: If there are states, but the rows before each of them are damaged.
        """
        entries = self._folder.entries("state")
        numbers = sorted({entry.number for entry in entries}, reverse=True)
        if numbers == [0] and not self._is_complete(entries):
            return None  # not all processes came to their first checkpoint
        rows: dict[int, Row | None] = {}
        for number in numbers:
            found = self._state(number, like)
            for earlier in range(number + 1):
                if found is not None and earlier not in rows:
                    rows[earlier] = self._rows(earlier, row)
            if found is None:
                continue
            position, reached = found
            parts = [rows[i] for i in range(number + 1)]
            good = [part for part in parts if part is not None]
            if len(good) == len(parts) and sum(len(p.reason) for p in good) == position.rows:
                self._number = number + 1
                self._pending = [jax.tree.map(lambda leaf: leaf[:0], good[0])]
                return Restored(position, reached, good)
        if numbers:
            raise InputFileError(
                self._folder.path, "has no checkpoint that is whole: remove it to begin again."
            )
        return None

    def _is_complete(self, entries: list[Entry]) -> bool:
        """Whether all processes have written their part of the only state."""
        if entries[0].part != 0:
            return False
        first = self._folder.read(entries[0])
        return first is None or first.get("processes", int) <= len(entries)

    def close(self):
        """Lets other processes use the folder."""
        self._folder.close()

    def _rows(self, number: int, like: Row) -> Row | None:
        archive = self._folder.read(Entry("rows", number, 0))
        leaves, kind = jax.tree.flatten(like)
        if archive is None or len(archive.arrays) != len(leaves):
            return None
        arrays = [archive.arrays.get(str(i)) for i in range(len(leaves))]
        fits = lambda array, leaf: (
            array is not None and array.shape[1:] == leaf.shape and array.dtype == leaf.dtype
        )
        if not all(map(fits, arrays, leaves)):
            return None
        return jax.tree.unflatten(kind, arrays)

    def _state(self, number: int, like: Reached) -> tuple[Position, Reached] | None:
        """That state, if all its parts are good."""
        first = self._folder.read(Entry("state", number, 0))
        if first is None:
            return None
        others = range(1, first.get("processes", int))
        parts = [first, *(self._folder.read(Entry("state", number, i)) for i in others)]
        good = [part for part in parts if part is not None]
        if len(good) < len(parts):
            return None
        leaves, kind = jax.tree.flatten(like)
        if first.get("shapes", list) != [list(leaf.shape) for leaf in leaves]:
            return None
        whole = [_assembled(i, leaf, good) for i, leaf in enumerate(leaves)]
        position = Position(
            first.get("piece", int),
            first.get("rows", int),
            bool(first.about.get("is_done")),
            first.array("local"),
        )
        return position, jax.tree.unflatten(kind, whole)


def _parts(tree) -> tuple[dict[str, np.ndarray], dict[str, list[int]]]:
    """The parts of arrays that this process has, each once, and where they begin."""
    arrays, starts = {}, {}
    for i, leaf in enumerate(jax.tree.leaves(tree)):
        for j, shard in enumerate(leaf.addressable_shards):
            if shard.replica_id == 0:
                name = f"{i}.{j}"
                arrays[name] = np.asarray(shard.data)
                starts[name] = [part.start or 0 for part in shard.index]
    return arrays, starts


def _assembled(number: int, like: jax.Array, parts: list[Archive]) -> Any:
    """An array from its parts, distributed as `like`."""
    whole = np.zeros(like.shape, like.dtype)
    for archive in parts:
        starts = archive.get("starts", dict)
        for name, begin in starts.items():
            if name.partition(".")[0] != str(number):
                continue
            part = archive.array(name)
            whole[tuple(slice(a, a + n) for a, n in zip(begin, part.shape, strict=True))] = part
    return jax.make_array_from_callback(like.shape, like.sharding, lambda index: whole[index])
