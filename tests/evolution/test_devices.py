"""Batches over two devices: sharded arrays and `shard_map`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

import dqmjax as dqm

LINE = dqm.Grid(-6.0, 6.0, 32)
PACKET = dqm.gaussian(LINE, 0.3, 0.8)
BASIS = dqm.FockBargmann(8)
TS = np.array([0.0, 0.1, 0.2])


def harmonic(w):
    return dqm.Hamiltonian(dqm.Harmonic(w))


def driven(w):
    return dqm.Hamiltonian(lambda x, t: w * x[0] ** 2 * jnp.cos(t))


def canonical(w):
    start = dqm.to_canonical(PACKET)
    saved = dqm.solve(dqm.CanonicalStep(harmonic(w), LINE, dqm.strang), start, TS).saved
    return dqm.from_canonical(*saved)  # S alone is round-off where ρ vanishes


def husimi(w):
    stepper = dqm.HusimiStep(dqm.FokkerPlanck(dqm.Kerr(0.3, w)), BASIS)
    return dqm.solve(stepper, BASIS.coherent(0.05), TS).saved


RUNS = {
    "driven": lambda w: dqm.solve(dqm.SplitStep(driven(w), LINE, dqm.strang), PACKET, TS).saved,
    "chebyshev": lambda w: dqm.solve(dqm.Chebyshev(harmonic(w), LINE), PACKET, TS).saved,
    "canonical": canonical,
    "husimi": husimi,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_batches_on_two_devices(name):
    """A refusal inside a sharded batch once stopped the process; `shard_map` failed."""
    if len(jax.devices()) < 2:
        pytest.skip("one device")
    batch, ws = jax.vmap(RUNS[name]), jnp.array([0.5, 0.8, 1.1, 1.3])
    mesh = jax.make_mesh((2,), ("batch",), axis_types=(AxisType.Auto,))
    spec = PartitionSpec("batch")
    sharded = jax.jit(batch)(jax.device_put(ws, NamedSharding(mesh, spec)))
    mapped = jax.jit(jax.shard_map(batch, mesh=mesh, in_specs=spec, out_specs=spec))(ws)
    expected = jax.jit(batch)(ws)
    for got in (sharded, mapped):
        for one, other in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


def test_a_failing_run_in_a_sharded_batch_is_a_status():
    box = dqm.Grid(-6.0, 6.0, 32, isolated=True)

    def run(center):
        rho = jnp.exp(-((box.points[0] - center) ** 2) / 0.8)
        state = rho / box.integrate(rho), jnp.zeros(32)
        return dqm.solve(
            dqm.CanonicalStep(harmonic(1.0), box, dqm.strang), state, TS, throw=False
        ).status

    mesh = jax.make_mesh((2,), ("batch",), axis_types=(AxisType.Auto,))
    centers = jnp.array([0.0, 0.2, 5.0, 5.5])
    sharding = NamedSharding(mesh, PartitionSpec("batch"))
    status = jax.jit(jax.vmap(run))(jax.device_put(centers, sharding))
    np.testing.assert_array_equal(status.fails[:, 0], [False, False, True, True])
