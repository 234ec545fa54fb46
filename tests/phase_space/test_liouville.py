"""Order 1 along its characteristics, against closed forms."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.evolution.gauss_legendre import gauss_legendre_step
from dqmjax.phase_space.liouville import Characteristics, liouville

POINTS = jnp.asarray(np.random.default_rng(0).normal(scale=1.5, size=(40, 2)))


def packet(xi):
    return jnp.exp(-((xi[0] - 1.0) ** 2 + (xi[1] - 0.5) ** 2) / 2) / (2 * jnp.pi)


def test_kerr_turns_every_circle_at_its_own_rate():
    """`|α|² = n` turns by `∂H/∂n = ω + U(n − 2)`: the closed form of the classical motion."""
    flow, t = dqm.FokkerPlanck(dqm.Kerr(1.3, 0.4)), 0.9
    q, p = POINTS.T
    angle = (0.4 + 1.3 * ((q**2 + p**2) / 2 - 2)) * t
    back = jnp.stack(
        [q * jnp.cos(angle) - p * jnp.sin(angle), p * jnp.cos(angle) + q * jnp.sin(angle)]
    )
    exact = jnp.stack([packet(xi) for xi in back.T])
    got = liouville(flow, packet, POINTS, t, substeps=60)
    np.testing.assert_allclose(got, exact, rtol=0, atol=1e-11)


def test_order_six():
    flow, ts = dqm.FokkerPlanck(dqm.AnharmonicOscillator(1.0, 0.2)), np.array([0.0, 2.0])
    ends = [
        dqm.solve(Characteristics(flow), POINTS, ts, substeps=n).final for n in (16, 24, 36, 400)
    ]
    errors = [np.abs(end - ends[-1]).max() for end in ends[:3]]
    slopes = np.log(np.array(errors[:2]) / errors[1:]) / np.log(1.5)
    np.testing.assert_allclose(slopes, 6, atol=0.3)


def test_agrees_with_order_one_on_coefficients():
    """Before the horizon of the coefficients."""
    basis = dqm.FockBargmann(40)
    flow, t = dqm.FokkerPlanck(dqm.Kerr(1.0), order=1), 0.03
    start = basis.coherent(0.8 + 0.3j)
    final = dqm.solve(dqm.HusimiStep(flow, basis), start, np.array([0.0, t])).final
    got = liouville(flow, lambda xi: basis.density(start, xi[None])[0], POINTS, t, substeps=10)
    np.testing.assert_allclose(got, basis.density(final, POINTS), rtol=0, atol=1e-6)


def test_its_derivative_in_time():
    """∂ρ/∂t = −drift·∇ρ."""
    flow = dqm.FokkerPlanck(dqm.AnharmonicOscillator(1.0, 0.2))
    moved = lambda t: liouville(flow, packet, POINTS[:5], t, substeps=4)
    exact = -jax.vmap(lambda xi: flow.drift(xi) @ jax.grad(packet)(xi))(POINTS[:5])
    np.testing.assert_allclose(jax.jacfwd(moved)(0.0), exact, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("points", "interaction", "substeps", "error", "message"),
    [
        (POINTS[:, :1], 1.0, 1, dqm.InputError, "`points` must have rows"),
        (POINTS, 1.0, 0, dqm.InputError, "`substeps` must be an integer of at least 1"),
        (POINTS, 1e4, 1, RuntimeError, "no solution: take more"),
    ],
)
def test_bad_input(points, interaction, substeps, error, message):
    with pytest.raises(error, match=message):
        liouville(dqm.FokkerPlanck(dqm.Kerr(interaction)), packet, points, 1.0, substeps=substeps)


def test_stages_that_still_change_have_not_converged():
    """Each iteration halves their change, by the factor dt/2 or less of a linear equation."""
    for iterations, settles in ((12, False), (60, True)):
        _, converged = gauss_legendre_step(lambda z: -z, jnp.ones(3), jnp.array(1.0), iterations)
        assert converged == settles


def test_a_step_that_did_not_converge_is_not_forgotten():
    step = Characteristics(dqm.FokkerPlanck(dqm.Kerr(1.0))).make_step(jnp.array(0.1))
    for failed in (False, True):
        assert eqx.filter_jit(step)(0.0, (POINTS[:2], jnp.array(failed)))[1] == failed
