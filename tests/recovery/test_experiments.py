"""Recovery from what is not a Husimi density: ψ, (ρ, S), spectra, draws; and from many modes."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from systems import KERR, exact_evolution

import dqmjax as dqm
from dqmjax.fock_bargmann.readout import sample
from dqmjax.grid import density
from dqmjax.recovery.problem import Problem
from dqmjax.wave.observables import fidelity as fidelity_of

GRID = dqm.Grid((-6.0,), (6.0,), (64,))
TIMES = np.linspace(0, 2, 10)


def well(depth, half_distance):
    return dqm.Hamiltonian(dqm.DoubleWell(depth, half_distance))


def densities(hamiltonian, psi, times):
    """By diagonalisation, not by a stepper."""
    moved = (exact_evolution(hamiltonian, GRID, psi, t) for t in times)
    return np.stack([np.asarray(density(state)) for state in moved])


@pytest.fixture(scope="module")
def packet():
    return dqm.gaussian(GRID, -1.5, 0.5)


@pytest.fixture(scope="module")
def tunnelling(packet):
    return dqm.Series(TIMES, densities(well(1.0, 1.5), packet, TIMES))


def tunnelled(packet, depth=1.8, half_distance=1.2):
    hamiltonian = well(jnp.array(depth), jnp.array(half_distance))
    return dqm.Evolution(dqm.SplitStep(hamiltonian, GRID), packet, density, substeps=20)


def test_double_well_from_densities(packet, tunnelling):
    result = dqm.recover(tunnelling, tunnelled(packet))
    assert result.estimate["depth"] == pytest.approx(1.0, abs=1e-8)
    assert result.estimate["half_distance"] == pytest.approx(1.5, abs=1e-8)
    assert result.goodness.describes_data


@pytest.mark.slow
def test_wrong_potential_is_rejected(packet, tunnelling):
    hamiltonian = dqm.Hamiltonian(dqm.Anharmonic(jnp.array(0.5), 0.0, jnp.array(0.1)))
    wrong = dqm.Evolution(dqm.SplitStep(hamiltonian, GRID), packet, density, substeps=20)
    assert not dqm.recover(tunnelling, wrong).goodness.describes_data


def test_prepared_state_is_estimated_too(tunnelling):
    class Packet(dqm.AbstractExperiment):
        center: jax.Array
        depth: jax.Array

        def predict(self, times, where):
            stepper = dqm.SplitStep(well(self.depth, 1.5), GRID)
            psi = dqm.gaussian(GRID, self.center, 0.5)
            run = dqm.solve(stepper, psi, times, substeps=20, save=density, throw=False)
            return run.saved, run.status

    result = dqm.recover(tunnelling, Packet(jnp.array(-1.3), jnp.array(1.2)))
    assert result.estimate["center"] == pytest.approx(-1.5, abs=1e-8)
    assert result.estimate["depth"] == pytest.approx(1.0, abs=1e-8)


@pytest.fixture(scope="module")
def free_form():
    """A potential of 24 numbers from noisy densities: data, where ρ is, and the true V."""
    psi, times = dqm.gaussian(GRID, -1.0, 0.6, 1.0), np.linspace(0, 3, 25)
    rho = densities(well(1.0, 1.5), psi, times)
    sigma = 3e-4 * rho.max()
    noise = sigma * np.random.default_rng(0).normal(size=rho.shape)
    data = dqm.Series(times, rho + noise, sigma, points=np.asarray(GRID.points.T))
    guess = dqm.Spline(jnp.linspace(-4.4, 4.4, 24) ** 2, -4.0, 4.0)
    stepper = dqm.SplitStep(dqm.Hamiltonian(guess), GRID)
    return data, dqm.Evolution(stepper, psi, density, substeps=12), rho


def smooth(experiment):
    """Third differences of the order of one, and the mean, which no density tells, near 0."""
    c = experiment.stepper.hamiltonian.potential.coefficients
    return jnp.append(jnp.diff(c, 3), c.mean())


@pytest.mark.slow
def test_potential_of_any_form(free_form):
    data, experiment, rho = free_form
    result = dqm.recover(data, experiment, prior=smooth)
    found = dqm.Hamiltonian(dqm.Spline(jnp.asarray(result.vector), -4.0, 4.0))
    where, weight = rho.max(axis=0) > 0.01 * rho.max(), rho.mean(axis=0)
    exact = np.asarray(well(1.0, 1.5).potential_on(GRID))
    error = (np.asarray(found.potential_on(GRID)) - exact)[where]
    error -= np.average(error, weights=weight[where])
    assert np.abs(error).max() < 0.01 * np.ptp(exact[where])
    assert all(result.identifiable.values())
    assert result.goodness.describes_data


@pytest.mark.slow
def test_more_parameters_than_a_jacobian_is_worth(packet):
    """V at 72 places by L-BFGS, from the truth disturbed: as likely as the truth in the end."""
    times = np.linspace(0, 1, 4)
    psi = dqm.gaussian(GRID, 0.0, 0.8)
    hamiltonian = dqm.Hamiltonian(dqm.Harmonic())
    rho = densities(hamiltonian, psi, times)
    sigma = 1e-3
    data = dqm.Series(times, rho + sigma * np.random.default_rng(0).normal(size=rho.shape), sigma)
    guess = dqm.Spline(0.3 * jnp.linspace(-6, 6, 72) ** 2, -6.0, 6.0)
    stepper = dqm.SplitStep(dqm.Hamiltonian(guess), GRID)
    experiment = dqm.Evolution(stepper, psi, density, substeps=2)
    bends = lambda e: 3 * jnp.diff(e.stepper.hamiltonian.potential.coefficients, 3)
    result = dqm.recover(data, experiment, prior=bends)
    true_chi2 = np.sum((data.measured - rho) ** 2) / sigma**2
    assert result.goodness.chi2 < true_chi2
    assert result.goodness.chi2 > true_chi2 - 72


def test_reverse_mode_stores_no_more_steps_than_it_must(packet):
    unitary = tunnelled(packet)
    assert isinstance(unitary.for_reverse_mode().adjoint, dqm.Reversible)
    edges = dqm.DoubleWell(jnp.array(1.0), 1.5) + dqm.AbsorbingEdges(-6.0, 6.0, 2.0, 3.0)
    lossy = dataclasses.replace(unitary, stepper=dqm.SplitStep(dqm.Hamiltonian(edges), GRID))
    assert isinstance(lossy.for_reverse_mode().adjoint, dqm.Checkpointed)
    chosen = dataclasses.replace(unitary, adjoint=dqm.Checkpointed())
    assert chosen.for_reverse_mode() is chosen


def spreading(seed, relative=0.01):
    """A free packet's closed-form density at nine times, ħ = 1, with noise; and its sensitivity."""
    times, x = np.linspace(0, 2, 9), np.asarray(GRID.points[0])

    def exact(hbar):
        width = 0.7 * np.sqrt(1 + (hbar * times[:, None] / (2 * 0.49)) ** 2)
        return np.exp(-((x - 0.3 * times[:, None]) ** 2) / (2 * width**2)) / (
            width * np.sqrt(2 * np.pi)
        )

    sigma = relative * exact(1.0).max()
    noise = sigma * np.random.default_rng(seed).normal(size=(9, 64))
    slope = (exact(1 + 1e-5) - exact(1 - 1e-5)) / 2e-5
    bound = sigma / np.sqrt(np.sum(slope**2))
    return dqm.Series(times, exact(1.0) + noise, sigma), bound


def test_how_quantum_a_diffusion_is():
    """ħ/m of (ρ, S): errors as large as claimed, and as Cramér and Rao allow.

    False-alarm probability 3 % for eight other draws.
    """
    rho, S = dqm.to_canonical(dqm.gaussian(GRID, 0.0, 0.7, 0.3))
    motion = dqm.CanonicalStep(dqm.Hamiltonian(dqm.Free(), hbar=jnp.array(1.3)), GRID)
    experiment = dqm.Evolution(motion, (rho, S), lambda state: state[0], substeps=2)
    pulls = []
    for seed in range(8):
        data, bound = spreading(seed)
        result = dqm.recover(data, experiment)
        assert result.stderr["hbar"] == pytest.approx(bound, rel=0.2)
        assert result.cramer_rao["hbar"] == pytest.approx(bound, rel=0.02)
        pulls.append((result.estimate["hbar"] - 1) / result.stderr["hbar"])
    assert np.max(np.abs(pulls)) < 3
    assert 0.4 < np.std(pulls) < 1.8


@pytest.mark.slow
def test_moments_determine_the_potential(packet):
    """⟨x⟩ and ⟨x²⟩."""
    states = [exact_evolution(well(1.0, 1.5), GRID, packet, t) for t in TIMES]
    moments = lambda psi: jnp.stack(
        [GRID.integrate(GRID.points[0] ** k * density(psi)) for k in (1, 2)]
    )
    data = dqm.Series(TIMES, np.stack([np.asarray(moments(s)) for s in states]))
    experiment = dataclasses.replace(tunnelled(packet, 1.2, 1.4), observe=moments)
    result = dqm.recover(data, experiment)
    assert result.estimate["depth"] == pytest.approx(1.0, abs=1e-7)


@pytest.fixture(scope="module")
def counted_fidelity(packet):
    """Data of a seed, and the experiment: overlaps with the state at the last time, of 1 there."""
    states = [exact_evolution(well(1.0, 1.5), GRID, packet, t) for t in TIMES]
    fidelity = lambda state: fidelity_of(GRID, states[-1], state)
    shots, parts = 10_000, np.clip([float(fidelity(s)) for s in states], 0, 1)
    counts = lambda seed: np.random.default_rng(seed).binomial(shots, parts) / shots
    data = lambda seed: dqm.Series(TIMES, counts(seed), shots=shots)
    return data, dataclasses.replace(tunnelled(packet, 1.1, 1.45), observe=fidelity)


@pytest.mark.slow
def test_fidelity_determines_the_potential(counted_fidelity):
    """Where a probability is 1 the expected information is that of one combination only.

    False-alarm probability 1e-4 for another draw.
    """
    data, experiment = counted_fidelity
    result = dqm.recover(data(2), experiment)
    for name, value in (("depth", 1.0), ("half_distance", 1.5)):
        assert abs(result.estimate[name] - value) < 4 * result.stderr[name] < 0.1
        assert result.stderr[name] < result.cramer_rao[name] / 5
    assert result.goodness.describes_data


@pytest.mark.slow
def test_curvature_of_what_is_not_smooth_is_not_used(counted_fidelity):
    """Between p = 1 and what the shots can tell from it the deviance has a kink."""
    data, experiment = counted_fidelity
    result = dqm.recover(data(0), experiment)
    assert result.stderr == pytest.approx(result.cramer_rao, rel=1e-9)


def test_spectral_lines():
    """x²ω²/2 + λx⁴: levels from diagonalisation in number states, not on the grid."""
    n = 80
    a = np.diag(np.sqrt(np.arange(1, n)), 1)
    x = (a + a.T) / np.sqrt(2)
    p2 = -((a - a.T) @ (a - a.T)) / 2
    levels = np.linalg.eigvalsh((p2 + 1.21 * x @ x) / 2 + 0.05 * x @ x @ x @ x)[:6]
    grid = dqm.Grid((-8.0,), (8.0,), (64,))
    potential = dqm.Anharmonic(jnp.array(1.0), 0.0, jnp.array(0.1))
    experiment = dqm.Levels(dqm.Hamiltonian(potential), grid, 6)
    pairs = np.array([[1, 0], [2, 0], [3, 1], [5, 0]])
    for data in (
        dqm.Lines(levels),
        dqm.Lines(levels[pairs[:, 0]] - levels[pairs[:, 1]], 1e-6, pairs),
    ):
        result = dqm.recover(data, experiment)
        assert result.estimate["omega"] == pytest.approx(1.1, abs=1e-7)
        assert result.estimate["quartic"] == pytest.approx(0.05, abs=1e-7)


DRAWN = KERR | {"alpha_re": 0.8, "alpha_im": 0.2}


@pytest.fixture(scope="module")
def pool():
    """Samples from Kerr densities, enough for several experiments."""
    basis, times = dqm.FockBargmann(14), np.linspace(0, 0.9, 5)
    flow = dqm.FokkerPlanck(dqm.Kerr(KERR["interaction"], KERR["omega"]))
    alpha = DRAWN["alpha_re"] + 1j * DRAWN["alpha_im"]
    states = dqm.solve(dqm.HusimiStep(flow, basis), basis.coherent(alpha), times).saved
    keys = jax.random.split(jax.random.key(0), len(times))
    return times, np.stack([sample(k, basis, s, 3200) for k, s in zip(keys, states, strict=True)])


@pytest.mark.slow
def test_samples_of_heterodyne_detection(pool):
    """Pulls of one fit are correlated by about a half: the mean over four is 0 ± 0.35.

    False-alarm probability 1 % for other samples.
    """
    times, points = pool
    pulls = []
    for part in np.split(points, 4, axis=1):
        result = dqm.recover(dqm.Samples(times, part, np.ones(1)), "kerr")
        assert result.goodness.describes_data
        pulls.append([(result.estimate[n] - x) / result.stderr[n] for n, x in DRAWN.items()])
    assert abs(np.mean(pulls)) < 1.0
    assert 0.5 < np.std(pulls) < 1.6


@pytest.mark.slow
def test_samples_of_another_system_are_rejected(pool):
    times, points = pool
    data = dqm.Samples(times, points[:, :800], np.ones(1))
    result = dqm.recover(data, "kerr", fix={"C": 0.6})
    assert not result.goodness.describes_data


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fix": {"depth": 1.0, "half_distance": 1.0}}, "all parameters are fixed"),
        ({"bounds": {"depth": (2.0, 3.0)}}, "`bounds` of 'depth' must include its start, but"),
        ({"bounds": {"depth": (3.0, 2.0)}}, "`bounds` of 'depth' must increase"),
        ({"bounds": {"deep": (0.0, 3.0)}}, "'deep' of `bounds` is unknown"),
        ({"prior": lambda e: jnp.zeros(3)}, "`prior` needs data with a known noise level"),
        ({"starts": {"depth": [1.0, 2.0], "half_distance": [1.0]}}, "arrays of one length"),
    ],
)
def test_bad_problems_are_refused(packet, tunnelling, change, message):
    with pytest.raises(dqm.InputError, match=message):
        dqm.recover(tunnelling, tunnelled(packet), **change)


SAMPLES = dqm.Samples(TIMES, np.arange(100.0).reshape(10, 5, 2), np.ones(1))


def norm_of(packet):
    observe = lambda psi: GRID.integrate(density(psi))
    return dataclasses.replace(tunnelled(packet), observe=observe)


def levels(packet):
    return dqm.Levels(well(jnp.array(1.0), 1.5), GRID, 3)


@pytest.mark.parametrize(
    ("data", "model", "message"),
    [
        (dqm.Series(TIMES, np.ones((10, 50))), tunnelled, "50 numbers in 10 rows, but predicts 64"),
        (dqm.Series(TIMES[:2], np.ones((2, 1))), norm_of, "must hold more than the 2 numbers"),
        (dqm.Series(TIMES, np.ones((10, 64))), lambda _: "kerr", "must be an experiment"),
        (dqm.Lines(np.arange(3.0)), tunnelled, "time evolution needs `data` with times"),
        (SAMPLES, tunnelled, "Samples need an experiment"),
        (dqm.Series(TIMES, np.ones(10)), levels, "must be `Lines`, without times"),
    ],
)
def test_data_and_experiment_must_fit(packet, data, model, message):
    with pytest.raises(dqm.InputError, match=message):
        dqm.recover(data, model(packet))


@pytest.mark.parametrize("pairs", [[[7, 0], [9, 0]], [[1, 0], [3, 0]]])
def test_transitions_beyond_the_levels_are_refused(packet, pairs):
    data = dqm.Lines(np.ones(2), transitions=pairs)
    with pytest.raises(dqm.InputError, match="must be between levels 0 … 2: raise `count`"):
        dqm.recover(data, levels(packet))
    with pytest.raises(dqm.InputError, match="must be between levels 0 … 2: raise `count`"):
        levels(packet).predict(None, np.array(pairs))


@pytest.mark.parametrize("pairs", [[[7, 0]], [[-1, 0]]])
def test_traced_transitions_beyond_the_levels_are_nan(packet, pairs):
    values = jax.jit(lambda where: levels(packet).predict(None, where)[0])(jnp.array(pairs))
    assert np.isnan(values).all()


def test_undetermined_parameters_are_reported(packet, tunnelling):
    """A constant energy turns phases, and densities do not tell."""
    hamiltonian = dqm.Hamiltonian(dqm.DoubleWell(jnp.array(1.2), 1.5), rest_energy=jnp.array(3.0))
    blind = dqm.Evolution(dqm.SplitStep(hamiltonian, GRID), packet, density, substeps=20)
    result = dqm.recover(tunnelling, blind)
    assert not result.identifiable["rest_energy"]
    assert result.estimate["depth"] == pytest.approx(1.0, abs=1e-8)
    assert result.stderr["depth"] < 1e-6


def test_what_the_data_cannot_see_does_not_lead_astray(packet, tunnelling, monkeypatch):
    """No step from near the truth leads far from it."""
    tried, predict = [], Problem.predict

    def watched(self, vector):
        tried.append(np.array(vector))
        return predict(self, vector)

    monkeypatch.setattr(Problem, "predict", watched)
    hamiltonian = dqm.Hamiltonian(
        dqm.DoubleWell(jnp.array(1.001), jnp.array(1.499)), rest_energy=jnp.array(3.0)
    )
    dqm.recover(tunnelling, dqm.Evolution(dqm.SplitStep(hamiltonian, GRID), packet, density))
    assert np.abs(np.array(tried) - tried[0]).max() < 0.1


@pytest.fixture(scope="module")
def standing():
    """A density that does not move, at three times."""
    basis, axis = dqm.FockBargmann(9), np.linspace(-3, 3, 9)
    points = np.stack(np.meshgrid(axis, axis)).reshape(2, -1).T
    rho = np.asarray(basis.density(basis.coherent(0.2), jnp.asarray(points)))
    return dqm.Snapshots(np.arange(3.0), points, np.tile(rho, (3, 1)), np.ones(1), 1.0, 1.0)


def test_start_that_is_nearly_zero_moves(standing):
    model = dqm.FokkerPlanck(dqm.Kerr(0.0, jnp.array(0.1)))
    result = dqm.recover(standing, model, cutoff=9, start={"alpha_re": 1e-15})
    assert result.origin == "start"
    assert result.estimate["alpha_re"] == pytest.approx(0.2, abs=1e-8)
    assert result.estimate["omega"] == pytest.approx(0.0, abs=1e-8)


def test_data_beyond_the_horizon_are_refused_or_reported(standing):
    """The truncation of a quartic oscillator is defined for a short time only."""
    truncated = lambda quartic: dqm.FokkerPlanck(dqm.AnharmonicOscillator(1.0, quartic))
    with pytest.raises(dqm.InputError, match=r"data that end by t = 0, .* `horizon`"):
        dqm.recover(standing, truncated(jnp.array(5e3)), cutoff=9)
    model = dqm.FokkerPlanck(dqm.AnharmonicOscillator(1.0, 0.5), C=jnp.array(1.0))
    with pytest.raises(dqm.InputError, match=r"data that end by t = 0, .* `horizon`"):
        dqm.recover(standing, model, cutoff=9)  # finite, but not its square
    result = dqm.recover(dataclasses.replace(standing, t=standing.t / 10), model, cutoff=9)
    assert result.horizon == 0
    assert "valid until t = 0 only" in str(result)
    assert "highest retained levels are populated" in str(result)
    assert not result.goodness.describes_data


@pytest.mark.slow
def test_shooting_from_measured_states():
    """Three periods, from a frequency so far off that the growing horizon loses count."""
    psi, times = dqm.gaussian(GRID, -1.5, 0.7), np.linspace(0, 20, 21)
    states = [exact_evolution(dqm.Hamiltonian(dqm.Harmonic(1.0)), GRID, psi, t) for t in times]
    parts = lambda psi: jnp.stack([psi.real, psi.imag])
    values = np.stack([np.asarray(parts(state)) for state in states])
    values += 0.02 * np.random.default_rng(0).normal(size=values.shape)
    data = dqm.Series(times, values, 0.02)
    stepper = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic(jnp.array(1.9))), GRID)
    blind = dqm.Evolution(stepper, psi, parts, substeps=10)
    assert not dqm.recover(data, blind).goodness.describes_data
    seeing = dataclasses.replace(blind, reconstruct=lambda parts: parts[0] + 1j * parts[1])
    result = dqm.recover(data, seeing)
    assert result.origin == "shooting"
    assert abs(result.estimate["omega"] - 1) < 4 * result.stderr["omega"] < 1e-3
    assert result.goodness.describes_data
    guess = lambda e: (e.stepper.hamiltonian.potential.omega - 1.2)[None]
    assert dqm.recover(data, seeing, prior=guess).origin == "shooting"


def test_bounds_hold(packet, tunnelling):
    result = dqm.recover(tunnelling, tunnelled(packet), bounds={"depth": (1.3, None)})
    assert result.estimate["depth"] == pytest.approx(1.3, abs=1e-3)
    assert not result.goodness.describes_data
    assert result.at_bounds == ["depth"]
    assert "depth is at its bound" in str(result)


class Wave(dqm.AbstractExperiment):
    """`cos(ωt + x)`, in another place x at each time."""

    omega: jax.Array

    def predict(self, times, where):
        return jnp.cos(self.omega * times.ts[:, None] + where[:, :, 0]), None


@dataclasses.dataclass(frozen=True)
class Moving(dqm.Series):
    places: np.ndarray = dataclasses.field(kw_only=True)

    @property
    def where(self):
        return self.places


def test_many_starts_come_through_a_hundred_false_minima():
    t, random = np.linspace(0, 400, 2000), np.random.default_rng(0)
    places = random.uniform(0, np.pi, (t.size, 1, 1))
    exact = np.cos(1.3 * t[:, None] + places[:, :, 0])
    noisy = exact + 0.1 * random.normal(size=exact.shape)
    starts = {"omega": np.linspace(0.2, 4, 7)}
    result = dqm.recover(Moving(t, noisy, 0.1, places=places), Wave(jnp.array(0.0)), starts=starts)
    assert result.origin == "starts"
    assert result.goodness.describes_data
    assert abs(result.estimate["omega"] - 1.3) < 4 * result.stderr["omega"] < 1e-3


@pytest.mark.slow
def test_many_starts_at_once(packet, tunnelling):
    random = np.random.default_rng(0)
    starts = {"depth": random.uniform(0.2, 6, 8), "half_distance": random.uniform(0.8, 3, 8)}
    result = dqm.recover(tunnelling, tunnelled(packet, 6.0, 3.0), starts=starts)
    assert result.origin == "starts"
    assert result.estimate["depth"] == pytest.approx(1.0, abs=1e-8)


def test_lines_are_frequencies_whatever_the_action():
    """`(E_n − E_0)/ħ = nω` of an oscillator."""
    h = dqm.Hamiltonian(dqm.Harmonic(1.3), hbar=0.5)
    levels = dqm.Levels(h, dqm.Grid(-6.0, 6.0, 48), 3)
    lines, _ = levels.predict(None, np.array([[1, 0], [2, 0]]))
    np.testing.assert_allclose(lines, [[1.3, 2.6]], rtol=1e-9)
