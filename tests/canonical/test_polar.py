"""Density and phase of ψ: branches, windings, vortices and accuracy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sparse

import dqmjax as dqm
from dqmjax.canonical.polar import TWO_PI

RING = dqm.Grid((0.0,), (2 * np.pi,), (48,))
LINE = dqm.Grid((-9.0,), (9.0,), (96,))


def test_action_is_continuous_on_both_sides_of_a_node():
    """Two parts whose phases separate by more than 2π."""
    grid = dqm.Grid((-16.0,), (16.0,), (96,))
    one, other = (dqm.gaussian(grid, c, 0.7) for c in (-6.0, 6.0))
    S = None
    for phase in np.arange(0, 8, 0.5):
        _, S = dqm.to_canonical(0.8 * one + np.exp(1j * phase) * other, like=S)
        assert S[66] - S[30] == pytest.approx(phase, abs=1e-9)


def test_action_is_accurate_down_to_a_relative_density_of_1e_10():
    """A squeezed packet, S in closed form; and the winding of a ring."""
    grid, width, covariance = dqm.Grid((-10.0,), (10.0,), (128,)), 0.8, 0.6
    psi = dqm.gaussian(grid, 0.3, width, 1.7, covariance=covariance)
    rho, S = dqm.to_canonical(psi)
    x = grid.points[0]
    exact = covariance * (x - 0.3) ** 2 / (2 * width**2) + 1.7 * x
    lit = rho > 1e-10 * rho.max()
    error = (S - exact)[lit]
    np.testing.assert_allclose(error, error[0], rtol=0, atol=1e-10)
    for turns in (-3, 0, 5):
        around = jnp.exp(1j * turns * RING.points[0]) * (1 + 0.3 * jnp.cos(RING.points[0]))
        assert dqm.polar.windings(around)[0] == turns
        assert jnp.ptp(dqm.to_canonical(around)[1]) == pytest.approx(
            abs(turns) * 2 * np.pi * 47 / 48, abs=1e-12
        )


def test_density_is_differentiable_at_a_node():
    levels = [dqm.oscillator(LINE, n) for n in (0, 1)]
    rho = lambda c: dqm.to_canonical(levels[1] + c * levels[0])[0][48]
    assert levels[1][48] == 0
    assert jax.grad(jax.grad(rho))(0.0) == pytest.approx(2 / np.sqrt(np.pi), abs=1e-12)


def test_accuracy_must_exceed_the_machine_epsilon():
    psi = dqm.gaussian(LINE, 0.0, 0.7).astype(jnp.complex64)
    with pytest.raises(dqm.InputError, match="`accuracy` must be above 1"):
        dqm.polar.inspect_phase(LINE, psi, 1e-8)


@pytest.mark.parametrize("accuracy", [1e-6, 1e-14])
def test_mask_of_a_phase(accuracy):
    psi = dqm.gaussian(LINE, 0.0, 0.7)
    report = dqm.polar.inspect_phase(LINE, psi, accuracy)
    outside = 1 - float(LINE.integrate(jnp.abs(psi) ** 2 * report.mask))
    assert report.unknown == pytest.approx(outside, abs=1e-14)
    if accuracy == 1e-14:  # only the middle is as accurate
        assert 1e-5 < report.unknown < 1e-3


def test_vortex_of_a_given_charge(moving_vortex, check_vortex):
    _, state = moving_vortex
    check_vortex(0.5, *dqm.to_canonical(state(0.5)), 1e-13)


def along_the_tree(rho, angle):
    """Whole turns along SciPy's spanning tree of greatest ρ, point by point from its root."""
    index = np.arange(rho.size).reshape(rho.shape)
    ahead = np.concatenate([np.roll(index, -1, axis).ravel() for axis in range(rho.ndim)])
    ends = np.stack([np.tile(index.ravel(), rho.ndim), ahead])
    rho, angle = rho.ravel(), angle.ravel()
    rank = np.argsort(np.argsort(-rho[ends].min(axis=0), kind="stable"), kind="stable") + 1.0
    graph = sparse.coo_array((rank, ends), shape=(rho.size,) * 2).tocsr()
    tree = sparse.csgraph.minimum_spanning_tree(graph)
    root = int(np.argmax(rho))
    order, parent = sparse.csgraph.breadth_first_order(tree, root, directed=False)
    turns = np.zeros(rho.size)
    for point in order[1:]:
        last = parent[point]
        turns[point] = turns[last] - np.round((angle[point] - angle[last]) / TWO_PI)
    return turns


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(17,), (12, 14), (6, 5, 8)])
@pytest.mark.parametrize("zeros", [False, True])
def test_branches_are_those_along_the_spanning_tree(shape, zeros):
    """With `zeros`, many ρ are equal."""
    random = np.random.default_rng(0)
    psi = random.normal(size=shape) + 1j * random.normal(size=shape)
    psi[(np.abs(psi) < 1) & zeros] = 0
    rho, S = dqm.to_canonical(jnp.asarray(psi))
    turns = along_the_tree(np.asarray(rho), np.angle(psi))
    np.testing.assert_allclose(np.ravel(S - np.angle(psi)) / TWO_PI, turns, rtol=0, atol=1e-13)


def action(amount):
    x = RING.points[0]
    psi = jnp.exp(1j * (5 * x + amount * jnp.sin(x))) * (1 + 0.3 * jnp.cos(x))
    return dqm.to_canonical(psi, like=5 * x)[1]


def test_action_of_a_batch_and_its_gradient():
    """`dS/da = sin x` to round-off, since branches are constants."""
    batch = jax.jit(jax.vmap(action))(jnp.array([0.2, 0.9]))
    np.testing.assert_allclose(batch[1], action(0.9), rtol=0, atol=1e-12)
    slope = jax.jit(jax.jacrev(action))(0.9)
    np.testing.assert_allclose(slope, jnp.sin(RING.points[0]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("f", [action, jax.jacrev(action)], ids=["value", "gradient"])
def test_action_is_exported_for_each_platform(f):
    platforms = ("cpu", "cuda", "tpu")
    exported = jax.export.export(jax.jit(f), platforms=platforms)
    assert exported(jax.ShapeDtypeStruct((), float)).platforms == platforms


def test_traced_nan_spreads():
    rho, S = jax.jit(dqm.to_canonical)(jnp.ones(8, complex).at[3].set(jnp.nan))
    assert jnp.isnan(rho[3])
    assert jnp.isnan(S[3])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dqm.to_canonical(jnp.ones(8, complex), hbar=-1.0), "`hbar` must be positive"),
        (lambda: dqm.from_canonical(-jnp.ones(8), jnp.ones(8)), "`rho` must not be negative"),
        (lambda: dqm.to_canonical(jnp.full(8, jnp.nan + 0j)), "`psi` must be finite"),
        (lambda: dqm.polar.charges(jnp.ones(8, complex)), "`psi` must have 2 or more axes"),
        (lambda: dqm.polar.inspect_phase(LINE, jnp.zeros(96, complex)), "`psi` must not be 0"),
    ],
)
def test_invalid_input_is_refused(call, message):
    with pytest.raises(dqm.InputError, match=message):
        call()


def test_steps_of_more_than_half_a_turn_are_continued():
    """9 turns around a ring of 16 points: without `like` they look like 7 turns back."""
    S = 18 * np.pi / 16 * jnp.arange(16)
    psi = jnp.exp(1j * S)
    np.testing.assert_allclose(dqm.to_canonical(psi, like=S + 0.1)[1], S, rtol=0, atol=1e-12)
    assert jnp.ptp(dqm.to_canonical(psi)[1]) == pytest.approx(14 * np.pi * 15 / 16)


@pytest.mark.parametrize("charge", [1, -1, 2, -2])
def test_vortex_on_a_point_of_the_grid(charge):
    """ψ = (x ± iy)^n vanishes on the point: its phase is read from the eight points around."""
    grid = dqm.Grid((-8.0, -8.0), (8.0, 8.0), (64, 64))
    x, y = grid.points
    psi = (x + 1j * np.sign(charge) * y) ** abs(charge) * jnp.exp(-(x**2 + y**2) / 2)
    found = dqm.polar.inspect_phase(grid, psi).vortices
    assert found == [dqm.polar.Vortex((0.0, 0.0), (0, 1), charge)]


def test_node_lines_are_no_vortices():
    grid = dqm.Grid((-8.0, -8.0), (8.0, 8.0), (64, 64))
    x, y = grid.points
    psi = (1 + 1j) * x * jnp.exp(-(x**2 + y**2) / 2)
    assert dqm.polar.inspect_phase(grid, psi).vortices == []
