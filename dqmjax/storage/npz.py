"""NumPy's files of many arrays (`.npz`), read without trust. Nothing in them is executed."""

import io
import math
import pathlib
import stat
import warnings
import zipfile

import numpy as np

from ..errors import InputFileError

MOST_BYTES = 2**31  # of all arrays together
PACKED, FREE_BYTES = 32, 2**26  # how many times larger than the file those may be, beyond 64 MiB


def numpy_arrays(
    path: pathlib.Path,
    required: tuple[str, ...] = (),
    known: tuple[str, ...] | None = None,
    *,
    packed: bool = True,
) -> dict[str, np.ndarray]:
    """The arrays of a NumPy file, each bounded in size before it is read.

    Args:
        path: The file (`.npz`).
        required: Names of arrays that must be there.
        known: Those that may be there, any by default.
        packed: Whether they may be compressed. They then take at most 2 GiB, and at most 32 times
            the size of the file and 64 MiB.

    Raises:
        InputFileError: If the file cannot be read, is damaged, or does not contain just that.
    """
    try:
        size = regular_size(path)
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
            _require_names(path, names, required, known)
            members = _members(path, archive, size, packed)
            content = {name: archive.read(m) for name, m in zip(names, members, strict=True)}
    except OSError as error:
        raise InputFileError(path, f"cannot be read ({error.strerror or error}).") from None
    except InputFileError:
        raise
    except Exception as error:  # damage can make zipfile and the unpackers raise almost anything
        if "CRC" in str(error):
            name = str(error).partition("'")[2].rstrip("'")
            raise InputFileError(
                path, f"`{name}` is damaged (checksum): copy the file again."
            ) from None
        remedy = "write one with numpy.savez, or copy the file again"
        raise InputFileError(path, f"is no complete .npz file: {remedy}.") from None
    try:
        with warnings.catch_warnings(action="ignore"):
            return {name: _array(data) for name, data in content.items()}
    except Exception:  # as above, of NumPy's headers
        remedy = "save plain numbers, no objects"
        raise InputFileError(path, f"holds something other than plain arrays: {remedy}.") from None


def _array(data: bytes) -> np.ndarray:
    """The array in a member, whose size must be that of its header: nothing larger is allocated.

    Raises:
        ValueError: If it is no plain array.
    """
    stream = io.BytesIO(data)
    of = np.lib.format
    headers = {(1, 0): of.read_array_header_1_0, (2, 0): of.read_array_header_2_0}
    version = of.read_magic(stream)
    if version not in headers:
        raise ValueError(version)
    shape, _, dtype = headers[version](stream)
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(data) - stream.tell():
        raise ValueError(shape)
    return np.load(io.BytesIO(data), allow_pickle=False)


def regular_size(path: pathlib.Path) -> int:
    """The size of a regular file, found without opening it: opening a pipe would wait for ever.

    Raises:
        InputFileError: If it is something else.
        OSError: If it is not there.
    """
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise InputFileError(path, "is a directory: name a file in it.")
    if not stat.S_ISREG(found.st_mode):
        raise InputFileError(path, "is a pipe or a device: copy its content to a file.")
    return found.st_size


def _require_names(path, names: list[str], required, known):
    """Checks that there are the arrays that must be, once, and no others."""
    for name in names:
        if known is not None and name not in known:
            raise InputFileError(
                path, f"the array {name!r} is unknown: rename or drop it ({', '.join(known)})."
            )
        if names.count(name) > 1:
            raise InputFileError(path, f"the array `{name}` is there twice: drop one.")
    for name in required:
        if name not in names:
            raise InputFileError(path, f"the array `{name}` is missing: add it.")


def _members(
    path: pathlib.Path, archive: zipfile.ZipFile, size: int, packed: bool
) -> list[zipfile.ZipInfo]:
    """The members of the archive, which hold arrays of a bounded size."""
    members = archive.infolist()
    unpacked = sum(member.file_size for member in members)
    most = min(MOST_BYTES, PACKED * size + FREE_BYTES) if packed else size
    if unpacked > most:
        raise InputFileError(
            path,
            f"its arrays take {unpacked / 2**20:.0f} MiB, too many for a file of "
            f"{size / 2**20:.2g} MiB: write fewer, or use numpy.savez.",
        )
    return members
