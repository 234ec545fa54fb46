"""Reports: reading a file, printing a table, comparing two."""

import json
import os
import pathlib
from collections.abc import Iterator

from ..errors import InputError, InputFileError
from .suite import line, trend_line

NO_REPORT = "not a report of `dqmjax bench`: run that command to write one."
HEAD = (
    f"{'kernel':31}{'size':>13}{'':5} {'':7}{'time':>11} {'ns/update':>9} {'compiling':>9} "
    f"{'error':>9}  time / lower bound"
)
SIZES = ("shape", "precision", "steps", "batch", "points", "times")


def read(path: str | os.PathLike[str]) -> dict:
    """Reads a report that `dqmjax bench` wrote.

    Args:
        path: The file, usually `bench.json`.

    Raises:
        InputFileError: If the file cannot be read or is not such a report.

    Example:
        >>> import json, pathlib
        >>> row = {"kernel": "split step", "shape": "64", "error": 1e-6}
        >>> row |= {"min_s": 2e-4, "compile_s": 1.0}
        >>> report = {"machine": {"device": "cpu: cpu"}, "kernels": [row], "growth": []}
        >>> _ = pathlib.Path("bench.json").write_text(json.dumps(report))
        >>> dqm.benchmark.read("bench.json")["machine"]["device"]
        'cpu: cpu'
    """
    try:
        path = pathlib.Path(path)
        if not path.is_file():  # a pipe would never end
            path.stat()
            raise InputFileError(path, "is no regular file: name a report (.json).")
        report = json.loads(path.read_text())
    except OSError as error:
        raise InputFileError(path, f"cannot be read ({error.strerror}).") from None
    except InputFileError:
        raise
    except TypeError:
        raise InputError(f"`path` must name a report (.json), but is {path!r}.") from None
    except (ValueError, RecursionError):
        report = {}
    if not _is_report(report):
        raise InputFileError(path, f"is {NO_REPORT}")
    return report


def _is_report(report) -> bool:
    """Whether it has what is printed of it."""
    try:
        for row in report["kernels"]:
            f"{row['kernel']:31} {row['min_s']:9.2e} {row['error']:.0e}"
        [trend_line(trend) for trend in report["growth"]]
        f"{report['machine']['device']}"
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return False
    return True


def _require_report(**reports):
    for name, report in reports.items():
        if not _is_report(report):
            raise InputError(f"`{name}` is {NO_REPORT}")


def table(report: dict) -> str:
    """The report as text: a line for each kernel, and how run times grow with size.

    Args:
        report: Returned by `run` or `read`.

    Raises:
        InputError: If it is something else.

    Example:
        >>> row = {"kernel": "split step", "shape": "64", "error": 1e-6}
        >>> row |= {"min_s": 2e-4, "compile_s": 1.0}
        >>> report = {"machine": {"device": "cpu: cpu"}, "kernels": [row], "growth": []}
        >>> print(dqm.benchmark.table(report))
        kernel      size          time ns/update compiling  error  time / lower bound
        split step    64 double 2.00e-04 s          1.00 s  1.0e-06
        <BLANKLINE>
    """
    _require_report(report=report)
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
    """The ratio of value and gradient to the run alone, where both were measured."""
    alone = {_key(row): row for row in rows}
    for row in rows:
        kernel, _, what = row["kernel"].partition(", ")
        forward = alone.get((kernel, *_key(row)[1:]))
        if what == "gradient" and forward:
            ratio = row["min_s"] / forward["min_s"]
            size = f"{row['shape']}, {row['precision']}"
            yield f"{kernel}, {size}: value and gradient take {ratio:.1f} times as long as the run"


def compare(old: dict, new: dict) -> str:
    """The ratio of run times, new to old, for the kernels that both reports contain.

    Args:
        old, new: Returned by `run` or `read`.

    Raises:
        InputError: If one is something else.

    Example:
        >>> row = {"kernel": "split step", "shape": "64", "error": 1e-6}
        >>> row |= {"min_s": 2e-4, "compile_s": 1.0}
        >>> report = {"machine": {"device": "cpu: cpu"}, "kernels": [row], "growth": []}
        >>> faster = {**report, "kernels": [{**row, "min_s": 1e-4}]}
        >>> print(dqm.benchmark.compare(report, faster))
        kernel ... old       new  new/old  errors
        split step ... 2.00e-04  1.00e-04     0.50  1e-06 1e-06
        old: cpu: cpu; new: cpu: cpu; rows in only one of them: 0.
    """
    _require_report(old=old, new=new)
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
    lines.append(f"old: {devices[0]}; new: {devices[1]}; rows in only one of them: {alone}.")
    return "\n".join(lines)


def _key(row: dict) -> tuple:
    return row["kernel"], *(row.get(name) for name in SIZES)
