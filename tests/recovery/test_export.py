"""What `recover` traces has no call to the host, and is exported for cpu, cuda and tpu."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.grid import density
from dqmjax.recovery.problem import _linearise, _predict, build_problem

GRID = dqm.Grid(-6.0, 6.0, 16)
T = np.linspace(0, 0.3, 4)
POINTS = np.random.default_rng(0).normal(size=(30, 2))


def of_densities():
    hamiltonian = dqm.Hamiltonian(dqm.DoubleWell(jnp.array(1.0), 1.5))
    psi = dqm.gaussian(GRID, -1.5, 0.9)
    return dqm.Series(T, np.ones((4, 16))), dqm.Evolution(
        dqm.SplitStep(hamiltonian, GRID), psi, density
    )


def of_canonical_pairs():
    rho, S = dqm.to_canonical(dqm.gaussian(GRID, 0.0, 1.0))
    motion = dqm.CanonicalStep(dqm.Hamiltonian(dqm.Free(), hbar=jnp.array(1.0)), GRID)
    return dqm.Series(T, np.ones((4, 16))), dqm.Evolution(motion, (rho, S), lambda s: s[0])


def of_lines():
    potential = dqm.Anharmonic(jnp.array(1.0), 0.0, 0.1)
    pairs = np.array([[1, 0], [2, 0]])
    return dqm.Lines(np.ones(2), 0.1, pairs), dqm.Levels(dqm.Hamiltonian(potential), GRID, 3)


def of_snapshots():
    basis = dqm.FockBargmann(10)
    rho = np.asarray(basis.density(basis.coherent(0.5), jnp.asarray(POINTS)))
    data = dqm.Snapshots(T, POINTS, np.tile(rho, (4, 1)), np.ones(1), 1.0, 1.0)
    flow = dqm.FokkerPlanck(dqm.Kerr(jnp.array(1.0)), C=jnp.array(1.0))
    return data, dqm.Heterodyne(flow, jnp.array([0.5]), jnp.array([0.0]), basis)


@pytest.mark.slow
@pytest.mark.parametrize("case", [of_densities, of_canonical_pairs, of_lines, of_snapshots])
def test_model_and_jacobian_are_exported(case):
    data, experiment = case()
    problem = build_problem(data, experiment, {}, {}, (), {}, None)
    for function in (_predict, _linearise):
        traced = jax.jit(lambda vector, f=function: f(vector, *problem.inputs))
        export = jax.export.export(traced, platforms=["cpu", "cuda", "tpu"])
        module = export(jnp.asarray(problem.start)).mlir_module()
        assert "callback" not in module
