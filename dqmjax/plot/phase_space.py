"""Husimi and Wigner functions, their drift and diffusion, and their Fock–Bargmann coefficients."""

import functools
from collections.abc import Iterable

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection, TriMesh
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.quiver import Quiver
from matplotlib.ticker import MaxNLocator
from matplotlib.tri import Triangulation
from numpy.typing import ArrayLike

from ..errors import InputError, require_finite, require_shape, require_type, require_whole
from .checks import axes as axes_of, scale, shaped
from .style import BLUE, POSITIVE, RUST, SIGNED

Q_LABEL, P_LABEL = r"$q$  ($\ell$)", r"$p$  ($\kappa/\ell$)"
RHO = r"$\rho$  per $\mathrm{d}q\,\mathrm{d}p$"
PALE_RUST = "#f3d9c4"  # areas inside of RUST
NEGATIVE = -0.01  # part of the largest value; values below it are negative beyond round-off


def phase_space_map(
    points: "ArrayLike",
    values: "ArrayLike",
    ell: float = 1.0,
    kappa: float = 1.0,
    ax: "Axes | None" = None,
    *,
    label: str | None = RHO,
    **style,
) -> "TriMesh":
    """Colour map of values on the phase space of one mode; the points need not form a grid.

    Args:
        points: Rows (q, p), shape (points, 2).
        values: Shape (points,). If some are negative, the colours are signed.
        ell, kappa: Units of the axes: q in ℓ and p in κ/ℓ.
        ax: Axes to draw on; by default the current ones.
        label: Label of the colour bar; `None` for no bar.
        style: Passed to `Axes.tripcolor`, such as `vmin`, `vmax`, `cmap`; replaces what follows
            from the values.

    Raises:
        InputError: If the shapes do not match or the values are complex.

    Example:
        >>> basis = dqm.FockBargmann(cutoff=8)
        >>> side = jnp.linspace(-3, 3, 21)
        >>> points = jnp.stack(jnp.meshgrid(side, side)).reshape(2, -1).T
        >>> mesh = dqm.plot.phase_space_map(points, basis.density(basis.coherent(0.0), points))
        >>> round(2 * np.pi * mesh.get_clim()[1], 3)  # ρ = 1/2πκ at the centre
        1.0
    """
    if label is not None:
        require_type(str, label=label)
    values = shaped("values", values, None)
    ax = axes_of(ax)
    artist = draw_map(points, values, ell, kappa, ax, **_scale(values, style))
    if label is not None:
        _colour_bar(ax, artist, label)
    return artist


def draw_map(
    points: "ArrayLike", values: "ArrayLike", ell: float, kappa: float, ax: Axes, **style
) -> TriMesh:
    """A map without a colour bar."""
    points = shaped("points", points, None, 2)
    values = shaped("values", values, len(points))
    ell, kappa = scale("ell", ell), scale("kappa", kappa)
    places = points / [ell, kappa / ell]
    artist = ax.tripcolor(_triangles(places), values, shading="gouraud", **style)
    ax.margins(0)
    _label(ax)
    return artist


def _colour_bar(ax: Axes, artist: TriMesh, label: str):
    """A bar on the right of `ax`, exactly as tall."""
    ax.figure.colorbar(artist, cax=ax.inset_axes((1.05, 0.0, 0.05, 1.0)), label=label)


def _triangles(places: np.ndarray) -> Triangulation:
    """Of rows (q, p)."""
    return _triangulation(places.tobytes())


@functools.lru_cache(maxsize=4)
def _triangulation(rows: bytes) -> Triangulation:
    """Kept for the other maps and the frames of a film."""
    try:
        return Triangulation(*np.frombuffer(rows).reshape(-1, 2).T)
    except (RuntimeError, ValueError):
        raise InputError(
            "`points` must span an area: three points or more that are not on one line."
        ) from None


def phase_space_maps(
    points: "ArrayLike",
    values: "ArrayLike",
    t: "ArrayLike",
    ell: float = 1.0,
    kappa: float = 1.0,
    axes: "Iterable[Axes] | None" = None,
    *,
    label: str = RHO,
    **style,
) -> "list[TriMesh]":
    """A row of colour maps, one for each time, on a common scale; the last one has the colour bar.

    Args:
        points: Rows (q, p), shape (points, 2).
        values: Shape (times, points). If some are negative, the colours are signed.
        t: Shape (times,), for the titles.
        ell, kappa: Units of the axes.
        axes: One for each time; by default a new figure.
        label: Label of the colour bar.
        style: Passed to `Axes.tripcolor`; replaces the scale that follows from the values.

    Raises:
        InputError: If `t` is empty, the shapes do not match or the values are complex.

    Example:
        >>> basis = dqm.FockBargmann(cutoff=8)
        >>> side = jnp.linspace(-3, 3, 21)
        >>> points = jnp.stack(jnp.meshgrid(side, side)).reshape(2, -1).T
        >>> rho = basis.density(basis.coherent(0.0), points)
        >>> maps = dqm.plot.phase_space_maps(points, [rho, rho], t=[0.0, 0.5])
        >>> [mesh.axes.get_title() for mesh in maps]
        ['$t$ = 0', '$t$ = 0.5']
    """
    t, points = shaped("t", t, None), shaped("points", points, None, 2)
    values = shaped("values", values, t.size, len(points))
    ell, kappa = scale("ell", ell), scale("kappa", kappa)
    require_type(str, label=label)
    axes = _one_for_each(t, axes)
    style = _scale(values, style)
    artists = []
    for ax, row, now in zip(axes, values, t, strict=True):
        artists.append(draw_map(points, row, ell, kappa, ax, **style))
        ax.set_title(f"$t$ = {now:.3g}")
        for axis in (ax.xaxis, ax.yaxis):  # none at the edges, or labels of neighbours meet
            axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 4, 5, 10], prune="both"))
        ax.label_outer()
    _colour_bar(axes[-1], artists[-1], label)
    return artists


def _one_for_each(t: np.ndarray, axes: Iterable[Axes] | None) -> list[Axes]:
    if axes is None:
        return list(panels(1, t.size)[0])
    require_type(Iterable, axes=axes)
    chosen = list(axes)
    if len(chosen) != t.size or not all(isinstance(ax, Axes) for ax in chosen):
        raise InputError(f"`axes` must be {t.size} axes, one for each time, but are {chosen}.")
    return chosen


def _scale(values: np.ndarray, style: dict) -> dict:
    """Colours from 0 to the largest value, or symmetric around 0 if some values are negative.

    `style` replaces what it contains, and a `norm` the limits.
    """
    largest = np.abs(values).max() or 1.0
    is_signed = values.min() < NEGATIVE * largest
    lowest, colours = (-largest, SIGNED) if is_signed else (0.0, POSITIVE)
    limits = {} if style.get("norm") is not None else {"vmin": lowest, "vmax": largest}
    return {"cmap": colours} | limits | style


def _label(ax: Axes):
    ax.set(aspect="equal", xlabel=Q_LABEL, ylabel=P_LABEL)


def panels(rows: int, columns: int) -> np.ndarray:
    """Axes with common scales, shape (rows, columns), in a new figure."""
    _, axes = plt.subplots(
        rows,
        columns,
        figsize=(2.3 * columns + 1.2, 1.75 * rows + 1.35),
        sharex=True,
        sharey=True,
        layout="constrained",
        squeeze=False,
    )
    return axes


def drift_and_diffusion(
    points: "ArrayLike",
    drift: "ArrayLike",
    diffusion: "ArrayLike",
    ell: float = 1.0,
    kappa: float = 1.0,
    ax: "Axes | None" = None,
) -> "tuple[Quiver, LineCollection]":
    """Drift as arrows, and the diffusion matrix D at each point as the curve `ξᵀ D⁻¹ ξ = c²`.

    Ordinary diffusion gives ellipses. A traceless D has eigenvalues ±λ and gives hyperbolas: the
    density spreads along the branches and contracts in the direction between them.

    The longest arrow and the largest curve have the size of the distance between the points. The
    others are scaled by a root, so that small values remain visible: an arrow has a length
    proportional to `|drift|^½`, and a curve a diameter proportional to `|D|^¼`.

    Args:
        points: Rows (q, p), shape (points, 2).
        drift: Shape (points, 2), such as `jax.vmap(fokker_planck.drift)(points)`.
        diffusion: Shape (points, 2, 2), symmetric.
        ell, kappa: Units of the axes.
        ax: Axes to draw on; by default the current ones.

    Raises:
        InputError: If the shapes do not match or a number is complex.

    Example:
        >>> flow = dqm.FokkerPlanck(dqm.Kerr(2.0))
        >>> points = jnp.array([[1.0, 0.0], [0.0, 2.0]])
        >>> drift, D = jax.vmap(flow.drift)(points), jax.vmap(flow.diffusion)(points)
        >>> arrows, curves = dqm.plot.drift_and_diffusion(points, drift, D)
        >>> len(curves.get_paths())  # two branches each
        4
    """
    points = shaped("points", points, None, 2)
    drift = shaped("drift", drift, len(points), 2)
    diffusion = shaped("diffusion", diffusion, len(points), 2, 2)
    ell, kappa = scale("ell", ell), scale("kappa", kappa)
    ax, units = axes_of(ax), np.array([ell, kappa / ell])
    places, distance = points / units, _least_distance(points / units)
    curves = _curves(places, diffusion / np.outer(units, units), distance)
    ax.add_collection(PolyCollection(curves, facecolors=PALE_RUST, lw=0, zorder=1))
    collection = LineCollection(curves, colors=RUST, lw=1.1, zorder=1.5)
    ax.add_collection(collection)
    arrows = _shortened(drift / units, 0.5) * 0.9 * distance
    style = {"scale": 1.0, "scale_units": "xy", "angles": "xy", "units": "inches", "width": 0.024}
    quiver = ax.quiver(*places.T, *arrows.T, color=BLUE, pivot="mid", zorder=2, **style)
    handles = [
        Line2D([], [], color=BLUE, lw=2, label="drift"),
        Patch(facecolor=PALE_RUST, edgecolor=RUST, label="$D$"),
    ]
    ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    around = 0.6 * distance
    ax.update_datalim([places.min(axis=0) - around, places.max(axis=0) + around])
    ax.autoscale_view()
    _label(ax)
    return quiver, collection


def _shortened(
    vectors: Float[np.ndarray, "count dim"], power: float
) -> Float[np.ndarray, "count dim"]:
    """Vectors whose lengths are a power of the given ones, the longest 1."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    part = lengths / (lengths.max() or 1.0)
    return vectors / np.where(lengths > 0, lengths, 1.0) * part**power


def _curves(
    places: Float[np.ndarray, "points 2"],
    matrices: Float[np.ndarray, "points 2 2"],
    distance: float,
) -> list[np.ndarray]:
    """The curves of all matrices around their places, none longer than `distance`."""
    groups = [_unit_curves(matrix) for matrix in matrices]
    radii = np.array([max((np.abs(c).max() for c in group), default=0.0) for group in groups])
    parts = np.sqrt(radii / (radii.max() or 1.0))
    return [
        place + 0.48 * distance * part / radius * curve
        for place, group, part, radius in zip(places, groups, parts, radii, strict=True)
        for curve in group
        if radius > 0
    ]


def _unit_curves(matrix: Float[np.ndarray, "2 2"]) -> list[np.ndarray]:
    """`ξᵀ D⁻¹ ξ = 1` in pieces: an ellipse, or the two branches of a hyperbola, cut off."""
    values, vectors = np.linalg.eigh(matrix)
    narrow, wide = np.sqrt(np.abs(values))
    if values[1] <= 0:
        return []
    if values[0] >= 0:
        turn = np.linspace(0, 2 * np.pi, 40)
        return [np.stack([narrow * np.sin(turn), wide * np.cos(turn)], axis=1) @ vectors.T]
    s = np.linspace(-1.0, 1.0, 20)
    branch = np.stack([narrow * np.sinh(s), wide * np.cosh(s)], axis=1) @ vectors.T
    return [branch, -branch]


def _least_distance(points: np.ndarray) -> float:
    """Between two different points; 1 for a single one."""
    apart = np.linalg.norm(points[:, None] - points, axis=-1)
    apart = apart[apart > 0]
    return float(apart.min()) if apart.size else 1.0


def fock_weights(
    coefficients: "ArrayLike",
    kept: int | None = None,
    ax: "Axes | None" = None,
) -> "list[Line2D]":
    """Populations ρ_nn of one mode, the largest |ρ_mk| of each max(m, k) = n, and the cut-off.

    A truncation is sufficient if both fall to round-off before they reach the cut-off.

    Args:
        coefficients: ρ_mn, shape (levels, levels).
        kept: Levels that the calculation kept; by default all.
        ax: Axes to draw on; by default the current ones.

    Raises:
        InputError: If `coefficients` is not a square matrix of finite numbers, or `kept` not a
            number of levels.

    Example:
        >>> populations, largest = dqm.plot.fock_weights(np.diag([0.9, 0.09, 0.009]))
        >>> populations.get_ydata().tolist()
        [0.9, 0.09, 0.009]
    """
    rho = _matrix(coefficients)
    if kept is not None:
        require_whole(1, kept=kept)
    ax, n = axes_of(ax), np.arange(len(rho))
    shells = [max(rho[k, : k + 1].max(), rho[: k + 1, k].max()) for k in n]
    style = {"markersize": 3.5, "lw": 1}
    lines = ax.semilogy(n, np.diag(rho), "o-", color=BLUE, label=r"$\rho_{nn}$", **style)
    largest = r"largest $|\rho_{mk}|$, $\max(m, k) = n$"
    lines += ax.semilogy(n, shells, "s--", color=RUST, label=largest, mfc="white", **style)
    edge = (len(rho) if kept is None else kept) - 0.5
    ax.axvline(edge, color="0.3", lw=1, ls=":", label="cut-off")
    ax.set(xlabel="$n$", ylabel="weight")
    ax.locator_params(axis="x", integer=True)
    ax.legend(frameon=False)
    return lines


def _matrix(coefficients) -> np.ndarray:
    """The moduli of a square matrix."""
    try:
        rho = np.asarray(coefficients)
    except (TypeError, ValueError):
        raise InputError("`coefficients` must be a matrix of numbers, but is none.") from None
    if rho.dtype.kind not in "iufc" or rho.ndim != 2 or not rho.size:
        raise InputError(
            "`coefficients` must be a square matrix of numbers, but is of shape "
            f"{rho.shape} and type {rho.dtype}."
        )
    require_shape("coefficients", rho, (len(rho), len(rho)))
    require_finite(coefficients=rho)
    return np.abs(rho)
