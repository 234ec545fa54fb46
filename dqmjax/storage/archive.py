"""One file format for all results: named arrays with a manifest, each with its checksum.

A file is an uncompressed `.npz` that NumPy opens. Its array `manifest` is JSON: the version of the
format, the kind of result, the SHA-256 of every array, and what else belongs to it. Nothing in a
file is executed.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import zipfile
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ..errors import InputError, InputFileError
from .npz import numpy_arrays, regular_size

FORMAT = 1  # a reader accepts all formats up to its own
MANIFEST = "manifest"
PARTIAL = ".partial-"  # how the names of files begin that are being written
MOST_TEXT = 2**26  # bytes of a manifest
ENTRIES = {"format": int, "kind": str, "sha256": dict, "about": dict}
READERS: dict[str, Callable[["Archive"], Any]] = {}  # what `load` makes of each kind


class Archive(NamedTuple):
    """The content of a file."""

    path: pathlib.Path
    kind: str
    arrays: dict[str, np.ndarray]
    about: dict[str, Any]  # of JSON's types

    def get(self, name: str, kind: type | tuple[type, ...]) -> Any:
        """An entry of `about`.

        Raises:
            InputFileError: If it is missing or of another type.
        """
        value = self.about.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise InputFileError(self.path, f"has no valid entry {name!r}: write it again.")
        return value

    def array(self, name: str) -> np.ndarray:
        """One of its arrays.

        Raises:
            InputFileError: If it is missing.
        """
        if name not in self.arrays:
            raise InputFileError(self.path, f"has no array {name!r}: write it again.")
        return self.arrays[name]


def reader(kind: str) -> Callable:
    """Declares a function that makes a result of an `Archive` of this kind."""

    def declare(read: Callable[[Archive], Any]) -> Callable[[Archive], Any]:
        READERS[kind] = read
        return read

    return declare


def load(path: str | os.PathLike[str]) -> Any:
    """Reads what `Solution.save` or `Recovery.save` has written; nothing in it is executed.

    Raises:
        InputFileError: If the file cannot be read, is damaged or of another kind, a later version
            has written it, or it needs double precision, which JAX is not set to.

    Example:
        >>> grid = dqm.Grid((-8.0,), (8.0,), (64,))
        >>> step = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic()), grid)
        >>> psi = dqm.gaussian(grid, 1.0, 0.5**0.5)
        >>> dqm.run(step, psi, np.array([0.0, np.pi]), substeps=64, progress=False).save("week.npz")
        >>> solution = dqm.load("week.npz")
        >>> dqm.observables.mean_position(grid, solution.final).round(2)  # cos t
        Array([-1.], dtype=float64)
    """
    archive = read_archive(as_path("path", path))
    if archive.kind not in READERS:
        kinds = " or ".join(READERS)
        raise InputFileError(archive.path, f"is a {archive.kind}, but must be a {kinds}.")
    return READERS[archive.kind](archive)


def as_path(name: str, given) -> pathlib.Path:
    """A path, from the argument `name`.

    Raises:
        InputError: If it is none.
    """
    try:
        path = pathlib.Path(given)
    except TypeError:
        raise InputError(f"`{name}` must name a file or a folder, but is {given!r}.") from None
    if given in ("", "/") or "\0" in str(path):
        raise InputError(f"`{name}` must name a file or a folder, but is {given!r}.")
    return path


def write_archive(path: pathlib.Path, kind: str, arrays: dict[str, np.ndarray], about: dict):
    """Writes a file whole or not at all. Equal contents give equal bytes.

    Raises:
        InputFileError: If it cannot be written.
    """
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    digests = {name: _digest(array) for name, array in arrays.items()}
    manifest = {"format": FORMAT, "kind": kind, "sha256": digests, "about": about}
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    arrays = {MANIFEST: np.frombuffer(text, np.uint8), **arrays}

    def write(file: BinaryIO):
        with zipfile.ZipFile(file, "w") as members:
            for name, array in arrays.items():  # without the time, and not compressed
                entry = zipfile.ZipInfo(f"{name}.npy")
                with members.open(entry, "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)

    write_whole(path, write)


def write_whole(path: pathlib.Path, write: Callable[[BinaryIO], None]):
    """Writes aside, flushes to the disk, and renames: a reader finds the old file or the new one.

    Raises:
        InputFileError: If it cannot be written.
    """
    partial = path.with_name(f"{PARTIAL}{os.getpid()}-{path.name}")
    try:
        partial.unlink(missing_ok=True)
        with partial.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        raise InputFileError(path, f"cannot be written ({error.strerror or error}).") from None
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _flush_folder(folder: pathlib.Path):
    """Makes a new name in it permanent, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def read_archive(path: pathlib.Path) -> Archive:
    """The content of a file, checked.

    Raises:
        InputFileError: If it cannot be read, is damaged, or a later version has written it.
    """
    arrays = numpy_arrays(path, required=(MANIFEST,), packed=False)
    manifest = _manifest(path, arrays.pop(MANIFEST))
    digests = manifest["sha256"]
    if digests.keys() != arrays.keys():
        odd = sorted(digests.keys() ^ arrays.keys())[0]
        raise InputFileError(path, f"does not contain what its manifest lists: {odd!r}.")
    for name, array in arrays.items():
        if array.dtype.kind not in "biufc" or digests[name] != _digest(array):
            raise InputFileError(path, f"`{name}` is damaged (checksum): copy the file again.")
    return Archive(path, manifest["kind"], arrays, manifest["about"])


def _manifest(path: pathlib.Path, text: np.ndarray) -> dict[str, Any]:
    """The manifest, with entries of the right types."""
    damaged = InputFileError(path, "has no valid manifest: write it again.")
    if text.dtype != np.uint8 or text.ndim != 1 or text.size > MOST_TEXT:
        raise damaged
    manifest = json_of(text.tobytes())
    if not isinstance(manifest, dict) or manifest.keys() != ENTRIES.keys():
        raise damaged
    for name, kind in ENTRIES.items():
        if type(manifest[name]) is not kind:
            raise damaged
    if not 1 <= manifest["format"] <= FORMAT:
        raise InputFileError(
            path,
            f"has format {manifest['format']}, but this version reads formats up to {FORMAT}: "
            "install a later version of dqmjax.",
        )
    return manifest


def json_of(text: bytes) -> Any:
    """A text in JSON, without NaN and infinity; `None` if it is none."""

    def refuse(name: str):
        raise ValueError(name)

    try:
        return json.loads(text.decode(), parse_constant=refuse)
    except (ValueError, RecursionError):
        return None


def _digest(array: np.ndarray) -> str:
    """The checksum of an array, its type and its shape."""
    found = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def is_file(path: pathlib.Path) -> bool:
    """Whether there is a regular file, and not a link to one."""
    try:
        return not path.is_symlink() and regular_size(path) >= 0
    except (OSError, InputFileError):
        return False
