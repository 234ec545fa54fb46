"""Coefficients from and to matrices, wave functions and Husimi densities."""

import abc
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact

from ..errors import InputError, field, not_negative, require, require_instance
from ..grid import Grid, density, field_on
from ..phase_space.coordinates import PhaseSpace, wholes
from . import of_husimi
from .amplitudes import oscillator
from .states import LOSS, AbstractStates

Scalar = Float[Array, ""]
FURTHER = 4  # levels that `from_husimi` fits beyond those that it keeps


class AbstractConversions(AbstractStates):
    """The states of a basis that are given in other forms."""

    @property
    @abc.abstractmethod
    def space(self) -> PhaseSpace:
        """The scales ℓ and κ."""

    def from_matrix(
        self,
        array: Inexact[Array | np.ndarray, "..."],
        *,
        levels: int | tuple[int, ...] | None = None,
        loss: float = LOSS,
    ) -> Complex[Array, "*levels"]:
        """Coefficients of a matrix or ket in number states; missing levels are filled with zeros.

        Args:
            array: Shape (d, d) of a density matrix, (d,) or (d, 1) of a ket. d is the product of
                `levels`, and the last mode runs fastest.
            levels: Levels of each mode in `array`; d for one mode, `cutoff` for more by default.
            loss: Share of it that may lie in levels that the basis does not have.

        Raises:
            InputError: If `array` has another shape or is not finite, or if more than `loss` of it
                lies beyond the cut-off. If it is traced, the coefficients become NaN.
        """
        given = np.shape(array)[:1] if self.modes == 1 else self.cutoff
        return self._from(
            "array", array, wholes("levels", 1)(given if levels is None else levels), loss
        )

    def from_qutip(self, state, *, loss: float = LOSS) -> Complex[Array, "*levels"]:
        """Coefficients of a QuTiP ket or density matrix, as `from_matrix`.

        Raises:
            InputError: If `state` is no ket or operator on the modes of the basis or is not finite,
                or if more than `loss` of it lies beyond the cut-off.
        """
        is_state = getattr(state, "isket", False) or getattr(state, "isoper", False)
        if not is_state or len(state.dims[0]) != self.modes:
            raise InputError(
                f"`state` must be a ket or a density matrix on {self.modes} modes from QuTiP, but "
                f"has dims {getattr(state, 'dims', None)}."
            )
        return self._from("state", state.full(), tuple(state.dims[0]), loss)

    def to_qutip(self, state: Inexact[Array, "..."]):
        """The QuTiP ket or operator of amplitudes or coefficients.

        Raises:
            InputError: If `state` has the shape of neither, or QuTiP is not installed.
        """
        try:
            import qutip
        except ImportError:
            raise InputError("qutip is not installed: pip install 'dqmjax[interop]'.") from None
        is_ket = np.ndim(state) == self.modes
        values = np.asarray(field("state", state, self.cutoff if is_ket else self.levels))
        rows, columns = list(self.cutoff), [1] * self.modes if is_ket else list(self.cutoff)
        return qutip.Qobj(values.reshape(math.prod(rows), -1), dims=[rows, columns])

    def from_husimi(
        self, density: Callable[[Float[Array, " phase"]], Scalar], *, loss: float = LOSS
    ) -> Complex[Array, "*levels"]:
        """Coefficients of a Husimi density ρ(ξ).

        By a quadrature that is exact for states in the levels kept and 4 more of each mode. An
        error of ρ grows up to threefold with each level: in double precision the coefficients have
        errors of 1e-11 in 8 levels and 1e-9 in 12. More than 15 levels in all, and single
        precision, need a larger `loss`. Whether ρ̂ is positive is not asked.

        Args:
            density: ρ per dq dp at one point ξ = (q₁…q_N, p₁…p_N), real.
            loss: Share of the state that may lie beyond the cut-off.

        Raises:
            InputError: If `density` does not return one real finite number, `cutoff` is too large,
                more than `loss` of the state lies beyond it, or the coefficients change by more
                than √loss of their norm with 2 levels more: ρ is no Husimi density of this basis.
                If ρ is traced, they become NaN.
        """
        not_negative("loss", loss, shape=())
        levels = tuple(n + FURTHER for n in self.cutoff)
        error = 3.0 ** (1 + sum(self.cutoff)) * float(jnp.finfo(float).eps)
        if error > loss:
            raise InputError(
                f"`cutoff` must be lower than {self.cutoff}, or `loss` larger: round-off grows "
                f"threefold with each level, to {error:.1g} here."
            )
        values = of_husimi.values_at(density, self.space, levels)
        less = of_husimi.coefficients(values, tuple(n - 2 for n in levels), levels)
        rho = of_husimi.coefficients(values, levels, levels)
        change = _resized(rho, self.levels) - _resized(less, self.levels)
        rho = require(
            rho,
            jax.lax.stop_gradient(_norm(change) <= math.sqrt(loss) * _norm(rho)),
            "`density` must be a Husimi density that this basis determines, but its coefficients "
            "change by more than √loss with the number of further levels: take another `cutoff`.",
        )
        return self._kept_of(rho.reshape(2 * [math.prod(levels)]), levels, loss)

    def from_wave(
        self, grid: Grid, psi: Inexact[Array, "*shape"], *, loss: float = LOSS
    ) -> Complex[Array, "*cutoff"]:
        """Amplitudes `⟨m|ψ⟩ = ∫ φ_m ψ dx` of a wave function.

        φ_m are products of the oscillator's eigenfunctions of widths ℓ_i, and ħ = κ. The error is
        as small as the waves of ψ and φ_m that `grid` does not resolve, and as ψ at the edges.

        Args:
            grid: Box with an axis for each mode.
            psi: ψ.
            loss: Share of ∫|ψ|² that may lie beyond the cut-off, and that `grid` may miss.

        Raises:
            InputError: If ψ is not on `grid`, more than `loss` of it lies beyond the cut-off, or
                `grid` does not resolve or contain a level that ψ occupies.
        """
        not_negative("loss", loss, shape=())
        psi = field_on(grid, "psi", psi) + 0j
        forth, back = self._transforms(grid)
        ket = forth(psi)
        rest, all_of = jax.lax.stop_gradient((psi - back(ket), psi))
        beyond = jnp.sum(density(rest)) / _one_if_0(jnp.sum(density(all_of)))
        return self._held(_on_grid(ket, forth(back(ket)), loss, ket), beyond, loss)

    def to_wave(
        self, grid: Grid, ket: Inexact[Array, "*cutoff"], *, loss: float = LOSS
    ) -> Complex[Array, "*shape"]:
        """The wave function `ψ = Σ_m ⟨m|ψ⟩ φ_m` on a grid, see `from_wave`.

        Args:
            grid: Box with an axis for each mode.
            ket: Amplitudes.
            loss: Share of the norm that `grid` may miss.

        Raises:
            InputError: If `ket` has another shape, or `grid` does not resolve or contain a level
                that it occupies.
        """
        not_negative("loss", loss, shape=())
        ket = field("ket", ket, self.cutoff) + 0j
        forth, back = self._transforms(grid)
        psi = back(ket)
        return _on_grid(ket, forth(psi), loss, psi)

    def _transforms(self, grid: Grid) -> tuple[Callable, Callable]:
        """From ψ on a grid to amplitudes and back."""
        require_instance(Grid, grid=grid)
        if grid.dim != self.modes:
            raise InputError(
                f"`grid` must have an axis for each of the {self.modes} modes, but has {grid.dim}."
            )
        axes = zip(grid.lower, grid.spacing, grid.shape, self.space.ell, self.cutoff, strict=True)
        functions = [
            oscillator(levels, jnp.asarray((a + dx * np.arange(n)) / ell)) / jnp.sqrt(ell)
            for a, dx, n, ell, levels in axes
        ]
        forth = lambda psi: _along_axes(psi, [f.T for f in functions]) * grid.cell * self.kept_kets
        return forth, lambda ket: _along_axes(ket * self.kept_kets, functions)

    def _from(self, name: str, array, levels: tuple[int, ...], loss: float):
        """Coefficients of a matrix or ket, the argument `name`."""
        not_negative("loss", loss, shape=())
        array, size = field(name, array) + 0j, math.prod(levels)
        if len(levels) != self.modes or array.shape not in [(size,), (size, 1), (size, size)]:
            raise InputError(
                f"`{name}` must be a ket or matrix of {self.modes} modes with {levels} levels, but "
                f"has shape {array.shape}: give its `levels`."
            )
        if array.shape == (size, size):
            return self._kept_of(array, levels, loss)
        beyond = self._outside(density(jax.lax.stop_gradient(array)), levels)
        ket = _resized(array.reshape(levels), self.cutoff) * self.kept_kets
        return self.pure(self._held(ket, beyond, loss))

    def _kept_of(self, matrix: Complex[Array, "d d"], levels: tuple[int, ...], loss: float):
        """The part of a matrix that the basis has: all but `loss` of its trace and squares."""
        size = density(jax.lax.stop_gradient(matrix))
        weights = jnp.sqrt(jnp.diag(size)), jnp.sum(size, axis=1)
        beyond = jnp.maximum(*(self._outside(w, levels) for w in weights))
        return self._held(
            _resized(matrix.reshape(2 * levels), self.levels) * self.kept, beyond, loss
        )

    def _outside(self, weights: Float[Array, "..."], levels: tuple[int, ...]) -> Scalar:
        """Share of the weights of number states that the basis does not have."""
        index = np.indices(levels)
        outside = (np.array(self.cutoff) <= index.T).T.any(axis=0)
        if self.quanta is not None:
            outside |= index.sum(axis=0) > self.quanta
        weights = weights.reshape(levels)
        return jnp.sum(jnp.where(outside, weights, 0.0)) / _one_if_0(jnp.sum(weights))


def _one_if_0(x: Scalar) -> Scalar:
    return jnp.where(x == 0, 1.0, x)


def _resized(array: Array, shape: tuple[int, ...]) -> Array:
    """`array` cut off and filled with zeros."""
    cut = array[tuple(slice(n) for n in shape)]
    return jnp.pad(cut, [(0, n - have) for n, have in zip(shape, cut.shape, strict=True)])


def _along_axes(values: Array, matrices: list) -> Array:
    """`Σ_{a,b,…} values_ab… matrix¹_ai matrix²_bj …`"""
    for matrix in matrices:
        values = jnp.tensordot(values, matrix, axes=(0, 0))
    return values


def _norm(array: Array) -> Scalar:
    return jnp.linalg.norm(array.ravel())


def _on_grid(ket, again, loss: float, result):
    """`result`, if the grid gives all of a ket `again`."""
    ket, again = jax.lax.stop_gradient((ket, again))
    round_off = 1e2 * jnp.finfo(ket.dtype).eps
    return require(
        result,
        _norm(again - ket) <= (loss + round_off) * _norm(ket),
        "`grid` must resolve and contain all levels of the state, but does not: take more points "
        "or a larger box.",
    )
