import jax
import jax.numpy as jnp
import numpy as np
import pytest
from systems import exact_evolution

import dqmjax as dqm
from dqmjax import fields, observables

HBAR, MASS = 0.8, (1.3, 0.9)
GRID = dqm.Grid((-9.0, -9.0), (9.0, 9.0), (96, 96))
CENTER, WIDTH, MOMENTUM, COVARIANCE = (0.4, -0.2), (0.8, 0.9), (0.7, -0.3), (0.3, -0.2)
H = dqm.Hamiltonian(dqm.Harmonic((1.0, 1.4)), MASS, HBAR)
PSI = dqm.gaussian(GRID, CENTER, WIDTH, MOMENTUM, HBAR, covariance=COVARIANCE)


def per_axis(values):
    return np.array(values).reshape(-1, 1, 1)


def lit(field):
    """Where ρ is large enough for quotients by it."""
    return np.asarray(field)[np.abs(PSI) > 1e-3 * np.abs(PSI).max()]


def test_velocities_of_a_packet():
    """`v = (p + σ(x − c)/w²)/m` and `u = ħ(x − c)/2mw²`."""
    away = (GRID.points - per_axis(CENTER)) / per_axis(WIDTH) ** 2
    v = (per_axis(MOMENTUM) + per_axis(COVARIANCE) * away) / per_axis(MASS)
    u = HBAR / (2 * per_axis(MASS)) * away
    for got, exact in (
        (fields.drift_velocity(H, GRID, PSI), v),
        (fields.diffusion_velocity(H, GRID, PSI), u),
    ):
        np.testing.assert_allclose(lit(got), lit(np.moveaxis(exact, 0, -1)), rtol=0, atol=1e-8)


def test_quantum_potential_of_a_packet():
    """`U_q = Σ (ħ²/4mw²)(1 − (x − c)²/2w²)`, its mean the localization energy."""
    away = (GRID.points - per_axis(CENTER)) ** 2 / (2 * per_axis(WIDTH) ** 2)
    exact = np.sum(HBAR**2 / (4 * per_axis(MASS) * per_axis(WIDTH) ** 2) * (1 - away), axis=0)
    got = fields.quantum_potential(H, GRID, PSI)
    np.testing.assert_allclose(lit(got), lit(exact), rtol=0, atol=1e-7)
    mean = GRID.integrate(got * jnp.abs(PSI) ** 2)
    assert mean == pytest.approx(float(fields.ledger(H, GRID, PSI).localization), abs=1e-11)


def test_ledger_of_a_packet():
    book = fields.ledger(H, GRID, PSI)
    w, m, s = (np.array(a) for a in (WIDTH, MASS, COVARIANCE))
    assert book.localization == pytest.approx(np.sum(HBAR**2 / (8 * m * w**2)), abs=1e-12)
    drift = np.sum((np.array(MOMENTUM) ** 2 + (s / w) ** 2) / (2 * m))
    assert book.drift == pytest.approx(drift, abs=1e-12)
    assert book.total == pytest.approx(float(observables.energy(H, GRID, PSI)), abs=1e-12)


def test_ledger_adds_up_on_a_node():
    """A grid point where ψ is exactly 0 and its slope greatest."""
    grid = dqm.Grid((-9.0,), (9.0,), (96,))
    psi, h = dqm.oscillator(grid, 1), dqm.Hamiltonian(dqm.Harmonic())
    assert psi[48] == 0
    book = fields.ledger(h, grid, psi)
    assert book.drift == pytest.approx(0, abs=1e-14)
    assert book.localization == pytest.approx(0.75, abs=1e-12)
    assert book.total == pytest.approx(1.5, abs=1e-12)
    for field in (fields.drift_velocity, fields.diffusion_velocity, fields.quantum_potential):
        assert np.isfinite(field(h, grid, psi)).all()


def test_uncertainty_is_minimal_for_a_packet():
    np.testing.assert_allclose(fields.uncertainty_product(H, GRID, PSI), HBAR**2 / 4, rtol=1e-11)
    line = dqm.Grid((-9.0,), (9.0,), (96,))
    product = fields.uncertainty_product(
        dqm.Hamiltonian(dqm.Harmonic()), line, dqm.oscillator(line, 1)
    )
    assert product[0] == pytest.approx(9 / 4, abs=1e-11)


def test_cross_term_is_the_rate_of_change_of_the_entropy():
    """`Σ ∫ m v·u ρ = (ħ/2) d(−∫ρ ln ρ)/dt`, and 0 for a stationary density."""
    step = 1e-3
    run = dqm.solve(dqm.SplitStep(H, GRID), PSI, step * np.arange(5.0), substeps=2)
    e = [float(fields.entropy(GRID, psi)) for psi in run.saved]
    rate = (e[0] - 8 * e[1] + 8 * e[3] - e[4]) / (12 * step)
    cross = float(fields.cross_term(H, GRID, run.saved[2]))
    assert abs(cross) > 0.01
    assert cross == pytest.approx(HBAR / 2 * rate, rel=1e-8)
    w = np.array(WIDTH)
    assert e[0] == pytest.approx(np.sum(np.log(2 * np.pi * np.e * w**2) / 2), abs=1e-11)
    line = dqm.Grid((-9.0,), (9.0,), (96,))
    still = fields.cross_term(dqm.Hamiltonian(dqm.Harmonic()), line, dqm.oscillator(line, 2))
    assert still == pytest.approx(0, abs=1e-13)


def book_of(h, grid):
    return lambda state: fields.ledger(h, grid, dqm.from_canonical(*state))


@pytest.mark.slow
def test_ledger_while_a_packet_crosses_a_barrier():
    """Drift energy changes to localization and potential energy and partly back; the sum is
    conserved. Each part agrees with diagonalisation."""
    grid = dqm.Grid((-14.0,), (14.0,), (128,))
    h = dqm.Hamiltonian(dqm.SechBarrier(2.5, 1.5), rest_energy=3.0)
    psi = dqm.gaussian(grid, -4.0, 0.8, 2.0)
    ts = np.linspace(0, 4.0, 9)
    stepper, save = dqm.CanonicalStep(h, grid), book_of(h, grid)
    run = dqm.solve(stepper, dqm.to_canonical(psi), ts, substeps=80, save=save)
    book = jax.jit(lambda psi: fields.ledger(h, grid, psi))
    for t, *parts in zip(ts, *run.saved, strict=True):
        exact = book(exact_evolution(h, grid, psi, t))
        np.testing.assert_allclose(parts, exact, rtol=0, atol=1e-10)
    total = run.saved.total
    np.testing.assert_allclose(total, total[0], rtol=0, atol=1e-10)
    np.testing.assert_allclose(run.saved.rest, 3, rtol=0, atol=1e-11)
    drift = np.asarray(run.saved.drift)
    assert drift.min() < 0.6 * drift[0]
    assert drift[-1] > 1.5 * drift.min()
    assert run.saved.localization.max() > 2 * run.saved.localization[2]  # fringes at the barrier


def test_rest_energy_changes_phases_only():
    """S decreases by E₀t and nothing else changes, in both pictures."""
    grid = dqm.Grid((-7.0,), (7.0,), (48,))
    psi, t = dqm.gaussian(grid, 0.5, 0.7, 0.3), 0.6
    finals = []
    for rest in (0.0, 2.5):
        h = dqm.Hamiltonian(dqm.Harmonic(), rest_energy=jnp.array(rest))
        for stepper in (
            dqm.SplitStep(h, grid),
            dqm.Chebyshev(h, grid),
            dqm.AtlasStep(dqm.CanonicalEnergy(h, grid), grid),
        ):
            is_wave = not isinstance(stepper, dqm.AtlasStep)
            start = psi if is_wave else dqm.to_canonical(psi)
            final = dqm.solve(stepper, start, np.array([0.0, t]), substeps=60).final
            finals.append(final if is_wave else dqm.from_canonical(*final))
    turned = finals[0] * np.exp(-2.5j * t)
    for final in finals[3:]:
        np.testing.assert_allclose(final, turned, rtol=0, atol=1e-11)


ONE = dqm.Hamiltonian(dqm.Harmonic((1.0, 1.4)), MASS[0], HBAR)


def test_relativistic_energy_against_its_expansion():
    """`mc² + H + cross term + (3m/8c²)⟨|v + u|⁴⟩ + …`, its moments those of a Gaussian."""
    book, cross = (f(ONE, GRID, PSI) for f in (fields.ledger, fields.cross_term))

    def remainder(c):
        energy = fields.relativistic_energy(ONE, GRID, PSI, c)
        return float(energy - MASS[0] * c**2 - book.total - cross) * c**2

    # v + u is linear in x: mean p/m, standard deviation (σ + ħ/2)/(m w) along each axis
    mean = np.array(MOMENTUM) / MASS[0]
    spread = ((np.array(COVARIANCE) + HBAR / 2) / (MASS[0] * np.array(WIDTH))) ** 2
    second, fourth = mean**2 + spread, mean**4 + 6 * mean**2 * spread + 3 * spread**2
    exact = 3 / 8 * MASS[0] * (fourth.sum() + 2 * second.prod())
    assert abs(cross) > 0.01
    assert (4 * remainder(80.0) - remainder(40.0)) / 3 == pytest.approx(exact, rel=1e-5)


@pytest.mark.parametrize(
    ("hamiltonian", "light_speed", "message"),
    [
        (ONE, 1.5, "`light_speed` must exceed"),
        (H, 50.0, "`mass` must be one number"),
        (ONE, 0.0, "`light_speed` must be positive"),
    ],
)
def test_relativistic_energy_without_meaning_is_refused(hamiltonian, light_speed, message):
    with pytest.raises(dqm.InputError, match=message):
        fields.relativistic_energy(hamiltonian, GRID, PSI, light_speed)


@pytest.mark.parametrize(
    "field",
    [
        fields.drift_velocity,
        fields.diffusion_velocity,
        fields.quantum_potential,
        fields.ledger,
        fields.uncertainty_product,
        fields.cross_term,
        lambda h, grid, psi: fields.entropy(grid, psi),
    ],
)
def test_wave_functions_that_are_none_are_refused(field):
    h, line = dqm.Hamiltonian(dqm.Free()), dqm.Grid(-4.0, 4.0, 16)
    for psi, message in [
        (jnp.ones(15) + 0j, "`psi` must have shape"),
        (jnp.ones((16, 1)) + 0j, "`psi` must have shape"),
        (jnp.ones(16).at[3].set(jnp.nan) + 0j, "`psi` must be finite"),
    ]:
        with pytest.raises(dqm.InputError, match=message):
            field(h, line, psi)


def test_a_traced_state_faster_than_light_has_no_energy():
    h, line = dqm.Hamiltonian(dqm.Free()), dqm.Grid(-6.0, 6.0, 48)
    energy = jax.jit(lambda psi, c: fields.relativistic_energy(h, line, psi, c))
    psi = dqm.gaussian(line, 0.0, 0.7)
    assert jnp.isfinite(energy(psi, 100.0))
    assert jnp.isnan(energy(psi, 0.5))
    assert jnp.isnan(energy(psi, -100.0))


def test_a_millionth_faster_than_light_is_too_much():
    """|u| reaches c five standard deviations from the centre."""
    line, width = dqm.Grid(-8.0, 8.0, 128), 0.7
    psi = dqm.gaussian(line, 0.0, width)
    with pytest.raises(dqm.InputError, match="`light_speed` must exceed"):
        fields.relativistic_energy(dqm.Hamiltonian(dqm.Free()), line, psi, 5 / (2 * width))
