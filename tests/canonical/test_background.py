"""The background field and the masses that it gives.

A random test asks for four standard errors, at a fixed key. The probability that correct code would
fail is 6e-5 for each number that it compares, below 1 % for each test.
"""

import contextlib

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax import fields, observables
from dqmjax.canonical import background
from dqmjax.canonical.background import (
    BackgroundField,
    MassStep,
    PositionDependentMass,
)

RING = dqm.Grid((0.0,), (2 * np.pi,), (16,))
LINE = dqm.Grid((-10.0,), (10.0,), (256,))
KEY = jax.random.key(8)
COARSE = dqm.Grid((-10.0,), (10.0,), (64,))
PLANE = dqm.Grid((-6.0, -5.0), (6.0, 5.0), (40, 36))


@contextlib.contextmanager
def no_checks_of_types():
    """Arguments as they reach the functions of a user."""
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)


def within_four_errors(samples, exact, least=0.0):
    """Whether the mean over the first axis agrees with `exact` within 4 standard errors."""
    error = np.std(samples, axis=0, ddof=1) / np.sqrt(len(samples)) + least
    return np.all(np.abs(np.mean(samples, axis=0) - exact) < 4 * error)


def test_time_mean_square_of_the_field():
    """η² from the amplitudes against samples, at every x of an envelope; the mean of φ is 0."""
    spectrum = 1 / (1 + RING.k[0] ** 2)
    envelope = 1 + 0.5 * jnp.cos(RING.points[0])
    field = BackgroundField(RING, spectrum, envelope, linewidth=2.0)
    ts = jnp.arange(64.0)
    phi = jax.vmap(lambda key: field.sample(key, ts))(jax.random.split(KEY, 200))
    got = jax.vmap(background.time_mean_square)(phi)
    x = np.arange(16) * 2 * np.pi / 16
    k = np.minimum(np.arange(16), 16 - np.arange(16))
    exact = (1 + 0.5 * np.cos(x)) ** 2 * np.sum(1 / (1.0 + k**2))
    np.testing.assert_allclose(field.eta**2, exact, rtol=1e-13)
    assert within_four_errors(got, exact)
    assert np.max(np.std(got, axis=0) / exact) < 0.2  # η² changes by a factor of 9
    for part in (phi.real, phi.imag):
        assert within_four_errors(np.mean(part, axis=1), 0.0)


def test_spectrum_and_correlation_in_time():
    """`⟨a_k*(0) a_k(t)⟩ = P_k e^{−iω_k t − γ|t|}`, of travelling waves e^{i(k·x − ω_k t)}."""
    spectrum = jnp.zeros(16).at[jnp.array([1, 3, 14])].set(jnp.array([2.0, 1.0, 0.5]))
    field = BackgroundField(RING, spectrum, light_speed=1.5, linewidth=0.4)
    ts = jnp.array([0.0, 0.3, 1.1])
    phi = jax.vmap(lambda key: field.sample(key, ts))(jax.random.split(KEY, 4000))
    a = np.fft.fft(phi, norm="forward")
    omega, lags = 1.5 * np.abs(RING.k[0]), np.array([0.3, 0.8])
    for i, lag in enumerate(lags):
        product = np.conj(a[:, i]) * a[:, i + 1]
        exact = np.asarray(spectrum) * np.exp(-(0.4 + 1j * omega) * lag)
        assert within_four_errors(product.real, exact.real, 1e-15)
        assert within_four_errors(product.imag, exact.imag, 1e-15)
    assert within_four_errors(np.abs(a[:, 2]) ** 2, spectrum, 1e-15)


def test_masses_of_several_couplings():
    field = BackgroundField(RING, jnp.full(16, 0.25), jnp.exp(jnp.sin(RING.points[0])))
    got = field.masses([0.5, 3.0])
    exact = np.outer([0.5, 3.0], 2 * np.exp(np.sin(RING.points[0]))) / 2
    np.testing.assert_allclose(got, exact, rtol=1e-14)


def eta_of(grid):
    """η with a slope that differs from point to point along every axis."""
    length = np.array(grid.upper) - np.array(grid.lower)
    phases = [2 * np.pi * x / n for x, n in zip(grid.points, length, strict=True)]
    return jnp.exp(sum(0.3 * jnp.sin(f + 0.4 * a) for a, f in enumerate(phases)))


def waves_on(grid, seed=0):
    """A random wave function that the grid does not resolve."""
    real, imag = np.random.default_rng(seed).normal(size=(2, *grid.shape))
    return jnp.asarray(real + 1j * imag)


@pytest.mark.parametrize("grid", [COARSE, PLANE], ids=["line", "plane"])
def test_hamiltonian_is_hermitian(grid):
    h = PositionDependentMass(eta_of(grid), dqm.Harmonic(0.7), 2.0, 0.8)
    phi, psi = waves_on(grid, 1), waves_on(grid, 2)
    left = jnp.vdot(phi, h.apply(grid, psi))
    right = jnp.vdot(h.apply(grid, phi), psi)
    assert abs(left - right) < 1e-14 * jnp.linalg.norm(phi) * jnp.linalg.norm(h.apply(grid, psi))


def test_hamiltonian_with_constant_mass():
    h = PositionDependentMass(jnp.full(COARSE.shape, 1.3), dqm.Harmonic(), 2.0, 0.8)
    usual = dqm.Hamiltonian(dqm.Harmonic(), 1.3, 0.8, rest_energy=1.3 * 4)
    psi = dqm.gaussian(COARSE, 0.4, 0.9, 0.7, 0.8, covariance=0.3)
    np.testing.assert_allclose(h.apply(COARSE, psi), usual.apply(COARSE, psi), atol=1e-12)
    for own, other in (
        (h.drift_velocity, fields.drift_velocity),
        (h.diffusion_velocity, fields.diffusion_velocity),
        (h.ledger, fields.ledger),
    ):
        got, exact = own(COARSE, psi), other(usual, COARSE, psi)
        np.testing.assert_allclose(np.array(got), np.array(exact), rtol=1e-10, atol=1e-12)


def test_order_of_mass_and_momentum():
    """`−(ħ²/2) (ψ'/m)'` by derivatives of the closed forms of ψ and m."""
    mass = lambda x: jnp.exp(0.3 * jnp.sin(np.pi * x / 10))
    psi = lambda x: jnp.exp(-(x**2) / 3 + 0.6j * x)
    d = lambda f: lambda x: jax.jvp(f, (x,), (1.0,))[1]
    exact = jax.vmap(d(lambda x: -(0.8**2) / 2 * d(psi)(x) / mass(x)))(LINE.points[0])
    rest = mass(LINE.points[0]) * 4.0 * psi(LINE.points[0])
    h = PositionDependentMass(mass(LINE.points[0]), dqm.Free(), 2.0, 0.8)
    got = h.apply(LINE, psi(LINE.points[0]))
    np.testing.assert_allclose(got, exact + rest, rtol=0, atol=1e-11)


@pytest.mark.parametrize("grid", [COARSE, PLANE], ids=["line", "plane"])
def test_equations_are_canonical(grid, smooth):
    """`∂ρ/∂t = −∇·(ρv)` from the wave equation, and `∂ρ/∂t = δH/δS` from the energy."""
    h = PositionDependentMass(eta_of(grid), dqm.Harmonic(0.3), 2.0, 0.8)
    rho, S = smooth(grid)
    psi = dqm.from_canonical(rho, S, 0.8)
    v = grid.gradient(S) / h.mass[..., None]
    flow = -grid.divergence(rho[..., None] * v)
    np.testing.assert_allclose(h.drift_velocity(grid, psi), v, rtol=0, atol=1e-9)
    of_wave = 2 / 0.8 * jnp.imag(psi.conj() * h.apply(grid, psi))
    d_rho, d_S = jax.grad(lambda *state: h.energy(grid, *state), (0, 1))(rho, S)
    for rate in (of_wave, d_S / grid.cell):
        np.testing.assert_allclose(rate, flow, rtol=0, atol=1e-8)
    S_rate = -jnp.real(h.apply(grid, psi) / psi)
    np.testing.assert_allclose(-d_rho / grid.cell, S_rate, rtol=0, atol=1e-8)


def test_energy_is_that_of_the_paper(smooth):
    """The integral of DQM II (8), with derivatives of ρ and S themselves; and its parts."""
    h = PositionDependentMass(eta_of(COARSE), dqm.Harmonic(0.3), 2.0, 0.8)
    rho, S = smooth(COARSE)
    m, (dS, drho) = h.mass, (COARSE.gradient(f)[:, 0] for f in (S, rho))
    v, u = dS / m, -0.8 / (2 * m) * drho / rho
    V = 0.3**2 * COARSE.points[0] ** 2 / 2
    exact = [COARSE.integrate(e * rho) for e in (m * v**2 / 2, m * u**2 / 2, V, 4.0 * m)]
    psi = dqm.from_canonical(rho, S, 0.8)
    np.testing.assert_allclose(np.array(h.ledger(COARSE, psi)), exact, rtol=1e-11)
    np.testing.assert_allclose(h.diffusion_velocity(COARSE, psi)[:, 0], u, rtol=0, atol=1e-10)
    assert h.energy(COARSE, rho, S) == pytest.approx(float(sum(exact)), rel=1e-12)


def test_step_against_diagonalisation():
    h = PositionDependentMass(eta_of(COARSE), dqm.Harmonic(0.5), 3.0, 0.8)
    psi = dqm.gaussian(COARSE, 0.5, 0.9, 0.6, 0.8)
    unit = jnp.eye(64, dtype=complex)
    matrix = np.array(jax.vmap(lambda e: h.apply(COARSE, e))(unit)).T
    energies, states = np.linalg.eigh(matrix)
    exact = states @ (np.exp(-1j * energies * 1.7 / 0.8) * (states.conj().T @ psi))
    got = dqm.solve(MassStep(h, COARSE), psi, jnp.array([0.0, 1.7])).final
    np.testing.assert_allclose(got, exact, rtol=0, atol=1e-10)


def test_step_has_a_gradient_with_respect_to_the_mass():
    psi = dqm.gaussian(COARSE, 0.5, 0.9, 0.6)

    def loss(scale):
        h = PositionDependentMass(scale * eta_of(COARSE), dqm.Harmonic(0.5))
        psi_t = MassStep(h, COARSE).make_step(jnp.asarray(0.7))(0.0, psi)
        return observables.mean_position(COARSE, psi_t)[0]

    loss = jax.jit(loss)
    got = jax.grad(loss)(1.2)
    assert got == pytest.approx(float(loss(1.2 + 1e-4) - loss(1.2 - 1e-4)) / 2e-4, rel=1e-6)


def test_reverse_mode_can_run_backwards():
    """Its gradient is that of a stored run."""
    psi = dqm.gaussian(COARSE, -0.5, 0.8, 0.6)

    def mean(mass, adjoint):
        stepper = MassStep(PositionDependentMass(mass), COARSE)
        final = dqm.solve(stepper, psi, jnp.array([0.0, 0.6]), substeps=3, adjoint=adjoint).final
        return COARSE.integrate(COARSE.points[0] * jnp.abs(final) ** 2)

    mass = 1 + 0.3 * jnp.tanh(COARSE.points[0]) ** 2
    slopes = [jax.grad(mean)(mass, a) for a in (dqm.Direct(), dqm.Reversible())]
    assert np.abs(slopes[0]).max() > 1e-3
    np.testing.assert_allclose(*slopes, rtol=0, atol=1e-10)


def test_a_step_that_is_too_long_is_refused():
    h = PositionDependentMass(eta_of(COARSE))
    psi = dqm.gaussian(COARSE, 0.5, 0.9)
    with pytest.raises(RuntimeError, match="too long"):
        dqm.solve(MassStep(h, COARSE), psi, jnp.array([0.0, 1e5]))


def test_acceleration_in_closed_form():
    x = LINE.points[0]
    got = background.acceleration(LINE, 5 * jnp.exp(0.3 * jnp.sin(np.pi * x / 10)), 3.0)
    exact = -9 * 0.3 * np.pi / 10 * np.cos(np.pi * x / 10)
    np.testing.assert_allclose(got[:, 0], exact, rtol=0, atol=1e-11)


@jax.jit
def excess(coupling, velocity, light_speed):
    """`d²⟨x⟩/dt² / (−c²⟨∇ln η⟩) − 1` of a packet at the start, from ⟨x⟩ at −dt, 0 and dt."""
    eta = eta_of(LINE)
    h = PositionDependentMass(coupling * eta / 2, light_speed=light_speed)
    psi = dqm.gaussian(LINE, 0.0, 0.5, 0.0)
    psi = psi * jnp.exp(1j * velocity * coupling / 2 * LINE.points[0])  # m = g/2 at x = 0
    dt = 0.02 / light_speed
    step = MassStep(h, LINE).make_step(dt)
    states = (step(-dt, psi.conj()).conj(), psi, step(0.0, psi))  # the first by time reversal
    before, now, after = (observables.mean_position(LINE, s)[0] for s in states)
    expected = background.acceleration(LINE, eta, light_speed)[:, 0]
    mean = LINE.integrate(expected * jnp.abs(psi) ** 2)
    return (after - 2 * now + before) / dt**2 / mean - 1


def test_all_particles_have_the_same_acceleration():
    """`d²⟨x⟩/dt² = −c²⟨∇ln η⟩ (1 + ⟨v² + u²⟩/2c²)` to that order, for two couplings.

    Classically `ẍ = −(ln m)' (c² − v²/2) − v² (ln m)'`, the first term from the force, the second
    from the changing mass. A packet of width w at rest has `⟨u²⟩ = (ħ/2mw)²`.
    """
    for coupling in (20.0, 40.0):
        at_rest, slow, fast = (excess(coupling, v, 10.0) for v in (0.0, 0.5, 1.0))
        assert at_rest == pytest.approx((1 / (coupling / 2)) ** 2 / (2 * 10.0**2), rel=0.1)
        assert (slow - at_rest) / 0.05**2 == pytest.approx(0.5, rel=0.02)
        assert (fast - at_rest) / (slow - at_rest) == pytest.approx(4, rel=1e-4)
        assert slow / excess(coupling, 0.5, 20.0) == pytest.approx(4, rel=0.01)
    assert excess(20.0, 0.5, 10.0) == pytest.approx(float(excess(40.0, 0.5, 10.0)), abs=5e-5)


FIELD = {"grid": RING, "spectrum": jnp.ones(16)}
SAMPLE = lambda **given: BackgroundField(**FIELD).sample(**given)
MASSES = lambda **given: BackgroundField(**FIELD).masses(**given)
ON_GRID = lambda mass: PositionDependentMass(mass).apply(RING, jnp.ones(16) + 0j)
DRIVEN = lambda potential: PositionDependentMass(jnp.ones(16), potential).potential_on(RING)


@pytest.mark.parametrize(
    ("call", "good", "name", "bad"),
    [
        (BackgroundField, FIELD, "spectrum", -jnp.ones(16)),
        (BackgroundField, FIELD, "spectrum", jnp.zeros(16)),
        (BackgroundField, FIELD, "spectrum", jnp.ones(15)),
        (BackgroundField, FIELD, "envelope", jnp.ones(15)),
        (BackgroundField, FIELD, "envelope", jnp.full(16, jnp.nan)),
        (BackgroundField, FIELD, "linewidth", 0.0),
        (BackgroundField, FIELD, "light_speed", -1.0),
        (SAMPLE, {"key": KEY, "ts": [0.0]}, "key", None),
        (SAMPLE, {"key": KEY, "ts": [0.0]}, "key", 3),
        (SAMPLE, {"key": KEY, "ts": [0.0]}, "ts", [1.0, 0.0]),
        (MASSES, {}, "couplings", [1.0, -2.0]),
        (MASSES, {}, "couplings", 1.0),
        (background.time_mean_square, {}, "samples", 1.0),
        (PositionDependentMass, {}, "mass", jnp.array([1.0, 0.0])),
        (PositionDependentMass, {}, "mass", jnp.array([1.0, -1.0])),
        (PositionDependentMass, {"mass": jnp.ones(16)}, "hbar", 0.0),
        (PositionDependentMass, {"mass": jnp.ones(16)}, "potential", 1.0),
        (ON_GRID, {}, "mass", jnp.ones(15)),
        (DRIVEN, {}, "potential", lambda x, t: x[0] * t),
        (DRIVEN, {}, "potential", lambda x, t: 1j * x[0]),
        (background.acceleration, {"grid": RING, "eta": jnp.ones(16)}, "eta", jnp.ones(15)),
        (background.acceleration, {"grid": RING, "eta": jnp.ones(16)}, "eta", jnp.arange(16.0)),
        (background.acceleration, {"grid": RING, "eta": jnp.ones(16)}, "light_speed", 0.0),
    ],
)
def test_bad_input_is_refused_by_name(call, good, name, bad):
    with no_checks_of_types(), pytest.raises(dqm.InputError, match=f"`{name}`"):
        call(**good | {name: bad})


def test_a_field_with_zeros_gives_no_masses():
    field = BackgroundField(RING, jnp.ones(16), jnp.sin(RING.points[0]))
    with pytest.raises(dqm.InputError, match="`eta` must be positive at every point"):
        field.masses([1.0])


def test_traced_bad_values_are_nan():
    mass = jnp.ones(16).at[3].set(-1.0)
    apply = jax.jit(lambda m: PositionDependentMass(m).apply(RING, jnp.ones(16) + 0j))
    assert np.isnan(apply(mass)).any()
    assert np.isnan(jax.jit(lambda e: background.acceleration(RING, e))(mass)).all()
