"""Files of measured data: tables (CSV, HDF5, netCDF) and arrays (NumPy, HDF5).

Nothing in a file is executed.
"""

import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import InputError, InputFileError
from .abstract import AbstractData
from .counting import Parity, PhotonNumbers
from .files import COUNTER, SCALES, Content, checked_path, content, text
from .plausibility import warn
from .samples import Samples
from .series import Series
from .snapshots import Snapshots
from .units import require_time_unit


def read_data(
    path: str | os.PathLike[str],
    *,
    columns: Mapping[str, str] | None = None,
    time_unit: str | None = None,
    **scales: Any,
) -> AbstractData:
    """Reads what was measured: samples, snapshots, counted quanta, parities or a series.

    A table has one row for each measurement. Its columns decide what is returned:

    - `t, q, p` gives `Samples`; all times have as many,
    - `t, q, p, density` (and `sigma`) gives `Snapshots`; all times have the same points,
    - `t, q, p, counts, shots` gives `Snapshots`, of counts,
    - `t, n` (and `counts`) gives `PhotonNumbers`,
    - `t, even, shots` (and `q, p`) gives `Parity`,
    - `t` and any others (`x_sigma` for `x`) gives a `Series`.

    For several modes the coordinates are q1, q2, …, p1, p2, …. Tables are CSV, HDF5 with columns as
    datasets, and netCDF as xarray and QCoDeS export it. NumPy's `.npz` and HDF5 can also contain
    the arrays `t`, `points`, `density` … of `Snapshots` and `Samples`. Units are read from headers
    such as `t (us)` and from attributes; scales from attributes and from comments `# ell = 1.0`.

    Args:
        path: `.csv`, `.tsv`, `.txt`, `.npz`, `.h5`, `.hdf5` or `.nc`. The last three need
            `pip install 'dqmjax[data]'`.
        columns: The file's own names by the names above, such as `{"q": "I", "p": "Q"}`.
        time_unit: Of `t`, such as "us"; needed if the file has none and parameters have units.
        scales: `ell`, `kappa`, `hbar` and `shots`, if they are not in the file. ℓ, κ and ħ are 1 by
            default: the amplitude is `(q + ip)/√2`.

    Raises:
        InputFileError: If the file cannot be read, a column is missing, unknown or there twice, a
            cell is no number, times have different numbers of samples or different points, or units
            or scales contradict each other.

    Example:
        >>> rows = [[0, 1.2, 1.3], [0, 3.1, -0.5], [1, 0.4, -1.1], [1, -1.1, 1.0]]
        >>> np.savetxt("run.csv", rows, delimiter=",", header="t (us),I,Q", comments="")
        >>> data = dqm.read_data("run.csv", columns={"q": "I", "p": "Q"})
        >>> type(data).__name__, data.points.shape, data.time_unit
        ('Samples', (2, 2, 2), 'us')
    """
    path = checked_path(path)
    unknown = sorted(set(scales) - set(SCALES))
    if unknown:
        raise InputError(f"`{unknown[0]}` is no scale of data: give {', '.join(SCALES)}.")
    try:
        found = _renamed(content(path), columns or {})
        marks = _marks(found, {"time_unit": time_unit, **scales})
        data = _data(_as_arrays(found.arrays), marks)
    except InputFileError:
        raise
    except InputError as error:
        raise InputFileError(path, str(error)) from None
    warn(data, found.units)
    return data


def _renamed(content: Content, columns: Mapping[str, str]) -> Content:
    """With the names of this package in place of the file's."""
    arrays, units = dict(content.arrays), dict(content.units)
    for new, old in columns.items():
        if old not in arrays:
            raise InputError(f"the column {old!r} is missing: there are {', '.join(arrays)}.")
        if new != old and new in arrays:
            raise InputError(f"the columns {new!r} and {old!r} would both be {new!r}: drop one.")
        arrays[new] = arrays.pop(old)
        units[new] = units.pop(old, "")
    return Content(arrays, units, content.marks)


def _marks(content: Content, given: Mapping[str, Any]) -> dict[str, Any]:
    """Scales and units, from the file or the caller; they must agree."""
    marks = {}
    for name, value in content.marks.items():
        is_text = name in ("description", "time_unit")
        try:
            marks[name] = text(value) if is_text else np.asarray(value, float)
        except ValueError:
            raise InputError(f"`{name}` must be a number, but is {value!r}.") from None
    of_time = content.units.get("t", "")
    if of_time:
        marks.setdefault("time_unit", of_time)
        if marks["time_unit"] != of_time:
            raise InputError(f"`t` is in {of_time!r}, but `time_unit` is {marks['time_unit']!r}.")
    for name, value in given.items():
        if value is None:
            continue
        value = value if isinstance(value, str) else np.asarray(value, float)
        if marks.get(name, "") != "" and not np.array_equal(marks[name], value):
            raise InputError(f"`{name}` is {marks[name]} in the file, but {value} was given.")
        marks[name] = value
    if marks.get("time_unit"):
        require_time_unit("time_unit", marks["time_unit"])
    of_points = {content.units.get(n, "") for n in content.arrays if re.fullmatch(r"[qp]\d*", n)}
    if len(of_points) > 1:
        raise InputError(f"`q` and `p` must have the same unit, but have {sorted(of_points)}.")
    return marks


def _as_arrays(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of a data set, from a table if they are columns of one."""
    if "t" not in columns:
        raise InputError(f"the column `t` is missing: there are {', '.join(columns) or 'none'}.")
    if "points" in columns or "values" in columns or any(np.ndim(x) != 1 for x in columns.values()):
        return columns
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(f"all columns must have the same length, but have {lengths}.")
    table = {name: x for name, x in columns.items() if name not in COUNTER}
    modes = sum(bool(re.fullmatch(r"q\d*", name)) for name in table)
    coordinates = [f"{x}{i}" for x in "qp" for i in (range(1, modes + 1) if modes > 1 else [""])]
    coordinates = coordinates if modes else []
    for name in coordinates:
        if name not in table:
            raise InputError(f"the column {name!r} is missing: there are {', '.join(table)}.")
    known = {"t", "density", "sigma", "counts", "n", "even", "shots", *coordinates}
    if coordinates or {"n", "even"} & table.keys():
        for name in table:
            if name not in known:
                raise InputError(f"the column {name!r} is unknown: drop or rename it.")
    return _pivoted(table, coordinates)


def _pivoted(table: dict[str, np.ndarray], coordinates: list[str]) -> dict[str, np.ndarray]:
    """Rows for times in place of one long column."""
    t, which = np.unique(table["t"], return_inverse=True)
    order = np.argsort(which, kind="stable")
    counts = np.bincount(which)
    rows = {name: column[order] for name, column in table.items() if name != "t"}
    if "n" in rows:
        return {"t": t, **_numbers_of(rows, which[order], len(t))}
    if not coordinates and "even" not in rows:
        return _series(t, rows, counts)
    if len(set(counts)) > 1:
        raise InputError(
            f"all times must have as many rows, but t = {t[np.argmin(counts)]:g} has "
            f"{counts.min()} and t = {t[np.argmax(counts)]:g} has {counts.max()}."
        )
    square = {name: column.reshape(len(t), -1) for name, column in rows.items()}
    found: dict[str, np.ndarray] = {"t": t}
    if coordinates:
        points = np.stack([square.pop(name) for name in coordinates], axis=-1)
        found["points"] = points
        if square:
            if not (points == points[0]).all():
                raise InputError("`density` and `counts` need the same points at all times.")
            found["points"] = points[0]
    return found | square


def _numbers_of(rows: dict[str, np.ndarray], which: np.ndarray, times: int):
    """How often each number of quanta was found at each time."""
    n = rows["n"]
    if (n % 1).any() or (n < 0).any():
        raise InputError("`n` must be numbers of quanta, integers of at least 0.")
    counts = np.zeros((times, int(n.max()) + 1))
    np.add.at(counts, (which, n.astype(int)), rows.get("counts", np.ones(len(n))))
    return {"counts": counts}


def _series(t: np.ndarray, rows: dict[str, np.ndarray], counts: np.ndarray):
    """The other columns as values, and those that end in `_sigma` as their errors."""
    if counts.max() > 1:
        raise InputError("`t` must have each time once in a series: average the values.")
    names = [name for name in rows if not name.endswith("_sigma")]
    errors = [f"{name}_sigma" for name in names]
    if not names or not set(rows) <= {*names, *errors}:
        raise InputError(f"has no columns of values beside `t`, or errors of none: {list(rows)}.")
    found = {"t": t, "values": np.stack([rows[name] for name in names], axis=1)}
    given = [error for error in errors if error in rows]
    if given and len(given) < len(names):
        raise InputError(f"the column {next(e for e in errors if e not in rows)!r} is missing.")
    if given:
        found["sigma"] = np.stack([rows[error] for error in errors], axis=1)
    return found


def _data(given: dict[str, np.ndarray], marks: dict[str, Any]) -> AbstractData:
    """The data set that has these arrays."""
    own = {"kappa": 1.0, "hbar": 1.0} | marks
    own = {name: own[name] for name in ("kappa", "hbar", "time_unit") if name in own}
    own = {name: x if isinstance(x, str) else _single(name, x) for name, x in own.items()}
    arrays: dict[str, Any] = {name: _whole(name, array) for name, array in given.items()}
    shots = arrays.pop("shots", marks.get("shots"))
    one_mode = np.atleast_1d(marks.get("ell", 1.0))
    if "even" in arrays:
        arrays |= {"shots": int(_single("shots", shots)), "ell": one_mode}
        return _made(Parity, arrays, own)
    if "values" in arrays:
        return _made(Series, arrays, {k: x for k, x in own.items() if k == "time_unit"})
    if "points" not in arrays and "counts" in arrays:
        return _made(PhotonNumbers, arrays | {"ell": one_mode}, own)
    if "points" not in arrays:
        raise InputError(f"has no data of a known kind, but {', '.join(arrays)}.")
    arrays["ell"] = np.broadcast_to(one_mode, arrays["points"].shape[-1] // 2)
    if arrays["points"].ndim == 3:
        return _made(Samples, arrays, own)
    if shots is not None and "counts" in arrays:
        arrays["shots"] = int(_single("shots", shots))
    if "density" not in arrays and {"counts", "shots"} <= arrays.keys():
        cell = (2 * np.pi * float(own.get("kappa", 1.0))) ** len(arrays["ell"])
        arrays["density"] = arrays["counts"] / arrays["shots"] / cell
    if "description" in marks:
        own["description"] = marks["description"]
    return _made(Snapshots, arrays, own)


def _made(kind: type, arrays: Mapping[str, Any], own: Mapping[str, Any]) -> AbstractData:
    try:
        return kind(**arrays, **own)
    except TypeError:
        raise InputError(
            f"has the arrays {', '.join(arrays)}, which are not those of `{kind.__name__}`: drop "
            "or rename some."
        ) from None


def _single(name: str, value) -> float:
    """One number, the same in all rows if it is a column."""
    if value is None:
        raise InputError(f"`{name}` is missing: give it as an argument or in the file.")
    values = np.unique(value)
    if values.size != 1:
        raise InputError(f"`{name}` must be one number, but is {values.size} different ones.")
    return float(values[0])


def _whole(name: str, array: np.ndarray) -> np.ndarray:
    """Counts as integers."""
    is_count = name in ("counts", "even", "shots")
    if is_count and array.dtype.kind == "f" and np.isfinite(array).all() and not (array % 1).any():
        return array.astype(int)
    return array
