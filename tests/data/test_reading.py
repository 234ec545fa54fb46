"""Files of measured data: every kind in every format, units, warnings, bad input."""

import json
import warnings

import h5py
import numpy as np
import pytest
import xarray

import dqmjax as dqm
from dqmjax.data.plausibility import DataWarning

RANDOM = np.random.default_rng(0)
T = np.array([0.0, 0.5, 1.0])
POINTS = np.array([1.0, -0.5]) + RANDOM.normal(size=(3, 6, 2))


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings(action="ignore", category=DataWarning):
        yield


def rows(**columns):
    """A table of samples: t, q, p."""
    table = {"t": np.repeat(T, 6), "q": POINTS[..., 0].ravel(), "p": POINTS[..., 1].ravel()}
    return table | columns


def write_csv(path, table, header=(), comments=()):
    names = list(header) or list(table)
    lines = [*comments, ",".join(names)]
    lines += [",".join(repr(float(x)) for x in row) for row in zip(*table.values(), strict=True)]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_hdf5(path, table, units=None, **marks):
    with h5py.File(path, "w") as file:
        file.attrs.update(marks)
        for name, column in table.items():
            file[name] = column
            if units and name in units:
                file[name].attrs["units"] = units[name]
    return path


def write_netcdf(path, **marks):
    """As QCoDeS exports a loop over a delay and a counter of shots."""
    shape = ("t", "shot")
    file = xarray.Dataset(
        {"q": (shape, POINTS[..., 0]), "p": (shape, POINTS[..., 1])},
        coords={"t": ("t", T, {"units": "us", "label": "Delay"}), "shot": np.arange(6)},
        attrs={"ds_name": "results", **marks},
    )
    file.to_netcdf(path, engine="h5netcdf")
    return path


@pytest.mark.parametrize("kind", ["csv", "shuffled csv", "tsv", "npz", "h5", "nc", "array npz"])
def test_samples_in_every_format(kind, tmp_path):
    path = tmp_path / f"data.{kind.split()[-1]}"
    table = rows()
    if kind == "csv":
        write_csv(path, table, comments=["# measured on Friday", "# kappa = 1.0"])
    elif kind == "shuffled csv":
        order = np.array([2, 0, 1]).repeat(6) * 6 + np.tile(range(6), 3)
        write_csv(path, {name: column[order] for name, column in table.items()})
    elif kind == "tsv":
        write_csv(path, table)
        path.write_text(path.read_text().replace(",", "\t"))
    elif kind == "npz":
        np.savez(path, **table)
    elif kind == "array npz":
        np.savez(path, t=T, points=POINTS, ell=np.ones(1))
    elif kind == "h5":
        write_hdf5(path, table, kappa=1.0)
    else:
        write_netcdf(path)
    data = dqm.read_data(path)
    assert isinstance(data, dqm.Samples)
    assert np.array_equal(data.t, T)
    assert np.array_equal(data.points, POINTS)
    assert (data.kappa, data.ell) == (1.0, 1.0)
    assert data.time_unit == ("us" if kind == "nc" else "")


def test_two_modes(tmp_path):
    table = {"t": np.repeat(T, 6)}
    table |= {name: RANDOM.normal(size=18) for name in ("p2", "q1", "q2", "p1")}
    data = dqm.read_data(write_csv(tmp_path / "two.csv", table), ell=2.0)
    assert np.array_equal(data.points[1, 2], [table[n][8] for n in ("q1", "q2", "p1", "p2")])
    assert np.array_equal(data.ell, [2.0, 2.0])


def test_densities_and_counts(tmp_path):
    counts = RANDOM.integers(100, size=18)
    fixed = rows(q=np.tile(POINTS[0, :, 0], 3), p=np.tile(POINTS[0, :, 1], 3))
    density = counts / 1000 / (2 * np.pi)
    path = write_csv(tmp_path / "d.csv", fixed | {"density": density, "sigma": 0 * density + 0.01})
    data = dqm.read_data(path)
    assert isinstance(data, dqm.Snapshots)
    assert np.array_equal(data.density, density.reshape(3, 6))
    assert np.array_equal(data.points, POINTS[0])
    counted = dqm.read_data(write_csv(tmp_path / "c.csv", fixed | {"counts": counts}), shots=1000)
    assert np.array_equal(counted.counts, counts.reshape(3, 6))
    assert np.allclose(counted.measured, data.density)
    with pytest.raises(dqm.InputError, match="the same points at all times"):
        dqm.read_data(write_csv(tmp_path / "m.csv", rows(density=density)))


def test_numbers_parities_and_series(tmp_path):
    shots = {"t": np.repeat(T, 4), "n": np.array([0, 1, 1, 2, 0, 0, 3, 1, 0, 0, 0, 0])}
    data = dqm.read_data(write_csv(tmp_path / "n.csv", shots))
    assert np.array_equal(data.counts, [[1, 2, 1, 0], [2, 1, 0, 1], [4, 0, 0, 0]])
    histogram = {"t": np.repeat(T, 2), "n": [0, 1] * 3, "counts": [5, 3, 4, 4, 8, 0]}
    data = dqm.read_data(write_csv(tmp_path / "h.csv", histogram))
    assert np.array_equal(data.counts, [[5, 3], [4, 4], [8, 0]])
    parity = {"t": T, "even": [9, 5, 4], "shots": [10, 10, 10]}
    data = dqm.read_data(write_csv(tmp_path / "p.csv", parity))
    assert isinstance(data, dqm.Parity)
    assert np.array_equal(data.measured[:, 0], [0.9, 0.5, 0.4])
    moments = {"t": T, "x": [1.0, 0.5, 0.2], "y": [0.0, 0.1, 0.2], "x_sigma": 3 * [0.1]}
    with pytest.raises(dqm.InputError, match="the column 'y_sigma' is missing"):
        dqm.read_data(write_csv(tmp_path / "s.csv", moments))
    data = dqm.read_data(write_csv(tmp_path / "s.csv", moments | {"y_sigma": 3 * [0.2]}))
    assert np.array_equal(data.sigma[0], [0.1, 0.2])


def test_units_and_names_of_columns(tmp_path):
    header = ["time (us)", "I [V]", "Q [V]"]
    path = write_csv(tmp_path / "lab.csv", rows(), header)
    with pytest.warns(DataWarning, match="q and p are in V: .* detector with a `gain`"):
        data = dqm.read_data(path, columns={"t": "time", "q": "I", "p": "Q"})
    assert data.time_unit == "us"
    assert np.array_equal(data.points, POINTS)
    with pytest.raises(dqm.InputError, match="`time_unit` is us in the file, but ns"):
        dqm.read_data(path, columns={"t": "time", "q": "I", "p": "Q"}, time_unit="ns")


@pytest.mark.parametrize(
    ("header", "given", "message"),
    [
        (["t", "q", "q"], {}, "the column 'q' is there twice"),
        (["time", "q", "p"], {}, "the column `t` is missing: there are time, q, p"),
        (["t", "q", "x"], {}, "the column 'p' is missing"),
        (["t", "q [mV]", "p [V]"], {}, "`q` and `p` must have the same unit"),
        (["t (kg)", "q", "p"], {}, "must be a unit of time"),
        (["t (parsec_)", "q", "p"], {}, "must be a number with a unit"),
        (["t", "q", "p"], {"columns": {"q": "I"}}, "the column 'I' is missing"),
        (["t", "q", "p"], {"columns": {"q": "p"}}, "would both be 'q'"),
        (["t", "q", "p"], {"sigma": 1.0}, "`sigma` is no scale"),
        (["t", "q", "p"], {"ell": -1.0}, "`ell` must be positive"),
    ],
)
def test_bad_headers_are_named(header, given, message, tmp_path):
    path = write_csv(tmp_path / "bad.csv", rows(), header)
    with pytest.raises(dqm.InputError, match=message):
        dqm.read_data(path, **given)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must have a line of names"),
        (b"t,q,p\n", "no columns of numbers"),
        (b"t,q,p\n0,1,x\n", "a cell that is no number"),
        (b"t,q,p\n0,1\n", "column"),
        (b"t,q,p\n0,1,nan\n0,2,3\n1,2,3\n1,3,4\n", "must be finite"),
        (b"t,q,p\n0,1,2\n0,2,3\n1,2,3\n", "t = 1 has 1 and t = 0 has 2"),
        (b"t,q,p,z\n0,1,2,3\n", "the column 'z' is unknown"),
        (b"t,n\n0,0.5\n", "integers of at least 0"),
        (b"t,x\n0,0.5\n0,0.6\n", "each time once"),
        (b"# ell = wide\nt,q,p\n0,1,2\n0,2,3\n", "`ell` must be a number"),
        (b"\x00\xff\xfe\x80", "is no text"),
    ],
)
def test_bad_tables_are_named(content, message, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(dqm.InputError, match=message):
        dqm.read_data(path)


def test_other_files_are_refused(tmp_path):
    for name, message in (("data.xls", "must be a file of a known kind"), ("no.csv", "No such")):
        with pytest.raises(dqm.InputError, match=message):
            dqm.read_data(tmp_path / name)
    for name in ("a.h5", "a.nc", "a.npz"):
        (tmp_path / name).write_bytes(json.dumps({"t": 1}).encode())
        with pytest.raises(dqm.InputError, match=name):
            dqm.read_data(tmp_path / name)
    np.savez(tmp_path / "o.npz", t=np.array([{}], dtype=object), q=[1.0])
    with pytest.raises(dqm.InputError, match="plain"):
        dqm.read_data(tmp_path / "o.npz")


@pytest.mark.parametrize(
    ("points", "message"),
    [(0.1 * POINTS, "less than the 1 of the vacuum"), (None, "1 of 900 samples are farther")],
)
def test_unlikely_samples_are_pointed_out(points, message, tmp_path):
    if points is None:
        points = RANDOM.normal(size=(3, 300, 2))
        points[1, 7] = 50.0
    np.savez(tmp_path / "s.npz", t=T, points=points)
    with pytest.warns(DataWarning, match=message):
        dqm.read_data(tmp_path / "s.npz")


def test_contradictions_are_pointed_out(tmp_path):
    counts = RANDOM.integers(50, 100, size=(3, 6))
    arrays = {"t": T, "points": POINTS[0], "counts": counts, "shots": 1000}
    density = counts / 1000 / (2 * np.pi)
    with warnings.catch_warnings(action="error"):
        np.savez(tmp_path / "s.npz", density=density, **arrays)
        dqm.read_data(tmp_path / "s.npz")
    np.savez(tmp_path / "s.npz", density=2 * density, **arrays)
    with pytest.warns(DataWarning, match="disagree at 18 of 18 places"):
        dqm.read_data(tmp_path / "s.npz")


def test_snapshot_files_are_read_as_before(tmp_path):
    demo = dqm.demo_snapshots()
    path = str(dqm.data.snapshots.DEMO)
    data = dqm.read_data(path)
    assert np.array_equal(data.counts, demo.counts)
    assert data.description == demo.description
