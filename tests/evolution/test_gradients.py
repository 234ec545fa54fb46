"""Gradients under `jit` and `vmap` against finite differences, for 50 random combinations.

Each system is a function of all its parameters; each partial derivative is one combination of an
equation, a parameter and an adjoint.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm

LINE = dqm.Grid((-6.0,), (6.0,), (32,))
PLANE = dqm.Grid((-5.0, -5.0), (5.0, 5.0), (16, 16))
WEIGHTS = np.random.default_rng(0).normal(size=(2, 32))
POINTS = jnp.asarray(np.random.default_rng(1).normal(size=(5, 2)))


@dataclasses.dataclass(frozen=True)
class System:
    """A number that depends on parameters, near the given ones."""

    value: Callable
    near: dict[str, float]


def mixed(psi):
    """A number that depends on the modulus and the phase of every value of ψ."""
    return jnp.sum(WEIGHTS[0] * psi.real + WEIGHTS[1] * psi.imag)


def packet(p):
    return dqm.gaussian(LINE, 0.4, 0.75, 0.3, p["hbar"])


def particle(potential, p):
    return dqm.Hamiltonian(potential, p["mass"], p["hbar"])


def evolved(stepper, state, p, **options):
    return dqm.solve(stepper, state, p["time"] * jnp.array([0.0, 0.3, 1.0]), **options).final


def split(adjoint, scheme, driven):
    def value(p):
        static = dqm.Harmonic(p["omega"] ** 2)
        push = lambda x, t: static(x, t) + p["force"] * x[0] * jnp.sin(2 * t)
        h = particle(push if driven else static, p)
        stepper = dqm.SplitStep(h, LINE, scheme)
        return mixed(evolved(stepper, packet(p), p, substeps=6, adjoint=adjoint))

    near = {"omega": 1.0, "mass": 1.1, "hbar": 0.9, "time": 0.6}
    return System(value, near | ({"force": 0.5} if driven else {}))


def chebyshev(p):
    stepper = dqm.Chebyshev(particle(dqm.Anharmonic(p["omega"], 0.0, 0.02), p), LINE)
    return mixed(evolved(stepper, packet(p), p, adjoint=dqm.Reversible()))


def canonical(p):
    h = particle(dqm.Harmonic(p["omega"] ** 2), p)
    stepper = dqm.CanonicalStep(h, LINE, dqm.strang, boost=p["boost"])
    rho, S = dqm.to_canonical(packet(p), p["hbar"])
    rho, S = evolved(stepper, (rho, S + p["boost"] * LINE.points[0]), p, substeps=3)
    return jnp.sum(WEIGHTS[0] * rho) + jnp.sum(WEIGHTS[1] * rho * S)


def wigner(p):
    h = particle(dqm.Anharmonic(p["omega"], 0.3), p)
    q, s = PLANE.points
    start = jnp.exp(-((q - 0.3) ** 2) - s**2) / jnp.pi
    final = evolved(
        dqm.WignerStep(h, PLANE, dqm.strang),
        start,
        p,
        substeps=2,
        adjoint=dqm.Reversible(),
        throw=False,
    )
    return jnp.sum(WEIGHTS[0, :16, None] * WEIGHTS[1, :16] * final)


def kerr(adjoint):
    def value(p):
        flow = dqm.FokkerPlanck(dqm.Kerr(p["interaction"], p["omega"]), C=p["C"])
        flow, basis = dqm.Damped(flow, p["rate"], p["thermal"]), dqm.FockBargmann(8)
        start = basis.coherent(p["alpha"] + 0.2j, loss=1e-3)
        final = evolved(dqm.HusimiStep(flow, basis), start, p, adjoint=adjoint, throw=False)
        return jnp.sum(basis.density(final, POINTS) * WEIGHTS[0, :5])

    near = {"interaction": 0.8, "omega": 0.5, "C": 0.9, "rate": 0.2, "thermal": 0.3}
    return System(value, near | {"alpha": 0.5, "time": 0.4})


def rescaled(p):
    """ℓ of the equation differs from that of the basis."""
    scales = {"kappa": p["kappa"], "hbar": p["hbar"]}
    flow = dqm.FokkerPlanck(dqm.Kerr(0.5, 1.0), ell=p["ell"], **scales)
    basis = dqm.FockBargmann(8, kappa=p["kappa"])
    final = evolved(dqm.HusimiStep(flow, basis), basis.coherent(0.4, loss=1e-3), p, throw=False)
    return jnp.sum(basis.density(final, POINTS) * WEIGHTS[0, :5])


def ket(p):
    basis = dqm.FockBargmann(8)
    stepper = dqm.KetStep(dqm.ParametricAmplifier(p["strength"]), basis)
    final = evolved(stepper, basis.coherent_ket(p["alpha"], loss=1e-3), p, throw=False)
    return jnp.sum(WEIGHTS[0, :8] * final.real + WEIGHTS[1, :8] * final.imag)


def on_a_grid(p):
    q, s = PLANE.points
    start = jnp.exp(-((q - 0.3) ** 2 + s**2) / 2) / (2 * jnp.pi)
    flow = dqm.FokkerPlanck(dqm.Kerr(0.05, p["omega"]), C=p["C"])
    final = evolved(dqm.GridStep(flow, PLANE), start, p, substeps=4, throw=False)
    return jnp.sum(WEIGHTS[0, :16, None] * WEIGHTS[1, :16] * final)


def characteristics(p):
    flow = dqm.FokkerPlanck(dqm.Kerr(p["interaction"], p["omega"]))
    final = evolved(dqm.Characteristics(flow), POINTS, p, substeps=4)
    return jnp.sum(WEIGHTS[0, :5, None] * final)


def levels(p):
    energies = dqm.eigenstates(particle(dqm.Anharmonic(1.0, 0.0, p["quartic"]), p), LINE, 3)[0]
    return energies @ jnp.array([1.0, -0.7, 0.4])


CONSTANTS = {"mass": 1.1, "hbar": 0.9}
SYSTEMS = {
    "split, direct": split(dqm.Direct(), dqm.nystrom6, driven=False),
    "split, checkpointed": split(dqm.Checkpointed(), dqm.blanes_moan4, driven=True),
    "split, reversible": split(dqm.Reversible(), dqm.strang, driven=True),
    "chebyshev": System(chebyshev, {**CONSTANTS, "omega": 1.0, "time": 0.6}),
    "canonical": System(canonical, {**CONSTANTS, "omega": 1.0, "boost": 0.4, "time": 0.5}),
    "wigner": System(wigner, {**CONSTANTS, "omega": 1.0, "time": 0.5}),
    "kerr, direct": kerr(dqm.Direct()),
    "kerr, checkpointed": kerr(dqm.Checkpointed()),
    "other scale": System(rescaled, {"ell": 1.1, "kappa": 1.1, "hbar": 0.9, "time": 0.3}),
    "ket": System(ket, {"strength": 0.5, "alpha": 0.4, "time": 0.4}),
    "grid": System(on_a_grid, {"omega": 1.0, "C": 0.9, "time": 0.02}),
    "characteristics": System(characteristics, {"interaction": 0.4, "omega": 1.0, "time": 0.6}),
    "levels": System(levels, {**CONSTANTS, "quartic": 0.1}),
}
STEPS = np.array([-2, -1, 1, 2])
STENCIL = np.array([1, -8, 8, -1]) / 12  # of the first derivative, order 4


@pytest.mark.slow
@pytest.mark.parametrize("name", SYSTEMS)
def test_gradients_agree_with_finite_differences(name):
    system = SYSTEMS[name]
    names, near = list(system.near), np.array(list(system.near.values()))
    value = lambda vector: system.value(dict(zip(names, vector, strict=True)))
    rng = np.random.default_rng(len(name))
    at = near * (1 + 0.1 * rng.uniform(-1, 1, (2, len(near))))  # two points: a batch
    step = 1e-3
    moved = at[:, None, None] + step * STEPS[:, None] * np.eye(len(near))[:, None]
    points = np.concatenate([at, moved.reshape(-1, len(near))])
    values, gradients = jax.jit(jax.vmap(jax.value_and_grad(value)))(points)  # one program
    values, gradients = values[2:], gradients[:2]
    differences = values.reshape(2, len(near), 4) @ STENCIL / step
    assert np.isfinite(gradients).all()
    assert np.isfinite(values).all()
    assert np.abs(gradients).max(axis=0).min() > 1e-6
    size = np.abs(differences).max()
    np.testing.assert_allclose(gradients, differences, rtol=1e-6, atol=1e-7 * size)


def test_there_are_enough_combinations():
    assert sum(len(system.near) for system in SYSTEMS.values()) >= 40


@pytest.mark.parametrize("steps", [1, 3, 5, 7])
def test_checkpointed_runs_take_all_steps(steps):
    """Also where their number is no product of two whole numbers."""
    starts = jnp.arange(1.0, steps + 1)
    ends = [
        a.run(lambda t, y: 2 * y + t, jnp.ones(()), starts)
        for a in (dqm.Direct(), dqm.Checkpointed())
    ]
    assert ends[0] == ends[1] == 2.0 ** (steps + 1) + 2.0**steps - steps - 2
