"""Why a state is not to be trusted, and how far it is beyond the limit."""

import enum

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Inexact, Int

from ..grid import Grid, density, edge_share, unresolved_share

Scalar = Float[Array, ""]


class Reason(enum.IntEnum):
    """What is wrong with a state. `message` says what to do about it.

    Of several faults the first in this order is reported.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64, isolated=True)
        >>> step = dqm.DenseStep(dqm.Hamiltonian(dqm.Free()), grid)
        >>> psi, ts = dqm.gaussian(grid, 0.0, 0.5), jnp.array([0.0, 1.0, 4.0])
        >>> run = dqm.solve(step, psi, ts, throw=False)  # raises an error by default
        >>> [dqm.Reason(int(reason)).name for reason in run.status.reason]
        ['OK', 'OK', 'EDGE']
    """

    message: str

    def __new__(cls, value: int, message: str):
        member = int.__new__(cls, value)
        member._value_ = value
        member.message = message
        return member

    OK = 0, "Nothing is wrong."
    INVALID = (
        1,
        "A parameter, a time or the initial state is NaN, infinite or outside its range: call the "
        "same functions outside `jit`, where they name the argument.",
    )
    EXPONENT = (
        2,
        "The exponent ‖L‖dt of a step is out of range: take more `substeps`, or fewer levels.",
    )
    STEP_TOO_LONG = 3, "A step is too long for its method: take more `substeps`."
    NOT_FINITE = (
        4,
        "The state is not finite: take more `substeps`, fewer levels or a shorter time.",
    )
    NOT_A_DENSITY = (
        5,
        "`rho` must not be negative and must integrate to `total` over the box: normalise it, or "
        "set `total`.",
    )
    LEVELS = (
        6,
        "The basis is too small: the highest retained levels are populated. If the equation "
        "`is_exact`, raise the cut-off. If it is not, end before `dqmjax.horizon`. `throw=False` "
        "returns the run all the same; only its low coefficients can be correct.",
    )
    EDGE = 7, "The state reaches the edge of the isolated box: enlarge it, or end before."
    UNRESOLVED = (
        8,
        "The grid does not resolve the state: the shortest waves are populated. Take more points, "
        "or a smoother potential. In (ρ, S), S may only jump by multiples of 2πħ where ρ is not "
        "small.",
    )
    INACCURATE = (
        9,
        "The estimated error of the steps exceeds 1 %: take more `substeps`, or give `tolerance`.",
    )


LARGEST_ERROR = 1e-2  # of a state relative to its norm; beyond it a run is `INACCURATE`
AT_EDGE = 1e-6  # of ∫|ρ|, in the outermost cells of an isolated box
Faults = dict[Reason, Scalar]  # the size of each fault, above 1 beyond its limit


class Status(eqx.Module):
    """The reason and the size of the largest fault of each saved state.

    A fault stays, because it spoils all later states. A size above 1 is beyond the limit.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64, isolated=True)
        >>> step = dqm.DenseStep(dqm.Hamiltonian(dqm.Free()), grid)
        >>> psi, ts = dqm.gaussian(grid, 0.0, 0.5), jnp.array([0.0, 1.0, 4.0])
        >>> run = dqm.solve(step, psi, ts, throw=False)  # raises an error by default
        >>> run.status.fails.tolist(), bool(run.status.size[-1] > 1)
        ([False, False, True], True)
    """

    reason: Int[Array, "*times"]  # a value of `Reason`
    size: Float[Array, "*times"]

    @property
    def fails(self) -> Bool[Array, "*times"]:
        """Where `solve` raises an error, for any reason but `OK` and `INACCURATE`."""
        return (self.reason != Reason.OK) & (self.reason != Reason.INACCURATE)


def grid_faults(
    grid: Grid,
    f: Inexact[Array, "*shape"],
    rho: Float[Array, "*shape"],
    limit: float | None = None,
) -> Faults:
    """Of a state f with the density ρ: short waves, and in an isolated box what is at its edge.

    The share of short waves is about the square of the error that the next, missing ones cause.
    The share that a jump causes falls as 1/n with the points n of an axis, and so does the limit.
    """
    limit = min(LARGEST_ERROR**2, LARGEST_ERROR / max(grid.shape)) if limit is None else limit
    found = {Reason.UNRESOLVED: unresolved_share(grid, f + 0j) / limit}
    if grid.isolated:
        found[Reason.EDGE] = edge_share(grid, rho) / AT_EDGE
    return found


def wave_faults(grid: Grid, psi: Inexact[Array, "*shape"]) -> Faults:
    """`grid_faults` of a wave function."""
    return grid_faults(grid, psi, density(psi))


def judge(faults: Faults) -> Status:
    """The first fault beyond its limit, else the largest one below; NaN counts as infinite."""
    reasons = sorted(faults)
    sizes = jnp.stack([faults[reason] for reason in reasons]).astype(jnp.zeros(()).dtype)
    sizes = jax.lax.stop_gradient(jnp.where(jnp.isnan(sizes), jnp.inf, sizes))
    over = sizes > 1
    worst = jnp.where(over.any(), jnp.argmax(over), jnp.argmax(sizes))
    reason = jnp.where(over.any(), jnp.array(reasons, jnp.int32)[worst], Reason.OK)
    return Status(reason, sizes[worst])


def beyond(size: Scalar) -> Scalar:
    """The size of a fault that does not come gradually: 0 unless it is above 1 or NaN."""
    return jnp.where(size <= 1, 0.0, size)


def unless(holds: Bool[Array, ""]) -> Scalar:
    """The size of a fault that is there or not: infinite unless `holds`."""
    return jnp.where(holds, 0.0, jnp.inf)


def later(before: Status, now: Status) -> Status:
    """The status of a state that follows one with the status `before`."""
    stays = (before.size > 1) | (before.size >= now.size)
    return jax.tree.map(lambda a, b: jnp.where(stays, a, b), before, now)


def with_errors(
    status: Status, error: Float[Array, " times"] | None, bound: Float[Array, " times"] | None
) -> tuple[Status, Float[Array, " times"] | None]:
    """The whole error, of the steps and the `bound` of a truncation, beside the status.

    States are `INACCURATE` whose error of the steps is too large and that have no other fault.
    """
    if error is None:
        return status, bound
    size = error / LARGEST_ERROR
    inaccurate = (status.reason == Reason.OK) & ~(size <= 1)
    reason = jnp.where(inaccurate, Reason.INACCURATE, status.reason)
    status = Status(reason, jnp.where(inaccurate, size, status.size))
    return status, error if bound is None else error + bound


def is_finite(tree) -> Bool[Array, ""]:
    """Whether all numbers are finite."""
    leaves = jax.tree.leaves(eqx.filter(tree, eqx.is_inexact_array))
    return jnp.array([jnp.isfinite(leaf).all() for leaf in leaves]).all()
