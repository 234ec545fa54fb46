"""Folders of results, written whole or not at all."""

import contextlib
import json
import os
import pathlib
import platform
import shutil
import tempfile
from collections.abc import Iterator, Sequence

from .. import interrupt
from ..errors import InputFileError
from .archive import PARTIAL


@contextlib.contextmanager
def whole_directory(
    path: str | os.PathLike[str], replaces: Sequence[str] = ()
) -> Iterator[pathlib.Path]:
    """A temporary folder whose files move to `path` together, once the block succeeds.

    The files of a former run are removed before the first one moves, so that the folder never
    contains files of two runs, whenever the process ends. Temporary folders of processes that ended
    without removing theirs are removed.

    Args:
        path: Folder for the results; it is created if necessary.
        replaces: Names of files of a former run that are removed, besides those of the same names.

    Raises:
        InputFileError: If `path` cannot be created or written to. This is checked at the start of
            the block, before anything is computed.
    """
    path = pathlib.Path(path)
    done, created = False, []
    try:
        created = [p for p in (path, *path.parents) if not p.exists()]
        path.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(path)
        prefix = f"{PARTIAL}{platform.node()}-{os.getpid()}-"
        with tempfile.TemporaryDirectory(dir=path, prefix=prefix) as folder:
            interrupt.unfinished.add(folder)
            try:
                yield pathlib.Path(folder)
                _move(pathlib.Path(folder), path, replaces)
            finally:
                interrupt.unfinished.discard(folder)
        done = True
    except OSError as error:
        raise InputFileError(
            path, f"cannot be written to ({error.strerror}): choose another output folder."
        ) from None
    finally:
        for folder in created if not done else []:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _remove_abandoned(path: pathlib.Path):
    """Removes temporary folders in `path` of processes of this machine that do not run any more."""
    for folder in path.glob(f"{PARTIAL}{platform.node()}-*-*"):
        process = folder.name.removeprefix(f"{PARTIAL}{platform.node()}-").partition("-")[0]
        if process.isdecimal() and not _runs(int(process)):
            shutil.rmtree(folder, ignore_errors=True)


def _runs(process: int) -> bool:
    """Whether there is a process of that number."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True  # of another user
    return True


def _move(folder: pathlib.Path, path: pathlib.Path, replaces: Sequence[str]):
    """Moves the files of `folder` to `path`, where none of a former run remains."""
    names = sorted(file.name for file in folder.iterdir())
    with _locked(path):
        for taken in (path / name for name in {*names, *replaces}):
            if taken.is_dir():
                raise InputFileError(taken, "is a directory: remove it or write elsewhere.")
        for name in {*names, *replaces}:
            (path / name).unlink(missing_ok=True)
        for name in names:
            os.replace(folder / name, path / name)


@contextlib.contextmanager
def _locked(path: pathlib.Path):
    """No other process is in this block with the same folder."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write_json(path: pathlib.Path, content: dict):
    """Writes `content` as JSON.

    Args:
        path: The file.
        content: Numbers must be finite; JSON has no NaN and no infinity.
    """
    path.write_text(json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n")
