"""Drives on number states against QuTiP, matrix exponentials and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip
import scipy

import dqmjax as dqm

pytestmark = pytest.mark.slow  # many programs of driven steps

KERR = dqm.Kerr(0.5, 1.0)
FIELD = dqm.operator("a + ad")
RATE, THERMAL, FORCE, WAVE = 0.3, 0.1, 0.4, 1.3
END = 4 * 2 * np.pi / WAVE  # four periods
BASIS = dqm.FockBargmann(16)


def envelope(t):
    return FORCE * jnp.cos(WAVE * t)


DRIVEN = dqm.FokkerPlanck(dqm.Driven(KERR, (envelope, FIELD)))
OPEN = dqm.Open(DRIVEN, dqm.Jump("a", RATE * (THERMAL + 1)), dqm.Jump("ad", RATE * THERMAL))


@pytest.fixture(scope="module")
def exact():
    """The density matrix after three and four periods, from more levels."""
    levels = 30
    a = qutip.destroy(levels)
    static = a.dag() * a + 0.25 * a.dag() ** 2 * a**2
    jumps = [np.sqrt(RATE * (THERMAL + 1)) * a, np.sqrt(RATE * THERMAL) * a.dag()]
    drive = lambda t: FORCE * np.cos(WAVE * t)
    run = qutip.mesolve(
        [static, [a + a.dag(), drive]],
        qutip.coherent_dm(levels, 0.5, method="analytic"),
        [0.0, 0.7 * END, END],
        jumps,
        options={"atol": 1e-13, "rtol": 1e-12, "nsteps": 10**6, "method": "dop853"},
    )
    return [state.full()[:16, :16] for state in run.states[1:]]


@pytest.fixture(scope="module")
def run():
    """The state after n equal steps, for any n by one program."""
    start = BASIS.coherent(0.5)

    @jax.jit
    def run(count, end):
        dt = end / count
        step = dqm.HusimiStep(OPEN, BASIS).make_step(dt)
        advance = lambda k, state: step(k * dt, state)
        state = jax.lax.fori_loop(0, count, advance, step.enter(0.0, start))
        return step.leave(end, state)

    return run


def test_a_driven_damped_oscillator_in_a_thermal_bath(exact, run):
    """Asked for: 1e-8 against QuTiP after four periods."""
    np.testing.assert_allclose(run(400, END), exact[1], rtol=0, atol=1e-8)


def test_steps_are_of_order_four(exact, run):
    counts = np.array([40, 60, 90, 135])
    errors = [np.linalg.norm(run(n, 0.7 * END) - exact[0]) for n in counts]
    slopes = -np.diff(np.log(errors)) / np.diff(np.log(counts))
    np.testing.assert_allclose(slopes, 4, atol=0.2)


def test_baths_of_jumps_and_damping_are_the_same_and_a_written_h_too(run):
    """Three ways to say one equation of motion."""
    ts, start = np.array([0.0, 0.5, 1.0]), BASIS.coherent(0.5)
    written = lambda q, p, t: KERR(q, p) + envelope(t) * FIELD(q, p)
    flows = (
        OPEN,
        dqm.Damped(DRIVEN, RATE, THERMAL),
        dqm.Damped(dqm.FokkerPlanck(written), RATE, THERMAL),
    )
    runs = [
        dqm.solve(dqm.HusimiStep(flow, BASIS), start, ts, substeps=3, throw=False) for flow in flows
    ]
    for other in runs[1:]:
        np.testing.assert_allclose(other.final, runs[0].final, rtol=0, atol=1e-13)
        np.testing.assert_allclose(other.error, runs[0].error, rtol=1e-6)


def test_the_estimated_error_is_not_below_the_true_one(exact):
    """It adds up the errors of all steps, which may cancel: it was 100 times too large."""
    ts = np.array([0.0, 0.7 * END])
    run = dqm.solve(dqm.HusimiStep(OPEN, BASIS), BASIS.coherent(0.5), ts, substeps=60)
    true = np.linalg.norm(run.final - exact[0]) / np.linalg.norm(run.final)
    assert true < run.error[-1] < 200 * true


EDGES = (0.0, 0.2, 0.5, 1.1)
PULSE = jnp.array([2.0, -1.0, 0.6])


def pulsed(values):
    return dqm.Driven(KERR, (dqm.Pulse(EDGES, values), FIELD))


def slices(levels: int):
    """`e^{−iĤ dt}` of each slice from matrices of more levels."""
    a = np.diag(np.sqrt(np.arange(1.0, levels)), 1)
    static = a.T @ a + 0.25 * a.T @ a.T @ a @ a
    parts = zip(np.diff(EDGES), np.asarray(PULSE), strict=True)
    return [scipy.linalg.expm(-1j * dt * (static + f * (a + a.T))) for dt, f in parts]


@pytest.mark.parametrize("substeps", [1, 3])
def test_pulses_are_exact(substeps):
    stepper = dqm.KetStep(pulsed(PULSE), BASIS)
    run = dqm.solve(stepper, BASIS.coherent_ket(0.0), np.array(EDGES), substeps=substeps)
    ket = np.eye(40)[0]
    for now in slices(40):
        ket = now @ ket
    phase = ket[0] / run.final[0]  # symbols are known up to a constant
    np.testing.assert_allclose(phase * run.final, ket[:16], rtol=0, atol=1e-9)
    assert abs(phase) == pytest.approx(1, abs=1e-9)
    assert np.max(run.error) < 1e-6  # of the truncation alone


def test_densities_of_kets_are_those_of_coefficients():
    ts = np.array(EDGES)
    ket = dqm.solve(dqm.KetStep(pulsed(PULSE), BASIS), BASIS.coherent_ket(0.0), ts).final
    flow = dqm.FokkerPlanck(pulsed(PULSE))
    rho = dqm.solve(dqm.HusimiStep(flow, BASIS), BASIS.coherent(0.0), ts).final
    np.testing.assert_allclose(rho, BASIS.pure(ket), rtol=0, atol=1e-13)


def test_gradients_of_pulses_are_those_of_differences(both_ways):
    """One reverse pass for all amplitudes."""

    def quanta(values):
        stepper = dqm.KetStep(pulsed(values), BASIS)
        ket = dqm.solve(stepper, BASIS.coherent_ket(0.0), np.array(EDGES), throw=False).final
        return jnp.sum(jnp.arange(16) * jnp.abs(ket) ** 2)

    values, step = both_ways(quanta), 1e-4
    value = lambda amplitudes: values(amplitudes)[0]
    shifts = step * np.eye(3)
    differences = [(value(PULSE + s) - value(PULSE - s)) / (2 * step) for s in shifts]
    for slopes in values(PULSE)[1:]:
        np.testing.assert_allclose(slopes, differences, rtol=1e-6)


def test_a_written_h_whose_terms_come_later_is_refused():
    """The generator's terms are found at one time; others must not be lost."""
    late = lambda q, p, t: KERR(q, p) + jnp.where(t > 5.0, 1.0, 0.0) * FIELD(q, p)
    stepper = dqm.KetStep(late, BASIS)
    ket = BASIS.coherent_ket(0.5)
    early = dqm.solve(stepper, ket, np.array([0.0, 1.0]), throw=False)
    assert early.status.reason[-1] == dqm.Reason.OK
    wrong = dqm.solve(stepper, ket, np.array([0.0, 1.0, 9.0]), throw=False)
    assert wrong.status.fails[-1]
