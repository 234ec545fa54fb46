"""Every program compiles for other platforms: nothing in it calls the host."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm

LINE = dqm.Grid((-6.0,), (6.0,), (32,))
PLANE = dqm.Grid((-6.0, -6.0), (6.0, 6.0), (16, 16))
LARGE = dqm.Grid((-6.0, -6.0), (6.0, 6.0), (40, 40))
PACKET = dqm.gaussian(LINE, 0.3, 0.8)
BASIS, TWO = dqm.FockBargmann(6), dqm.FockBargmann((4, 4))
TS = np.array([0.0, 0.1, 0.2])


def harmonic(w):
    return dqm.Hamiltonian(dqm.Harmonic(w))


def driven(w):
    return dqm.Hamiltonian(lambda x, t: w * x[0] ** 2 * jnp.cos(t))


def atlas(w):
    return dqm.AtlasStep(dqm.CanonicalEnergy(harmonic(w), LINE), LINE, iterations=4)


def density():
    q, p = PLANE.points
    return jnp.exp(-(q**2) - p**2) / jnp.pi


def flow(w):
    return dqm.FokkerPlanck(dqm.Kerr(0.1, w), ell=w)


def run(stepper, state):
    return lambda w: dqm.solve(stepper(w), state(), TS)


PROGRAMS = {
    "split": run(lambda w: dqm.SplitStep(harmonic(w), LINE), lambda: PACKET),
    "driven": run(lambda w: dqm.SplitStep(driven(w), LINE, dqm.strang), lambda: PACKET),
    "chebyshev": run(lambda w: dqm.Chebyshev(harmonic(w), LINE), lambda: PACKET),
    "canonical": run(
        lambda w: dqm.CanonicalStep(harmonic(w), LINE, dqm.strang), lambda: dqm.to_canonical(PACKET)
    ),
    "atlas": run(atlas, lambda: dqm.to_canonical(PACKET)),
    "wigner": run(lambda w: dqm.WignerStep(harmonic(w), PLANE, dqm.strang), density),
    "husimi": run(lambda w: dqm.HusimiStep(flow(w), BASIS), lambda: BASIS.coherent(0.01)),
    "husimi, two modes": run(
        lambda w: dqm.HusimiStep(dqm.FokkerPlanck(dqm.BoseHubbard(1.0, w, 2)), TWO),
        lambda: TWO.coherent(jnp.array([0.001, 0.001])),
    ),
    "ket": run(
        lambda w: dqm.KetStep(dqm.ParametricAmplifier(w), BASIS), lambda: BASIS.coherent_ket(0.01)
    ),
    "grid": run(lambda w: dqm.GridStep(flow(w), PLANE), density),
    "characteristics": run(lambda w: dqm.Characteristics(flow(w)), lambda: jnp.ones((3, 2))),
    "liouville": lambda w: dqm.liouville(flow(w), lambda xi: xi @ xi, jnp.ones((3, 2)), 0.1, 2),
    "eigenstates": lambda w: dqm.eigenstates(harmonic(w), LINE, 3)[0],
    "eigenstates of many points": lambda w: dqm.eigenstates(harmonic(w), LARGE, 3)[0],
    "ground_state": lambda w: dqm.ground_state(harmonic(w), LINE)[0],
    "to_canonical": lambda w: dqm.to_canonical(PACKET * jnp.exp(1j * w)),
}


def total(program):
    """A real number that depends on what a program returns."""

    def value(w):
        result = program(w)
        result = result.final if isinstance(result, dqm.Solution) else result
        return sum(jnp.sum(jnp.abs(leaf) ** 2) for leaf in jax.tree.leaves(result))

    return value


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_and_their_gradients_export(name):
    program = PROGRAMS[name]
    for function in (program, jax.grad(total(program))):
        leaves = jax.jit(lambda w, f=function: jax.tree.leaves(f(w)))
        exported = jax.export.export(leaves, platforms=("cpu", "cuda", "tpu"))(jnp.array(1.0))
        assert "callback" not in exported.mlir_module()
