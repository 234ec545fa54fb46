"""Snapshot files: Husimi densities measured at points of phase space, at given times."""

import dataclasses
import functools
import importlib.resources
import os
import pathlib
import zipfile
import zlib
from tokenize import TokenError

import numpy as np
import scipy

from ..errors import InputError, InputFileError, require_increasing, require_shape, require_whole
from .abstract import AbstractHeterodyneData, check_noise, check_scales, gaussian, mutual_neighbours
from .likelihood import Binomial

REQUIRED = ("t", "points", "density", "ell", "kappa", "hbar")
DEMO = importlib.resources.files("dqmjax") / "data" / "kerr_noisy.npz"
OPTIONAL = ("sigma", "shots", "counts", "description")


@dataclasses.dataclass(frozen=True)
class Snapshots(AbstractHeterodyneData):
    """Husimi densities at `points` and times `t`, in the units of their source.

    Where `counts` are given, each is the number of detections out of `shots`, a detection
    having the probability (2πκ)^N · density.

    Raises:
        InputError: If a shape does not fit, a number is not finite, `t` does not increase,
            `sigma` or a scale is not positive, `counts` are not between 0 and `shots`.
    """

    t: np.ndarray  # (times,), strictly increasing
    points: np.ndarray  # (points, 2N), rows q₁…q_N p₁…p_N
    density: np.ndarray  # (times, points), per dq dp
    ell: np.ndarray  # (N,), ℓ of the measuring coherent states
    kappa: float
    hbar: float
    sigma: np.ndarray | None = None  # standard deviation of `density`, one or for each
    shots: int | None = None
    counts: np.ndarray | None = None  # (times, points)
    description: str = ""

    def __post_init__(self):
        require_increasing(t=self.t)
        self._check_points()
        require_shape("density", self.density, (self.t.size, len(self.points)))
        require_shape("ell", self.ell, (self.modes,))
        check_scales(ell=self.ell, kappa=self.kappa, hbar=self.hbar)
        check_noise("density", self.density, self.sigma)
        self._check_counts()
        self._check_magnitudes()

    def _check_points(self):
        shape = self.points.shape
        if len(shape) != 2 or shape[0] < 2 or shape[1] == 0 or shape[1] % 2:
            raise InputError(
                "`points` must have shape (points, 2N), q and p of each mode for two points or "
                f"more, but has shape {shape}."
            )
        if not np.isfinite(self.points).all():
            raise InputError("`points` must be finite: drop or correct the others.")

    def _check_counts(self):
        if (self.shots is None) != (self.counts is None):
            raise InputError("`shots` must be given with `counts`, but one of the two is missing.")
        if self.shots is None or self.counts is None:
            return
        require_whole(1, shots=self.shots)
        require_shape("counts", self.counts, self.density.shape)
        if not np.issubdtype(self.counts.dtype, np.integer):
            raise InputError(f"`counts` must be integers, but are of type {self.counts.dtype}.")
        low, high = self.counts.min(), self.counts.max()
        if low < 0 or high > self.shots:
            raise InputError(
                f"`counts` must be between 0 and `shots` = {self.shots}, but are {low} to {high}."
            )

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
        if not self.measured[0].max() > 0:
            raise InputError("`density` must be positive somewhere at the first time, but is not.")

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
        InputFileError: If the file cannot be read, is damaged, or does not hold just that.
    """
    arrays = _read_arrays(pathlib.Path(path))
    missing = [name for name in REQUIRED if name not in arrays]
    extra = [name for name in arrays if name not in REQUIRED + OPTIONAL]
    if missing:
        raise InputFileError(path, f"the array `{missing[0]}` is missing: add it.")
    if extra:
        known = ", ".join(REQUIRED + OPTIONAL)
        raise InputFileError(
            path, f"the array {extra[0]!r} is unknown: rename or drop it ({known})."
        )
    try:
        return _snapshots(arrays)
    except InputError as error:
        raise InputFileError(path, str(error)) from None


def demo_snapshots() -> Snapshots:
    """A Kerr oscillator with U = −2π · 0.325, ω = 0, α₀ = 2, counted 2000 times at each point."""
    with importlib.resources.as_file(DEMO) as path:
        return read_snapshots(path)


def _read_arrays(path: pathlib.Path) -> dict[str, np.ndarray]:
    if path.is_dir():
        raise InputFileError(path, "is a directory: name a snapshot file (.npz).")
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged:
            raise InputFileError(path, f"`{damaged}` is damaged (checksum): copy the file again.")
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except OSError as error:
        raise InputFileError(path, f"cannot be read ({error.strerror or error}).") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        remedy = "write one with numpy.savez, or copy the file again"
        raise InputFileError(path, f"is no complete .npz file: {remedy}.") from None
    except InputError:
        raise
    except (ValueError, SyntaxError, KeyError, UnicodeError, TokenError, MemoryError):
        remedy = "save plain numbers, no objects"
        raise InputFileError(path, f"holds something other than plain arrays: {remedy}.") from None


def _snapshots(arrays: dict[str, np.ndarray]) -> Snapshots:
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
        description=str(arrays.get("description", "")),
    )
