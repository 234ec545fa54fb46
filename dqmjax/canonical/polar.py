"""Density and phase of a wave function: `ψ = √ρ e^{iS/ħ}`, its branches and its defects."""

import itertools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Array, Bool, Complex, Float, Int

from ..errors import InputError, field, is_known, positive, real_field, require, require_instance
from ..evolution.stepper import zero_of
from ..grid import Grid, density

TWO_PI = 2 * np.pi
DARK = 1e-10  # ρ/ρ_max below which parts of ψ count as separate, each with an S of its own
Scalar = Float[Array, ""]


def to_canonical(
    psi: Complex[Array, "*shape"],
    hbar: Scalar | float = 1.0,
    like: Float[Array, "*shape"] | None = None,
) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
    """`ρ = |ψ|²` and `S = ħ arg ψ`, continuous wherever the phase allows it on a periodic box.

    Branches are chosen along the spanning tree of greatest ρ. It starts at the maximum of ρ, where
    S is in (−πħ, πħ]. Jumps of 2πħ remain only behind vortices, across a ring with a winding, and
    where ρ vanishes. In double precision S is accurate to η where `ρ/ρ_max > (1e-15/η)²`.

    Differentiable; the derivative of S is zero where ψ is exactly 0.

    Args:
        psi: Wave function on a periodic box.
        hbar: ħ.
        like: S at an earlier time, which is continued. It decides the branch at the maximum of ρ,
            and between neighbours that differ by more than πħ/2 or have `ρ/ρ_max < 1e-10` between
            them, as on the two sides of a node or a vacuum.

    Raises:
        InputError: If `hbar` is not positive or underflows, a known `psi` or `like` is not finite,
            or their shapes differ.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> rho, S = dqm.to_canonical(jnp.exp(0.3j) * dqm.coherent(grid, 0.0))
        >>> round(float(grid.integrate(rho)), 3), round(float(S[32]), 3)
        (1.0, 0.3)
    """
    psi = _wave(psi, 1)
    hbar = _representable(hbar, psi.dtype)
    if like is not None:
        like = real_field("like", like, psi.shape)
    return _canonical(psi, hbar, like)


@jax.jit
def _canonical(psi, hbar, like):
    rho = density(psi)
    nowhere = rho == 0
    angle = jnp.where(nowhere, 0.0, jnp.angle(jnp.where(nowhere, 1.0, psi)))
    given = (rho, angle) if like is None else (rho, angle, like / hbar)
    turns = _whole_turns(*jax.lax.stop_gradient(given)).reshape(psi.shape)
    return rho, hbar * (angle + TWO_PI * turns)


def from_canonical(
    rho: Float[Array, "*shape"], S: Float[Array, "*shape"], hbar: Scalar | float = 1.0
) -> Complex[Array, "*shape"]:
    """`ψ = √ρ e^{iS/ħ}`; where ρ is 0 its derivative with respect to ρ is set to zero.

    Raises:
        InputError: If `hbar` is not positive or underflows, a known `rho` or `S` is not finite,
            `rho` is negative anywhere, or their shapes differ.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> psi = dqm.coherent(grid, 1.0, momentum=2.0)
        >>> again = dqm.from_canonical(*dqm.to_canonical(psi))
        >>> round(float(dqm.observables.fidelity(grid, psi, again)), 3)
        1.0
    """
    rho = real_field("rho", rho, np.shape(rho))
    S = real_field("S", S, rho.shape)
    hbar = _representable(hbar, jnp.result_type(S, float))
    if is_known(rho) and (np.asarray(rho) < 0).any():
        raise InputError(f"`rho` must not be negative, but its least value is {jnp.min(rho)}.")
    return _wave_of(rho, S, hbar)


@jax.jit
def _wave_of(rho, S, hbar):
    empty = rho == 0
    root = jnp.where(empty, 0.0, jnp.sqrt(jnp.where(empty, 1.0, rho)))
    return root * jnp.exp(1j * S / hbar)


def charges(psi: Complex[Array, "*shape"]) -> Int[Array, "pairs *shape"]:
    """Windings of the phase around each plaquette, for each pair of axes: ±1 at a vortex.

    The plaquette of a point extends to its next neighbours along both axes.

    Raises:
        InputError: If ψ has fewer than two axes, or is known and not finite.

    Example:
        >>> grid = dqm.Grid((-8.0, -8.0), (8.0, 8.0), (32, 32))
        >>> x, y = grid.points - 0.25
        >>> psi = (x + 1j * y) * jnp.exp(-(x**2 + y**2) / 2)
        >>> int(dqm.polar.charges(psi)[0, 16, 16])
        1
    """
    psi = _wave(psi, 2)
    d = _differences(jnp.angle(psi))
    pairs = itertools.combinations(range(psi.ndim), 2)
    ahead = lambda f, axis: jnp.roll(f, -1, axis)
    rounds = [d[a] + ahead(d[b], a) - ahead(d[a], b) - d[b] for a, b in pairs]
    return jnp.round(jnp.stack(rounds) / TWO_PI).astype(int)


def windings(psi: Complex[Array, "*shape"]) -> list[Int[Array, "..."]]:
    """Windings of the phase once around the box along each axis, for every line of points.

    Raises:
        InputError: If a known ψ is not finite.

    Example:
        >>> grid = dqm.Grid(0.0, 2 * np.pi, 32)
        >>> psi = jnp.exp(2j * grid.points[0])
        >>> [int(w) for w in dqm.polar.windings(psi)]
        [2]
    """
    psi = _wave(psi, 1)
    sums = (jnp.sum(d, axis=a) for a, d in enumerate(_differences(jnp.angle(psi))))
    return [jnp.round(s / TWO_PI).astype(int) for s in sums]


class Vortex(NamedTuple):
    """A point, in the plane of two axes, around which the phase winds.

    Example:
        >>> grid = dqm.Grid((-8.0, -8.0), (8.0, 8.0), (32, 32))
        >>> x, y = grid.points - 0.25
        >>> psi = (x + 1j * y) * jnp.exp(-(x**2 + y**2) / 2)
        >>> dqm.polar.inspect_phase(grid, psi).vortices
        [Vortex(position=(0.25, 0.25), axes=(0, 1), charge=1)]
    """

    position: tuple[float, ...]  # centre of the plaquette, or the point where ψ vanishes
    axes: tuple[int, int]
    charge: int


class PhaseReport(NamedTuple):
    """Where a phase is meaningful, and its defects.

    Example:
        >>> grid = dqm.Grid(0.0, 2 * np.pi, 32)
        >>> psi = jnp.exp(2j * grid.points[0])
        >>> report = dqm.polar.inspect_phase(grid, psi)
        >>> int(report.windings[0]), report.unknown
        (2, 0.0)
    """

    mask: Bool[np.ndarray, "*shape"]  # where S has the requested accuracy
    regions: Int[np.ndarray, "*shape"]  # connected parts of the mask from 1, 0 outside
    vortices: list[Vortex]  # between four points in the mask, or on one amid eight of them
    windings: list[Int[np.ndarray, "..."]]  # for every line of points along each axis
    unknown: float  # share of ρ outside the mask


def inspect_phase(grid: Grid, psi: Complex[Array, "*shape"], accuracy: float = 1e-6) -> PhaseReport:
    """Where the phase of ψ has the `accuracy`, its connected parts and its defects; on the host.

    The position of a vortex is known to half a spacing. Between four points the charge is ±1; a
    larger one is found on a point only. In a periodic box all charges add up to 0, so that partners
    of a vortex can lie at the edge, where there is hardly any density.

    Round-off δψ changes S/ħ by δψ/ψ. The mask is therefore `ρ/ρ_max > (ε/accuracy)²`, with ε the
    machine epsilon; round-off that many steps accumulate is not included.

    Raises:
        InputError: If `accuracy` is not above ε, or ψ is not finite, 0 everywhere or not on `grid`.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> report = dqm.polar.inspect_phase(grid, dqm.cat(grid, center=4.0, width=0.35))
        >>> int(report.regions.max())  # two packets, without a phase between them
        2
    """
    require_instance(Grid, grid=grid)
    positive("accuracy", accuracy, ())
    rho = np.abs(np.asarray(field("psi", psi, grid.shape))) ** 2
    if not rho.any():
        raise InputError("`psi` must not be 0 everywhere: it has no phase there.")
    eps = np.finfo(rho.dtype).eps
    if not accuracy > eps:
        raise InputError(
            f"`accuracy` must be above {eps:.1e}, the machine epsilon of {rho.dtype}, but is "
            f"{accuracy}."
        )
    mask = rho > (eps / accuracy) ** 2 * rho.max()
    ends = _edges(rho.shape)
    inside = mask.ravel()[ends].all(axis=0)
    graph = scipy.sparse.coo_array((np.ones(inside.sum()), ends[:, inside]), shape=(rho.size,) * 2)
    labels = scipy.sparse.csgraph.connected_components(graph, directed=False)[1].reshape(rho.shape)
    regions = np.zeros(rho.shape, int)
    regions[mask] = np.unique(labels[mask], return_inverse=True)[1] + 1
    vortices = _vortices(grid, psi, mask) if rho.ndim > 1 else []
    around = [np.asarray(w) for w in windings(psi)]
    return PhaseReport(mask, regions, vortices, around, float(rho[~mask].sum() / rho.sum()))


def _vortices(grid: Grid, psi, mask: np.ndarray) -> list[Vortex]:
    """The charges of plaquettes in `mask`, and of single points that are not, by those around."""
    found: list[Vortex] = []
    pairs = itertools.combinations(range(grid.dim), 2)
    for axes, charge in zip(pairs, np.asarray(charges(psi)), strict=True):
        half = 0.5 * np.isin(np.arange(grid.dim), axes)
        around = _summed(mask, axes, (-1, 0, 1))
        cases = (
            (charge, _summed(mask, axes, (-1, 0)) == 4, half),
            (_summed(charge, axes, (0, 1)), ~mask & (around == 8), 0 * half),
        )
        for number, where, shift in cases:
            for point in np.argwhere((number != 0) & where):
                position = np.asarray(grid.lower) + np.asarray(grid.spacing) * (point + shift)
                found.append(Vortex(tuple(position.tolist()), axes, int(number[tuple(point)])))
    return found


def _summed(values: np.ndarray, axes: tuple[int, int], steps: tuple[int, ...]) -> np.ndarray:
    """The sum of `values` moved by all pairs of `steps` along two axes."""
    pairs = itertools.product(steps, steps)
    return np.sum([np.roll(values.astype(int), pair, axes) for pair in pairs], axis=0)


def _representable(hbar, dtype):
    """ħ, if it is positive and far enough from underflow that S, a part of it, is accurate."""
    hbar, numbers = positive("hbar", hbar, ()), jnp.finfo(dtype)
    least = float(numbers.tiny / numbers.eps)
    message = (
        f"`hbar` must be above {least:.0e} for {numbers.dtype}, but is {hbar}: use larger units or "
        "double precision."
    )
    return require(hbar, hbar > least, message)


def _wave(psi, axes: int) -> Array:
    """ψ, if it is an array of at least so many axes, and finite where known."""
    if np.ndim(psi) < axes or np.size(psi) == 0:
        raise InputError(
            f"`psi` must have {axes} or more axes with points, but has shape {np.shape(psi)}."
        )
    return field("psi", psi, np.shape(psi))


def _differences(angle):
    """Difference to the next neighbour along each axis, in [−π, π)."""
    d = [jnp.roll(angle, -1, axis) - angle for axis in range(angle.ndim)]
    return [x - TWO_PI * jnp.round(x / TWO_PI) for x in d]


def _edges(shape: tuple[int, ...], numbers=np):
    """Indices of each pair of neighbours on a periodic box, axis by axis: (2, dim · points).

    With `jax.numpy` for `numbers` they are no constants of the program.
    """
    index = numbers.arange(math.prod(shape), dtype=np.int32).reshape(shape)
    ahead = [numbers.roll(index, -1, axis).ravel() for axis in range(len(shape))]
    return numbers.stack([numbers.tile(index.ravel(), len(shape)), numbers.concatenate(ahead)])


def _whole_turns(rho, angle, like=None):
    """Multiples of 2π that make the angle continuous along the spanning tree of greatest ρ.

    Borůvka's algorithm: each part of the tree joins the neighbour with which it shares the
    greatest ρ, until there is one part. The turns of a part count from those of its first point.
    """
    ends = _edges(rho.shape, jnp)
    rho, angle = rho.ravel(), angle.ravel()
    weakest = jnp.min(rho[ends], axis=0)
    steps = -jnp.round((angle[ends[1]] - angle[ends[0]]) / TWO_PI)
    if like is not None:
        like = like.ravel()
        d = angle[ends[1]] - angle[ends[0]]
        doubtful = (weakest < DARK * jnp.max(rho)) | (jnp.abs(d + TWO_PI * steps) > np.pi / 2)
        steps = jnp.where(doubtful, jnp.round((like[ends[1]] - like[ends[0]] - d) / TWO_PI), steps)
    _, turns = jax.lax.while_loop(
        lambda parts: (parts[0] != parts[0][0]).any(),
        lambda parts: _join(ends, jnp.nan_to_num(weakest), steps, *parts),
        (
            jnp.arange(rho.size, dtype=ends.dtype) + zero_of(rho).astype(ends.dtype),
            jnp.zeros_like(rho),
        ),
    )
    root = jnp.argmax(rho)
    start = 0.0 if like is None else jnp.round((like[root] - angle[root]) / TWO_PI)
    return start + turns - turns[root]


def _join(ends, weight, steps, part, turns):
    """Joins each part with the neighbour beyond its heaviest edge, of several the first.

    Args:
        ends: The two points of each edge.
        weight: Of each edge, not negative.
        steps: Whole turns from the first to the second point of each edge.
        part: The part of each point, named by its first point.
        turns: Whole turns of each point.
    """
    points, edges = (jnp.arange(n, dtype=part.dtype) for n in (part.size, weight.size))
    one, other = part[ends]
    weight = jnp.where(one == other, -1.0, weight)
    most = jnp.zeros_like(turns).at[one].max(weight).at[other].max(weight)
    edge = jnp.full_like(part, weight.size - 1)
    for side in (one, other):
        edge = edge.at[side].min(jnp.where(weight == most[side], edges, weight.size - 1))
    first, second = ends[:, edge]
    ahead = part[first] == points
    near, far = jnp.where(ahead, first, second), jnp.where(ahead, second, first)
    parent = jnp.where(part == points, part[far], points)
    parent = jnp.where((parent[parent] == points) & (points < parent), points, parent)
    step = jnp.where(ahead, -steps[edge], steps[edge])
    rise = jnp.where(parent == points, 0.0, turns[far] + step - turns[near])
    parent, rise = jax.lax.while_loop(  # sums along the parents, by pointer jumping
        lambda sums: (sums[0] != sums[0][sums[0]]).any(),
        lambda sums: (sums[0][sums[0]], sums[1] + sums[1][sums[0]]),
        (parent, rise),
    )
    return parent[part], turns + rise[part]
