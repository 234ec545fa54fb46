"""A truncated equation compared with quantum mechanics.

If the exact equation has more than K derivatives, the first K are an equation of their own
(arXiv:2603.20399, section V D). `deviation` computes how far its solution is from the exact one.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Real

from ..errors import InputError, field, require_increasing, require_instance, require_whole
from ..evolution.horizon import horizon
from ..evolution.solve import solve
from ..phase_space.coordinates import require_points
from ..phase_space.fokker_planck import FokkerPlanck
from .basis import FockBargmann
from .readout import Powers, moment, require_powers
from .steps import HusimiStep


class Deviation(NamedTuple):
    """The result of `deviation`, at the times before the horizon."""

    ts: Float[np.ndarray, " times"]
    horizon: float  # the truncation is defined in this basis up to this time
    moments: Complex[Array, "times moments"]  # of the truncation
    exact: Complex[Array, "times moments"]  # of quantum mechanics
    density: Float[Array, " times"]  # largest |Δρ| over the largest ρ at the points

    def __repr__(self) -> str:
        rows = zip(
            self.ts, jnp.abs(self.moments - self.exact).max(axis=1), self.density, strict=True
        )
        lines = [f"{t:10.4g}  {m:10.2e}  {d:10.2e}" for t, m, d in rows]
        head = f"{'t':>10}  {'Δ moments':>10}  {'Δ density':>10}"
        known = f"until t = {self.horizon:.4g}"
        if not np.isfinite(self.horizon):
            known = f"at least until t = {self.ts[-1]:.4g}, the last of `ts`,"
        return "\n".join([head, *lines, f"defined {known} in this basis"])


def deviation(
    flow: FokkerPlanck,
    degree: int,
    basis: FockBargmann,
    state: Complex[Array, "*levels"],
    ts: Real[Array | np.ndarray, " times"],
    powers: Sequence[tuple[Powers, Powers]],
    points: Float[Array | np.ndarray, "points phase"],
) -> Deviation:
    """Runs `flow` and the exact equation from the same state in the same basis.

    The horizon of the truncated run scales as 1/coupling: for a quartic oscillator with two
    derivatives and small α it is λt = 0.004 in 16 levels and 0.002 in 40.

    Args:
        flow: The truncated equation.
        degree: Of the symbol; with this order and C = 1 the equation is exact.
        basis: Coefficients.
        state: At `ts[0]`, which is 0.
        ts: Times of interest; those beyond the horizon are dropped.
        powers: Moments to compare, (up, down) as for `moment`.
        points: Where to compare densities.

    Raises:
        InputError: If `powers` is empty or not of such pairs, `degree` does not make the equation
            exact, `state` or `points` have another shape, or `ts` does not increase from 0 or has
            no second time before the horizon.

    Example:
        >>> flow = dqm.FokkerPlanck(dqm.AnharmonicOscillator(1.0, 0.1))  # two derivatives of four
        >>> basis, ts, points = dqm.FockBargmann(12), np.array([0.0, 0.02]), jnp.zeros((1, 2))
        >>> found = dqm.deviation(flow, 4, basis, basis.coherent(0.5), ts, [((0,), (2,))], points)
        >>> f"{found.density[-1]:.1e}"
        '1.6e-04'
    """
    require_instance(FokkerPlanck, flow=flow)
    require_instance(FockBargmann, basis=basis)
    require_whole(1, degree=degree)
    state = field("state", state, basis.levels) + 0j
    points = require_points(points, 2 * basis.modes)
    require_increasing(ts=ts)
    _require_moments(basis, powers)
    exact = dataclasses.replace(flow, order=degree, C=1.0)
    if not exact.is_exact:
        raise InputError(
            f"`degree` must make the equation exact, but {degree} does not: take the degree of the "
            "symbol, and κ = ħ."
        )
    if ts[0] != 0:
        raise InputError(f"`ts` must begin at 0, the time of `state`, but begins at {ts[0]}.")
    stepper = HusimiStep(flow, basis)
    end = horizon(stepper, state, float(ts[-1]))
    ts = np.asarray(ts)[np.asarray(ts) <= end]
    if len(ts) < 2:
        raise InputError(f"`ts` must have times before the horizon, which is {end:.4g} here.")
    runs = [solve(s, state, ts).saved for s in (stepper, HusimiStep(exact, basis))]
    means = lambda rho: jnp.stack([moment(basis, rho, up, down) for up, down in powers])
    moments, exact_moments = (jax.vmap(means)(run) for run in runs)
    ours, true = (jax.vmap(lambda rho: basis.density(rho, points))(run) for run in runs)
    apart = jnp.max(jnp.abs(ours - true), axis=1) / jnp.max(true, axis=1)
    return Deviation(ts, end, moments, exact_moments, apart)


def _require_moments(basis: FockBargmann, powers):
    """Checks that `powers` are pairs (up, down).

    Raises:
        InputError: If not.
    """
    is_list = isinstance(powers, tuple | list) and len(powers) > 0
    if not is_list or not all(isinstance(p, tuple | list) and len(p) == 2 for p in powers):
        raise InputError(
            "`powers` must name moments by pairs (up, down), such as ((0,), (1,)) for ⟨β⟩, but is "
            f"{powers!r}."
        )
    for up, down in powers:
        require_powers(basis, powers=up)
        require_powers(basis, powers=down)
