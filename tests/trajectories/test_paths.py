"""Paths of a law whose solution is known."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from dqmjax.trajectories.paths import follow


class Decay(eqx.Module):
    """`dX/dt = −γX`; another γ for steps twice as long."""

    rate: float
    sparse_rate: float

    is_random, is_additive = False, True

    def drift(self, t, x):
        return -self.rate * x

    def noise(self, t, x):
        return jnp.zeros((1, 1))

    @property
    def sparse(self):
        return Decay(self.sparse_rate, self.sparse_rate)


def test_an_unknown_error_of_the_steps_is_said():
    starts, ts = jnp.ones((1, 1)), np.linspace(0.0, 1.0, 5)
    paths = follow(Decay(1.0, 1.0), starts, ts, 8, None)
    assert paths.positions[-1, 0, 0] == pytest.approx(np.exp(-1), abs=1e-9)
    assert paths.step_error.max() < 1e-6
    with pytest.warns(UserWarning, match="`step_error` is NaN where a path with steps twice as"):
        paths = follow(Decay(1.0, np.nan), starts, ts, 8, None)
    assert np.isfinite(paths.positions).all()
