"""Four devices give what one device gives."""

import re
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax import sharding

pytestmark = pytest.mark.skipif(len(jax.devices()) < 4, reason="fewer than four devices")
TS = np.array([0.0, 0.1, 0.25])
MESH = sharding.mesh(jax.devices()[:4]) if len(jax.devices()) >= 4 else None
COLLECTIVES = re.compile(
    r"(all-gather|all-to-all|all-reduce|collective-permute|reduce-scatter)(?:-start)?\("
)


def box(dim, n, mesh=None):
    return dqm.Grid([-5.0] * dim, [5.0] * dim, (n,) * dim, mesh=mesh)


def packet(grid):
    """Of few points, which do not resolve it well."""
    psi = jnp.exp(-0.4 * jnp.sum((grid.points - 0.5) ** 2, axis=0)) + 0j
    return grid.place(psi / jnp.linalg.norm(psi.ravel()))


def driven(x, t):
    return jnp.sum(x**2) / 2 + 0.1 * x[0] * jnp.sin(t)


def collectives(function, *arguments):
    return Counter(COLLECTIVES.findall(jax.jit(function).lower(*arguments).compile().as_text()))


STEPPERS = {
    "static": lambda grid, w: dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic(w)), grid, dqm.strang),
    "driven": lambda grid, w: dqm.SplitStep(dqm.Hamiltonian(driven), grid, dqm.strang),
    "chebyshev": lambda grid, w: dqm.Chebyshev(dqm.Hamiltonian(dqm.Harmonic(w)), grid),
}


def final(name, grid, w, psi, adjoint=dqm.Direct()):  # noqa: B008
    stepper = STEPPERS[name](grid, w)
    return dqm.solve(stepper, psi, TS, substeps=2, throw=False, adjoint=adjoint).final


@pytest.mark.parametrize(("dim", "n"), [(2, 16), (3, 8)])
@pytest.mark.parametrize("name", STEPPERS)
def test_a_divided_grid_gives_the_same_wave_function(name, dim, n):
    one, four = box(dim, n), box(dim, n, MESH)
    got = final(name, four, 1.1, packet(four))
    np.testing.assert_allclose(got, final(name, one, 1.1, packet(one)), rtol=0, atol=1e-12)
    assert len(got.sharding.device_set) == 4
    assert not got.is_fully_replicated


@pytest.mark.parametrize("adjoint", [dqm.Direct(), dqm.Reversible()], ids=["direct", "reversible"])
def test_gradients_of_a_divided_grid(adjoint):
    one, four = box(2, 16), box(2, 16, MESH)

    def loss(grid):
        trap = dqm.Hamiltonian(dqm.Harmonic(1.0))
        return lambda w, psi: dqm.observables.potential_energy(
            trap, grid, final("static", grid, w, psi, adjoint)
        )

    expected = jax.jit(jax.grad(loss(one)))(1.1, packet(one))
    got = jax.jit(jax.grad(loss(four)))(1.1, packet(four))
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)


def test_a_step_of_a_divided_grid_exchanges_each_part_twice():
    """A transform and its inverse need one exchange each; no device ever has the whole state."""
    grid = box(3, 8, MESH)
    run = lambda psi: final("static", grid, 1.0, psi)
    found = collectives(run, packet(grid))
    assert found["all-to-all"] == 2  # in the loop over steps
    assert set(found) <= {"all-to-all", "all-reduce"}
    back = jax.grad(lambda psi: jnp.sum(jnp.abs(final("static", grid, 1.0, psi)) ** 4))
    assert collectives(back, packet(grid))["all-gather"] == 0


@pytest.mark.parametrize(
    ("cutoff", "text"),
    [((24,), "n + 0.2*n*n + 0.1*(a + ad)"), ((8, 8), "n1 + 0.2*n2*n2 + 0.1*(a1 + ad1)*(a2 + ad2)")],
    ids=["one mode", "two modes"],
)
def test_divided_coefficients(cutoff, text):
    basis = dqm.FockBargmann(cutoff)
    stepper = dqm.HusimiStep(dqm.FokkerPlanck(dqm.operator(text)), basis)
    rho = basis.coherent(jnp.full(len(cutoff), 0.4))
    run = lambda rho: dqm.solve(stepper, rho, TS, throw=False).final
    divided = sharding.place(rho, MESH)
    got = jax.jit(run)(divided)
    np.testing.assert_allclose(got, run(rho), rtol=0, atol=1e-12)
    text = jax.jit(run).lower(divided).compile().as_text()
    states = re.findall(r"c128\[([\d,]+)\]\S* all-gather", text)
    whole = set(rho.shape)
    assert not [shape for shape in states if set(map(int, shape.split(","))) == whole]


def test_a_batch_needs_no_communication_and_any_length_works():
    line = dqm.Grid(-6.0, 6.0, 32)
    psi = dqm.gaussian(line, 0.3, 0.8)

    def run(w):
        stepper = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic(w)), line, dqm.strang)
        return dqm.solve(stepper, psi, TS, throw=False).final

    ws = jnp.linspace(0.5, 1.4, 10)
    batch = sharding.batched(run, MESH)
    np.testing.assert_allclose(batch(ws), jax.vmap(run)(ws), rtol=0, atol=1e-12)
    assert not collectives(batch, ws[:8])


def test_gradients_through_a_batch():
    """Also with respect to what the function closes over."""
    loss = lambda a, of: jnp.sum(of(lambda x: jnp.sin(a * x) ** 2)(jnp.arange(6.0)))
    divided = jax.grad(loss)(0.3, lambda f: sharding.batched(f, MESH))
    np.testing.assert_allclose(divided, jax.grad(loss)(0.3, jax.vmap), rtol=1e-12)


def test_a_run_continues_on_another_number_of_devices(tmp_path, interrupted_after):
    one, four = box(2, 16), box(2, 16, MESH)
    ts = np.linspace(0, 0.5, 6)
    stepper = lambda grid: STEPPERS["static"](grid, 1.0)
    arguments = {"substeps": 3, "progress": False, "throw": False}
    expected = dqm.run(stepper(one), packet(one), ts, **arguments)
    with interrupted_after(1), pytest.warns(dqm.Interrupted):
        part = dqm.run(stepper(four), four.place(packet(one)), ts, checkpoint=tmp_path, **arguments)
    assert len(part.ts) < len(ts)
    got = dqm.run(stepper(one), packet(one), ts, checkpoint=tmp_path, **arguments)
    np.testing.assert_allclose(got.final, expected.final, rtol=0, atol=1e-12)
    np.testing.assert_allclose(got.saved, expected.saved, rtol=0, atol=1e-12)


def test_meshes_that_do_not_fit_are_refused():
    for shape, said in (((16, 18), "divide the points"), ((18, 16), "divide the points")):
        with pytest.raises(dqm.InputError, match=said):
            dqm.Grid([-1.0, -1.0], [1.0, 1.0], shape, mesh=MESH)
    with pytest.raises(dqm.InputError, match="two or more axes"):
        dqm.Grid(-1.0, 1.0, 16, mesh=MESH)
    with pytest.raises(dqm.InputError, match="must divide axis 0"):
        sharding.place(jnp.ones((6, 4)), MESH)
    explicit = jax.make_mesh((4,), ("x",), axis_types=(jax.sharding.AxisType.Explicit,))
    with pytest.raises(dqm.InputError, match="of type Auto"):
        sharding.batched(lambda x: x, explicit)
    with pytest.raises(dqm.InputError, match="one first axis"):
        sharding.batched(lambda x, y: x + y, MESH)(jnp.ones(4), jnp.ones(5))
