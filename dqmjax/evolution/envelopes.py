"""Functions of time for drives: pulses and curves through samples."""

from functools import partial
from typing import Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Array, Float

from ..errors import InputError, finite, is_known, require, require_increasing, require_shape
from .times import SaveTimes

Time = Float[Array, ""] | float
AT_END = 1e-9  # of the whole span: round-off of save times


@runtime_checkable
class Sampled(Protocol):
    """A function of time that is known on an interval only."""

    @property
    def span(self) -> tuple[float, float]:
        """Where it begins and ends."""
        ...

    @property
    def jumps(self) -> tuple[float, ...]:
        """Where it is not continuous, within `span`."""
        ...


def _known_times(ts) -> tuple[float, ...]:
    """A converter of static times."""
    if not is_known(ts):
        raise InputError("`ts` must be known numbers, but is traced: only `values` may vary.")
    require_increasing(ts=ts)
    return tuple(np.asarray(ts, float).tolist())


class Pulse(eqx.Module):
    """A piecewise-constant function of time, `f(t) = f_k` for `t_k ≤ t < t_{k+1}`.

    `HusimiStep` and `KetStep` treat it exactly, as long as no step contains a jump; `solve` raises
    an `InputError` otherwise. Splitting schemes, whose kicks lie at the ends of steps, raise one
    for any jump. These checks find an envelope that is a field, not one inside a function.

    Args:
        ts: t_0 … t_n, the edges of the slices, constants.
        values: f_0 … f_{n−1}, parameters.

    Raises:
        InputError: If `ts` does not increase or is traced, or `values` has not one real number for
            each slice. Outside the edges f is NaN.

    Example:
        >>> pulse = dqm.Pulse((0.0, 1.0, 3.0), (0.5, 2.0))
        >>> float(pulse(1.5))
        2.0
    """

    ts: tuple[float, ...] = eqx.field(static=True, converter=_known_times)
    values: Float[Array, " slices"] | tuple[float, ...] = eqx.field(
        converter=partial(finite, "values")
    )

    def __check_init__(self):
        require_shape("values", self.values, (len(self.ts) - 1,))

    @property
    def span(self) -> tuple[float, float]:
        """The first and the last edge."""
        return self.ts[0], self.ts[-1]

    @property
    def jumps(self) -> tuple[float, ...]:
        """The edges between two slices."""
        return self.ts[1:-1]

    def __call__(self, t: Time) -> Float[Array, ""]:
        """f(t)."""
        t = finite("t", t, shape=())
        return _within(self.span, t, jnp.asarray(self.values)[_slice(self.ts, t)])


class Interpolated(eqx.Module):
    """The cubic spline through samples, `f(t_k) = f_k`, twice continuously differentiable.

    Args:
        ts: t_0 … t_n, constants.
        values: f_0 … f_n, parameters.

    Raises:
        InputError: If `ts` does not increase or is traced, or `values` has not one real number for
            each time. Outside the times f is NaN.

    Example:
        >>> drive = dqm.Interpolated((0.0, 1.0, 2.0, 3.0), (0.0, 1.0, 4.0, 9.0))
        >>> round(float(drive(1.5)), 3)
        2.25
    """

    ts: tuple[float, ...] = eqx.field(static=True, converter=_known_times)
    values: Float[Array, " times"] | tuple[float, ...] = eqx.field(
        converter=partial(finite, "values")
    )

    def __check_init__(self):
        require_shape("values", self.values, (len(self.ts),))

    @property
    def span(self) -> tuple[float, float]:
        """The first and the last time."""
        return self.ts[0], self.ts[-1]

    @property
    def jumps(self) -> tuple[float, ...]:
        """None."""
        return ()

    def __call__(self, t: Time) -> Float[Array, ""]:
        """f(t)."""
        t = finite("t", t, shape=())
        ts, values = np.array(self.ts), jnp.asarray(self.values)
        slopes = scipy.interpolate.CubicSpline(ts, np.eye(ts.size))(ts, 1) @ values
        k = _slice(self.ts, t)
        width = jnp.asarray(np.diff(ts))[k]
        x = (t - jnp.asarray(ts)[k]) / width
        left, right = values[k] * (1 + 2 * x), values[k + 1] * (3 - 2 * x)
        bent = width * x * (1 - x) * (slopes[k] * (1 - x) - slopes[k + 1] * x)
        return _within(self.span, t, left * (1 - x) ** 2 + right * x**2 + bent)


def _slice(ts: tuple[float, ...], t: Time):
    """k with `t_k ≤ t < t_{k+1}`; the last one at the end."""
    edges = jnp.asarray(ts[1:-1])
    return jnp.searchsorted(edges, t, side="right")


def _within(span: tuple[float, float], t: Time, value):
    """`value`, NaN if t is outside."""
    slack = AT_END * (span[1] - span[0])
    inside = (t >= span[0] - slack) & (t <= span[1] + slack)
    return value * jnp.where(inside, 1.0, jnp.nan)


def require_continuous(tree):
    """Checks that no envelope in `tree` jumps, for steps that take forces at their ends.

    Raises:
        InputError: If one does: the steps would have order 1 there, whatever their estimate says.
    """
    if any(len(envelope.jumps) for envelope in _envelopes(tree)):
        raise InputError(
            "`potential` must be continuous in time for splitting schemes, but contains a `Pulse` "
            "with jumps: take `dqm.Interpolated`, or solve slice by slice."
        )


def _envelopes(tree) -> list[Sampled]:
    """Those that are fields somewhere in `tree`."""
    is_envelope = lambda x: isinstance(x, Sampled)
    return list(filter(is_envelope, jax.tree.leaves(tree, is_leaf=is_envelope)))


def covered(tree, times: SaveTimes, substeps: int) -> SaveTimes:
    """`times`, if all envelopes in `tree` cover them and steps end at jumps.

    Traced times that are not covered become NaN; whether steps end at jumps is then not checked.

    Raises:
        InputError: Naming `ts`.
    """
    for envelope in _envelopes(tree):
        start, end = envelope.span
        slack = AT_END * (end - start)
        is_inside = (times.ts >= start - slack) & (times.ts <= end + slack)
        numbers = require(
            (times.ts, times.intervals),
            is_inside.all(),
            f"`ts` must lie within the envelope, {start:g} ≤ t ≤ {end:g}: add samples of the "
            "pulse, or end before.",
        )
        times = eqx.tree_at(lambda times: (times.ts, times.intervals), times, numbers)
        if is_known(times.ts):
            _require_steps_at(np.array(envelope.jumps), np.asarray(times.ts, float), substeps)
    return times


def _require_steps_at(jumps: np.ndarray, ts: np.ndarray, substeps: int):
    """Checks that every jump within the run is the end of a step.

    Raises:
        InputError: With the first that is not.
    """
    jumps = jumps[(jumps > ts[0]) & (jumps < ts[-1])]
    k = np.searchsorted(ts, jumps, side="right") - 1
    place = (jumps - ts[k]) / np.diff(ts)[k] * substeps
    roundoff = 1e-6 + 8 * np.finfo(ts.dtype).eps * np.abs(ts).max() / np.diff(ts)[k] * substeps
    off = np.abs(place - np.rint(place)) > roundoff
    if off.any():
        raise InputError(
            f"`ts` must let a step end at every jump of the pulse, but none ends at t = "
            f"{jumps[off][0]:g}: give `pulse.ts` as save times, or `substeps` that fit."
        )
