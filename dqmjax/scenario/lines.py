"""Where each key of a TOML text is: the line of every table and key.

`tomllib` does not keep lines. This scanner reads the tokens only. It also refuses, before `tomllib`
reads it, what would take that parser very long: deep nesting and long dotted keys.
"""

import re

Key = tuple[str | int, ...]  # names of tables and keys, and numbers in lists of tables

DEEPEST = 6  # brackets in one another, and parts of a dotted key
MOST_STATEMENTS = 5000
DEEP = f"{DEEPEST} brackets or names in one another"
STRING = r'''
    (?P<string> """ (?: [^"\\]++ | \\. | "(?!"") )*+ (?:"{3,5})?
              | \'\'\' (?: [^']++ | '(?!'') )*+ (?:'{3,5})?
              | " (?: [^"\\\n]++ | \\[^\n] )*+ "?
              | ' [^'\n]*+ '? )
    | (?P<comment> \#[^\n]*+ )
    | (?P<newline> \n )
'''
OF_KEYS = re.compile(
    STRING + r"| (?P<mark> [][=] ) | (?P<bare> [\w-]++ ) | (?P<other> [^][=\n\"'\#\w-]++ )",
    re.VERBOSE | re.DOTALL,
)
OF_VALUES = re.compile(
    STRING + r"| (?P<mark> [][{}] ) | (?P<other> [^][{}\n\"'\#]++ )", re.VERBOSE | re.DOTALL
)


class TooMuch(ValueError):
    """Brackets or dotted keys that are too deep, or too many keys."""

    def __init__(self, line: int, must: str):
        super().__init__(f"must have at most {must}: simplify it")
        self.line = line


def lines_of(text: str) -> dict[Key, int]:
    """The line of each table and each key, counted from 1; of a list of tables, that of each.

    Keys of inline tables are not in it. Where the text is no TOML, some lines may be wrong.

    Raises:
        TooMuch: If the nesting is too deep, or there are too many keys.
    """
    scanner, place = _Scanner(), 0
    while token := scanner.pattern.match(text, place):
        scanner.take(token.lastgroup or "other", token.group())
        place = token.end()
    return scanner.lines


class _Scanner:
    """Reads one token after the other."""

    def __init__(self):
        self.lines: dict[Key, int] = {(): 1}
        self._line, self._depth, self._statements = 1, 0, 0
        self._table: Key = ()
        self._last: dict[Key, int] = {}  # the number of the last table of each list
        self._begin()

    def _begin(self):
        """A new statement."""
        self._parts: list[str] = []
        self._heads = 0  # brackets before the name of a table
        self.pattern = OF_KEYS

    def take(self, kind: str, text: str):
        """One token."""
        if self.pattern is OF_VALUES:
            self._value(kind, text)
        elif kind == "newline":
            self._begin()
        elif kind in ("string", "bare"):
            self._parts.append(text.strip("\"'") if kind == "string" else text)
        elif text == "[" and not self._parts:
            self._heads += 1
        elif text == "]" and self._heads:
            self._head()
            self._end()  # the second bracket of a list of tables is part of the rest
        elif text == "=":
            self._note((*self._table, *self._parts))
            self._end()
        if max(len(self._parts), self._heads) > DEEPEST:
            raise TooMuch(self._line, DEEP)
        self._line += text.count("\n")

    def _end(self):
        """What follows belongs to no key, up to the end of the line or of the brackets."""
        self.pattern = OF_VALUES
        self._statements += 1
        if self._statements > MOST_STATEMENTS:
            raise TooMuch(self._line, f"{MOST_STATEMENTS} keys and tables")

    def _value(self, kind: str, text: str):
        """A token after a key."""
        if kind == "mark":
            self._depth = max(0, self._depth + (text in "[{") - (text in "]}"))
            if self._depth > DEEPEST:
                raise TooMuch(self._line, DEEP)
        elif kind == "newline" and not self._depth:
            self._begin()

    def _head(self):
        """The name of a table is complete."""
        key: Key = ()
        for part in self._parts[:-1] if self._heads > 1 else self._parts:
            key = self._within((*key, part))
        if self._heads > 1 and self._parts:
            key = (*key, self._parts[-1])
            self.lines.setdefault(key, self._line)
            self._last[key] = self._last.get(key, -1) + 1
            key = (*key, self._last[key])
        self._table = key
        self._note(key)

    def _within(self, key: Key) -> Key:
        """The last table of a list of tables, or the table itself."""
        return (*key, self._last[key]) if key in self._last else key

    def _note(self, key: Key):
        for length in range(1, len(key) + 1):
            self.lines.setdefault(key[:length], self._line)
