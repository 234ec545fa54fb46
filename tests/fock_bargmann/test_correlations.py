"""Correlations at two times and spectra against QuTiP and closed forms."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip
from systems import kerr_operator

import dqmjax as dqm
from dqmjax.fock_bargmann.correlations import correlation, g2, spectrum
from dqmjax.fock_bargmann.steady_state import steady_state

LEVELS = 10
BASIS = dqm.FockBargmann(LEVELS)
A = qutip.destroy(LEVELS)
OPERATOR = kerr_operator(LEVELS, 1.0, -1.0) + 0.4 * (A + A.dag())
LOSSES = [np.sqrt(1.02) * A, np.sqrt(0.02) * A.dag()]
TAUS, OMEGA = np.linspace(0.0, 3.0, 7), np.linspace(-3.0, 3.0, 11)
OPTIONS = {"atol": 1e-12, "rtol": 1e-10, "nsteps": 100_000}


def damped(interaction, omega, drive, rate, thermal):
    """A Kerr oscillator with arrays as constants: one program for all values."""
    interaction, omega, drive, rate, thermal = (
        jnp.asarray(x, float) for x in (interaction, omega, drive, rate, thermal)
    )
    return dqm.Damped(dqm.FokkerPlanck(dqm.Kerr(interaction, omega, drive)), rate, thermal)


FLOW, COLD = damped(1.0, -1.0, 0.4, 1.0, 0.02), damped(1.0, 0.0, 0.0, 1.0, 0.0)


@pytest.fixture(scope="module")
def steady():
    return steady_state(FLOW, BASIS).state, qutip.steadystate(OPERATOR, LOSSES)


def test_correlation_against_qutip(steady):
    """Of three operators, two of them not Hermitian and one a polynomial."""
    rho, exact = steady
    terms = {(1, 1): 1.0, (0, 1): 0.3j}
    got = correlation(dqm.HusimiStep(FLOW, BASIS), rho, TAUS, terms, "a", left="2*ad + 1j*a")
    args = (2 * A.dag() + 1j * A, A.dag() * A + 0.3j * A, A)
    exact = qutip.correlation_3op_1t(OPERATOR, exact, TAUS, LOSSES, *args, options=OPTIONS)
    np.testing.assert_allclose(got, exact, rtol=0, atol=1e-8)


def test_g2_against_qutip(steady):
    got = g2(dqm.HusimiStep(FLOW, BASIS), steady[0], TAUS)
    exact = qutip.coherence_function_g2(OPERATOR, steady[1], TAUS, LOSSES, A, options=OPTIONS)[0]
    assert np.ptp(exact) > 0.03
    np.testing.assert_allclose(got, exact, rtol=0, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize(("after", "before"), [("ad", "a"), ("ad + 1j*a", "a**2")])
def test_spectrum_against_qutip(steady, after, before):
    """The driven mode has a coherent part, which both leave out."""
    of = {"ad": A.dag(), "a": A, "ad + 1j*a": A.dag() + 1j * A, "a**2": A**2}
    got = spectrum(FLOW, BASIS, steady[0], OMEGA, after, before)
    exact = qutip.spectrum(OPERATOR, OMEGA, LOSSES, of[after], of[before])
    assert np.ptp(exact) > 0.1
    np.testing.assert_allclose(got, exact, rtol=0, atol=1e-8)


def test_thermal_light():
    """`⟨â†(τ)â⟩ = n̄ e^{iωτ − γτ/2}`, `g² = 1 + e^{−γτ}`, `S = n̄γ/((ω − ω₀)² + γ²/4)`."""
    mean, rate, frequency = 0.1, 0.8, 1.5
    flow = damped(0.0, frequency, 0.0, rate, mean)
    rho, stepper = steady_state(flow, BASIS).state, dqm.HusimiStep(flow, BASIS)
    exact = mean * np.exp((1j * frequency - rate / 2) * TAUS)
    beyond = 1e-8  # (n̄/(n̄ + 1))^10 is 4e-11
    got = correlation(stepper, rho, TAUS, "ad", "a")
    np.testing.assert_allclose(got, exact, rtol=0, atol=beyond)
    got = g2(stepper, rho, TAUS)
    np.testing.assert_allclose(got, 1 + np.exp(-rate * TAUS), rtol=0, atol=1e2 * beyond)
    lorentzian = mean * rate / ((OMEGA - frequency) ** 2 + rate**2 / 4)
    got = spectrum(flow, BASIS, rho, OMEGA)
    np.testing.assert_allclose(got, lorentzian, rtol=0, atol=10 * beyond)


def test_two_modes_in_units():
    """Two coupled oscillators in a bath: `n̄ 2 Re [(iω − iH − γ/2)⁻¹]`, in time units of 1e-9."""
    unit, mean = 1e9, 0.005
    energies = np.array([[0.0, -0.6], [-0.6, 0.0]])
    symbol = dqm.BoseHubbard(jnp.array(0.6 * unit), 0.0, 2)
    flow, basis = dqm.Damped(dqm.FokkerPlanck(symbol), unit, mean), dqm.FockBargmann((5, 5))
    rho = steady_state(flow, basis).state
    exact = lambda w: np.linalg.inv(1j * w * np.eye(2) - 1j * energies + np.eye(2) / 2)
    got = spectrum(flow, basis, rho, OMEGA * unit, "ad2", "a1") * unit
    expected = [2 * mean * exact(w)[0, 1].real for w in OMEGA]
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-8)
    stepper = dqm.HusimiStep(flow, basis)
    both = g2(stepper, rho, np.array([0.0, 0.5 / unit]), "a1 + a2")
    np.testing.assert_allclose(both, 1 + np.exp([0.0, -0.5]), rtol=0, atol=1e-4)


@pytest.mark.slow
def test_a_drive_that_depends_on_time():
    """A coherent state stays one on the classical path: `⟨â†(τ)â(0)⟩ = α(τ)*α(0)`."""
    symbol = dqm.Driven(
        dqm.Kerr(0.0, 1.0), (lambda t: 0.03 * jnp.cos(2 * t), dqm.Kerr(0.0, 0.0, 1.0))
    )
    flow = dqm.Damped(dqm.FokkerPlanck(symbol), 0.5)
    basis, alpha = dqm.FockBargmann(5), 0.05 + 0.02j
    stepper = dqm.HusimiStep(flow, basis)
    got = correlation(stepper, basis.coherent(alpha), TAUS, "ad", "a", substeps=20)
    own = -1j - 0.25  # of dα/dt = own α − 0.03i cos 2t
    part = lambda t, w: -0.015j * (np.exp(1j * w * t) - np.exp(own * t)) / (1j * w - own)
    path = alpha * np.exp(own * TAUS) + part(TAUS, 2) + part(TAUS, -2)
    np.testing.assert_allclose(got, path.conj() * alpha, rtol=0, atol=1e-8)
    with pytest.raises(dqm.InputError, match="`substeps` must be more than 20"):
        correlation(stepper, basis.coherent(alpha), 120 * TAUS, "ad", "a", substeps=20)


def observed(parameters):
    """A correlation and the spectrum of a driven oscillator by U, F and γ."""
    interaction, drive, rate = parameters
    flow = dqm.Damped(dqm.FokkerPlanck(dqm.Kerr(interaction, -0.5, drive)), rate)
    basis = dqm.FockBargmann(5)
    rho = steady_state(flow, basis).state
    two_times = correlation(dqm.HusimiStep(flow, basis), rho, np.array([0.0, 0.4]), "ad", "a")
    return two_times[1].imag + jnp.sum(spectrum(flow, basis, rho, np.array([0.0, 0.7])))


@pytest.mark.slow
def test_gradients_three_ways(both_ways):
    at, values = jnp.array([1.0, 0.15, 1.1]), both_ways(observed)
    _, reverse, forward = values(at)
    step, value = 1e-5, lambda x: values(x)[0]
    difference = [(value(at + e) - value(at - e)) / (2 * step) for e in step * np.eye(3)]
    assert np.abs(reverse).min() > 1e-4
    np.testing.assert_allclose(reverse, forward, rtol=1e-9)
    np.testing.assert_allclose(reverse, difference, rtol=1e-6)


def test_what_the_cutoff_takes_away_is_refused():
    """Raised out of the basis, or led there by the equation; NaN where it is traced."""
    stepper, top = dqm.HusimiStep(COLD, BASIS), BASIS.pure(jnp.eye(LEVELS)[-1])
    with pytest.raises(dqm.InputError, match="`cutoff` must hold"):
        correlation(stepper, top, TAUS, "a", "ad")
    heated = dataclasses.replace(stepper, fokker_planck=FLOW)
    with pytest.raises(RuntimeError, match="The basis is too small"):
        correlation(heated, top, TAUS, "ad", "a")
    traced = jax.jit(lambda of, rho: correlation(of, rho, TAUS, "a", "ad"))
    for of in (stepper, heated):
        assert np.isnan(traced(of, top)).all()


@pytest.mark.parametrize(
    ("rho", "message"),
    [
        (BASIS.coherent(0.5), "must be the steady state"),
        (jnp.zeros((LEVELS, LEVELS), complex), "must be the steady state"),
    ],
)
def test_spectra_are_of_the_steady_state(rho, message):
    with pytest.raises(dqm.InputError, match=f"`rho` {message}"):
        spectrum(FLOW, BASIS, rho, OMEGA)


def test_a_line_without_width_is_refused():
    """Of a mixture in an oscillator without bath."""
    flow, weights = dqm.FokkerPlanck(dqm.Kerr(0.0, 1.0)), 0.5 ** np.arange(LEVELS)
    rho = jnp.asarray(np.diag(weights / weights.sum()) + 0j)
    spectrum(flow, BASIS, rho, np.array([0.8, 0.9]), "ad", "a")
    with pytest.raises(dqm.InputError, match="`flow` must damp"):
        spectrum(flow, BASIS, rho, np.array([0.9, 1.0]), "ad", "a")


def test_the_dark_has_no_g2():
    with pytest.raises(dqm.InputError, match="`rho` must have quanta"):
        g2(dqm.HusimiStep(COLD, BASIS), BASIS.coherent(0.0), TAUS)
