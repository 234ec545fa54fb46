"""One process of several that share a run; see `test_processes`."""

import sys

import jax

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_enable_x64", True)

count, number = int(sys.argv[1]), int(sys.argv[2])
address, folder, result = sys.argv[3:]
jax.config.update("jax_cpu_collectives_implementation", "gloo")
jax.distributed.initialize(address, count, number, heartbeat_timeout_seconds=10)

import numpy as np  # noqa: E402

import dqmjax as dqm  # noqa: E402
from dqmjax.runs.processes import on_host  # noqa: E402

grid = dqm.Grid([-5.0, -5.0], [5.0, 5.0], (16, 16), mesh=dqm.sharding.mesh())
psi = np.ones(grid.shape) / 10 + 0j
stepper = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic(1.0)), grid, dqm.strang)


def norm(psi):
    return dqm.observables.norm(grid, psi)


found = dqm.run(
    stepper,
    grid.place(psi),
    np.linspace(0, 1, 101),
    substeps=5,
    observe=norm,
    checkpoint=folder,
    every=0.01,
    progress=False,
    throw=False,
)
final = on_host(found.final)
if number == 0:
    np.savez(result, final=final, saved=found.saved)
