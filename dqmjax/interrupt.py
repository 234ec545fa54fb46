"""Ctrl-C in the command `dqmjax`: one line and exit status 130, also while the package is imported.

An exception would not do: raised in an import or in a callback of compiled code it may be lost.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import sys

INTERRUPTED = 130  # 128 + SIGINT
MESSAGE = "dqmjax: interrupted"
NAMES = {"dqmjax", "dqmjax.cli"}

unfinished: set[str] = set()  # folders to remove
advice: list[str] = []  # what to do next, while there is something


def is_command() -> bool:
    """Whether this process runs the command: `dqmjax`, `python -m dqmjax.cli`."""
    program = sys.argv[0] if sys.argv else ""
    return pathlib.PurePath(program).stem == "dqmjax" or (
        program == "-m" and bool(NAMES & set(sys.orig_argv))
    )


def end_at_once():
    """From now on Ctrl-C ends the process, and removes unfinished folders."""
    with contextlib.suppress(ValueError):  # outside the main thread
        signal.signal(signal.SIGINT, _end)


def message() -> str:
    """What is said after Ctrl-C, one line."""
    return "; ".join([MESSAGE, *advice])


def _end(number, frame):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for folder in unfinished:
        shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        os.write(2, f"{message()}\n".encode())
    os._exit(INTERRUPTED)


if is_command():
    end_at_once()
