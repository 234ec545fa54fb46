"""The content of data files: tables and arrays with units and scales."""

import csv
import pathlib
import re
import warnings
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError, InputFileError
from ..storage.archive import as_path
from ..storage.npz import numpy_arrays, regular_size

SCALES = ("ell", "kappa", "hbar", "shots")
MARKS = (*SCALES, "description", "time_unit")
ENGINES = {  # the reader for each kind of file
    **dict.fromkeys((".csv", ".tsv", ".txt"), "table"),
    ".npz": "arrays",
    **dict.fromkeys((".h5", ".hdf5"), "hdf5"),
    ".nc": "netcdf",
}
COUNTER = ("shot", "point", "index")  # columns that only number the rows


class Content(NamedTuple):
    """What a file contains."""

    arrays: dict[str, np.ndarray]
    units: dict[str, str]
    marks: dict[str, Any]  # scales and texts beside the arrays


def checked_path(path) -> pathlib.Path:
    """The path, if it names a file of a known kind.

    Raises:
        InputError: If it does not.
    """
    path = as_path("path", path)
    if path.suffix.lower() not in ENGINES:
        kinds = ", ".join(ENGINES)
        raise InputFileError(path, f"must be a file of a known kind ({kinds}): convert it.")
    return path


def content(path: pathlib.Path) -> Content:
    """What the file contains.

    Raises:
        InputFileError: If it cannot be read.
        InputError: If it is damaged, or of another kind than its name says.
    """
    read = {"table": _table, "arrays": _arrays, "hdf5": _hdf5, "netcdf": _netcdf}
    try:
        regular_size(path)
        return read[ENGINES[path.suffix.lower()]](path)
    except OSError as error:
        raise InputFileError(path, f"cannot be read ({error.strerror or error}).") from None


def _table(path: pathlib.Path) -> Content:
    """A table as text, with a line of names and comments before it."""
    marks, skipped = {}, 0
    with path.open(newline="", encoding="utf-8-sig") as file:
        try:
            lines = iter(file)
            header = ""
            for header in lines:
                if header.strip() and not header.startswith("#"):
                    break
                skipped += 1
                mark = re.fullmatch(r"#\s*(\w+)\s*[=:]\s*(.*?)\s*", header.rstrip("\n"))
                if mark and mark[1] in MARKS:
                    marks[mark[1]] = mark[2]
        except UnicodeDecodeError:
            raise InputError("is no text: write the table as CSV.") from None
    delimiter = next((mark for mark in "\t;," if mark in header), ",")
    names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])]
    try:
        with warnings.catch_warnings(action="ignore"):  # of empty tables
            rows = np.loadtxt(
                path, delimiter=delimiter, skiprows=skipped + 1, ndmin=2, encoding="utf-8-sig"
            )
    except ValueError as error:
        raise InputError(f"has a cell that is no number: {error}.") from None
    if not rows.size or rows.shape[1] != len(names):
        raise InputError(
            f"must have a line of names and a column for each of the {len(names)}, but has "
            f"{rows.shape[1] if rows.size else 'no'} columns of numbers."
        )
    units = {}
    for i, name in enumerate(names):
        found = re.fullmatch(r"(\S+)\s*[\[(](.*)[\])]", name)
        if found:
            names[i], units[found[1]] = found[1], found[2].strip()
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"the column {name!r} is there twice: drop one.")
    return Content(dict(zip(names, rows.T, strict=True)), units, marks)


def _arrays(path: pathlib.Path) -> Content:
    arrays = numpy_arrays(path)
    marks = {name: arrays.pop(name) for name in list(arrays) if name in MARKS}
    return Content(arrays, {}, marks)


def _hdf5(path: pathlib.Path) -> Content:
    try:
        import h5py
    except ImportError:
        raise InputError("HDF5 needs h5py: pip install 'dqmjax[data]'.") from None
    arrays, units = {}, {}
    with h5py.File(path) as file:
        marks = {name: value for name, value in file.attrs.items() if name in MARKS}
        for name, item in file.items():
            if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "biufSUO":
                raise InputError(f"{name!r} must be a dataset of numbers: drop it.")
            if name in MARKS:
                marks[name] = item[()]
                continue
            arrays[name] = np.asarray(item[()])
            units[name] = text(item.attrs.get("units", item.attrs.get("unit", "")))
    return Content(arrays, units, marks)


def _netcdf(path: pathlib.Path) -> Content:
    """The variables as columns; a grid of settings becomes one row for each of its points."""
    try:
        import h5netcdf  # noqa: F401  # which xarray needs for this
        import xarray
    except ImportError:
        raise InputError("netCDF needs xarray and h5netcdf: pip install 'dqmjax[data]'.") from None
    with xarray.open_dataset(path, engine="h5netcdf", decode_times=False) as file:
        marks = {str(name): value for name, value in file.attrs.items() if name in MARKS}
        units = {
            str(name): text(item.attrs.get("units", item.attrs.get("unit", "")))
            for name, item in file.variables.items()
        }
        table = file.to_dataframe().dropna(how="all").reset_index()
        numbering = [d for d in file.dims if d not in file.coords or str(d) in COUNTER]
        table = table.drop(columns=[d for d in numbering if d in table])
    return Content({str(n): table[n].to_numpy() for n in table}, units, marks)


def text(value) -> str:
    """An attribute of a file as text."""
    value = value.item() if isinstance(value, np.ndarray | np.generic) else value
    return value.decode() if isinstance(value, bytes) else str(value)
