"""Driven and damped systems on number states: gradients over values, and a scan beside QuTiP.

    python bench/open_systems.py [--json FILE]

- a pulse of 200 slices on a Bose–Hubbard dimer, kets: the gradient with respect to all 200
  amplitudes over the value, and the error of ⟨n̂₁⟩ against exponentials of matrices of more levels;
- a driven, damped oscillator of 30 levels until t = 40: reverse mode over the value;
- a scan of 200 × 10 values of (U, F) of a damped oscillator, 250 at once by `vmap`, and by QuTiP's
  `mesolve` one after the other, with the largest difference of ⟨n̂⟩.

Run it alone on the machine. bench/results/open_systems.json has the last result.
"""

import argparse
import json
import pathlib
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import qutip

import dqmjax as dqm
from dqmjax.benchmark import measure

RESULTS = pathlib.Path(__file__).parent / "results" / "open_systems.json"
SCAN = (200, 10)
TOGETHER = 250  # runs that fit into the cache


def ratio(value, at) -> dict:
    """Seconds of a function and of its gradient."""
    forward, _ = measure(value, at)
    reverse, _ = measure(jax.grad(value), at)
    over = reverse.min_s / forward.min_s
    return {"value": vars(forward), "gradient": vars(reverse), "ratio": over}


def pulse() -> dict:
    """200 amplitudes of a drive on one site of a dimer."""
    basis = dqm.FockBargmann((8, 8))
    edges = np.linspace(0.0, 4.0, 201)
    dimer = dqm.BoseHubbard(1.0, 0.5, 2)
    start = basis.coherent_ket(jnp.zeros(2))

    def quanta(amplitudes):
        drive = (dqm.Pulse(edges, amplitudes), dqm.operator("a1 + ad1", 2))
        stepper = dqm.KetStep(dqm.Driven(dimer, drive), basis)
        ket = dqm.solve(stepper, start, edges, save=lambda ket: ket[0, 0], throw=False).final
        return jnp.sum(jnp.arange(8)[:, None] * jnp.abs(ket) ** 2)

    amplitudes = 0.3 * np.sin(edges[1:])
    error = abs(float(quanta(jnp.asarray(amplitudes))) - by_matrices(edges, amplitudes))
    return ratio(quanta, jnp.asarray(amplitudes)) | {"error": error}


def by_matrices(edges, amplitudes, levels: int = 13) -> float:
    """⟨n̂₁⟩ of the same pulse by an exponential of a matrix for each slice."""
    a: Any = qutip.destroy(levels)
    one, two = qutip.tensor(a, qutip.qeye(levels)), qutip.tensor(qutip.qeye(levels), a)
    local = sum(b.dag() ** 2 * b**2 for b in (one, two)) / 4
    static = local - (one.dag() * two + two.dag() * one)
    ket = qutip.basis([levels, levels], [0, 0])
    for dt, f in zip(np.diff(edges), amplitudes, strict=True):
        ket = (-1j * float(dt) * (static + float(f) * (one + one.dag()))).expm() * ket
    return float(qutip.expect(one.dag() * one, ket))


def damped() -> dict:
    """The mean number of quanta of 30 levels at t = 40."""
    basis = dqm.FockBargmann(30)
    start = basis.coherent(1.0)

    def quanta(drive):
        flow = dqm.Damped(dqm.FokkerPlanck(dqm.Kerr(0.5, 0.3, drive)), 0.4)
        run = dqm.solve(dqm.HusimiStep(flow, basis), start, np.linspace(0, 40, 5), throw=False)
        return jnp.real(dqm.readout.moment(basis, run.final, (1,), (1,)))

    return ratio(quanta, jnp.array(0.8))


def scan() -> dict:
    """⟨n̂⟩ at ten times for many (U, F), 16 levels."""
    levels, ts = 16, np.linspace(0.0, 10.0, 11)
    basis = dqm.FockBargmann(levels)
    start = basis.coherent(0.8)

    def quanta(U, F):
        flow = dqm.Damped(dqm.FokkerPlanck(dqm.Kerr(U, 0.3, F)), 0.5)
        mean = lambda rho: jnp.real(dqm.readout.moment(basis, rho, (1,), (1,))) - 1
        return dqm.solve(dqm.HusimiStep(flow, basis), start, ts, save=mean, throw=False).saved

    grid = np.meshgrid(np.linspace(0.5, 1.5, SCAN[0]), np.linspace(0.1, 0.6, SCAN[1]))
    U, F = (jnp.asarray(x.ravel()) for x in grid)
    many = lambda U, F: jax.lax.map(lambda at: quanta(*at), (U, F), batch_size=TOGETHER)
    together, means = measure(many, U, F)
    alone, _ = measure(quanta, U[0], F[0])
    a: Any = qutip.destroy(levels)
    chosen = np.linspace(0, U.size - 1, 20).astype(int)
    found, begin = [], time.perf_counter()
    for i in chosen:
        static = 0.3 * a.dag() * a + float(U[i]) / 2 * a.dag() ** 2 * a**2
        run = qutip.mesolve(
            static + float(F[i]) * (a + a.dag()),
            qutip.Qobj(np.asarray(start)),
            ts,
            [np.sqrt(0.5) * a],
            e_ops=[a.dag() * a],
        )
        found.append(run.expect[0])
    each = (time.perf_counter() - begin) / len(chosen)
    return {
        "runs": int(U.size),
        "together": vars(together),
        "alone": vars(alone),
        "qutip_s_per_run": each,
        "faster": each * U.size / together.min_s,
        "difference": float(np.abs(np.asarray(found) - np.asarray(means)[chosen]).max()),
    }


def main():
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", default=str(RESULTS))
    path = pathlib.Path(parser.parse_args().json)
    jax.config.update("jax_enable_x64", True)
    rows = {"pulse": pulse(), "damped": damped(), "scan": scan()}
    path.write_text(json.dumps(rows, indent=1) + "\n")
    print(f"pulse: gradient {rows['pulse']['ratio']:.1f} times the value")
    print(f"damped: gradient {rows['damped']['ratio']:.1f} times the value")
    print(f"scan: {rows['scan']['faster']:.1f} times as fast as QuTiP")


if __name__ == "__main__":
    main()
