"""Preparations, and the starts of their fits from what was measured first."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip

import dqmjax as dqm
from dqmjax.experiments.candidates import candidates
from dqmjax.experiments.cutoff import choose_basis, more_levels
from dqmjax.experiments.first_time import outcomes
from dqmjax.experiments.phase_space import experiment_of
from dqmjax.experiments.tomography import Factored

BASIS = dqm.FockBargmann(30)
FLOW = dqm.FokkerPlanck(dqm.Kerr(1.0))
STATES = {
    "coherent": BASIS.coherent(1.2 - 0.4j),
    "squeezed": BASIS.squeezed(0.9, 0.5, 0.8),
    "cat": BASIS.cat(1.4 + 0.2j, 0.5),
    "thermal": BASIS.thermal(0.5, 0.8j, loss=1e-6),
}


def samples(rho, count=3000, seed=0):
    key = jax.random.key(seed)
    points = dqm.readout.sample(key, BASIS, rho, 2 * count).reshape(2, count, 2)
    return dqm.Samples([0.0, 0.1], points, [1.0])


@pytest.mark.parametrize("name", STATES)
def test_the_first_time_gives_the_state(name):
    found = experiment_of(samples(STATES[name]), FLOW, state=name).state
    ket = found(BASIS)
    rho = BASIS.pure(ket) if ket.ndim == 1 else ket
    assert abs(fidelity(rho, STATES[name]) - 1) < 5e-3


def test_phases_of_cats_begin_within_half_a_turn():
    """Of the starts at four phases the nearest to −0.5 is at 3π/2 or −π/2."""
    for phase in (-1.4, -0.4, 0.4, 3.0):
        found = experiment_of(samples(BASIS.cat(1.4, phase), 3000), FLOW, state="cat").state
        assert abs(float(found.phase) - phase) < 0.5
    same = dqm.Cat(np.ones(1), np.zeros(1), jnp.asarray(2 * np.pi - 0.3))
    assert float(same.principal().phase) == pytest.approx(-0.3)
    assert np.abs(same.principal()(BASIS) - same(BASIS)).max() < 1e-12


def test_an_unknown_state_is_found_without_its_kind():
    """Roughly: one time alone determines little; fits begin there."""
    mixture = 0.7 * BASIS.cat(1.2, 0.0) + 0.3 * BASIS.fock(1)
    found = experiment_of(samples(mixture, 6000), FLOW, state=dqm.Unknown(3)).state
    assert fidelity(found(BASIS), mixture) > 0.9
    assert fidelity(BASIS.coherent(0.0), mixture) < 0.5


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_factors_are_those_of_the_matrix(rank):
    random = np.random.default_rng(rank)
    root = random.normal(size=(6, rank)) + 1j * random.normal(size=(6, rank))
    rho = root @ root.conj().T / np.trace(root @ root.conj().T)
    state = Factored.of(rho, rank)
    assert state.y.size == 2 * 6 * rank - rank**2 - 1  # real numbers in a matrix of that rank
    matrix = state(dqm.FockBargmann(8))
    assert np.abs(matrix[:6, :6] - rho).max() < 1e-5
    assert np.abs(matrix[6:]).max() == 0


def test_cutoffs_hold_the_tails_of_any_state():
    squeezed = dqm.Squeezed(np.ones(1), np.zeros(1), np.full(1, 1.2), np.zeros(1))
    levels = choose_basis(BASIS.space, [squeezed], None).cutoff[0]
    ket = squeezed(dqm.FockBargmann(256))
    assert np.sum(np.abs(ket[levels:]) ** 2) < 1e-6
    with pytest.raises(dqm.InputError, match="keep"):
        choose_basis(BASIS.space, [squeezed], 10)


@pytest.mark.parametrize("xi", [0.0, 0.4, -0.3 + 0.5j])
def test_squeezed_states_have_one_name_and_slopes_everywhere(xi):
    wide, alpha = 60, 0.5 - 0.3j
    made = lambda x, y: dqm.Squeezed(*(jnp.atleast_1d(v) for v in (alpha.real, alpha.imag, x, y)))
    exact = lambda z: (
        qutip.displace(wide, alpha) * qutip.squeeze(wide, z) * qutip.basis(wide, 0)
    ).full()[:30, 0]
    at = (jnp.asarray(np.real(xi)), jnp.asarray(np.imag(xi)))
    ket = lambda x, y: made(x, y)(dqm.FockBargmann(30))
    assert np.abs(ket(*at) - exact(xi)).max() < 1e-8
    h = 1e-4
    for slope, move in zip(jax.jacfwd(ket, argnums=(0, 1))(*at), (h, 1j * h), strict=True):
        difference = (exact(xi + move) - exact(xi - move)) / (2 * h)
        assert np.abs(slope - difference).max() < 1e-6


def test_a_state_that_grows_gets_more_levels():
    """Coherent states: ⟨n⟩ + 7 √⟨n⟩ grows from 0.25 + 3.5 to 4 + 14, so by 14.25: two tens."""
    keys = jax.random.split(jax.random.key(0), 2)
    draw = lambda key, alpha: dqm.readout.sample(key, BASIS, BASIS.coherent(alpha), 4000)
    small, large = (np.asarray(draw(*pair)) for pair in zip(keys, (0.5, 2.0), strict=True))
    grown = dqm.Samples([0.0, 1.0], np.stack([small, large]), [1.0])
    same = dqm.Samples([0.0, 1.0], np.stack([large, large[::-1]]), [1.0])
    assert more_levels(grown, 0.0) == 20
    assert more_levels(same, 0.0) == 0
    detector = dqm.Detector(0.5)
    seen = np.asarray(detector.sample(jax.random.key(1), BASIS.space, grown.points))
    lossy = dqm.Samples(grown.t, seen, [1.0])
    driven = dqm.FokkerPlanck(dqm.Kerr(jnp.array(1.0), 0.0, drive=jnp.array(0.5)))
    cutoff = lambda data, *given: experiment_of(data, *given).basis.cutoff[0]
    fixed = dqm.Samples([0.0, 1.0], grown.points[[0, 0]], [1.0])
    assert cutoff(grown, driven) == cutoff(fixed, driven) + 20
    assert cutoff(grown, FLOW) == cutoff(fixed, FLOW)  # it keeps the quanta
    assert cutoff(lossy, driven, None, "coherent", detector) >= 30


def test_outcomes_of_a_detector_are_undone():
    detector = dqm.Detector(0.5, 0.2, 2.0, 0.3, np.array([1.0, 0.0]))
    data = samples(STATES["coherent"], 20_000)
    seen = np.asarray(detector.sample(jax.random.key(5), BASIS.space, data.points))
    found = outcomes(dqm.Samples(data.t, seen, [1.0]), detector)
    assert abs(found.alpha[0] - (1.2 - 0.4j)) < 0.05
    spread = found.mean(np.abs(found.beta - found.alpha) ** 2)
    assert abs(spread - 1 - found.noise) < 0.1


@pytest.mark.parametrize(
    ("state", "message"),
    [("kat", "one of coherent, squeezed, cat, thermal"), (dqm.Unknown(0), "`rank` must be")],
)
def test_unknown_states_are_refused(state, message):
    with pytest.raises(dqm.InputError, match=message):
        candidates(state, outcomes(samples(STATES["coherent"]), None))


def test_amplitudes_of_other_modes_are_refused():
    with pytest.raises(dqm.InputError, match="`alpha_im` must have one number for each mode"):
        dqm.Coherent(np.ones(2), np.ones(1))
    with pytest.raises(dqm.InputError, match="`state` must have the 1 modes"):
        dqm.PhaseSpaceExperiment(FLOW, dqm.Coherent(np.ones(2), np.ones(2)), BASIS)


def fidelity(one, other) -> float:
    one, other = (qutip.Qobj(np.asarray(x)) for x in (one, other))
    return qutip.fidelity(one, other) ** 2
