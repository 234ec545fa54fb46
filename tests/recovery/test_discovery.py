"""Terms that are found by their evidence, beside the exact evidence of straight lines."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip

import dqmjax as dqm
from dqmjax.recovery.discovery import Selection
from dqmjax.recovery.problem import build_problem

T, SIGMA = np.linspace(-1, 1, 15), 0.1
POWERS = range(5)
WIDTHS = {f"c{k}": 2.0 + k for k in POWERS}


class Sum(dqm.AbstractExperiment):
    """`Σ_k c_k t^k`; k = 2 and 4 are much alike."""

    c0: jax.Array
    c1: jax.Array
    c2: jax.Array
    c3: jax.Array
    c4: jax.Array

    def predict(self, times, where):
        t = jnp.asarray(T)
        return sum(getattr(self, f"c{k}") * t**k for k in POWERS)[:, None], None


def evidence(y, kept) -> float:
    """ln of the normal density of the data, `C = σ² + Σ_k w_k² t^k t'^k`."""
    rows = np.array([WIDTHS[f"c{k}"] * T**k for k in kept]).reshape(-1, T.size)
    covariance = SIGMA**2 * np.eye(T.size) + rows.T @ rows
    return -np.linalg.slogdet(covariance)[1] / 2 - y @ np.linalg.solve(covariance, y) / 2


@pytest.mark.parametrize("true", [(), (1,), (0, 3), (1, 2), (1, 4), (0, 1, 3)])
def test_the_set_of_greatest_evidence_is_found(true):
    noise = SIGMA * np.random.default_rng(len(true)).normal(size=T.size)
    y = sum((1.5 * T**k for k in true), noise)
    data = dqm.Series(T - T[0], y[:, None], SIGMA)
    prior = dqm.NormalPrior({name: (0.0, width) for name, width in WIDTHS.items()})
    experiment = Sum(*(jnp.array(0.1) for _ in POWERS))
    problem = build_problem(data, experiment, {}, {}, [], {}, prior)
    vector, found = Selection(problem, prior, lambda line: None).run(problem.start)
    kept = tuple(k for k in POWERS if found[f"c{k}"] > 0)
    subsets = itertools.chain(*(itertools.combinations(POWERS, n) for n in range(6)))
    best = max(subsets, key=lambda kept: evidence(y, kept))
    assert kept == best
    assert all(vector[k] == 0 for k in POWERS if k not in kept)
    for k in POWERS:
        others = [n for n in kept if n != k]
        exact = evidence(y, sorted([*others, k])) - evidence(y, others)
        assert found[f"c{k}"] == pytest.approx(exact, rel=1e-5, abs=1e-5)


LEVELS = 16
A = qutip.destroy(LEVELS)
N = A.dag() * A


def samples(hamiltonian, count=400):
    """Of a coherent state that QuTiP evolves."""
    t = np.linspace(0, 1.2, 7)
    start = qutip.coherent(LEVELS, 0.8, method="analytic")
    run = qutip.sesolve(hamiltonian, start, t, options={"atol": 1e-11, "rtol": 1e-9})
    basis, keys = dqm.FockBargmann(LEVELS), jax.random.split(jax.random.key(0), t.size)
    points = [
        dqm.readout.sample(key, basis, jnp.asarray(state.full()[:, 0]), count)
        for key, state in zip(keys, run.states, strict=True)
    ]
    return dqm.Samples(t, np.stack(points), [1.0])


@pytest.mark.slow
def test_a_driven_kerr_oscillator_is_discovered():
    data = samples(1.5 * N * (N - 1) / 2 + 0.6 * (A + A.dag()))
    library = {"w": "n", "U": "n*(n-1)/2", "F": "a + ad", "G": "a**2 + ad**2"}
    found = dqm.discover(data, library, cutoff=16)
    assert found.kept == ["U", "F"]
    assert set(found.result.estimate) == {"U", "F", "alpha_re", "alpha_im"}
    assert found.result.goodness.describes_data
    for name, value in {"U": 1.5, "F": 0.6}.items():
        assert abs(found.result.estimate[name] - value) < 3.5 * found.result.stderr[name]
        assert (found.result.estimate[name] / found.result.stderr[name]) ** 2 / 2 > found.evidence[
            name
        ]
    assert found.evidence["w"] < 0 > found.evidence["G"]
    assert "log10 evidence" in str(found)


DATA = dqm.Samples([0.0, 0.1], np.zeros((2, 5, 2)) + np.arange(5)[:, None], [1.0])


@pytest.mark.parametrize(
    ("terms", "options", "message"),
    [
        ([], {}, "`terms` must be a list of operators"),
        ("n", {}, "`terms` must be a list of operators"),
        (["n", "a"], {}, r"`terms\['c2'\]` must be Hermitian"),
        (["n", "x*n"], {}, "parameter"),
        (["n", "n2"], {}, "mode"),
        (["n"], {"widths": {"c2": 1.0}}, "parameter 'c2' of `widths` is unknown"),
        (["n"], {"widths": {"c1": 0.0}}, "must be positive"),
    ],
)
def test_bad_libraries_are_refused(terms, options, message):
    with pytest.raises(dqm.InputError, match=message):
        dqm.discover(DATA, terms, **options)


def test_data_without_a_noise_level_are_refused():
    densities = dqm.Snapshots(
        np.array([0.0, 0.1]), np.eye(4, 2), np.ones((2, 4)), np.ones(1), 1.0, 1.0
    )
    with pytest.raises(dqm.InputError, match="`data` must have a known noise level"):
        dqm.discover(densities, ["n"])
