"""What was measured, besides Husimi densities at points: draws of (q, p), series in time, lines."""

import dataclasses
from typing import Any, Protocol, runtime_checkable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import KDTree

from ..errors import InputError, require_real, require_shape
from .likelihood import AbstractLikelihood, Binomial, Drawn, Gaussian

Pairs = Int[np.ndarray, "pairs 2"]
Numbers = Any  # NumPy's or JAX's array, or a list; held as NumPy's


@runtime_checkable
class Data(Protocol):
    """What `recover` asks of data, in rows (times, where there are any) and columns."""

    @property
    def t(self) -> np.ndarray | None:
        """Times of the rows."""
        ...

    @property
    def where(self) -> np.ndarray | None:
        """Where it was measured: what an experiment's `predict` is given beside the times."""
        ...

    @property
    def measured(self) -> Float[np.ndarray, "rows columns"] | None:
        """The numbers that a prediction is compared with, if it is with numbers."""
        ...

    @property
    def likelihood(self) -> AbstractLikelihood:
        """The noise; where its level is not known, that of the peak in all places."""
        ...

    @property
    def noise_known(self) -> bool:
        """Whether χ² means something."""
        ...

    @property
    def neighbours(self) -> Pairs | None:
        """Columns side by side, between which noise is not correlated; `None`: rows are."""
        ...


@dataclasses.dataclass(frozen=True)
class Series:
    """Numbers measured at given times: moments, ρ(x, t), density and current, a fidelity.

    Args:
        t: Times, strictly increasing, the first that of the preparation; shape (times,).
        values: Shape (times, …), as the experiment's `observe` returns them for each time.
        sigma: Standard deviation of `values`, of a shape that broadcasts to theirs; estimated from
            the residuals if not given.
        shots: Instead of `sigma`, for values that are parts of so many detections.
        points: Where the columns are, (columns, dim), of a density: misfits are then looked for
            between neighbours in space, else between neighbours in time.

    Raises:
        InputError: If a shape does not fit, a number is not finite, `t` does not increase, `sigma`
            is not positive, or `values` of counts are not between 0 and 1.
    """

    t: Numbers
    values: Numbers
    sigma: Numbers | float | None = None
    shots: int | None = None
    points: Numbers | None = None

    def __post_init__(self):
        _hold(self, "t", "values", "sigma", "points")
        check_times(self.t)
        shape = (len(self.t), *np.shape(self.values)[1:])
        require_shape("values", self.values, shape)
        _check_noise("values", self.values, self.sigma)
        if self.sigma is not None and self.shots is not None:
            raise InputError("`sigma` and `shots` must not both be given: drop one.")
        if self.shots is not None and not (np.min(self.values) >= 0 and np.max(self.values) <= 1):
            raise InputError("`values` must be parts of `shots`, between 0 and 1, but are not.")
        if self.points is not None:
            columns = self.measured.shape[1]
            require_shape("points", self.points, (columns, *np.shape(self.points)[1:2]))
            if np.ndim(self.points) != 2 or not np.isfinite(self.points).all():
                raise InputError("`points` must be finite rows of coordinates, one a column.")

    @property
    def where(self) -> None:
        """Nothing: `observe` knows."""
        return None

    @property
    def measured(self) -> Float[np.ndarray, "rows columns"]:
        """`values`, a row for each time."""
        return np.asarray(self.values, float).reshape(len(self.t), -1)

    @property
    def likelihood(self) -> Gaussian | Binomial:
        """Normal, or binomial of so many `shots`."""
        if self.shots is not None:
            counts = jnp.asarray(np.rint(self.measured * self.shots))
            return Binomial(counts, jnp.asarray(float(self.shots)), jnp.ones(()))
        return gaussian(self.measured, self.sigma, np.shape(self.values))

    @property
    def noise_known(self) -> bool:
        """Whether `sigma` or `shots` is given."""
        return self.sigma is not None or self.shots is not None

    @property
    def neighbours(self) -> Pairs | None:
        """Those of `points`."""
        return None if self.points is None else mutual_neighbours(np.asarray(self.points))


@dataclasses.dataclass(frozen=True)
class Lines:
    """Spectroscopy: levels E_n, or the frequencies (E_m − E_n)/ħ of transitions.

    Args:
        values: Shape (lines,).
        sigma: Their standard deviations; estimated from the residuals if not given.
        transitions: Rows (m, n) for each line, of `values` in frequency; levels 0, 1, … without.

    Raises:
        InputError: If a shape does not fit, or a number is not finite or σ not positive.
    """

    values: Numbers
    sigma: Numbers | float | None = None
    transitions: Numbers | None = None

    def __post_init__(self):
        _hold(self, "values", "sigma", "transitions")
        require_shape("values", self.values, (np.size(self.values),))
        _check_noise("values", self.values, self.sigma)
        if self.transitions is not None:
            require_shape("transitions", self.transitions, (len(self.values), 2))

    @property
    def t(self) -> None:
        """Nothing moves."""
        return None

    @property
    def where(self) -> np.ndarray | None:
        """The transitions."""
        return self.transitions

    @property
    def measured(self) -> Float[np.ndarray, "rows columns"]:
        """`values` in one row."""
        return np.asarray(self.values, float)[None]

    @property
    def likelihood(self) -> Gaussian:
        """Normal."""
        return gaussian(self.measured, self.sigma, np.shape(self.values))

    @property
    def noise_known(self) -> bool:
        """Whether `sigma` is given."""
        return self.sigma is not None

    @property
    def neighbours(self) -> Pairs:
        """None are."""
        return np.zeros((0, 2), int)


@dataclasses.dataclass(frozen=True)
class Samples:
    """Outcomes of heterodyne detection: points (q, p) drawn from the Husimi density at each time.

    Args:
        t: Times, strictly increasing, the first that of the preparation; shape (times,).
        points: Shape (times, draws, 2N), rows (q₁…q_N, p₁…p_N).
        ell: ℓ of the measuring coherent states, shape (N,).
        kappa: κ.
        hbar: ħ.

    Raises:
        InputError: If a shape does not fit, a number is not finite, `t` does not increase, or a
            scale is not positive.
    """

    t: Numbers
    points: Numbers
    ell: Numbers
    kappa: float = 1.0
    hbar: float = 1.0

    def __post_init__(self):
        _hold(self, "t", "points", "ell")
        check_times(self.t)
        require_shape("points", self.points, (len(self.t), *np.shape(self.points)[1:3]))
        if np.ndim(self.ell) != 1:
            raise InputError(f"`ell` must have one entry per mode, but is {self.ell}.")
        if np.ndim(self.points) != 3 or np.shape(self.points)[2] != 2 * np.size(self.ell):
            raise InputError(
                f"`points` must have shape (times, draws, 2N) with the N = {np.size(self.ell)} of "
                f"`ell`, but has {np.shape(self.points)}."
            )
        _check_noise("points", self.points, None)
        for name in ("ell", "kappa", "hbar"):
            value = getattr(self, name)
            if not (np.isfinite(value).all() and np.min(value) > 0):
                raise InputError(f"`{name}` must be positive and finite, but is {value}.")

    @property
    def modes(self) -> int:
        """N."""
        return np.size(self.ell)

    @property
    def where(self) -> np.ndarray:
        """The draws."""
        return self.points

    @property
    def measured(self) -> None:
        """No numbers: the draws are where they are."""
        return None

    @property
    def likelihood(self) -> Drawn:
        """`−2 Σ ln ρ`."""
        return Drawn(jnp.asarray((2 * np.pi * self.kappa) ** -self.modes))

    @property
    def noise_known(self) -> bool:
        """It is."""
        return True

    @property
    def neighbours(self) -> Pairs:
        """None are."""
        return np.zeros((0, 2), int)


def _hold(data, *names: str):
    """Makes NumPy arrays of what is given as arrays of any kind."""
    for name in names:
        value = getattr(data, name)
        if value is not None:
            object.__setattr__(data, name, np.asarray(value))


def check_times(t: np.ndarray):
    """Refuses times that are no increasing list of two or more.

    Raises:
        InputError: If they are not.
    """
    if np.ndim(t) != 1 or np.size(t) < 2:
        raise InputError(f"`t` must be a list of two or more times, but has shape {np.shape(t)}.")
    if not (np.isfinite(t).all() and (np.diff(t) > 0).all()):
        raise InputError("`t` must be finite and strictly increasing: sort it and drop repeats.")


def gaussian(values: Float[np.ndarray, "rows columns"], sigma, shape=None) -> Gaussian:
    """The normal likelihood; of an unknown σ, with the largest value for it.

    Args:
        values: In rows.
        sigma: Of a shape that broadcasts to that of the values as they were given.
        shape: That.
    """
    largest = np.abs(values).max()
    sigma = (largest if largest else 1.0) if sigma is None else sigma
    spread = np.broadcast_to(sigma, shape or values.shape).reshape(values.shape)
    return Gaussian(jnp.asarray(values), jnp.asarray(spread))


def mutual_neighbours(points: Float[np.ndarray, "points dim"]) -> Pairs:
    """Each point and its nearest, every pair once."""
    if len(points) < 2:
        return np.zeros((0, 2), int)
    _, nearest = KDTree(points).query(points, k=2)
    return np.unique(np.sort(nearest, axis=1), axis=0)


def _check_sigma(sigma, shape: tuple[int, ...]):
    try:
        np.broadcast_to(sigma, shape)
    except ValueError:
        raise InputError(
            f"`sigma` must be one number or broadcast to {shape}, but has shape {np.shape(sigma)}."
        ) from None
    if not (np.isfinite(sigma).all() and np.min(sigma) > 0):
        least = np.min(sigma)
        raise InputError(f"`sigma` must be positive and finite, but is as low as {least}.")


def _check_noise(name: str, values, sigma):
    require_real(name, values)
    if not np.isfinite(values).all():
        raise InputError(f"`{name}` must be finite: drop or mend what is not.")
    if sigma is not None:
        _check_sigma(sigma, np.shape(values))
