"""Snapshot files: Husimi densities measured at points of phase space, at given times."""

import dataclasses
import functools
import importlib.resources
import os

import numpy as np
import scipy

from ..errors import InputError, InputFileError, require_increasing, require_shape
from ..storage.archive import as_path
from ..storage.npz import numpy_arrays
from .abstract import (
    AbstractHeterodyneData,
    check_noise,
    gaussian,
    hold_as_numbers,
    hold_scales,
    mutual_neighbours,
    require_counts,
)
from .likelihood import Binomial

REQUIRED = ("t", "points", "density", "ell", "kappa", "hbar")
DEMO = importlib.resources.files("dqmjax") / "data" / "kerr_noisy.npz"
OPTIONAL = ("sigma", "shots", "counts", "description")
SMALL = 0.05  # of the largest density, below which noise would spoil moments
FAINT = 1e-6  # of a coherent state's peak: no densities below it determine the state


@dataclasses.dataclass(frozen=True)
class Snapshots(AbstractHeterodyneData):
    """Husimi densities at `points` and times `t`, in the units of their source.

    Where `counts` are given, each is the number of detections out of `shots`, a detection
    having the probability (2πκ)^N · density.

    Raises:
        InputError: If a shape does not fit, a number is not finite, `t` does not increase,
            `sigma` or a scale is not positive, `counts` are not between 0 and `shots`.

    Example:
        >>> t, axis = np.array([0.0, 1.0]), np.linspace(-3.0, 3.0, 9)
        >>> points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
        >>> amplitude = (points[:, 0] + 1j * points[:, 1]) / 2**0.5
        >>> density = np.exp(-abs(amplitude - 0.5j) ** 2) / (2 * np.pi)  # of α = 0.5i
        >>> density = np.stack([density, density])  # at rest
        >>> data = dqm.Snapshots(t, points, density, np.ones(1), 1.0, 1.0, sigma=1e-3)
        >>> data.first_amplitude.imag.round(3)
        array([0.5])
    """

    t: np.ndarray  # (times,), strictly increasing
    points: np.ndarray  # (points, 2N), rows q₁…q_N p₁…p_N
    density: np.ndarray  # (times, points), per dq dp
    ell: np.ndarray  # (N,), ℓ of the measuring coherent states
    kappa: float
    hbar: float
    sigma: np.ndarray | float | None = None  # standard deviation of `density`, one or for each
    shots: int | None = None
    counts: np.ndarray | None = None  # (times, points)
    description: str = ""
    time_unit: str = ""  # of `t`, such as "us"

    def __post_init__(self):
        hold_as_numbers(self, "t", "points", "density", "ell", optional=("sigma", "counts"))
        require_increasing(1, t=self.t)
        self._check_points()
        shape = (self.t.size, len(self.points))
        if self.density.shape != shape:
            raise InputError(
                f"`density` must have shape {shape}, a row for each time of `t` and a column for "
                f"each point, but has {self.density.shape}."
            )
        hold_scales(self)
        check_noise(self.density, self.sigma)
        self._check_counts()
        self._check_magnitudes()
        if not isinstance(self.description, str):
            raise InputError(f"`description` must be text, but is {self.description!r}.")

    def _check_points(self):
        shape = self.points.shape
        if len(shape) != 2 or shape[0] < 2 or shape[1] % 2:
            raise InputError(
                "`points` must have shape (points, 2N), q and p of each mode for two points or "
                f"more, but has shape {shape}."
            )

    def _check_counts(self):
        if (self.shots is None) != (self.counts is None):
            raise InputError("`shots` must be given with `counts`, but one of the two is missing.")
        if self.shots is None or self.counts is None:
            return
        require_shape("counts", self.counts, self.density.shape)
        require_counts("counts", self.counts, self.shots)

    def _check_magnitudes(self):
        """Densities are probabilities of at most 1 per (2πκ)^N, and positive somewhere."""
        peak = np.abs(self.density).max() * self.cell
        if not peak < 10:
            raise InputError(
                f"`density` must be per dq dp, below 1/(2πκ)^N, but is {peak:.3g} times that: "
                "check the units of `points` and `kappa`."
            )
        if self.sigma is not None and not np.min(self.sigma) * self.cell > 1e-15:
            raise InputError(
                f"`sigma` must exceed the round-off of the densities, but is {np.min(self.sigma)}."
            )
        first = self.measured[0] * self.cell
        if not first.max() > 0:
            raise InputError("`density` must be positive somewhere at the first time, but is not.")
        if first.max() < -first.min():
            raise InputError(
                "`density` must be positive but for noise, but at the first time its largest value "
                "is negative: check its sign."
            )
        if first.max() < FAINT:
            raise InputError(
                f"`density` must be per dq dp, but at the first time it is {first.max():.1g} of "
                "1/(2πκ)^N at most: check its units, or measure at `points` nearer to the state."
            )

    @property
    def measured(self):
        """The densities to fit: from the counts where there are counts."""
        if self.counts is None or self.shots is None:
            return self.density
        return self.counts / self.shots / self.cell

    @property
    def where(self):
        """`points`."""
        return self.points

    @property
    def likelihood(self):
        """Binomial where there are counts, else normal."""
        if self.counts is None or self.shots is None:
            return gaussian(self.density, self.sigma)
        counts, shots = np.asarray(self.counts, float), np.asarray(float(self.shots))
        return Binomial(counts, shots, np.asarray(self.cell))

    @property
    def noise_known(self):
        """Whether there are counts, or `sigma`."""
        return self.sigma is not None or self.counts is not None

    @property
    def neighbours(self):
        """Nearest points."""
        return mutual_neighbours(self.points)

    def rough(self) -> "Snapshots":
        """Densities instead of counts: one count at an improbable place would mislead the fit."""
        if self.counts is None:
            return self
        return dataclasses.replace(self, density=self.measured, counts=None, shots=None)

    def weighted_points(self, time):
        """Those at which the density is not small, weighted with it."""
        density = self.measured[time]
        weight = np.where(density > SMALL * density.max(), density, 0.0)
        return self.space.amplitude(self.points), weight / weight.sum()

    def first(self):
        """The first snapshot."""
        one = lambda rows: None if rows is None else rows[:1]
        sigma = self.sigma
        if sigma is not None and np.ndim(sigma):
            sigma = np.broadcast_to(sigma, self.density.shape)[:1]
        return dataclasses.replace(
            self, t=self.t[:1], density=self.density[:1], sigma=sigma, counts=one(self.counts)
        )

    def at_points(self, points, factor):
        """The densities there."""
        return dataclasses.replace(
            self,
            points=points,
            density=factor * self.measured,
            sigma=None if self.sigma is None else factor * self.sigma,
            shots=None,
            counts=None,
        )

    @functools.cached_property
    def first_amplitude(self):  # pyright: ignore[reportIncompatibleMethodOverride]
        """α at the first time, of the Gaussian `e^{−|β − α|²}` that fits best."""
        beta, probability = self.space.amplitude(self.points), self.cell * self.measured[0]
        around = np.average(beta, axis=0, weights=np.clip(probability, 0, None) ** 2)
        modes = self.modes
        alpha = lambda x: x[:modes] + 1j * x[modes:]
        fitted = scipy.optimize.least_squares(
            lambda x: np.exp(-np.sum(np.abs(beta - alpha(x)) ** 2, axis=1)) - probability,
            np.concatenate([np.real(around), np.imag(around)]),
        )
        return alpha(fitted.x)


def read_snapshots(path: str | os.PathLike[str]) -> Snapshots:
    """Reads a snapshot file (`.npz`); nothing in it is executed.

    Arrays: `t` (T,), `points` (K, 2N), `density` (T, K), `ell` (N,), `kappa`, `hbar`; and
    optionally `sigma`, `shots`, `counts` (T, K), `description`.

    Raises:
        InputFileError: If the file cannot be read, is damaged, or does not hold just that; also if
            its arrays take more than 2 GiB, or unpack to more than 32 times the size of the file
            and 64 MiB.

    Example:
        >>> t, axis = np.array([0.0, 1.0]), np.linspace(-3.0, 3.0, 9)
        >>> points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
        >>> amplitude = (points[:, 0] + 1j * points[:, 1]) / 2**0.5
        >>> density = np.exp(-abs(amplitude - 0.5j) ** 2) / (2 * np.pi)  # of α = 0.5i
        >>> density = np.stack([density, density])  # at rest
        >>> arrays = {"t": t, "points": points, "density": density}
        >>> np.savez("snapshots.npz", **arrays, ell=np.ones(1), kappa=1.0, hbar=1.0)
        >>> dqm.read_snapshots("snapshots.npz").first_amplitude.imag.round(3)
        array([0.5])
    """
    arrays = read_arrays(path)
    try:
        return _snapshots(arrays)
    except InputError as error:
        raise InputFileError(path, str(error)) from None


def demo_snapshots() -> Snapshots:
    """A Kerr oscillator with U = −2π · 0.325, ω = 0, α₀ = 2, counted 2000 times at each point.

    Example:
        >>> data = dqm.demo_snapshots()
        >>> data.shots, abs(data.first_amplitude).round(1)
        (2000, array([2.]))
    """
    with importlib.resources.as_file(DEMO) as path:
        return read_snapshots(path)


def read_arrays(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """The arrays of a snapshot file, each bounded in size before it is read.

    Raises:
        InputFileError: As `read_snapshots`.
    """
    return numpy_arrays(as_path("path", path), required=REQUIRED, known=REQUIRED + OPTIONAL)


def _snapshots(arrays: dict[str, np.ndarray]) -> Snapshots:
    description = arrays.get("description", np.array(""))
    if description.dtype.kind not in "US" or description.size != 1:
        raise InputError(f"`description` must be one text, but is of type {description.dtype}.")
    numbers = {name: array for name, array in arrays.items() if name != "description"}
    for name, value in numbers.items():
        if value.dtype.kind not in "iuf":
            raise InputError(f"`{name}` must hold real numbers, but is of type {value.dtype}.")
    for name in {"kappa", "hbar", "shots"} & set(numbers):
        if numbers[name].size != 1:
            raise InputError(f"`{name}` must be one number, but has shape {numbers[name].shape}.")
    shots = float(arrays["shots"].item()) if "shots" in arrays else None
    if shots is not None and shots % 1:
        raise InputError(f"`shots` must be an integer of at least 1, but is {shots}.")
    floats = {name: np.asarray(value, float) for name, value in numbers.items()}
    return Snapshots(
        t=floats["t"],
        points=floats["points"],
        density=floats["density"],
        ell=floats["ell"],
        kappa=floats["kappa"].item(),
        hbar=floats["hbar"].item(),
        sigma=floats.get("sigma"),
        shots=None if shots is None else int(shots),
        counts=arrays.get("counts"),
        description=str(description.item()),
    )
