"""`∂ρ/∂t = {H, ρ}`: Liouville's equation, the Fokker–Planck equation without its diffusion.

Solved along its characteristics, `dξ/dt = (∂H/∂p, −∂H/∂q)`, on which ρ does not change. For a
Hamiltonian that is no oscillator ρ makes ever finer folds that no basis holds for long.
"""

import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import InputError
from ..fokker_planck import FokkerPlanck
from ..gauss_legendre import gauss_legendre_step
from ..solve import solve
from ..stepper import AbstractStepper

Points = Float[Array, "points phase"]
ITERATIONS = 30


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
    t: float,
    substeps: int,
) -> Float[Array, " points"]:
    """`ρ(ξ, t) = ρ(φ_{−t}(ξ), 0)` at `points`, φ_t the motion.

    Args:
        flow: Equation of motion; C and the order do not matter.
        density: ρ(ξ) at t = 0, for one point.
        points: ξ, rows (q₁…q_N, p₁…p_N).
        t: Time, not 0; backwards if negative.
        substeps: Steps of order 6.

    Raises:
        InputError: If `t` is 0 or not finite.
        RuntimeError: If the steps are too long for their implicit equations to be solved.
    """
    if not (np.isfinite(t) and t):
        raise InputError(f"`t` must be finite and not 0, but is {t}.")
    sign = float(np.sign(-t))
    backwards = dataclasses.replace(flow, symbol=lambda q, p: sign * flow.symbol(q, p))
    ts = np.array([0.0, abs(t)])
    run = solve(Characteristics(backwards), jnp.asarray(points), ts, substeps=substeps)
    return jax.vmap(density)(run.final)
