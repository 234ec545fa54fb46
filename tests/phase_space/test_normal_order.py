import itertools

import jax
import numpy as np
import pytest
import qutip

from dqmjax.phase_space.normal_order import (
    added,
    adjoint,
    power,
    product,
    scaled,
    substituted,
    word,
    written,
)
from dqmjax.phase_space.operators import ladder_terms

LEVELS, TOP = 20, 12  # products of truncated matrices are wrong in the highest levels


def matrix(terms):
    """`Σ c a†^m a^n`, exact in all levels."""
    a = qutip.destroy(LEVELS)
    return sum((complex(c) * a.dag() ** m * a**n for (m, n), c in terms.items()), 0 * a).full()


def random_terms(seed):
    random = np.random.default_rng(seed)
    rows = [row for row in itertools.product(range(4), repeat=2) if sum(row) <= 3]
    return {row: complex(*random.normal(size=2)) for row in rows}


ONE, OTHER = random_terms(0), random_terms(1)
A, B = matrix(ONE), matrix(OTHER)


@pytest.mark.parametrize(
    ("terms", "exact"),
    [
        (product(ONE, OTHER), A @ B),
        (product(OTHER, ONE), B @ A),
        (added(ONE, scaled(2j, OTHER), {(2, 2): 1.0}), A + 2j * B + matrix({(2, 2): 1.0})),
        (power(ONE, 3), A @ A @ A),
        (power(ONE, 0), np.eye(LEVELS)),
        (adjoint(ONE), A.conj().T),
    ],
)
def test_algebra_is_that_of_matrices(terms, exact):
    got, exact = (m[: LEVELS - TOP, : LEVELS - TOP] for m in (matrix(terms), exact))
    np.testing.assert_allclose(got, exact, rtol=0, atol=1e-12 * np.abs(exact).max())


def test_commutators_of_two_modes():
    """`[n̂₁, â₁†â₂] = â₁†â₂`, exactly."""
    number, hop = {(1, 0, 1, 0): 1.0}, {(1, 0, 0, 1): 1.0}
    commutator = added(product(number, hop), scaled(-1.0, product(hop, number)))
    assert {row: c for row, c in commutator.items() if c} == hop


def test_substitution_moves_a_symbol():
    """`â → â + β` moves normally ordered symbols by β; beam splitters mix two modes."""
    terms, beta = ladder_terms("n**2 + (1 + 1j)*ad + 3"), 0.4 - 0.3j
    moved = jax.jit(lambda b: substituted(terms, [{(0, 1): 1.0, (0, 0): b}]))(beta)
    at = lambda terms, z: sum(c * np.conj(z) ** m * z**n for (m, n), c in terms.items())
    assert at(moved, 0.7j) == pytest.approx(at(terms, 0.7j + beta), rel=1e-14)
    half = 0.5**0.5
    new = [
        {(0, 0, 1, 0): half, (0, 0, 0, 1): 1j * half},
        {(0, 0, 1, 0): 1j * half, (0, 0, 0, 1): half},
    ]
    mixed = substituted(ladder_terms("n1*n2 + n1 + n2"), new)
    exact = ladder_terms("n1 + n2 + ((ad1 - 1j*ad2)*(a1 + 1j*a2))*((ad2 - 1j*ad1)*(a2 + 1j*a1))/4")
    rows = {row: c for row, c in mixed.items() if abs(c) > 1e-14}
    assert rows == pytest.approx(exact, rel=1e-13)


def test_structure_does_not_depend_on_values():
    rows = lambda c: set(product({(1, 0): c, (0, 1): 1.0}, {(0, 1): c, (0, 0): -c}))
    assert rows(0.0) == rows(1.0) == {(1, 1), (1, 0), (0, 2), (0, 1)}


def test_operators_are_shown():
    assert word((0, 10, 1, 0)) == "a₂†¹⁰a₁"
    terms = ladder_terms("0.3*q1**4 + q1*p2 + 2*n1*n2 + 1")
    assert written(terms).startswith("0.075 (a₁†⁴ + a₁⁴)")
    assert written({(0, 1): 2j, (1, 0): 2j, (0, 0): -1.0}) == "2i (a† + a) - 1"
    assert written({(0, 2): 1 + 1j}) == "(1+1i) a²"
    assert written({}) == "0"
