"""Ground and excited states of a Hamiltonian on a grid."""

import functools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import (
    InputError,
    is_known,
    positive,
    require_instance,
    require_whole,
)
from ..grid import UNRESOLVED, Grid, edge_share, unresolved_share
from .eigensolver import (
    MOST_DENSE,
    column,
    filtered,
    kinetic_scale,
    lengths,
    lowest,
    means,
    rows_of,
)
from .hamiltonian import Hamiltonian
from .potentials import potential_at

SHORT = 1e-3  # largest share of short waves: a smooth potential's levels are right to 1e-6 K
HIDDEN = 0.1  # largest error of ⟨V⟩ in units of K: steps of V remain possible
FAULTS = (
    "did not converge to `tolerance`: raise it, or use double precision",
    "have short waves that `grid` does not resolve: take more points, a smoother potential or "
    "fewer levels",
    "depend on V between the points of `grid`: take more points, or a smoother potential",
    "reach the edge of `grid`, which is isolated: take a larger one",
)
ONCE_ONLY = (
    "Energy levels can be differentiated once only, because the derivative of an eigenstate is not "
    "implemented. Use finite differences of the gradient."
)


def eigenstates(
    hamiltonian: Hamiltonian,
    grid: Grid,
    count: int,
    *,
    tolerance: Float[Array, ""] | float | None = None,
) -> tuple[Float[Array, " count"], Float[Array, "count *shape"]]:
    """The lowest `count` levels, `Ĥψ_n = E_nψ_n`, degenerate ones included.

    Up to 1024 points the matrix is diagonalised. Beyond, LOBPCG (Knyazev 2001,
    doi:10.1137/S1064827500366124) is preconditioned by the kinetic and the potential energy
    (Antoine, Levitt, Tang 2017, doi:10.1016/j.jcp.2017.04.040). An energy is the mean of Ĥ, so that
    its error is of the order of the residual squared. Its gradient is that of Hellmann and
    Feynman, exact wherever levels do not cross; there is no second derivative. The states are
    constants to differentiation.

    Three checks follow, in units of K, the largest kinetic energy of the states plus that of the
    longest wave: the residual; the share of short waves in ψ, `grid.unresolved_share`, at most
    1e-3; and the change of ⟨V⟩ if it is taken between the points, at most K/10, which estimates the
    error of an energy. If the grid is isolated, the share of ρ at its edge is checked, too.

    Args:
        hamiltonian: With a real potential, taken at t = 0.
        grid: Periodic box.
        count: Number of levels.
        tolerance: Largest `‖Ĥψ − Eψ‖` in units of K; by default 5√ε, which is 7e-8 in double
            precision. Larger values loosen the other checks, too: 1 accepts all levels of the
            grid.

    Returns:
        Energies, ascending, and real normalised states. Under `jit`, levels that fail a check are
        NaN.

    Raises:
        InputError: If `count` is not between 1 and the number of points (a quarter of it above
            1024 points), V is complex or not finite, the grid does not resolve the levels, or a
            second derivative is taken.
        RuntimeError: If a residual exceeds `tolerance`.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> energies, states = dqm.eigenstates(dqm.Hamiltonian(dqm.Harmonic()), grid, 3)
        >>> energies.round(3).tolist()
        [0.5, 1.5, 2.5]
    """
    require_instance(Hamiltonian, hamiltonian=hamiltonian)
    require_instance(Grid, grid=grid)
    size = math.prod(grid.shape)
    most = size if size <= MOST_DENSE else size // 4
    require_whole(1, count=count)
    if count > most:
        raise InputError(f"`count` must be between 1 and {most} here, but is {count}.")
    hamiltonian.require_real(grid.dim, "Remove what absorbs: a decaying system has no levels.")
    kinetic = hamiltonian.kinetic(grid)
    potential = hamiltonian.potential_on(grid).astype(kinetic.dtype)
    if tolerance is None:
        tolerance = 5 * float(jnp.finfo(kinetic.dtype).eps) ** 0.5
    tolerance = positive("tolerance", tolerance, ())
    energies, vectors = _levels(count, tolerance, kinetic, potential)
    fixed = jax.lax.stop_gradient((tolerance, kinetic, potential, energies, vectors))
    trust = _trust(_faults(hamiltonian, grid, *fixed))
    states = vectors / math.sqrt(grid.cell)
    return energies * trust, states * trust.reshape(-1, *[1] * grid.dim)


def ground_state(
    hamiltonian: Hamiltonian, grid: Grid, *, tolerance: Float[Array, ""] | float | None = None
) -> tuple[Float[Array, ""], Float[Array, "*shape"]]:
    """The lowest level and its state, `Ĥψ₀ = E₀ψ₀`: `eigenstates` for one, with its errors.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> energy, psi = dqm.ground_state(dqm.Hamiltonian(dqm.Harmonic()), grid)
        >>> round(float(energy), 3)
        0.5
    """
    energies, states = eigenstates(hamiltonian, grid, 1, tolerance=tolerance)
    return energies[0], states[0]


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _levels(count: int, tolerance, kinetic, potential):
    """`E_n = ⟨ψ_n|T + V|ψ_n⟩` and ψ_n, of unit length, from the values of T(k) and V(x)."""
    states = _states(count, tolerance, kinetic, potential)
    return means(kinetic, potential, states), states


@_levels.defjvp
def _hellmann_feynman(count, primals, tangents):
    """`dE_n = ⟨ψ_n|dT + dV|ψ_n⟩`, while ψ_n counts as a constant."""
    (tolerance, kinetic, potential), (_, d_kinetic, d_potential) = primals, tangents
    states = _states(count, tolerance, kinetic, potential)
    energies = means(kinetic, potential, states)
    return (energies, states), (means(d_kinetic, d_potential, states), jnp.zeros_like(states))


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _states(count: int, tolerance, kinetic, potential):
    """ψ_n as a function of T(k) and V(x)."""
    return lowest(count, tolerance, kinetic, potential)


@_states.defjvp
def _no_derivative(count, primals, tangents):
    """Only a derivative of `_hellmann_feynman`, a second derivative, comes here."""
    raise InputError(ONCE_ONLY)


@eqx.filter_jit
def _faults(hamiltonian, grid, tolerance, kinetic, potential, energies, vectors) -> list:
    """Sizes of the faults of each level, in the order of `FAULTS`; above 1 they exceed limits."""
    scale = kinetic_scale(kinetic, vectors)
    loose = jnp.where(tolerance < 1, tolerance, jnp.inf)
    rest = filtered(vectors, kinetic) + (potential - column(energies, vectors)) * vectors
    residual = lengths(rest / scale) / tolerance
    short = jax.vmap(lambda psi: unresolved_share(grid, psi + 0j))(vectors)
    hidden = jnp.abs(_hidden(hamiltonian, grid, vectors)) / scale
    faults = [residual, short / jnp.maximum(SHORT, loose), hidden / jnp.maximum(HIDDEN, loose)]
    if grid.isolated:
        edge = jax.vmap(lambda psi: edge_share(grid, psi**2))(vectors)
        faults.append(edge / jnp.maximum(UNRESOLVED, loose))
    return faults


def _hidden(hamiltonian, grid, vectors):
    """`⟨V⟩` on a finer lattice minus that on the grid, for interpolated ψ.

    The lattice consists of eight copies of the grid, shifted by parts of its spacing.
    """
    waves = jnp.fft.fftn(vectors, axes=tuple(range(1, vectors.ndim)))
    per_axis = lambda numbers: np.reshape(numbers, (-1, *[1] * grid.dim))
    lower = per_axis(grid.lower)
    shifts = [[j * 3**axis % 8 / 8 * dx for axis, dx in enumerate(grid.spacing)] for j in range(8)]

    def average(shift):
        angle = jnp.tensordot(shift, grid.k, 1)
        psi = jnp.fft.ifftn(jnp.exp(1j * angle) * waves, axes=tuple(range(1, vectors.ndim))).real
        box = per_axis(grid.upper) - lower
        points = lower + (grid.points - lower + shift.reshape(lower.shape)) % box
        potential = potential_at(hamiltonian.potential, points)
        return jnp.sum(rows_of(potential * psi**2), axis=1)

    averages = jax.lax.map(average, jnp.asarray(shifts))
    return jnp.mean(averages, axis=0) - averages[0]


def _trust(faults: list):
    """1 for each level without a fault, NaN for the others.

    Raises:
        InputError: If the faults are known, and the grid is too coarse.
        RuntimeError: If the faults are known, and a residual is too large.
    """
    faults = jax.lax.stop_gradient(faults)
    for message, size in zip(FAULTS, faults, strict=False):
        if is_known(size) and not (size <= 1).all():
            levels = ", ".join(map(str, np.flatnonzero(~(np.asarray(size) <= 1))))
            error = InputError if "`grid`" in message else RuntimeError
            raise error(f"Levels {levels} {message}.")
    sizes = jnp.stack(faults)
    return jnp.where((sizes <= 1).all(axis=0), 1.0, jnp.nan).astype(sizes.dtype)
