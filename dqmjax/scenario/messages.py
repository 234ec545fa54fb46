"""Parts of messages: values, keys, and the name that was meant."""

import datetime
import difflib
import re
from collections.abc import Collection
from typing import Any

from .lines import Key

MOST_SHOWN = 40  # characters of a value in a message
BARE = re.compile(r"[A-Za-z0-9_-]{1,40}")


def shown(value: Any) -> str:
    """A value in a message: short, on one line."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime.date | datetime.time):
        return "a date or a time"
    if isinstance(value, str) and len(value) > MOST_SHOWN:
        return f"{value[:MOST_SHOWN]!r}… ({len(value)} characters)"
    try:
        text = repr(value)
    except ValueError:  # integers with more digits than Python writes
        text = "an integer of many digits"
    return text if len(text) <= MOST_SHOWN + 4 else f"{text[:MOST_SHOWN]}…"


def dotted(key: Key) -> str:
    """A key in backticks, with its tables; lists of tables count from 1."""
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            name = part if BARE.fullmatch(part) else shown(part)
            text += f".{name}" if text else name
    return f"`{text}` " if text else ""


def meant(name: Any, known: Collection[str]) -> str:
    """The end of a message about an unknown name: the nearest known one."""
    text = name[:MOST_SHOWN] if isinstance(name, str) else ""
    near = difflib.get_close_matches(text, known, 1, 0.5)
    return f": do you mean `{near[0]}`?" if near else "."
