"""The moving frame against closed forms and against runs in the laboratory frame."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm

pytestmark = pytest.mark.slow  # many programs of driven steps


@pytest.mark.parametrize("kind", ["ket", "density"])
def test_nine_hundred_quanta_in_fifty_levels(kind):
    """`⟨â⟩ = α e^{n̄(e^{−iUt} − 1)}`, `⟨â²⟩ = α² e^{−iUt} e^{n̄(e^{−2iUt} − 1)}` until U n̄ t = 1.

    Asked for: 1e-6 with at most 60 levels.
    """
    alpha, basis = 30.0, dqm.FockBargmann(50)
    n, end = alpha**2, 1 / alpha**2
    steppers = {
        "ket": dqm.KetStep(dqm.Kerr(1.0), basis),
        "density": dqm.HusimiStep(dqm.FokkerPlanck(dqm.Kerr(1.0)), basis),
    }
    frame = dqm.MovingFrame(steppers[kind])
    run = dqm.solve(frame, frame.start(alpha), np.array([0.0, end]), substeps=6)
    one, two = (frame.moment(run.final, (0,), (k,)) for k in (1, 2))
    exact = alpha * np.exp(n * np.expm1(-1j * end))
    square = alpha**2 * np.exp(-1j * end + n * np.expm1(-2j * end))
    assert abs(one / exact - 1) < 1e-7
    assert abs(two / square - 1) < 1e-7


@pytest.mark.parametrize("kind", [dqm.KetStep, lambda h, basis: dqm.HusimiStep(damped(h), basis)])
def test_the_frame_of_a_linear_oscillator_is_all_of_its_motion(kind):
    """A driven oscillator: a coherent state stays one, and nothing is left in the frame.

    `α(t) = e^{−λt} (α + iF (1 − e^{λt})/λ)`, `λ = i + γ/2`, γ = 0 for kets.
    """
    rate = 0.0 if kind is dqm.KetStep else RATE
    frame = dqm.MovingFrame(kind(dqm.operator("n + F*(a + ad)", F=0.3), dqm.FockBargmann(4)))
    run = dqm.solve(frame, frame.start(3.0), np.array([0.0, 2.0]), substeps=40)
    slope = 1j + rate / 2
    exact = np.exp(-2 * slope) * (3.0 + 0.3j * (1 - np.exp(2 * slope)) / slope)
    assert abs(frame.moment(run.final, (0,), (1,)) - exact) < 1e-9


RATE = 0.2
damped = lambda h: dqm.Damped(dqm.FokkerPlanck(h), RATE)
BASIS = dqm.FockBargmann((6, 6))
LARGE = dqm.FockBargmann((9, 9))
ALPHA = (0.3, -0.2 + 0.1j)
ENVELOPE = lambda t: 0.4 * jnp.sin(2.0 * t)
SYMBOL = dqm.Driven(
    dqm.BoseHubbard(0.5, 0.1, 2, omega=(1.0, 1.3)), (ENVELOPE, dqm.operator("a1 + ad1", 2))
)


def law(C=1.0):
    """Two driven modes with damping, dephasing and correlated loss."""
    damped = dqm.Damped(dqm.FokkerPlanck(SYMBOL, C=C), 0.2, 0.1)
    return dqm.Open(damped, dqm.Jump("a1 - s*a2", 0.3, s=0.5j), dqm.Jump("n1", 0.05))


def test_the_frame_changes_nothing_of_an_open_driven_system():
    ts = np.array([0.0, 0.3, 0.6])
    frame = dqm.MovingFrame(dqm.HusimiStep(law(), BASIS))
    moved = dqm.solve(frame, frame.start(ALPHA), ts, substeps=6, throw=False).final
    fixed = dqm.solve(
        dqm.HusimiStep(law(), LARGE), LARGE.coherent(ALPHA), ts, substeps=6, throw=False
    ).final
    points = jnp.asarray(np.random.default_rng(0).normal(scale=1.5, size=(20, 4)))
    want = LARGE.density(fixed, points)
    np.testing.assert_allclose(
        frame.density(moved, points), want, rtol=0, atol=1e-7 * want.max()
    )  # of the steps
    for up, down in (((0, 0), (1, 0)), ((1, 0), (0, 1)), ((1, 0), (2, 0))):
        exact = dqm.readout.moment(LARGE, fixed, up, down)
        assert frame.moment(moved, up, down) == pytest.approx(complex(exact), abs=1e-7)


def test_steps_in_the_frame_are_of_order_four():
    basis = dqm.FockBargmann(20)
    driven = dqm.Driven(dqm.Kerr(0.05, 1.0), (lambda t: jnp.cos(3 * t), dqm.operator("a + ad")))
    frame = dqm.MovingFrame(dqm.KetStep(driven, basis))

    @jax.jit
    def mean(count):
        dt = 1.0 / count
        step = frame.make_step(dt)
        end = jax.lax.fori_loop(0, count, lambda k, y: step(k * dt, y), frame.start(1.5))
        return frame.moment(end, (1,), (1,)), frame.moment(end, (0,), (2,))

    counts = np.array([4, 6, 9, 13])
    found = np.array([mean(n) for n in (*counts, 60)])
    errors = np.abs(found[:-1] - found[-1]).max(axis=1)
    slopes = -np.diff(np.log(errors)) / np.diff(np.log(counts))
    np.testing.assert_allclose(slopes, 4, atol=0.2)


def test_a_state_that_leaves_the_frame_is_refused():
    basis = dqm.FockBargmann(8)
    frame = dqm.MovingFrame(dqm.KetStep(dqm.Kerr(1.0), basis))
    with pytest.raises(RuntimeError, match="levels"):
        dqm.solve(frame, frame.start(10.0), np.array([0.0, 0.01, 0.05]), substeps=8)


def test_what_has_no_frame_is_refused():
    flow = dqm.FokkerPlanck(dqm.Kerr(1.0))
    steppers = [
        dqm.HusimiStep(flow, dqm.FockBargmann(8, ell=0.9)),
        dqm.HusimiStep(
            dqm.FokkerPlanck(dqm.Kerr(1.0), factor=lambda H, q, p: 1.0), dqm.FockBargmann(8)
        ),
    ]
    for stepper in steppers:
        with pytest.raises(dqm.InputError, match="`stepper`"):
            dqm.MovingFrame(stepper)
    frame = dqm.MovingFrame(dqm.HusimiStep(flow, dqm.FockBargmann(8)))
    for bad in ((1.0, 2.0), np.nan):
        with pytest.raises(dqm.InputError, match="`alpha`"):
            frame.start(bad)
