"""Writing results: a folder is written whole or not at all."""

import contextlib
import json
import os
import pathlib
import tempfile
from collections.abc import Iterator

from .errors import InputFileError


@contextlib.contextmanager
def whole_directory(path: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    """A folder to write results into, of which either all files reach `path` or none.

    Raises:
        InputFileError: If `path` cannot be made or written to; tried before anything is computed.
    """
    path = pathlib.Path(path)
    made = [p for p in (path, *path.parents) if not p.exists()]
    done = False
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path, prefix=".partial-") as folder:
            yield pathlib.Path(folder)
            files = sorted(pathlib.Path(folder).iterdir())
            for taken in (path / f.name for f in files if (path / f.name).is_dir()):
                raise InputFileError(taken, "is a directory: remove it or write elsewhere.")
            for file in files:
                os.replace(file, path / file.name)
        done = True
    except OSError as error:
        raise InputFileError(path, f"cannot be written to ({error.strerror}).") from None
    finally:
        for folder in made if not done else []:
            with contextlib.suppress(OSError):
                folder.rmdir()


def write_json(path: pathlib.Path, content: dict):
    """Writes `content`, refusing NaN and infinity, which JSON does not know."""
    path.write_text(json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n")
