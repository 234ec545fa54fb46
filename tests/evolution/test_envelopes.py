"""Envelopes of drives: their values, derivatives and limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy

import dqmjax as dqm

EDGES = (0.0, 1.0, 1.5, 3.0)


def test_a_pulse_is_constant_between_its_edges():
    pulse = dqm.Pulse(EDGES, jnp.array([2.0, -1.0, 0.5]))
    at = lambda t: float(pulse(jnp.asarray(t)))
    assert [at(t) for t in (0.0, 0.99, 1.0, 1.49, 1.5, 3.0)] == [2.0, 2.0, -1.0, -1.0, 0.5, 0.5]
    assert np.isnan([at(-0.1), at(3.1)]).all()
    slope = jax.grad(lambda values: dqm.Pulse(EDGES, values)(1.2))(jnp.ones(3))
    assert slope.tolist() == [0.0, 1.0, 0.0]
    assert np.isnan(jax.grad(lambda values: dqm.Pulse(EDGES, values)(4.0))(jnp.ones(3))).any()


def test_a_curve_through_samples_is_the_cubic_spline():
    ts = np.array([0.0, 0.4, 1.0, 1.3, 2.0, 2.2])
    values = np.sin(2 * ts)
    curve = dqm.Interpolated(ts, jnp.asarray(values))
    at = np.linspace(0.0, 2.2, 23)
    exact = scipy.interpolate.CubicSpline(ts, values)(at)
    np.testing.assert_allclose(jax.vmap(curve)(at), exact, rtol=0, atol=1e-14)
    assert np.isnan(curve(2.3))
    weights = jax.grad(lambda values: dqm.Interpolated(ts, values)(0.7))(jnp.asarray(values))
    np.testing.assert_allclose(weights @ values, curve(0.7), rtol=1e-13)  # linear in the samples


class Turned(dqm.AbstractStepper):
    """`dy/dt = f(t) y`, exactly while f is constant."""

    envelope: object

    def make_step(self, dt):
        return jax.tree_util.Partial(
            lambda f, dt, t, y: y * jnp.exp(dt * f(t + dt / 2)), self.envelope, dt
        )


def test_steps_end_at_the_jumps_and_within_the_pulse():
    stepper = Turned(dqm.Pulse(EDGES, jnp.array([0.3, -0.2, 0.1])))
    run = lambda ts, **options: dqm.solve(stepper, jnp.ones(()), np.array(ts), **options).final
    exact = np.exp(0.3 * 1.0 - 0.2 * 0.5 + 0.1 * 1.5)
    for ts, substeps in ((EDGES, 1), ((0.0, 3.0), 6), ((0.0, 1.5, 3.0), 3)):
        assert run(ts, substeps=substeps) == pytest.approx(exact, rel=1e-14)
    with pytest.raises(dqm.InputError, match=r"`ts` must let a step end at every jump .* t = 1"):
        run((0.0, 3.0), substeps=4)
    for ts in ((0.0, 3.5), (-0.5, 3.0)):
        with pytest.raises(dqm.InputError, match=r"within the envelope, 0 ≤ t ≤ 3"):
            run(ts)
    beyond = jax.jit(lambda ts: dqm.solve(stepper, jnp.ones(()), ts).final)
    assert np.isnan(beyond(jnp.array([0.0, 1.0, 3.5])))


def test_jumps_far_from_zero_are_met_in_spite_of_round_off():
    edges = 1e9 + np.cumsum(np.full(8, 0.1))
    stepper = Turned(dqm.Pulse(edges, jnp.ones(7)))
    final = dqm.solve(stepper, jnp.ones(()), edges, substeps=3).final
    assert final == pytest.approx(np.exp(edges[-1] - edges[0]), rel=1e-7)


class Pushed(dqm.AbstractPotential):
    """`V(x, t) = −f(t) x`."""

    envelope: object

    def __call__(self, x, t=0.0):
        return -self.envelope(t) * jnp.sum(x)


def test_splitting_schemes_refuse_jumps():
    """They take forces at the ends of steps: the momentum was off by 8e-3, the estimate 4e-14."""
    jumps = dqm.Hamiltonian(Pushed(dqm.Pulse(EDGES, jnp.array([0.3, -0.2, 0.1]))))
    smooth = dqm.Hamiltonian(Pushed(dqm.Interpolated((-1.0, 1.0, 2.0, 4.0), jnp.ones(4))))
    line, plane = dqm.Grid(-8.0, 8.0, 32), dqm.Grid((-8.0, -4.0), (8.0, 4.0), (32, 32))
    packet = dqm.gaussian(line, center=0.0, width=1.0)
    density = jnp.exp(-jnp.sum(plane.points**2, axis=0))
    for make, state in (
        (lambda h: dqm.SplitStep(h, line), packet),
        (lambda h: dqm.WignerStep(h, plane), density),
    ):
        with pytest.raises(dqm.InputError, match="`potential` must be continuous in time"):
            dqm.solve(make(jumps), state, np.array(EDGES), substeps=4)
    run = dqm.solve(dqm.SplitStep(smooth, line), packet, np.array([0.0, 1.0]), substeps=4)
    assert dqm.observables.mean_momentum(line, run.final)[0] == pytest.approx(1.0, rel=1e-6)
