"""Snapshot files: Husimi densities measured at points of phase space, at given times."""

import dataclasses
import importlib.resources
import os
import pathlib
import zipfile
import zlib
from tokenize import TokenError

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ..errors import InputError, InputFileError
from .likelihood import Binomial, Gaussian
from .series import Pairs, gaussian, mutual_neighbours

REQUIRED = ("t", "points", "density", "ell", "kappa", "hbar")
DEMO = importlib.resources.files("dqmjax") / "data" / "kerr_noisy.npz"
OPTIONAL = ("sigma", "shots", "counts", "description")


@dataclasses.dataclass(frozen=True)
class Snapshots:
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
        self._check_shapes()
        self._check_numbers()
        self._check_counts()
        self._check_signal()

    def _check_shapes(self):
        t, points, shape = self.t, self.points, self.density.shape
        _require(t.ndim == 1 and t.size > 1, "t", "be a list of two or more times", t.shape)
        wide = points.ndim == 2 and len(points) > 1
        _require(wide, "points", "have shape (points, 2N), two points or more", points.shape)
        width = points.shape[1]
        even = width > 0 and width % 2 == 0
        _require(even, "points", "be of even width, q and p of each mode", width)
        full = (t.size, len(points))
        _require(shape == full, "density", f"have shape {full}", shape)
        _require(self.ell.shape == (width // 2,), "ell", "have one entry per mode", self.ell.shape)
        if self.sigma is not None:
            given = self.sigma.shape
            fits = given in ((), full[1:], (full[0], 1), full)
            _require(fits, "sigma", f"be one number or of shape {full}", given)
        if self.counts is not None:
            _require(self.counts.shape == full, "counts", f"have shape {full}", self.counts.shape)

    def _check_numbers(self):
        for name in ("t", "points", "density", "ell", "kappa", "hbar", "sigma"):
            value = getattr(self, name)
            bad = 0 if value is None else int(np.sum(~np.isfinite(value)))
            _require(bad == 0, name, "be finite", f"not in {bad} places: drop or mend those")
        increasing = bool((np.diff(self.t) > 0).all())
        _require(increasing, "t", "be strictly increasing", "not: sort and drop repeats")
        for name in ("ell", "kappa", "hbar", "sigma"):
            value = getattr(self, name)
            lowest = 1 if value is None else np.min(value)
            _require(lowest > 0, name, "be positive", f"as low as {lowest}")
        peak = np.abs(self.density).max() * self.cell
        _require(peak < 10, "density", "be per dq dp, below 1/(2πκ)^N", f"{peak:.3g} times that")
        if self.sigma is not None:
            fine = np.min(self.sigma) * self.cell
            _require(fine > 1e-15, "sigma", "exceed round-off of the densities", np.min(self.sigma))

    def _check_counts(self):
        together = (self.shots is None) == (self.counts is None)
        _require(together, "shots", "be given with `counts`", "one of the two is missing")
        if self.shots is None or self.counts is None:
            return
        kind, low, high = self.counts.dtype, self.counts.min(), self.counts.max()
        _require(self.shots > 0, "shots", "be a positive integer", self.shots)
        _require(np.issubdtype(kind, np.integer), "counts", "be integers", kind)
        inside = low >= 0 and high <= self.shots
        _require(inside, "counts", f"lie between 0 and `shots` = {self.shots}", f"{low} to {high}")

    def _check_signal(self):
        most = self.measured[0].max()
        _require(most > 0, "density", "be positive somewhere at the first time", most)

    @property
    def modes(self) -> int:
        """N."""
        return self.points.shape[1] // 2

    @property
    def cell(self) -> float:
        """(2πκ)^N, which makes a density a probability."""
        return (2 * np.pi * self.kappa) ** self.modes

    @property
    def measured(self) -> Float[np.ndarray, "times points"]:
        """The densities to fit: from the counts where there are counts."""
        if self.counts is None or self.shots is None:
            return self.density
        return self.counts / self.shots / self.cell

    @property
    def where(self) -> Float[np.ndarray, "points phase"]:
        """`points`."""
        return self.points

    @property
    def likelihood(self) -> Gaussian | Binomial:
        """Binomial where there are counts, else normal."""
        if self.counts is None or self.shots is None:
            return gaussian(self.density, self.sigma)
        counts, shots = jnp.asarray(self.counts, float), jnp.asarray(float(self.shots))
        return Binomial(counts, shots, jnp.asarray(self.cell))

    @property
    def noise_known(self) -> bool:
        """Whether there are counts, or `sigma`."""
        return self.sigma is not None or self.counts is not None

    @property
    def neighbours(self) -> Pairs:
        """Nearest points."""
        return mutual_neighbours(self.points)


def _require(condition: bool | np.bool_, name: str, must: str, but):
    if not condition:
        raise InputError(f"`{name}` must {must}, but: {but}.")


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
    numbers = {name: arrays[name] for name in arrays if name != "description"}
    for name, value in numbers.items():
        _require(value.dtype.kind in "iuf", name, "hold real numbers", value.dtype)
    for name in {"kappa", "hbar", "shots"} & set(numbers):
        _require(numbers[name].size == 1, name, "be one number", numbers[name].shape)
    shots = numbers.get("shots", np.zeros(()))
    _require(float(shots.item()) % 1 == 0, "shots", "be a positive integer", shots)
    real = {name: np.asarray(value, float) for name, value in numbers.items()}
    return Snapshots(
        t=real["t"],
        points=real["points"],
        density=real["density"],
        ell=real["ell"],
        kappa=real["kappa"].item(),
        hbar=real["hbar"].item(),
        sigma=real.get("sigma"),
        shots=int(real["shots"].item()) if "shots" in real else None,
        counts=arrays.get("counts"),
        description=str(arrays.get("description", "")),
    )
