"""Partners that diffuse until they meet."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dqmjax.errors import InputError
from dqmjax.trajectories import encounter_probability, encounter_rate, encounters

KEY = jax.random.key(8)


def within_four_errors(samples, exact):
    """Whether the mean over the first axis agrees with `exact` within 4 standard errors."""
    error = np.std(samples, axis=0, ddof=1) / np.sqrt(len(samples))
    return np.all(np.abs(np.mean(samples, axis=0) - exact) < 4 * error)


@pytest.mark.parametrize("ts", [[0.3, 4.0], [0.1 * n for n in range(1, 41)]], ids=["few", "many"])
def test_encounters_against_the_closed_form(ts):
    """For any steps, since what happens between two times is exact."""
    radius, distance, diffusions, pairs = 1.0, 1.6, jnp.array([0.3, 0.5]), 20_000
    got = encounters(KEY, jnp.full(pairs, distance), radius, diffusions, ts)
    exact = encounter_probability(distance, radius, 0.8, jnp.array(ts))
    last = float(exact[-1])
    assert last == pytest.approx(math.erfc(0.6 / math.sqrt(12.8)) / 1.6, rel=1e-14)
    assert within_four_errors(np.array(got.T, float), exact)
    assert np.all(np.diff(np.array(got, int), axis=0) >= 0)


def test_encounter_probability_obeys_the_diffusion_equation():
    """`∂P/∂t = D (P'' + 2P'/r)`, `P(a) = 1`, and `4πa² D |P'(a)| = k(t)`, Smoluchowski's rate."""
    D, a = 0.8, 1.2
    P = lambda r, t: encounter_probability(r, a, D, t)
    slope, r, t = jax.grad(P), jnp.asarray(1.9), jnp.asarray(0.7)
    rate = jax.grad(P, 1)(r, t)
    assert rate == pytest.approx(float(D * (jax.grad(slope)(r, t) + 2 * slope(r, t) / r)))
    np.testing.assert_array_equal(P(jnp.array([0.5, a]), 0.7), 1.0)
    flow = -4 * np.pi * a**2 * D * slope(jnp.asarray(a + 1e-7), t)
    assert encounter_rate(a, D, t) == pytest.approx(float(flow), rel=1e-5)
    assert encounter_rate(a, D) == pytest.approx(4 * np.pi * 0.8 * 1.2)
    assert encounter_rate(a, D, 1e12) == pytest.approx(4 * np.pi * 0.8 * 1.2, rel=1e-5)


def test_rate_of_encounters():
    """Partners at random in a shell: those met by t fill the volume `∫ k dt`."""
    a, D, t, edge, pairs = 1.0, 0.5, 0.4, 6.0, 40_000
    first, second = jax.random.split(KEY)
    cubes = jax.random.uniform(first, (pairs,), minval=a**3, maxval=edge**3)
    got = encounters(second, jnp.cbrt(cubes), a, (0.2, 0.3), [t])
    volume = 4 / 3 * np.pi * (edge**3 - a**3) * np.array(got[-1], float)
    exact = 4 * np.pi * D * a * (t + 2 * a * np.sqrt(t / (np.pi * D)))
    assert within_four_errors(volume, exact)
    ts = (np.arange(2000) + 0.5) / 2000 * np.sqrt(t)  # t = s², which removes the singularity
    of_rate = np.sum(2 * ts * encounter_rate(a, D, ts**2)) * np.sqrt(t) / 2000
    assert of_rate == pytest.approx(exact, rel=1e-6)


GOOD = {
    "key": KEY,
    "distances": np.array([2.0, 3.0]),
    "radius": 1.0,
    "diffusions": (0.5, 0.5),
    "ts": np.array([1.0]),
}


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("distances", np.array([1.0, 0.0])),
        ("radius", 0.0),
        ("diffusions", (1.0, -1.0)),
        ("ts", np.array([0.0, 1.0])),
    ],
)
def test_bad_input_is_refused_by_name(name, bad):
    with pytest.raises(InputError, match=f"`{name}`"):
        encounters(**GOOD | {name: bad})
