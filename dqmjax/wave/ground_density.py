"""The density of least energy of particles that interact, as in the Gross–Pitaevskii equation."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import InputError, is_traced, positive, require_instance, require_whole
from ..grid import UNRESOLVED, Grid, density, unresolved_share
from ..user_function import called_once
from .hamiltonian import Hamiltonian

MOST_HALVINGS = 30  # of a step that does not lower the energy
ROUND_OFF = 1e-14  # of an energy, by which a step may raise it
Scalar = Float[Array, ""]


class GroundState(NamedTuple):
    """What `ground_density` found.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> attraction = lambda rho: -1.0 * grid.integrate(rho**2)
        >>> found = dqm.ground_density(dqm.Hamiltonian(dqm.Free()), grid, attraction)
        >>> round(float(found.energy), 3)  # of a bright soliton: −1/6
        -0.167
    """

    rho: Float[Array, "*shape"]  # ∫ρ dx is the total
    energy: Scalar
    chemical_potential: Scalar  # μ = δE/δρ, where ρ is not 0
    residual: Scalar  # ‖(T + V + δI/δρ − μ)√ρ‖ over that of the start
    iterations: Array


class _Search(NamedTuple):
    phi: Array
    slope: Array  # the residual
    direction: Array
    energy: Array
    iterations: Array
    is_stuck: Array


def ground_density(
    hamiltonian: Hamiltonian,
    grid: Grid,
    interaction: Callable[[Float[Array, "*shape"]], Array],
    *,
    total: float = 1.0,
    tolerance: float = 1e-8,
    most: int = 2000,
) -> GroundState:
    """The density of least energy, such as that of the Gross–Pitaevskii equation.

    `E[ρ] = ⟨√ρ|Ĥ|√ρ⟩ + I[ρ] → min`, `∫ρ dx` fixed: `(T + V + δI/δρ) √ρ = μ √ρ`

    By conjugate gradients for φ = √ρ on the sphere of fixed norm, preconditioned by the kinetic
    and the potential energy; each step goes to the minimum of a parabola (Antoine, Levitt & Tang
    2017, doi:10.1016/j.jcp.2017.04.040).

    Args:
        hamiltonian: Masses, ħ and V, which is real and without t.
        grid: Periodic box.
        interaction: I[ρ], one number, such as `g/2 ∫ρ² dx`.
        total: ∫ρ dx.
        tolerance: At which residual to stop, relative to that of a broad start.
        most: Iterations.

    Raises:
        InputError: If an argument is traced, V depends on t or is complex, `interaction` returns
            no real number, or the grid does not resolve the state.
        RuntimeError: If the residual is above `tolerance` after `most` iterations.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> repulsion = lambda rho: 50.0 * grid.integrate(rho**2)
        >>> found = dqm.ground_density(dqm.Hamiltonian(dqm.Harmonic()), grid, repulsion)
        >>> round(float(found.chemical_potential), 2)  # Thomas and Fermi: 14.12
        14.13
    """
    require_instance(Hamiltonian, hamiltonian=hamiltonian)
    require_instance(Grid, grid=grid)
    if is_traced(hamiltonian, interaction, total):
        raise InputError("`hamiltonian` must be known, but is traced: the search ends by itself.")
    hamiltonian.require_static(grid.dim, "Freeze it at one time.")
    hamiltonian.require_real(grid.dim, "Remove what absorbs.")
    try:
        found = called_once("interaction", interaction, np.ones(grid.shape))
    except TypeError as error:
        raise InputError(f"`interaction` must be a function of ρ, but raises: {error}.") from None
    if found.shape != () or jnp.iscomplexobj(found):
        raise InputError(
            f"`interaction` must return one real number, but returns {found.dtype}{found.shape}."
        )
    total, tolerance = (
        float(positive("total", total, ())),
        float(positive("tolerance", tolerance, ())),
    )
    require_whole(1, most=most)
    found = _found(hamiltonian, grid, interaction, total, tolerance, most)
    if not float(found.residual) <= tolerance:
        raise RuntimeError(
            f"The residual is {float(found.residual):.1e} after {int(found.iterations)} "
            f"iterations, above `tolerance` = {tolerance:g}: raise it, or `most`."
        )
    share = float(unresolved_share(grid, jnp.sqrt(found.rho) + 0j))
    if share > UNRESOLVED:
        raise InputError(
            f"`grid` must resolve the state, but a part {share:.1e} of it is in short waves: take "
            "more points."
        )
    return found


@eqx.filter_jit
def _found(hamiltonian, grid: Grid, interaction, total, tolerance, most: int) -> GroundState:
    cell, kinetic = grid.cell, hamiltonian.kinetic(grid)
    potential = hamiltonian.potential_on(grid)
    lowest = jnp.min(potential)

    def value(phi):
        """Without the energy of the lowest V."""
        waves = grid.fft(phi + 0j, norm="ortho")
        linear = jnp.sum(kinetic * density(waves)) + jnp.sum((potential - lowest) * phi**2)
        return total * cell * linear + interaction(total * phi**2)

    inner = lambda a, b: jnp.sum(a * b) * cell
    tangent = lambda phi, x: x - inner(phi, x) * phi
    unit = lambda x: x / jnp.sqrt(inner(x, x))
    gradient = lambda phi: jax.grad(value)(phi) / cell

    def precondition(phi, slope):
        """Approximates `(T + V + ⟨T + V⟩)⁻¹`."""
        waves = density(grid.fft(phi + 0j))
        depth = potential - lowest
        shift = jnp.sum(kinetic * waves) / jnp.sum(waves) + inner(depth * phi, phi)
        root = (depth + shift) ** -0.5
        waves = grid.fft(root * slope + 0j) / (kinetic + shift)
        return tangent(phi, root * grid.ifft(waves).real)

    def improve(search: _Search) -> _Search:
        phi, along = search.phi, unit(search.direction)
        turned = lambda angle: jnp.cos(angle) * phi + jnp.sin(angle) * along
        on_circle = lambda angle: value(turned(angle))
        first = jax.grad(on_circle)
        rate, bend = jax.jvp(first, (0.0,), (1.0,))
        angle = jnp.where(bend > 0, -rate / jnp.where(bend > 0, bend, 1.0), -0.1 * jnp.sign(rate))
        angle = jnp.clip(angle, -1.0, 1.0)

        def too_long(carry):
            angle, halvings = carry
            least = search.energy + ROUND_OFF * jnp.abs(search.energy)
            return ~(on_circle(angle) <= least) & (halvings < MOST_HALVINGS)

        angle, halvings = jax.lax.while_loop(too_long, lambda c: (c[0] / 2, c[1] + 1), (angle, 0))
        phi = unit(turned(angle))
        slope = tangent(phi, gradient(phi))
        better, before = precondition(phi, slope), precondition(search.phi, search.slope)
        share = inner(better, slope - search.slope) / inner(before, search.slope)
        share = jnp.where(halvings < MOST_HALVINGS, jnp.maximum(share, 0.0), 0.0)
        direction = -better + share * tangent(phi, search.direction)
        is_stuck = (halvings >= MOST_HALVINGS) & (share == 0) & (search.iterations > 0)
        return _Search(phi, slope, direction, value(phi), search.iterations + 1, is_stuck)

    edges = zip(grid.points, grid.lower, grid.upper, strict=True)
    phi = unit(
        jnp.prod(jnp.stack([jnp.sin(np.pi * (x - a) / (b - a)) ** 2 for x, a, b in edges]), 0)
    )
    slope = tangent(phi, gradient(phi))
    begin = _Search(
        phi, slope, -precondition(phi, slope), value(phi), jnp.zeros((), int), jnp.array(False)
    )
    size = jnp.sqrt(inner(slope, slope))
    part = lambda search: jnp.sqrt(inner(search.slope, search.slope)) / size
    goes_on = lambda s: (part(s) > tolerance) & (s.iterations < most) & ~s.is_stuck
    end = jax.lax.while_loop(goes_on, improve, begin)
    rho = total * end.phi**2
    mu = inner(end.phi, gradient(end.phi)) / (2 * total)
    return GroundState(rho, end.energy + total * lowest, mu + lowest, part(end), end.iterations)
