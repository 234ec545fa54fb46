import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm


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
        ((0.0,), (1.0,), (3,), "at least 4"),
        ((0.0,), (1.0,), (8.0,), "`shape` must be an integer"),
        ((0.0,) * 3, (1.0,) * 3, (2048, 2048, 512), "fewer than 2\\^31 points"),
    ],
)
def test_invalid_boxes_are_refused(lower, upper, shape, message):
    with pytest.raises(dqm.InputError, match=message):
        dqm.Grid(lower, upper, shape)
