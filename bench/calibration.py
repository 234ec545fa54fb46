"""Whether recovery states the errors that it has, calls wrong models wrong and finds right terms.

    python bench/calibration.py [SECTION ...]

All data are drawn from states that QuTiP evolves. Writes the sections named, all by default, to
bench/results/calibration.json.
"""

import dataclasses
import json
import pathlib
import platform
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import qutip

import dqmjax as dqm

RESULTS = pathlib.Path(__file__).parent / "results" / "calibration.json"
DRAWS, WRONG_DRAWS = 200, 20
LEVELS, TIMES, POINTS = 30, 15, 2000
T = np.linspace(0, 1.0, TIMES)
LATER = 1.5
HAMILTONIAN = "omega*n + U/2*n*(n-1)"
BASIS = dqm.FockBargmann(LEVELS)
A: Any = qutip.destroy(LEVELS)
N: Any = qutip.num(LEVELS)
OSCILLATOR = {"U": (2.0, 0.2), "omega": (0.7, 0.2)}
TIGHT = {"atol": 1e-11, "rtol": 1e-9, "nsteps": 100_000}
SHOTS = 20_000  # at each point, of an unknown state
DARK = 20_000  # samples without a signal


def kerr(truth) -> qutip.Qobj:
    return truth["omega"] * N + truth["U"] / 2 * N * (N - 1)


def evolved(hamiltonian, state, jumps=(), t=T) -> list:
    """The density matrices at all times, without what the integration made negative."""
    run = qutip.mesolve(hamiltonian, state, t, list(jumps), options=TIGHT)
    return [positive(one) for one in run.states]


def positive(state: qutip.Qobj):
    matrix = (state if state.isoper else qutip.ket2dm(state)).full()
    values, vectors = np.linalg.eigh(matrix)
    return jnp.asarray(vectors * np.clip(values, 0, None) @ vectors.conj().T)


def points(key, states, count: int) -> np.ndarray:
    keys = jax.random.split(key, len(states))
    return np.stack(
        [dqm.readout.sample(k, BASIS, rho, count) for k, rho in zip(keys, states, strict=True)]
    )


def samples(key, states, detector=None, t=T, count=POINTS) -> dqm.Samples:
    draw, noise = jax.random.split(key)
    found = points(draw, states, count)
    if detector is not None:
        found = np.asarray(detector.sample(noise, BASIS.space, found))
    return dqm.Samples(t, found, [1.0])


def coherent(alpha) -> qutip.Qobj:
    return qutip.coherent(LEVELS, alpha, method="analytic")


def amplitude(truth) -> complex:
    return truth["alpha_re"] + 1j * truth["alpha_im"]


def squeezed(truth) -> qutip.Qobj:
    """D(α)S(ξ)|0⟩, with room above for the exponentials of QuTiP."""
    wide = 3 * LEVELS
    alpha, xi = complex(amplitude(truth)), truth["xi_re"] + 1j * truth["xi_im"]
    ket: Any = qutip.displace(wide, alpha) @ qutip.squeeze(wide, xi)  # pyright: ignore[reportArgumentType]
    return qutip.Qobj((ket * qutip.basis(wide, 0)).full()[:LEVELS]).unit()


def cat(truth) -> qutip.Qobj:
    other = np.exp(1j * truth["phase"]) * coherent(-amplitude(truth))
    return (coherent(amplitude(truth)) + other).unit()


def of_state(prepare: Callable, known: dict, name: str) -> dict:
    """Samples of a Kerr oscillator from one kind of state."""
    simulate = lambda truth, key: samples(key, evolved(kerr(truth), prepare(truth)))
    fit = lambda data, prior: dqm.recover(
        data, HAMILTONIAN, state=name, fix={"C": 1.0}, prior=prior
    )
    return study(simulate, fit, OSCILLATOR | known)


def study(simulate, fit, prior) -> dict:
    """Simulation-based calibration, with the mean of β at a later time as prediction."""
    begin = time.perf_counter()
    found = dqm.calibrate(
        simulate,
        fit,
        prior,
        jax.random.key(0),
        draws=DRAWS,
        predict={"later": later},
        progress=lambda line: print(line, flush=True),
    )
    return {
        "draws": found.draws,
        "described": found.described,
        "samples": found.samples,
        "p": found.p,
        "pull_mean": {name: float(x.mean()) for name, x in found.pulls.items()},
        "pull_width": {name: float(x.std(ddof=1)) for name, x in found.pulls.items()},
        "ranks": {name: " ".join(map(str, x)) for name, x in found.ranks.items()},
        "seconds": time.perf_counter() - begin,
    }


def later(experiment):
    """Re ⟨â⟩ after the data end."""
    experiment = getattr(experiment, "each", {"data": experiment})["data"]
    times = dqm.save_times(jnp.array([0.0, LATER]))
    state = experiment.run(times).saved[-1]
    return jnp.real(dqm.readout.moment(experiment.basis, state, (0,), (1,)))


def from_coherent() -> dict:
    """Nothing but a Kerr oscillator."""
    return of_state(
        lambda truth: coherent(amplitude(truth)),
        {"alpha_re": (1.5, 0.1), "alpha_im": (0.0, 0.1)},
        "coherent",
    )


def from_squeezed() -> dict:
    known = {
        "alpha_re": (1.2, 0.1),
        "alpha_im": (0.0, 0.1),
        "xi_re": (0.5, 0.1),
        "xi_im": (0.0, 0.1),
    }
    return of_state(squeezed, known, "squeezed")


def from_cat() -> dict:
    known = {"alpha_re": (1.4, 0.1), "alpha_im": (0.0, 0.1), "phase": (0.0, 0.2)}
    return of_state(cat, known, "cat")


def with_detector() -> dict:
    """Loss and noise that are fitted, with samples of the vacuum."""

    def simulate(truth, key):
        detector = dqm.Detector(truth["efficiency"], truth["noise"])
        on, off = jax.random.split(key)
        states = evolved(kerr(truth), coherent(amplitude(truth)))
        vacuum = [jnp.asarray(qutip.fock_dm(LEVELS, 0).full())]
        dark = samples(off, vacuum, detector, np.zeros(1), DARK)
        return samples(on, states, detector), dark

    def fit(data, prior):
        start = dqm.Detector(jnp.asarray(0.6), jnp.asarray(0.3))
        options = {"fix": {"C": 1.0}, "detector": start, "off": data[1], "prior": prior}
        return dqm.recover(data[0], HAMILTONIAN, **options)

    known = {"alpha_re": (1.5, 0.1), "alpha_im": (0.0, 0.1)}
    detector = {"efficiency": (0.6, 0.05), "noise": (0.3, 0.03)}
    return study(simulate, fit, OSCILLATOR | known | detector)


def counted() -> dict:
    """Counted quanta of a driven Kerr oscillator."""
    t, shots = np.linspace(0, 3, TIMES), 2000

    def simulate(truth, key):
        driven = kerr(truth) + truth["F"] * (A + A.dag())
        states = evolved(driven, coherent(truth["alpha_re"]), t=t)
        random = np.random.default_rng(np.asarray(jax.random.key_data(key)))
        share = [np.clip(np.real(np.diag(rho)), 0, 1) for rho in states]
        counts = np.array([random.multinomial(shots, p / p.sum())[:8] for p in share])
        return dqm.PhotonNumbers(t, counts, shots)

    def fit(data, prior):
        start = {"U": 2.0, "omega": 0.7, "F": 0.8}
        options = {"fix": {"C": 1.0, "alpha_im": 0.0}, "start": start, "prior": prior}
        return dqm.recover(data, f"{HAMILTONIAN} + F*(a + ad)", **options)

    known = {"alpha_re": (0.8, 0.05), "F": (0.8, 0.1)}
    return study(simulate, fit, OSCILLATOR | known)


TRUTH = {"U": 2.0, "omega": 0.7, "alpha_re": 1.5, "alpha_im": 0.0, "xi_re": 0.5, "xi_im": 0.1}


def wrong() -> dict:
    """How many of twenty data sets of another system are called wrong."""
    loss = [np.sqrt(0.2) * A]
    quartic = N + 0.1 * ((A + A.dag()) / np.sqrt(2)) ** 4
    cases = {
        "loss, none in the model": ((kerr(TRUTH), coherent(1.5), loss), {}, None),
        "quartic, Kerr in the model": ((quartic, coherent(1.2)), {}, None),
        "efficiency 0.6, 0.8 in the model": (
            (kerr(TRUTH), coherent(1.5)),
            {"detector": dqm.Detector(0.8)},
            dqm.Detector(0.6),
        ),
        "squeezed, coherent in the model": ((kerr(TRUTH), squeezed(TRUTH)), {}, None),
    }
    return {name: _called(name, *case) for name, case in cases.items()}


def _called(name: str, system, options: dict, detector) -> dict:
    begin, states = time.perf_counter(), evolved(*system)
    wrong = []
    for seed in range(WRONG_DRAWS):
        data = samples(jax.random.key(seed), states, detector)
        result = dqm.recover(data, HAMILTONIAN, fix={"C": 1.0}, **options)
        wrong.append(not result.goodness.describes_data)
        print(name, seed, wrong[-1], flush=True)
    seconds = time.perf_counter() - begin
    return {"draws": WRONG_DRAWS, "called_wrong": sum(wrong), "seconds": seconds}


def unknown() -> dict:
    """A mixture of rank four, fitted with rank five and U and ω, from detections at 21² points."""
    begin, side = time.perf_counter(), np.linspace(-4, 4, 21)
    ket = {"alpha_re": 1.0, "alpha_im": 0.2, "phase": 0.5}
    kets = [cat(ket), coherent(0.8j), qutip.basis(LEVELS, 1), qutip.basis(LEVELS, 3)]
    parts = zip((0.5, 0.3, 0.15, 0.05), kets, strict=True)
    rho: Any = sum(part * qutip.ket2dm(state) for part, state in parts)
    where = np.stack([axis.ravel() for axis in np.meshgrid(side, side)], axis=1)
    states = evolved(kerr(TRUTH), rho)
    density = np.stack([np.asarray(BASIS.density(s, jnp.asarray(where))) for s in states])
    data = dqm.Snapshots(T, where, density, np.ones(1), 1.0, 1.0)
    share = np.clip(density * data.cell, 0, 1)
    counts = np.random.default_rng(0).binomial(SHOTS, share)
    data = dataclasses.replace(data, shots=SHOTS, counts=counts)
    state = dqm.Unknown(5, levels=8)
    result = dqm.recover(data, HAMILTONIAN, state=state, fix={"C": 1.0})
    found = np.asarray(result.problem.template(result.vector).state(BASIS))
    fidelity = qutip.fidelity(qutip.Qobj(found), rho) ** 2
    pulls = {n: (result.estimate[n] - TRUTH[n]) / result.stderr[n] for n in ("U", "omega")}
    return {
        "fidelity": float(fidelity),
        "parameters": len(result.estimate),
        "pulls": pulls,
        "stderr": {name: result.stderr[name] for name in pulls},
        "described": result.goodness.describes_data,
        "verdict": result.goodness.verdict,
        "seconds": time.perf_counter() - begin,
    }


AD = A.dag()
LIBRARY = {  # text, the same operator in QuTiP, a typical coefficient
    "w": ("n", N, 1.0),
    "U": ("n*(n-1)/2", N * (N - 1) / 2, 1.0),
    "F_x": ("a + ad", A + AD, 0.7),
    "F_y": ("1j*(ad - a)", 1j * (AD - A), 0.7),
    "G_x": ("a**2 + ad**2", A**2 + AD**2, 0.3),
    "G_y": ("1j*(ad**2 - a**2)", 1j * (AD**2 - A**2), 0.3),
    "N_x": ("ad*n + n*a", AD * N + N * A, 0.15),
    "N_y": ("1j*(ad*n - n*a)", 1j * (AD * N - N * A), 0.15),
    "T_x": ("a**3 + ad**3", A**3 + AD**3, 0.1),
    "T_y": ("1j*(ad**3 - a**3)", 1j * (AD**3 - A**3), 0.1),
    "P_x": ("ad*n*ad + a*n*a", AD * N * AD + A * N * A, 0.07),
    "P_y": ("1j*(ad*n*ad - a*n*a)", 1j * (AD * N * AD - A * N * A), 0.07),
}


def _planted(random: np.random.Generator, t) -> tuple[dict[str, float], list]:
    """Random terms, and the states; drawn again if the levels here do not hold them."""
    while True:
        chosen = random.choice(list(LIBRARY), random.integers(2, 5), replace=False).tolist()
        truth = {
            name: float(LIBRARY[name][2] * random.uniform(0.5, 1.5) * random.choice([-1, 1]))
            for name in chosen
        }
        hamiltonian = sum(c * LIBRARY[name][1] for name, c in truth.items())
        states = evolved(hamiltonian, coherent(1.0), t=t)
        if max(float(np.real(np.diag(rho))[-5:].sum()) for rho in states) < 1e-8:
            return truth, states


def planted() -> dict:
    """Two to four of twelve terms with random coefficients: which ones are found."""
    terms = {name: text for name, (text, _, _) in LIBRARY.items()}
    t, rows = np.linspace(0, 1.5, 13), []
    for seed in range(WRONG_DRAWS):
        random, begin = np.random.default_rng(seed), time.perf_counter()
        truth, states = _planted(random, t)
        data = samples(jax.random.key(seed), states, t=t, count=1500)
        found = dqm.discover(data, terms)
        rows.append(
            {
                "true": truth,
                "found": {name: found.result.estimate[name] for name in found.kept},
                "missed": sorted(set(truth) - set(found.kept)),
                "false": sorted(set(found.kept) - set(truth)),
                "described": found.result.goodness.describes_data,
                "seconds": time.perf_counter() - begin,
            }
        )
        print(rows[-1], flush=True)
    right = sum(not row["missed"] and not row["false"] for row in rows)
    return {"draws": len(rows), "right": right, "rows": rows}


SECTIONS = {
    section.__name__: section
    for section in (
        from_coherent,
        from_squeezed,
        from_cat,
        with_detector,
        counted,
        wrong,
        unknown,
        planted,
    )
}


def main(chosen: list[str]):
    jax.config.update("jax_enable_x64", True)
    device = f"{platform.machine()}, {jax.devices()[0].device_kind}, jax {jax.__version__}"
    for name in chosen or SECTIONS:
        found = SECTIONS[name]() | {"machine": device}
        report = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        RESULTS.write_text(json.dumps(report | {name: found}, indent=1) + "\n")
        print(name, {key: x for key, x in found.items() if key not in ("ranks", "rows")})


if __name__ == "__main__":
    main(sys.argv[1:])
