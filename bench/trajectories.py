"""Particles that carry a density: time and error against a NumPy loop, and moments of a cat.

    python bench/trajectories.py [--json FILE]

- Bohm's trajectories of a packet in an anharmonic well in two dimensions, 128² points, 1000 steps:
  `bohm` and a loop in NumPy (velocities by Fourier transforms, interpolated by SciPy, Runge and
  Kutta's method of order 4), the errors of both against steps a quarter as long, and whether the
  particles of `bohm` have the density |ψ|² at the end. `bohm` also integrates with steps twice as
  long, for its `step_error`. `TIMED` particles are timed, and the time is extrapolated linearly to
  `PARTICLES`; the loop moves all of them;
- Nelson's particles of two packets that meet and of a ground state: p-values at five times;
- a Kerr oscillator from a coherent state to Ut = π/4: five moments by particles of `husimi_flow`
  and `husimi_diffusion`, in standard errors, and the joint density against exact samples.

Compilation is apart; that of the Kerr oscillator is timed with fewer particles. Run it alone on the
machine. bench/results/trajectories.json has the last result.
"""

import argparse
import json
import os
import pathlib
import platform
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.ndimage

import dqmjax as dqm
from dqmjax import trajectories
from dqmjax.benchmark import measure

RESULTS = pathlib.Path(__file__).parent / "results" / "trajectories.json"
PARTICLES, TIMED, COMPARED = 100_000, 20_000, 200
INTERVALS, TIME = 500, 2.0
STATES, FLOW_STEPS, DIFFUSION_STEPS = 17, 4, 64  # of the Kerr oscillator
MOMENTS = {"⟨α⟩": (0, 1), "⟨α²⟩": (0, 2), "⟨|α|²⟩": (1, 1), "⟨α*α²⟩": (1, 2), "⟨|α|⁴⟩": (2, 2)}


def well(x, t):
    """An anharmonic well."""
    quartic = 0.05 * x[0] ** 2 * x[1] ** 2 + 0.02 * x[0] ** 4
    return 0.5 * (x[0] ** 2 + 1.3 * x[1] ** 2) + quartic


def timed(function, *arguments):
    """Seconds of one call, and its result."""
    begin = time.perf_counter()
    result = jax.block_until_ready(function(*arguments))
    return time.perf_counter() - begin, result


def bohm() -> dict:
    """Time, error and density of `bohm`, and of the loop."""
    grid = dqm.Grid((-8.0, -8.0), (8.0, 8.0), (128, 128))
    stepper = dqm.SplitStep(dqm.Hamiltonian(well), grid)
    psi = dqm.gaussian(grid, (-1.5, 0.5), (0.8, 0.7), (0.5, 1.0))
    saved = lambda psi: dqm.solve(
        stepper, psi, jnp.linspace(0.0, TIME, INTERVALS + 1), substeps=1, throw=False
    )
    solve, solved = measure(saved, psi)
    run: Any = solved
    starts = trajectories.sample_density(jax.random.key(0), grid, jnp.abs(psi) ** 2, PARTICLES)
    begin = time.perf_counter()
    follow = lambda run, starts: trajectories.bohm(stepper, run, starts, substeps=2)
    compiled = jax.jit(follow).lower(run, starts[:TIMED]).compile()
    compile_s = time.perf_counter() - begin
    ours_s, paths = timed(compiled, run, starts[:TIMED])

    fine = dqm.solve(stepper, psi, jnp.linspace(0.0, TIME, 4 * INTERVALS + 1), substeps=1)
    few = starts[:COMPARED]
    exact = np.asarray(trajectories.bohm(stepper, fine, few, substeps=2).positions[-1])
    states = np.asarray(fine.saved)
    loop_s, looped = timed(loop, grid, states, np.asarray(starts), 3)
    linear = loop(grid, states, np.asarray(few), 1)

    rho, last = jnp.abs(run.final) ** 2, paths.positions[-1]
    joint = trajectories.agreement(last, grid, rho, jax.random.key(1))
    lines = [dqm.Grid(grid.lower[a], grid.upper[a], grid.shape[a]) for a in (0, 1)]
    marginals = [
        trajectories.agreement(last[:, [a]], lines[a], rho.sum(axis=1 - a)).p_value for a in (0, 1)
    ]
    wrong = trajectories.agreement(starts[:TIMED], grid, rho, jax.random.key(1))
    extrapolated = ours_s * PARTICLES / TIMED
    return {
        "particles": PARTICLES,
        "particles_timed": TIMED,
        "steps": 2 * INTERVALS,
        "solve": vars(solve),
        "compile_s": compile_s,
        "timed_s": ours_s,
        "extrapolated_s": extrapolated,
        "error": errors(last[:COMPARED], exact),
        "step_error": spread(paths.step_error[-1]),
        "loop_s": loop_s,
        "loop_error": errors(looped[:COMPARED], exact),
        "loop_error_bilinear": errors(linear, exact),
        "loop_over_bohm": loop_s / extrapolated,
        "p_joint": joint.p_value,
        "p_marginals": marginals,
        "p_of_starts": wrong.p_value,
    }


def loop(grid: dqm.Grid, states: np.ndarray, x: np.ndarray, order: int) -> np.ndarray:
    """Final positions, by every second interval of the states and the one between as midpoint."""
    waves = np.meshgrid(
        *(2 * np.pi * np.fft.fftfreq(n, h) for n, h in zip(grid.shape, grid.spacing, strict=True)),
        indexing="ij",
    )
    spacing, lower = np.asarray(grid.spacing)[:, None], np.asarray(grid.lower)[:, None]

    def velocity(psi):
        transform, rho = np.fft.fftn(psi), np.abs(psi) ** 2
        slopes = (np.fft.ifftn(1j * k * transform) for k in waves)
        fields = [np.imag(psi.conj() * s) / np.maximum(rho, 1e-20 * rho.max()) for s in slopes]
        if order > 1:
            fields = [scipy.ndimage.spline_filter(v, order, mode="grid-wrap") for v in fields]

        def at(x):
            place = (x - lower) / spacing
            interpolated = [
                scipy.ndimage.map_coordinates(
                    v, place, order=order, prefilter=False, mode="grid-wrap"
                )
                for v in fields
            ]
            return np.stack(interpolated)

        return at

    x, h = x.T, TIME / (len(states) - 1) * 2
    first = velocity(states[0])
    for middle, last in zip(states[1::2], states[2::2], strict=True):
        between, after = velocity(middle), velocity(last)
        k1 = first(x)
        k2 = between(x + h / 2 * k1)
        k3 = between(x + h / 2 * k2)
        k4 = after(x + h * k3)
        x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        first = after
    return x.T


def spread(distances) -> dict:
    """The median and the largest."""
    return {"median": float(np.median(distances)), "largest": float(np.max(distances))}


def errors(found, exact) -> dict:
    return spread(np.linalg.norm(np.asarray(found) - exact, axis=1))


def kerr() -> dict:
    """Moments of a cat by particles, in standard errors."""
    basis = dqm.FockBargmann(16)
    stepper = dqm.KetStep(dqm.Kerr(1.0), basis)
    run = dqm.solve(stepper, basis.coherent_ket(1.0), jnp.linspace(0, np.pi / 4, STATES))
    draw = lambda seed, state, count: jnp.asarray(
        dqm.readout.sample(jax.random.key(seed), basis, state, count)
    )
    starts = draw(1, run.saved[0], PARTICLES)
    exact = draw(2, run.final, 2000)
    laws = {
        "flow": lambda run, x: trajectories.husimi_flow(stepper, run, x, substeps=FLOW_STEPS),
        "diffusion": lambda run, x: trajectories.husimi_diffusion(
            stepper, run, x, jax.random.key(3), substeps=DIFFUSION_STEPS
        ),
    }
    found: dict = {"particles": PARTICLES, "saved_states": STATES}
    for name, law in laws.items():
        timed(law, run, starts[:COMPARED])
        first, again = (timed(law, run, starts[1:COMPARED])[0] for _ in range(2))
        compile_s = first - again
        seconds, paths = timed(law, run, starts)
        found[name] = {
            "compile_s": compile_s,
            "s": seconds - compile_s,
            "steps_per_state": {"flow": FLOW_STEPS, "diffusion": DIFFUSION_STEPS}[name],
            "moments": moments(basis, run.final, paths),
            "p_value": trajectories.same_density(
                paths.positions[-1], exact, jax.random.key(4)
            ).p_value,
        }
    found["p_of_starts"] = trajectories.same_density(starts, exact, jax.random.key(4)).p_value
    return found


def nelson() -> dict:
    """Two packets that meet, and a ground state: p-values at five times."""
    grid = dqm.Grid(-12.0, 12.0, 192)
    free = dqm.SplitStep(dqm.Hamiltonian(dqm.Free()), grid)
    bound = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic(1.0)), grid)
    two = dqm.gaussian(grid, -2.0, 0.7, 1.5) + dqm.gaussian(grid, 2.0, 0.7, -1.5)
    two = two / jnp.sqrt(grid.integrate(jnp.abs(two) ** 2))
    found = {}
    for name, stepper, psi in (
        ("two packets", free, two),
        ("ground state", bound, dqm.gaussian(grid, 0.0, 0.5**0.5)),
    ):
        run = dqm.solve(stepper, psi, jnp.linspace(0.0, 1.0, 65), substeps=8)
        starts = trajectories.sample_density(jax.random.key(0), grid, jnp.abs(psi) ** 2, PARTICLES)
        paths = trajectories.nelson(stepper, run, starts, jax.random.key(1))
        found[name] = [
            trajectories.agreement(paths.positions[i], grid, jnp.abs(run.saved[i]) ** 2).p_value
            for i in (0, 16, 32, 48, 64)
        ]
    return found


def moments(basis, final, paths) -> dict:
    """Deviation and step error of each antinormal moment at the last time, in standard errors."""
    last = trajectories.Trajectories(paths.ts[-1:], paths.positions[-1:], paths.coarse[-1:])
    found = {}
    for name, (up, down) in MOMENTS.items():
        exact = dqm.readout.moment(basis, final, (up,), (down,))
        for part in ("real", "imag")[: 1 if up == down else 2]:

            def product(xi, up=up, down=down, part=part):
                alpha = basis.space.amplitude(xi)[0]
                return getattr(alpha.conj() ** up * alpha**down, part)

            mean = last.mean(product)
            error = float(mean.sampling_error[0])
            found[f"{name} {part}"] = {
                "exact": float(getattr(exact, part)),
                "standard_error": error,
                "deviation": (float(mean.value[0]) - float(getattr(exact, part))) / error,
                "step_error": float(mean.step_error[0]) / error,
            }
    return found


def show(rows: dict):
    found = rows["bohm"]
    print(f"Bohm's trajectories, {PARTICLES} particles, {found['steps']} steps; error: median, max")
    line = lambda name, seconds, error: print(
        f"  {name:22}{seconds:>10} {error['median']:9.1e} {error['largest']:9.1e}"
    )
    line("bohm", f"{found['extrapolated_s']:.0f} s", found["error"])
    line("  its step_error", "", found["step_error"])
    line("NumPy, cubic splines", f"{found['loop_s']:.0f} s", found["loop_error"])
    line("NumPy, bilinear", "", found["loop_error_bilinear"])
    print(
        f"  time of bohm from {TIMED} particles; compiling {found['compile_s']:.1f} s; "
        f"loop/bohm {found['loop_over_bohm']:.2f}; solve {found['solve']['min_s']:.2f} s"
    )
    x, y = found["p_marginals"]
    print(f"  p-values: joint {found['p_joint']:.2f}, x {x:.2f}, y {y:.2f}")
    print(f"  of the starts: {found['p_of_starts']:.3f}")
    for name, values in rows["nelson"].items():
        print(f"Nelson, {name}: p-values {', '.join(f'{p:.2f}' for p in values)}")
    for name in ("flow", "diffusion"):
        found = rows["kerr"][name]
        print(f"Kerr, {name}: {found['s']:.0f} s, compiling {found['compile_s']:.1f} s")
        print("  moment          deviation  step error, in standard errors")
        for moment, row in found["moments"].items():
            print(f"  {moment:15} {row['deviation']:9.2f} {row['step_error']:9.3f}")
        print(f"  p-value of the joint density {found['p_value']:.2f}")
    print(f"  of the starts: {rows['kerr']['p_of_starts']:.3f}")


def main():
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", default=str(RESULTS))
    path = pathlib.Path(parser.parse_args().json)
    jax.config.update("jax_enable_x64", True)
    rows = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {jax.devices()[0].device_kind}",
        "jax": jax.__version__,
        "kerr": kerr(),
        "bohm": bohm(),
        "nelson": nelson(),
    }
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    show(rows)


if __name__ == "__main__":
    main()
