"""Folders in which a computation leaves what it has done, to be continued after any end."""

import contextlib
import importlib.metadata
import os
import pathlib
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from ..errors import InputError, InputFileError
from .archive import PARTIAL, Archive, as_path, is_file, read_archive, write_archive
from .fingerprint import difference, fingerprint

BEGIN = "begin.npz"
NUMBERED = re.compile(r"([a-z]+)-(\d{1,9})(?:\.(\d{1,6}))?\.npz")


class CheckpointWarning(UserWarning):
    """A checkpoint is damaged or could not be written; the computation continues.

    Example:
        >>> grid = dqm.Grid((-6.0,), (6.0,), (48,))
        >>> model = dqm.Levels(dqm.Hamiltonian(dqm.Harmonic(jnp.array(1.0))), grid, 3)
        >>> data = dqm.Lines([0.6, 1.8, 3.0], sigma=0.01)
        >>> result = dqm.recover(data, model, checkpoint="fit")
        >>> import pathlib, warnings
        >>> _ = pathlib.Path("fit/stage-000000.npz").write_text("damaged")
        >>> with warnings.catch_warnings(record=True, action="always") as found:
        ...     again = dqm.recover(data, model, checkpoint="fit")  # fits again
        >>> found[0].category.__name__, again.estimate == result.estimate
        ('CheckpointWarning', True)
    """


class Entry(NamedTuple):
    """A numbered file; `part` counts those of several processes."""

    name: str
    number: int
    part: int


class Folder:
    """A folder of numbered archives that belong to one computation.

    Args:
        path: The folder; it is created if necessary.
        kind: Of computation.
        parts: What it is determined by, from `fingerprint`.
        is_first: Whether this process describes the computation; others only read.

    Raises:
        InputFileError: If the folder cannot be used, is used by another process now, or contains
            something else.
        InputError: If it belongs to a computation with other `parts`; the message says which.
    """

    def __init__(self, path, kind: str, parts: dict[str, str], is_first: bool = True):
        self.path = as_path("checkpoint", path)
        self._handle = None
        about = {"computation": kind, "parts": parts, "versions": versions()}
        try:
            if is_first:
                self.path.mkdir(parents=True, exist_ok=True)
                self._handle = _locked(self.path)
                for partial in self.path.glob(f"{PARTIAL}*.npz"):  # of a process that was killed
                    partial.unlink(missing_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise InputFileError(self.path, "is a file: name a folder as `checkpoint`.") from None
        except OSError as error:
            raise InputFileError(self.path, f"cannot be used ({error.strerror}).") from None
        begin = self.path / BEGIN
        try:
            if begin.exists() or begin.is_symlink():
                self._require(_begun(begin), about)
            elif is_first:
                self._require_empty()
                write_archive(begin, "checkpoint", {}, about)
        except BaseException:
            self.close()
            raise

    def close(self):
        """Lets other processes use it."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def entries(self, name: str) -> list[Entry]:
        """The numbered files of that name, in order."""
        found = []
        for path in self.path.iterdir():
            match = NUMBERED.fullmatch(path.name)
            if match and match[1] == name:
                found.append(Entry(name, int(match[2]), int(match[3] or 0)))
        return sorted(found)

    def file(self, entry: Entry) -> pathlib.Path:
        """Its path."""
        part = f".{entry.part}" if entry.part else ""
        return self.path / f"{entry.name}-{entry.number:06}{part}.npz"

    def read(self, entry: Entry) -> Archive | None:
        """Its content; `None`, with a warning, if it is damaged, and if there is none."""
        path = self.file(entry)
        if not path.exists() and not path.is_symlink():
            return None
        try:
            if not is_file(path):
                raise InputFileError(path, "is a link or no file.")
            archive = read_archive(path)
            if archive.kind != entry.name or archive.about.get("number") != entry.number:
                raise InputFileError(path, "belongs to something else.")
            return archive
        except InputFileError as error:
            warnings.warn(f"{error} It is not used.", CheckpointWarning, stacklevel=2)
            return None

    def write(self, entry: Entry, arrays: dict[str, np.ndarray], **about) -> bool:
        """Writes a file; `False`, with a warning, if it could not be written."""
        about = {"number": entry.number, **about}
        try:
            write_archive(self.file(entry), entry.name, arrays, about)
        except InputFileError as error:
            text = f"{error} The computation continues and tries again later."
            warnings.warn(text, CheckpointWarning, stacklevel=2)
            return False
        return True

    def remove(self, entry: Entry):
        """Removes a file."""
        with contextlib.suppress(OSError):
            self.file(entry).unlink(missing_ok=True)

    def _require(self, begun: dict, about: dict):
        """Checks that the computation is the one that was begun here."""
        if begun.get("computation") != about["computation"]:
            raise InputError(
                f"`checkpoint` {self.path} belongs to a {begun.get('computation')}, but this is a "
                f"{about['computation']}: give another folder."
            )
        changed = difference(begun["parts"], about["parts"])
        other = difference(begun["versions"], about["versions"])
        if changed is None and other is not None:
            text = f"{self.path}: {other}. Last digits of the result may differ."
            warnings.warn(text, CheckpointWarning, stacklevel=4)
        if changed is None:
            return
        raise InputError(
            f"`checkpoint` {self.path} was begun with other arguments: {changed}"
            f"{f' ({other})' if other else ''}. Give the former ones, or another folder."
        )

    def _require_empty(self):
        """Checks that a new folder contains nothing that could be taken for checkpoints."""
        for path in self.path.iterdir():
            if NUMBERED.fullmatch(path.name):
                raise InputFileError(
                    self.path, f"has {path.name} but no {BEGIN}: remove it or give another folder."
                )


class Journal:
    """The stages of a deterministic computation, each done once.

    A stage that a former run has finished is read from the folder instead of computed. Without a
    folder all are computed.
    """

    def __init__(self, path=None, kind: str = "", parts: dict[str, Any] | None = None):
        self._folder = None if path is None else Folder(path, kind, fingerprint(parts or {}))
        self._number = 0

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *error):
        if self._folder is not None:
            self._folder.close()

    def stage(self, name: str, compute: Callable[[], Mapping[str, Any]]) -> dict[str, np.ndarray]:
        """The arrays of the next stage, computed or read."""
        if self._folder is None:
            return {key: np.asarray(value) for key, value in compute().items()}
        entry, self._number = Entry("stage", self._number, 0), self._number + 1
        done = self._folder.read(entry)
        if done is not None and done.about.get("stage") == name:
            return done.arrays
        arrays = {key: np.asarray(value) for key, value in compute().items()}
        self._folder.write(entry, arrays, stage=name)
        return arrays


def versions() -> dict[str, str]:
    """What results can depend on beside the arguments."""
    found = {name: importlib.metadata.version(name) for name in ("dqmjax", "jax", "numpy")}
    return found | {"python": sys.version.split()[0], "x64": str(jax.config.read("jax_enable_x64"))}


def _begun(path: pathlib.Path) -> dict[str, Any]:
    """What the computation of a folder is."""
    if not is_file(path):
        raise InputFileError(path, "is a link or no file: give another folder.")
    archive = read_archive(path)
    for name in ("parts", "versions"):
        texts = archive.get(name, dict)
        if not all(isinstance(text, str) for text in texts.values()):
            raise InputFileError(path, f"has no valid entry {name!r}: give another folder.")
    return archive.about


def _locked(path: pathlib.Path) -> int | None:
    """A lock of the folder for this process.

    Raises:
        InputFileError: If another process has it.
    """
    try:
        import fcntl
    except ImportError:  # not on Windows
        return None
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise InputFileError(
            path, "is used by another run now: wait, or give another folder."
        ) from None
    return handle
