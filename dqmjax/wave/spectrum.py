"""Ground and excited states of a Hamiltonian on a grid."""

import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from jaxtyping import Array, Float
from scipy.sparse.linalg import lobpcg

from ..errors import InputError
from ..grid import Grid, density
from .hamiltonian import Hamiltonian

MOST_DENSE = 1024  # points up to which the matrix is diagonalised whole
ROUNDS = 50  # of twenty iterations
GUARD = 6  # more vectors than asked for, so that the last ones converge as fast


def eigenstates(
    hamiltonian: Hamiltonian, grid: Grid, count: int, *, tolerance: float | None = None
) -> tuple[Float[Array, " count"], Float[Array, "count *shape"]]:
    """The lowest `count` levels, `Ĥψ_n = E_nψ_n`, degenerate ones included.

    Diagonalises the matrix on up to 1024 points; else LOBPCG (Knyazev 2001,
    doi:10.1137/S1064827500366124), preconditioned by the kinetic energy. An energy is the
    mean of Ĥ, so its error is of the order of the residual squared, and its gradient is that
    of Hellmann and Feynman, exact wherever levels do not cross; it cannot be differentiated again.
    The states are constants to differentiation.

    Args:
        hamiltonian: Of real potential, taken at t = 0.
        grid: Periodic box.
        count: How many.
        tolerance: Largest `‖Ĥψ − Eψ‖` allowed, in units of energy; 5√ε by default, 7e-8 in double
            precision.

    Returns:
        Energies, ascending, and real normalised states.

    Raises:
        InputError: If `count` is not between 1 and a quarter of the points, V is complex, or a
            second derivative is asked for.
        RuntimeError: If a residual is above `tolerance` in the end.
    """
    size = int(np.prod(grid.shape))
    if not isinstance(count, int) or not 1 <= count <= size // 4:
        raise InputError(f"`count` must be between 1 and {size // 4} here, but is {count!r}.")
    potential = hamiltonian.potential_on(grid)
    if jnp.iscomplexobj(potential):
        raise InputError("`potential` must be real to have levels, but is complex.")
    most = 5 * float(jnp.finfo(potential.dtype).eps) ** 0.5 if tolerance is None else tolerance
    given = jax.lax.stop_gradient((hamiltonian.kinetic(grid), potential))
    shape = jax.ShapeDtypeStruct((count, *grid.shape), potential.dtype)
    states = jax.pure_callback(
        lambda kinetic, potential: _solve(np.asarray(kinetic), np.asarray(potential), count, most),
        shape,
        *given,
        vmap_method="sequential",
    )
    states = jax.lax.stop_gradient(states / jnp.sqrt(grid.cell))
    kinetic = hamiltonian.kinetic(grid)
    mean = lambda psi: _mean_energy(kinetic, potential, psi) * grid.cell
    energies = jax.vmap(mean)(states)
    rest = jnp.stack([hamiltonian.apply(grid, psi + 0j) for psi in states])
    rest = rest - energies.reshape(-1, *[1] * grid.dim) * states
    residual = jnp.sqrt(jnp.sum(jnp.abs(rest) ** 2, axis=tuple(range(1, rest.ndim))) * grid.cell)
    message = "The levels did not converge to `tolerance`: raise it, or resolve the potential."
    energies = eqx.error_if(energies, ~(residual <= most).all(), message)
    return energies, states


def _mean(kinetic, potential, psi):
    waves = density(jnp.fft.fftn(psi, norm="ortho"))
    return jnp.sum(kinetic * waves) + jnp.sum(potential * psi**2)


@jax.custom_jvp
def _mean_energy(kinetic, potential, psi):
    """`⟨ψ|T + V|ψ⟩`, with Hellmann and Feynman's derivative."""
    return _mean(kinetic, potential, psi)


@_mean_energy.defjvp
def _mean_energy_jvp(primals, tangents):
    (kinetic, potential, psi), (d_kinetic, d_potential, _) = primals, tangents
    slope = _mean(d_kinetic, d_potential, _moving(psi, kinetic, potential))
    return _mean(*primals), slope


@jax.custom_jvp
def _moving(psi, kinetic, potential):
    """ψ, of which the derivatives are not known."""
    return psi


@_moving.defjvp
def _moving_jvp(primals, tangents):
    raise InputError("levels can be differentiated once only: take differences of the gradient.")


def ground_state(
    hamiltonian: Hamiltonian, grid: Grid, *, tolerance: float | None = None
) -> tuple[Float[Array, ""], Float[Array, "*shape"]]:
    """The lowest level and its state: `eigenstates` for one."""
    energies, states = eigenstates(hamiltonian, grid, 1, tolerance=tolerance)
    return energies[0], states[0]


def _solve(kinetic: np.ndarray, potential: np.ndarray, count: int, tolerance: float) -> np.ndarray:
    """Orthonormal states, one a row, from the values of T(k) and V(x)."""
    axes = tuple(range(1, potential.ndim + 1))

    def fields(columns):
        return columns.T.reshape(-1, *potential.shape)

    def filtered(columns, values):
        waves = values * np.fft.fftn(fields(columns), axes=axes)
        return np.fft.ifftn(waves, axes=axes).real.reshape(columns.shape[1], -1).T

    def apply(columns):
        return filtered(columns, kinetic) + potential.ravel()[:, None] * columns

    size = potential.size
    if size <= MOST_DENSE:
        matrix = apply(np.eye(size))
        _, vectors = scipy.linalg.eigh((matrix + matrix.T) / 2, subset_by_index=[0, count - 1])
    else:
        vectors = _lobpcg(
            apply, lambda v, shift: filtered(v, 1 / (kinetic + shift)), potential, count, tolerance
        )
    return vectors.T.reshape(count, *potential.shape).astype(potential.dtype)


def _lobpcg(apply, smooth, potential: np.ndarray, count: int, tolerance: float) -> np.ndarray:
    """The lowest eigenvectors, as columns; begun anew now and then, which keeps them orthogonal."""
    size = potential.size
    shift = max(1.0, np.ptp(potential) / 100)
    weight = np.exp(-(potential - potential.min()) / shift).ravel()[:, None]
    vectors = np.random.default_rng(0).normal(size=(size, count + GUARD)) * weight
    values = np.zeros(count + GUARD)
    for _ in range(ROUNDS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it speaks of the guard vectors, too
            values, vectors = lobpcg(
                apply,
                vectors,
                M=lambda columns: smooth(columns, shift),
                largest=False,
                tol=tolerance / 2,
                maxiter=20,
            )
        lowest = np.argsort(values)[:count]
        rest = apply(vectors[:, lowest]) - vectors[:, lowest] * values[lowest]
        if np.linalg.norm(rest, axis=0).max() < tolerance / 2:
            break
    return vectors[:, np.argsort(values)[:count]]
