"""Reports on disk: read, shown as a table, and two set side by side."""

import json
import os
import pathlib
from collections.abc import Iterator

from ..errors import InputFileError
from .suite import line, trend_line

HEAD = (
    f"{'kernel':31}{'size':>13}{'':5} {'':7}{'time':>11} {'ns/update':>9} {'compiling':>9} "
    f"{'error':>9}  over the floor"
)
SIZES = ("shape", "precision", "steps", "batch", "points", "times")


def read(path: str | os.PathLike[str]) -> dict:
    """A report.

    Raises:
        InputFileError: If there is none at `path`.
    """
    try:
        report = json.loads(pathlib.Path(path).read_text())
        [(row["kernel"], row["min_s"], row["error"]) for row in report["kernels"]]
        [trend_line(trend) for trend in report["growth"]]
        report["machine"]["device"]
    except OSError as error:
        raise InputFileError(path, f"cannot be read ({error.strerror}).") from None
    except (ValueError, KeyError, TypeError):
        raise InputFileError(path, "is no report of `dqmjax bench`: make one.") from None
    return report


def table(report: dict) -> str:
    """All rows, and how costs grow."""
    return "\n".join(
        [
            HEAD,
            *map(line, report["kernels"]),
            "",
            *_gradients(report["kernels"]),
            *map(trend_line, report["growth"]),
        ]
    )


def _gradients(rows: list[dict]) -> Iterator[str]:
    """Value and gradient beside the run alone, where both were measured."""
    alone = {_key(row): row for row in rows}
    for row in rows:
        kernel, _, what = row["kernel"].partition(", ")
        forward = alone.get((kernel, *_key(row)[1:]))
        if what == "gradient" and forward:
            ratio = row["min_s"] / forward["min_s"]
            size = f"{row['shape']}, {row['precision']}"
            yield f"{kernel} of {size}: value and gradient in {ratio:.1f} times its time"


def compare(old: dict, new: dict) -> str:
    """The times of the new report over those of the old, of what both hold."""
    before = {_key(row): row for row in old["kernels"]}
    rows = [(before[_key(row)], row) for row in new["kernels"] if _key(row) in before]
    lines = [f"{'kernel':31}{'size':>13} {'':8} {'old':>9} {'new':>9}  new/old  errors"]
    for was, now in rows:
        lines.append(
            f"{now['kernel']:31}{now.get('shape', ''):>13} {now.get('precision', ''):8} "
            f"{was['min_s']:9.2e} {now['min_s']:9.2e} {now['min_s'] / was['min_s']:8.2f}  "
            f"{was['error']:.0e} {now['error']:.0e}"
        )
    devices = [report["machine"]["device"] for report in (old, new)]
    alone = len(old["kernels"]) + len(new["kernels"]) - 2 * len(rows)
    lines.append(f"old: {devices[0]}; new: {devices[1]}; {alone} rows are in one of them only.")
    return "\n".join(lines)


def _key(row: dict) -> tuple:
    return row["kernel"], *(row.get(name) for name in SIZES)
