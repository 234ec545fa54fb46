import contextlib
import dataclasses
import os
import tracemalloc
import zipfile

import numpy as np
import pytest

from dqmjax.data.snapshots import Snapshots, read_snapshots
from dqmjax.errors import InputError, InputFileError

GOOD = {
    "t": np.array([0.0, 0.1, 0.2]),
    "points": np.random.default_rng(0).normal(size=(5, 2)),
    "density": np.full((3, 5), 0.1),
    "ell": np.ones(1),
    "kappa": np.array(1.0),
    "hbar": np.array(1.0),
}
COUNTS = {"shots": np.array(10), "counts": np.full((3, 5), 4)}


def write(path, **changes):
    arrays = {k: v for k, v in (GOOD | changes).items() if v is not None}
    np.savez(path, **arrays)
    return path


def with_nan(array):
    array = array.copy()
    array.flat[0] = np.nan
    return array


def test_round_trip(tmp_path):
    data = read_snapshots(write(tmp_path / "a.npz", **COUNTS, description="words"))
    assert (data.modes, data.shots, data.description) == (1, 10, "words")
    np.testing.assert_array_equal(data.points, GOOD["points"])
    np.testing.assert_allclose(data.measured, 0.4 / (2 * np.pi))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"t": None}, "`t` is missing"),
        ({"kappa": None}, "`kappa` is missing"),
        ({"extra": np.ones(2)}, "'extra' is unknown"),
        ({"t": GOOD["t"][::-1]}, "strictly increasing"),
        ({"t": np.array([0.0, 0.1, 0.1])}, "strictly increasing"),
        ({"t": np.zeros((3, 1))}, "a list of times"),
        ({"t": np.array([0.0])}, "a row for each time of `t`"),
        ({"points": GOOD["points"][:, :1]}, r"must have shape \(points, 2N\)"),
        ({"points": np.ones(5)}, r"shape \(points, 2N\)"),
        ({"density": np.ones((5, 3))}, r"`density` must have shape \(3, 5\)"),
        ({"density": with_nan(GOOD["density"])}, "`density` must be finite, but has 1 NaN"),
        ({"points": with_nan(GOOD["points"])}, "`points` must be finite"),
        ({"density": GOOD["density"] + 0j}, "`density` must hold real numbers"),
        ({"ell": np.ones(2)}, r"`ell` must have shape \(1,\)"),
        ({"ell": np.array([-1.0])}, "`ell` must be positive"),
        ({"kappa": np.array(0.0)}, "`kappa` must be positive"),
        ({"kappa": np.ones(2)}, "`kappa` must be one number"),
        ({"sigma": np.array(-0.1)}, "`sigma` must be positive"),
        ({"sigma": np.array(1e-300)}, "`sigma` must exceed the round-off"),
        ({"density": np.full((3, 5), 1e3)}, "`density` must be per dq dp"),
        ({"density": np.zeros((3, 5))}, "positive somewhere at the first time"),
        (COUNTS | {"counts": np.zeros((3, 5), int)}, "positive somewhere at the first time"),
        ({"points": GOOD["points"][:1], "density": GOOD["density"][:, :1]}, "two points or more"),
        ({"new\nline": np.ones(1)}, "is unknown"),
        ({"sigma": np.ones(4)}, "`sigma` must be one number or broadcast"),
        ({"shots": COUNTS["shots"]}, "given with"),
        (COUNTS | {"counts": np.full((3, 5), 11)}, "between 0 and `shots` = 10"),
        (COUNTS | {"counts": np.full((3, 5), -1)}, "between 0 and `shots`"),
        (COUNTS | {"counts": np.full((3, 5), 0.5)}, "`counts` must be integers"),
        (COUNTS | {"counts": np.ones((5, 3), int)}, "`counts` must have shape"),
        (COUNTS | {"shots": np.array(0)}, "`shots` must be an integer of at least 1"),
        (COUNTS | {"shots": np.array(1.5)}, "`shots` must be an integer of at least 1"),
        ({"density": np.array([[{}] * 5] * 3)}, "other than plain arrays"),
    ],
)
def test_bad_content_is_named(tmp_path, changes, message):
    path = write(tmp_path / "bad.npz", **changes)
    with pytest.raises(InputFileError, match=message) as caught:
        read_snapshots(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_damaged_files_are_noticed(tmp_path):
    good = write(tmp_path / "good.npz").read_bytes()
    path = tmp_path / "bad.npz"
    for i in range(0, len(good), 61):
        flipped = bytearray(good)
        flipped[i] ^= 0x10
        path.write_bytes(flipped)
        try:
            data = read_snapshots(path)
        except InputFileError:
            continue
        np.testing.assert_array_equal(data.density, GOOD["density"])  # a bit that says nothing
        np.testing.assert_array_equal(data.points, GOOD["points"])
    for length in (0, 10, len(good) // 2, len(good) - 5):
        path.write_bytes(good[:length])
        with pytest.raises(InputFileError, match=r"complete \.npz"):
            read_snapshots(path)


def test_flipped_data_bit_is_a_checksum_error(tmp_path):
    path = write(tmp_path / "good.npz")
    with zipfile.ZipFile(path) as archive:
        offset = archive.getinfo("density.npy").header_offset
    content = bytearray(path.read_bytes())
    content[offset + 300] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputFileError, match="damaged"):
        read_snapshots(path)


def test_mutated_files_are_read_or_refused(tmp_path):
    """150 of them: bits, bytes and whole blocks changed, anywhere and in the headers."""
    good, path = write(tmp_path / "good.npz", **COUNTS).read_bytes(), tmp_path / "bad.npz"
    with zipfile.ZipFile(tmp_path / "good.npz") as archive:
        headers = [member.header_offset for member in archive.infolist()]
    random = np.random.default_rng(0)
    for i in range(150):
        path.write_bytes(mutated(good, headers, random, i))
        with contextlib.suppress(InputFileError):
            read_snapshots(path)


def mutated(good, headers, random, i):
    """Of several kinds, one after the other."""
    bad = bytearray(good)
    near = int(random.choice([*headers, len(bad) - 400])) + int(random.integers(0, 200))
    place = near if i % 3 else int(random.integers(0, len(bad)))
    length = int(random.integers(1, 9))
    if i % 5 == 0:
        bad[place : place + length] = random.bytes(length)
    elif i % 5 == 1:
        bad[place] ^= 1 << int(random.integers(8))
    elif i % 5 == 2:
        bad[place : place + length] = b"\xff" * length
    elif i % 5 == 3:
        del bad[place : place + length]
    else:
        bad[place:place] = bad[near - 100 : near]
    return bytes(bad)


def test_an_array_that_is_there_twice_is_refused(tmp_path):
    path = write(tmp_path / "twice.npz")
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("kappa.npy", archive.read("hbar.npy"))
    with pytest.raises(InputFileError, match="`kappa` is there twice"):
        read_snapshots(path)


def test_pipes_and_devices_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(InputFileError, match="is a pipe or a device"):
            read_snapshots(path)


def test_arrays_are_not_unpacked_if_they_are_too_large(tmp_path):
    """One of 256 MiB in a file of 0.3 MiB; and a member of another name."""
    path = tmp_path / "packed.npz"
    large = np.zeros((3, 2**25 // 3), np.float64)
    for name, message in (("density", "its arrays take 256 MiB, too many"), ("more", "is unknown")):
        np.savez_compressed(path, **GOOD | {name: large})
        tracemalloc.start()
        with pytest.raises(InputFileError, match=message):
            read_snapshots(path)
        assert tracemalloc.get_traced_memory()[1] < 2**22
        tracemalloc.stop()


def test_single_precision_and_plain_numbers_are_as_good(tmp_path):
    arrays = {name: np.float32(value) for name, value in GOOD.items()}
    data = Snapshots(**arrays | {"kappa": 1.0, "hbar": 1.0}, sigma=0.1)
    assert data.likelihood.sigma.shape == (3, 5)
    assert data.noise_known


def test_what_is_no_file(tmp_path):
    with pytest.raises(InputFileError, match="is a directory"):
        read_snapshots(tmp_path)
    with pytest.raises(InputFileError, match="No such file"):
        read_snapshots(tmp_path / "none.npz")
    np.save(tmp_path / "one.npy", np.ones(3))
    with pytest.raises(InputFileError, match=r"no complete \.npz"):
        read_snapshots(tmp_path / "one.npy")


def test_snapshots_made_in_memory_are_checked_too(tmp_path):
    data = read_snapshots(write(tmp_path / "a.npz"))
    with pytest.raises(InputError, match="strictly increasing"):
        dataclasses.replace(data, t=data.t[::-1])


def test_densities_of_the_wrong_sign_are_refused(tmp_path):
    data = read_snapshots(write(tmp_path / "a.npz"))
    noisy = np.abs(data.density)
    noisy[0, 0] *= -0.1
    assert dataclasses.replace(data, density=noisy).density.min() < 0
    with pytest.raises(InputError, match="check its sign"):
        dataclasses.replace(data, density=-noisy)
