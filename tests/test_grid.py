import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.grid import edge_share, unresolved_share
from dqmjax.user_function import called_once


@pytest.fixture
def box():
    return dqm.Grid((0.0, -np.pi), (2 * np.pi, np.pi), (16, 15))


def test_right_edge_is_excluded(box):
    x, y = box.points
    assert x[0, 0] == 0
    assert x[-1, 0] == pytest.approx(2 * np.pi - box.spacing[0])
    assert y[0, 0] == -np.pi


def test_divergence_of_waves(box):
    x, y = box.points
    field = jnp.stack([jnp.sin(3 * x) * jnp.cos(y), jnp.cos(x) * jnp.sin(2 * y)], axis=-1)
    expected = 3 * jnp.cos(3 * x) * jnp.cos(y) + 2 * jnp.cos(x) * jnp.cos(2 * y)
    np.testing.assert_allclose(box.divergence(field), expected, rtol=0, atol=1e-13)


def test_double_divergence_of_waves(box):
    x, y = box.points
    f = jnp.sin(2 * x + 3 * y)
    weights = jnp.array([[1.0, 0.5], [0.5, -2.0]])
    expected = -(4 * 1.0 + 2 * 6 * 0.5 - 9 * 2.0) * f
    np.testing.assert_allclose(
        box.double_divergence(f[..., None, None] * weights), expected, rtol=0, atol=1e-12
    )


def test_unpaired_wave_has_no_odd_derivative():
    box = dqm.Grid((0.0,), (2 * np.pi,), (8,))
    wave = jnp.cos(4 * box.points[0])
    np.testing.assert_allclose(box.divergence(wave[:, None]), 0, rtol=0, atol=1e-13)
    np.testing.assert_allclose(
        box.double_divergence(wave[:, None, None]), -16 * wave, rtol=0, atol=1e-12
    )


def test_integral_of_a_gaussian():
    box = dqm.Grid((-8.0, -8.0), (8.0, 8.0), (32, 32))
    assert box.integrate(jnp.exp(-jnp.sum(box.points**2, axis=0))) == pytest.approx(
        np.pi, abs=1e-13
    )


@pytest.mark.parametrize(
    ("lower", "upper", "shape", "message"),
    [
        ((0.0,), (1.0, 2.0), (8,), "one entry per axis"),
        ((0.0,), (0.0,), (8,), "below `upper`"),
        ((0.0,), (float("nan"),), (8,), "finite"),
        (-1.7e308, 1.7e308, 8, "at a finite distance"),
        ("0", 1.0, 8, "`lower` must be numbers"),
        (0.0, [[1.0]], 8, "`upper` must be one number or one per axis"),
        ((0.0,), (1.0,), (3,), "at least 4"),
        ((0.0,), (1.0,), (8.0,), "`shape` must be an integer"),
        ((0.0,) * 3, (1.0,) * 3, (2048, 2048, 512), "fewer than 2\\^31 points"),
    ],
)
def test_invalid_boxes_are_refused(lower, upper, shape, message):
    with pytest.raises(dqm.InputError, match=message):
        dqm.Grid(lower, upper, shape)


@pytest.mark.parametrize(
    ("lower", "upper", "shape"),
    [
        (-6.0, 6.0, 64),
        (-6, 6, 64),
        (np.float32(-6), np.array(6.0), np.int64(64)),
        (jnp.array(-6.0), np.array([6.0]), np.array([64])),
        ([-6.0], (6,), [64]),
    ],
)
def test_numbers_of_any_kind_make_the_same_box(lower, upper, shape):
    """They become Python's, so that the box is static under `jit`, and no warning is given."""
    box = dqm.Grid(lower, upper, shape)
    assert box == dqm.Grid((-6.0,), (6.0,), (64,))
    assert hash(box) == hash(dqm.Grid((-6.0,), (6.0,), (64,)))
    assert [type(n) for n in (*box.lower, *box.upper, *box.shape)] == [float, float, int]


def test_a_box_is_made_outside_of_jit():
    with pytest.raises(dqm.InputError, match="`lower` must be known, but is traced"):
        jax.jit(lambda edge: dqm.Grid(edge, 6.0, 8).points)(-6.0)


def test_isolated_boxes_differ_from_periodic_ones():
    assert not dqm.Grid(-1.0, 1.0, 8).isolated
    assert dqm.Grid(-1.0, 1.0, 8, isolated=True) != dqm.Grid(-1.0, 1.0, 8)


def test_share_at_the_edge():
    box = dqm.Grid((-1.0, -1.0), (1.0, 1.0), (8, 10))
    assert edge_share(box, jnp.ones(box.shape)) == pytest.approx(1 - 6 * 8 / 80, abs=1e-15)
    inside = jnp.zeros(box.shape).at[1:-1, 1:-1].set(-1.0)
    assert edge_share(box, inside) == 0
    assert edge_share(box, inside.at[3, 9].set(2.0)) == pytest.approx(2 / 50, abs=1e-15)


@pytest.mark.parametrize("f", [jnp.ones(16), jnp.ones((16, 1)), jnp.ones(())])
def test_fields_of_another_shape_are_refused_also_under_jit(box, f):
    with pytest.raises(dqm.InputError, match="`f` must have shape"):
        box.integrate(f)
    with pytest.raises(dqm.InputError, match="`f` must have shape"):
        jax.jit(box.gradient)(f)


def test_nan_is_refused_where_it_is_known_and_spreads_where_it_is_traced(box):
    f = jnp.ones(box.shape).at[3, 4].set(jnp.nan)
    with pytest.raises(dqm.InputError, match="`f` must be finite"):
        box.integrate(f)
    assert jnp.isnan(jax.jit(box.integrate)(f))


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: x[2], "`V` uses a coordinate or an index"),
        (lambda x: x[-3], "`V` uses a coordinate or an index"),
        (lambda x: np.sin(x[0]), "`V` must be written with functions of `jax.numpy`"),
        (lambda x: x[0] if x[1] > 0 else x[1], "`jnp.where` in place of `if`"),
        (lambda x: "text", "`V` must return numbers"),
        (3.0, "`V` must be a function"),
    ],
)
def test_functions_that_cannot_be_evaluated_are_refused(f, message):
    with pytest.raises(dqm.InputError, match=message):
        called_once("V", f, np.ones(2))


def test_functions_are_called_with_arrays_of_jax_as_well():
    assert called_once("V", lambda x: x.at[0].set(2.0), np.ones(2)).shape == (2,)
    assert called_once("V", lambda x: 1j * x[1], np.ones(2)).dtype == complex
    with pytest.raises(ZeroDivisionError):  # errors of its own pass
        called_once("V", lambda x: x[0] / len(x[2:]) / (1 // 0), np.ones(2))


def test_short_waves_are_the_upper_third():
    grid = dqm.Grid((0.0, 0.0), (2 * np.pi, 2 * np.pi), (24, 24))
    x, y = grid.points
    for n, share in ((7, 0.0), (9, 0.5)):
        waves = jnp.exp(1j * n * x) + jnp.exp(3j * y)
        assert unresolved_share(grid, waves) == pytest.approx(share, abs=1e-12)


def test_unpaired_wave_of_a_complex_field_has_no_gradient():
    box = dqm.Grid(0.0, 2 * np.pi, 8)
    wave = jnp.cos(4 * box.points[0]) + 0j
    np.testing.assert_allclose(box.gradient(wave), 0, rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x[1],
        lambda x: (jnp.array(2.0) * x)[1] ** 2,
        lambda x: jnp.asarray(x)[5],
        lambda x: jnp.square(x)[-3],
        lambda x: x[jnp.array(1)],
        lambda x: x.at[0].set(0.0)[1],
        lambda x: jax.jit(lambda y: (2 * y)[3])(x),
    ],
)
def test_a_coordinate_that_is_not_there_is_refused_wherever_it_is_read(f):
    """JAX takes the last one in its place, also behind arithmetic with its arrays."""
    with pytest.raises(dqm.InputError, match="`f` uses a coordinate"):
        called_once("f", f, np.ones(1))
    assert called_once("f", f, np.ones(6)).shape == ()


def test_loops_and_sums_of_coordinates_are_accepted():
    rolled = lambda x: (
        jnp.sum(x * jnp.roll(x, 1)) + jax.lax.fori_loop(0, 3, lambda i, s: s + x[i], 0.0)
    )
    assert called_once("f", rolled, np.ones(3)).shape == ()


def test_interpolation_has_its_stated_error_and_derivatives():
    """Waves of 12 and 9 points along the axes, between the points and beyond the edges."""
    grid = dqm.Grid((0.0, -1.0), (24.0, 17.0), (24, 18))
    wave = lambda x: jnp.exp(2j * np.pi * (x[0] / 12 - (x[1] + 1) / 9))
    points = jnp.asarray(np.random.default_rng(0).uniform(-30, 30, (200, 2)))
    values = grid.at_points(wave)
    error = np.abs(grid.interpolate(values, points) - jax.vmap(wave)(points))
    assert 1e-6 < error.max() < 4 / 11**6 + 4 / 8**6
    real = lambda x: grid.interpolate(values.real, x[None])[0]
    slope = jax.vmap(jax.grad(real))(points)
    exact = jax.vmap(jax.grad(lambda x: wave(x).real))(points)
    assert np.abs(slope[:, 0] - exact[:, 0]).max() < (10 / 11**5 + 4 / 8**6) * 2 * np.pi / 12
    assert np.abs(slope[:, 1] - exact[:, 1]).max() < (10 / 8**5 + 4 / 11**6) * 2 * np.pi / 9
    nodes = grid.points.reshape(2, -1).T
    np.testing.assert_allclose(grid.interpolate(values, nodes), values.ravel(), atol=1e-13)
    np.testing.assert_array_equal(grid.axes[1], grid.points[1, 0])
