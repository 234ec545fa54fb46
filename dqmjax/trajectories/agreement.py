"""Samples of a density, and whether particles have it."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from ..errors import InputError, real_field, require_instance, require_key, require_whole
from ..grid import Grid
from .ensemble import places

FINER = 4  # grid points between two, by Fourier interpolation, where samples are drawn
MOST_COMPARED = 2000  # points of each sample: the energy distance takes all pairs
PERMUTATIONS = 400
NEGATIVE = 1e-6  # of the largest density: round-off and interpolation


class Agreement(NamedTuple):
    """A test of samples.

    Example:
        >>> grid = dqm.Grid(-8, 8, 64)
        >>> rho = grid.at_points(lambda x: jnp.exp(-(x[0] ** 2)))
        >>> points = dqm.trajectories.sample_density(jax.random.key(0), grid, rho, 1000)
        >>> found = dqm.trajectories.agreement(points + 1, grid, rho)
        >>> found.p_value > 0.01, found.test
        (False, 'Kolmogorov–Smirnov')
    """

    statistic: float
    p_value: float  # the probability of a larger statistic, if the samples have the density
    test: str  # its name


def sample_density(
    key: Key[Array, ""], grid: Grid, rho: Float[Array | np.ndarray, "*shape"], count: int
) -> Float[Array, "count dim"]:
    """Independent points with the density ρ on a grid.

    ρ is interpolated by its Fourier series to four times as many points per axis, and constant in
    the cell around each. In one dimension the error of the distribution function is at most
    `h² max|ρ'|/96`, h the spacing.

    Args:
        key: Of the random numbers.
        grid: Box.
        rho: Density, not negative; it need not be normalised.
        count: How many points.

    Raises:
        InputError: If `rho` is negative somewhere, zero everywhere or has another shape, `count` is
            not an integer of at least 1, or `key` is none.

    Example:
        >>> grid = dqm.Grid(-8, 8, 64)
        >>> rho = grid.at_points(lambda x: jnp.exp(-(x[0] ** 2) / 2))
        >>> points = dqm.trajectories.sample_density(jax.random.key(0), grid, rho, 10_000)
        >>> points.shape, round(float(points.std()), 1)
        ((10000, 1), 1.0)
    """
    require_key(key=key)
    require_whole(1, count=count)
    return _sampled(key, grid, _density(grid, rho), count)


def _density(grid: Grid, rho) -> Float[Array, "*shape"]:
    """`rho` as a density on `grid`."""
    require_instance(Grid, grid=grid)
    rho = real_field("rho", rho, grid.shape)
    if not (np.min(rho) >= -NEGATIVE * np.max(rho) and np.max(rho) > 0):
        raise InputError("`rho` must be a density: not negative, and positive somewhere.")
    return rho


@eqx.filter_jit
def _sampled(key, grid: Grid, rho, count: int):
    fine = jnp.maximum(_refined(rho), 0.0)
    choice, place = jax.random.split(key)
    total = jnp.cumsum(fine.ravel())
    chosen = jnp.searchsorted(total, total[-1] * jax.random.uniform(choice, (count,)), side="right")
    index = jnp.stack(jnp.unravel_index(chosen, fine.shape), axis=1)
    inside = index + jax.random.uniform(place, index.shape, minval=-0.5, maxval=0.5)
    spacing, lower = jnp.asarray(grid.spacing), jnp.asarray(grid.lower)
    size = spacing * jnp.asarray(grid.shape)
    return lower + (inside * spacing / FINER) % size


def _refined(values: Float[Array, "*shape"]) -> Float[Array, "*finer"]:
    """Fourier interpolation to `FINER` times as many points per axis."""
    waves = jnp.fft.fftn(values)
    for axis, n in enumerate(values.shape):
        waves = jnp.moveaxis(waves, axis, 0)
        half = n // 2
        if n % 2 == 0:  # the unpaired wave belongs to both ends
            waves = waves.at[half].divide(2)
        low, high = waves[: half + 1], waves[half if n % 2 == 0 else half + 1 :]
        gap = jnp.zeros((FINER * n - len(low) - len(high), *waves.shape[1:]), waves.dtype)
        waves = jnp.moveaxis(jnp.concatenate([low, gap, high]), 0, axis)
    return FINER**values.ndim * jnp.fft.ifftn(waves).real


def agreement(
    points: Float[Array | np.ndarray, "particles dim"],
    grid: Grid,
    rho: Float[Array | np.ndarray, "*shape"],
    key: Key[Array, ""] | None = None,
) -> Agreement:
    """Whether points are independent samples of the density ρ on a grid.

    In one dimension this is the test of Kolmogorov and Smirnov. In more it is that of the energy
    distance to samples of ρ (`same_density`).

    Args:
        points: Positions of particles at one time.
        grid, rho: The density.
        key: Of the samples, needed in more than one dimension.

    Raises:
        InputError: As `sample_density`, or if the shapes differ.

    Example:
        >>> grid = dqm.Grid(-8, 8, 64)
        >>> rho = grid.at_points(lambda x: jnp.exp(-(x[0] ** 2)))
        >>> points = dqm.trajectories.sample_density(jax.random.key(0), grid, rho, 1000)
        >>> found = dqm.trajectories.agreement(points, grid, rho)
        >>> found.p_value > 0.01
        True
    """
    import scipy.stats  # slow to import, needed here only

    rho = _density(grid, rho)
    points = places("points", points, grid.dim)
    if grid.dim > 1:
        if key is None:
            raise InputError(
                "`key` must be given in more than one dimension, such as jax.random.key(0)."
            )
        others, again = jax.random.split(key)
        return same_density(points, sample_density(others, grid, rho, MOST_COMPARED), again)
    fine = np.maximum(np.asarray(_refined(rho)), 0.0)
    edges = grid.lower[0] + grid.spacing[0] / FINER * (np.arange(fine.size + 1) - 0.5)
    total = np.concatenate([[0.0], np.cumsum(fine)]) / fine.sum()
    found = scipy.stats.kstest(np.asarray(points)[:, 0], lambda x: np.interp(x, edges, total))
    return Agreement(float(found.statistic), float(found.pvalue), "Kolmogorov–Smirnov")


def same_density(
    points: Float[Array | np.ndarray, "particles dim"],
    others: Float[Array | np.ndarray, "others dim"],
    key: Key[Array, ""],
) -> Agreement:
    """Whether two sets of points have the same density, by their energy distance.

    `E = 2⟨|x − y|⟩ − ⟨|x − x'|⟩ − ⟨|y − y'|⟩` is 0 for equal densities only. Its p-value is from
    random exchanges of the points. At most 2000 of each set are compared, in units of the standard
    deviation along each axis. Reference: Székely & Rizzo (2013), doi:10.1016/j.jspi.2013.03.018.

    Raises:
        InputError: If the dimensions differ, or `key` is none.

    Example:
        >>> one, other = jax.random.normal(jax.random.key(0), (2, 200, 1))
        >>> key = jax.random.key(1)
        >>> dqm.trajectories.same_density(one, other, key).p_value > 0.01
        True
        >>> dqm.trajectories.same_density(one, other + 1, key).p_value > 0.01
        False
    """
    import scipy.spatial  # slow to import, needed here only

    require_key(key=key)
    points = places("points", points)
    others = places("others", others, points.shape[1])
    random = np.random.default_rng(np.asarray(jax.random.key_data(key)).tolist())
    few = [_some(random, np.asarray(x)) for x in (points, others)]
    every = np.concatenate(few)
    every = every / every.std(axis=0)
    distances = scipy.spatial.distance.cdist(every, every)
    sides = np.repeat([1.0 / len(few[0]), -1.0 / len(few[1])], [len(x) for x in few])
    shuffled = np.stack([random.permutation(sides) for _ in range(PERMUTATIONS)])
    energy = lambda w: -np.einsum("...i,...i", w @ distances, w)
    found = float(energy(sides))
    larger = int(np.sum(energy(shuffled) >= found))
    return Agreement(found, (larger + 1) / (PERMUTATIONS + 1), "energy distance")


def _some(random: np.random.Generator, points: np.ndarray) -> np.ndarray:
    """At most `MOST_COMPARED` of the points."""
    return random.permutation(points)[:MOST_COMPARED]
