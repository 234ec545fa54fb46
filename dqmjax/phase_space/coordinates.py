"""Coordinates of phase space: `ξ = (q, p) = Lz` in units of the user, z and β without units."""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact

from ..errors import is_known

Phase = Float[Array, " phase"]
Numbers = Any  # a NumPy or JAX array, or a number


class PhaseSpace(eqx.Module):
    """The scales of N modes: `ξ = Lz`, `L = diag(ℓ_1 … ℓ_N, κ/ℓ_1 … κ/ℓ_N)`, `β = (Q + iP)/√2`.

    Args:
        ell: ℓ, shape (N,).
        kappa: κ.
    """

    ell: Numbers
    kappa: Numbers = 1.0

    @classmethod
    def of(cls, modes: int, ell, kappa) -> "PhaseSpace":
        """With one ℓ for all modes, or one for each."""
        numbers = np if is_known(ell) else jnp
        return cls(numbers.broadcast_to(numbers.asarray(ell), (modes,)), kappa)

    @property
    def modes(self) -> int:
        """N."""
        return np.shape(self.ell)[0]

    @property
    def scale(self) -> Phase:
        """The diagonal of L, shape (2N,)."""
        ell = jnp.asarray(self.ell)
        return jnp.concatenate([ell, self.kappa / ell])

    @property
    def cell(self) -> Numbers:
        """`(2πκ)^N`: times a density per dq dp it is the probability of a coherent state."""
        return (2 * math.pi * self.kappa) ** self.modes

    def amplitude(self, xi: Numbers) -> Numbers:
        """`β = (q/ℓ + iℓp/κ)/√2`, shape (…, N), of points (…, 2N); NumPy's where those are."""
        q, p = xi[..., : self.modes], xi[..., self.modes :]
        return (q / self.ell + 1j * self.ell * p / self.kappa) / math.sqrt(2)

    def point(self, beta: Complex[Array, "*batch modes"]) -> Float[Array, "*batch phase"]:
        """`ξ` of an amplitude β."""
        z = math.sqrt(2) * jnp.concatenate([jnp.real(beta), jnp.imag(beta)], axis=-1)
        return self.scale * z

    @property
    def amplitude_map(self) -> Complex[Array, "phase phase"]:
        """The matrix M of `(β, β*) = M ξ`."""
        ell = jnp.asarray(self.ell)
        to_beta = jnp.concatenate([jnp.diag(1 / ell), 1j * jnp.diag(ell / self.kappa)], axis=1)
        return jnp.concatenate([to_beta, to_beta.conj()]) / math.sqrt(2)


def symplectic_form(modes: int) -> np.ndarray:
    """`J = [[0, 1], [−1, 0]]`."""
    return np.kron([[0.0, 1.0], [-1.0, 0.0]], np.eye(modes))


def derivatives(f: Callable, k: int) -> Callable:
    """`x → ∂_a∂_b… f(x)`, k of them."""
    return f if k == 0 else derivatives(jax.jacfwd(f), k - 1)


def contract_all(tensor: Inexact[Array, "..."], matrix: Inexact[Array, "old new"]):
    """`T_{ab…} M_{aα} M_{bβ} …`, on every axis."""
    for _ in range(tensor.ndim):
        tensor = jnp.tensordot(tensor, matrix, axes=(0, 0))
    return tensor
