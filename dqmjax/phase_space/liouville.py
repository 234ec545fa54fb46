"""`∂ρ/∂t = {H, ρ}`: Liouville's equation, the Fokker–Planck equation without its diffusion.

Solved along its characteristics, `dξ/dt = (∂H/∂p, −∂H/∂q)`, on which ρ does not change. For a
Hamiltonian that is no oscillator ρ makes ever finer folds that no basis holds for long.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..errors import InputError
from ..evolution.gauss_legendre import gauss_legendre_step
from ..evolution.stepper import AbstractStepper
from .fokker_planck import FokkerPlanck

Points = Float[Array, "points phase"]
ITERATIONS = 30
NOT_SETTLED = "The points are not finite: take more `substeps`."


class Characteristics(AbstractStepper):
    """Points carried by the drift of a flow, by Gauss–Legendre of order 6, which is symplectic.

    A state is an array of points, (points, 2N).

    Args:
        flow: Its drift is used, its diffusion not.
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
    """`ρ(ξ, t) = ρ(φ_{−t}(ξ), 0)` at `points`, φ_t the motion.

    Args:
        flow: Equation of motion; C and the order do not matter.
        density: ρ(ξ) at t = 0, for one point.
        points: ξ, rows (q₁…q_N, p₁…p_N).
        t: Time; backwards if negative.
        substeps: Steps of order 6.

    Raises:
        InputError: If `points` is no such list, or `substeps` is not a whole number from 1.
        RuntimeError: If the steps are too long for their implicit equations to be solved.
    """
    if points.ndim != 2 or points.shape[1] % 2:
        raise InputError(
            f"`points` must have rows (q₁…q_N, p₁…p_N), but has the shape {points.shape}."
        )
    if not isinstance(substeps, int) or substeps < 1:
        raise InputError(f"`substeps` must be a whole number from 1, but is {substeps!r}.")
    begun = _carried(flow, points, -jnp.asarray(t) / substeps, substeps)
    begun = eqx.error_if(begun, ~jnp.isfinite(begun).all(), NOT_SETTLED)
    return jax.vmap(density)(begun)


@eqx.filter_jit
def _carried(flow: FokkerPlanck, points: Points, dt, substeps: int) -> Points:
    step = _CharacteristicStep(flow, dt)
    return jax.lax.scan(lambda xi, _: (step(0.0, xi), None), points, length=substeps)[0]
