import itertools
import math
from collections import Counter
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from dqmjax import InputError, quantum_statistics as st

ALL = [st.MaxwellBoltzmann(), st.BoseEinstein(), st.FermiDirac()]
NAMES = ["Maxwell–Boltzmann", "Bose–Einstein", "Fermi–Dirac"]


def configurations(particles, states):
    """Every list of occupation numbers, by brute force."""
    every = itertools.product(range(particles + 1), repeat=states)
    return [n for n in every if sum(n) == particles]


@pytest.mark.parametrize("kind", ALL, ids=NAMES)
def test_probabilities_agree_with_counting(kind):
    """Against an enumeration of labelled particles, of multisets and of subsets."""
    particles, states = 3, 4
    lists = configurations(particles, states)
    if isinstance(kind, st.MaxwellBoltzmann):
        labelled = itertools.product(range(states), repeat=particles)
        hits = Counter(tuple(np.bincount(p, minlength=states)) for p in labelled)
    elif isinstance(kind, st.BoseEinstein):
        hits = Counter(dict.fromkeys(lists, 1))
    else:
        hits = Counter({n: 1 for n in lists if max(n) < 2})
    total = sum(hits.values())
    for n in lists:
        probability = jnp.exp(kind.log_probability(np.array(n)))
        assert probability == pytest.approx(hits[n] / total, abs=1e-14)


def test_a_million_particles_in_a_million_states():
    n = np.arange(10**6) % 3  # N = 999 999
    particles, states = int(n.sum()), n.size
    bose = st.BoseEinstein().log_probability(n)
    assert bose == pytest.approx(-_log_comb(states + particles - 1, particles), abs=1e-7)
    fermi = st.FermiDirac().log_probability(n % 2)
    assert fermi == pytest.approx(-_log_comb(states, int((n % 2).sum())), abs=1e-7)
    boltzmann = st.MaxwellBoltzmann().log_probability(n)
    exact = stats.multinomial.logpmf(n, particles, np.full(states, 1 / states))
    assert boltzmann == pytest.approx(exact, rel=1e-9)


def _log_comb(n, k):
    """Term by term."""
    return math.fsum(math.log(n - i) - math.log(i + 1) for i in range(k))


@pytest.mark.parametrize("kind", ALL, ids=NAMES)
def test_samples_follow_the_probabilities(kind):
    """False-alarm probability 1e-3 for another key."""
    particles, states, draws = 3, 4, 20_000
    keys = jax.random.split(jax.random.key(1), draws)
    drawn = np.asarray(jax.vmap(lambda key: kind.sample(key, particles, states))(keys))
    assert (drawn.sum(axis=1) == particles).all()
    lists = configurations(particles, states)
    expected = np.exp([float(kind.log_probability(np.array(n))) for n in lists])
    counted = Counter(map(tuple, drawn.tolist()))
    observed = np.array([counted[n] for n in lists])
    possible = expected > 0
    assert observed[~possible].sum() == 0
    chi2 = stats.chisquare(observed[possible], expected[possible] * draws)
    assert chi2.pvalue > 1e-3


def test_mean_occupations_are_grand_canonical_means():
    """`Σ n z^n / Σ z^n` with z = e^{−(E−μ)/kT}, over the numbers that a state may hold."""
    energy, temperature, mu = 1.3, 0.7, 0.4
    z = np.exp(-(energy - mu) / temperature)
    n = np.arange(200)
    bose = np.sum(n * z**n) / np.sum(z**n)
    for kind, exact in zip(ALL, (z, bose, z / (1 + z)), strict=True):
        got = kind.mean_occupation(jnp.array(energy), temperature, mu)
        assert got == pytest.approx(exact, rel=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("particles", [0.3, 7.0, 1e6])
@pytest.mark.parametrize("kind", ALL, ids=NAMES)
def test_chemical_potential_gives_the_number_of_particles(kind, particles):
    energies = np.arange(50) * 0.3 - 2
    if isinstance(kind, st.FermiDirac) and particles > 50:
        with pytest.raises(InputError, match="fewer than the levels"):
            st.chemical_potential(kind, energies, particles, 0.8)
        return
    mu = st.chemical_potential(kind, energies, particles, 0.8)
    total = jnp.sum(kind.mean_occupation(energies, 0.8, mu))
    roundoff = 4 * np.finfo(float).eps * abs(float(mu)) * particles / 0.8  # of μ close to E_0
    assert total == pytest.approx(particles, rel=max(1e-12, roundoff))
    if isinstance(kind, st.MaxwellBoltzmann):
        exact = 0.8 * np.log(particles / np.exp(-energies / 0.8).sum())
        assert mu == pytest.approx(exact, abs=1e-12)
    f = lambda kT: st.chemical_potential(kind, energies, particles, kT)
    difference = float(f(0.8 + 1e-3) - f(0.8 - 1e-3)) / 2e-3
    assert jax.grad(f)(0.8) == pytest.approx(difference, rel=1e-5)
    slope = jax.grad(f)
    difference = float(slope(0.8 + 1e-3) - slope(0.8 - 1e-3)) / 2e-3
    assert jax.hessian(f)(0.8) == pytest.approx(difference, rel=1e-4, abs=1e-7)
    batch = jax.jit(jax.vmap(f))(np.array([0.5, 0.8]))
    assert batch[1] == pytest.approx(float(mu), rel=1e-12)


def test_equal_levels():
    for kind in ALL:
        mu = st.chemical_potential(kind, np.full(4, 1.5), 2.0, 0.5)
        total = jnp.sum(kind.mean_occupation(np.full(4, 1.5), 0.5, mu))
        assert total == pytest.approx(2, rel=1e-12)


def test_levels_may_be_integers():
    mu = st.chemical_potential(st.FermiDirac(), np.arange(5), 2.5, 0.7)
    assert jnp.sum(st.FermiDirac().mean_occupation(np.arange(5.0), 0.7, mu)) == pytest.approx(2.5)


def mean_product(occupations, left):
    """`⟨∏ w_i^{n_i}⟩` over the simplex of `left` weights that add up to 1, exactly: the first of
    them has the density (left − 1)(1 − w)^{left − 2}, the others share 1 − w."""
    if left == 1:
        return Fraction(1)
    first, rest = occupations[0], occupations[1:]
    power = left - 2 + sum(rest)
    terms = (Fraction((-1) ** k * math.comb(power, k), first + k + 1) for k in range(power + 1))
    return (left - 1) * sum(terms) * mean_product(rest, left - 1)


@pytest.mark.parametrize("states", range(2, 9))
def test_average_over_weights_is_the_integral(states):
    """The closed form against the exact integral, for every partition of 1 to 8 particles."""
    for particles in range(1, 9):
        for parts in itertools.combinations_with_replacement(range(states), particles):
            n = np.bincount(parts, minlength=states)
            if (np.diff(n) > 0).any():
                continue  # the same numbers in another order
            multiplicity = math.factorial(particles) // math.prod(
                math.factorial(k) for k in n.tolist()
            )
            exact = multiplicity * mean_product(n.tolist(), states)
            assert exact == Fraction(1, math.comb(particles + states - 1, particles))
            assert st.tersoff_bayer(n) == pytest.approx(math.log(exact), abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("states", range(2, 9))
def test_random_weights_lead_to_bose_einstein(states):
    """Every configuration of 1 to 8 particles."""
    bose, average = (
        jax.jit(jax.vmap(f)) for f in (st.BoseEinstein().log_probability, st.tersoff_bayer)
    )
    for particles in range(1, 9):
        bars = itertools.combinations(range(particles + states - 1), states - 1)
        places = particles + states - 1
        lists = np.array([np.diff([-1, *b, places]) - 1 for b in bars])
        assert len(lists) == math.comb(places, particles)
        np.testing.assert_allclose(average(lists), bose(lists), rtol=0, atol=1e-12)
        np.testing.assert_allclose(np.exp(bose(lists)), 1 / len(lists), rtol=1e-12)


def test_random_weights_need_the_factor_of_normalisation():
    """Eq. (29) as printed lacks (M−1)!: its probabilities do not add up to 1."""
    particles, states = 4, 3
    lists = [np.array(n) for n in configurations(particles, states)]
    averages = np.array([st.tersoff_bayer(n) for n in lists])
    bose = np.array([st.BoseEinstein().log_probability(n) for n in lists])
    assert np.exp(averages).sum() == pytest.approx(1, abs=1e-13)
    printed = np.exp(averages) / 2  # (M−1)! = 2
    assert printed.sum() == pytest.approx(0.5, abs=1e-13)
    mean, error = st.tersoff_bayer_monte_carlo(jax.random.key(0), lists[3], 40_000)
    assert abs(mean - np.exp(bose[3])) < 4 * error
    assert error < 0.02 * mean
    assert abs(mean - printed[3]) > 20 * error


KEY = jax.random.key(0)
LEVELS = np.arange(5.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: st.BoseEinstein().sample(KEY, 0, 3),
            "`particles` must be an integer of at least 1",
        ),
        (
            lambda: st.MaxwellBoltzmann().sample(KEY, 1, 0),
            "`states` must be an integer of at least",
        ),
        (lambda: st.FermiDirac().sample(KEY, 4, 3), "at most 3 states"),
        (lambda: st.BoseEinstein().log_probability(np.array([1, -1])), "must not be negative"),
        (lambda: st.BoseEinstein().log_probability(LEVELS), "must be integers"),
        (lambda: st.BoseEinstein().log_probability(np.ones((2, 2), int)), "a list of numbers"),
        (
            lambda: st.chemical_potential(st.BoseEinstein(), LEVELS, 1.0, 0.0),
            "`temperature` must be positive",
        ),
        (
            lambda: st.chemical_potential(st.BoseEinstein(), LEVELS, -1.0, 1.0),
            "`particles` must be positive",
        ),
        (
            lambda: st.chemical_potential(st.BoseEinstein(), 1000 + LEVELS, 1e10, 1e-3),
            "μ is closer to the lowest level",
        ),
        (
            lambda: st.chemical_potential(st.FermiDirac(), LEVELS, 6.0, 1.0),
            "fewer than the levels for fermions",
        ),
        (lambda: st.BoseEinstein().mean_occupation(LEVELS, 1.0, 2.5), "`mu` must be below"),
        (lambda: st.BoseEinstein().mean_occupation(LEVELS, 1.0), "`mu` must be below"),
        (lambda: st.FermiDirac().mean_occupation(LEVELS, -1.0), "`temperature` must be positive"),
        (lambda: st.FermiDirac().mean_occupation(LEVELS, np.nan), "`temperature` must be positive"),
        (lambda: st.MaxwellBoltzmann().reduced_energy(0.0), "`occupation` must be positive"),
        (
            lambda: st.tersoff_bayer_monte_carlo(KEY, np.array([1, 2]), 1),
            "`samples` must be .* at least 2",
        ),
        (lambda: st.BoseEinstein().sample(3, 1, 3), "`key` must be a key"),
    ],
)
def test_invalid_input_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize(
    ("f", "good", "bad"),
    [
        (lambda v: st.BoseEinstein().mean_occupation(LEVELS[2], 1.0, v), 1.0, 2.0),
        (lambda v: st.FermiDirac().mean_occupation(LEVELS[2], v), 1.0, -1.0),
        (lambda v: st.BoseEinstein().reduced_energy(v), 1.0, -0.1),
        (lambda v: st.chemical_potential(st.BoseEinstein(), LEVELS, v, 1.0), 1.0, -1.0),
        (lambda v: st.chemical_potential(st.FermiDirac(), LEVELS, v, 1.0), 1.0, 5.0),
        (lambda v: st.BoseEinstein().log_probability(jnp.stack([v, 1])), 1, -1),
    ],
)
def test_results_are_nan_where_bad_input_is_traced(f, good, bad):
    traced = jax.jit(f)
    assert jnp.isfinite(traced(good))
    assert jnp.isnan(traced(bad))


def test_keys_of_both_kinds_are_accepted():
    for key in (jax.random.key(0), jax.random.PRNGKey(0)):
        assert jnp.sum(st.BoseEinstein().sample(key, 5, 3)) == 5
