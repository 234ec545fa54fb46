"""Coordinates of phase space: `ξ = (q, p) = Lz` in units of the user, z and β without units."""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact

from ..errors import InputError, is_known, real_field, require, require_whole

Phase = Float[Array, " phase"]
Numbers = Any  # a NumPy or JAX array, or a number


def whole(name: str, least: int) -> Callable[[int], int]:
    """A converter of a field that is an integer of at least `least`."""

    def convert(value):
        require_whole(least, **{name: value})
        return value

    return convert


def wholes(name: str, least: int) -> Callable:
    """A converter of a field that is a tuple of such integers; one number is a tuple of one."""

    def convert(value):
        values = tuple(value) if isinstance(value, list | tuple) else (value,)
        if not values:
            raise InputError(f"`{name}` must have one or more numbers, but is empty.")
        return tuple(map(whole(name, least), values))

    return convert


def for_modes(check: Callable, name: str) -> Callable:
    """A converter of a field that is one number, or one for each mode."""

    def convert(value):
        value = check(name, value)
        if np.ndim(value) > 1 or np.size(value) == 0:
            raise InputError(
                f"`{name}` must be one number or one per mode, but has shape {np.shape(value)}."
            )
        return value

    return convert


class PhaseSpace(eqx.Module):
    """The scales of N modes: `ξ = Lz`, `L = diag(ℓ_1 … ℓ_N, κ/ℓ_1 … κ/ℓ_N)`, `β = (Q + iP)/√2`.

    Args:
        ell: ℓ, shape (N,).
        kappa: κ.
    """

    ell: Numbers
    kappa: Numbers = 1.0

    @classmethod
    def of(cls, modes: int, ell, kappa, power: int = 2) -> "PhaseSpace":
        """With one ℓ for all modes, or one for each.

        Raises:
            InputError: If `ell` has another length, or a floating-point number cannot hold the
                given `power` of ℓ or κ/ℓ. If they are traced, κ becomes NaN.
        """
        numbers = np if is_known(ell) else jnp
        ell = numbers.asarray(ell)
        if ell.shape not in ((), (modes,)):
            raise InputError(
                f"`ell` must be one number or one per mode ({modes}), but has shape {ell.shape}."
            )
        kappa = require(
            kappa,
            _representable(ell, power) & _representable(kappa / ell, power),
            f"`kappa` and `ell` must fit into {jnp.result_type(float)}, but power {power} of ℓ or "
            "κ/ℓ does not: use units in which they are near 1, or double precision "
            "(`jax.config.update('jax_enable_x64', True)`).",
        )
        return cls(numbers.broadcast_to(ell, (modes,)), kappa)

    @property
    def modes(self) -> int:
        """N."""
        return np.shape(self.ell)[0]

    @property
    def _module(self) -> Any:
        """NumPy where no number is JAX's, whose operations are compiled one by one."""
        of_jax = any(isinstance(leaf, Array) for leaf in jax.tree.leaves(self))
        return jnp if of_jax else np

    @property
    def scale(self) -> Float[Array | np.ndarray, " phase"]:
        """The diagonal of L, shape (2N,)."""
        ell = self._module.asarray(self.ell)
        return self._module.concatenate([ell, self.kappa / ell])

    @property
    def cell(self) -> Numbers:
        """`(2πκ)^N`: times a density per dq dp it is the probability of a coherent state.

        Raises:
            InputError: If it does not fit into a floating-point number; NaN if κ is traced.
        """
        return require(
            (2 * math.pi * self.kappa) ** self.modes,
            _representable(2 * math.pi * self.kappa, self.modes),
            f"`kappa` must give a cell (2πκ)^{self.modes} that fits into "
            f"{jnp.result_type(float)}, but is {self.kappa}: use other units or double precision.",
        )

    def amplitude(self, xi: Numbers) -> Numbers:
        """`β = (q/ℓ + iℓp/κ)/√2`, shape (…, N), of points (…, 2N); NumPy's where those are."""
        q, p = xi[..., : self.modes], xi[..., self.modes :]
        return (q / self.ell + 1j * self.ell * p / self.kappa) / math.sqrt(2)

    def point(self, beta: Complex[Array, "*batch modes"]) -> Float[Array, "*batch phase"]:
        """`ξ` of an amplitude β."""
        z = math.sqrt(2) * jnp.concatenate([jnp.real(beta), jnp.imag(beta)], axis=-1)
        return jnp.asarray(self.scale) * z

    @property
    def amplitude_map(self) -> Complex[Array | np.ndarray, "phase phase"]:
        """The matrix M of `(β, β*) = M ξ`; its inverse is `L²M†`."""
        m = self._module
        ell = m.asarray(self.ell)
        to_beta = m.concatenate([m.diag(1 / ell), 1j * m.diag(ell / self.kappa)], axis=1)
        return m.concatenate([to_beta, to_beta.conj()]) / math.sqrt(2)


def _representable(scale, power: int):
    """Whether `scale^power` neither underflows nor overflows."""
    limits = jnp.finfo(jnp.result_type(float))
    size = power * (np if is_known(scale) else jnp).log(scale)
    return ((size > math.log(limits.tiny)) & (size < math.log(limits.max))).all()


def require_points(points, columns: int) -> Float[Array, "count columns"]:
    """`points` as an array, if they are finite rows of `columns` real numbers.

    Raises:
        InputError: Naming `points`.
    """
    if np.ndim(points) != 2 or np.shape(points)[1] != columns:
        raise InputError(
            f"`points` must be rows of {columns} numbers, but has shape {np.shape(points)}."
        )
    return real_field("points", points, np.shape(points))


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
