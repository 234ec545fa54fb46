"""How often a recovery moves from one file of the package to another, and between folders.

    python bench/switches.py SNAPSHOTS.npz

Counts with `sys.setprofile`, from the snapshot file to `result.json` on disk, without figures. A
low number means that one piece of work is done in one place. Also counts XLA's compilations.
"""

import json
import pathlib
import sys
import tempfile

import jax
import jax.monitoring

import dqmjax as dqm

COMPILED = "/backend_compile_duration"
PACKAGE = pathlib.Path(dqm.__file__).parent


class Switches:
    """Counts calls that enter another file or folder than the call before."""

    def __init__(self):
        self.calls = self.files = self.folders = 0
        self.visited: set[str] = set()
        self._last: pathlib.PurePath | None = None

    def __call__(self, frame, event: str, argument):
        name = frame.f_code.co_filename
        if event != "call" or not name.startswith(str(PACKAGE)):
            return
        path = pathlib.PurePath(name).relative_to(PACKAGE)
        self.calls += 1
        self.visited.add(str(path))
        if self._last is not None:
            self.files += path != self._last
            self.folders += path.parts[0] != self._last.parts[0]
        self._last = path


def main(snapshots: str):
    """One recovery of a Kerr oscillator under the profiler."""
    jax.config.update("jax_enable_x64", True)
    count, compiled = Switches(), []

    def listen(event: str, duration_secs: float, **_: str | int):
        if event.endswith(COMPILED):
            compiled.append(duration_secs)

    jax.monitoring.register_event_duration_secs_listener(listen)
    with tempfile.TemporaryDirectory() as folder:
        sys.setprofile(count)
        try:
            result = dqm.recover(dqm.read_snapshots(snapshots), "kerr")
            text = json.dumps(result.to_json())
            (pathlib.Path(folder) / "result.json").write_text(text)
        finally:
            sys.setprofile(None)
    print(f"{count.calls} calls in {len(count.visited)} files")
    print(f"{count.files} switches between files, {count.folders} between folders")
    print(f"{len(compiled)} compilations")


if __name__ == "__main__":
    main(sys.argv[1])
