"""Reading polynomials in β, β* from functions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.phase_space.polynomial import (
    CHUNK,
    MAX_DEGREE,
    exponents,
    generic,
    in_chunks,
    machine_epsilon,
    polynomial,
    read,
)


@pytest.mark.parametrize("count", [1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_evaluation_in_chunks_keeps_every_point(count):
    beta = np.arange(2.0 * count).reshape(count, 2) + 1j
    shapes = []
    found = in_chunks(lambda part: shapes.append(part.shape) or part.sum(axis=1), beta)
    np.testing.assert_array_equal(found, beta.sum(axis=1))
    assert set(shapes) == {(CHUNK, 2)}


@pytest.mark.parametrize(("modes", "degree"), [(1, MAX_DEGREE), (2, 5), (3, 3)])
def test_every_coefficient_is_read(modes, degree):
    """Random ones of every monomial, of two functions of different degree."""
    rows, random = exponents(modes, degree), np.random.default_rng(modes)
    exact = random.normal(size=(2, len(rows), 2)) @ np.array([1, 1j])
    exact[1, rows.sum(axis=1) > 1] = 0

    def evaluate(beta):
        w = jnp.concatenate([beta, beta.conj()], axis=1)
        return jnp.prod(w[:, None] ** rows, axis=2) @ exact.T

    reader, found = read(evaluate, modes)
    np.testing.assert_array_equal(reader.exponents, rows)
    np.testing.assert_allclose(found, exact.T, rtol=0, atol=1e-11)


def test_only_monomials_that_occur_are_read():
    reader, found = read(lambda beta: beta.conj() ** 2 * beta[:, ::-1] + 3j, 2)
    assert reader.exponents.tolist() == [[0, 0, 0, 0], [1, 0, 0, 2], [0, 1, 2, 0]]
    np.testing.assert_allclose(found, [[3j, 3j], [0, 1], [1, 0]], rtol=0, atol=1e-14)


def test_round_off_is_that_of_its_order():
    """A term of another order may be smaller than the round-off of the first."""
    parts = lambda beta: jnp.concatenate([1e8 * beta + 1e-4 * beta**2, 1e-4 * beta**2], axis=1)
    assert np.count_nonzero(read(parts, 1, (0, 0))[1]) == 1
    assert np.count_nonzero(read(parts, 1, (0, 1))[1]) == 2


@pytest.mark.parametrize(
    "symbol",
    [
        lambda q, p: jnp.cos(q[0]),
        lambda q, p: jnp.abs(q[0]) ** 3,
        lambda q, p: jnp.hypot(q[0], p[0]),
        lambda q, p: q[0] ** 9,
        lambda q, p: 1 / q[0],
    ],
)
def test_what_is_no_polynomial_is_refused(symbol):
    with pytest.raises(dqm.InputError, match="`symbol` must be a polynomial"):
        polynomial(symbol, 1)


def test_reading_inside_of_jit():
    """The coefficients are constants there, and only parameters of that trace are refused."""
    scale = jnp.array(0.5)

    @jax.jit
    def moved(x):
        return x * polynomial(lambda q, p: scale * jnp.sum(q**2 + p**2), 1).coefficients

    np.testing.assert_allclose(moved(2.0), [2.0], rtol=1e-14)
    with pytest.raises(dqm.InputError, match="subclass `AbstractSymbol`"):
        jax.jit(lambda x: polynomial(lambda q, p: x * q[0], 1).coefficients)(1.0)


def test_gradient_of_a_polynomial_at_zero():
    """Of products of powers, some of them 0."""
    h = polynomial(lambda q, p: q[0] ** 2 + q[0] * p[1] + 3 * p[0], 2)
    zero = jnp.zeros(2)
    np.testing.assert_allclose(jax.grad(h, 1)(zero, zero), [3, 0], rtol=0, atol=1e-14)
    hessian = jax.hessian(h)(zero, zero)
    np.testing.assert_allclose(hessian, [[2, 0], [0, 0]], rtol=0, atol=1e-14)


def test_generic_values_keep_what_is_equal():
    one, other, again, unit, array = generic((1e-9, 7.0, -7.0, -1.0, jnp.full(3, 1e30)))
    assert one != other == -again
    assert unit == -1
    assert 0.5 < abs(one) < 1.5
    assert np.all((np.asarray(array) > 0.5) & (np.asarray(array) < 1.5))


@pytest.mark.parametrize("modes", [1, 2])
@pytest.mark.parametrize("degree", [2, 4, 6, MAX_DEGREE])
def test_single_precision(modes, degree):
    """Of values in float32, whether or not JAX's default is float64."""
    scale = np.float32(0.3)

    def symbol(q, p):
        xi = jnp.concatenate([q, p]).astype(jnp.float32)
        return scale * jnp.sum(xi**degree) + xi[0] * xi[-1]

    exact = polynomial(lambda q, p: 0.3 * jnp.sum(q**degree + p**degree) + q[0] * p[-1], modes)
    for x64 in (True, False):
        with jax.enable_x64(x64):
            found = polynomial(symbol, modes)
        assert found.powers == exact.powers
        np.testing.assert_allclose(found.coefficients, exact.coefficients, rtol=0, atol=1e-4)


def test_magnitudes_stay_beside_a_plain_function():
    """Its constants are hidden, and so in units that `generic` cannot know."""
    symbol, close, far, array = generic((lambda q, p: q[0], 0.3, 1e-34, np.array([1e-9, 1.0])))
    assert callable(symbol)
    assert close != 0.3
    assert far == 1e-34
    assert array.tolist() == [1e-9, 1.0]


def test_values_that_change_without_derivatives_are_refused():
    basis, kept = dqm.FockBargmann(4), dqm.FokkerPlanck(lambda q, p: 3.0)
    assert basis.pattern(kept).is_zero
    stopped = dqm.FokkerPlanck(lambda q, p: jax.lax.stop_gradient(q[0] ** 2))
    with pytest.raises(dqm.InputError, match="`symbol` must have derivatives"):
        basis.pattern(stopped)
    with pytest.raises(dqm.InputError, match="`symbol` must have derivatives"):
        jax.jit(lambda rho: basis.generator(stopped)(rho))(jnp.eye(4, dtype=complex))


def test_machine_epsilon_is_that_of_the_numbers_in_use():
    assert machine_epsilon() == np.finfo(np.float64).eps
    assert machine_epsilon(jnp.complex64) == np.finfo(np.float32).eps
    with jax.enable_x64(False):
        assert machine_epsilon() == np.finfo(np.float32).eps
