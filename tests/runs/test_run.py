"""`run` gives what `solve` gives, and continues after any end."""

import os
import signal
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.runs import memory, pieces, run as module
from dqmjax.runs.progress import interruptible
from dqmjax.storage import archive, folder

LINE = dqm.Grid(-6.0, 6.0, 32)
PACKET = dqm.gaussian(LINE, 0.3, 0.8)
TS = np.array([0.0, 0.1, 0.3, 0.4, 0.9])
QUIET = {"progress": False}


def harmonic(w=1.0):
    return dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic(w)), LINE)


def position(psi):
    return dqm.observables.mean_position(LINE, psi)[0]


def norm(psi):
    return dqm.observables.norm(LINE, psi)


def husimi():
    basis = dqm.FockBargmann(10)
    return dqm.HusimiStep(dqm.FokkerPlanck(dqm.Kerr(0.3, 1.0)), basis), basis.coherent(0.1)


def canonical():
    stepper = dqm.CanonicalStep(dqm.Hamiltonian(dqm.Harmonic(1.0)), LINE)
    return stepper, dqm.to_canonical(PACKET)


def driven():
    stepper = dqm.SplitStep(
        dqm.Hamiltonian(lambda x, t: x[0] ** 2 / 2 + x[0] * jnp.sin(3 * t)), LINE
    )
    return stepper, PACKET


def pulsed():
    """With jumps inside the intervals."""
    pulse = dqm.Pulse(jnp.array([0.0, 0.5, 1.0]), jnp.array([0.3, -0.2]))
    symbol = dqm.Driven(dqm.Kerr(0.3, 1.0), (pulse, dqm.operator("a + ad")))
    basis = dqm.FockBargmann(12)
    return dqm.KetStep(symbol, basis), basis.coherent_ket(0.2)


STEPPERS = {
    "driven": driven,
    "split": lambda: (harmonic(), PACKET),
    "chebyshev": lambda: (dqm.Chebyshev(dqm.Hamiltonian(dqm.Harmonic(1.0)), LINE), PACKET),
    "canonical": canonical,
    "husimi": husimi,
}


def assert_equal(one, other):
    """To the last bit."""
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", STEPPERS | {"pulsed": pulsed})
@pytest.mark.parametrize("substeps", [3, 11])
def test_it_gives_what_solve_gives(name, substeps, monkeypatch):
    """Also where an interval is cut into pieces of 8 steps and 3."""
    monkeypatch.setattr(pieces, "PIECE", 1)
    stepper, state = (STEPPERS | {"pulsed": pulsed})[name]()
    ts = np.array([0.0, 0.2, 0.5, 0.7, 0.9]) if name == "pulsed" else TS
    expected = dqm.solve(stepper, state, ts, substeps=substeps)
    got = dqm.run(stepper, state, ts, substeps=substeps, **QUIET)
    np.testing.assert_array_equal(got.ts, expected.ts)
    saved = (got.saved, expected.saved)
    if name == "canonical":  # S alone is round-off where ρ vanishes
        saved = (dqm.from_canonical(*pair) for pair in saved)
    np.testing.assert_allclose(*saved, rtol=0, atol=1e-12)
    assert (got.error is None) == (expected.error is None)
    if substeps == 3 and name not in ("driven", "pulsed") and expected.error is not None:
        # errors of shorter steps are round-off; those of a drive depend on where they are probed
        np.testing.assert_allclose(got.error, expected.error, rtol=0.5, atol=1e-13)
    np.testing.assert_array_equal(got.status.reason, expected.status.reason)


def test_an_oscillator_returns():
    ts = np.linspace(0, 2 * np.pi, 5)
    observe = {"x": position, "norm": norm}
    got = dqm.run(harmonic(), PACKET, ts, substeps=12, observe=observe, **QUIET)
    np.testing.assert_allclose(got.saved["x"], 0.3 * np.cos(ts), atol=1e-6)
    np.testing.assert_allclose(got.saved["norm"], 1, atol=1e-12)


@pytest.mark.parametrize("size", [1, 2, 7])
def test_the_division_into_calls_changes_no_bit(size, monkeypatch):
    expected = dqm.run(harmonic(), PACKET, TS, substeps=3, **QUIET)
    monkeypatch.setattr(module, "next_size", lambda before, seconds: size)
    assert_equal(dqm.run(harmonic(), PACKET, TS, substeps=3, **QUIET), expected)


def test_it_ends_where_the_condition_holds():
    until = lambda t, psi: dqm.observables.mean_position(LINE, psi)[0] < 0
    ts = np.linspace(0, 3, 31)
    got = dqm.run(harmonic(), PACKET, ts, substeps=2, until=until, **QUIET)
    assert float(got.ts[-1]) == ts[ts > np.pi / 2][0]
    np.testing.assert_array_equal(got.final, got.saved[-1])


@pytest.mark.parametrize("calls", [1, 2, 3])
@pytest.mark.parametrize("name", STEPPERS)
def test_it_continues_bit_for_bit(name, calls, tmp_path, interrupted_after):
    stepper, state = STEPPERS[name]()
    expected = dqm.run(stepper, state, TS, substeps=3, **QUIET)
    with interrupted_after(calls), pytest.warns(dqm.Interrupted, match="ended at t ="):
        part = dqm.run(stepper, state, TS, substeps=3, checkpoint=tmp_path, **QUIET)
    np.testing.assert_array_equal(part.ts, TS[: calls + 1])
    got = dqm.run(stepper, state, TS, substeps=3, checkpoint=tmp_path, **QUIET)
    assert_equal(got, expected)
    again = dqm.run(stepper, state, TS, substeps=3, checkpoint=tmp_path, **QUIET)
    assert_equal(again, expected)


def test_an_interruption_inside_an_interval(tmp_path, interrupted_after, monkeypatch):
    """The last row is then the time reached; it is no row of the run that continues."""
    monkeypatch.setattr(pieces, "PIECE", 1)
    expected = dqm.run(harmonic(), PACKET, TS, substeps=20, **QUIET)
    with interrupted_after(2), pytest.warns(dqm.Interrupted):
        part = dqm.run(harmonic(), PACKET, TS, substeps=20, checkpoint=tmp_path, **QUIET)
    np.testing.assert_allclose(part.ts, [0.0, 0.1 * 10 / 20], rtol=1e-12)  # four pieces of 5
    np.testing.assert_array_equal(part.final, part.saved[-1])
    shorter = dqm.solve(harmonic(), PACKET, np.array(part.ts), substeps=10)
    np.testing.assert_allclose(part.final, shorter.final, atol=1e-12)
    got = dqm.run(harmonic(), PACKET, TS, substeps=20, checkpoint=tmp_path, **QUIET)
    assert_equal(got, expected)


@pytest.mark.parametrize(("substeps", "lengths"), [(20, (5,)), (13, (5, 8)), (6, (6,))])
def test_pieces_of_one_or_two_lengths(substeps, lengths, monkeypatch):
    monkeypatch.setattr(pieces, "PIECE", 1)  # at least 8 steps
    assert pieces.Pieces.of(dqm.save_times(TS), substeps, 48).lengths == lengths
    got = dqm.run(harmonic(), PACKET, TS, substeps=substeps, **QUIET)
    expected = dqm.solve(harmonic(), PACKET, TS, substeps=substeps)
    np.testing.assert_allclose(got.final, expected.final, rtol=0, atol=1e-13)


def test_ctrl_c_returns_what_was_computed():
    """A signal in the midst of a long run; the answer comes within a second."""
    ts, before = np.linspace(0, 1e4, 10**6), signal.getsignal(signal.SIGINT)
    sent = []

    def press():
        while signal.getsignal(signal.SIGINT) is before:  # the program is being compiled
            time.sleep(0.05)
        time.sleep(1)
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    with pytest.warns(dqm.Interrupted):
        got = dqm.run(harmonic(), PACKET, ts, observe=norm, **QUIET)
    assert time.monotonic() - sent[0] < 2
    assert 1 < len(got.ts) < len(ts)
    np.testing.assert_allclose(got.saved, 1, atol=1e-9)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_failing_state_ends_the_run(tmp_path):
    isolated = dqm.Grid(-6.0, 6.0, 48, isolated=True)
    stepper = dqm.SplitStep(dqm.Hamiltonian(dqm.Free()), isolated)
    psi = dqm.gaussian(isolated, 0.0, 0.8, 2.0)
    ts = np.linspace(0, 4, 21)
    with pytest.raises(RuntimeError, match="reaches the edge of the isolated box"):
        dqm.run(stepper, psi, ts, substeps=2, checkpoint=tmp_path, **QUIET)
    whole = dqm.run(stepper, psi, ts, substeps=2, throw=False, **QUIET)
    assert len(whole.ts) == len(ts)
    assert bool(whole.status.fails[-1])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"stepper": harmonic(1.1)}, r"potential.omega` was 1.0 and is 1.1"),
        ({"state": PACKET * 1j}, r"`state` was complex128\(32,\)"),
        ({"ts": TS * 1.01}, r"`ts` was float64\(5,\)"),
        ({"substeps": 4}, r"`substeps` was 3 and is 4"),
        ({"observe": norm}, r"`observe`"),
        ({"until": lambda t, psi: t > 1.0}, r"`until`"),
        ({"stepper": STEPPERS["chebyshev"]()[0]}, r"`stepper` was .*SplitStep and is .*Chebyshev"),
    ],
    ids=["parameter", "state", "times", "substeps", "observe", "until", "stepper"],
)
def test_a_checkpoint_of_another_run_is_refused(changed, said, tmp_path):
    given = {"stepper": harmonic(), "state": PACKET, "ts": TS, "substeps": 3}
    dqm.run(**given, checkpoint=tmp_path, **QUIET)
    with pytest.raises(dqm.InputError, match=said):
        dqm.run(**given | changed, checkpoint=tmp_path, **QUIET)


def test_a_condition_with_another_constant_is_another_run(tmp_path):
    later = lambda limit: lambda t, psi: t > limit
    given = {"stepper": harmonic(), "state": PACKET, "ts": TS, **QUIET}
    dqm.run(**given, until=later(0.5), checkpoint=tmp_path)
    dqm.run(**given, until=later(0.5), checkpoint=tmp_path)
    with pytest.raises(dqm.InputError, match=r"`until.limit` was 0.5 and is 0.6"):
        dqm.run(**given, until=later(0.6), checkpoint=tmp_path)


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "link", "of another"])
@pytest.mark.parametrize("kind", ["state", "rows"])
def test_the_last_good_checkpoint_is_used(kind, damage, tmp_path, interrupted_after):
    stepper, state = STEPPERS["split"]()
    given = {"substeps": 3, **QUIET}
    expected = dqm.run(stepper, state, TS, **given)
    for _ in range(3):
        with interrupted_after(1), pytest.warns(dqm.Interrupted):
            dqm.run(stepper, state, TS, checkpoint=tmp_path, **given)
    newest = tmp_path / f"{kind}-000002.npz"
    content = newest.read_bytes()
    newest.unlink()
    if damage == "cut":
        newest.write_bytes(content[: len(content) // 2])
    elif damage == "flip":
        newest.write_bytes(content[:300] + bytes([content[300] ^ 1]) + content[301:])
    elif damage == "empty":
        newest.write_bytes(b"")
    elif damage == "link":
        newest.symlink_to("/dev/zero")
    else:
        newest.write_bytes((tmp_path / f"{kind}-000001.npz").read_bytes())
    with pytest.warns(dqm.CheckpointWarning, match="It is not used"):
        got = dqm.run(stepper, state, TS, checkpoint=tmp_path, **given)
    assert_equal(got, expected)


def test_rows_and_states_that_do_not_belong_together(tmp_path, interrupted_after):
    """A good file of the same number from another division of the run."""
    given = {"substeps": 3, "checkpoint": tmp_path, **QUIET}
    expected = dqm.run(harmonic(), PACKET, TS, substeps=3, **QUIET)
    for _ in range(3):
        with interrupted_after(1), pytest.warns(dqm.Interrupted):
            dqm.run(harmonic(), PACKET, TS, **given)
    found = archive.read_archive(tmp_path / "rows-000002.npz")
    twice = {name: np.concatenate([x, x]) for name, x in found.arrays.items()}
    archive.write_archive(found.path, found.kind, twice, found.about)
    assert_equal(dqm.run(harmonic(), PACKET, TS, **given), expected)


def test_files_of_an_unknown_run_are_refused(tmp_path):
    (tmp_path / "state-000000.npz").write_bytes(b"")
    with pytest.raises(dqm.InputError, match=r"but no begin\.npz"):
        dqm.run(harmonic(), PACKET, TS, checkpoint=tmp_path, **QUIET)


def test_what_a_kill_left_half_written_is_removed(tmp_path):
    dqm.run(harmonic(), PACKET, TS, checkpoint=tmp_path, **QUIET)
    partial = tmp_path / ".partial-4242-state-000001.npz"
    partial.write_bytes(b"half")
    dqm.run(harmonic(), PACKET, TS, checkpoint=tmp_path, **QUIET)
    assert not partial.exists()


def test_other_versions_are_said(tmp_path, monkeypatch):
    dqm.run(harmonic(), PACKET, TS, checkpoint=tmp_path, **QUIET)
    old = folder.versions()
    monkeypatch.setattr(folder, "versions", lambda: old | {"jax": "0.1"})
    with pytest.warns(dqm.CheckpointWarning, match="`jax` was .* and is 0.1"):
        dqm.run(harmonic(), PACKET, TS, checkpoint=tmp_path, **QUIET)


def test_an_error_inside_loses_nothing(tmp_path, interrupted_after):
    """A function that fails at a later time; the next run, without the failure, continues."""
    broken = [True]

    def check(x):
        if broken[0] and x < 0.28:
            raise ValueError("broken")
        return x

    def observe(psi):
        like = jax.ShapeDtypeStruct((), jnp.float64)
        return jax.pure_callback(lambda x: np.asarray(check(x)), like, position(psi))

    given = {"substeps": 3, "observe": observe, "checkpoint": tmp_path, **QUIET}
    with interrupted_after(10**6), pytest.raises(Exception, match="broken"):
        dqm.run(harmonic(), PACKET, TS, **given)
    assert (tmp_path / "state-000000.npz").exists()


def test_a_second_ctrl_c_raises():
    with interruptible() as noted:
        os.kill(os.getpid(), signal.SIGINT)
        assert noted.pressed
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_an_incomplete_first_checkpoint_is_none(tmp_path):
    """Several processes were killed before all had written their part of the first state."""
    given = {"substeps": 3, "checkpoint": tmp_path, **QUIET}
    expected = dqm.run(harmonic(), PACKET, TS, **given)
    first = archive.read_archive(tmp_path / "state-000000.npz")
    archive.write_archive(first.path, first.kind, first.arrays, first.about | {"processes": 2})
    assert_equal(dqm.run(harmonic(), PACKET, TS, **given), expected)
    first.path.rename(tmp_path / "state-000000.1.npz")
    assert_equal(dqm.run(harmonic(), PACKET, TS, **given), expected)


def test_ctrl_c_at_the_end_is_said(interrupted_after):
    with interrupted_after(4), pytest.warns(dqm.Interrupted, match="after all times"):
        whole = dqm.run(harmonic(), PACKET, TS, substeps=3, **QUIET)
    assert len(whole.ts) == len(TS)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"observe": {"x": lambda psi: np.abs(psi).real + float(psi[0])}}, r"`observe\['x'\]`"),
        ({"observe": lambda t, psi: psi}, "`observe` must be a function of a state"),
        ({"observe": lambda psi: "text"}, "`observe`"),
        ({"until": lambda t, psi: bool(t > 1)}, r"`until` must be a function of \(t, state\)"),
        ({"until": lambda psi: psi}, r"`until` must be a function of \(t, state\)"),
        ({"until": lambda t, psi: t}, "`until` must return one truth value"),
        ({"checkpoint": __file__}, "is a file: name a folder"),
    ],
    ids=["numpy", "t", "text", "bool", "one argument", "number", "file"],
)
def test_mistakes_are_named(given, said):
    with pytest.raises(dqm.InputError, match=said):
        dqm.run(harmonic(), PACKET, TS, **QUIET, **given)


def test_without_a_whole_checkpoint_nothing_is_made_up(tmp_path):
    dqm.run(harmonic(), PACKET, TS, checkpoint=tmp_path, **QUIET)
    (tmp_path / "rows-000000.npz").unlink()
    with pytest.raises(dqm.InputError, match="no checkpoint that is whole"):
        dqm.run(harmonic(), PACKET, TS, checkpoint=tmp_path, **QUIET)


def test_a_full_disk_loses_nothing(tmp_path, interrupted_after, monkeypatch):
    """The run continues, and the checkpoint before remains."""
    given = {"substeps": 3, "checkpoint": tmp_path, **QUIET}
    expected = dqm.run(harmonic(), PACKET, TS, substeps=3, **QUIET)
    with interrupted_after(1), pytest.warns(dqm.Interrupted):
        dqm.run(harmonic(), PACKET, TS, **given)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.warns(dqm.CheckpointWarning, match="No space left on device"):
            got = dqm.run(harmonic(), PACKET, TS, **given)
    assert_equal(got, expected)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert_equal(dqm.run(harmonic(), PACKET, TS, **given), expected)


def test_two_runs_do_not_share_a_folder(tmp_path):
    import fcntl

    dqm.run(harmonic(), PACKET, TS, checkpoint=tmp_path, **QUIET)
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(dqm.InputError, match="is used by another run now"):
        dqm.run(harmonic(), PACKET, TS, checkpoint=tmp_path, **QUIET)
    os.close(handle)


def test_memory_is_predicted(monkeypatch):
    """A call of many pieces is split; a run that does not fit is refused."""
    expected = dqm.run(harmonic(), PACKET, TS, substeps=3, **QUIET)
    with monkeypatch.context() as patch:
        needed = []
        patch.setattr(memory, "of_program", lambda program: needed.append(1) or 4 - len(needed))
        patch.setattr(memory, "of_device", lambda device: 2)
        got = dqm.run(harmonic(), PACKET, TS, substeps=3, **QUIET)
        np.testing.assert_allclose(got.final, expected.final, rtol=0, atol=1e-12)
        assert len(needed) == 2
        patch.setattr(memory, "of_program", lambda program: 3)
        with pytest.raises(dqm.InputError, match="`state` is too large: a step needs"):
            dqm.run(harmonic(), PACKET, TS, **QUIET)
    with monkeypatch.context() as patch:
        patch.setattr(memory, "of_host", lambda: 1000)
        with pytest.raises(dqm.InputError, match="give `observe`, or fewer times"):
            dqm.run(harmonic(), PACKET, TS, **QUIET)


def test_the_prediction_of_memory_is_that_of_the_program():
    grid = dqm.Grid([-6.0] * 2, [6.0] * 2, (64, 64))
    psi = jnp.ones((64, 64)) + 0j
    step = jax.jit(lambda psi: jnp.fft.ifftn(jnp.fft.fftn(psi))).lower(psi).compile()
    assert 2 <= memory.of_program(step) / memory.size_of(psi) <= 4
    assert grid.shape == psi.shape


def test_the_bar_shows_time_drift_and_error(capsys):
    dqm.run(harmonic(), PACKET, TS, substeps=3)
    shown = capsys.readouterr().err
    for part in ("100%", "12.0/12.0", "t=0.9", "norm", "energy", "error", "step/s"):
        assert part in shown
