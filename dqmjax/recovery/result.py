"""The result of a recovery: estimates, error bars, and what the data do not determine."""

import dataclasses
import os
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from ..data.goodness import Goodness
from ..data.units import as_frequency
from ..errors import InputError, InputFileError
from ..experiments.parameters import Vector
from ..storage.archive import Archive, as_path, reader, write_archive
from .problem import Problem

if TYPE_CHECKING:
    import xarray

KIND = "recovery"  # of a file
BY_NAME = ("estimate", "stderr", "cramer_rao", "start")  # arrays in the order of the names
ARRAYS = ("covariance", "prediction", "vector", "determined", "horizon")
WORDS = {  # entries and their types
    "undetermined": list,
    "product": dict,
    "origin": str,
    "at_bounds": list,
    "time_unit": str,
    "angular": dict,
}


@dataclasses.dataclass(frozen=True)
class Recovery:
    """Parameters recovered from data; print it for a table.

    Covariance and standard errors follow from the likelihood at its maximum: the inverse of the
    observed information. Where no noise level is known it is the expected information, scaled by
    the residuals. `cramer_rao` is the bound from the expected information alone. All of them hold
    if the model describes the data; `goodness` tests that.

    Example:
        >>> grid = dqm.Grid((-6.0,), (6.0,), (48,))
        >>> model = dqm.Levels(dqm.Hamiltonian(dqm.Harmonic(jnp.array(1.0))), grid, 3)
        >>> result = dqm.recover(dqm.Lines([0.6, 1.8, 3.0], sigma=0.01), model)
        >>> result.rounded("omega"), result.identifiable["omega"]
        (('1.2000', '0.0034'), True)
        >>> result.goodness.verdict
        'The model describes the data.'
    """

    estimate: dict[str, float]
    stderr: dict[str, float]  # infinite where the data do not determine the parameter
    cramer_rao: dict[str, float]  # the least possible one, without bias and prior
    covariance: Float[np.ndarray, "parameters parameters"]  # in the order of `estimate`
    identifiable: dict[str, bool]
    undetermined: list[dict[str, float]]  # combinations that the data do not determine
    product: dict[
        str, float
    ]  # exponents of the only product of those that they do, if there is one
    determined: float  # how many parameters the data determine, and not a prior
    goodness: Goodness
    prediction: Float[np.ndarray, "rows columns"]  # of what was measured
    horizon: float  # the last time of the data before that; infinite if it never is
    start: dict[str, float]
    origin: str  # of the start: "start", "starts", "weak form", "guess", "model", "shooting"
    at_bounds: list[str]  # parameters that end at a bound
    time_unit: str  # of the data, empty if it is unknown
    angular: dict[str, bool]  # of the frequencies among the parameters
    vector: Vector = dataclasses.field(repr=False)  # the estimate, in the order of its names
    given: Problem | None = dataclasses.field(repr=False)  # `None` for a result from a file

    @property
    def problem(self) -> Problem:
        """The data and the experiment.

        Raises:
            InputError: If the result is from a file, which contains numbers only.
        """
        if self.given is None:
            raise InputError(
                "`result` was read from a file, which contains no data and no model: call "
                "`recover` with `start=result.estimate`."
            )
        return self.given

    @property
    def strain(self) -> float:
        """The size of the largest fault of the run, above 1 where it is wrong."""
        return self.goodness.strain

    @property
    def correlation(self) -> Float[np.ndarray, "parameters parameters"]:
        """Covariance over the standard errors; 0 where those are infinite."""
        finite = np.isfinite(self.covariance)
        sigma = np.sqrt(np.diag(self.covariance))
        covariance = np.where(finite, self.covariance, 0)
        outer = np.outer(sigma, sigma)
        ratio = np.divide(
            covariance, outer, where=np.isfinite(outer) & (outer > 0), out=np.zeros_like(outer)
        )
        np.fill_diagonal(ratio, 1.0)
        return ratio

    def rounded(self, name: str) -> tuple[str, str]:
        """Estimate and standard error, to two digits of the error."""
        return _rounded(self.estimate[name], self.stderr[name])

    def __repr__(self) -> str:
        head = ("parameter", "estimate", "std. error", "Cramér–Rao", "start")
        longest = max(12, *map(len, self.estimate))
        lines = ["{:<{}} {:>16} {:>12} {:>11} {:>12}".format(head[0], longest, *head[1:])]
        for name in self.estimate:
            value, error = self.rounded(name)
            bound = self.cramer_rao[name]
            bound = f"{bound:.2g}" if self.identifiable[name] else ""
            start = f"{self.start[name]:.4g}"
            lines.append(f"{name:<{longest}} {value:>16} {error:>12} {bound:>11} {start:>12}")
        lines += self._with_units
        for combination in self.undetermined:
            terms = " + ".join(f"{c:.2g} {name}" for name, c in combination.items())
            lines.append(f"The data do not determine {terms}.")
        if self.product:
            powers = (n if x == 1 else f"{n}^{x:.3g}" for n, x in self.product.items())
            lines.append(f"Of these, only {'·'.join(powers)} is determined.")
        for name in self.at_bounds:
            lines.append(f"{name} is at its bound: widen `bounds`; its error is not valid there.")
        if not self.strain <= 1:
            lines.append(f"Warning: the run is valid until t = {self.horizon:.4g} only.")
        g = self.goodness
        chi2 = f"chi2/dof {g.chi2 / max(g.dof, 1):.4g}"
        noise = chi2 if g.noise_known else "noise level not given"
        lines.append(f"{noise}, residual {g.misfit:.2g} of the peak. {g.verdict}")
        return "\n".join(lines)

    @property
    def units(self) -> dict[str, str]:
        """Of the frequencies among the parameters, if the unit of time is known."""
        unit = self.time_unit
        of = lambda angular: f"rad/{unit}" if angular else f"1/{unit}"
        found = self.angular if unit else {}
        return {name: of(angular) for name, angular in found.items()}

    @property
    def _with_units(self) -> list[str]:
        """Lines such as `omega = 2π × (5.00 ± 0.02) MHz` or `rate = 0.31 ± 0.02 per us`."""
        unit, lines = self.time_unit, []
        for name, angular in self.angular.items() if unit else []:
            values = self.estimate[name], self.stderr[name]
            if angular:
                (value, label), (error, _) = (as_frequency(x, unit) for x in values)
                lines.append(f"{name} = 2π × ({' ± '.join(_rounded(value, error))}) {label}")
            else:
                lines.append(f"{name} = {' ± '.join(self.rounded(name))} per {unit}")
        return lines

    def to_json(self) -> dict:
        """Numbers and words for `result.json`; an infinite error is null."""
        g = self.goodness
        finite = lambda x: float(x) if np.isfinite(x) else None
        return {
            "estimate": self.estimate,
            "stderr": {name: finite(x) for name, x in self.stderr.items()},
            "cramer_rao": {name: finite(x) for name, x in self.cramer_rao.items()},
            "covariance": [[finite(x) for x in row] for row in self.covariance],
            "units": self.units,
            "correlation": self.correlation.tolist(),
            "identifiable": self.identifiable,
            "undetermined": self.undetermined,
            "product": self.product,
            "start": self.start,
            "start_from": self.origin,
            "chi2": g.chi2 if g.noise_known else None,
            "dof": g.dof,
            "residual_of_peak": g.misfit,
            "strain": finite(self.strain),
            "shift": finite(g.shift),
            "horizon": finite(self.horizon),
            "describes_data": g.describes_data,
            "verdict": g.verdict,
        }

    def save(self, path: str | os.PathLike[str]):
        """Writes all numbers and the verdict to a file, whole or not at all.

        `dqmjax.load` reads it. Data and model are not in it: a result from a file cannot be used
        for `bootstrap`, `profile`, `posterior`, `propagate`, `update` and `design`.

        Args:
            path: The file; it is replaced if it exists.

        Raises:
            InputFileError: If the file cannot be written.

        Example:
            >>> result.save("fit.npz")
            >>> print(dqm.load("fit.npz"))
        """
        good = dataclasses.asdict(self.goodness)
        fault = good.pop("fault")
        arrays = {name: np.array(list(getattr(self, name).values()), float) for name in BY_NAME}
        arrays |= {name: np.asarray(getattr(self, name)) for name in ARRAYS}
        arrays["goodness"] = np.array(list(good.values()), float)
        about = {name: getattr(self, name) for name in WORDS}
        about |= {"names": list(self.estimate), "fault": fault}
        write_archive(as_path("path", path), KIND, arrays, about)

    def to_xarray(self) -> "xarray.Dataset":
        """Estimates, errors and covariance by parameter, and the prediction, for xarray and netCDF.

        Raises:
            InputError: If xarray is not installed.
        """
        try:
            import xarray
        except ImportError:
            raise InputError("xarray is not installed: pip install 'dqmjax[data]'.") from None
        names = list(self.estimate)
        found = {
            name: ("parameter", [getattr(self, name)[n] for n in names])
            for name in (*BY_NAME, "identifiable")
        }
        both = ["parameter", "other"]
        found |= {"covariance": (both, self.covariance), "correlation": (both, self.correlation)}
        found["prediction"] = (["row", "column"], self.prediction)
        about = {"verdict": self.goodness.verdict, "time_unit": self.time_unit}
        return xarray.Dataset(found, {"parameter": names, "other": names}, about)


@reader(KIND)
def _loaded(archive: Archive) -> Recovery:
    """The result in a file."""
    names, path = archive.get("names", list), archive.path
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise InputFileError(path, "has no valid entry 'names': write it again.")
    kinds = [field.name for field in dataclasses.fields(Goodness) if field.name != "fault"]
    found: dict[str, Any] = {name: archive.get(name, kind) for name, kind in WORDS.items()}
    sizes = {**dict.fromkeys(BY_NAME, (len(names),)), "goodness": (len(kinds),)}
    sizes |= {"covariance": (len(names),) * 2, "vector": (len(names),)}
    for name, size in sizes.items():
        if archive.array(name).shape != size:
            raise InputFileError(path, f"`{name}` has another length than its names.")
    for name in BY_NAME:
        found[name] = dict(zip(names, archive.array(name).tolist(), strict=True))
    found |= {name: archive.array(name) for name in ARRAYS}
    values = dict(zip(kinds, archive.array("goodness").tolist(), strict=True))
    try:
        found |= {name: float(found[name]) for name in ("determined", "horizon")}
        values |= {name: int(values[name]) for name in ("size", "dof", "pairs")}
    except (TypeError, ValueError, OverflowError):
        raise InputFileError(path, "has numbers that no fit gives: write it again.") from None
    values["noise_known"] = bool(values["noise_known"])
    goodness = Goodness(**values, fault=archive.get("fault", str))
    identifiable = {name: bool(np.isfinite(x)) for name, x in found["stderr"].items()}
    return Recovery(**found, goodness=goodness, identifiable=identifiable, given=None)


def _rounded(value: float, error: float) -> tuple[str, str]:
    """A number and its error, to two digits of the error."""
    if not np.isfinite(error):
        return f"{value:.4g}", "undetermined"
    power = int(np.floor(np.log10(error))) if error else -15
    if -15 <= power <= 1 and abs(value) < 1e6:
        return f"{round(value, 1 - power) + 0.0:.{max(1 - power, 0)}f}", f"{error:.2g}"
    digits = max(int(np.floor(np.log10(max(abs(value), error)))) - power + 1, 1)
    return f"{value:.{digits}e}", f"{error:.2g}"
