"""Saved results: what is written is read, and what is damaged or hostile is refused."""

import io
import json
import os
import pickle
import tracemalloc
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.storage import archive, trees

LINE = dqm.Grid(-6.0, 6.0, 32)


def harmonic():
    return dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic(1.0)), LINE)


@pytest.fixture(scope="module")
def solution():
    return dqm.solve(harmonic(), dqm.gaussian(LINE, 0.3, 0.8), np.linspace(0, 1, 3), substeps=4)


@pytest.fixture
def saved(solution, tmp_path):
    path = tmp_path / "run.npz"
    solution.save(path)
    return path


def test_a_saved_solution_is_the_same(solution, saved):
    loaded = dqm.load(saved)
    assert jax.tree.structure(loaded) == jax.tree.structure(solution)
    for one, other in zip(jax.tree.leaves(loaded), jax.tree.leaves(solution), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    with np.load(saved) as arrays:  # NumPy reads it, too
        np.testing.assert_array_equal(arrays["ts"], solution.ts)


@pytest.mark.parametrize(
    "saved",
    [None, (jnp.ones(2), [jnp.zeros(3), {"x": jnp.arange(4)}]), {"a": jnp.ones(1), "b": None}],
    ids=["none", "nested", "names"],
)
def test_trees_are_restored(saved):
    places, arrays = trees.flattened("saved", saved)
    found = trees.restored(json.loads(json.dumps(places)), arrays)
    assert jax.tree.structure(found) == jax.tree.structure(saved)


def test_states_of_a_moving_frame_are_restored():
    state = dqm.MovingFrame.__module__
    framed = __import__(state, fromlist=["Framed"]).Framed
    places, arrays = trees.flattened("final", framed(jnp.ones(2), jnp.ones(1), jnp.ones(4)))
    assert isinstance(trees.restored(places, arrays), framed)


def test_equal_results_give_equal_files(solution, tmp_path):
    one, other = tmp_path / "one.npz", tmp_path / "other.npz"
    solution.save(one)
    dqm.load(one).save(other)
    assert one.read_bytes() == other.read_bytes()


def test_a_file_is_replaced_whole_or_not_at_all(solution, saved, monkeypatch):
    before = saved.read_bytes()

    def full(handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(dqm.InputError, match="cannot be written"):
            solution.save(saved)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_the_first_format_stays_readable():
    """A file that the first version with this format wrote."""
    loaded = dqm.load(os.path.join(os.path.dirname(__file__), "format-1.npz"))
    np.testing.assert_allclose(loaded.saved["x"], 0.3 * np.cos(np.asarray(loaded.ts)), atol=1e-6)


def test_double_precision_is_not_rounded(saved):
    with jax.enable_x64(False), pytest.raises(dqm.InputError, match="jax_enable_x64"):
        dqm.load(saved)


class Evil:
    """Its unpickling would leave a trace."""

    def __reduce__(self):
        return os.mkdir, ("executed",)


def members(path):
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def write(path, content, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in content.items():
            file.writestr(name, data)


def npy(array, **kwargs):
    data = io.BytesIO()
    np.save(data, array, **kwargs)
    return data.getvalue()


def header(text):
    """An .npy file with that header and few numbers."""
    text = text.encode() + b"\n"
    return b"\x93NUMPY\x02\x00" + len(text).to_bytes(4, "little") + text + bytes(16)


def manifest_of(path):
    with np.load(path) as arrays:
        return json.loads(arrays["manifest"].tobytes())


def with_manifest(change):
    """The file with another manifest; `change` returns text or JSON."""

    def damage(path):
        found = change(manifest_of(path))
        text = found if isinstance(found, bytes) else json.dumps(found).encode()
        write(path, members(path) | {"manifest.npy": npy(np.frombuffer(text, np.uint8))})

    return damage


def with_member(name, data, compression=zipfile.ZIP_STORED):
    return lambda path: write(path, members(path) | {name: data}, compression)


def with_bytes(change):
    return lambda path: path.write_bytes(change(path.read_bytes()))


def replaced(key, value):
    return with_manifest(lambda found: found | {key: value})


def relabelled(array, places):
    """An array and its right checksum, at a place in the tree."""

    def damage(path):
        found = manifest_of(path)
        found["sha256"]["saved"] = archive._digest(array)
        found["about"]["places"]["saved"] = places
        text = np.frombuffer(json.dumps(found).encode(), np.uint8)
        write(path, members(path) | {"saved.npy": npy(array), "manifest.npy": npy(text)})

    return damage


def as_link(path):
    path.unlink()
    path.symlink_to("/dev/zero")


def as_pipe(path):
    path.unlink()
    os.mkfifo(path)


def as_folder(path):
    path.unlink()
    path.mkdir()


def nested(depth):
    places = {"array": "saved"}
    for _ in range(depth):
        places = {"list": [places]}
    return places


HUGE = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
DAMAGES = {
    "empty": with_bytes(lambda data: b""),
    "one byte": with_bytes(lambda data: data[:1]),
    "cut in the middle": with_bytes(lambda data: data[: len(data) // 2]),
    "cut at the end": with_bytes(lambda data: data[:-30]),
    "beginning is lost": with_bytes(lambda data: data[100:]),
    "zeros": with_bytes(lambda data: bytes(len(data))),
    "flipped bit": with_bytes(lambda data: data[:3000] + bytes([data[3000] ^ 4]) + data[3001:]),
    "text": with_bytes(lambda data: b"t,q,p\n0,1,2\n"),
    "a pickle": with_bytes(lambda data: pickle.dumps(Evil())),
    "an array": with_bytes(lambda data: npy(np.ones(3))),
    "HDF5": with_bytes(lambda data: b"\x89HDF\r\n\x1a\n" + bytes(500)),
    "a link to a device": as_link,
    "a pipe": as_pipe,
    "a folder": as_folder,
    "no manifest": lambda path: write(
        path, {n: d for n, d in members(path).items() if n != "manifest.npy"}
    ),
    "an array too many": with_member("more.npy", npy(np.ones(2))),
    "an array is missing": lambda path: write(
        path, {n: d for n, d in members(path).items() if n != "ts.npy"}
    ),
    "objects": with_member("ts.npy", npy(np.array([Evil()], object), allow_pickle=True)),
    "a pickle as array": with_member("ts.npy", pickle.dumps(Evil())),
    "an array of text": with_member("ts.npy", npy(np.array(["a", "b"]))),
    "another array": with_member("ts.npy", npy(np.array([0.0, 0.5, 1.1]))),
    "another type": with_member("ts.npy", npy(np.zeros(3, np.float32))),
    "another shape": with_member("ts.npy", npy(np.array([[0.0, 0.5, 1.0]]))),
    "a huge shape": with_member("ts.npy", header(HUGE)),
    "a huge header": with_member("ts.npy", header("{" + " " * 10**6 + "}")),
    "a header with code": with_member("ts.npy", header("__import__('os').mkdir('executed')")),
    "a negative shape": with_member("ts.npy", header(HUGE.replace("1000000000000", "-3"))),
    "compressed zeros": with_member("ts.npy", npy(np.zeros(10**7)), zipfile.ZIP_DEFLATED),
    "a name outside": with_member("../../outside.npy", npy(np.ones(3))),
    "an absolute name": with_member("/outside.npy", npy(np.ones(3))),
    "manifest is no JSON": with_manifest(lambda found: b"{"),
    "manifest is a list": with_manifest(lambda found: [found]),
    "manifest is deep": with_manifest(lambda found: b"[" * 100_000 + b"]" * 100_000),
    "manifest has NaN": with_manifest(lambda found: b'{"format": NaN}'),
    "manifest is not UTF-8": with_manifest(lambda found: b"\xff\xfe{}"),
    "manifest has more": replaced("more", 1),
    "format of tomorrow": replaced("format", 2),
    "format zero": replaced("format", 0),
    "format is true": replaced("format", True),
    "format is text": replaced("format", "1"),
    "another kind": replaced("kind", "virus"),
    "a checkpoint": replaced("kind", "state"),
    "a recovery": replaced("kind", "recovery"),
    "kind is a number": replaced("kind", 1),
    "about is a list": replaced("about", []),
    "places are missing": replaced("about", {}),
    "places are text": replaced("about", {"places": "saved"}),
    "checksums are numbers": with_manifest(
        lambda found: found | {"sha256": dict.fromkeys(found["sha256"], 0)}
    ),
    "an unknown place": relabelled(np.ones((3, 2)), {"array": "nothing"}),
    "a class of another package": relabelled(np.ones(3), {"os:stat_result": [{"array": "saved"}]}),
    "a function": relabelled(np.ones(3), {"dqmjax.storage.trees:restored": [{"array": "saved"}]}),
    "a tree too deep": relabelled(np.ones(3), nested(100)),
    "another number of times": relabelled(np.ones((4, 2)), {"array": "saved"}),
    "a number for the times": relabelled(np.array(1.0), {"array": "saved"}),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGES)
def test_damaged_and_hostile_files_are_refused(kind, saved, monkeypatch):
    monkeypatch.chdir(saved.parent)
    DAMAGES[kind](saved)
    tracemalloc.start()
    with pytest.raises(dqm.InputError, match=r"run\.npz"):
        dqm.load(saved)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**28
    assert not os.path.exists("executed")
    assert {path.name for path in saved.parent.iterdir()} == {"run.npz"}


def test_every_flipped_bit_is_noticed_or_changes_nothing(solution, saved):
    """Bits of names and numbers that zip files have twice may differ without harm."""
    content, random = saved.read_bytes(), np.random.default_rng(0)
    for place in random.integers(8 * len(content), size=150):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << (place % 8)
        saved.write_bytes(flipped)
        try:
            loaded = dqm.load(saved)
        except dqm.InputError:
            continue
        for one, other in zip(jax.tree.leaves(loaded), jax.tree.leaves(solution), strict=True):
            np.testing.assert_array_equal(one, other)


def test_there_are_enough_kinds():
    assert len(DAMAGES) >= 40


def test_what_cannot_be_saved_is_refused(solution, tmp_path):
    import equinox as eqx

    other = eqx.tree_at(lambda s: s.saved, solution, {"a/b": jnp.ones(3)})
    with pytest.raises(dqm.InputError, match="different names without '/'"):
        other.save(tmp_path / "x.npz")
    keys = eqx.tree_at(lambda s: s.saved, solution, jax.random.split(jax.random.key(0), 3))
    with pytest.raises(dqm.InputError, match="must be arrays of numbers"):
        keys.save(tmp_path / "x.npz")
    with pytest.raises(dqm.InputError, match="outside of `jit`"):
        jax.jit(lambda s: s.save(tmp_path / "x.npz"))(solution)
    assert not list(tmp_path.iterdir())


def test_solutions_in_xarray(solution):
    found = solution.to_xarray(LINE)
    assert found.saved.dims == ("time", "x")
    np.testing.assert_array_equal(found.x, LINE.axes[0])
    np.testing.assert_array_equal(found.saved.sel(time=0.5), solution.saved[1])
    np.testing.assert_array_equal(found.error, solution.error)
    psi = dqm.gaussian(LINE, 0.3, 0.8)
    with pytest.raises(dqm.InputError, match="`grid` must be that of the states"):
        solution.to_xarray(dqm.Grid(-6.0, 6.0, 64))
    observe = {"size": lambda psi: dqm.observables.norm(LINE, psi)}
    run = dqm.run(harmonic(), psi, np.array([0.0, 0.1]), observe=observe, progress=False)
    assert run.to_xarray()["size"].dims == ("time",)
    with pytest.raises(dqm.InputError, match="one known run"):
        jax.jit(lambda s: s.to_xarray())(solution)
