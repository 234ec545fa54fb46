import os
import platform
import signal
import subprocess
import sys

import pytest

from dqmjax import interrupt
from dqmjax.errors import InputError, InputFileError
from dqmjax.storage.output import whole_directory, write_json


def test_directory_is_written_whole_or_not_at_all(tmp_path):
    target = tmp_path / "out"

    def write_half():
        with whole_directory(target) as folder:
            (folder / "a.txt").write_text("half")
            write_json(folder / "b.json", {"x": float("nan")})

    with pytest.raises(ValueError, match="Out of range"):
        write_half()
    assert not target.exists()
    with whole_directory(target) as folder:
        write_json(folder / "b.json", {"x": 1.0})
    assert [p.name for p in target.iterdir()] == ["b.json"]
    with pytest.raises(InputFileError, match="is a directory"), whole_directory(tmp_path) as folder:
        write_json(folder / "out", {})
    with pytest.raises(InputError), whole_directory(tmp_path / "deep" / "er"):
        raise InputError("any")
    assert not (tmp_path / "deep").exists()
    (tmp_path / "file").touch()
    with (
        pytest.raises(InputFileError, match="cannot be written"),
        whole_directory(tmp_path / "file" / "x"),
    ):
        pass


def write(folder, *names, content="new", replaces=()):
    with whole_directory(folder, replaces) as inside:
        for name in names:
            (inside / name).write_text(content)


def test_folder_never_contains_files_of_two_runs(tmp_path):
    both = ("a.txt", "b.txt")
    write(tmp_path, *both, content="old", replaces=both)
    (tmp_path / "mine.txt").touch()
    write(tmp_path, "a.txt", replaces=both)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.txt", "mine.txt"]
    assert (tmp_path / "a.txt").read_text() == "new"


def test_old_files_are_gone_before_a_new_one_comes(tmp_path, monkeypatch):
    """A process that ends between two files leaves a part of one set, never two sets."""
    both = ("a.txt", "b.txt")
    write(tmp_path, *both, content="old", replaces=both)
    replace, moved = os.replace, []

    def ends(*places):
        if moved:
            raise KeyboardInterrupt
        moved.append(places)
        replace(*places)

    monkeypatch.setattr(os, "replace", ends)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, *both, replaces=both)
    assert [p.read_text() for p in tmp_path.iterdir()] == ["new"]


def test_folders_of_ended_processes_are_removed(tmp_path):
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    name = f".partial-{platform.node()}-{{}}-x"
    (tmp_path / name.format(done.pid)).mkdir()
    (tmp_path / name.format(os.getppid())).mkdir()
    (tmp_path / ".partial-elsewhere-1-x").mkdir()
    write(tmp_path, "a.txt")
    left = sorted(p.name for p in tmp_path.iterdir())
    assert left == sorted([".partial-elsewhere-1-x", name.format(os.getppid()), "a.txt"])


COMMAND = """
import sys
sys.argv = ["dqmjax"]
sys.path.insert(0, {root!r})
from dqmjax import interrupt
print("ready", flush=True)
{work}
"""
SLEEP = "import time; time.sleep(30)"
SWALLOW = """
try:
    import time; time.sleep(30)
except BaseException:
    time.sleep(30)
"""


@pytest.mark.slow
@pytest.mark.parametrize("work", [SLEEP, SWALLOW])
def test_ctrl_c_ends_the_command_with_one_line(work, tmp_path):
    root = os.path.dirname(os.path.dirname(interrupt.__file__))
    code = COMMAND.format(root=root, work=work)
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=20)
    assert process.returncode == 130
    assert error == "dqmjax: interrupted\n"


def test_ctrl_c_removes_unfinished_folders(tmp_path, monkeypatch):
    folder = tmp_path / "unfinished"
    folder.mkdir()
    ended = []
    monkeypatch.setattr(interrupt, "unfinished", {str(folder)})
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr(os, "write", lambda *_: None)
    before = signal.getsignal(signal.SIGINT)
    try:
        interrupt._end(signal.SIGINT, None)
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended == [130]
    assert not folder.exists()


def test_a_library_leaves_ctrl_c_alone(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/usr/bin/pytest"])
    assert not interrupt.is_command()
    monkeypatch.setattr(sys, "argv", ["/usr/bin/dqmjax"])
    assert interrupt.is_command()
