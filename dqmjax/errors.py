"""Errors that a user can cause and mend."""

import os


class InputError(ValueError):
    """An argument or a file that cannot be used; the message names it and the remedy."""


class InputFileError(InputError):
    """A file that cannot be used. Raised before anything is computed or written."""

    def __init__(self, path: str | os.PathLike[str], problem: str):
        super().__init__(f"{path}: {problem}")
