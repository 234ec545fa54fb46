"""Which form of the energy survives small densities, and what each way of stepping (ρ, S) costs.

    python bench/canonical.py

- Forms: `ψ = 1 + a e^{ix}`, free on a ring, turns rigidly, ρ_min/ρ_max = ((1 − a)/(1 + a))². Its
  canonical equations by `jax.grad` of the compact functional ⟨ψ|Ĥ|ψ⟩ and of four in which
  derivatives of ρ and of S are taken apart, all stepped alike: Gauss–Legendre 6 in (ρ, S) at
  every site; and the compact one on the atlas, which takes a = 1, a node.
- Cost: two packets that meet in exact nodes in `x²/8 + x⁴/50`, by `SplitStep` for ψ, by
  `CanonicalStep` and by `AtlasStep` for (ρ, S), error beside time.

Errors are ∫|ρ − ρ_exact| dx. Writes bench/results/canonical.json.
"""

import json
import pathlib
import time

import jax
import jax.numpy as jnp
import numpy as np

import dqmjax as dqm

RESULTS = pathlib.Path(__file__).parent / "results" / "canonical.json"
RING = dqm.Grid((0.0,), (2 * np.pi,), (48,))
SLOPE = lambda f: RING.gradient(f)[..., 0]
DRIFT = lambda rho, S: rho * SLOPE(S) ** 2 / 2
CURRENT = lambda rho, S: rho * jnp.imag(jnp.exp(-1j * S) * SLOPE(jnp.exp(1j * S)))
FORMS = {
    "compact": dqm.CanonicalEnergy(dqm.Hamiltonian(dqm.Free()), RING),
    "of rho": lambda rho, S: RING.integrate(DRIFT(rho, S) + SLOPE(rho) ** 2 / (8 * rho)),
    "of its root": lambda rho, S: RING.integrate(DRIFT(rho, S) + SLOPE(jnp.sqrt(rho)) ** 2 / 2),
    "of its root and the current": lambda rho, S: RING.integrate(
        CURRENT(rho, S) ** 2 / (2 * rho) + SLOPE(jnp.sqrt(rho)) ** 2 / 2
    ),
    "of its log": lambda rho, S: RING.integrate(DRIFT(rho, S) + rho * SLOPE(jnp.log(rho)) ** 2 / 8),
}


def wave(a, t):
    return (1 + a * jnp.exp(1j * (RING.points[0] - t / 2))) / np.sqrt(2 * np.pi * (1 + a**2))


def error_of(form, a, threshold, t=0.5):
    """The best of three step sizes, or none where no implicit stage converges."""
    errors = []
    for substeps in (200, 400, 800):
        stepper = dqm.AtlasStep(FORMS[form], RING, threshold=threshold)
        try:
            ts = np.array([0.0, t])
            rho, _ = dqm.solve(stepper, dqm.to_canonical(wave(a, 0.0)), ts, substeps=substeps).final
        except RuntimeError:
            continue
        errors.append(float(RING.integrate(jnp.abs(rho - jnp.abs(wave(a, t)) ** 2))))
    return min(errors, default=None)


def forms():
    for a in (0.5, 0.8, 0.95, 0.99, 1.0):
        row: dict[str, float | None] = {"a": a, "contrast": ((1 - a) / (1 + a)) ** 2}
        for form in FORMS:
            row[form] = None if a == 1 else error_of(form, a, 0.0)
        row["atlas"] = error_of("compact", a, 0.05)
        yield row


def costs():
    grid, t = dqm.Grid((-10.0,), (10.0,), (128,)), 1.6
    h = dqm.Hamiltonian(dqm.Anharmonic(0.5, 0.0, 0.02))
    start = dqm.cat(grid, 2.5, 0.6, -1.5)
    exact = dqm.solve(dqm.Chebyshev(h, grid), start, np.array([0.0, t])).final
    pair, ts = dqm.to_canonical(start), dqm.save_times(np.array([0.0, t]))
    few, many = (15, 20, 30, 40, 60, 80), (700, 1000, 1400)
    for stepper, state, counts in (
        (dqm.SplitStep(h, grid), start, few),
        (dqm.CanonicalStep(h, grid), pair, few),
        (dqm.AtlasStep(dqm.CanonicalEnergy(h, grid), grid), pair, many),
    ):
        for substeps in counts:
            run = jax.jit(lambda z, s=stepper, n=substeps: dqm.solve(s, z, ts, substeps=n).final)
            final = jax.block_until_ready(run(state))
            rho = jnp.abs(final) ** 2 if isinstance(stepper, dqm.SplitStep) else final[0]
            times = []
            for _ in range(5):
                begin = time.perf_counter()
                jax.block_until_ready(run(state))
                times.append(time.perf_counter() - begin)
            error = float(grid.integrate(jnp.abs(rho - jnp.abs(exact) ** 2)))
            yield {
                "by": type(stepper).__name__,
                "substeps": substeps,
                "error": error,
                "seconds": min(times),
            }


def main():
    jax.config.update("jax_enable_x64", True)
    report = {"jax": jax.__version__, "forms": [], "costs": []}
    for key, rows in (("forms", forms()), ("costs", costs())):
        for row in rows:
            report[key].append(row)
            print(json.dumps(row), flush=True)
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
