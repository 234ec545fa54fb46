"""The lowest eigenvectors of T(k) + V(x), by diagonalisation or by iteration."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..grid import density

MOST_DENSE = 1024  # points up to which the whole matrix is diagonalised
MOST_ITERATIONS = 300
GUARD = 6  # extra vectors, so that the last ones asked for converge as fast as the first


class _Operator(NamedTuple):
    """`T + V` on rows of real fields, in units of `_longest`, V measured from its minimum."""

    kinetic: Float[Array, "*shape"]
    potential: Float[Array, "*shape"]

    def apply(self, fields):
        return filtered(fields, self.kinetic) + self.potential * fields

    def smooth(self, fields, shift):
        """Approximates `(T + V + shift)⁻¹`."""
        root = (self.potential + shift) ** -0.5
        return root * filtered(root * fields, 1 / (self.kinetic + shift))

    def residuals(self, fields, images):
        """`Ĥψ − Eψ` and E of fields of unit length, with their images Ĥψ."""
        energies = jnp.sum(rows_of(fields) * rows_of(images), axis=1)
        return images - column(energies, fields) * fields, energies


@functools.partial(jax.jit, static_argnums=0)
def lowest(count: int, tolerance, kinetic, potential):
    """Orthonormal states, one per row, from the values of T(k) and V(x)."""
    unit = _longest(kinetic)
    operator = _Operator(kinetic / unit, (potential - jnp.min(potential)) / unit)
    solve = _diagonalised if potential.size <= MOST_DENSE else _iterated
    return solve(count, tolerance, operator)


def matrix_of(
    kinetic: Float[Array, "*shape"], potential: Float[Array, "*shape"]
) -> Float[Array, "size size"]:
    """`T(x_i − x_j) + V(x_i)δ_ij`. A transform of unit vectors would give it too, but with a memory
    layout for which XLA's transforms on CPUs fail."""
    shape = potential.shape
    points = jnp.indices(shape).reshape(len(shape), -1)
    apart = (points[:, :, None] - points[:, None, :]) % np.reshape(shape, (-1, 1, 1))
    matrix = jnp.fft.ifftn(kinetic).real[tuple(apart)]
    return matrix + jnp.diag(potential.ravel())


def _diagonalised(count: int, tolerance, operator: _Operator):
    """By the whole matrix."""
    vectors = jnp.linalg.eigh(matrix_of(*operator))[1]
    return vectors.T[:count].reshape(count, *operator.potential.shape)


def _iterated(count: int, tolerance, operator: _Operator):
    """LOBPCG from smooth random fields. An orthonormal basis, from a QR decomposition, keeps it
    stable where residuals or directions become dependent."""
    shape = (count + GUARD, *operator.potential.shape)

    def lacks_convergence(carry):
        fields, images, _, iteration = carry
        rest = operator.residuals(fields, images)[0][:count]
        scale = kinetic_scale(operator.kinetic, fields[:count])
        return (jnp.max(lengths(rest)) > tolerance / 2 * scale) & (iteration < MOST_ITERATIONS)

    def improve(carry):
        fields, images, directions, iteration = carry
        rest, energies = operator.residuals(fields, images)
        rest = operator.smooth(rest, jnp.mean(energies))
        basis = jnp.concatenate([fields, _unit(rest), _unit(directions)])
        return *_rayleigh_ritz(operator, basis, len(fields)), iteration + 1

    random = jax.random.normal(jax.random.key(0), shape, operator.kinetic.dtype)
    start = _unit(operator.smooth(random, 1 + jnp.mean(operator.potential)))
    carry = *_rayleigh_ritz(operator, start, len(start)), 0
    fields, *_ = jax.lax.while_loop(lacks_convergence, improve, carry)
    return fields[:count]


def _rayleigh_ritz(operator: _Operator, basis, count: int):
    """The lowest states in the span of a basis, their images, and the part of them that is not in
    the first vectors, as many."""
    rows = jnp.linalg.qr(rows_of(basis).T)[0].T
    images = rows_of(operator.apply(rows.reshape(basis.shape)))
    mixing = jnp.linalg.eigh(rows @ images.T)[1].T[:count]
    mixed = (mixing @ rows, mixing @ images, mixing[:, count:] @ rows[count:])
    return tuple(field.reshape(count, *basis.shape[1:]) for field in mixed)


def rows_of(fields):
    return fields.reshape(len(fields), -1)


def column(values, fields):
    """One value for each field, as an array that broadcasts to the fields."""
    return values.reshape(-1, *[1] * (fields.ndim - 1))


def lengths(fields):
    return jnp.linalg.norm(rows_of(fields), axis=1)


def _unit(fields):
    """Fields of unit length; 0 remains 0."""
    sizes = lengths(fields)
    return fields / column(jnp.where(sizes == 0, 1.0, sizes), fields)


def filtered(fields, values):
    """Multiplies the waves of each real field by `values`, even in k."""
    shape, axes = values.shape, tuple(range(1, fields.ndim))
    waves = values[..., : shape[-1] // 2 + 1] * jnp.fft.rfftn(fields, axes=axes)
    return jnp.fft.irfftn(waves, s=shape, axes=axes)


def _longest(kinetic):
    """The kinetic energy of the longest wave of the box, a unit for all energies."""
    return jnp.min(jnp.where(kinetic > 0, kinetic, jnp.inf))


@jax.jit
def means(kinetic, potential, states):
    """`⟨ψ|T + V|ψ⟩` of each state; linear in T and V."""

    def mean(psi):
        waves = density(jnp.fft.fftn(psi, norm="ortho"))
        return jnp.sum(kinetic * waves) + jnp.sum(potential * psi**2)

    return jax.vmap(mean)(states)


def kinetic_scale(kinetic, states):
    """K: the largest kinetic energy of states of unit length, plus that of the longest wave."""
    return jnp.max(means(kinetic, jnp.zeros_like(kinetic), states)) + _longest(kinetic)
