"""What `recover` needs of a data set."""

import abc
import functools
from typing import Any

import numpy as np
import scipy
from jaxtyping import Complex, Float, Int

from ..errors import (
    InputError,
    is_known,
    positive,
    require_real,
    require_shape,
    require_whole,
)
from ..evolution.times import SaveTimes, save_times
from ..phase_space.coordinates import PhaseSpace
from .goodness import Goodness, goodness_of_fit
from .likelihood import AbstractLikelihood, Gaussian

Numbers = Any  # a list, or an array of NumPy or JAX; held as NumPy's
Pairs = Int[np.ndarray, "pairs 2"]
Rows = Float[np.ndarray, "rows columns"]


class AbstractData(abc.ABC):
    """Measured numbers in rows (times, where there are any) and columns.

    Data of your own must define `t`, the times of the rows or `None`, `measured`, `likelihood` and
    `noise_known`. The other methods have defaults.

    Example:
        >>> class Voltages(dqm.AbstractData):
        ...     t, noise_known = np.array([0.0, 1.0]), True
        ...     measured = np.array([[2.0], [0.7]])
        ...     likelihood = dqm.Series(t, measured, sigma=0.1).likelihood
        >>> data = Voltages()
        >>> round(data.goodness(data.measured + 0.1, 0.0).chi2, 3)  # both 1 σ away
        2.0
    """

    t: Any
    time_unit: str = ""  # such as "us"; empty if not known

    @property
    @abc.abstractmethod
    def measured(self) -> Rows | None:
        """The numbers to compare with a prediction; `None` for samples of a density."""

    @property
    @abc.abstractmethod
    def likelihood(self) -> AbstractLikelihood:
        """The noise; where its level is unknown, with the peak as σ everywhere."""

    @property
    @abc.abstractmethod
    def noise_known(self) -> bool:
        """Whether the level of the noise is known, so that χ² has a meaning."""

    @property
    def times(self) -> SaveTimes | None:
        """Those of a run, if there are two or more."""
        return None if self.t is None or np.size(self.t) < 2 else save_times(self.t)

    @property
    def where(self) -> Any:
        """Where it was measured: the second argument of an experiment's `predict`."""
        return None

    @property
    def neighbours(self) -> Pairs | None:
        """Pairs of neighbouring columns, `None` for none. Consecutive rows are neighbours, too."""
        return np.zeros((0, 2), int)

    @property
    def space(self) -> PhaseSpace | None:
        """The scales ℓ and κ of a heterodyne measurement; `None` for other data."""
        return None

    def rough(self) -> "AbstractData":
        """The same data in a form that guides a fit from a far start; by default themselves.

        It may ask `predict` for other numbers by another `where`.
        """
        return self

    def whitened(
        self, away: Float[np.ndarray, "rows columns *more"], prediction: Rows
    ) -> Float[np.ndarray, "terms *more"]:
        """Changes of a prediction as uncorrelated numbers with noise of variance 1."""
        weight = np.asarray(self.likelihood.information(prediction))
        return (away.T * weight.T).T.reshape(-1, *away.shape[2:])

    def goodness(self, prediction: Rows, parameters: float, rows: slice = slice(None)) -> Goodness:
        """Tests some rows of a prediction with that many fitted parameters."""
        if self.measured is None:
            raise InputError("`data` must be numbers to be compared with a prediction.")
        return goodness_of_fit(
            self.measured,
            prediction,
            self.likelihood,
            parameters=parameters,
            noise_known=self.noise_known,
            neighbours=self.neighbours,
            rows=rows,
        )


class AbstractOscillatorData(AbstractData):
    """Data of oscillators, whose number states have the scales ℓ and κ."""

    ell: Any
    kappa: float
    hbar: float

    @property
    @abc.abstractmethod
    def modes(self) -> int:
        """N."""

    @property
    def space(self) -> PhaseSpace:
        """ℓ and κ."""
        return PhaseSpace(np.asarray(self.ell, float), self.kappa)

    @functools.cached_property
    def cell(self) -> float:
        """(2πκ)^N: times a density it is a probability."""
        return float(self.space.cell)

    @property
    @abc.abstractmethod
    def first_amplitude(self) -> Complex[np.ndarray, " modes"]:
        """α of the coherent state at the first time."""

    @abc.abstractmethod
    def first(self) -> "AbstractOscillatorData":
        """The data of the first time."""


class AbstractHeterodyneData(AbstractOscillatorData):
    """Densities on phase space or samples of them, measured by coherent states of scale ℓ, κ."""

    points: Any

    @property
    def modes(self):
        return np.shape(self.points)[-1] // 2

    @abc.abstractmethod
    def weighted_points(self, time: int) -> tuple[Complex[np.ndarray, "points modes"], np.ndarray]:
        """Points β at a time and their weights, for means over its density."""

    @abc.abstractmethod
    def at_points(self, points: np.ndarray, factor: float) -> "AbstractHeterodyneData":
        """The data at other points, in whose units densities are `factor` times as large."""


def require_counts(name: str, counts: np.ndarray, shots: int | None):
    """Checks that numbers of detections are integers of at least 0, and at most `shots`.

    Raises:
        InputError: Naming the argument.
    """
    if shots is not None:
        require_whole(1, shots=shots)
    if not np.issubdtype(counts.dtype, np.integer):
        raise InputError(f"`{name}` must be integers, but are of type {counts.dtype}.")
    low, high = counts.min(), counts.max()
    if low < 0 or (shots is not None and high > shots):
        most = "" if shots is None else f" and `shots` = {shots}"
        must = f"between 0{most}" if most else "at least 0"
        raise InputError(f"`{name}` must be {must}, but are {low} to {high}.")


def hold_as_numbers(data, *names: str, optional: tuple[str, ...] = ()):
    """Converts the named fields of a frozen dataclass to NumPy arrays of finite real numbers.

    Raises:
        InputError: Naming the field that holds something else.
    """
    for name in (*names, *optional):
        value = getattr(data, name)
        if value is not None or name not in optional:
            object.__setattr__(data, name, numbers(name, value))


def numbers(name: str, value) -> np.ndarray:
    """`value` as an array, if it is one or more finite real numbers.

    Raises:
        InputError: If it is not.
    """
    if not is_known(value):
        raise InputError(f"`{name}` must be known, but is traced: make data outside `jit`.")
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        raise InputError(f"`{name}` must be an array of real numbers, but is none.") from None
    require_real(name, array)
    if array.dtype.kind not in "iuf" or not array.size:
        what = f"of shape {array.shape} and type {array.dtype}"
        raise InputError(f"`{name}` must be real numbers, one or more, but is {what}.")
    bad = int(np.sum(~np.isfinite(array)))
    if bad:
        raise InputError(
            f"`{name}` must be finite, but has {bad} NaN or infinite entries: drop or correct them."
        )
    return array


def gaussian(values: Rows, sigma, shape: tuple[int, ...] | None = None) -> Gaussian:
    """The normal likelihood; with the largest value as σ where it is unknown.

    Args:
        values: In rows.
        sigma: Of a shape that broadcasts to the values as they were given.
        shape: The shape of those.
    """
    largest = np.abs(values).max()
    sigma = (largest if largest else 1.0) if sigma is None else sigma
    spread = np.broadcast_to(sigma, shape or values.shape).reshape(values.shape)
    return Gaussian(np.asarray(values, float), np.asarray(spread, float))


def mutual_neighbours(points: Float[np.ndarray, "points dim"]) -> Pairs:
    """Each point and its nearest, every pair once."""
    if len(points) < 2:
        return np.zeros((0, 2), int)
    _, nearest = scipy.spatial.KDTree(points).query(points, k=2)
    return np.unique(np.sort(nearest, axis=1), axis=0)


def check_noise(values, sigma):
    """Checks that σ is positive and of a shape that broadcasts to that of the values.

    Raises:
        InputError: If it is not.
    """
    if sigma is None:
        return
    try:
        fits = np.broadcast_shapes(np.shape(sigma), np.shape(values)) == np.shape(values)
    except ValueError:
        fits = False
    if not fits:
        raise InputError(
            f"`sigma` must be one number or broadcast to {np.shape(values)}, but has shape "
            f"{np.shape(sigma)}."
        )
    if not np.min(sigma) > 0:
        raise InputError(f"`sigma` must be positive and finite, but is as low as {np.min(sigma)}.")


def hold_scales(data: AbstractOscillatorData):
    """Checks that ℓ has an entry for each mode, κ and ħ are numbers, and all are positive.

    Raises:
        InputError: Naming the one that is not.
    """
    require_shape("ell", data.ell, (data.modes,))
    if not isinstance(data.time_unit, str):
        raise InputError(f"`time_unit` must be text, such as 'us', but is {data.time_unit!r}.")
    for name in ("ell", "kappa", "hbar"):
        positive(name, getattr(data, name))
    for name in ("kappa", "hbar"):
        require_shape(name, getattr(data, name), ())
        object.__setattr__(data, name, float(getattr(data, name)))
