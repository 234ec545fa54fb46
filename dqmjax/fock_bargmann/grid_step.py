"""The Fokker–Planck equation on a grid, where it is ill-posed."""

import equinox as eqx
from jaxtyping import Array, Float

from ..errors import InputError, require_instance
from ..evolution.status import grid_faults
from ..evolution.stepper import AbstractStepper
from ..grid import UNRESOLVED, Grid
from ..phase_space.fokker_planck import FokkerPlanck
from .exponential import taylor

Scalar = Float[Array, ""]


class GridStep(AbstractStepper):
    """The Fokker–Planck equation on a grid, by a Taylor series of order 4 in dt.

    For demonstration only. Where D has a negative eigenvalue −λ, round-off of wavenumber k grows
    as `e^{(ħ/2κ)λk²t}` for every step size, the sooner the finer the grid; k in units of 1/ℓ and
    ℓ/κ. For the positive eigenvalue, `(ħ/2κ)λk_max²dt` must stay below about 2.8. The box must
    contain ρ down to round-off. `solve` raises once the grid does not resolve ρ.

    Args:
        fokker_planck: Equation of motion, K ≤ 2.
        grid: Of phase space, axes q₁…q_N p₁…p_N.

    A state is the density on the grid.

    Example:
        >>> grid = dqm.Grid((-9.0, -9.0), (9.0, 9.0), (48, 48))
        >>> q, p = grid.points
        >>> rho = jnp.exp(-(q**2 + p**2) / 2) / (2 * np.pi)
        >>> step = dqm.GridStep(dqm.FokkerPlanck(dqm.ParametricAmplifier(1.0)), grid)
        >>> run = dqm.solve(step, rho, jnp.array([0.0, 0.1]), substeps=10)
        >>> round(float(grid.integrate(q**2 * run.final)), 3)  # (e^{2gt} + 1)/2
        1.111
    """

    fokker_planck: FokkerPlanck
    grid: Grid

    def __check_init__(self):
        require_instance(FokkerPlanck, fokker_planck=self.fokker_planck)
        require_instance(Grid, grid=self.grid)
        if self.grid.dim % 2:
            raise InputError(f"`grid` must have an axis for each q and p, but is {self.grid}.")

    def faults(self, state):
        """Of a ρ that the grid does not resolve, or that reaches the edge of an isolated box.

        The limit is low, because the errors of the shortest waves grow fastest.
        """
        return grid_faults(self.grid, state, state, UNRESOLVED)

    def make_step(self, dt):
        return _GridStep(self.fokker_planck, self.grid, dt)


class _GridStep(eqx.Module):
    flow: FokkerPlanck
    grid: Grid
    dt: Scalar

    def __call__(self, t, rho):
        return taylor(lambda rho: self.dt * self.flow.rhs(self.grid, rho), rho, 4)
