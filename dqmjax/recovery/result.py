"""The result of a recovery: estimates, error bars, and what the data do not determine."""

import dataclasses

import numpy as np
from jaxtyping import Float

from ..data.abstract import Rows
from ..data.goodness import SIGNIFICANT, SIMULATION_ACCURACY, Goodness, deviance
from ..data.units import as_frequency
from ..evolution.status import Reason, Status
from ..experiments.parameters import Vector
from .fisher_scoring import fit
from .information import Information, observed
from .problem import Linearisation, Problem

FIRST = slice(0, 1)  # the rows of the first time


@dataclasses.dataclass(frozen=True)
class Recovery:
    """Parameters recovered from data; print it for a table.

    Covariance and standard errors follow from the likelihood at its maximum: the inverse of the
    observed information. Where no noise level is known it is the expected information, scaled by
    the residuals. `cramer_rao` is the bound from the expected information alone. All of them hold
    if the model describes the data; `goodness` tests that.
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
    problem: Problem = dataclasses.field(repr=False)
    vector: Vector = dataclasses.field(repr=False)  # the estimate, in the order of `problem.names`

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
        unit = self.problem.data.time_unit
        of = lambda angular: f"rad/{unit}" if angular else f"1/{unit}"
        found = self._frequencies if unit else {}
        return {name: of(angular) for name, angular in found.items()}

    @property
    def _frequencies(self) -> dict[str, bool]:
        """Those of single numbers, by name, and whether they are angular."""
        found = self.problem.experiment.frequencies()
        return {name: angular for name, angular in found.items() if name in self.estimate}

    @property
    def _with_units(self) -> list[str]:
        """Lines such as `omega = 2π × (5.00 ± 0.02) MHz` or `rate = 0.31 ± 0.02 per us`."""
        unit, lines = self.problem.data.time_unit, []
        for name, angular in self._frequencies.items() if unit else []:
            values = self.estimate[name], self.stderr[name]
            if angular:
                (value, label), (error, _) = (as_frequency(x, unit) for x in values)
                lines.append(f"{name} = 2π × ({' ± '.join(_rounded(value, error))}) {label}")
            else:
                lines.append(f"{name} = {' ± '.join(self.rounded(name))} per {unit}")
        return lines

    @property
    def at_bounds(self) -> list[str]:
        """Parameters that end within a thousandth of their scale of a bound."""
        problem = self.problem
        away = np.minimum(self.vector - problem.lower, problem.upper - self.vector)
        close = away <= 1e-3 * problem.scales(self.vector)
        return [name for name, at in zip(problem.names, close, strict=True) if at]

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


def _rounded(value: float, error: float) -> tuple[str, str]:
    """A number and its error, to two digits of the error."""
    if not np.isfinite(error):
        return f"{value:.4g}", "undetermined"
    power = int(np.floor(np.log10(error))) if error else -15
    if -15 <= power <= 1 and abs(value) < 1e6:
        return f"{round(value, 1 - power) + 0.0:.{max(1 - power, 0)}f}", f"{error:.2g}"
    digits = max(int(np.floor(np.log10(max(abs(value), error)))) - power + 1, 1)
    return f"{value:.{digits}e}", f"{error:.2g}"


def judge(problem: Problem, vector: Vector, start: Vector, origin: str) -> Recovery:
    """Error bars, identifiability and the verdict at the greatest likelihood."""
    at = problem.linearise(vector)
    prediction, status = at.prediction, at.status
    change = problem.shift(vector)
    faults = np.zeros(1) if status is None else _faults(status, change is None)
    data = at.weighted.reshape(-1, vector.size)
    information = Information(data, at.prior, at.scales)
    good = _goodness(problem, vector, prediction, information)
    information = information.over_noise(good.noise)
    root = information.root
    good = dataclasses.replace(
        good,
        strain=float(np.max(faults)),
        fault="" if status is None else Reason(int(status.reason[np.argmax(faults)])).message,
        shift=0.0 if change is None else _shift(change, at, information, good),
        first=_first(problem, vector) if good.n_sigma >= SIGNIFICANT else 0.0,
    )
    inner = observed(problem, vector, root) if good.noise_known else np.eye(root.shape[1])
    covariance = information.covariance(inner)
    named = lambda values: dict(zip(problem.names, values.tolist(), strict=True))
    return Recovery(
        estimate=named(vector),
        stderr=named(np.sqrt(np.diag(covariance))),
        cramer_rao=named(information.cramer_rao),
        covariance=covariance,
        identifiable=named(information.identifiable),
        undetermined=[
            {name: x for name, x in named(row).items() if x} for row in information.undetermined
        ],
        product={name: x for name, x in named(information.product(vector)).items() if x},
        determined=information.determined,
        goodness=good,
        prediction=prediction,
        horizon=_horizon(problem.data.t, faults),
        start=named(start),
        origin=origin,
        problem=problem,
        vector=vector,
    )


def _shift(change: Rows, at: Linearisation, information: Information, good: Goodness) -> float:
    """By how many standard deviations the errors of the time steps shift the estimates, or χ².

    `√(rᵀA(AᵀA)⁻¹Aᵀr)` and `rᵀr/√2n`, r the change of the prediction by half as long steps over the
    noise and AᵀA the information. No unknown noise is below the accuracy of a simulation.
    """
    rows = (at.information * change).ravel() / max(good.noise, SIMULATION_ACCURACY)
    if not np.isfinite(rows).all():
        return np.inf
    shift = np.append(rows, np.zeros(len(information.prior))) @ np.concatenate(
        [information.data, information.prior]
    )
    return max(
        float(np.linalg.norm(shift @ information.root)), rows @ rows / (2 * rows.size) ** 0.5
    )


def _first(problem: Problem, vector: Vector) -> float:
    """How far the first time alone is from noise, after a fit to it alone, in σ.

    What is measured then depends on the initial state only. It is 0 where no noise is known.
    """
    problem = problem if problem.data.measured is not None else problem.rough()
    if problem.data.t is None or not problem.data.noise_known:
        return 0.0
    found = fit(problem, vector, FIRST, {"xtol": 1e-8, "ftol": 1e-8, "gtol": None})
    found = vector if found is None else found
    at = problem.linearise(found)
    slopes = at.weighted[FIRST].reshape(-1, vector.size) * at.scales
    count = float(np.linalg.matrix_rank(slopes, tol=1e-6 * np.abs(slopes).max()))
    return problem.data.goodness(at.prediction, count, FIRST).n_sigma


def _faults(status: Status, with_steps: bool) -> np.ndarray:
    """The size of the fault at each time; that of inaccurate steps if nothing else tests them."""
    of_steps = np.asarray(status.reason) == Reason.INACCURATE
    return np.where(of_steps & (not with_steps), 1.0, np.asarray(status.size))


def _horizon(t, faults: np.ndarray) -> float:
    """The last time before a fault exceeds 1."""
    if t is None or (faults <= 1).all():
        return np.inf
    return float(t[max(int(np.argmax(~(faults <= 1))) - 1, 0)])


def _goodness(
    problem: Problem, vector: Vector, prediction: Rows, information: Information
) -> Goodness:
    """Of the data, or of their rough form where they are samples, no numbers."""
    if problem.data.measured is not None:
        return problem.data.goodness(prediction, information.determined)
    tested = problem.rough()
    at = tested.linearise(vector)
    shown = information.seen_by(tested.data.whitened(at.jacobian, at.prediction))
    good = tested.data.goodness(at.prediction, shown)
    exact = deviance(problem.likelihood, prediction, problem.data.noise_known)
    return dataclasses.replace(good, deviance=exact, size=prediction.size)
