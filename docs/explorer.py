"""Writes the interactive page: precomputed fields that a reader moves through time and C.

Run `python docs/explorer.py [OUT.html]`. The page is one file and loads nothing.
"""

import dataclasses
import itertools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import expm
from scipy.ndimage import map_coordinates
from scipy.special import ive

import dqmjax as dqm
from dqmjax import trajectories
from dqmjax.viewer.page import (
    Arrows,
    Axis,
    Chart,
    Diffusion,
    Field,
    Outline,
    Parameter,
    Paths,
    Quantised,
    Readout,
    Scene,
    Series,
    Time,
    Wave,
    page,
)

HERE = Path(__file__).parent
OUT = HERE / "_build" / "explorer.html"


@dataclasses.dataclass(frozen=True)
class Size:
    """How fine the page is."""

    cells: int = 88  # of a field, along each axis
    times: int = 61
    particles: int = 24
    steps: int = 240  # of particles


SMALL = Size(cells=24, times=5, particles=3, steps=64)  # for the tests


def phase_axes(side: float) -> tuple[Axis, Axis]:
    """q and p from −side to side."""
    return Axis("q", "q  (ℓ)", -side, side), Axis("p", "p  (κ/ℓ)", -side, side)


def cells(side: float, count: int) -> np.ndarray:
    """The middles of the cells of a square, rows (q, p), q fastest."""
    middles = side * (2 * np.arange(count) + 1 - count) / count
    return np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)


def lattice(side: float, count: int) -> np.ndarray:
    """Places for arrows."""
    axis = np.linspace(-side, side, count)
    return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)


def entries(matrices) -> np.ndarray:
    """xx, xy and yy of symmetric matrices."""
    return np.stack([matrices[..., 0, 0], matrices[..., 0, 1], matrices[..., 1, 1]], axis=-1)


def whole(steps: int, times: np.ndarray) -> int:
    """Steps between two times, for that many in all or more."""
    return -(-steps // (len(times) - 1))


@eqx.filter_jit
def drifts(flow: dqm.FokkerPlanck, places) -> jax.Array:
    """Directions of the drift, as long as the root of its speed."""
    drift = jax.vmap(flow.drift)(jnp.asarray(places))
    return drift / jnp.sqrt(jnp.linalg.norm(drift, axis=-1, keepdims=True) + 1e-12)


@eqx.filter_jit
def diffusions(symbol, strengths, places) -> jax.Array:
    """D for each C at each of the places."""
    of = lambda C: jax.vmap(dqm.FokkerPlanck(symbol, C=C).diffusion)(jnp.asarray(places))
    return jax.vmap(of)(jnp.asarray(strengths))


@eqx.filter_jit
def velocity(flow: dqm.FokkerPlanck, x, score) -> jax.Array:
    """`b − ∇·B − B∇ln ρ` at each of the places; `b` alone without a score."""
    if score is None:
        return jax.vmap(flow.drift)(x)
    divergence = lambda xi: jnp.trace(jax.jacfwd(flow.spread)(xi), axis1=1, axis2=2)
    move = lambda xi, s: flow.drift(xi) - divergence(xi) - flow.spread(xi) @ s
    return jax.vmap(move)(x, score)


def carried(
    flow: dqm.FokkerPlanck,
    score: Callable | None,
    starts: np.ndarray,
    times: np.ndarray,
    steps: int,
) -> np.ndarray:
    """Particles of a density by Runge and Kutta's method; `score(ξ, t)` is its ∇ln ρ.

    Without it they move by the drift: this is C = 0.
    """
    move = lambda x, t: np.asarray(velocity(flow, x, score and score(x, t)))
    x, found = np.asarray(starts), [np.asarray(starts)]
    for begin, end in itertools.pairwise(times):
        dt = (end - begin) / whole(steps, times)
        for t in begin + dt * np.arange(whole(steps, times)):
            k1 = move(x, t)
            k2 = move(x + dt / 2 * k1, t + dt / 2)
            k3 = move(x + dt / 2 * k2, t + dt / 2)
            k4 = move(x + dt * k3, t + dt)
            x = x + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        found.append(x)
    return np.stack(found)


def checked(flow, score, starts, times, steps: int) -> np.ndarray:
    """`carried`, without particles whose place changes by more than 0.3 with steps twice as long.

    The method is of order 4, so that the others are exact to about 0.02, the size of a dot.
    Particles that pass near a zero of ρ are lost.
    """
    fine, coarse = (carried(flow, score, starts, times, n) for n in (steps, steps // 2))
    away = np.nan_to_num(np.linalg.norm(fine - coarse, axis=-1), nan=np.inf)
    return np.where(away.max(axis=0)[:, None] < 0.3, fine, np.nan)


# ---- Kerr ----

KERR_U, KERR_ALPHA, KERR_SIDE = 2.0, 2.0, 5.4
KERR_C = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5)


def kerr_harmonics(C: float, t: float, s: np.ndarray, harmonics: int = 36) -> np.ndarray:
    """f_d(s) of `2πρ = Σ_d f_d e^{idφ}`, s = (q² + p²)/2, for d ≥ 0; f_{−d} = f_d*.

    In each harmonic the equation has first derivatives in s only, with a complex coefficient:
    `∂f_d/∂t = idU [Cs ∂_s + 3C/2 − 2 + s] f_d`. From a coherent state its solution is

        f_d = e^{idUt(3C/2 − 2) − se^{iθ} + s(e^{iθ} − 1)/C − α²} I_d(2α√s e^{iθ/2}), θ = dUCt.
    """
    d = np.arange(harmonics).reshape(-1, *[1] * np.ndim(s))
    turn, theta = d * KERR_U * t, d * KERR_U * t * C
    drift = s * (np.exp(1j * theta) - 1) / C if C else 1j * s * turn
    z = 2 * KERR_ALPHA * np.sqrt(s) * np.exp(1j * theta / 2)
    exponent = 1j * turn * (1.5 * C - 2) - s * np.exp(1j * theta) + drift - KERR_ALPHA**2
    return np.exp(exponent + np.abs(z.real)) * ive(d, z)


def kerr_mean(C: float, t: float) -> float:
    """|⟨α⟩| = |∫ √s f₁ ds|."""
    radius = np.linspace(0.0, 9.0, 400)
    f = kerr_harmonics(C, t, radius**2 / 2, 2)[1]
    return float(np.abs(np.trapezoid(radius**2 / 2**0.5 * f, radius)))


def kerr_density(C: float, times: np.ndarray, points: np.ndarray) -> np.ndarray:
    """ρ at points for all times, by a fine polar raster and cubic splines."""
    radii, angles = np.linspace(0, 2**0.5 * KERR_SIDE, 100), 256
    at = np.hypot(*points.T) / radii[1], np.arctan2(*points.T[::-1]) * angles / (2 * np.pi) % angles
    found = []
    for t in times:
        f = kerr_harmonics(C, t, radii**2 / 2) / (2 * np.pi)
        f[0] = f[0] / 2
        spectrum = np.zeros((len(radii), angles), complex)
        spectrum[:, : len(f)] = 2 * f.T
        polar = np.fft.ifft(spectrum, axis=1, norm="forward").real
        polar = np.concatenate([polar[:, -8:], polar, polar[:, :8]], axis=1)
        found.append(map_coordinates(polar, [at[0], at[1] + 8], order=3, mode="nearest"))
    return np.array(found)


def kerr_score(C: float, xi: np.ndarray, t: float) -> np.ndarray:
    """∇ln ρ at points; the derivative in s by differences."""
    s, phi, step, count = np.sum(xi**2, axis=1) / 2, np.arctan2(*xi.T[::-1]), 1e-5, 26
    f = kerr_harmonics(C, t, s + step * np.array([[1.0], [-1.0]]), count)
    d = np.arange(count)[:, None]
    f = f * np.where(d > 0, 2, 1)[..., None] * np.exp(1j * d * phi)[:, None]
    after, before = f.sum(axis=0).real
    along, around = (after - before) / (2 * step), -(d * f.mean(axis=1).imag).sum(axis=0)
    rho = (after + before) / 2
    slope = along[:, None] * xi + (around / (2 * s))[:, None] * xi[:, ::-1] * [-1, 1]
    return slope / np.where(rho > 0, rho, np.nan)[:, None]


def kerr_paths(C: float, times: np.ndarray, starts: np.ndarray, steps: int) -> np.ndarray:
    """Particles that move with the current of the density; none where it becomes negative."""
    if C > 1:
        return np.full((times.size, *starts.shape), np.nan)
    flow = dqm.FokkerPlanck(dqm.Kerr(KERR_U), C=jnp.array(C))
    score = (lambda xi, t: kerr_score(C, xi, t)) if C else None
    return checked(flow, score, starts, times, steps)


def kerr_note(C: float) -> str:
    """What C means."""
    if C == 0:
        return (
            "C = 0: no diffusion. This is Liouville’s equation of classical mechanics. The density "
            "winds up and does not come back."
        )
    if C == 1:
        return (
            "C = 1: quantum mechanics. The density becomes three and two coherent states (cats), "
            "and returns at t = 2π/U."
        )
    if C < 1:
        return (
            f"C = {C:g}: as quantum mechanics with {C:g} ħ in place of ħ, of a state with thermal "
            "noise. The density stays positive."
        )
    return f"C = {C:g}: the density becomes negative (red). No state and no particles have it."


def kerr(size: Size) -> Scene:
    """A Kerr oscillator for many C, from a coherent state to the revival at C = 1."""
    x, y = phase_axes(KERR_SIDE)
    points, places = cells(KERR_SIDE, size.cells), lattice(4.2, 7)
    times = np.linspace(0.0, 2 * np.pi / KERR_U, size.times)
    rho = np.stack([kerr_density(C, times, points) for C in KERR_C])
    first = np.array([2**0.5 * KERR_ALPHA, 0.0])  # around it ρ is normal, of variance 1
    starts = first + np.random.default_rng(1).normal(size=(size.particles, 2))
    paths = np.stack([kerr_paths(C, times, starts, size.steps) for C in KERR_C])
    symbol = dqm.Kerr(KERR_U)
    drift = np.asarray(drifts(dqm.FokkerPlanck(symbol), places))
    spread = entries(np.asarray(diffusions(symbol, KERR_C, places)))
    mean = np.array([[kerr_mean(C, t) for t in times] for C in KERR_C])
    field = Field(
        title="Husimi density",
        x=x,
        y=y,
        name="ρ",
        bar="ρ per dq dp",
        values=Quantised(rho.reshape(*rho.shape[:2], size.cells, size.cells), -0.025, 0.1),
        colours="density",
        clips=True,
        overlays=[
            Arrows("drift", places, drift[None, None], 0.16),
            Diffusion("diffusion D", places, spread[:, None], 0.1),
            Paths("trajectories", paths, trail=6),
        ],
    )
    chart = Chart(
        title="Mean amplitude |⟨α⟩|",
        x=Axis("t", "t", 0.0, float(times[-1])),
        y=Axis("|⟨α⟩|", "|⟨α⟩|", 0.0, 2.2),
        series=[
            Series("this C", times[None, None], mean[:, None]),
            Series("C = 1, quantum", times[None, None], mean[None, None, KERR_C.index(1.0)]),
            Series("C = 0, classical", times[None, None], mean[None, None, 0]),
        ],
        cursor=True,
    )
    return Scene(
        name="kerr",
        title="Kerr oscillator",
        text=(
            "A coherent state of the oscillator H = (U/2) n(n − 1), U = 2, α = 2. The drift is a "
            "rotation that is faster at larger radii. The diffusion matrix D is traceless: at each "
            "point the density spreads along the orange axis and contracts along the blue one. "
            "C is the strength of the diffusion. The length of an arrow is the root of the speed. "
            "Particles that come near a zero of the density are left out."
        ),
        time=Time(times),
        parameter=Parameter(
            label="C",
            words=[f"{C:g}" for C in KERR_C],
            notes=[kerr_note(C) for C in KERR_C],
            begin=KERR_C.index(1.0),
        ),
        panels=[field, chart],
        readouts=[
            Readout("|⟨α⟩|", mean),
            Readout("2π × lowest ρ", 2 * np.pi * rho.min(axis=2), 2),
        ],
        begin=size.times // 3,
    )


# ---- amplifier ----

GAIN_C = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
CAT, WIDE, HIGH = 1.5, 9.0, 4.5


def amplifier_terms(C: float, xi: np.ndarray, t: float) -> tuple[np.ndarray, np.ndarray]:
    """ρ and ∇ρ at points (…, 2), for an even cat of ±α and H = gqp, g = 1.

    Each of the four terms |a⟩⟨b| is a Gaussian, whose complex mean moves by the drift and whose
    variances v obey v' = ±(2v − C), with v = 1 at t = 0.
    """
    q, p, grow = xi[..., 0], xi[..., 1], np.exp(t)
    spread = lambda e: (1 - C / 2) * e**2 + C / 2
    rho, slope = np.zeros(q.shape, complex), np.zeros(xi.shape, complex)
    for a in (CAT, -CAT):
        for b in (CAT, -CAT):
            mean_q, mean_p = grow * (a + b) / 2**0.5, -1j * (a - b) / 2**0.5 / grow
            part = _normal(q, mean_q, spread(grow)) * _normal(p, mean_p, spread(1 / grow))
            part = part * np.exp(-((a - b) ** 2) / 2)
            rho += part
            slope[..., 0] -= (q - mean_q) / spread(grow) * part
            slope[..., 1] -= (p - mean_p) / spread(1 / grow) * part
    norm = 2 + 2 * np.exp(-2 * CAT**2)
    return rho.real / norm, slope.real / norm


def amplified(C: float, x, t):
    """The density of q/G, G = e^{gt}."""
    return _marginal(x, (1 - C / 2) + C / 2 * np.exp(-2 * t))


def _marginal(x, width):
    """Two packets and their interference, of that variance."""
    pair = _normal(x, 2**0.5 * CAT, width) + _normal(x, -(2**0.5) * CAT, width)
    cross = 2 * np.exp(-2 * CAT**2) * _normal(x, 0.0, width)
    return (pair + cross) / (2 + 2 * np.exp(-2 * CAT**2))


def _normal(x, mean, variance):
    return np.exp(-((x - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)


def amplifier_starts(count: int) -> np.ndarray:
    """Particles of the density at t = 0, by rejection."""
    random = np.random.default_rng(2)
    places = random.uniform([-6.0, -4.5], [6.0, 4.5], (200 * count, 2))
    rho = amplifier_terms(1.0, places, 0.0)[0]
    return places[random.uniform(0.0, 0.09, len(rho)) < rho][:count]


def amplifier_paths(C: float, times: np.ndarray, starts: np.ndarray, steps: int) -> np.ndarray:
    """Particles; none where the density becomes negative."""
    if C > 1:
        return np.full((times.size, *starts.shape), np.nan)

    def score(xi, t):
        rho, slope = amplifier_terms(C, xi, t)
        return slope / rho[:, None]

    flow = dqm.FokkerPlanck(dqm.ParametricAmplifier(1.0), C=jnp.array(C))
    return checked(flow, score, starts, times, steps)


def variances(times: np.ndarray, sign: int) -> np.ndarray:
    """Of q (sign 1) or p (−1) in each packet, for each C and time."""
    C = np.array(GAIN_C)[:, None]
    return (1 - C / 2) * np.exp(sign * 2 * times) + C / 2


def amplifier_end(C: float) -> float:
    """When the variance of q becomes 0."""
    return np.inf if C <= 2 else float(np.log(C / (C - 2)) / 2)


def until_the_end(ends: Sequence[float], times: np.ndarray, of: Callable, empty: np.ndarray):
    """`of(C, t)` for each C and time, and `empty` from the time on when there is no density."""
    return np.array(
        [
            [of(C, t) if t < end else empty for t in times]
            for C, end in zip(GAIN_C, ends, strict=True)
        ]
    )


def amplifier_note(C: float) -> str:
    """What C means."""
    if C == 0:
        return (
            "C = 0: squeezing alone, by the drift. The density of q/G keeps the width of the start."
        )
    if C == 1:
        return (
            "C = 1: quantum mechanics. The density of q/G narrows to Born’s |ψ|²: this is a "
            "measurement of q."
        )
    if C < 1:
        return f"C = {C:g}: q/G narrows less than in quantum mechanics."
    if C <= 2:
        return f"C = {C:g}: q/G narrows more than |ψ|². The density becomes negative (red)."
    return (
        f"C = {C:g}: the variance of q reaches 0 at gt = {amplifier_end(C):.3g}. The equation has "
        "no solution after that."
    )


def amplifier(size: Size) -> Scene:
    """An even cat in a parametric amplifier."""
    x, y = Axis("q", "q  (ℓ)", -WIDE, WIDE), Axis("p", "p  (κ/ℓ)", -HIGH, HIGH)
    times = np.linspace(0.0, 1.2, size.times)
    nx, ny = round(1.4 * size.cells), round(0.7 * size.cells)
    q, p = (side * (2 * np.arange(n) + 1 - n) / n for side, n in ((WIDE, nx), (HIGH, ny)))
    points = np.stack(np.meshgrid(q, p), axis=-1).reshape(-1, 2)
    ends = [amplifier_end(C) for C in GAIN_C]
    field_at = lambda C, t: amplifier_terms(C, points, t)[0].reshape(ny, nx)
    rho = until_the_end(ends, times, field_at, np.zeros((ny, nx)))
    starts = amplifier_starts(size.particles)
    symbol = dqm.ParametricAmplifier(1.0)
    paths = np.stack([amplifier_paths(C, times, starts, size.steps // 2) for C in GAIN_C])
    axes = np.linspace(-8, 8, 9), np.linspace(-4, 4, 5)
    places = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    drift = np.asarray(drifts(dqm.FokkerPlanck(symbol), places))
    spread = entries(np.asarray(diffusions(symbol, GAIN_C, places)))
    along = np.linspace(-5.5, 5.5, 221)
    curve_at = lambda C, t: amplified(C, along, t)
    seen = until_the_end(ends, times, curve_at, np.full(along.shape, np.nan))
    field = Field(
        title="Husimi density",
        x=x,
        y=y,
        name="ρ",
        bar="ρ per dq dp",
        values=Quantised(rho, -0.02, 0.08),
        colours="density",
        clips=True,
        overlays=[
            Arrows("drift", places, drift[None, None], 0.5),
            Diffusion("diffusion D", places, spread[:, None], 0.4),
            Paths("trajectories", paths),
        ],
    )
    chart = Chart(
        title="Density of q/G, where G = exp(gt)",
        x=Axis("q/G", "q/G", -5.5, 5.5),
        y=Axis("density", "density", 0.0, 0.5),
        series=[
            Series("this C", along[None, None], seen),
            Series(
                "Born, |ψ(q)|² at t = 0",
                along[None, None],
                np.asarray(_marginal(along, 0.5))[None, None],
            ),
        ],
    )
    cell = 4 * WIDE * HIGH / (nx * ny)
    return Scene(
        name="amplifier",
        title="Parametric amplifier",
        text=(
            "A cat, the superposition of the coherent states α = ±1.5, in an amplifier, H = g q p, "
            "g = 1. The drift stretches q by G = exp(gt) and squeezes p. The diffusion is the same "
            "everywhere: it narrows q (blue) and widens p (orange)."
        ),
        time=Time(times, "gt"),
        parameter=Parameter(
            label="C",
            words=[f"{C:g}" for C in GAIN_C],
            notes=[amplifier_note(C) for C in GAIN_C],
            begin=GAIN_C.index(1.0),
        ),
        panels=[field, chart],
        readouts=[
            Readout("variance of each packet in q", variances(times, 1)),
            Readout("in p", variances(times, -1)),
            Readout("negative part of ρ", -np.minimum(rho, 0).sum(axis=(2, 3)) * cell, 2),
        ],
        until=ends,
        begin=size.times // 3,
    )


# ---- dimer ----

DIMER_LEVELS = {0.6: 28, 0.8: 21, 1.0: 15}
DIMER_C = tuple(DIMER_LEVELS)
DIMER_ALPHA, DIMER_U, DIMER_SIDE = 1.6, 1.8, 4.2


def dimer_start(C: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The matrix of H/ħ, kets, and their weights: the left well coherent, the right one empty.

    C < 1 is quantum mechanics with Cħ in place of ħ. In number states of that scale, κ = Cħ, the
    initial density is that of thermal states, the left one displaced. On them the symbol |α|⁴ is
    C²(n² + 3n + 2), and |α|² is C(n + 1).
    """
    levels, alpha = DIMER_LEVELS[C], DIMER_ALPHA / C**0.5
    wide = np.diag(np.sqrt(np.arange(1.0, 2 * levels)), 1)
    displaced = expm(alpha * (wide.T - wide))[:levels]  # its columns: number states, displaced
    thermal = C * (1 - C) ** np.arange(levels)
    weights = thermal[:, None] * thermal
    chosen = np.argwhere(weights > 1e-4)
    first = np.stack([np.kron(displaced[:, i], np.eye(levels)[j]) for i, j in chosen])
    n = np.arange(levels)
    lower, local = np.diag(np.sqrt(n[1:]), 1), np.diag(DIMER_U / 2 * (C * (n**2 + 3 * n) - 4 * n))
    hopping, unit = np.kron(lower.T, lower), np.eye(levels)
    H = np.kron(local, unit) + np.kron(unit, local) - hopping - hopping.T
    return H, first, weights[tuple(chosen.T)]


def dimer_run(
    C: float, times: np.ndarray, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The densities in both wells (2, times, points), ⟨α⟩ (times, 2) and ⟨n⟩ (2, times)."""
    H, kets, weights = dimer_start(C)
    levels = round(len(H) ** 0.5)
    n = np.arange(levels)
    kept = np.flatnonzero((n[:, None] + n).ravel() < levels)  # number of quanta, which is conserved
    energies, modes = np.linalg.eigh(H[np.ix_(kept, kept)])
    start = kets[:, kept] @ modes
    wells = np.zeros((2, len(times), levels, levels), complex)
    psi = np.zeros((len(kets), len(H)), complex)
    for i, t in enumerate(times):
        part = start * np.exp(-1j * energies * t)
        psi[:, kept] = part.real @ modes.T + 1j * (part.imag @ modes.T)
        of = psi.reshape(-1, levels, levels)
        wells[0, i] = np.einsum("k,kab,kcb->ac", weights, of, of.conj(), optimize=True)
        wells[1, i] = np.einsum("k,kba,kbc->ac", weights, of, of.conj(), optimize=True)
    one = dqm.FockBargmann(levels, ell=C**0.5, kappa=C)
    overlaps = np.asarray(one.overlaps(jnp.asarray(points)))
    density = lambda well: np.einsum("pa,pa->p", overlaps.conj() @ well, overlaps).real
    rho = np.array([[density(well) for well in moments] for moments in wells])
    lower = np.diag(np.sqrt(np.arange(1.0, levels)), 1)
    quanta = np.einsum("wtaa,a->wt", wells, np.arange(levels)).real
    means = C**0.5 * np.einsum("ab,wtba->tw", lower, wells)
    return rho / (2 * np.pi * C), means, C * (quanta + 1) - 1


def imbalance(quanta: np.ndarray) -> np.ndarray:
    """z = (n₁ − n₂)/(n₁ + n₂), from (2, …)."""
    return (quanta[0] - quanta[1]) / (quanta[0] + quanta[1])


def dimer(size: Size) -> Scene:
    """Two coupled Kerr oscillators."""
    times = np.linspace(0.0, 3.0, size.times)
    points = cells(DIMER_SIDE, round(0.7 * size.cells))
    runs = [dimer_run(C, times, points) for C in DIMER_C]
    flow = dqm.FokkerPlanck(dqm.BoseHubbard(1.0, DIMER_U, sites=2), ell=(1.0, 1.0))
    first = np.array([2**0.5 * DIMER_ALPHA, 0.0, 0.0, 0.0])
    cloud = first + np.random.default_rng(0).normal(size=(1 + 2000, 4))
    cloud[0] = first
    classical = carried(flow, None, cloud, times, 240)
    places = lattice(3.2, 5)
    quanta = np.stack([run[2] for run in runs])
    of_points = (classical[..., :2] ** 2 + classical[..., 2:] ** 2).mean(axis=1).T / 2 - 1
    side = round(len(points) ** 0.5)
    panels: list[Field | Chart] = [
        site_panel(
            flow,
            site,
            [run[0][site] for run in runs],
            [run[1] for run in runs],
            places,
            classical[:, 0],
            side,
        )
        for site in (0, 1)
    ]
    z = [imbalance(quanta[i])[None] for i in range(len(DIMER_C))]
    panels.append(
        Chart(
            title="Imbalance (n₁ − n₂)/(n₁ + n₂)",
            x=Axis("t", "t  (ħ/J)", 0.0, 3.0),
            y=Axis("z", "z", -1.05, 1.05),
            series=[
                Series("this C", times[None, None], np.stack(z)),
                Series("C = 1, quantum", times[None, None], z[-1][None]),
                Series(
                    "C = 0, classical: 2000 particles",
                    times[None, None],
                    imbalance(of_points)[None, None],
                ),
            ],
            cursor=True,
        )
    )
    return Scene(
        name="dimer",
        title="Two coupled wells",
        text=(
            "Bosons in two wells, H = −J(a†b + b†a) + (U/2) Σ n(n − 1), U = 1.8 J. At first all "
            "are in the left well, in the coherent state α = 1.6. Each panel is the density of one "
            "well, the other one integrated out. Drift: at the mean amplitude of the other well."
        ),
        time=Time(times),
        parameter=Parameter(
            label="C",
            words=[f"{C:g}" for C in DIMER_C],
            notes=[dimer_note(C) for C in DIMER_C],
            begin=len(DIMER_C) - 1,
        ),
        panels=panels,
        readouts=[
            Readout("n₁, left", quanta[:, 0]),
            Readout("n₂, right", quanta[:, 1]),
        ],
        begin=size.times // 3,
    )


def dimer_note(C: float) -> str:
    """What C means."""
    if C == 1:
        return (
            "C = 1: quantum mechanics. The bosons tunnel, and the amplitude of each well loses its "
            "phase."
        )
    return f"C = {C:g}: as quantum mechanics with {C:g} ħ in place of ħ, with thermal noise."


@eqx.filter_jit
def local(flow: dqm.FokkerPlanck, places, means, own) -> tuple[jax.Array, jax.Array]:
    """Drift and D in the well `own` at places, where the other one has the mean amplitude."""

    def at(place, mean):
        rest = 2**0.5 * jnp.stack([mean.real, mean.imag])
        xi = jnp.zeros(4).at[own].set(place).at[(own + 1) % 2 + own // 2 * 2].set(rest)
        return flow.drift(xi)[own], flow.diffusion(xi)[jnp.ix_(own, own)]

    return jax.vmap(jax.vmap(jax.vmap(at, (0, None)), (None, 0)), (None, 0))(places, means)


def site_panel(flow, site: int, rho, means, places, mean_field, side: int) -> Field:
    """The density in one well."""
    x, y = phase_axes(DIMER_SIDE)
    drift, spread = local(flow, places, np.stack(means)[..., 1 - site], np.array([site, site + 2]))
    drift = np.asarray(drift)
    drift = drift / np.sqrt(np.linalg.norm(drift, axis=-1, keepdims=True) + 1e-12)
    spread = entries(np.asarray(spread)) * np.array(DIMER_C)[:, None, None, None]
    path = mean_field[:, [site, site + 2]][None, :, None]
    return Field(
        title=("Left well", "Right well")[site],
        x=x,
        y=y,
        name="ρ",
        bar="ρ per dq dp",
        values=Quantised(np.stack(rho).reshape(len(rho), -1, side, side), 0.0, 0.12),
        clips=True,
        overlays=[
            Arrows("drift", places, drift, 0.3),
            Diffusion("diffusion D", places, spread[:, :1], 0.15),
            Paths("classical path of the mean", path),
        ],
    )


# ---- (ρ, S) ----

FAR = 100.0  # a slit that is not there
SLITS = {
    "one slit": (0.0, FAR, FAR),
    "two slits": (-1.5, 1.5, FAR),
    "three slits": (-3.0, 0.0, 3.0),
}


def slits(size: Size) -> Scene:
    """A packet behind one, two and three slits."""
    nx, ny, thin = 144, 120, 1 if size.cells > 48 else 3
    plane = dqm.Grid(lower=(-12.0, -10.0), upper=(12.0, 10.0), shape=(nx, ny))
    packet = dqm.gaussian(plane, center=(-4.0, 0.0), width=(1.0, 1.8), momentum=(4.0, 0.0))
    every, shown = 4, (size.times + 1) // 2
    times = np.linspace(0.0, 2.5, every * (shown - 1) + 1)
    random = np.random.default_rng(3)  # |ψ|² is normal, with those widths
    starts = random.normal((-4.0, 0.0), (1.0, 1.8), (size.particles, 2))
    across = np.asarray(plane.axes[0])
    left, right = np.searchsorted(across, (-8.0, 10.0))
    waves, paths, walls = [], [], []
    for centers in SLITS.values():
        wall = dqm.Slits(height=30.0, thickness=0.4, width=0.5, centers=jnp.array(centers))
        stepper = dqm.SplitStep(dqm.Hamiltonian(wall), plane)
        run = dqm.solve(stepper, packet, times, substeps=1)
        waves.append(np.asarray(run.saved[::every, left:right:thin, ::thin]).swapaxes(1, 2))
        paths.append(
            np.asarray(trajectories.bohm(stepper, run, starts, substeps=2).positions[::every])
        )
        walls.append(contour(plane, wall, 15.0))
    psi = np.stack(waves)
    rho, S = np.abs(psi) ** 2, np.angle(psi)
    step = 24.0 / nx
    x = Axis("x", "x", -12.0 + step * (left - 0.5), -12.0 + step * (right - 0.5))
    y = Axis("y", "y", -10.0 - 10.0 / ny, 10.0 - 10.0 / ny)
    longest = max(map(len, walls))
    outline = np.stack(
        [np.pad(wall, ((0, longest - len(wall)), (0, 0)), constant_values=np.nan) for wall in walls]
    )
    behind = rho[..., across[left:right:thin] > 0].sum(axis=(2, 3)) * step * 20 / ny * thin**2
    return Scene(
        name="slits",
        title="Density and action (ρ, S)",
        text=(
            "A packet meets a wall with slits (ħ = m = 1). Light shows the density ρ, hue the "
            "action S/ħ: the wheel gives its value. The particles move with the velocity ∇S/m, "
            "and have the density ρ at all times."
        ),
        time=Time(times[::every]),
        parameter=Parameter(label="wall", words=list(SLITS), notes=[""] * len(SLITS), begin=1),
        panels=[
            Wave.of(
                "Density ρ and action S",
                x,
                y,
                rho,
                S,
                peak=0.03,
                overlays=[
                    Outline("V, at half its height", outline[:, None]),
                    Paths("Bohm’s trajectories", np.stack(paths)),
                ],
            ),
            screen_panel(rho, y),
        ],
        readouts=[Readout("probability behind the wall", behind)],
        begin=2 * shown // 3,
    )


SCREEN = 6.0


def screen_panel(rho: np.ndarray, y: Axis) -> Chart:
    """ρ along a line behind the wall."""
    column = round((SCREEN + 8.0) / 18.0 * rho.shape[3])
    values = rho[..., column]
    middles = y.low + (y.high - y.low) * (np.arange(values.shape[2]) + 0.5) / values.shape[2]
    return Chart(
        title=f"Density along the line x = {SCREEN:g}",
        x=y,
        y=Axis("ρ", "ρ", 0.0, float(1.05 * values.max())),
        series=[Series("this wall", middles[None, None], values)],
    )


def contour(plane: dqm.Grid, potential, level: float) -> np.ndarray:
    """Curves on which V has that value, separated by rows of NaN."""
    from contourpy import contour_generator

    x, y = plane.axes
    V = np.asarray(plane.at_points(potential))
    lines = contour_generator(np.asarray(x), np.asarray(y), V.T).lines(level)
    gap = np.full((1, 2), np.nan)
    return np.concatenate([part for line in lines for part in (line, gap)] or [gap])


SCENES: tuple[Callable[[Size], Scene], ...] = (kerr, amplifier, dimer, slits)


def explorer(size: Size = Size()) -> str:
    """The page."""
    jax.config.update("jax_enable_x64", True)
    above = (
        "<p>Precomputed solutions of the equations of dqmjax. Move the sliders, or play. The other "
        "pages of the documentation explain the equations.</p>"
    )
    return page("Quantum dynamics on phase space", [make(size) for make in SCENES], above=above)


def main(arguments: Sequence[str]):
    out = Path(arguments[0]) if arguments else OUT
    out.parent.mkdir(parents=True, exist_ok=True)
    text = explorer()
    out.write_text(text, encoding="utf-8")
    print(f"Wrote {out}, {len(text) / 1e6:.1f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
