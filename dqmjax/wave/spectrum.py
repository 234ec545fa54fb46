"""Ground and excited states of a Hamiltonian on a grid."""

import functools
import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Array, Float

from ..errors import InputError
from ..grid import Grid, density
from .hamiltonian import Hamiltonian

MOST_DENSE = 1024  # points up to which the whole matrix is diagonalised
ROUNDS = 50  # of twenty iterations
GUARD = 6  # extra vectors, so that the last ones asked for converge as fast as the first
ONCE_ONLY = (
    "Energy levels can be differentiated once only, because the derivative of an eigenstate is not "
    "implemented. Use finite differences of the gradient."
)


def eigenstates(
    hamiltonian: Hamiltonian, grid: Grid, count: int, *, tolerance: float | None = None
) -> tuple[Float[Array, " count"], Float[Array, "count *shape"]]:
    """The lowest `count` levels, `Ĥψ_n = E_nψ_n`, degenerate ones included.

    Up to 1024 points the matrix is diagonalised; beyond, LOBPCG (Knyazev 2001,
    doi:10.1137/S1064827500366124) is preconditioned by the kinetic energy. An energy is the mean
    of Ĥ, so that its error is of the order of the residual squared. Its gradient is that of
    Hellmann and Feynman, exact wherever levels do not cross; there is no second derivative. The
    states are constants to differentiation.

    Args:
        hamiltonian: With a real potential, taken at t = 0.
        grid: Periodic box.
        count: Number of levels.
        tolerance: Largest `‖Ĥψ − Eψ‖` allowed, in units of energy; by default 5√ε, which is 7e-8
            in double precision.

    Returns:
        Energies, ascending, and real normalised states.

    Raises:
        InputError: If `count` is not between 1 and a quarter of the points, V is complex, or a
            second derivative is taken.
        RuntimeError: If a residual stays above `tolerance`.
    """
    size = int(np.prod(grid.shape))
    if not isinstance(count, int) or not 1 <= count <= size // 4:
        raise InputError(f"`count` must be between 1 and {size // 4} here, but is {count!r}.")
    hamiltonian.require_real(grid.dim, "Remove what absorbs: a decaying system has no levels.")
    potential = hamiltonian.potential_on(grid)
    most = 5 * float(jnp.finfo(potential.dtype).eps) ** 0.5 if tolerance is None else tolerance
    energies, vectors = _levels(count, most, hamiltonian.kinetic(grid), potential)
    states = vectors / jnp.sqrt(grid.cell)
    rest = jnp.stack([hamiltonian.apply(grid, psi + 0j) for psi in states])
    rest = rest - energies.reshape(-1, *[1] * grid.dim) * states
    residual = jnp.sqrt(jnp.sum(density(rest), axis=tuple(range(1, rest.ndim))) * grid.cell)
    message = "The levels did not converge to `tolerance`: raise it, or resolve the potential."
    return eqx.error_if(energies, ~(residual <= most).all(), message), states


def ground_state(
    hamiltonian: Hamiltonian, grid: Grid, *, tolerance: float | None = None
) -> tuple[Float[Array, ""], Float[Array, "*shape"]]:
    """The lowest level and its state: `eigenstates` for one."""
    energies, states = eigenstates(hamiltonian, grid, 1, tolerance=tolerance)
    return energies[0], states[0]


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _levels(count: int, tolerance: float, kinetic, potential):
    """`E_n = ⟨ψ_n|T + V|ψ_n⟩` and ψ_n, of unit length, from the values of T(k) and V(x)."""
    states = _states(count, tolerance, kinetic, potential)
    return _means(kinetic, potential, states), states


@_levels.defjvp
def _hellmann_feynman(count, tolerance, primals, tangents):
    """`dE_n = ⟨ψ_n|dT + dV|ψ_n⟩`, while ψ_n counts as a constant."""
    (kinetic, potential), (d_kinetic, d_potential) = primals, tangents
    states = _states(count, tolerance, kinetic, potential)
    energies = _means(kinetic, potential, states)
    return (energies, states), (_means(d_kinetic, d_potential, states), jnp.zeros_like(states))


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _states(count: int, tolerance: float, kinetic, potential):
    """ψ_n as a function of T(k) and V(x), computed on the host."""
    return jax.pure_callback(
        lambda kinetic, potential: _solve(
            np.asarray(kinetic), np.asarray(potential), count, tolerance
        ),
        jax.ShapeDtypeStruct((count, *potential.shape), potential.dtype),
        kinetic,
        potential,
        vmap_method="sequential",
    )


@_states.defjvp
def _no_derivative(count, tolerance, primals, tangents):
    """Only a derivative of `_hellmann_feynman`, a second derivative, comes here."""
    raise InputError(ONCE_ONLY)


def _means(kinetic, potential, states):
    """`⟨ψ|T + V|ψ⟩` of each state; linear in T and V."""

    def mean(psi):
        waves = density(jnp.fft.fftn(psi, norm="ortho"))
        return jnp.sum(kinetic * waves) + jnp.sum(potential * psi**2)

    return jax.vmap(mean)(states)


def _solve(kinetic: np.ndarray, potential: np.ndarray, count: int, tolerance: float) -> np.ndarray:
    """Orthonormal states, one per row, from the values of T(k) and V(x)."""
    axes = tuple(range(1, potential.ndim + 1))

    def filtered(columns, values):
        """Multiplies the waves of each column by `values`."""
        fields = columns.T.reshape(-1, *potential.shape)
        waves = values * np.fft.fftn(fields, axes=axes)
        return np.fft.ifftn(waves, axes=axes).real.reshape(columns.shape[1], -1).T

    def apply(columns):
        return filtered(columns, kinetic) + potential.ravel()[:, None] * columns

    size = potential.size
    if size <= MOST_DENSE:
        matrix = apply(np.eye(size))
        _, vectors = scipy.linalg.eigh((matrix + matrix.T) / 2, subset_by_index=[0, count - 1])
    else:
        smooth = lambda columns, shift: filtered(columns, 1 / (kinetic + shift))
        vectors = _lobpcg(apply, smooth, potential, count, tolerance)
    return vectors.T.reshape(count, *potential.shape).astype(potential.dtype)


def _lobpcg(apply, smooth, potential: np.ndarray, count: int, tolerance: float) -> np.ndarray:
    """The lowest eigenvectors, as columns. LOBPCG is restarted every twenty iterations, which
    keeps them orthogonal."""
    size = potential.size
    shift = max(1.0, np.ptp(potential) / 100)
    weight = np.exp(-(potential - potential.min()) / shift).ravel()[:, None]
    vectors = np.random.default_rng(0).normal(size=(size, count + GUARD)) * weight
    values = np.zeros(count + GUARD)
    for _ in range(ROUNDS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns about the guard vectors, too
            values, vectors = scipy.sparse.linalg.lobpcg(
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
