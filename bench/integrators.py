"""Which integrator for the Husimi coefficients: dense block exponentials or the series?

    python bench/integrators.py

One run of 44 times (three distinct intervals) of the Kerr oscillator at α = 2, and its
Jacobian to (U, C), by both, with the error against the exact phases. The series moves
`bytes` through memory and does nothing else; a copy of the same size gives its floor.
Writes bench/results/integrators.json.
"""

import json
import pathlib
import time

import jax
import jax.numpy as jnp
import numpy as np

import dqmjax as dqm
from dqmjax.benchmark import measure
from dqmjax.fock_bargmann import steps as husimi
from dqmjax.fock_bargmann.exponential import LONGEST, MAX_DEGREE, needed

RESULTS = pathlib.Path(__file__).parent / "results" / "integrators.json"
TS = np.concatenate([0.01 * np.arange(25), 0.3 + 0.15 * np.arange(19)])
U = -2.04


def evolve(parameters, levels):
    basis = dqm.FockBargmann(levels)
    flow = dqm.FokkerPlanck(dqm.Kerr(parameters[0]), C=parameters[1])
    return dqm.solve(dqm.HusimiStep(flow, basis), basis.coherent(2.0, loss=1e-7), TS).saved


def exact(levels):
    n = np.arange(levels)
    energy = U / 2 * n * (n - 1)
    phase = np.exp(-1j * TS[:, None] * energy)
    psi = phase * np.asarray(dqm.FockBargmann(levels).coherent(2.0, loss=1e-7))[:, 0]
    norm = np.exp(-2.0)  # coherent(2)[:, 0] is ψ_m times ψ_0* = e^{-2}
    return psi[:, :, None] * psi[:, None, :].conj() / norm**2


def row(levels: int, name: str, widest: int) -> dict:
    husimi.MAX_DENSE = widest
    jax.clear_caches()  # or the other one is run again
    at = jnp.array([U, 1.0])
    run = lambda p: evolve(p, levels)
    forward, states = measure(run, at)
    jacobian, _ = measure(jax.jacfwd(run), at)
    error = float(np.abs(np.asarray(states) - exact(levels)).max())
    both = {"run": vars(forward), "jacobian": vars(jacobian)}
    return {"levels": levels, "by": name, "error": error, **both}


def copy_floor(levels: int) -> float:
    """Seconds for the memory traffic of the series: three arrays a term and shift."""
    basis = dqm.FockBargmann(levels)
    flow = dqm.FokkerPlanck(dqm.Kerr(jnp.array(U)), C=jnp.array(1.0))
    operator = basis.generator(flow)
    of = operator.range()
    turn = np.diff(TS) * float(jnp.maximum(of.imaginary, of.real))
    pieces = np.ceil(turn * float(of.ratio) / LONGEST[MAX_DEGREE])
    terms = pieces @ jax.vmap(lambda x: needed(x, of.ratio, MAX_DEGREE))(turn / pieces)
    block = np.ones((3 * len(operator.shifts), levels, levels), complex)
    begin = time.perf_counter()
    for _ in range(100):
        block.copy()
    return (time.perf_counter() - begin) / 100 * float(terms)


def main():
    jax.config.update("jax_enable_x64", True)
    rows = []
    for levels in (20, 30, 45, 60):
        for name, widest in (("blocks", 10**6), ("series", 0)):
            rows.append(row(levels, name, widest) | {"copy_floor_s": copy_floor(levels)})
            print(json.dumps(rows[-1]), flush=True)
    report = {"device": jax.devices()[0].device_kind, "jax": jax.__version__, "rows": rows}
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
