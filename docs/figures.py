"""Draws the figures of the README and of docs/, the measured ones from bench/results.

Run `python docs/figures.py`.
"""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import LogLocator

import dqmjax as dqm
from dqmjax import plot

HERE = Path(__file__).parent
RESULTS = HERE.parent / "bench" / "results"
OURS = {"dqmjax Blanes–Moan Runge–Kutta–Nyström 6": "dqmjax SplitStep"}
OURS |= {"dqmjax Strang": "dqmjax SplitStep, strang"}
HIDDEN = "dqmjax Blanes–Moan"  # other schemes


def cats():
    """A Kerr oscillator from a coherent state to its revival."""
    flow, basis = dqm.FokkerPlanck(dqm.Kerr(2.0)), dqm.FockBargmann(cutoff=40)
    times = np.pi * np.array([0, 1 / 12, 1 / 3, 1 / 2, 1])
    run = dqm.solve(dqm.HusimiStep(flow, basis), basis.coherent(2.0), times)
    side = np.linspace(-5.5, 5.5, 161)
    points = np.stack(np.meshgrid(side, side)).reshape(2, -1).T
    rho = jax.vmap(lambda saved: basis.density(saved, jnp.asarray(points)))(run.saved)
    plot.phase_space_maps(points, np.asarray(rho), times)


def best(rows: list[dict]) -> tuple[list[float], list[float]]:
    """Errors and seconds of the runs that beat all earlier ones, up to the limit of round-off."""
    errors = np.array([row["error"] for row in rows])
    better = errors <= np.minimum.accumulate(errors)
    return errors[better].tolist(), np.array([row["seconds"] for row in rows])[better].tolist()


def work_precision():
    """Seconds against error, for dqmjax and other packages, one panel for each problem."""
    waves = json.loads((RESULTS / "accuracy_vs_cost.json").read_text())["runs"]
    cases = {
        **waves,
        "dimer 12²": json.loads((RESULTS / "husimi.json").read_text())["cases"]["dimer"]["runs"],
    }
    _, axes = plt.subplots(1, len(cases), figsize=(15, 3.6), gridspec_kw={"wspace": 0.3})
    for ax, (case, runs) in zip(axes, cases.items(), strict=True):
        shown = [n for n in map(str, runs) if n in OURS or not n.startswith(HIDDEN)]
        shown.sort(key=lambda name: name == "qmsolve")  # which the third panel lacks
        plot.work_precision({OURS.get(n, n): best(runs[n]) for n in shown}, ax)
        ax.xaxis.set_major_locator(LogLocator(numticks=5))  # their labels do not meet
        ax.set_title(case.replace("^1", "").replace("^2", "²").replace("^3", "³"))
        ax.legend().remove()
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.17), "frameon": False}
    axes[1].legend(handles=axes[0].lines, ncols=4, **below)
    axes[-1].legend(ncols=2, **below)


def calibration():
    """Ranks of five studies of the error bars, one panel for each."""
    report = json.loads((RESULTS / "calibration.json").read_text())
    cases = {name: row for name, row in report.items() if "ranks" in row}
    _, axes = plt.subplots(
        1, len(cases), figsize=(15, 3.2), sharey=True, gridspec_kw={"wspace": 0.1}
    )
    for ax, (case, row) in zip(axes, cases.items(), strict=True):
        ranks = {name: np.array(text.split(), int) for name, text in row["ranks"].items()}
        lines = plot.calibration(dqm.Calibration(ranks, {}, row["described"], row["samples"]), ax)
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.17), "fontsize": 8}
        ax.legend(handles=lines, ncols=2, frameon=False, columnspacing=1, **below)
        ax.set(title=case.replace("_", " "), xticks=[0.2, 0.5, 0.8])
        ax.label_outer()


def main():
    jax.config.update("jax_enable_x64", True)
    for draw in (cats, work_precision, calibration):
        draw()
        plt.savefig(HERE / "figures" / f"{draw.__name__}.png", dpi=90, bbox_inches="tight")
        plt.close("all")


if __name__ == "__main__":
    main()
