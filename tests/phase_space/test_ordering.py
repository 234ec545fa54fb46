import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip
from systems import random_symbol

import dqmjax as dqm
from dqmjax.phase_space import operators
from dqmjax.phase_space.ordering import (
    ANTINORMAL,
    NORMAL,
    SYMMETRIC,
    Smoothed,
    from_qutip,
    from_terms,
    operator_text,
    reorder,
    to_terms,
)
from dqmjax.phase_space.polynomial import Polynomial, polynomial

POINTS = np.random.default_rng(1).normal(size=(5, 2, 2))


def at(symbol, modes=1):
    return np.array([symbol(jnp.asarray(q), jnp.asarray(p)) for q, p in POINTS[:, :, :modes]])


def test_number_operators():
    """`n̂ = ââ† − 1`, `n̂(n̂−1) = â²â†² − 4ââ† + 2`, and ½ between in Weyl's order."""
    quanta = np.sum(POINTS[:, :, 0] ** 2, axis=1) / 2
    number = from_terms({(1, 1): 1.0})
    np.testing.assert_allclose(at(number), quanta - 1, rtol=0, atol=1e-14)
    weyl = reorder(number, ANTINORMAL, SYMMETRIC)
    np.testing.assert_allclose(at(weyl), quanta - 0.5, rtol=0, atol=1e-14)
    pairs = from_terms({(2, 2): 1.0})
    np.testing.assert_allclose(at(pairs), quanta**2 - 4 * quanta + 2, rtol=0, atol=1e-13)


@pytest.mark.parametrize("modes", [1, 2])
def test_round_trips(modes):
    symbol = random_symbol(modes)
    read = polynomial(symbol, modes)
    np.testing.assert_allclose(at(read, modes), at(symbol, modes), rtol=1e-11)
    there = reorder(read, SYMMETRIC, ANTINORMAL)
    assert np.abs(at(there, modes) - at(read, modes)).max() > 0.1
    back = reorder(reorder(there, ANTINORMAL, NORMAL), NORMAL, SYMMETRIC)
    np.testing.assert_allclose(at(back, modes), at(read, modes), rtol=0, atol=1e-10)


def test_wick_symbol_is_the_mean_in_coherent_states():
    levels = 60
    x, p = qutip.position(levels), qutip.momentum(levels)
    operator = p**2 / 2 + 0.3 * x**4 + 0.2 * (x * p + p * x)
    wick = reorder(from_qutip(operator, 4), ANTINORMAL, NORMAL)
    for q, p in POINTS[:, :, 0]:
        state = qutip.coherent(levels, (q + 1j * p) / np.sqrt(2), method="analytic")
        exact = qutip.expect(operator, state)
        assert wick(jnp.array([q]), jnp.array([p])) == pytest.approx(exact, abs=1e-9)


def test_weyl_symbol_is_classical():
    x, p = qutip.position(12), qutip.momentum(12)
    weyl = reorder(from_qutip(p**2 / 2 + 0.3 * x**4 + 0.1 * x**3, 4), ANTINORMAL, SYMMETRIC)
    q, p = POINTS[:, 0, 0], POINTS[:, 1, 0]
    np.testing.assert_allclose(at(weyl), p**2 / 2 + 0.3 * q**4 + 0.1 * q**3, rtol=0, atol=1e-11)


def test_units():
    """In ℓ = 1.6 and κ = 1.3: the polynomial of z, put back into ξ by `InUnits`."""
    symbol = random_symbol(1)
    read = dqm.InUnits(polynomial(symbol, 1, 1.6, 1.3), 1.6, 1.3)
    np.testing.assert_allclose(at(read), at(symbol), rtol=1e-10)


def test_smooth_potentials_by_convolution():
    """`cos kq` from Weyl's order to Wick's: `e^{−k²ℓ²/4} cos kq`, closed form."""
    k, ell = 1.7, 1.3
    smoothed = Smoothed(lambda q: jnp.cos(k * q[0]), SYMMETRIC, NORMAL, (ell,))
    exact = np.exp(-((k * ell) ** 2) / 4) * np.cos(k * POINTS[:, 0, 0])
    np.testing.assert_allclose(at(smoothed), exact, rtol=0, atol=1e-13)
    sextic = lambda q: q[0] ** 4 * q[1] ** 2
    quartic = Smoothed(sextic, ANTINORMAL, SYMMETRIC, (1.0, 1.0), nodes=4)
    known = reorder(polynomial(lambda q, p: q[0] ** 4 * q[1] ** 2, 2), ANTINORMAL, SYMMETRIC)
    np.testing.assert_allclose(at(quartic, 2), at(known, 2), rtol=0, atol=1e-10)


LADDER = qutip.destroy(9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: from_terms({(1, 0): 1.0, (0, 1): 1j}), "must be Hermitian"),
        (lambda: from_terms({(1, 1): 1.0, (1, 1, 0, 0): 1.0}), "rows .* of equal length"),
        (lambda: from_terms({(1, -1): 1.0}), "without negative entries"),
        (lambda: from_qutip(LADDER, 2), "must be a Hermitian operator"),
        (lambda: from_qutip(LADDER + LADDER.dag(), 8), "must have 17 levels"),
        (
            lambda: from_qutip((LADDER + LADDER.dag()).cosm(), 2),
            "must be a polynomial of degree 2",
        ),
        (lambda: polynomial(lambda q, p: jnp.cos(q[0]), 1), "`symbol` must be a polynomial"),
        (
            lambda: Smoothed(lambda q: jnp.cos(q[0]), SYMMETRIC, ANTINORMAL),
            "`target` must exceed `source`",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(dqm.InputError, match=message):
        call()


def test_a_constant_is_a_polynomial():
    assert isinstance(from_terms({(0, 0): 1.0}), Polynomial)
    assert polynomial(lambda q, p: 0 * q[0], 1).powers == ((0, 0),)


def test_small_operators_that_are_not_hermitian_are_refused():
    with pytest.raises(dqm.InputError, match="`terms` must be Hermitian"):
        from_terms({(1, 0): 1e-10, (0, 1): -1e-10})


@pytest.mark.parametrize(
    ("symbol", "text"),
    [
        (dqm.Kerr(1.0, 0.7, 0.4, 0.2), "0.5 a†²a² + 0.1 (a†² + a²) + 0.7 a†a + 0.4 (a† + a)"),
        (dqm.ParametricAmplifier(0.3), "0.15i a†² - 0.15i a²"),
        (dqm.BoseHubbard(0.8, 1.5, 2), "0.75 a₁†²a₁² + 0.75 a₂†²a₂² - 0.8 (a₁†a₂ + a₂†a₁)"),
        (operators.operator("(1+2j)*ad + (1-2j)*a"), "(1+2i) a† + (1-2i) a"),
        (operators.operator("-2*n + 7"), "-2 a†a"),
        (operators.operator("n - n"), "0"),
    ],
)
def test_operators_are_written_as_read(symbol, text):
    assert operator_text(symbol, symbol.modes) == text


def test_terms_of_a_symbol_invert_from_terms():
    terms = operators.ladder_terms("0.3*q1**4 + q1*p2 + 2*n1*n2 + 1")
    got = to_terms(from_terms(terms), 2)
    assert got == pytest.approx(terms, rel=1e-12)
    scaled_terms = to_terms(dqm.InUnits(from_terms(terms), (0.5, 2.0), 3.0), 2, (0.5, 2.0), 3.0)
    assert scaled_terms == pytest.approx(terms, rel=1e-12)


def test_coefficients_of_terms_are_trainable():
    q, p = jnp.asarray(POINTS[1, :, :1])
    value = lambda U, F: from_terms({(2, 2): U, (1, 0): F, (0, 1): jnp.conj(F)})(q, p)
    alpha = complex(q[0], p[0]) / 2**0.5
    by_U, by_F = jax.grad(value, argnums=(0, 1))(0.4, 0.3)
    assert by_U == pytest.approx(abs(alpha) ** 4 - 4 * abs(alpha) ** 2 + 2, rel=1e-13)
    assert by_F == pytest.approx(2 * alpha.real, rel=1e-13)
    wrong = lambda F: from_terms({(1, 0): F, (0, 1): 2 * F})(q, p)
    assert jnp.isnan(jax.jit(wrong)(1.0))
    weyl = reorder(from_terms({(1, 1): 2.0}), ANTINORMAL, NORMAL)
    assert weyl(q, p) == pytest.approx(2 * abs(alpha) ** 2, rel=1e-14)
