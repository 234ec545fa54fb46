"""Writing results to a folder: either all files or none."""

import contextlib
import json
import os
import pathlib
import tempfile
from collections.abc import Iterator

from .errors import InputFileError


@contextlib.contextmanager
def whole_directory(path: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    """A temporary folder whose files move to `path` together, once the block succeeds.

    Args:
        path: Folder for the results; it is created if necessary.

    Raises:
        InputFileError: If `path` cannot be created or written to. This is checked at the start of
            the block, before anything is computed.
    """
    path = pathlib.Path(path)
    created = [p for p in (path, *path.parents) if not p.exists()]
    done = False
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path, prefix=".partial-") as folder:
            yield pathlib.Path(folder)
            files = sorted(pathlib.Path(folder).iterdir())
            for taken in (path / f.name for f in files):
                if taken.is_dir():
                    raise InputFileError(taken, "is a directory: remove it or write elsewhere.")
            for file in files:
                os.replace(file, path / file.name)
        done = True
    except OSError as error:
        raise InputFileError(
            path, f"cannot be written to ({error.strerror}): choose another output folder."
        ) from None
    finally:
        for folder in created if not done else []:
            with contextlib.suppress(OSError):
                folder.rmdir()


def write_json(path: pathlib.Path, content: dict):
    """Writes `content` as JSON.

    Args:
        path: The file.
        content: Numbers must be finite; JSON has no NaN and no infinity.
    """
    path.write_text(json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n")
