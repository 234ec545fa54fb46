"""Particles that a wave function guides."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.interpolate
import scipy.stats

import dqmjax as dqm
from dqmjax.canonical.background import MassStep, PositionDependentMass
from dqmjax.canonical.ordinary_diffusion import conservative_width, ordinary_width
from dqmjax.trajectories import (
    Ordinary,
    agreement,
    bohm,
    nelson,
    ordinary,
    sample_density,
)

KEY = jax.random.key(1)
LINE = dqm.Grid(-12.0, 12.0, 192)
WELL = dqm.SplitStep(dqm.Hamiltonian(lambda x, t: (x[0] ** 2 / 4 - 1) ** 2), LINE)
FREE = dqm.Hamiltonian(dqm.Free(), mass=1.3, hbar=0.8)


def run_of(stepper, psi, until, times, substeps=8):
    return dqm.solve(stepper, psi, jnp.linspace(0.0, until, times), substeps=substeps)


def test_bohm_in_a_double_well():
    """A particle stays at its quantile of the density; the values are those of a fine solve."""
    run = run_of(WELL, dqm.gaussian(LINE, 0.0, 0.5), np.pi / 2, 61)
    quantiles = np.array([0.6, 0.7, 0.8, 0.9, 0.99])
    starts = 0.5 * scipy.stats.norm.ppf(quantiles)[:, None]
    paths = bohm(WELL, run, jnp.asarray(starts))
    known = [0.63531811, 1.27649284, 1.93133307, 2.60263828, 3.39738366]
    error = np.abs(paths.positions[-1, :, 0] - np.array(known))
    assert error.max() < 1e-6
    assert (error < paths.step_error[-1]).all()
    rho = np.abs(run.final) ** 2
    x = np.asarray(LINE.points[0])
    total = scipy.interpolate.make_interp_spline(x, rho, 5).antiderivative()
    found = total(paths.positions[-1, :, 0]) - total(x[0])
    np.testing.assert_allclose(found, quantiles, rtol=0, atol=1e-6)


@pytest.mark.parametrize("boost", [0.0, 0.7])
def test_bohm_of_a_free_packet_in_the_plane(boost):
    """`x = v₀t + x₀ σ(t)/σ₀`, from ψ with a boost and from (ρ, S)."""
    grid = dqm.Grid((-12.0, -9.0), (12.0, 9.0), (64, 48))
    stepper = dqm.SplitStep(FREE, grid, boost=(boost, 0.0))
    psi = dqm.gaussian(grid, (0.0, 0.0), (1.0, 0.9), hbar=0.8)
    starts = jnp.array([[0.5, -0.4], [-1.2, 0.9]])
    paths = bohm(stepper, run_of(stepper, psi, 2.0, 21), starts)
    D = 0.8 / 2.6
    wide = [conservative_width(w, D, 2.0) / w for w in (1.0, 0.9)]
    exact = np.asarray(starts) * np.array(wide) + np.array([boost / 1.3 * 2.0, 0.0])
    np.testing.assert_allclose(paths.positions[-1], exact, rtol=0, atol=2e-5)
    if not boost:
        canonical = dqm.CanonicalStep(FREE, grid)
        again = bohm(canonical, run_of(canonical, dqm.to_canonical(psi, 0.8), 2.0, 21), starts)
        np.testing.assert_allclose(again.positions, paths.positions, rtol=0, atol=1e-7)


def test_nelson_has_the_density_at_all_times():
    """Of two packets that meet, which is neither Gaussian nor without nodes."""
    h = dqm.Hamiltonian(dqm.Free())
    stepper = dqm.SplitStep(h, LINE)
    psi = dqm.gaussian(LINE, -2.0, 0.7, 1.5) + dqm.gaussian(LINE, 2.0, 0.7, -1.5)
    psi = psi / np.sqrt(float(jnp.sum(jnp.abs(psi) ** 2)) * LINE.cell)
    run = run_of(stepper, psi, 1.0, 65)
    starts = sample_density(KEY, LINE, jnp.abs(psi) ** 2, 20_000)
    paths = nelson(stepper, run, starts, jax.random.key(2), substeps=4)
    for i in (0, 16, 32, 48, 64):
        found = agreement(paths.positions[i], LINE, jnp.abs(run.saved[i]) ** 2)
        assert found.p_value > 0.01, (i, found)


def test_nelson_of_a_ground_state_at_two_times():
    """Stationary, with `⟨x(0)x(t)⟩ = σ² e^{−2At/2σ²}`: an Ornstein–Uhlenbeck process for any A."""
    h = dqm.Hamiltonian(dqm.Harmonic(1.0))
    stepper, width = dqm.SplitStep(h, LINE), 0.5**0.5
    run = run_of(stepper, dqm.gaussian(LINE, 0.0, width), 1.0, 9)
    starts = width * jax.random.normal(KEY, (20_000, 1))
    for diffusion in (None, 0.2):
        paths = nelson(stepper, run, starts, jax.random.key(3), diffusion=diffusion, substeps=8)
        first, last = np.asarray(paths.positions)[[0, -1], :, 0]
        product = first * last
        rate = (0.5 if diffusion is None else diffusion) / width**2
        error = product.std() / np.sqrt(product.size)
        assert abs(product.mean() - width**2 * np.exp(-rate)) < 4 * error
        assert agreement(paths.positions[-1], LINE, jnp.abs(run.final) ** 2).p_value > 0.01


def test_gradients_against_differences():
    """Of a final position with respect to start, frequency and ħ, and of an ensemble's mean."""
    psi = dqm.gaussian(LINE, 0.6, 0.5)
    ts = jnp.linspace(0.0, 0.8, 9)

    def final(parameters, key=None):
        start, omega, hbar = parameters
        h = dqm.Hamiltonian(dqm.Anharmonic(omega, 0.0, 0.3), hbar=hbar)
        stepper = dqm.SplitStep(h, LINE)
        run = dqm.solve(stepper, psi, ts, substeps=4)
        if key is None:
            return bohm(stepper, run, start[None, None]).positions[-1, 0, 0]
        starts = start + jnp.linspace(-0.3, 0.3, 20)[:, None]
        return jnp.mean(nelson(stepper, run, starts, key).positions[-1] ** 2)

    at, step = jnp.array([0.9, 1.1, 0.8]), 1e-5
    for function in (final, lambda x: final(x, KEY)):
        jitted = jax.jit(function)
        slope = jax.jit(jax.grad(function))(at)
        moves = step * jnp.eye(3)
        exact = [(jitted(at + m) - jitted(at - m)) / (2 * step) for m in moves]
        np.testing.assert_allclose(slope, exact, rtol=1e-6)


def test_samples_have_the_density():
    plane = dqm.Grid((-6.0, -5.0), (6.0, 5.0), (32, 30))
    rho = plane.at_points(lambda x: jnp.exp(-(x[0] ** 2) - (x[1] - x[0]) ** 2 / 2))
    points = sample_density(KEY, plane, rho, 100_000)
    covariance = np.cov(np.asarray(points).T)
    np.testing.assert_allclose(covariance, [[0.5, 0.5], [0.5, 1.5]], atol=0.03)
    assert agreement(points, plane, rho, jax.random.key(5)).p_value > 0.01
    wrong = points + 0.2
    assert agreement(wrong, plane, rho, jax.random.key(5)).p_value < 0.01
    line = jnp.asarray(points[:, :1])
    exact = LINE.at_points(lambda x: jnp.exp(-(x[0] ** 2)))
    assert agreement(line, LINE, exact).p_value > 0.01
    assert agreement(1.02 * line, LINE, exact).p_value < 0.01


def test_distribution_on_a_coarse_grid_has_its_stated_error():
    """By quantiles of the exact one, which are as even as points can be."""
    count, grid = 100_000, dqm.Grid(-10.0, 10.0, 40)
    rho = grid.at_points(lambda x: jnp.exp(-(x[0] ** 2) / 2))
    quantiles = scipy.stats.norm.ppf((np.arange(count) + 0.5) / count)
    found = agreement(jnp.asarray(quantiles)[:, None], grid, rho).statistic
    steepest = np.exp(-0.5) / np.sqrt(2 * np.pi)
    assert 1e-4 < found < 0.5**2 * steepest / 96 + 0.5 / count


PSI = dqm.gaussian(LINE, 0.0, 0.5)
RUN = run_of(WELL, PSI, 0.2, 3)
START = jnp.zeros((1, 1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bohm(WELL, RUN, jnp.array([[13.0]])), "`starts` must be inside of the box"),
        (lambda: bohm(WELL, RUN, jnp.array([[9.0]])), "`starts` must be where the density is not"),
        (lambda: bohm(WELL, RUN, jnp.zeros((2, 2))), r"`starts` must have shape \(particles, 1\)"),
        (lambda: bohm(WELL, RUN, jnp.full((1, 1), jnp.nan)), "`starts` must be finite"),
        (lambda: bohm(WELL, RUN, START, substeps=3), "`substeps` must be even"),
        (lambda: nelson(WELL, RUN, START, KEY, diffusion=0.0), "`diffusion` must be positive"),
        (lambda: nelson(WELL, RUN, START, KEY, diffusion=-1.0), "`diffusion` must be positive"),
        (lambda: nelson(WELL, RUN, START, None), "`key` must be a key"),
        (
            lambda: bohm(WELL, dqm.solve(WELL, PSI, RUN.ts, save=lambda s: s[0]), START),
            "`solution` must have the states",
        ),
        (lambda: sample_density(KEY, LINE, -jnp.ones(192), 3), "`rho` must be a density"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(dqm.InputError, match=message):
        call()


def test_a_run_that_cannot_be_trusted_is_refused():
    grid = dqm.Grid(-3.0, 3.0, 16)
    stepper = dqm.SplitStep(dqm.Hamiltonian(lambda x, t: 40 * x[0] ** 2), grid)
    psi = dqm.gaussian(grid, 1.0, 0.4)
    run = dqm.solve(stepper, psi, jnp.linspace(0.0, 1.0, 3), throw=False)
    with pytest.raises(dqm.InputError, match="`solution` must be valid at all its times"):
        bohm(stepper, run, START)


def test_widths_of_conservative_and_ordinary_diffusion():
    """Of walks that start with one width: `∝ t` at last, and `∝ √t`; both closed forms."""
    width, D, ts = 0.8, 0.6, jnp.linspace(0.0, 3.0, 31)
    grid = dqm.Grid(-20.0, 20.0, 192)
    stepper = dqm.SplitStep(dqm.Hamiltonian(dqm.Free(), mass=1 / (2 * D)), grid)
    run = dqm.solve(stepper, dqm.gaussian(grid, 0.0, width), ts)
    starts = width * jax.random.normal(KEY, (10_000, 1))
    law = Ordinary(lambda x, t: 0 * x, lambda x, t: 2 * D * jnp.eye(1))
    walks = {
        conservative_width: nelson(stepper, run, starts, jax.random.key(2), substeps=4),
        ordinary_width: ordinary(law, starts, ts, jax.random.key(3), substeps=2),
    }
    for closed, paths in walks.items():
        mean = paths.mean(lambda x: x[0] ** 2)
        error = np.abs(mean.value - closed(width, D, ts) ** 2)
        assert (error < 4 * mean.sampling_error + mean.step_error).all()
    late = jnp.array([1e4, 4e4])
    for closed, power in ((conservative_width, 1), (ordinary_width, 0.5)):
        first, second = closed(width, D, late)
        assert second / first == pytest.approx(4**power, rel=1e-3)


def test_bohm_with_a_mass_that_depends_on_place():
    """A particle stays at its quantile; by a `MassStep`, and by `Chebyshev` where m is constant."""
    grid = dqm.Grid(-10.0, 10.0, 128)
    x, ts = grid.points[0], jnp.linspace(0.0, 1.0, 41)
    psi = dqm.gaussian(grid, 0.0, 0.8, 0.7)
    starts = jnp.array([[-0.6], [0.4], [1.1]])
    hamiltonian = PositionDependentMass(1 + 0.4 * jnp.tanh(x) ** 2)
    stepper = MassStep(hamiltonian, grid)
    run = dqm.solve(stepper, psi, ts)
    paths = bohm(stepper, run, starts)
    totals = [
        scipy.interpolate.make_interp_spline(np.asarray(x), np.abs(state) ** 2, 5).antiderivative()
        for state in (psi, run.final)
    ]
    before, after = (
        total(at[:, 0]) for total, at in zip(totals, (starts, paths.positions[-1]), strict=True)
    )
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-6)
    constant = MassStep(PositionDependentMass(jnp.full(128, 1.3)), grid)
    chebyshev = dqm.Chebyshev(dqm.Hamiltonian(dqm.Free(), 1.3, rest_energy=300.0), grid)
    found = [bohm(s, dqm.solve(s, psi, ts), starts).positions for s in (constant, chebyshev)]
    np.testing.assert_allclose(*found, rtol=0, atol=1e-9)
    assert np.abs(found[0] - paths.positions).max() > 0.01
