"""Husimi and Wigner functions, what moves them, and the coefficients that are kept of them."""

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

from ..errors import InputError, require_real, require_shape
from .style import BLUE, POSITIVE, RUST, SIGNED

Q_LABEL, P_LABEL = r"$q$  ($\ell$)", r"$p$  ($\kappa/\ell$)"
RHO = r"$\rho$  per $\mathrm{d}q\,\mathrm{d}p$"
NEGATIVE = -0.01  # of the largest value, below which values are signed and not round-off


def phase_space_map(
    points: ArrayLike,
    values: ArrayLike,
    ell: float = 1.0,
    kappa: float = 1.0,
    ax: Axes | None = None,
    **style,
) -> TriMesh:
    """Values at points of one mode's phase space, on a grid or not, as a coloured map.

    Args:
        points: Rows (q, p), shape (points, 2).
        values: Shape (points,).
        ell, kappa: Units of the axes, q in ℓ and p in κ/ℓ.
        ax: Axes to draw on, the current ones by default.
        style: Passed to `Axes.tripcolor`, such as `vmin`, `vmax`, `cmap`.

    Raises:
        InputError: If the shapes do not fit or the values are complex.
    """
    points, values = np.asarray(points), np.asarray(values)
    if points.ndim != 2 or points.shape[1] != 2 or values.shape != points.shape[:1]:
        raise InputError(
            "`points` must be (points, 2) and `values` (points,), but they are "
            f"{points.shape} and {values.shape}."
        )
    require_real("values", values)
    ax = ax or plt.gca()
    q, p = (points / [ell, kappa / ell]).T
    artist = ax.tripcolor(Triangulation(q, p), values, shading="gouraud", **style)
    ax.margins(0)
    ax.set(aspect="equal", xlabel=Q_LABEL, ylabel=P_LABEL)
    return artist


def phase_space_maps(
    points: ArrayLike,
    values: ArrayLike,
    t: ArrayLike,
    ell: float = 1.0,
    kappa: float = 1.0,
    axes: Iterable[Axes] | None = None,
    *,
    label: str = RHO,
    **style,
) -> list[TriMesh]:
    """Husimi or Wigner functions at several times in a row, on one scale.

    Args:
        points: Rows (q, p), shape (points, 2).
        values: Shape (times, points). Where some are negative the colours are signed.
        t: Shape (times,), for the titles.
        ell, kappa: Units of the axes.
        axes: One for each time; a new figure by default.
        label: Of the colours.
        style: Passed to `Axes.tripcolor`, instead of the scale that the values give.

    Raises:
        InputError: If there is no time, the shapes do not fit or the values are complex.
    """
    points, values, t = np.asarray(points), np.asarray(values), np.asarray(t)
    if not t.size:
        raise InputError("`t` must hold a time at least, but is empty.")
    require_shape("values", values, (t.size, len(points)))
    require_real("values", values)
    axes = row_of_axes(t.size) if axes is None else list(axes)
    largest = np.abs(values).max() or 1.0
    is_signed = values.min() < NEGATIVE * largest
    scale = {"vmin": -largest if is_signed else 0.0, "vmax": largest}
    style = scale | {"cmap": SIGNED if is_signed else POSITIVE} | style
    artists = []
    for ax, row, now in zip(axes, values, t, strict=True):
        artists.append(phase_space_map(points, row, ell, kappa, ax, **style))
        ax.set_title(f"$t$ = {now:.3g}")
        ax.label_outer()
    axes[0].figure.colorbar(artists[0], ax=axes, label=label, shrink=0.85)
    return artists


def row_of_axes(count: int) -> list[Axes]:
    """Axes side by side that share their scales, in a new figure."""
    _, axes = plt.subplots(
        1,
        count,
        figsize=(2.3 * count + 1.2, 3.1),
        sharex=True,
        sharey=True,
        layout="constrained",
        squeeze=False,
    )
    return list(axes[0])


def drift_and_diffusion(
    points: ArrayLike,
    drift: ArrayLike,
    diffusion: ArrayLike,
    ell: float = 1.0,
    kappa: float = 1.0,
    ax: Axes | None = None,
) -> tuple[Quiver, LineCollection]:
    """Drift as arrows, and D at each point as the curve `ξᵀ D⁻¹ ξ = 1`.

    Ordinary diffusion gives ellipses. D of time-symmetric mechanics is traceless, of eigenvalues
    ±λ, and gives hyperbolas, whose branches lie where it spreads; between them it contracts.

    Args:
        points: Rows (q, p), shape (points, 2).
        drift: Shape (points, 2), such as `jax.vmap(fokker_planck.drift)(points)`.
        diffusion: Shape (points, 2, 2), symmetric.
        ell, kappa: Units of the axes.
        ax: Axes to draw on, the current ones by default.

    Raises:
        InputError: If the shapes do not fit or a number is complex.
    """
    points = np.asarray(points)
    count = len(points)
    given = {"points": points, "drift": np.asarray(drift), "diffusion": np.asarray(diffusion)}
    for (name, value), shape in zip(given.items(), ((2,), (2,), (2, 2)), strict=True):
        require_shape(name, value, (count, *shape))
        require_real(name, value)
    ax, units = ax or plt.gca(), np.array([ell, kappa / ell])
    places, arrows = points / units, given["drift"] / units
    matrices = given["diffusion"] / np.outer(units, units)
    curves = [_unit_curves(matrix) for matrix in matrices]
    longest = max((np.abs(c).max() for group in curves for c in group), default=1.0) or 1.0
    size = 0.45 * _distance(places) / longest
    lines = [place + size * c for place, group in zip(places, curves, strict=True) for c in group]
    collection = LineCollection(lines, colors=RUST, lw=1.1)
    ax.add_collection(collection)
    quiver = ax.quiver(*places.T, *arrows.T, color=BLUE, pivot="mid", width=4e-3)
    marks = {"drift": BLUE, "$D$": RUST}
    handles = [Line2D([], [], color=colour, label=name) for name, colour in marks.items()]
    ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    ax.autoscale_view()
    ax.margins(0.1)
    ax.set(aspect="equal", xlabel=Q_LABEL, ylabel=P_LABEL)
    return quiver, collection


def _unit_curves(matrix: Float[np.ndarray, "2 2"]) -> list[np.ndarray]:
    """`ξᵀ D⁻¹ ξ = 1` in pieces: an ellipse, or the branches of a hyperbola to a finite length."""
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


def _distance(points: np.ndarray) -> float:
    """The least between two of the points."""
    if len(points) < 2:
        return 1.0
    apart = np.linalg.norm(points[:, None] - points, axis=-1)
    return float(apart[apart > 0].min())


def fock_weights(
    coefficients: ArrayLike,
    kept: int | None = None,
    ax: Axes | None = None,
) -> list[Line2D]:
    """Populations ρ_nn of one mode, and the largest |ρ_mn| of each highest index, with the cut-off.

    What has not fallen to round-off at the line presses against it.

    Args:
        coefficients: ρ_mn, shape (levels, levels).
        kept: Levels that the calculation kept; all of them by default.
        ax: Axes to draw on, the current ones by default.

    Raises:
        InputError: If the coefficients are not a square.
    """
    rho = np.abs(np.asarray(coefficients))
    require_shape("coefficients", rho, (len(rho), len(rho)))
    ax, n = ax or plt.gca(), np.arange(len(rho))
    shells = [max(rho[k, : k + 1].max(), rho[: k + 1, k].max()) for k in n]
    style = {"markersize": 3.5, "lw": 1}
    lines = ax.semilogy(n, np.diag(rho), "o-", color=BLUE, label=r"$\rho_{nn}$", **style)
    largest = r"largest $|\rho_{mk}|$, $m, k \leq n$"
    lines += ax.semilogy(n, shells, "s--", color=RUST, label=largest, mfc="white", **style)
    edge = (len(rho) if kept is None else kept) - 0.5
    ax.axvline(edge, color="0.3", lw=1, ls=":", label="cut-off")
    ax.set(xlabel="$n$", ylabel="weight")
    ax.legend(frameon=False)
    return lines
