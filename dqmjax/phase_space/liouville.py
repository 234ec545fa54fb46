"""`∂ρ/∂t = {H, ρ}`: Liouville's equation, the Fokker–Planck equation without its diffusion.

Solved along its characteristics, `dξ/dt = (∂H/∂p, −∂H/∂q)`, on which ρ is constant. Unless H is
quadratic, ρ develops ever finer structure, which no basis represents for long.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ..errors import InputError, field, finite, is_known, require_instance, require_whole
from ..evolution.gauss_legendre import gauss_legendre_step
from ..evolution.status import Reason, unless
from ..evolution.stepper import AbstractStepper
from .fokker_planck import FokkerPlanck

Points = Float[Array, "points phase"]
ITERATIONS = 30
NOT_CONVERGED = "The implicit equations of a step have no solution: take more `substeps`."


class Characteristics(AbstractStepper):
    """Points transported by the drift of a flow, by symplectic Gauss–Legendre steps of order 6.

    A state is an array of points, (points, 2N).

    Args:
        flow: Equation of motion; its diffusion is ignored.

    Example:
        >>> step = dqm.Characteristics(dqm.FokkerPlanck(dqm.Oscillators((1.0,))))
        >>> run = dqm.solve(step, jnp.array([[1.0, 0.0]]), jnp.array([0.0, np.pi / 4]), substeps=4)
        >>> print(run.final.round(3))  # (cos t, −sin t)
        [[ 0.707 -0.707]]
    """

    flow: FokkerPlanck

    def __check_init__(self):
        require_instance(FokkerPlanck, flow=self.flow)

    @property
    def order(self) -> int:
        """The global error is O(dt**order)."""
        return 6

    def vector(self, state):
        """The points."""
        return state

    def make_step(self, dt):
        return _CharacteristicStep(self.flow, dt)


class _CharacteristicStep(eqx.Module):
    flow: FokkerPlanck
    dt: Float[Array, ""]

    def enter(self, t, points):
        return points, jnp.array(False)

    def __call__(self, t, inside):
        points, failed = inside
        moved, settled = jax.vmap(lambda xi: drifted(self.flow, t, xi, self.dt))(points)
        return moved, failed | ~settled.all()

    def leave(self, t, inside):
        return inside[0]

    def faults(self, inside):
        """Of a step whose implicit equations have no solution."""
        return {Reason.STEP_TOO_LONG: unless(~inside[1])}


def drifted(flow: FokkerPlanck, t, xi: Float[Array, " phase"], dt):
    """ξ after a step along the drift of `flow`, and whether its implicit equations are solved."""
    if not flow.depends_on_time:
        return gauss_legendre_step(flow.drift, xi, dt, ITERATIONS)
    slope = lambda place: jnp.append(flow.at(place[-1]).drift(place[:-1]), 1.0)
    place, settled = gauss_legendre_step(slope, jnp.append(xi, t), dt, ITERATIONS)
    return place[:-1], settled


def liouville(
    flow: FokkerPlanck,
    density: Callable[[Float[Array, " phase"]], Float[Array, ""]],
    points: Points,
    t: Float[Array, ""] | float,
    substeps: int,
) -> Float[Array, " points"]:
    """`ρ(ξ, t) = ρ(φ_{−t}(ξ), 0)` at `points`, with the Hamiltonian flow φ_t.

    Args:
        flow: Equation of motion, which may depend on time; its diffusion is ignored.
        density: ρ(ξ) at t = 0, for one point.
        points: ξ, rows (q₁…q_N, p₁…p_N).
        t: Time, also negative.
        substeps: Steps of order 6.

    Raises:
        InputError: If `points` has another shape or is known and not finite, `t` is not finite, or
            `substeps` is not a positive integer.
        RuntimeError: If the steps are so long that their implicit equations do not converge; if
            that is traced, the densities are NaN.

    Example:
        >>> flow = dqm.FokkerPlanck(dqm.Oscillators((1.0,)))
        >>> bump = lambda xi: jnp.exp(-((xi[0] - 1) ** 2) - xi[1] ** 2)
        >>> rho = dqm.liouville(flow, bump, jnp.array([[0.0, -1.0]]), np.pi / 2, substeps=8)
        >>> print(rho.round(3))  # the maximum moves from (1, 0) to (0, −1)
        [1.]
    """
    if np.ndim(points) != 2 or np.shape(points)[1] % 2:
        shape = np.shape(points)
        raise InputError(f"`points` must have rows (q₁…q_N, p₁…p_N), but has shape {shape}.")
    require_instance(FokkerPlanck, flow=flow)
    if not callable(density):
        raise InputError(f"`density` must be a function of one point, but is {density!r}.")
    points = field("points", points)
    require_whole(1, substeps=substeps)
    begun, failed = _carried(flow, points, jnp.asarray(finite("t", t)), substeps)
    if is_known(failed) and failed:
        raise RuntimeError(NOT_CONVERGED)
    return jax.vmap(density)(begun) * jnp.where(failed, jnp.nan, 1.0)


@eqx.filter_jit
def _carried(
    flow: FokkerPlanck, points: Points, t, substeps: int
) -> tuple[Points, Bool[Array, ""]]:
    """The points at time 0 that the flow carries to `points` at time t."""
    step = _CharacteristicStep(flow, -t / substeps)
    times = t * (1 - jnp.arange(substeps) / substeps)
    advance = lambda inside, now: (step(now, inside), None)
    return jax.lax.scan(advance, step.enter(t, points), times)[0]
