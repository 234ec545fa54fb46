"""Polynomials in the complex amplitudes β, β*, read off from functions on phase space."""

import functools
import itertools
import math
import struct
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Complex

from ..errors import InputError
from .coordinates import phase_space
from .symbols import AbstractSymbol

MAX_DEGREE = 8
CHUNK = 4 * (2 * MAX_DEGREE + 4)  # points that a function is evaluated at in one go


def exponents(modes: int, degree: int) -> np.ndarray:
    """Exponents of every monomial `Π β_i^{e_i} Π β_i*^{e_{N+i}}` of total degree ≤ `degree`."""
    factors = (
        itertools.combinations_with_replacement(range(2 * modes), total)
        for total in range(degree + 1)
    )
    return np.array([[row.count(i) for i in range(2 * modes)] for row in itertools.chain(*factors)])


def total_degree(evaluate, modes: int, tolerance: float) -> int:
    """Total degree in β, β* of `evaluate(beta)`, found along rays through the origin.

    Raises:
        InputError: If no polynomial up to `MAX_DEGREE` represents the values to `tolerance`, or
            they depend on what is being traced.
    """
    random = np.random.default_rng(1)
    rays = random.normal(size=(4, modes)) + 1j * random.normal(size=(4, modes))
    radii = np.polynomial.chebyshev.chebpts1(CHUNK // 4)
    values = evaluate((radii[:, None, None] * rays).reshape(-1, modes))
    if isinstance(values, Tracer):
        raise InputError(
            "`symbol` must hold as fields what is differentiated or batched, but closes over it: "
            "subclass `AbstractSymbol`."
        )
    values = np.asarray(values).reshape(len(radii), -1)
    for degree in range(MAX_DEGREE + 1):
        basis = np.polynomial.chebyshev.chebvander(radii, degree)
        rest = values - basis @ np.linalg.lstsq(basis, values, rcond=None)[0]
        if np.isfinite(values).all() and np.abs(rest).max() <= tolerance * np.abs(values).max():
            return degree
    raise InputError(
        "The drift and diffusion of `symbol` must be polynomials in q and p of degree at most "
        f"{MAX_DEGREE}, but are not: expand the symbol, or look at it on a grid."
    )


def in_chunks(evaluate, beta: Complex[np.ndarray, "points modes"]) -> np.ndarray:
    """`evaluate` by the program that `total_degree` compiled, at any number of points."""
    count = -(-len(beta) // CHUNK)
    parts = np.split(np.resize(beta, (count * CHUNK, beta.shape[1])), count)
    return np.concatenate([np.asarray(evaluate(part)) for part in parts])[: len(beta)]


class Sampler:
    """Reads polynomial coefficients off values at sample points near |β| = 1.

    Args:
        modes: N.
        degree: Highest total degree in (β, β*).
    """

    def __init__(self, modes: int, degree: int):
        self.exponents = exponents(modes, degree)
        count = 2 * len(self.exponents) + 8  # twice as many as unknowns, for conditioning
        random = np.random.default_rng(0)
        radius = random.uniform(0.4, 1.4, (count, modes))
        self.beta = radius * np.exp(2j * np.pi * random.uniform(size=(count, modes)))
        w = np.concatenate([self.beta, self.beta.conj()], axis=1)
        self._inverse = np.linalg.pinv(np.prod(w[:, None, :] ** self.exponents, axis=2))

    def coefficients(
        self, values: Complex[Array | np.ndarray, "points terms"]
    ) -> Complex[Array | np.ndarray, "monomials terms"]:
        """Coefficients of the polynomials that best fit `values` at `beta`."""
        return self._inverse @ values


def generic(tree):
    """`tree` with arbitrary numbers near 1 in place of its floating-point arrays and floats.

    Equal floats stay equal, and 0 and ±1 stay what they are, so that what cancels because
    two constants agree still cancels; sizes no longer matter.
    """
    random = np.random.default_rng(0)

    def draw(leaf):
        if isinstance(leaf, float) and abs(leaf) not in (0.0, 1.0):
            seed = int.from_bytes(struct.pack("d", abs(leaf)), "little")
            return math.copysign(np.random.default_rng(seed).uniform(0.5, 1.5), leaf)
        if isinstance(leaf, jax.Array | np.ndarray) and jnp.issubdtype(leaf.dtype, jnp.inexact):
            return jnp.asarray(random.uniform(0.5, 1.5, leaf.shape), leaf.dtype)
        return leaf

    return jax.tree.map(draw, tree)


Powers = tuple[int, ...]


class Polynomial(AbstractSymbol):
    """`H(q, p) = Re Σ_k c_k Π_i α_i*^{m_ki} α_i^{n_ki}`, `α = (q + ip)/√2`.

    In units where ħ = κ = ℓ = 1; see `InUnits` for others.

    Args:
        powers: Rows (m₁…m_N, n₁…n_N).
        coefficients: c, one for each row.
    """

    powers: tuple[Powers, ...] = eqx.field(static=True)
    coefficients: Complex[Array, " terms"]

    @property
    def modes(self) -> int:
        """N."""
        return len(self.powers[0]) // 2

    def __call__(self, q, p):
        alpha = (q + 1j * p) / jnp.sqrt(2)
        factors = (*alpha.conj(), *alpha)
        terms = [
            functools.reduce(lambda a, b: a * b, (x**n for x, n in zip(factors, row, strict=True)))
            for row in self.powers
        ]
        return jnp.real(self.coefficients @ jnp.stack(terms))


def polynomial(
    symbol: Callable, modes: int, ell: float | tuple[float, ...] = 1.0, kappa: float = 1.0
) -> Polynomial:
    """The coefficients of `symbol`, a polynomial H(q, p) of degree at most 8, in units of ℓ and κ.

    Raises:
        InputError: If it is none.
    """

    def evaluate(beta):
        points = (phase_space(b, ell, kappa) for b in np.asarray(beta))
        return np.array([[complex(symbol(*jnp.split(xi, 2)))] for xi in points])

    epsilon = float(np.finfo(float).eps) ** 0.7
    sampler = Sampler(modes, total_degree(evaluate, modes, epsilon))
    found = np.asarray(sampler.coefficients(evaluate(sampler.beta)))[:, 0]
    kept = np.abs(found) > epsilon * np.abs(found).max()
    rows = sampler.exponents[kept]
    starred = np.concatenate([rows[:, modes:], rows[:, :modes]], axis=1)  # its order is β, β*
    return Polynomial(tuple(map(tuple, starred.tolist())), jnp.asarray(found[kept]))
