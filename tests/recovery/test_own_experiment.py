"""An experiment that the package does not know: homodyne detection of a Kerr oscillator."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special

import dqmjax as dqm

ALPHA, BASIS = 1.2, dqm.FockBargmann(20)
X, ANGLES = np.linspace(-4, 4, 25), np.array([0, np.pi / 4, np.pi / 2, 3 * np.pi / 4])
N = np.arange(20)
NORMS = np.pi**0.25 * np.sqrt(2.0**N * scipy.special.factorial(N))
NUMBER_STATES = scipy.special.eval_hermite(N, X[:, None]) * np.exp(-(X[:, None] ** 2) / 2) / NORMS


def marginals(ket):
    """`P(x_θ) = |Σ_n ψ_n e^{−inθ} φ_n(x)|²`, (angles, x)."""
    return jnp.abs((ket * jnp.exp(-1j * N * ANGLES[:, None])) @ NUMBER_STATES.T) ** 2


class Homodyne(dqm.AbstractExperiment):
    """Quadrature distributions at four angles, of a known coherent state in a Kerr oscillator."""

    interaction: jax.Array
    omega: jax.Array

    def predict(self, times, where):
        stepper = dqm.KetStep(dqm.Kerr(self.interaction, self.omega), BASIS)
        run = dqm.solve(stepper, BASIS.coherent_ket(ALPHA), times, throw=False)
        return jax.vmap(marginals)(run.saved), run.status

    def scales(self, data):
        return dict.fromkeys(("interaction", "omega"), 1 / (data.t[-1] - data.t[0]))

    def guess(self, data):
        """`⟨â⟩ = α exp(−iωt + |α|²(e^{−iUt} − 1))`: ω by least squares for each of many U."""
        means = np.sum(data.values * X, axis=2) * (X[1] - X[0]) / np.sqrt(2)
        early = data.t < 0.4
        t, ratio = data.t[early], np.log((means[:, 0] + 1j * means[:, 2]) / ALPHA)[early]

        def fit(interaction):
            rest = ratio - ALPHA**2 * (np.exp(-1j * interaction * t) - 1)
            omega = -(t @ rest.imag) / (t @ t)
            return np.sum(np.abs(rest + 1j * omega * t) ** 2), interaction, omega

        _, *found = min(map(fit, np.linspace(-4, 4, 81)))
        values = dict(zip(("interaction", "omega"), map(jnp.asarray, found), strict=True))
        return dqm.Guess(dataclasses.replace(self, **values))


def measured(interaction, omega, sigma=0.005):
    """In closed form: number states only turn."""
    t = np.linspace(0, 3, 31)
    energies = omega * N + interaction / 2 * N * (N - 1)
    start = np.exp(-(ALPHA**2) / 2) * ALPHA**N / np.sqrt(scipy.special.factorial(N))
    exact = np.stack([marginals(start * np.exp(-1j * energies * now)) for now in t])
    noise = sigma * np.random.default_rng(0).normal(size=exact.shape)
    return dqm.Series(t, exact + noise, sigma)


def test_homodyne_marginals_determine_a_kerr_oscillator_without_a_start():
    """False-alarm probability: 3 numbers beyond 4 standard errors, 2e-4."""
    data = measured(interaction=-1.7, omega=0.6)
    result = dqm.recover(data, Homodyne(jnp.array(0.0), jnp.array(0.0)))
    assert result.origin == "guess"
    assert result.goodness.describes_data
    for name, value in (("interaction", -1.7), ("omega", 0.6)):
        assert abs(result.start[name] - value) < 0.2
        assert abs(result.estimate[name] - value) < 4 * result.stderr[name] < 0.02


def test_scales_are_those_of_the_experiment():
    problem = dqm.recover(measured(-1.7, 0.6), Homodyne(jnp.array(-1.7), jnp.array(0.6))).problem
    np.testing.assert_allclose(problem.scales(np.array([0.1, 2.0])), [1 / 3, 2.0])
