"""A prediction of NaN is a rejected step of every optimiser, and no result."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.errors import positive
from dqmjax.recovery.lbfgs import MANY

T = np.linspace(0, 1, 12)


class Root(dqm.AbstractExperiment):
    """`√width · t`, where the width is positive; NaN elsewhere, as a traced check makes it."""

    width: jax.Array

    def predict(self, times, where):
        return jnp.sqrt(positive("width", self.width)) * times.ts[:, None], None


def data(width):
    noise = 1e-3 * np.random.default_rng(0).normal(size=(T.size, np.size(width)))
    return dqm.Series(T, np.sqrt(width) * T[:, None] + noise, 1e-3)


@pytest.mark.parametrize("start", [1.0, 30.0])
def test_scoring(start):
    """A full step from 30 leads to a negative width."""
    result = dqm.recover(data(0.04), Root(jnp.array(start)))
    assert result.estimate["width"] == pytest.approx(0.04, abs=4 * result.stderr["width"])
    assert result.goodness.describes_data


def test_many_starts_of_which_some_are_not_valid():
    starts = {"width": [-1.0, 30.0, 1.0, -3.0]}
    result = dqm.recover(data(0.04), Root(jnp.array(1.0)), starts=starts)
    assert result.estimate["width"] == pytest.approx(0.04, abs=4 * result.stderr["width"])


def test_lbfgs():
    width = np.linspace(0.02, 0.1, MANY + 1)
    result = dqm.recover(data(width), Root(jnp.full(MANY + 1, 0.5)))
    assert np.isfinite(result.vector).all()
    assert result.goodness.describes_data


def test_a_start_that_is_not_valid_is_refused():
    with pytest.raises(dqm.InputError, match="no `start` leads to a finite prediction"):
        dqm.recover(data(0.04), Root(jnp.array(-1.0)))
