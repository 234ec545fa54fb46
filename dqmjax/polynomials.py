"""Polynomials in the complex amplitudes β, β*, read off from functions on phase space."""

import itertools
import math
import struct
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Complex, Float, Inexact

from .errors import InputError

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


def phase_space(beta: Complex[Array | np.ndarray, " modes"], ell, kappa) -> Float[Array, " phase"]:
    """`ξ = (q, p)` of the amplitude `β = (q/ℓ + iℓp/κ)/√2`."""
    ell = jnp.asarray(ell)
    q, p = jnp.sqrt(2) * jnp.real(beta) * ell, jnp.sqrt(2) * jnp.imag(beta) * kappa / ell
    return jnp.concatenate([q, p])


def amplitude_map(modes: int, ell, kappa) -> Complex[Array, "phase phase"]:
    """The matrix M of `(β, β*) = M ξ`."""
    ell = jnp.broadcast_to(jnp.asarray(ell), (modes,))
    to_beta = jnp.concatenate([jnp.diag(1 / ell), 1j * jnp.diag(ell / kappa)], axis=1)
    return jnp.concatenate([to_beta, to_beta.conj()]) / jnp.sqrt(2)


def derivatives(f: Callable, k: int) -> Callable:
    """`x → ∂_a∂_b… f(x)`, k of them."""
    return f if k == 0 else derivatives(jax.jacfwd(f), k - 1)


def symplectic_form(modes: int) -> np.ndarray:
    """`J = [[0, 1], [−1, 0]]`."""
    return np.kron([[0.0, 1.0], [-1.0, 0.0]], np.eye(modes))


def contract_all(tensor: Inexact[Array, "..."], matrix: Inexact[Array, "old new"]):
    """`T_{ab…} M_{aα} M_{bβ} …`, on every axis."""
    for _ in range(tensor.ndim):
        tensor = jnp.tensordot(tensor, matrix, axes=(0, 0))
    return tensor


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
