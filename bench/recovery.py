"""How well parameters are recovered: from no start and far ones, through noise, from every picture.

    python bench/recovery.py DATA_DIR [SECTION ...]

DATA_DIR holds kerr_clean.npz, kerr_lossy.npz and dimer_clean.npz. Writes the sections named, all by
default, to bench/results/recovery.json, and prints the table of cases.
"""

import dataclasses
import json
import pathlib
import platform
import sys
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import dqmjax as dqm
from dqmjax.fock_bargmann.readout import sample
from dqmjax.grid import density
from dqmjax.recovery.multistart import refined
from dqmjax.recovery.problem import Problem

RESULTS = pathlib.Path(__file__).parent / "results" / "recovery.json"
KERR = {
    "interaction": -2 * np.pi * 0.325,
    "omega": 0.0,
    "C": 1.0,
    "alpha_re": 2.0,
    "alpha_im": 0.0,
}
WELL = {"depth": 1.0, "half_distance": 1.5}
GRID = dqm.Grid((-6.0,), (6.0,), (64,))
DRAWS, WRONG_DRAWS, SHOTS, STARTS = 40, 20, 2000, 100
POINTS, TIMES = 10_000, 20  # of heterodyne detection


def case(truth: dict[str, float], data, model, **problem) -> dict:
    """One row: what was true, the start, what came out, and at which cost."""
    evaluations, whole = [], Problem._linearised
    Problem._linearised = lambda self, vector: evaluations.append(1) or whole(self, vector)
    try:
        begin = time.perf_counter()
        result = dqm.recover(data, model, **problem)
        seconds = time.perf_counter() - begin
    finally:
        Problem._linearised = whole
    parameters = {
        name: {
            "true": value,
            "start": result.start[name],
            "recovered": result.estimate[name],
            "stderr": result.stderr[name],
            "pull": (result.estimate[name] - value) / result.stderr[name],
        }
        for name, value in truth.items()
    }
    return {
        "parameters": parameters,
        "largest_error": max(abs(p["recovered"] - p["true"]) for p in parameters.values()),
        "origin": result.origin,
        "jacobians": len(evaluations),
        "seconds_cpu_with_compilation": seconds,
        "residual_of_peak": result.goodness.misfit,
        "strain": result.strain,
        "describes_data": result.goodness.describes_data,
    }


def kerr(folder) -> dict:
    return case(KERR, dqm.read_snapshots(folder / "kerr_clean.npz"), "kerr")


def kerr_rescaled(folder) -> dict:
    """The same with q = 1.6 Q, p = P/1.6, ℓ sought from 1 and C from 0.5."""
    data = dqm.read_snapshots(folder / "kerr_clean.npz")
    data = dataclasses.replace(data, points=data.points * [1.6, 1 / 1.6], ell=np.array([1.6]))
    return case(KERR | {"ell": 1.6}, data, "kerr", start={"ell": 1.0, "C": 0.5})


def dimer(folder) -> dict:
    """Scattered points in four dimensions, no start."""
    truth = {"tunnelling": 1.0, "interaction": 0.4, "C": 1.0, "ell_1": 1.0, "ell_2": 1.0}
    data = dqm.read_snapshots(folder / "dimer_clean.npz")
    return case(truth, data, "bose-hubbard", free=["ell"])


def dimer_of_quantum_mechanics(folder) -> dict:
    """The same with C = 1 and ℓ = 1 known: amplitudes of kets in place of coefficients."""
    truth = {"tunnelling": 1.0, "interaction": 0.4}
    data = dqm.read_snapshots(folder / "dimer_clean.npz")
    return case(truth, data, "bose-hubbard", fix={"C": 1.0})


def trimer(folder) -> dict:
    """Three sites by QuTiP from 1000 scattered points, C = 1 known, no start."""
    import qutip

    levels, truth = 8, {"tunnelling": 1.0, "interaction": 0.4}
    one = [qutip.qeye(levels)] * 3
    lower = qutip.destroy(levels)
    a: Any = [qutip.tensor([*one[:k], lower, *one[k + 1 :]]) for k in range(3)]
    hops = sum(a[k].dag() * a[k + 1] + a[k + 1].dag() * a[k] for k in range(2))
    operator = 0.2 * sum(b.dag() ** 2 * b**2 for b in a) - hops
    t = np.linspace(0, 1.5, 16)
    alphas: Any = (0.6, 0.3j, -0.2)
    kets = [qutip.coherent(levels, alpha, method="analytic") for alpha in alphas]
    options = {"atol": 1e-12, "rtol": 1e-10, "nsteps": 100_000}
    states = qutip.sesolve(operator, qutip.tensor(kets), t, options=options).states
    points = 1.2 * np.random.default_rng(0).normal(size=(1000, 6))
    basis = dqm.FockBargmann((levels,) * 3)
    shape = lambda state: jnp.asarray(state.full().reshape((levels,) * 3))
    rho = np.stack([np.asarray(basis.density(shape(s), jnp.asarray(points))) for s in states])
    data = dqm.Snapshots(t, points, rho, np.ones(3), 1.0, 1.0)
    return case(truth, data, "bose-hubbard", fix={"C": 1.0})


def scalar_field(folder) -> dict:
    """Three waves of a φ⁴ field by QuTiP; every ℓ_k sought, all derivatives kept, no start."""
    import qutip

    levels, coupling, amplitudes = 6, 0.02, np.array([0.2, 0.1 + 0.1j, -0.15])
    field = dqm.ScalarField(3, 1.0, coupling)
    omega = np.asarray(field.omega)
    one = [qutip.qeye(levels)] * 3
    a = [qutip.tensor([*one[:k], qutip.destroy(levels), *one[k + 1 :]]) for k in range(3)]
    q = [(b + b.dag()) / np.sqrt(2 * w) for b, w in zip(a, omega, strict=True)]
    p = [-1j * (b - b.dag()) * np.sqrt(w / 2) for b, w in zip(a, omega, strict=True)]
    parts = zip(q, p, omega, strict=True)
    operator = sum((y * y + w**2 * x * x) / 2 for x, y, w in parts)
    for row in field.waves:
        site = sum(float(m) * x for m, x in zip(row, q, strict=True))
        operator = operator + coupling * site**4
    kets = [qutip.coherent(levels, b, method="analytic") for b in amplitudes]
    t = np.linspace(0, 0.4, 9)
    options = {"atol": 1e-12, "rtol": 1e-10, "nsteps": 100_000}
    states = qutip.sesolve(operator, qutip.tensor(kets), t, options=options).states
    random = np.random.default_rng(0)
    beta = amplitudes + 0.8 * (random.normal(size=(1200, 3)) + 1j * random.normal(size=(1200, 3)))
    ell = 1 / np.sqrt(omega)
    points = np.hstack([np.sqrt(2) * beta.real * ell, np.sqrt(2) * beta.imag / ell])
    basis = dqm.FockBargmann((levels,) * 3, tuple(ell.tolist()))
    shape = lambda state: jnp.asarray(state.full().reshape((levels,) * 3))
    rho = np.stack([np.asarray(basis.density(shape(s), jnp.asarray(points))) for s in states])
    data = dqm.Snapshots(t, points, rho, ell, 1.0, 1.0)
    symbol = dqm.ScalarField(3, 1.0, jnp.zeros(()))
    model = dqm.FokkerPlanck(symbol, ell=jnp.ones(3), order=4)
    truth = {"coupling": coupling} | {f"ell_{k + 1}": x for k, x in enumerate(ell.tolist())}
    return case(truth, data, model, cutoff=levels)


def _exact(depth_and_distance, psi, times):
    """Densities in a double well, by diagonalisation."""
    h = dqm.Hamiltonian(dqm.DoubleWell(*depth_and_distance))
    matrix = np.real(jax.vmap(lambda c: h.apply(GRID, c + 0j))(jnp.eye(64)))
    energies, states = np.linalg.eigh((matrix + matrix.T) / 2)
    phases = np.exp(-1j * np.outer(times, energies))
    return np.abs((phases * (states.T @ np.asarray(psi))) @ states.T) ** 2


def double_well(folder) -> dict:
    """From ρ(x, t) at ten times."""
    psi, times = dqm.gaussian(GRID, -1.5, 0.5), np.linspace(0, 2, 10)
    data = dqm.Series(times, _exact(WELL.values(), psi, times))
    h = dqm.Hamiltonian(dqm.DoubleWell(jnp.array(1.8), jnp.array(1.2)))
    return case(WELL, data, dqm.Evolution(dqm.SplitStep(h, GRID), psi, density, substeps=20))


def diffusion(folder) -> dict:
    """ħ/m of (ρ, S) from a spreading packet, 1 % noise."""
    times, x = np.linspace(0, 2, 9), np.asarray(GRID.points[0])
    width = 0.7 * np.sqrt(1 + (times[:, None] / 0.98) ** 2)
    rho = np.exp(-((x - 0.3 * times[:, None]) ** 2) / (2 * width**2)) / width / np.sqrt(2 * np.pi)
    sigma = 0.01 * rho.max()
    noise = sigma * np.random.default_rng(0).normal(size=rho.shape)
    state = dqm.to_canonical(dqm.gaussian(GRID, 0.0, 0.7, 0.3))
    step = dqm.CanonicalStep(dqm.Hamiltonian(dqm.Free(), hbar=jnp.array(1.3)), GRID)
    experiment = dqm.Evolution(step, state, lambda state: state[0], substeps=2)
    return case({"hbar": 1.0}, dqm.Series(times, rho + noise, sigma), experiment)


def lines(folder) -> dict:
    """Six levels of an anharmonic oscillator, by diagonalisation in number states."""
    a = np.diag(np.sqrt(np.arange(1, 80)), 1)
    x, p2 = (a + a.T) / np.sqrt(2), -((a - a.T) @ (a - a.T)) / 2
    levels = np.linalg.eigvalsh((p2 + 1.21 * x @ x) / 2 + 0.05 * x @ x @ x @ x)[:6]
    potential = dqm.Anharmonic(jnp.array(1.0), 0.0, jnp.array(0.1))
    grid = dqm.Grid((-8.0,), (8.0,), (64,))
    experiment = dqm.Levels(dqm.Hamiltonian(potential), grid, 6)
    return case({"omega": 1.1, "quartic": 0.05}, dqm.Lines(levels), experiment)


def counted(data: dqm.Snapshots, seed: int) -> dqm.Snapshots:
    probability = np.clip(data.density * data.cell, 0, 1)
    counts = np.random.default_rng(seed).binomial(SHOTS, probability)
    return dataclasses.replace(data, shots=SHOTS, counts=counts)


def _pulls(truth, results) -> dict:
    table = {
        n: [(r.estimate[n] - v) / r.stderr[n] for r in results if r.goodness.describes_data]
        for n, v in truth.items()
    }
    return {
        "draws": len(results),
        "described": sum(r.goodness.describes_data for r in results),
        "pull_mean": {n: float(np.mean(x)) for n, x in table.items()},
        "pull_width": {n: float(np.std(x, ddof=1)) for n, x in table.items()},
    }


def noise(folder) -> dict:
    """Forty draws of 2000 detections at each point."""
    data = dqm.read_snapshots(folder / "kerr_clean.npz")
    return _pulls(KERR, [dqm.recover(counted(data, seed), "kerr") for seed in range(DRAWS)])


def heterodyne(folder) -> dict:
    """Forty draws of 10⁴ points at each of 20 times."""
    basis, times = dqm.FockBargmann(30), np.linspace(0, 0.95, TIMES)
    truth = KERR | {"alpha_re": 1.5}
    stepper = dqm.HusimiStep(dqm.FokkerPlanck(dqm.Kerr(truth["interaction"])), basis)
    states = dqm.solve(stepper, basis.coherent(1.5), times).saved
    keys = jax.random.split(jax.random.key(0), TIMES)
    pool = [sample(k, basis, s, DRAWS * POINTS) for k, s in zip(keys, states, strict=True)]
    results = [
        dqm.recover(dqm.Samples(times, points, np.ones(1)), "kerr")
        for points in np.split(np.stack(pool), DRAWS, axis=1)
    ]
    return _pulls(truth, results)


def every_fourth(data: dqm.Snapshots) -> dqm.Snapshots:
    return dataclasses.replace(data, points=data.points[::4], density=data.density[:, ::4])


def wrong(folder) -> dict:
    """Twenty draws each of noise on data of another system: how many were called wrong.

    Lossy data at every fourth point; a fit of 44 times at all 1681 takes a minute or two.
    """
    lossy = every_fourth(dqm.read_snapshots(folder / "kerr_lossy.npz"))
    quartic = _quartic_snapshots()
    report = {}
    for name, data in (("lossy data, no loss in the model", lossy), ("quartic, Kerr", quartic)):
        results = [dqm.recover(counted(data, seed), "kerr") for seed in range(WRONG_DRAWS)]
        called = [not r.goodness.describes_data for r in results]
        report[name] = {"draws": WRONG_DRAWS, "called_wrong": sum(called)}
    return report


def _quartic_snapshots() -> dqm.Snapshots:
    """p²/2 + q²/2 + 0.1 q⁴ by QuTiP, from a coherent state."""
    import qutip

    levels = 50
    a = qutip.destroy(levels)
    q = (a + a.dag()) / np.sqrt(2)
    operator = qutip.num(levels) + 0.1 * q**4
    t = np.linspace(0, 2, 21)
    state = qutip.coherent(levels, 1.2, method="analytic")
    options = {"atol": 1e-12, "rtol": 1e-10, "nsteps": 100_000}
    states = qutip.sesolve(operator, state, t, options=options).states
    axis = np.linspace(-4.5, 4.5, 25)
    points = np.stack(np.meshgrid(axis, axis)).reshape(2, -1).T
    basis = dqm.FockBargmann(levels)
    kets = (jnp.asarray(s.full()[:, 0]) for s in states)
    rho = np.stack([np.asarray(basis.density(k, jnp.asarray(points))) for k in kets])
    return dqm.Snapshots(t, points, rho, np.ones(1), 1.0, 1.0)


def starts(folder) -> dict:
    """A hundred random starts side by side, at every fourth point: how many of those that are
    followed to the end are right."""
    data = every_fourth(dqm.read_snapshots(folder / "kerr_clean.npz"))
    problem = dqm.recover(data, "kerr").problem.rough()
    random = np.random.default_rng(0)
    ranges = [(KERR["interaction"] * 2, 0.0), (-5.0, 5.0), (0.0, 3.0), (1.0, 3.0), (-1.0, 1.0)]
    vectors = np.stack([random.uniform(*r, STARTS) for r in ranges], axis=1)
    begin = time.perf_counter()
    ends = refined(problem, vectors)
    seconds = time.perf_counter() - begin
    error = np.abs(ends - list(KERR.values())).max(axis=1)
    return {
        "starts": STARTS,
        "followed": len(ends),
        "order": problem.names,
        "right": int(np.sum(error < 1e-3)),
        "largest_error_of_the_best": error[0],
        "seconds_cpu_with_compilation": seconds,
    }


def sampled(folder) -> dict:
    """NUTS beside the information, for a double well in 0.5 % of noise."""
    psi, times = dqm.gaussian(GRID, -1.5, 0.5), np.linspace(0, 2, 6)
    rho = _exact(WELL.values(), psi, times)
    data = dqm.Series(times, rho + 0.005 * np.random.default_rng(0).normal(size=rho.shape), 0.005)
    h = dqm.Hamiltonian(dqm.DoubleWell(jnp.array(1.3), jnp.array(1.4)))
    experiment = dqm.Evolution(dqm.SplitStep(h, GRID), psi, density, substeps=8)
    result = dqm.recover(data, experiment)
    begin = time.perf_counter()
    samples = dqm.posterior(result, jax.random.key(0), 1000)
    seconds = time.perf_counter() - begin
    stderr = np.array(list(result.stderr.values()))
    return {
        "mean_off_in_stderr": ((samples.mean(axis=0) - result.vector) / stderr).tolist(),
        "width_over_stderr": (samples.std(axis=0) / stderr).tolist(),
        "seconds_cpu_with_compilation": seconds,
    }


CASES = (
    kerr,
    kerr_rescaled,
    dimer,
    dimer_of_quantum_mechanics,
    trimer,
    scalar_field,
    double_well,
    diffusion,
    lines,
)
STUDIES = (noise, heterodyne, wrong, starts, sampled)
SECTIONS = {section.__name__: section for section in CASES + STUDIES}


def table(report: dict) -> str:
    """The cases in Markdown."""
    lines = ["| case | true | start | recovered | σ | pull | Jacobians | seconds, CPU |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for name in (c.__name__ for c in CASES if c.__name__ in report):
        row = report[name]
        for parameter, p in row["parameters"].items():
            lines.append(
                f"| {name}: {parameter} | {p['true']:.6g} | {p['start']:.3g} "
                f"| {p['recovered']:.9g} | {p['stderr']:.1g} | {p['pull']:.1f} "
                f"| {row['jacobians']} | {row['seconds_cpu_with_compilation']:.0f} |"
            )
    return "\n".join(lines)


def main(folder: pathlib.Path, chosen: list[str]):
    jax.config.update("jax_enable_x64", True)
    report = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    report = {name: part for name, part in report.items() if name in SECTIONS}
    device = f"{platform.machine()}, {jax.devices()[0].device_kind}, jax {jax.__version__}"
    for name in chosen or SECTIONS:
        report[name] = SECTIONS[name](folder) | {"machine": device}
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(report, indent=1) + "\n")
        print(name, report[name], flush=True)
    print(table(report))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:])
