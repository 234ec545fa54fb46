"""Polynomials in the complex amplitudes β, β*, read from functions on phase space."""

import dataclasses
import functools
import itertools
import math
import struct
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jax import core as jax_core
from jaxtyping import Array, Bool, Complex, Inexact

from ..errors import InputError, field, is_known, positive, require_whole
from .coordinates import PhaseSpace
from .symbols import AbstractSymbol, at_modes, energy, require_symbol

MAX_DEGREE = 8
CHUNK = 120  # points in one call of a compiled function

Evaluate = Callable[[Any], Any]  # amplitudes β, (points, modes) → values, (points, terms)
Powers = tuple[int, ...]


def machine_epsilon(dtype=float) -> float:
    """That of JAX's floating-point numbers, the default ones or those of a given type."""
    return float(jnp.finfo(jnp.promote_types(jnp.result_type(dtype), jnp.float32)).eps)


def exponents(modes: int, degree: int) -> np.ndarray:
    """Exponents of every monomial `Π β_i^{e_i} Π β_i*^{e_{N+i}}` of total degree ≤ `degree`."""
    factors = (
        itertools.combinations_with_replacement(range(2 * modes), total)
        for total in range(degree + 1)
    )
    return np.array([[row.count(i) for i in range(2 * modes)] for row in itertools.chain(*factors)])


def in_chunks(evaluate: Evaluate, beta: Complex[np.ndarray, "points modes"]) -> np.ndarray:
    """`evaluate`, a function of `CHUNK` points, at any number of them."""
    count = -(-len(beta) // CHUNK)
    parts = np.split(np.resize(beta, (count * CHUNK, beta.shape[1])), count)
    return np.concatenate([np.asarray(evaluate(part)) for part in parts])[: len(beta)]


def _compiled(evaluate: Evaluate, modes: int) -> tuple[Evaluate, float]:
    """`evaluate` for `CHUNK` points as one program, also while JAX traces something else.

    With it, the machine epsilon of its values.

    Raises:
        InputError: If the values depend on what JAX is tracing.
    """
    shape = jax.ShapeDtypeStruct((CHUNK, modes), jnp.result_type(complex))
    program = jax.make_jaxpr(evaluate)(shape)
    if not is_known(program.consts):
        raise InputError(
            "`symbol` must store differentiated or batched parameters as fields, but closes over "
            "one: subclass `AbstractSymbol`."
        )
    run = jax.jit(lambda consts, beta: jax_core.eval_jaxpr(program.jaxpr, consts, beta)[0])
    compiled = run.lower(program.consts, shape).compile()
    at = lambda beta: compiled(program.consts, beta.astype(shape.dtype))
    return at, machine_epsilon(program.out_avals[0].dtype)


@dataclasses.dataclass(frozen=True, eq=False)
class Reader:
    """Reads the coefficients of given monomials from values at sample points near |β| = 1."""

    exponents: np.ndarray  # (monomials, 2N), as from `exponents`
    beta: Complex[np.ndarray, "points modes"]
    monomials: Complex[np.ndarray, "points monomials"]

    @classmethod
    def of(cls, exponents: np.ndarray) -> "Reader":
        """Twice as many points as monomials, for a small condition number."""
        shape = 2 * len(exponents) + 8, exponents.shape[1] // 2
        random = np.random.default_rng(0)
        beta = random.uniform(0.4, 1.4, shape) * np.exp(2j * np.pi * random.uniform(size=shape))
        w = np.concatenate([beta, beta.conj()], axis=1)
        powers = np.stack([w**k for k in range(exponents.max() + 1)])
        monomials = np.ones((len(beta), len(exponents)), complex)
        for axis, column in enumerate(exponents.T):
            monomials *= powers[column, :, axis].T
        return cls(exponents, beta, monomials)

    @functools.cached_property
    def inverse(self) -> Complex[np.ndarray, "monomials points"]:
        """The pseudoinverse of `monomials`."""
        q, r = np.linalg.qr(self.monomials)
        return scipy.linalg.solve_triangular(r, q.conj().T)

    def coefficients(
        self, values: Inexact[Array | np.ndarray, "points terms"]
    ) -> Complex[Array | np.ndarray, "monomials terms"]:
        """The least-squares fit to `values` at `beta`."""
        return self.inverse @ values

    def solve(
        self, values: Inexact[np.ndarray, "points terms"]
    ) -> Complex[np.ndarray, "monomials terms"]:
        """The same once, by normal equations and one correction: faster for many monomials."""
        adjoint = self.monomials.conj().T
        factor = scipy.linalg.cho_factor(adjoint @ self.monomials)
        found = scipy.linalg.cho_solve(factor, adjoint @ values)
        rest = values - self.monomials @ found
        return found + scipy.linalg.cho_solve(factor, adjoint @ rest)


def read(
    evaluate: Evaluate, modes: int, orders: Sequence[int] = (0,)
) -> tuple[Reader, Complex[np.ndarray, "monomials terms"]]:
    """The monomials that occur in `evaluate(beta)` and their coefficients, round-off set to 0.

    Three fits: which numbers of factors β and β* occur, all monomials with such numbers, and those
    of them whose coefficients are not round-off. The constant monomial always stays.

    Args:
        evaluate: Values of one or more functions at (points, modes) amplitudes, (points, terms);
            JAX can trace it.
        modes: N, the number of modes.
        orders: An integer for each term. Round-off is relative to the largest term of one order.

    Raises:
        InputError: If a term is no polynomial of degree at most `MAX_DEGREE`, or depends on what
            JAX is tracing.
    """
    order, (evaluate, epsilon) = np.asarray(orders), _compiled(evaluate, modes)
    above = lambda values: np.abs(values) > _roundoff(values, order, epsilon)
    counts = _counts(evaluate, modes, order, epsilon)
    every = exponents(modes, len(counts) - 1)
    up, down = (half.sum(axis=1) for half in np.split(every, 2, axis=1))
    reader = Reader.of(every[counts[up, down]])
    found = reader.solve(in_chunks(evaluate, reader.beta))
    occurs = np.union1d(0, np.nonzero(above(found))[0])
    reader = Reader.of(reader.exponents[occurs])
    found = np.asarray(reader.coefficients(in_chunks(evaluate, reader.beta)))
    return reader, np.where(above(found), found, 0)


def _roundoff(values: np.ndarray, orders: np.ndarray, epsilon: float) -> np.ndarray:
    """Below which `values`, (…, terms), are 0: relative to the largest of the same order."""
    size = np.abs(values).reshape(-1, values.shape[-1]).max(axis=0)
    orders = np.broadcast_to(orders, size.shape)
    largest = np.zeros(orders.max() + 1)
    with np.errstate(invalid="ignore"):
        np.maximum.at(largest, orders, size)
    return np.maximum(epsilon**0.7 * largest, 1000 * epsilon * largest.max())[orders]


def _counts(evaluate: Evaluate, modes: int, orders, epsilon: float) -> Bool[np.ndarray, "up down"]:
    """Which numbers of factors β (row) and β* (column) occur in the monomials of `evaluate`.

    On a line `β = r e^{iφ} b` a monomial of u factors β and d factors β* is `r^{u+d} e^{iφ(u−d)}`,
    so a fit in r and a Fourier transform in φ find the pairs (u, d), whatever N.
    """
    random = np.random.default_rng(1)
    lines = random.normal(size=(2, modes)) + 1j * random.normal(size=(2, modes))
    radii = np.polynomial.chebyshev.chebpts1(2 * MAX_DEGREE + 4)
    phi = np.pi * np.arange(MAX_DEGREE + 1) / (MAX_DEGREE + 1)  # half a turn: r < 0 is the rest
    beta = radii[:, None, None, None] * np.exp(1j * phi)[:, None, None] * lines
    values = in_chunks(evaluate, beta.reshape(-1, modes))
    values = values.reshape(len(radii), len(phi), len(lines), -1)
    by_degree = _by_degree(radii, values, _roundoff(values, orders, epsilon))
    odd = np.arange(len(by_degree)) % 2  # u − d has the same parity, so half a turn is enough
    turned = np.exp(-1j * np.multiply.outer(odd, phi))[:, :, None, None] * by_degree
    waves = np.fft.fft(turned, axis=1) / len(phi)
    above = np.abs(waves) > _roundoff(waves, orders, epsilon)
    degree, turn = np.nonzero(above.any(axis=(2, 3)))
    turns = np.rint(len(phi) * np.fft.fftfreq(len(phi))).astype(int)
    excess = 2 * turns[turn] + odd[degree]  # u − d
    possible = np.abs(excess) <= degree
    degree, excess = degree[possible], excess[possible]
    found = np.zeros((len(by_degree),) * 2, bool)
    found[(degree + excess) // 2, (degree - excess) // 2] = True
    found[0, 0] = True
    return found


def _by_degree(radii: np.ndarray, values: np.ndarray, roundoff: np.ndarray) -> np.ndarray:
    """Coefficients of `r^k` up to the highest degree of all `values`, (radii, …)."""
    flat = values.reshape(len(radii), -1)
    for degree in range(MAX_DEGREE + 1 if np.isfinite(values).all() else 0):
        waves = np.polynomial.chebyshev.chebvander(radii, degree)
        series = np.linalg.lstsq(waves, flat, rcond=None)[0]
        rest = np.abs(flat - waves @ series).reshape(values.shape)
        if (rest <= roundoff).all():
            powers = [np.polynomial.chebyshev.cheb2poly(row) for row in np.eye(degree + 1)]
            table = np.array([np.pad(row, (0, degree + 1 - len(row))) for row in powers])
            return (table.T @ series).reshape(degree + 1, *values.shape[1:])
    raise InputError(
        "`symbol` must be a polynomial in q and p, its drift and diffusion of degree at most "
        f"{MAX_DEGREE}, but is not: expand it in powers of q and p."
    )


def require_constant(law, modes: int):
    """Checks that an equation without drift is that of a constant H.

    Raises:
        InputError: If H depends on (q, p), but JAX's derivatives of it vanish.
    """
    at = lambda beta: generic(law).hamiltonian(PhaseSpace.of(modes, 1.0, 1.0).point(beta))[None]
    evaluate, epsilon = _compiled(jax.vmap(at), modes)
    values = evaluate(Reader.of(np.zeros((CHUNK // 2 - 4, 2 * modes), int)).beta)
    if np.ptp(values) > 1000 * epsilon * np.abs(values).max():
        raise InputError(
            "`symbol` must have derivatives, but all of them vanish although its values change: "
            "use no `jax.lax.stop_gradient`, `floor` or integers in it."
        )


def generic(tree):
    """`tree` with arbitrary numbers near 1 in place of its floating-point arrays and floats.

    Equal floats stay equal, and 0 and ±1 stay what they are, so that terms that cancel because
    two constants agree still cancel; magnitudes no longer matter. Beside a plain function, whose
    own constants are hidden, known numbers far from 1 stay, since it may have the same units.
    """
    random = np.random.default_rng(0)
    hides_constants = any(callable(leaf) for leaf in jax.tree.leaves(tree))

    def draw(leaf):
        if hides_constants and _is_far_from_one(leaf):
            return leaf
        if isinstance(leaf, float) and abs(leaf) not in (0.0, 1.0):
            seed = int.from_bytes(struct.pack("d", abs(leaf)), "little")
            return math.copysign(np.random.default_rng(seed).uniform(0.5, 1.5), leaf)
        if isinstance(leaf, jax.Array | np.ndarray) and jnp.issubdtype(leaf.dtype, jnp.inexact):
            return np.asarray(random.uniform(0.5, 1.5, leaf.shape), leaf.dtype)
        return leaf

    return jax.tree.map(draw, tree)


def _is_far_from_one(leaf) -> bool:
    """Whether known floating-point numbers contain one outside of 0.01 … 100."""
    is_number = isinstance(leaf, float | np.ndarray | jax.Array) and is_known(leaf)
    if not is_number or not np.issubdtype(jnp.result_type(leaf), np.inexact):
        return False
    size = np.abs(leaf)
    return bool(((size != 0) & ((size < 1e-2) | (size > 1e2))).any())


def _as_tuples(rows):
    """Arrays, which cannot be static, as nested tuples; anything else as it is."""
    if not isinstance(rows, jax.Array | np.ndarray):
        return rows
    rows = np.asarray(rows).tolist()
    if not isinstance(rows, list):
        return rows
    return tuple(tuple(row) if isinstance(row, list) else row for row in rows)


class Polynomial(AbstractSymbol):
    """`H(q, p) = Re Σ_k c_k Π_i α_i*^{m_ki} α_i^{n_ki}`, `α = (q + ip)/√2`.

    In units where ħ = κ = ℓ = 1; see `InUnits` for others.

    Args:
        powers: Rows (m₁…m_N, n₁…n_N).
        coefficients: c, one for each row.

    Raises:
        InputError: If the rows are not of equal length 2N or contain anything but integers of at
            least 0, or if the coefficients are not finite or not one for each row.

    Example:
        >>> quanta = dqm.ordering.Polynomial(((1, 1),), jnp.array([3.0 + 0j]))
        >>> round(float(quanta(jnp.array([2.0]), jnp.zeros(1))), 3)  # 3|α|² at |α|² = 2
        6.0
    """

    powers: tuple[Powers, ...] = eqx.field(static=True, converter=_as_tuples)
    coefficients: Complex[Array, " terms"]

    def __check_init__(self):
        require_rows("powers", self.powers)
        field("coefficients", self.coefficients, (len(self.powers),))

    @property
    def modes(self) -> int:
        """N, the number of modes."""
        return len(self.powers[0]) // 2

    def __call__(self, q, p):
        q, p = at_modes(q, p, self.modes)
        alpha = (q + 1j * p) / math.sqrt(2)
        w = jnp.concatenate([alpha.conj(), alpha])
        rows, power = np.array(self.powers), [jnp.ones_like(w)]
        for _ in range(rows.max()):
            power.append(power[-1] * w)
        monomials = jnp.prod(jnp.stack(power)[rows, np.arange(w.size)], axis=1)
        return jnp.real(self.coefficients @ monomials)


def polynomial(
    symbol: Callable, modes: int, ell: float | tuple[float, ...] = 1.0, kappa: float = 1.0
) -> Polynomial:
    """The coefficients of `symbol`, a polynomial H(q, p) of degree at most 8, in units of ℓ and κ.

    Args:
        symbol: H(q, p), real, for one point.
        modes: N, the number of modes.
        ell: ℓ, one number or one per mode.
        kappa: κ.

    Raises:
        InputError: If it is no such polynomial, uses a coordinate that N modes do not have or
            returns anything but one real number, or if ℓ or κ is not positive.

    Example:
        >>> read = dqm.ordering.polynomial(lambda q, p: q[0] ** 2 + p[0] ** 2, modes=1)
        >>> print(read.powers, read.coefficients.real.round(3))  # 2|α|²
        ((1, 1),) [2.]
    """
    require_symbol(symbol)
    require_whole(1, modes=modes)
    declared = getattr(symbol, "modes", None)
    if declared not in (None, modes):
        raise InputError(f"`modes` must be the {declared} of `symbol`, but is {modes}.")
    space = PhaseSpace.of(modes, positive("ell", ell), positive("kappa", kappa, shape=()))
    at = lambda beta: energy(symbol, space.point(beta)).reshape(1)
    reader, found = read(jax.vmap(at), modes)
    starred = np.roll(reader.exponents, modes, axis=1)  # (β*, β), as `Polynomial` has them
    kept = found[:, 0] != 0
    kept[0] |= not kept.any()
    coefficients = jnp.asarray(found[kept, 0].astype(complex))
    return Polynomial(tuple(map(tuple, starred[kept].tolist())), coefficients)


def require_rows(name: str, rows):
    """Checks that rows (m₁…m_N, n₁…n_N) are integers of at least 0, of equal length.

    Raises:
        InputError: Naming the argument.
    """
    try:
        lengths = {len(row) for row in rows}
        whole = all(isinstance(n, int | np.integer) and n >= 0 for row in rows for n in row)
    except TypeError:
        lengths, whole = set(), False
    if len(lengths) != 1 or min(lengths) == 0 or min(lengths) % 2 or not whole:
        raise InputError(
            f"`{name}` must have rows (m₁…m_N, n₁…n_N) of integers, of equal length and without "
            f"negative entries, but is {rows!r}."
        )
