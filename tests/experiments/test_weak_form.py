import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from systems import KERR, counted, kerr_snapshots

import dqmjax as dqm
from dqmjax.data.test_functions import width_for
from dqmjax.experiments.phase_space import experiment_of
from dqmjax.experiments.weak_form import density_form, early_snapshots


@pytest.fixture(scope="module")
def exact():
    return kerr_snapshots(omega=0.4)


def kerr(interaction=KERR["interaction"], omega=0.4, C=1.0):
    return dqm.FokkerPlanck(dqm.Kerr(interaction, omega), C=C)


def residual(data, flow, count=13):
    basis = dqm.FockBargmann(10)
    form = density_form(data.t[:count], data.points, data.measured[:count], basis, flow, 1.0)
    return float(jnp.sqrt(jnp.mean(form.residual(flow) ** 2)))


@pytest.mark.slow
def test_only_the_true_equation_has_no_residual(exact):
    right = residual(exact, kerr())
    assert right < 1e-4  # the spline through the early snapshots
    for wrong in ({"interaction": -2.2}, {"omega": 0.5}, {"C": 0.9}):
        assert residual(exact, kerr(**wrong)) > 20 * right


def test_scattered_points_do_as_well(exact):
    chosen = np.random.default_rng(0).permutation(len(exact.points))[:150]
    data = dataclasses.replace(exact, points=exact.points[chosen], density=exact.density[:, chosen])
    assert residual(data, kerr()) < 1e-3 < residual(data, kerr(C=0.9))


def test_counting_noise_leaves_the_truth_best(exact):
    data = counted(exact, 100_000, seed=0)
    assert residual(data, kerr()) < residual(data, kerr(C=0.8))
    assert residual(data, kerr()) < residual(data, kerr(interaction=-2.3))


def test_early_snapshots_are_those_equally_spaced():
    assert early_snapshots(np.array([0, 0.1, 0.2, 0.3, 0.9, 1.0])) == 4
    assert early_snapshots(np.linspace(0, 1, 7)) == 7


def test_near_amplitudes_have_the_same_width():
    """So that other data of the same experiment compile nothing."""
    assert width_for(np.array([2.05j])) == width_for(np.array([2.1 + 0j])) == 1.0
    assert width_for(np.array([4.1j])) == width_for(np.array([4.0 + 0j])) == 2.0


def test_a_guess_tells_how_many_snapshots_it_describes(exact):
    """So many are fitted first; it was the number of parameters once."""
    t = np.append(exact.t[:9], exact.t[-1] + [1.0, 2.0])
    rows = [*range(9), -1, -1]
    data = dataclasses.replace(exact, t=t, density=exact.density[rows])
    assert experiment_of(data, kerr(jnp.array(-2.0)), 20).guess(data).rows == 9
