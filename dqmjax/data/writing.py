"""Data sets as tables in files, in the form that `read_data` reads."""

import os
import pathlib
from typing import Any

import numpy as np

from ..errors import InputError, InputFileError
from .abstract import AbstractData, AbstractHeterodyneData
from .counting import Parity, PhotonNumbers
from .samples import Samples
from .series import Series
from .snapshots import Snapshots


def write_data(data: AbstractData, path: str | os.PathLike[str]):
    """Writes a data set as a table.

    Args:
        data: `Samples`, `Snapshots`, `PhotonNumbers`, `Parity`, or a `Series` of numbers.
        path: `.csv`, `.npz`, `.h5` or `.nc`, which does not exist yet.

    Raises:
        InputFileError: If the kind of file is unknown, the file exists, or it cannot be written.
        InputError: If the data are of another kind.

    Example:
        >>> t = np.linspace(0.0, 3.0, 4)
        >>> dqm.write_data(dqm.Series(t, np.cos(t), sigma=0.01), "fringe.csv")
        >>> dqm.read_data("fringe.csv").measured.ravel().round(3)
        array([ 1.   ,  0.54 , -0.416, -0.99 ])
    """
    path = pathlib.Path(path)
    writers = {".csv": _csv, ".npz": _npz, ".h5": _hdf5, ".nc": _netcdf}
    if path.suffix.lower() not in writers:
        raise InputFileError(path, f"must end in one of {', '.join(writers)}: choose another name.")
    if path.exists():
        raise InputFileError(path, "exists: choose another name, or remove it.")
    columns, marks = _table(data)
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    try:
        writers[path.suffix.lower()](partial, columns, marks)
        partial.rename(path)
    except OSError as error:
        raise InputFileError(path, f"cannot be written ({error.strerror or error}).") from None
    finally:
        partial.unlink(missing_ok=True)


def _table(data: AbstractData) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Columns, and what is said once."""
    if isinstance(data, Series):
        values = data.measured
        columns = {"t": data.t} | {f"x{i + 1}": x for i, x in enumerate(values.T)}
        if data.sigma is not None:
            sigma = np.broadcast_to(data.sigma, np.shape(data.values)).reshape(values.shape)
            columns |= {f"x{i + 1}_sigma": x for i, x in enumerate(sigma.T)}
        return columns, {"time_unit": data.time_unit} if data.time_unit else {}
    if not isinstance(data, Samples | Snapshots | PhotonNumbers | Parity):
        raise InputError(f"`data` of type {type(data).__name__} have no table.")
    marks = {"ell": data.ell, "kappa": data.kappa, "hbar": data.hbar}
    marks |= {"time_unit": data.time_unit} if data.time_unit else {}
    if isinstance(data, PhotonNumbers):
        times, numbers = np.shape(data.counts)
        columns = {"t": np.repeat(data.t, numbers), "n": np.tile(np.arange(numbers), times)}
        return columns | {"counts": np.ravel(data.counts)}, marks
    if isinstance(data, AbstractHeterodyneData):
        points = data.points
    else:
        points, marks["shots"] = data.points, data.shots
    rows = np.broadcast_to(points, (len(data.t), *np.shape(points)[-2:]))
    columns = {"t": np.repeat(data.t, rows.shape[1])}
    modes = data.modes
    numbered = [""] if modes == 1 else range(1, modes + 1)
    names = [f"{x}{i}" for x in "qp" for i in numbered]
    columns |= {name: rows[..., i].ravel() for i, name in enumerate(names)}
    if isinstance(data, Parity):
        columns["even"] = np.ravel(data.even)
    if isinstance(data, Snapshots):
        columns["density"] = data.density.ravel()
        if data.sigma is not None:
            columns["sigma"] = np.broadcast_to(data.sigma, data.density.shape).ravel()
        if data.counts is not None:
            columns["counts"], marks["shots"] = data.counts.ravel(), data.shots
    return columns, marks


def _csv(path: pathlib.Path, columns, marks):
    lines = [f"# {name} = {_once(value)}" for name, value in marks.items()]
    lines.append(",".join(columns))
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    lines += [",".join(map(repr, row)) for row in rows]
    path.write_text("\n".join(lines) + "\n")


def _npz(path: pathlib.Path, columns, marks):
    with path.open("wb") as file:
        np.savez_compressed(file, **columns, **marks)


def _hdf5(path: pathlib.Path, columns, marks):
    try:
        import h5py
    except ImportError:
        raise InputError("HDF5 needs h5py: pip install 'dqmjax[data]'.") from None
    with h5py.File(path, "w") as file:
        file.attrs.update(marks)
        for name, column in columns.items():
            file[name] = column


def _netcdf(path: pathlib.Path, columns, marks):
    try:
        import xarray
    except ImportError:
        raise InputError("netCDF needs xarray and h5netcdf: pip install 'dqmjax[data]'.") from None
    rows = {name: ("row", column) for name, column in columns.items()}
    xarray.Dataset(rows, attrs=marks).to_netcdf(path, engine="h5netcdf")


def _once(value):
    """A scale that is one number, or the same for all modes."""
    values = np.unique(value)
    return values[0] if values.size == 1 else value
