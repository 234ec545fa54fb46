"""Husimi and Wigner functions, their drift and diffusion, and their Fock–Bargmann coefficients."""

from collections.abc import Iterable

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, TriMesh
from matplotlib.lines import Line2D
from matplotlib.quiver import Quiver
from matplotlib.tri import Triangulation
from numpy.typing import ArrayLike

from ..errors import InputError, require_finite, require_shape, require_type, require_whole
from .checks import axes as axes_of, scale, shaped
from .style import BLUE, POSITIVE, RUST, SIGNED

Q_LABEL, P_LABEL = r"$q$  ($\ell$)", r"$p$  ($\kappa/\ell$)"
RHO = r"$\rho$  per $\mathrm{d}q\,\mathrm{d}p$"
NEGATIVE = -0.01  # part of the largest value; values below it are negative beyond round-off


def phase_space_map(
    points: "ArrayLike",
    values: "ArrayLike",
    ell: float = 1.0,
    kappa: float = 1.0,
    ax: "Axes | None" = None,
    **style,
) -> "TriMesh":
    """Colour map of values on the phase space of one mode; the points need not form a grid.

    Args:
        points: Rows (q, p), shape (points, 2).
        values: Shape (points,).
        ell, kappa: Units of the axes: q in ℓ and p in κ/ℓ.
        ax: Axes to draw on; by default the current ones.
        style: Passed to `Axes.tripcolor`, such as `vmin`, `vmax`, `cmap`.

    Raises:
        InputError: If the shapes do not match or the values are complex.
    """
    points = shaped("points", points, None, 2)
    values = shaped("values", values, len(points))
    ell, kappa = scale("ell", ell), scale("kappa", kappa)
    ax = axes_of(ax)
    q, p = (points / [ell, kappa / ell]).T
    artist = ax.tripcolor(_triangles(q, p), values, shading="gouraud", **style)
    ax.margins(0)
    _label(ax)
    return artist


def _triangles(q: np.ndarray, p: np.ndarray) -> Triangulation:
    try:
        return Triangulation(q, p)
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
    """A row of colour maps, one for each time, on a common scale.

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
    """
    t, points = shaped("t", t, None), shaped("points", points, None, 2)
    values = shaped("values", values, t.size, len(points))
    ell, kappa = scale("ell", ell), scale("kappa", kappa)
    require_type(str, label=label)
    axes = _one_for_each(t, axes)
    style = _scale(values) | style
    artists = []
    for ax, row, now in zip(axes, values, t, strict=True):
        artists.append(phase_space_map(points, row, ell, kappa, ax, **style))
        ax.set_title(f"$t$ = {now:.3g}")
        ax.label_outer()
    axes[0].figure.colorbar(artists[0], ax=axes, label=label, shrink=0.85)
    return artists


def _one_for_each(t: np.ndarray, axes: Iterable[Axes] | None) -> list[Axes]:
    if axes is None:
        return list(panels(1, t.size)[0])
    require_type(Iterable, axes=axes)
    chosen = list(axes)
    if len(chosen) != t.size or not all(isinstance(ax, Axes) for ax in chosen):
        raise InputError(f"`axes` must be {t.size} axes, one for each time, but are {chosen}.")
    return chosen


def _scale(values: np.ndarray) -> dict:
    """Colours from 0 to the largest value, or symmetric around 0 if some values are negative."""
    largest = np.abs(values).max() or 1.0
    is_signed = values.min() < NEGATIVE * largest
    lowest, colours = (-largest, SIGNED) if is_signed else (0.0, POSITIVE)
    return {"vmin": lowest, "vmax": largest, "cmap": colours}


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
    """Drift as arrows, and the diffusion matrix D at each point as the curve `ξᵀ D⁻¹ ξ = 1`.

    Ordinary diffusion gives ellipses. A traceless D has eigenvalues ±λ and gives hyperbolas: the
    density spreads along the branches and contracts in the direction between them.

    Args:
        points: Rows (q, p), shape (points, 2).
        drift: Shape (points, 2), such as `jax.vmap(fokker_planck.drift)(points)`.
        diffusion: Shape (points, 2, 2), symmetric.
        ell, kappa: Units of the axes.
        ax: Axes to draw on; by default the current ones.

    Raises:
        InputError: If the shapes do not match or a number is complex.
    """
    points = shaped("points", points, None, 2)
    drift = shaped("drift", drift, len(points), 2)
    diffusion = shaped("diffusion", diffusion, len(points), 2, 2)
    ell, kappa = scale("ell", ell), scale("kappa", kappa)
    ax, units = axes_of(ax), np.array([ell, kappa / ell])
    places, arrows = points / units, drift / units
    curves = _curves(places, diffusion / np.outer(units, units))
    collection = LineCollection(curves, colors=RUST, lw=1.1)
    ax.add_collection(collection)
    quiver = ax.quiver(*places.T, *arrows.T, color=BLUE, pivot="mid", width=4e-3)
    handles = [Line2D([], [], color=c, label=name) for name, c in (("drift", BLUE), ("$D$", RUST))]
    ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    ax.autoscale_view()
    ax.margins(0.1)
    _label(ax)
    return quiver, collection


def _curves(
    places: Float[np.ndarray, "points 2"], matrices: Float[np.ndarray, "points 2 2"]
) -> list[np.ndarray]:
    """The curves of all matrices around their places, on one scale, so that they do not overlap."""
    curves = [_unit_curves(matrix) for matrix in matrices]
    longest = max((np.abs(c).max() for group in curves for c in group), default=1.0) or 1.0
    size = 0.45 * _least_distance(places) / longest
    return [place + size * c for place, group in zip(places, curves, strict=True) for c in group]


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
