"""A Bose–Hubbard dimer of 12² levels to t = 2, against QuTiP and dynamiqs.

    python bench/husimi.py [--environments DIR]

Kets of 144 amplitudes and density matrices of 144² coefficients, J = 1, U = 0.8, from a coherent
state cut off at the levels kept; the exact end is by diagonalisation in the same levels. QuTiP and
dynamiqs run at a ladder of tolerances; `KetStep` and `HusimiStep` are exact to round-off in one
step. Every time stands beside its error (Euclidean norm), the least of some repeats; compilation
apart. Writes bench/results/husimi.json.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import qutip
from accuracy_vs_cost import ladder, show, time_to, with_peers

import dqmjax as dqm

LEVELS, TUNNELLING, INTERACTION, TIME = (12, 12), 1.0, 0.8, 2.0
PEERS = {"dynamiqs": ["dynamiqs==0.3.7"]}
TOLERANCES = [10.0**-n for n in range(4, 14)]
ERRORS = (1e-4, 1e-8, 1e-12)


def operator() -> qutip.Qobj:
    a = qutip.tensor(qutip.destroy(LEVELS[0]), qutip.qeye(LEVELS[1]))
    b = qutip.tensor(qutip.qeye(LEVELS[0]), qutip.destroy(LEVELS[1]))
    local = sum(c.dag() @ c.dag() @ c @ c for c in (a, b))
    return -TUNNELLING * (a.dag() @ b + b.dag() @ a) + INTERACTION / 2 * local


def problem() -> dict:
    """The arrays of `ladder.problem`, for kets; the cell is 1."""
    alpha = jnp.array([1.0, 0.5j])
    start = np.array(dqm.FockBargmann(LEVELS).coherent_ket(alpha))
    start /= np.linalg.norm(start)
    energies, states = np.linalg.eigh(operator().full())
    moved = states @ (np.exp(-1j * energies * TIME) * (states.conj().T @ start.ravel()))
    return {
        "lower": np.array(0.0),
        "upper": np.array(float(LEVELS[0])),
        "V": np.zeros(LEVELS),
        "time": np.array(TIME),
        "tunnelling": np.array(TUNNELLING),
        "interaction": np.array(INTERACTION),
        "start": start,
        "exact": moved.reshape(LEVELS),
    }


def of_matrices(given: dict) -> dict:
    """The same for density matrices."""
    outer = lambda ket: np.multiply.outer(ket, ket.conj())
    both = {name: outer(given[name]) for name in ("start", "exact")}
    return given | both | {"V": np.zeros(LEVELS * 2)}


def ours(given: dict, make_stepper) -> tuple[list[dict], float]:
    """Errors and times of one step, up to constants in H, which turn a ket's phase; and the
    seconds of the first call."""
    ts = dqm.save_times(np.array([0.0, TIME]))
    start = jnp.asarray(given["start"])
    begin = time.perf_counter()
    stepper = make_stepper()
    final = lambda state: dqm.solve(stepper, state, ts, save=jnp.sum).final
    compiled = jax.jit(final).lower(start).compile()
    compiled(start).block_until_ready()
    first = time.perf_counter() - begin

    def run(_):
        state = np.asarray(compiled(start))
        overlap = np.vdot(given["exact"], state)
        return state / (overlap / abs(overlap)) if state.ndim == 2 else state

    return ladder.measure(run, given, [1]), first


def with_qutip(given: dict, solver) -> list[dict]:
    h, shape = operator(), given["start"].shape
    dims = [list(LEVELS), list(LEVELS) if len(shape) == 4 else [1, 1]]
    start = qutip.Qobj(given["start"].reshape(144, -1), dims=dims)

    def run(tolerance):
        options = {"atol": tolerance, "rtol": tolerance, "nsteps": 10**7, "progress_bar": ""}
        return solver(h, start, [0.0, TIME], options=options).states[-1].full().reshape(shape)

    return ladder.measure(run, given, TOLERANCES)


def main():
    parser = argparse.ArgumentParser(description="Time to a given error of a dimer.")
    parser.add_argument("--environments", type=Path, default=Path(".bench-environments"))
    directory = parser.parse_args().environments.resolve()
    jax.config.update("jax_enable_x64", True)
    kets = problem()
    matrices = of_matrices(kets)
    basis = dqm.FockBargmann(LEVELS)
    symbol = dqm.BoseHubbard(TUNNELLING, INTERACTION, 2)
    runs, first = {}, {}
    runs["dqmjax KetStep"], first["KetStep"] = ours(kets, lambda: dqm.KetStep(symbol, basis))
    runs["dqmjax HusimiStep"], first["HusimiStep"] = ours(
        matrices, lambda: dqm.HusimiStep(dqm.FokkerPlanck(symbol), basis)
    )
    runs["QuTiP sesolve"] = with_qutip(kets, qutip.sesolve)
    runs["QuTiP mesolve"] = with_qutip(matrices, qutip.mesolve)
    skipped = with_peers(runs, PEERS, directory, kets)
    times = {name: {f"{e:.0e}": time_to(e, rows) for e in ERRORS} for name, rows in runs.items()}
    for name, row in times.items():
        show("dimer 12²", name, row)
    print("first call, seconds:", first)
    versions = {p: importlib.metadata.version(p) for p in ("jax", "jaxlib", "qutip", "numpy")}
    result = {
        "versions": versions,
        "peers": [package for packages in PEERS.values() for package in packages],
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {jax.devices()[0].device_kind}",
        "runs": runs,
        "skipped": skipped,
        "first_call_s": first,
        "time_to": times,
    }
    out = Path(__file__).parent / "results" / "husimi.json"
    out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
