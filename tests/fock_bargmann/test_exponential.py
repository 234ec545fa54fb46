import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.special

from dqmjax.fock_bargmann.exponential import MAX_DEGREE, _repeat, expm, expm_action, needed
from dqmjax.fock_bargmann.ladder import Shifts


@pytest.mark.parametrize("size", [1e-3, 1.0, 30.0, 1000.0])
def test_exponential_of_antihermitian_matrices(size):
    random = np.random.default_rng(0)
    a = random.normal(size=(3, 6, 6)) + 1j * random.normal(size=(3, 6, 6))
    a = size * (a - a.conj().swapaxes(1, 2)) / 2
    exact = np.stack([scipy.linalg.expm(m) for m in a])
    np.testing.assert_allclose(expm(jnp.asarray(a)), exact, rtol=0, atol=2e-14 * max(size, 1))


def test_triangle_keeps_relative_accuracy_where_pivoting_would_not():
    """`exp [[λ₁, 0], [c, λ₂]]` has the corner c (e^λ₁ − e^λ₂)/(λ₁ − λ₂)."""
    first, second, corner = 2.0j, -31.0j, 1e5
    a = jnp.array([[first, 0, 0], [corner, second, 0], [0, corner, first]])
    got = np.asarray(expm(a))
    divided = corner * (np.exp(first) - np.exp(second)) / (first - second)
    np.testing.assert_allclose(got[0, 0], np.exp(first), rtol=1e-13)
    np.testing.assert_allclose(got[1, 0], divided, rtol=1e5 * 2e-16)  # ‖A‖ε
    assert got[0, 1] == got[0, 2] == got[1, 2] == 0


def test_too_large_a_norm_is_nan_not_garbage():
    assert np.isnan(expm(jnp.array([[1e9j]]))).all()


def test_side_by_side_each_is_what_it_is_alone():
    random = np.random.default_rng(0)
    scales = np.array([0.1, 1.0, 30.0, 1e9])[:, None, None]
    matrices = jnp.asarray(1j * scales * random.normal(size=(4, 5, 5)))
    together = jax.vmap(expm)(matrices)
    for one, both in zip(matrices[:3], together[:3], strict=True):
        np.testing.assert_allclose(both, expm(one), rtol=1e-13, atol=0)
    assert np.isnan(together[3]).all()


@pytest.mark.parametrize(("limit", "most"), [(3, 3), (24, 7), (300, 260)])
def test_side_by_side_no_more_is_done_than_one_of_them_needs(limit, most):
    """In one, two and three levels of groups."""
    done = []

    def body(x):
        jax.debug.callback(lambda _: done.append(1), x)
        return 2 * x

    counts = jnp.array([1.0, most, 2.0])
    many = jax.vmap(lambda count: _repeat(body, jnp.ones(()), count, limit=limit))
    assert many(counts).tolist() == [2.0, 2.0**most, 4.0]
    jax.effects_barrier()
    assert len(done) == 3 * most
    power = lambda x: _repeat(lambda y: x * y, jnp.ones(()), jnp.asarray(1.0 * most), limit=limit)
    assert jax.grad(power)(1.0) == pytest.approx(most)
    assert jnp.isnan(_repeat(body, jnp.ones(()), jnp.asarray(limit + 1.0), limit=limit))


@pytest.mark.parametrize("ratio", [1.0, 1.1])
@pytest.mark.parametrize("x", [1e-3, 0.5, 4.5, 20.0, 60.0])
def test_a_series_has_the_terms_that_matter_and_few_more(x, ratio):
    k = np.arange(MAX_DEGREE + 1)
    matter = np.flatnonzero(scipy.special.jv(k, x) * ratio**k > 1e-17)[-1]
    terms = int(needed(jnp.array(x), jnp.array(ratio), MAX_DEGREE))
    assert matter <= terms <= 1.3 * matter + 4


def random_shifts():
    random = np.random.default_rng(1)
    shifts = ((0, 0), (1, 1), (-1, 2))
    weights = random.normal(size=(3, 5, 5)) + 1j * random.normal(size=(3, 5, 5))
    return Shifts(shifts, jnp.asarray(weights))


def dense(operator, shape):
    unit = jnp.eye(int(np.prod(shape)), dtype=complex).reshape(-1, *shape)
    return np.asarray(jax.vmap(operator)(unit)).reshape(len(unit), -1).T


def test_action_on_shifts_is_that_of_the_dense_matrix():
    operator = random_shifts()
    rho = jnp.asarray(np.random.default_rng(2).normal(size=(5, 5)) + 0j)
    exact = scipy.linalg.expm(1.7 * dense(operator, (5, 5))) @ np.asarray(rho).ravel()
    got, size = expm_action(operator, operator.range(), jnp.asarray(1.7), rho)
    assert 0 < size < 0.01
    np.testing.assert_allclose(np.ravel(got), exact, rtol=1e-12, atol=1e-12 * abs(exact).max())


@pytest.mark.slow
def test_action_differentiates_forward_and_in_reverse():
    operator = random_shifts()
    rho = jnp.asarray(np.random.default_rng(2).normal(size=(5, 5)) + 0j)

    def f(scale, dt):
        scaled = Shifts(operator.shifts, scale * operator.weights)
        return jnp.sum(jnp.abs(expm_action(scaled, scaled.range(), dt, rho)[0]) ** 2)

    at, step, value = np.array([0.3, 0.6]), 1e-5, jax.jit(f)
    reverse, forward = (jax.jit(d(f, (0, 1)))(*at) for d in (jax.grad, jax.jacfwd))
    for i, shift in enumerate(step * np.eye(2)):
        up, down = (value(*(at + s * shift)) for s in (1, -1))
        assert reverse[i] == pytest.approx(float(forward[i]), rel=1e-12)
        assert reverse[i] == pytest.approx(float((up - down) / (2 * step)), rel=1e-7)


@pytest.mark.parametrize("turn", [0.0, 0.79, 1.0, 77.9, 78.1, 100.0, -3.0])
def test_both_series_reach_round_off(turn):
    """Two phases, with turns just below and above those after which a series is cut."""
    phases = Shifts(((0,),), jnp.array([[1j, -1j]]))
    exact = np.exp(1j * turn * np.array([1, -1]))
    got, _ = expm_action(phases, phases.range(), jnp.asarray(turn), jnp.ones(2, complex))
    np.testing.assert_allclose(got, exact, rtol=0, atol=1e-14 * max(abs(turn), 1))
    assert abs(expm(jnp.array([[1j * turn]]))[0, 0] - exact[0]) < 1e-14 * max(abs(turn), 1)


@pytest.mark.parametrize("rate", [0.1, 5.9, 6.1, 300.0])
def test_decay_and_growth_reach_round_off(rate):
    """Two real rates: the powers of r keep the terms of order 1, the pieces their round-off."""
    both = Shifts(((0,),), jnp.array([[-rate, 0.1]]) + 0j)
    got, _ = expm_action(both, both.range(), jnp.ones(()), jnp.ones(2, complex))
    np.testing.assert_allclose(got, np.exp([-rate, 0.1]), rtol=0, atol=3e-15 * max(rate, 1))


def test_an_exponent_out_of_range_is_nan_and_says_so():
    phases = Shifts(((0,),), jnp.array([[1j, -1j]]))
    got, size = expm_action(phases, phases.range(), jnp.asarray(5e5), jnp.ones(2, complex))
    assert np.isnan(got).all()
    assert size > 1
