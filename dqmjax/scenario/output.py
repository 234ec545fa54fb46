"""The files of a finished run. Two runs of one scenario give the same bytes."""

import csv
import io
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..canonical.split_step import CanonicalStep
from ..evolution.solution import Solution
from ..evolution.status import Reason
from ..fock_bargmann.steps import HusimiStep
from ..storage.folder import versions
from ..storage.output import write_json
from .building import Job
from .observing import FIELDS, phase_axes, phase_points

FILES = (
    "result.json",
    "solution.npz",
    "observables.csv",
    "observables.png",
    "density.png",
    "film.gif",
)
MOST_FRAMES = 200
DPI = 120
Frame = tuple[np.ndarray, np.ndarray]  # ρ and S, which is 0 where there is none


def write(folder: pathlib.Path, job: Job, solution: Solution):
    """Writes all files of a run."""
    write_json(folder / "result.json", summary(job, solution))
    solution.save(folder / "solution.npz")
    table = observed(job, solution)
    (folder / "observables.csv").write_text(_csv(np.asarray(solution.ts), table))
    _draw(folder, job, solution, table)


def summary(job: Job, solution: Solution) -> dict[str, Any]:
    """What `result.json` contains: nothing that changes from run to run."""
    reason = Reason(int(solution.status.reason[-1]))
    last = {name: np.asarray(values)[-1] for name, values in observed(job, solution).items()}
    error = None if solution.error is None else float(solution.error[-1])
    found = {
        "title": job.scenario.title,
        "picture": job.scenario.picture,
        "versions": versions(),
        "begin": float(solution.ts[0]),
        "end": float(solution.ts[-1]),
        "times": len(solution.ts),
        "steps": job.steps,
        "status": reason.name,
        "error": error if error is None or np.isfinite(error) else None,
        "observables": {name: value.tolist() for name, value in last.items()},
    }
    if "density" in job.observe and isinstance(job.stepper, HusimiStep):
        axes = zip("qp", phase_axes(job.stepper.basis), strict=True)
        found["density"] = {x: [float(v[0]), float(v[-1]), v.size] for x, v in axes}
    return found


def observed(job: Job, solution: Solution) -> dict[str, Array]:
    """The observables that are a number or a few at each time."""
    return {name: solution.saved[name] for name in job.observe if name not in FIELDS}


def _csv(t: np.ndarray, table: dict[str, Array]) -> str:
    """Times and observables; those of several axes or modes have numbers."""
    columns = {"t": t}
    for name, values in table.items():
        parts = np.reshape(np.asarray(values), (t.size, -1)).T
        single = len(parts) == 1
        columns |= {name if single else f"{name}_{i + 1}": x for i, x in enumerate(parts)}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))
    return text.getvalue()


def _draw(folder: pathlib.Path, job: Job, solution: Solution, table: dict[str, Array]):
    """Figures and the film."""
    from .. import plot  # imported here because it takes as long as the rest
    from ..plot.observables import observables
    from ..plot.phase_space import panels

    t = np.asarray(solution.ts)
    if table:
        shown = {name: np.asarray(values) for name, values in table.items()}
        observables(t, shown).savefig(folder / "observables.png", dpi=DPI)
    if not _can_be_drawn(job):
        return
    last, ax = _frame(job, solution.final), panels(1, 1)[0, 0]
    _paint(job, ax, last, float(np.max(last[0])), float(t[-1]))
    ax.figure.savefig(folder / "density.png", dpi=DPI)
    if not job.scenario.is_filmed:
        return
    count = min(len(t), MOST_FRAMES)
    which = np.linspace(0, len(t) - 1, count).round().astype(int).tolist()
    peak = max(float(np.max(_saved(job, solution, i)[0])) for i in which)

    def draw(frame: int, ax: Any):
        i = which[frame]
        _paint(job, ax, _saved(job, solution, i), peak, float(t[i]))

    plot.save_animation(plot.animate(draw, count), folder / "film.gif")


def _can_be_drawn(job: Job) -> bool:
    """Whether the state has a density on a line or in a plane."""
    stepper = job.stepper
    return stepper.basis.modes == 1 if isinstance(stepper, HusimiStep) else stepper.grid.dim <= 2


def _frame(job: Job, state: Any) -> Frame:
    """ρ and S of a state."""
    stepper = job.stepper
    if isinstance(stepper, HusimiStep):
        points = jnp.asarray(phase_points(stepper.basis))
        rho = np.asarray(stepper.basis.density(state, points))
        return rho, np.zeros_like(rho)
    if isinstance(stepper, CanonicalStep):
        return np.asarray(state[0]), np.asarray(state[1])
    psi = np.asarray(state)
    return np.abs(psi) ** 2, np.asarray(stepper.hamiltonian.hbar * np.angle(psi))


def _saved(job: Job, solution: Solution, index: int) -> Frame:
    """The same at a save time; S is 0 where it was not kept."""
    saved = solution.saved
    if "state" in saved:
        return _frame(job, jax.tree.map(lambda leaf: leaf[index], saved["state"]))
    rho = np.asarray(saved["density"][index])
    return rho, np.asarray(saved["action"][index]) if "action" in saved else np.zeros_like(rho)


def _paint(job: Job, ax: Any, frame: Frame, peak: float, t: float):
    """A density on axes, with the time."""
    from .. import plot
    from ..plot.style import POSITIVE

    rho, S = frame
    stepper = job.stepper
    if isinstance(stepper, HusimiStep):
        numbers = job.scenario.numbers
        scales, style = (numbers["ell"], numbers["kappa"]), {"vmax": peak, "cmap": POSITIVE}
        points = phase_points(stepper.basis)
        plot.phase_space_map(points, rho, *scales, ax, vmin=0.0, **style)
    else:
        hbar = float(stepper.hamiltonian.hbar)
        plot.density_and_action(stepper.grid, rho, S, hbar, ax=ax, peak=peak)
    ax.set_title(f"$t$ = {t:.4g}")
