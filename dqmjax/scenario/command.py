"""The run of a scenario, which can be interrupted and continued, and its folder of results."""

import contextlib
import pathlib
import warnings
from collections.abc import Callable, Iterator

from ..errors import InputError, InputFileError
from ..evolution.status import Reason
from ..runs import memory
from ..runs.run import Interrupted, run
from ..storage.archive import PARTIAL
from ..storage.folder import BEGIN, NUMBERED
from ..storage.output import whole_directory
from .building import ARRAYS, Job
from .output import FILES, write

CHECKPOINT = "checkpoint"


class Unfinished(Exception):
    """A run ended at Ctrl-C; its checkpoint remains."""


def plan(job: Job) -> str:
    """What a run will do, as text."""
    scenario, (state, kept) = job.scenario, job.size
    points = scenario.space.arguments["cutoff" if scenario.is_husimi else "shape"]
    sides = " × ".join(map(str, points))
    names = {"wave": "a wave function", "canonical": "a canonical pair (ρ, S)"}
    what = names.get(scenario.picture, "a Husimi density")
    where = f"{sides} {'levels' if scenario.is_husimi else 'points'}"
    lines = [scenario.title] if scenario.title else []
    times = scenario.times
    lines += [
        f"State: {what} with {where}, {_size(state)}.",
        f"Times: {len(job.ts)} from {times.begin:g} to {times.until:g}, {job.steps} steps.",
        f"Kept: {', '.join(job.observe)}, {_size(kept)}.",
        f"Memory: about {_size(ARRAYS * state + kept)} for these, beside the programs.",
    ]
    return "\n".join(lines)


def _size(number: int) -> str:
    """A number of bytes with a unit that suits it."""
    if number < 2**20:
        return f"{number / 2**10:.3g} KiB"
    return f"{number / 2**20:.3g} MiB" if number < memory.GIBI else memory.as_text(number)


def require_free(folder: pathlib.Path, resume: bool):
    """Checks that a folder has no unfinished run that would be lost, unless it is to be resumed.

    Raises:
        InputFileError: If it has one, or its checkpoint is a link or no folder.
    """
    place = folder / CHECKPOINT
    with contextlib.suppress(OSError):
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            raise InputFileError(place, "is a link or no folder: remove it or write elsewhere.")
        if place.exists() and not resume:
            raise InputFileError(
                place, "belongs to an unfinished run: add --resume to continue it, or remove it."
            )


def carry_out(
    job: Job, out: pathlib.Path, *, resume: bool, progress: bool, warn: Callable[[str], None]
) -> list[str]:
    """Runs a scenario and writes all its files, or none.

    Args:
        job: The scenario.
        out: Folder of the results, and of the checkpoint until they are written.
        resume: Whether to continue an unfinished run in it.
        progress: Whether to show a bar.
        warn: Shows a warning.

    Returns:
        The names of the files.

    Raises:
        InputError: As `run`; also if the folder cannot be written, or has an unfinished run that is
            not to be resumed.
        RuntimeError: If the status of a state fails.
        Unfinished: If Ctrl-C ended the run.
    """
    require_free(out, resume)
    place = out / CHECKPOINT
    is_new = not place.exists()
    with whole_directory(out, FILES) as folder:
        try:
            with _warnings(warn) as is_interrupted:
                solution = run(
                    job.stepper,
                    job.state,
                    job.ts,
                    substeps=job.scenario.times.substeps,
                    observe=job.observe,
                    checkpoint=place,
                    progress=progress,
                )
        except InputError:
            if is_new:
                _discard(place)
            raise
        if is_interrupted():
            raise Unfinished
        reason = Reason(int(solution.status.reason[-1]))
        if reason != Reason.OK:
            warn(reason.message)
        write(folder, job, solution)
        names = sorted(file.name for file in folder.iterdir())
    _discard(place)
    return names


@contextlib.contextmanager
def _warnings(warn: Callable[[str], None]) -> Iterator[Callable[[], bool]]:
    """Shows warnings at once as single lines; whether the run was interrupted."""
    found = []

    def show(message, category, *place, **more):
        if issubclass(category, Interrupted):
            found.append(message)
        else:
            warn(" ".join(str(message).split()))

    with warnings.catch_warnings(action="always", category=UserWarning):
        warnings.showwarning = show
        yield lambda: bool(found)


def _discard(place: pathlib.Path):
    """Removes a checkpoint, and the folder if nothing else is in it."""
    if place.is_symlink() or not place.is_dir():
        return
    for path in place.iterdir():
        is_partial = path.name.startswith(PARTIAL)
        if path.name == BEGIN or NUMBERED.fullmatch(path.name) or is_partial:
            path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        place.rmdir()
