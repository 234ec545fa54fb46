"""Density and phase of a wave function: `ψ = √ρ e^{iS/ħ}`, its branches and its defects."""

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jaxtyping import Array, Bool, Complex, Float, Int

from ..errors import InputError, is_known, require_positive
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
        InputError: If `hbar` is not positive.
    """
    require_positive(hbar=hbar)
    rho = density(psi)
    nowhere = rho == 0
    angle = jnp.where(nowhere, 0.0, jnp.angle(jnp.where(nowhere, 1.0, psi)))
    given = jax.lax.stop_gradient((rho, angle, *(() if like is None else (like / hbar,))))
    shape = jax.ShapeDtypeStruct(psi.shape, rho.dtype)
    turns = jax.pure_callback(_whole_turns, shape, *given, vmap_method="sequential")
    return rho, hbar * (angle + TWO_PI * turns)


def from_canonical(
    rho: Float[Array, "*shape"], S: Float[Array, "*shape"], hbar: Scalar | float = 1.0
) -> Complex[Array, "*shape"]:
    """`ψ = √ρ e^{iS/ħ}`; where ρ is 0 its derivative with respect to ρ is set to zero.

    Raises:
        InputError: If `hbar` is not positive, or a known `rho` is negative anywhere.
    """
    require_positive(hbar=hbar)
    if is_known(rho) and (np.asarray(rho) < 0).any():
        raise InputError(f"`rho` must not be negative, but its least value is {jnp.min(rho)}.")
    empty = rho == 0
    root = jnp.where(empty, 0.0, jnp.sqrt(jnp.where(empty, 1.0, rho)))
    return root * jnp.exp(1j * S / hbar)


def charges(psi: Complex[Array, "*shape"]) -> Int[Array, "pairs *shape"]:
    """Windings of the phase around each plaquette, for each pair of axes: ±1 at a vortex.

    The plaquette of a point extends to its next neighbours along both axes.
    """
    d = _differences(jnp.angle(psi), jnp)
    pairs = itertools.combinations(range(psi.ndim), 2)
    ahead = lambda f, axis: jnp.roll(f, -1, axis)
    rounds = [d[a] + ahead(d[b], a) - ahead(d[a], b) - d[b] for a, b in pairs]
    return jnp.round(jnp.stack(rounds) / TWO_PI).astype(int)


def windings(psi: Complex[Array, "*shape"]) -> list[Int[Array, "..."]]:
    """Windings of the phase once around the box along each axis, for every line of points."""
    sums = (jnp.sum(d, axis=a) for a, d in enumerate(_differences(jnp.angle(psi), jnp)))
    return [jnp.round(s / TWO_PI).astype(int) for s in sums]


class Vortex(NamedTuple):
    """A point, in the plane of two axes, around which the phase winds."""

    position: tuple[float, ...]  # centre of the plaquette
    axes: tuple[int, int]
    charge: int


class PhaseReport(NamedTuple):
    """Where a phase is meaningful, and its defects."""

    mask: Bool[np.ndarray, "*shape"]  # where S has the requested accuracy
    regions: Int[np.ndarray, "*shape"]  # connected parts of the mask from 1, 0 outside
    vortices: list[Vortex]  # with all four points in the mask
    windings: list[Int[np.ndarray, "..."]]  # for every line of points along each axis
    unknown: float  # share of ρ outside the mask


def inspect_phase(grid: Grid, psi: Complex[Array, "*shape"], accuracy: float = 1e-6) -> PhaseReport:
    """Where the phase of ψ has the `accuracy`, its connected parts and its defects; on the host.

    Round-off δψ changes S/ħ by δψ/ψ. The mask is therefore `ρ/ρ_max > (ε/accuracy)²`, with ε the
    machine epsilon; round-off that many steps accumulate is not included.

    Raises:
        InputError: If `accuracy` is not above ε.
    """
    rho = np.abs(np.asarray(psi)) ** 2
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
    """The plaquettes with a charge whose four points are in `mask`."""
    found, ahead = [], lambda m, axis: np.roll(m, -1, axis)
    pairs = itertools.combinations(range(grid.dim), 2)
    for axes, charge in zip(pairs, np.asarray(charges(psi)), strict=True):
        safe = mask & ahead(mask, axes[0])
        for point in np.argwhere((charge != 0) & safe & ahead(safe, axes[1])):
            middle = point + 0.5 * np.isin(np.arange(grid.dim), axes)
            position = np.asarray(grid.lower) + np.asarray(grid.spacing) * middle
            found.append(Vortex(tuple(position.tolist()), axes, int(charge[tuple(point)])))
    return found


def _differences(angle, xp):
    """Difference to the next neighbour along each axis, in [−π, π)."""
    d = [xp.roll(angle, -1, axis) - angle for axis in range(angle.ndim)]
    return [x - TWO_PI * xp.round(x / TWO_PI) for x in d]


def _edges(shape: tuple[int, ...]) -> np.ndarray:
    """Indices of each pair of neighbours on a periodic box, axis by axis: (2, dim · points)."""
    index = np.arange(np.prod(shape)).reshape(shape)
    ahead = [np.roll(index, -1, axis) for axis in range(len(shape))]
    return np.stack(
        [np.tile(index.ravel(), len(shape)), np.concatenate([i.ravel() for i in ahead])]
    )


def _whole_turns(rho, angle, like=None) -> np.ndarray:
    """Multiples of 2π that make the angle continuous along the spanning tree of greatest ρ."""
    rho, angle = np.asarray(rho), np.asarray(angle).ravel()
    ends = _edges(rho.shape)
    weakest = rho.ravel()[ends].min(axis=0)
    rank = np.empty(weakest.size)
    rank[np.argsort(-weakest, kind="stable")] = np.arange(1, weakest.size + 1)
    tree = scipy.sparse.csgraph.minimum_spanning_tree(
        scipy.sparse.coo_array((rank, ends), shape=(rho.size,) * 2).tocsr()
    )
    root = int(np.argmax(rho))
    _, parent = scipy.sparse.csgraph.breadth_first_order(tree, root, directed=False)
    parent[root] = root
    d = angle - angle[parent]
    turns = -np.round(d / TWO_PI)
    if like is not None:
        like = np.asarray(like).ravel()
        apart = np.minimum(rho.ravel(), rho.ravel()[parent]) < DARK * rho.max()
        doubtful = apart | (np.abs(d + TWO_PI * turns) > np.pi / 2)
        turns = np.where(doubtful, np.round((like - like[parent] - d) / TWO_PI), turns)
        turns[root] = np.round((like[root] - angle[root]) / TWO_PI)
    start, turns[root] = turns[root], 0
    while (parent != root).any():  # sums along the tree, by pointer jumping
        turns = turns + turns[parent]
        parent = parent[parent]
    return (start + turns).reshape(rho.shape).astype(rho.dtype)
