"""How long truncations, C ≠ 1 and steps on a grid are valid, and what happens afterwards."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm


def kerr(C: float, levels: int = 30):
    basis = dqm.FockBargmann(levels)
    return dqm.HusimiStep(dqm.FokkerPlanck(dqm.Kerr(2.0), C=C), basis), basis.coherent(2.0 + 0j)


def test_exact_equations_have_none():
    stepper, start = kerr(1.0)
    assert dqm.horizon(stepper, start, 3.0) == np.inf
    assert dqm.solve(stepper, start, np.array([0.0, 3.0])).status.size.max() == 0


def test_the_run_is_refused_past_it_and_not_before():
    stepper, start = kerr(0.5)
    end = dqm.horizon(stepper, start, 1.0)
    assert 0.01 < end < 0.1
    dqm.solve(stepper, start, np.array([0.0, 0.999 * end]))
    late = np.array([0.0, 0.5 * end, end + 1 / 2000])
    with pytest.raises(RuntimeError, match=f"At t = {late[2]:.6g}: The basis is too small"):
        dqm.solve(stepper, start, late)
    saved = jax.jit(lambda y: dqm.solve(stepper, y, late).saved)(start)
    np.testing.assert_array_equal(np.isnan(saved).all(axis=(1, 2)), [False, False, True])
    status = dqm.solve(stepper, start, late, throw=False).status
    np.testing.assert_array_equal(status.fails, [False, False, True])
    assert status.reason[2] == dqm.Reason.LEVELS


def test_before_it_the_number_of_levels_does_not_matter():
    few, many = kerr(0.5, 24), kerr(0.5, 36)
    end = dqm.horizon(*few, 1.0)
    points = jnp.asarray(np.random.default_rng(0).normal(scale=2.0, size=(50, 2)))
    ends = [
        stepper.basis.density(dqm.solve(stepper, start, np.array([0.0, end])).final, points)
        for stepper, start in (few, many)
    ]
    np.testing.assert_allclose(*ends, rtol=0, atol=1e-3 / (2 * np.pi))


@pytest.mark.slow
def test_a_truncation_ends_soon_and_the_full_equation_does_not():
    quartic = dqm.AnharmonicOscillator(1.0, 0.05)
    basis = dqm.FockBargmann(30)
    ends = [
        dqm.horizon(
            dqm.HusimiStep(dqm.FokkerPlanck(quartic, ell=(1.0,), order=order), basis),
            basis.coherent(0.6 + 0.3j),
            1.0,
        )
        for order in (2, 4)
    ]
    assert 0.01 < ends[0] < 0.2
    assert ends[1] == np.inf


def test_too_few_levels_for_the_motion():
    """An amplifier out of its basis."""
    basis = dqm.FockBargmann(12)
    stepper = dqm.HusimiStep(dqm.FokkerPlanck(dqm.ParametricAmplifier(1.0)), basis)
    with pytest.raises(RuntimeError, match="raise the cut-off"):
        dqm.solve(stepper, basis.coherent(0.5 + 0j), np.array([0.0, 1.5]))


def on_a_grid(points: int, steps: int, t: float):
    basis, flow = dqm.FockBargmann(30), dqm.FokkerPlanck(dqm.Kerr(2.0))
    grid = dqm.Grid((-10.0, -10.0), (10.0, 10.0), (points, points))
    at = grid.points.reshape(2, -1).T
    ts = np.array([0.0, t])
    exact = dqm.solve(dqm.HusimiStep(flow, basis), basis.coherent(2.0 + 0j), ts).saved
    rho = basis.density(exact[0], at).reshape(grid.shape)
    run = dqm.solve(dqm.GridStep(flow, grid), rho, ts, substeps=steps, throw=False)
    error = jnp.abs(run.final.ravel() - basis.density(exact[1], at)).max()
    return float(error), float(run.status.size[-1])


@pytest.mark.slow
def test_a_grid_holds_for_a_moment_and_then_explodes():
    """THEORY of the ill-posed step: exact at first, garbage soon, and said so."""
    early, strain = on_a_grid(64, 100, 0.002)
    assert early < 1e-9
    assert strain < 1
    late, strain = on_a_grid(64, 1000, 0.2)
    assert not -0.1 < late < 0.1
    assert strain > 1


@pytest.mark.slow
def test_a_finer_grid_explodes_sooner():
    grids = [dqm.Grid((-7.0, -7.0), (7.0, 7.0), (n, n)) for n in (28, 40)]
    ends = []
    for grid in grids:
        q, p = grid.points
        rho = jnp.exp(-((q - 2.8) ** 2 + p**2) / 2) / (2 * jnp.pi)
        stepper = dqm.GridStep(dqm.FokkerPlanck(dqm.Kerr(2.0)), grid)
        ends.append(dqm.horizon(stepper, rho, 0.2, substeps=8))
    assert 0.001 < ends[1] < ends[0] < 0.2


@pytest.mark.parametrize("until", [np.inf, 0.0, -1.0])
def test_the_time_must_be_positive_and_finite(until):
    with pytest.raises(dqm.InputError, match="`until` must be"):
        dqm.horizon(*kerr(1.0), until)


def test_a_stepper_that_cannot_judge_states_is_refused():
    points = dqm.Characteristics(dqm.FokkerPlanck(dqm.Kerr(2.0)))
    with pytest.raises(dqm.InputError, match="`faults` that judges states"):
        dqm.horizon(points, jnp.ones((1, 2)), 1.0)


def test_a_grid_step_is_strict_about_short_waves():
    """A share of 9e-6, which other steps accept."""
    grid = dqm.Grid((-6.0, -6.0), (6.0, 6.0), (32, 32))
    q, p = grid.points
    rho = jnp.exp(-(q**2) - p**2) / jnp.pi * (1 + 3e-3 * (-1.0) ** np.arange(32))
    faults = dqm.GridStep(dqm.FokkerPlanck(dqm.Kerr(1.0)), grid).faults(rho)
    assert 5 < faults[dqm.Reason.UNRESOLVED] < 20
