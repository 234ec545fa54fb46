import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip
from systems import KERR, bose_hubbard, counted, kerr_snapshots

import dqmjax as dqm
from dqmjax.experiments.models import by_name
from dqmjax.experiments.phase_space import experiment_of
from dqmjax.recovery.problem import _linearise, _predict, build_problem


def errors(result, truth=KERR):
    return {name: abs(result.estimate[name] - truth[name]) for name in truth}


def test_clean_data_without_a_start(clean):
    result = dqm.recover(clean, "kerr")
    assert result.goodness.describes_data
    assert result.origin == "weak form"
    assert max(errors(result).values()) < 1e-8  # QuTiP was solved to 1e-12
    assert all(result.identifiable.values())


@pytest.mark.slow
def test_a_hamiltonian_in_words_is_the_model_of_that_name(clean):
    named, written = (dqm.recover(clean, m) for m in ("kerr", "omega*n + g**2*n*(n-1)/-2"))
    assert written.goodness.describes_data
    for name in ("omega", "C", "alpha_re", "alpha_im"):
        assert written.estimate[name] == pytest.approx(named.estimate[name], abs=1e-7)
    assert -(written.estimate["g"] ** 2) == pytest.approx(named.estimate["interaction"], abs=1e-7)


def test_far_start(clean):
    start = {"interaction": -3.6, "C": 2.4, "omega": 3.0, "alpha_re": 0.8, "alpha_im": 0.0}
    result = dqm.recover(clean, "kerr", start=start)
    assert max(errors(result).values()) < 1e-8
    assert {n: result.start[n] for n in start} == start or result.origin == "weak form"


@pytest.mark.slow
def test_C_away_from_one_is_recovered():
    """Densities made by the equation at C = 0.6, which no quantum system has."""
    basis = dqm.FockBargmann(20)
    flow = dqm.FokkerPlanck(dqm.Kerr(-2.0, 0.3), C=0.6)
    t = 0.02 * np.arange(16)
    states = dqm.solve(
        dqm.HusimiStep(flow, basis), basis.coherent(0.9 + 0.2j), t, throw=False
    ).saved
    axis = np.linspace(-3, 3, 13)
    points = np.stack(np.meshgrid(axis, axis)).reshape(2, -1).T
    density = np.stack([basis.density(s, jnp.asarray(points)) for s in states])
    data = dqm.Snapshots(t, points, density, np.ones(1), 1.0, 1.0)
    result = dqm.recover(data, "kerr")
    truth = {"interaction": -2.0, "omega": 0.3, "C": 0.6, "alpha_re": 0.9, "alpha_im": 0.2}
    assert max(errors(result, truth).values()) < 1e-7


def test_no_fit_ends_at_a_negative_ell(clean):
    """No data distinguish ℓ from −ℓ; ℓ is positive."""
    experiment = experiment_of(clean, by_name(clean, "kerr"))
    problem = build_problem(clean, experiment, {}, {}, [], {}, None)
    assert np.isfinite(problem.predict(problem.start)[0]).all()
    mirrored = problem.start * np.where(np.array(problem.names) == "ell", -1, 1)
    assert np.isnan(problem.predict(mirrored)[0]).any()


def test_fixed_parameters_stay(clean):
    result = dqm.recover(clean, "kerr", fix={"C": 1.0, "omega": 0.0})
    assert sorted(result.estimate) == ["alpha_im", "alpha_re", "interaction"]
    assert result.estimate["interaction"] == pytest.approx(KERR["interaction"], abs=1e-8)


@pytest.mark.slow
def test_ell_when_asked_in_rescaled_units(clean):
    """q = 1.6 Q, p = P/1.6, without a start."""
    data = dataclasses.replace(clean, points=clean.points * [1.6, 1 / 1.6], ell=np.array([1.6]))
    result = dqm.recover(data, "kerr", free=["ell"])
    assert result.estimate["ell"] == pytest.approx(1.6, abs=1e-7)
    assert max(errors(result).values()) < 1e-7


@pytest.mark.slow
def test_errors_are_as_large_as_claimed(clean):
    """Counting noise: 5 draws of 5 pulls; false-alarm probability 1 % for other draws."""
    pulls = []
    for seed in range(5):
        result = dqm.recover(counted(clean, 2000, seed), "kerr", start=KERR)
        assert result.goodness.describes_data
        pulls.append([(result.estimate[n] - x) / result.stderr[n] for n, x in KERR.items()])
    assert abs(np.mean(pulls)) < 0.6
    assert 0.6 < np.std(pulls) < 1.5


def test_given_sigma_sets_the_errors(clean):
    """False-alarm probability 1e-4 for another draw: χ² within 5, C within 4 deviations."""
    sigma = 1e-3
    noise = sigma * np.random.default_rng(0).normal(size=clean.density.shape)
    data = dataclasses.replace(clean, density=clean.density + noise)
    fitted = lambda sigma: dqm.recover(dataclasses.replace(data, sigma=sigma), "kerr", start=KERR)
    known, guessed, tight = (fitted(x) for x in (np.array(sigma), None, np.array(sigma / 2)))
    assert known.goodness.describes_data
    assert known.goodness.chi2 / known.goodness.dof == pytest.approx(1, abs=0.1)
    assert abs(known.estimate["C"] - 1) < 4 * known.stderr["C"]
    assert guessed.stderr["C"] == pytest.approx(known.stderr["C"], rel=0.1)
    assert not tight.goodness.describes_data  # χ² four times too large


def test_lossy_data_are_called_wrong_without_any_noise_level():
    result = dqm.recover(kerr_snapshots(loss=2 * np.pi * 0.010), "kerr")
    assert abs(result.estimate["C"] - 1) > 3 * result.stderr["C"]  # confident and wrong
    assert not result.goodness.describes_data
    assert "does NOT describe the data" in str(result)
    assert "neighbouring residuals are correlated" in result.goodness.verdict


@pytest.mark.slow
@pytest.mark.parametrize("noisy", [False, True])
def test_an_oscillator_alone_does_not_determine_C(noisy):
    """False-alarm probability 6e-5 for another draw of the counts."""
    data = kerr_snapshots(interaction=0.0, omega=1.3)
    result = dqm.recover(counted(data, 2000, 1) if noisy else data, "kerr")
    assert not result.identifiable["C"]
    assert result.stderr["C"] == np.inf
    assert result.identifiable["omega"]
    assert abs(result.estimate["omega"] - 1.3) < max(4 * result.stderr["omega"], 1e-8)
    assert any("C" in combination for combination in result.undetermined)
    assert "do not determine" in str(result)
    assert result.to_json()["stderr"]["C"] is None


def test_second_fit_compiles_nothing(clean):
    dqm.recover(clean, "kerr")
    functions = (_predict, _linearise)
    before = [f._cached._cache_size() for f in functions]
    dqm.recover(kerr_snapshots(interaction=-1.7, omega=0.2, alpha_re=1.1), "kerr")
    assert [f._cached._cache_size() for f in functions] == before


def test_model_of_one_s_own(clean):
    """Trainable arrays are sought, floats stay; here the strength of |α|⁴ alone."""

    class Quartic(dqm.AbstractSymbol):
        modes = 1
        strength: jax.Array

        def __call__(self, q, p):
            quanta = jnp.sum(q**2 + p**2) / 2
            return self.strength * (quanta**2 - 4 * quanta)

    result = dqm.recover(clean, dqm.FokkerPlanck(Quartic(jnp.array(0.1))))
    assert result.estimate["strength"] == pytest.approx(KERR["interaction"] / 2, abs=1e-8)


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        ({"model": "keer"}, "one of kerr, kerr-damped, bose-hubbard, or a Ham.* but is 'keer'"),
        ({"start": {"U": 1.0}}, "parameter 'U' of `start` is unknown: the model has interaction"),
        ({"fix": {"c": 1.0}}, "parameter 'c' of `fix` is unknown"),
        ({"free": ["elle"]}, "parameter 'elle' of `free` is unknown"),
        ({"fix": {"C": np.nan}}, r"`fix\['C'\]` must be finite"),
        ({"fix": {"C": 1.0}, "start": {"C": 0.5}}, "both fixed and free"),
        ({"cutoff": 4}, "`cutoff` must hold the first state, of 1.5"),
        (
            {"fix": dict.fromkeys(["interaction", "omega", "C", "alpha_re", "alpha_im"], 1.0)},
            "all parameters are fixed",
        ),
    ],
)
def test_bad_problems_are_refused(clean, problem, message):
    with pytest.raises(dqm.InputError, match=message):
        dqm.recover(clean, problem.pop("model", "kerr"), **problem)


def test_data_too_few_or_too_energetic_are_refused(clean):
    few = dataclasses.replace(
        clean, t=clean.t[:2], points=clean.points[:2], density=clean.density[8:10, :2] + 0.01
    )
    with pytest.raises(dqm.InputError, match="must hold more than the 5 numbers"):
        dqm.recover(few, "kerr")
    with pytest.raises(dqm.InputError, match="must start below 100 quanta"):
        dqm.recover(dataclasses.replace(clean, points=20 * clean.points), "kerr")


def test_si_units_with_a_fixed_interaction(clean):
    """ℓ = 1e-12, κ = ħ = 1e-34, times in microseconds: the same physics, the same answer."""
    ell, kappa = 1e-12, 1e-34
    data = dataclasses.replace(
        clean,
        t=clean.t * 1e-6,
        points=clean.points * [ell, kappa / ell],
        density=clean.density / kappa,
        ell=np.array([ell]),
        kappa=kappa,
        hbar=kappa,
    )
    result = dqm.recover(data, "kerr", fix={"interaction": KERR["interaction"] * kappa * 1e6})
    assert result.goodness.describes_data
    assert result.estimate["C"] == pytest.approx(1, abs=1e-8)
    assert all(result.identifiable.values())


def test_few_detections_at_each_point(clean):
    """Twenty detections; false-alarm probability: 5 numbers beyond 4 standard errors, 3e-4."""
    result = dqm.recover(counted(clean, 20, seed=0), "kerr")
    pulls = [(result.estimate[n] - x) / result.stderr[n] for n, x in KERR.items()]
    assert np.max(np.abs(pulls)) < 4
    assert result.goodness.describes_data


@pytest.mark.slow
def test_truncation_failure_is_reported():
    """In 11 levels the fit runs into the cut-off at once; in the default number it does not."""
    basis, flow = dqm.FockBargmann(30), dqm.FokkerPlanck(dqm.Kerr(-2.0), C=0.9)
    t, axis = 0.02 * np.arange(7), np.linspace(-3, 3, 9)
    states = dqm.solve(dqm.HusimiStep(flow, basis), basis.coherent(1.0), t, throw=False).saved
    points = np.stack(np.meshgrid(axis, axis)).reshape(2, -1).T
    density = np.stack([basis.density(s, jnp.asarray(points)) for s in states])
    data = dqm.Snapshots(t, points, density, np.ones(1), 1.0, 1.0)
    enough = dqm.recover(data, "kerr", fix={"omega": 0.0})
    assert enough.horizon == np.inf
    assert "Warning" not in str(enough)
    few = dqm.recover(data, "kerr", fix={"omega": 0.0}, cutoff=11)
    assert few.strain > 1
    assert few.horizon < t[-1]
    assert f"valid until t = {few.horizon:.4g} only" in str(few)
    assert "highest retained levels are populated" in str(few)


def test_start_that_leads_nowhere_is_refused(clean):
    """With too few early snapshots for a weak form, and a C that overflows at once."""
    late = dataclasses.replace(clean, t=clean.t[[0, 13, 18]], density=clean.density[[0, 13, 18]])
    with pytest.raises(dqm.InputError, match="finite prediction at all times"):
        dqm.recover(late, "kerr", start={"interaction": 4e6, "C": 1e3})


def test_wrong_minimum_is_reported(clean):
    """Three far snapshots and a start far from the truth end in a wrong minimum, which says so."""
    late = dataclasses.replace(clean, t=clean.t[[0, 13, 18]], density=clean.density[[0, 13, 18]])
    result = dqm.recover(late, "kerr", start={"interaction": 1.0, "omega": 2.0}, fix={"C": 1.0})
    assert abs(result.estimate["interaction"] - KERR["interaction"]) > 1
    assert not result.goodness.describes_data


def test_single_precision_is_refused(clean):
    jax.config.update("jax_enable_x64", False)
    try:
        with pytest.raises(dqm.InputError, match="jax_enable_x64"):
            dqm.recover(clean, "kerr")
    finally:
        jax.config.update("jax_enable_x64", True)


@pytest.mark.slow
def test_loss_is_recovered_beside_C():
    """No starting values; the lossless model is told to be wrong elsewhere."""
    result = dqm.recover(kerr_snapshots(loss=0.2), "kerr-damped")
    exact = KERR | {"rate": 0.2}
    assert set(result.estimate) == set(exact)
    for name, value in exact.items():
        assert result.estimate[name] == pytest.approx(value, abs=1e-7)
    assert result.goodness.describes_data


def test_dimer_from_scattered_points_without_a_start():
    """Two modes by QuTiP: hopping, interaction, C and both ℓ."""
    levels, amplitudes = 8, (0.25, 0.18j)
    _, operator = bose_hubbard(1.0, 0.4)
    kets = [qutip.coherent(levels, a, method="analytic") for a in amplitudes]
    t = np.linspace(0, 1, 11)
    options = {"atol": 1e-12, "rtol": 1e-10}
    states = qutip.sesolve(operator(levels), qutip.tensor(kets), t, options=options).states
    points = 1.0 * np.random.default_rng(0).normal(size=(250, 4))
    basis = dqm.FockBargmann((levels, levels))
    amplitudes_of = lambda state: jnp.asarray(state.full().reshape(levels, levels))
    rho = [np.asarray(basis.density(amplitudes_of(s), jnp.asarray(points))) for s in states]
    data = dqm.Snapshots(t, points, np.stack(rho), np.ones(2), 1.0, 1.0)
    result = dqm.recover(data, "bose-hubbard", free=["ell"], cutoff=5)
    truth = {"tunnelling": 1.0, "interaction": 0.4, "C": 1.0, "ell_1": 1.0, "ell_2": 1.0}
    assert {n: abs(result.start[n] - x) < 0.05 for n, x in truth.items()} == dict.fromkeys(
        truth, True
    )
    assert max(errors(result, truth).values()) < 1e-4
