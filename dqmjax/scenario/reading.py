"""Tables of a TOML file, read strictly: each problem names the line, the key and the remedy."""

import contextlib
import math
import os
import re
import tomllib
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple, NoReturn

from ..errors import InputError, InputFileError
from ..phase_space.formula import without_mark
from ..storage.archive import as_path
from ..storage.npz import regular_size
from .lines import Key, TooMuch, lines_of
from .messages import dotted, meant, shown

MOST_BYTES = 2**20
MOST_TEXT = 2000  # characters of a text
MOST_ENTRIES = 4096  # of a list, unless more are allowed
WHOLE = 2**53  # integers up to here are floating-point numbers
REQUIRED: Any = object()
NAME = re.compile(r"`(\w+)`")
NAMED = re.compile(r"`(\w+)")
DIGITS = re.compile(r"[0-9_]{4300}")  # of an integer that Python refuses
PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)")


class Source(NamedTuple):
    """A file and the lines of its keys."""

    path: str | os.PathLike[str]
    lines: dict[Key, int]

    def refuse(self, key: Key, problem: str) -> NoReturn:
        """An error at a key, or at the table that it is in.

        Raises:
            InputFileError: Always.
        """
        known = (key[:length] for length in range(len(key), -1, -1))
        line = next(self.lines[part] for part in known if part in self.lines)
        raise InputFileError(self.path, f"line {line}: {dotted(key)}{problem}")


def read_toml(path: str | os.PathLike[str]) -> "Table":
    """The outermost table of a file. Nothing in it is executed.

    Raises:
        InputFileError: If it cannot be read, is longer than 1 MiB, or is no TOML.
    """
    path = as_path("path", path)
    try:
        if regular_size(path) > MOST_BYTES:
            raise InputFileError(path, "must have at most 1 MiB: name a scenario (.toml).")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)[:MOST_BYTES]
    except OSError as error:
        raise InputFileError(path, f"cannot be read ({error.strerror or error}).") from None
    try:
        text = content.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        problem = f"line {line}: is no text in UTF-8: name a scenario (.toml)."
        raise InputFileError(path, problem) from None
    try:
        lines = lines_of(text)
        return Table(Source(path, lines), (), tomllib.loads(text))
    except TooMuch as error:
        raise InputFileError(path, f"line {error.line}: {error}.") from None
    except (ValueError, RecursionError) as error:
        raise InputFileError(path, _syntax(str(error), text)) from None


def _syntax(problem: str, text: str) -> str:
    """What `tomllib` says, with the line in front."""
    place = PLACE.search(problem)
    if place is None:
        digits = DIGITS.search(text)
        line = text[: digits.start()].count("\n") + 1 if digits else 1
        return f"line {line}: is no valid TOML: {problem.partition(':')[0]}."
    line, column = place.groups()
    line = line or text.rstrip().count("\n") + 1
    where = f" (column {column})" if column else ""
    return f"line {line}: is no valid TOML: {PLACE.sub('', problem)}{where}."


class Table:
    """A table whose values are read by name and type.

    Args:
        source: The file.
        key: Names of the tables that it is in, and its own.
        content: As `tomllib` gives it.
    """

    def __init__(self, source: Source, key: Key, content: dict[str, Any]):
        self.source, self.key, self._content = source, key, content

    def __contains__(self, name: str) -> bool:
        return name in self._content

    @property
    def names(self) -> tuple[str, ...]:
        """Its keys."""
        return tuple(self._content)

    def only(self, *known: str):
        """Checks that it has no other keys.

        Raises:
            InputFileError: With the nearest known name.
        """
        for name in self._content:
            if name not in known:
                self.refuse(name, f"is unknown (known: {', '.join(known)}){meant(name, known)}")

    def refuse(self, name: str | None, problem: str) -> NoReturn:
        """An error at one of its keys, or at the table.

        Raises:
            InputFileError: Always.
        """
        self.source.refuse(self.key if name is None else (*self.key, name), problem)

    @contextlib.contextmanager
    def blamed(self, **keys: str) -> Iterator[None]:
        """What the block refuses is a problem of this table, of the key that the message names.

        Args:
            keys: The keys of arguments that have another name.
        """
        try:
            yield
        except InputFileError:
            raise
        except InputError as error:
            found = NAMED.match(str(error))
            name = keys.get(found[1], found[1]) if found else None
            message = " ".join(without_mark(error).split())
            message = NAME.sub(lambda match: f"`{keys.get(match[1], match[1])}`", message)
            self.refuse(name if name in self._content else None, f"is refused: {message}")

    def wrong(self, name: str, must: str) -> NoReturn:
        """An error of a value.

        Raises:
            InputFileError: Always.
        """
        self.refuse(name, f"must {must}, but is {shown(self._content[name])}.")

    def _get(self, name: str, default: Any = REQUIRED) -> Any:
        if name in self._content:
            return self._content[name]
        if default is REQUIRED:
            self.refuse(name, "is missing: add it.")
        return default

    def table(self, name: str, *, required: bool = True) -> "Table":
        """A table in it; an empty one if it may be absent."""
        content = self._get(name, REQUIRED if required else {})
        if not isinstance(content, dict):
            self.wrong(name, "be a table")
        return Table(self.source, (*self.key, name), content)

    def tables(self, name: str, *, required: bool = True) -> list["Table"]:
        """One table, or a list of one or more."""
        content = self._get(name, REQUIRED if required else [])
        if isinstance(content, dict):
            return [self.table(name)]
        is_list = isinstance(content, list) and all(isinstance(x, dict) for x in content)
        if not is_list or (required and not content) or len(content) > MOST_ENTRIES:
            self.wrong(name, "be a table, or a list of tables")
        key = (*self.key, name)
        return [Table(self.source, (*key, i), part) for i, part in enumerate(content)]

    def text(self, name: str, default: Any = REQUIRED) -> Any:
        """A text of one line."""
        value = self._get(name, default)
        if name in self and not (isinstance(value, str) and value.isprintable() and value.strip()):
            self.wrong(name, "be a text of one line")
        if name in self and len(value) > MOST_TEXT:
            self.wrong(name, f"have at most {MOST_TEXT} characters")
        return value

    def choice(self, name: str, known: Collection[str], default: Any = REQUIRED) -> Any:
        """One of the known names."""
        value = self._get(name, default)
        if name in self and (not isinstance(value, str) or value not in known):
            must = f"must be one of {', '.join(known)}"
            self.refuse(name, f"{must}, but is {shown(value)}{meant(value, known)}")
        return value

    def choices(self, name: str, known: Collection[str], default: Any = REQUIRED) -> Any:
        """Some of the known names, each once."""
        value = self._get(name, default)
        if name not in self:
            return value
        if not isinstance(value, list) or not value:
            self.wrong(name, "be a list of names")
        for each in value:
            if not isinstance(each, str) or each not in known:
                must = f"must be names of {', '.join(known)}"
                self.refuse(name, f"{must}, but has {shown(each)}{meant(each, known)}")
            if value.count(each) > 1:
                self.refuse(name, f"must have each name once, but has {each} again.")
        return tuple(value)

    def flag(self, name: str, default: Any = REQUIRED) -> Any:
        """true or false."""
        value = self._get(name, default)
        if name in self and not isinstance(value, bool):
            self.wrong(name, "be true or false")
        return value

    def whole(self, name: str, least: int, most: int, default: Any = REQUIRED) -> Any:
        """An integer within limits."""
        value = self._get(name, default)
        if name in self and not _is_whole(value, least, most):
            self.wrong(name, f"be an integer from {least} to {most}")
        return value

    def wholes(self, name: str, least: int, most: int) -> tuple[int, ...]:
        """A list of integers; one number is a list of one."""
        value = self._get(name)
        entries = value if isinstance(value, list) else [value]
        if not entries or len(entries) > MOST_ENTRIES:
            self.wrong(name, "be a list of integers")
        for each in entries:
            if not _is_whole(each, least, most):
                must = f"must be integers from {least} to {most}"
                self.refuse(name, f"{must}, but has {shown(each)}.")
        return tuple(entries)

    def number(self, name: str, default: Any = REQUIRED) -> Any:
        """A finite number."""
        value = self._get(name, default)
        if name in self and not _is_number(value):
            self.wrong(name, "be a finite number")
        return float(value) if name in self else value

    def numbers(
        self, name: str, default: Any = REQUIRED, *, most: int = MOST_ENTRIES
    ) -> float | tuple[float, ...] | Any:
        """A finite number or a list of them."""
        value = self._get(name, default)
        if name not in self:
            return value
        if not isinstance(value, list):
            return self.number(name)
        if not value or len(value) > most:
            self.wrong(name, f"be a number, or a list of 1 to {most} numbers")
        for each in value:
            if not _is_number(each):
                self.refuse(name, f"must be finite numbers, but has {shown(each)}.")
        return tuple(map(float, value))

    def amplitudes(self, name: str, modes: int) -> complex | tuple[complex, ...]:
        """A complex number for each mode, each a number or a pair [re, im]."""
        value = self._get(name)
        entries = [value] if modes == 1 else value
        if not isinstance(entries, list) or len(entries) != modes:
            self.wrong(name, f"be a list of {modes} numbers or pairs [re, im], one for each mode")
        found = []
        for each in entries:
            pair = each if isinstance(each, list) else [each, 0.0]
            if len(pair) != 2 or not all(map(_is_number, pair)):
                self.refuse(name, f"must be a number or a pair [re, im], but has {shown(each)}.")
            found.append(complex(*map(float, pair)))
        return found[0] if modes == 1 else tuple(found)


def _is_whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= WHOLE if isinstance(value, int) else math.isfinite(value)
