"""Bose–Hubbard chains in number states, against QuTiP and dynamiqs.

    python bench/husimi.py [--environments DIR] [CASE ...]

- dimer: 12² levels to t = 2, kets and density matrices.
- three modes: 12³ levels to t = 2, kets.
- damped: three modes of 8³ levels that lose quanta at a rate of 0.1, density matrices to t = 1.

J = 1, U = 0.8, from a coherent state cut off at the levels kept. The exact end is by
diagonalisation in the same levels; with baths it is SciPy's `expm_multiply` of QuTiP's Liouvillian.
QuTiP and dynamiqs run at a ladder of tolerances; `KetStep` and `HusimiStep` are exact to round-off
in one step. Every time stands beside its error (Euclidean norm), the least of some repeats;
compilation apart. Writes bench/results/husimi.json; cases that are not named stay in it.
"""

import argparse
import dataclasses
import importlib.metadata
import itertools
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import qutip
import scipy
from accuracy_vs_cost import ladder, show, time_to, with_peers

import dqmjax as dqm

TUNNELLING, INTERACTION = 1.0, 0.8
PEERS = {"dynamiqs": ["dynamiqs==0.3.7"]}
TOLERANCES = [10.0**-n for n in range(4, 14)]
ERRORS = (1e-4, 1e-6, 1e-8, 1e-12)
RESULTS = Path(__file__).parent / "results" / "husimi.json"


@dataclasses.dataclass(frozen=True)
class Chain:
    """A problem: modes in a row, and the states that move."""

    levels: tuple[int, ...]
    time: float
    rate: float = 0.0  # of loss, of every mode
    kets: bool = True
    matrices: bool = False

    @property
    def modes(self) -> int:
        """Number of modes."""
        return len(self.levels)

    @property
    def size(self) -> int:
        """Number states."""
        return int(np.prod(self.levels))

    @property
    def lowering(self) -> list[Any]:
        """The â of each mode."""
        single = lambda i, mode, n: qutip.destroy(n) if i == mode else qutip.qeye(n)
        rows = ([single(i, j, n) for j, n in enumerate(self.levels)] for i in range(self.modes))
        return [qutip.tensor(row) for row in rows]

    @property
    def operator(self) -> Any:
        """Ĥ, of QuTiP."""
        a = self.lowering
        local = sum(x.dag() @ x.dag() @ x @ x for x in a)
        hopping = sum(x.dag() @ y + y.dag() @ x for x, y in itertools.pairwise(a))
        return -TUNNELLING * hopping + INTERACTION / 2 * local

    @property
    def losses(self) -> list[Any]:
        """`√γ â` of each mode."""
        return [np.sqrt(self.rate) * a for a in self.lowering] if self.rate else []

    def flow(self):
        """Our equation of motion."""
        flow = dqm.FokkerPlanck(dqm.BoseHubbard(TUNNELLING, INTERACTION, self.modes))
        jumps = [dqm.Jump(f"a{i + 1}", self.rate) for i in range(self.modes)]
        return dqm.Open(flow, *jumps) if self.rate else flow

    def given(self) -> dict:
        """The arrays of `ladder.problem`, for kets; the cell is 1."""
        alpha = jnp.array([1.0, 0.5j, 0.2][: self.modes])
        start = np.array(dqm.FockBargmann(self.levels).coherent_ket(alpha, loss=0.5))
        start /= np.linalg.norm(start)
        return {
            "lower": np.array(0.0),
            "upper": np.array(float(self.levels[0])),
            "V": np.zeros(self.levels),
            "time": np.array(self.time),
            "tunnelling": np.array(TUNNELLING),
            "interaction": np.array(INTERACTION),
            "rate": np.array(self.rate),
            "start": start,
            "exact": np.zeros(0) if self.rate else self._diagonalised(start),
        }

    def _diagonalised(self, start: np.ndarray) -> np.ndarray:
        energies, states = np.linalg.eigh(np.real(self.operator.full()))
        moved = states @ (np.exp(-1j * energies * self.time) * (states.T @ start.ravel()))
        return moved.reshape(self.levels)

    def of_matrices(self, given: dict) -> dict:
        """The same for density matrices."""
        outer = lambda ket: np.multiply.outer(ket, ket.conj())
        found = given | {"start": outer(given["start"]), "V": np.zeros(self.levels * 2)}
        if not self.rate:
            return found | {"exact": outer(given["exact"])}
        generator: Any = qutip.liouvillian(self.operator, self.losses)  # pyright: ignore
        superoperator = generator.to("csr").data_as("csr_matrix")
        flat = found["start"].reshape(self.size, self.size).ravel(order="F")
        moved = scipy.sparse.linalg.expm_multiply(self.time * superoperator, flat)
        exact = moved.reshape(self.size, self.size, order="F").reshape(self.levels * 2)
        return found | {"exact": exact}


CASES = {
    "dimer": Chain((12, 12), 2.0, matrices=True),
    "three modes": Chain((12, 12, 12), 2.0),
    "damped": Chain((8, 8, 8), 1.0, rate=0.1, kets=False, matrices=True),
}


def ours(given: dict, make_stepper, is_ket: bool) -> tuple[list[dict], float]:
    """Errors and times of one step, up to constants in H, which turn a ket's phase; and the
    seconds of the first call."""
    ts = dqm.save_times(np.array([0.0, float(given["time"])]))
    start = jnp.asarray(given["start"])
    begin = time.perf_counter()
    stepper = make_stepper()
    final = lambda state: dqm.solve(stepper, state, ts, save=jnp.sum, throw=False).final
    compiled = jax.jit(final).lower(start).compile()
    compiled(start).block_until_ready()
    first = time.perf_counter() - begin

    def run(_):
        state = np.asarray(compiled(start))
        overlap = np.vdot(given["exact"], state)
        return state / (overlap / abs(overlap)) if is_ket else state

    return ladder.measure(run, given, [1]), first


def with_qutip(chain: Chain, given: dict, solver) -> list[dict]:
    """`sesolve` or `mesolve` at each tolerance."""
    h, shape = chain.operator, given["start"].shape
    columns = [1] * len(chain.levels) if solver is qutip.sesolve else list(chain.levels)
    dims = [list(chain.levels), columns]
    start = qutip.Qobj(given["start"].reshape(chain.size, -1), dims=dims)
    losses = [chain.losses] if solver is qutip.mesolve else []

    def run(tolerance):
        options = {"atol": tolerance, "rtol": tolerance, "nsteps": 10**7, "progress_bar": ""}
        found = solver(h, start, [0.0, chain.time], *losses, options=options)
        return found.states[-1].full().reshape(shape)

    return ladder.measure(run, given, TOLERANCES)


def measured(chain: Chain, directory: Path) -> dict:
    """All runs of a problem."""
    kets = chain.given()
    basis, flow = dqm.FockBargmann(chain.levels), chain.flow()
    runs, first, skipped = {}, {}, {}
    if chain.kets:
        make = lambda: dqm.KetStep(flow.symbol, basis)
        runs["dqmjax KetStep"], first["KetStep"] = ours(kets, make, True)
        runs["QuTiP sesolve"] = with_qutip(chain, kets, qutip.sesolve)
        skipped |= with_peers(runs, PEERS, directory, kets)
    if chain.matrices:
        matrices = chain.of_matrices(kets)
        make = lambda: dqm.HusimiStep(flow, basis)
        runs["dqmjax HusimiStep"], first["HusimiStep"] = ours(matrices, make, False)
        runs["QuTiP mesolve"] = with_qutip(chain, matrices, qutip.mesolve)
        if not chain.kets:
            skipped |= with_peers(runs, PEERS, directory, matrices)
    times = {name: {f"{e:.0e}": time_to(e, rows) for e in ERRORS} for name, rows in runs.items()}
    return {"runs": runs, "skipped": skipped, "first_call_s": first, "time_to": times}


def main():
    parser = argparse.ArgumentParser(description="Time to a given error of Bose–Hubbard chains.")
    parser.add_argument("--environments", type=Path, default=Path(".bench-environments"))
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    report = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    versions = {p: importlib.metadata.version(p) for p in ("jax", "jaxlib", "qutip", "numpy")}
    report["versions"] = versions
    report["peers"] = [package for packages in PEERS.values() for package in packages]
    cores = f"{os.cpu_count()} cores"
    report["machine"] = f"{platform.machine()}, {cores}, {jax.devices()[0].device_kind}"
    for name in options.cases or CASES:
        found = measured(CASES[name], options.environments.resolve())
        for method, row in found["time_to"].items():
            show(name, method, row)
        print(f"{name}: first call, seconds: {found['first_call_s']}")
        report.setdefault("cases", {})[name] = found
        RESULTS.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
