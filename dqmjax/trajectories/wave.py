"""Particles of a wave function: Bohm's trajectories and Nelson's diffusion."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact

from ..canonical.background import MassStep
from ..canonical.split_step import CanonicalStep
from ..errors import finite, require, require_key, require_type
from ..evolution.solution import Solution
from ..grid import Grid, density, one_per_axis
from ..splines import spline_at, spline_coefficients
from ..wave.chebyshev import Chebyshev
from ..wave.hamiltonian import Hamiltonian
from ..wave.split_step import SplitStep
from .ensemble import Trajectories, places
from .paths import Knots, Points, follow, require_particles, require_states, without_mean_energy

ConstantMass = SplitStep | Chebyshev | CanonicalStep


def bohm(
    stepper: ConstantMass | MassStep,
    solution: Solution,
    starts: Float[Array | np.ndarray, "particles dim"],
    *,
    substeps: int = 4,
) -> Trajectories:
    """`dx_i/dt = (ħ/m_i) Im(∂_iψ/ψ) = ∂_iS/m_i`, the particles that `ρ = |ψ|²` carries along.

    Where many start with the density `|ψ|²`, they have it at all times, relative to the norm left
    outside of absorbing edges: particles do not vanish there but pile up.

    Args:
        stepper: Hamiltonian and grid of the run, of ψ or of (ρ, S); of a `MassStep` m_i is m(x).
        solution: That run, with all its states saved at its times. Between them ψ is interpolated
            with its derivative, with an error of fourth order, and between grid points by splines
            of degree five.
        starts: Positions at the first time.
        substeps: Steps between two times, an even number.

    Returns:
        Positions at the times of the run. The coarse ones use every second saved state and steps
        twice as long, so that `step_error` includes that of the interpolation in time.

    Raises:
        InputError: If a start is outside the box or where ρ = 0, a saved state fails, `substeps` is
            not even, or a path ends in NaN at a zero of ψ. Traced, the positions are NaN instead.

    Reference: D. Bohm (1952), doi:10.1103/PhysRev.85.166.

    Example:
        >>> grid = dqm.Grid(-8, 8, 128)
        >>> step = dqm.SplitStep(dqm.Hamiltonian(dqm.Free()), grid)
        >>> run = dqm.solve(step, dqm.gaussian(grid, 0.0, 0.5), jnp.linspace(0, 1, 21))
        >>> paths = dqm.trajectories.bohm(step, run, jnp.array([[0.0], [0.5]]))
        >>> print(paths.positions[-1].ravel().round(3))  # x₀ √(1 + (t/2σ²)²)
        [0.    1.118]
    """
    return _followed(_law(stepper, solution, jnp.zeros(()), False), starts, substeps, None)


def nelson(
    stepper: ConstantMass,
    solution: Solution,
    starts: Float[Array | np.ndarray, "particles dim"],
    key,
    *,
    diffusion: Any = None,
    substeps: int = 4,
) -> Trajectories:
    """`dx = (v + A∇ln ρ) dt + √(2A) dW` with v of `bohm`; Nelson's for A = ħ/2m.

    The density at one time is `|ψ|²` for every A ≥ 0. What happens at two times, such as the
    correlation of positions, depends on A: it is a property of the model, not of quantum mechanics.

    Args:
        stepper, solution, starts, substeps: As for `bohm`.
        key: Of the noise.
        diffusion: A, one number or one per axis; ħ/2m if not given.

    Returns:
        Positions at the times of the run. The coarse ones are as for `bohm`, with the same noise.

    Raises:
        InputError: As `bohm`, and if `key` is none or A is not positive.

    Reference: E. Nelson (1966), doi:10.1103/PhysRev.150.1079.

    Example:
        >>> grid = dqm.Grid(-8, 8, 64)
        >>> step = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic(1.0)), grid)
        >>> run = dqm.solve(step, dqm.gaussian(grid, 0.0, 0.5**0.5), jnp.linspace(0, 1, 11))
        >>> paths = dqm.trajectories.nelson(step, run, jnp.zeros((1000, 1)), jax.random.key(0))
        >>> mean = paths.mean(lambda x: x[0] ** 2)
        >>> bool(abs(mean.value[-1] - (1 - np.exp(-2)) / 2) < 4 * mean.sampling_error[-1])
        True
    """
    require_type(ConstantMass.__args__, stepper=stepper)
    if diffusion is None:
        h = stepper.hamiltonian
        diffusion = h.hbar / (2 * h.masses(stepper.grid))
    given = finite("diffusion", diffusion)
    message = f"`diffusion` must be positive, but is {diffusion}: for A = 0 take `bohm`."
    given = require(given, jnp.all(jnp.asarray(given) > 0), message)
    require_key(key=key)
    return _followed(_law(stepper, solution, jnp.asarray(given), True), starts, substeps, key)


class _Guided(eqx.Module):
    """The law of particles that ψ guides."""

    coefficients: Knots  # of the spline through ψ
    grid: Grid
    mobility: Float[Array, " dim"]  # ħ/m, without the m that depends on place
    inverse_mass: Array | None  # coefficients of the spline through 1/m(x)
    boost: Float[Array, " dim"]  # p₀/m
    diffusion: Float[Array, " dim"]  # A
    is_random: bool = eqx.field(static=True)

    is_additive = True

    def drift(self, t, x: Points) -> Points:
        psi, slope = _spline(self.grid, self.coefficients(t), x)
        ratio = slope / psi[:, None]
        v = self.mobility * jnp.imag(ratio) + self.boost
        if self.inverse_mass is not None:
            v = v * _spline(self.grid, self.inverse_mass, x)[0][:, None]
        return v + 2 * self.diffusion * jnp.real(ratio)

    def noise(self, t, x: Points) -> Float[Array, "dim dim"]:
        return jnp.diag(jnp.sqrt(2 * self.diffusion))

    @property
    def sparse(self) -> "_Guided":
        """With every second saved state."""
        return eqx.tree_at(lambda law: law.coefficients, self, self.coefficients.sparse)


def _spline(grid: Grid, coefficients: Inexact[Array, "*shape"], x: Points):
    """ψ, or another field, and its gradient at points."""
    spacing = np.asarray(grid.spacing)
    place = (x - np.asarray(grid.lower)) / spacing
    psi, slope = jax.vmap(lambda u: spline_at(coefficients, u))(place)
    return psi, slope / spacing


def _law(
    stepper: ConstantMass | MassStep, solution: Solution, diffusion, is_random: bool
) -> _Guided:
    require_type((*ConstantMass.__args__, MassStep), stepper=stepper)
    count = 2 if isinstance(stepper, CanonicalStep) else 1
    require_states(solution, count, stepper.grid.shape)
    return _guided(stepper, solution.ts, solution.saved, diffusion, is_random)


@eqx.filter_jit
def _guided(stepper, ts, saved, diffusion, is_random: bool) -> _Guided:
    h, grid = stepper.hamiltonian, stepper.grid
    boost = one_per_axis("boost", getattr(stepper, "boost", 0.0), grid.dim)
    psi = jax.vmap(stepper.vector)(saved) if isinstance(stepper, CanonicalStep) else saved
    if isinstance(stepper, MassStep):
        mobility, inverse_mass = h.hbar * jnp.ones(grid.dim), 1 / h.masses(grid)
        apply = lambda t, psi: h.apply(grid, psi)
    else:
        mobility, inverse_mass = h.hbar / h.masses(grid), None
        apply = lambda t, psi: _applied(h, grid, boost, t, psi)
    moved = without_mean_energy(ts, psi, -1j / h.hbar * jax.vmap(apply)(ts, psi))
    knots = Knots(ts, *(spline_coefficients(x, grid.dim) for x in moved))
    spread = one_per_axis("diffusion", diffusion, grid.dim)
    if inverse_mass is not None:
        inverse_mass = spline_coefficients(inverse_mass, grid.dim)
    drift = mobility / h.hbar * boost
    return _Guided(knots, grid, mobility, inverse_mass, drift, spread, is_random)


def _applied(h: Hamiltonian, grid: Grid, boost, t, psi):
    """`Ĥψ` of the periodic factor ψ."""
    kinetic = jnp.fft.ifftn(h.kinetic(grid, boost) * jnp.fft.fftn(psi))
    return kinetic + h.potential_on(grid, t) * psi


def _followed(law: _Guided, starts, substeps: int, key) -> Trajectories:
    grid = law.grid
    x = places("starts", starts, grid.dim)
    inside = (x >= np.asarray(grid.lower)) & (x < np.asarray(grid.upper))
    x = require(x, inside.all(), "`starts` must be inside of the box of the grid, but one is not.")
    first = law.coefficients.values[0]
    here = density(_spline(grid, first, x)[0])
    x = require_particles(x, here / jnp.max(density(first)))
    return follow(law, x, law.coefficients.ts, substeps, key)
