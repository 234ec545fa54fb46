"""`∂ρ/∂t = {H, ρ}`: Liouville's equation, the Fokker–Planck equation without its diffusion.

Solved along its characteristics, `dξ/dt = (∂H/∂p, −∂H/∂q)`, on which ρ is constant. Unless H is
quadratic, ρ develops ever finer structure, which no basis represents for long.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..errors import InputError, require_whole
from ..evolution.gauss_legendre import gauss_legendre_step
from ..evolution.stepper import AbstractStepper
from .fokker_planck import FokkerPlanck

Points = Float[Array, "points phase"]
ITERATIONS = 30
NOT_CONVERGED = "The points are not finite: take more `substeps`."


class Characteristics(AbstractStepper):
    """Points transported by the drift of a flow, by symplectic Gauss–Legendre steps of order 6.

    A state is an array of points, (points, 2N).

    Args:
        flow: Equation of motion; its diffusion is ignored.
    """

    flow: FokkerPlanck

    def make_step(self, dt):
        return _CharacteristicStep(self.flow, dt)


class _CharacteristicStep(eqx.Module):
    flow: FokkerPlanck
    dt: Float[Array, ""]

    def __call__(self, t, points):
        move = lambda xi: gauss_legendre_step(self.flow.drift, xi, self.dt, ITERATIONS)
        moved, settled = jax.vmap(move)(points)
        return jnp.where(settled.all(), moved, jnp.nan)


def liouville(
    flow: FokkerPlanck,
    density: Callable[[Float[Array, " phase"]], Float[Array, ""]],
    points: Points,
    t: Float[Array, ""] | float,
    substeps: int,
) -> Float[Array, " points"]:
    """`ρ(ξ, t) = ρ(φ_{−t}(ξ), 0)` at `points`, with the Hamiltonian flow φ_t.

    Args:
        flow: Equation of motion; its diffusion is ignored.
        density: ρ(ξ) at t = 0, for one point.
        points: ξ, rows (q₁…q_N, p₁…p_N).
        t: Time, also negative.
        substeps: Steps of order 6.

    Raises:
        InputError: If `points` has another shape, or `substeps` is not a positive integer.
        RuntimeError: If the steps are so long that their implicit equations do not converge.
    """
    if points.ndim != 2 or points.shape[1] % 2:
        raise InputError(f"`points` must have rows (q₁…q_N, p₁…p_N), but has shape {points.shape}.")
    require_whole(1, substeps=substeps)
    begun = _carried(flow, points, -jnp.asarray(t) / substeps, substeps)
    begun = eqx.error_if(begun, ~jnp.isfinite(begun).all(), NOT_CONVERGED)
    return jax.vmap(density)(begun)


@eqx.filter_jit
def _carried(flow: FokkerPlanck, points: Points, dt, substeps: int) -> Points:
    step = _CharacteristicStep(flow, dt)
    return jax.lax.scan(lambda xi, _: (step(0.0, xi), None), points, length=substeps)[0]
