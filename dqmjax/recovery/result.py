"""What a recovery found: estimates, error bars, and what the data cannot tell."""

import dataclasses

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ..data.goodness import Goodness, goodness, goodness_of_draws
from ..data.series import Samples
from .experiments import Heterodyne
from .heterodyne import width_of
from .problem import Problem, Rows, Vector
from .weak_form import moments, test_functions

ACCURACY = 1e-9  # of the peak; no density is trusted beyond, so that σ = 0 proves nothing
KNOWN = 3.0  # a combination is determined if a large change of it is this many σ
ALIKE = 10.0  # by how much the observed information may differ from the expected one
STEP = 0.05  # standard errors, of the differences that give the observed information


@dataclasses.dataclass(frozen=True)
class Recovery:
    """Parameters recovered from data; print it for a table.

    Covariance and standard errors are those of the likelihood at its maximum: the inverse of the
    observed information, or of the expected one, scaled by the residuals, where no noise level is
    known. Beside them stands the bound of Cramér and Rao, from the expected information alone. They
    hold if the model describes the data, which `goodness` judges.
    """

    estimate: dict[str, float]
    stderr: dict[str, float]  # infinite where the data do not determine the parameter
    cramer_rao: dict[str, float]  # the least that it could be, without bias and prior
    covariance: Float[np.ndarray, "parameters parameters"]  # in the order of `estimate`
    identifiable: dict[str, bool]
    undetermined: list[dict[str, float]]  # combinations that the data do not determine
    goodness: Goodness
    prediction: Float[np.ndarray, "rows columns"]  # of what was measured
    strain: float  # the largest of the run, above 1 where it is not to be believed
    horizon: float  # the last time of the data before that; infinite if there is none
    start: dict[str, float]
    origin: str  # of the start: "start", "starts", "weak form", "model" or "shooting"
    problem: Problem = dataclasses.field(repr=False)
    vector: Vector = dataclasses.field(repr=False)  # the estimate, in the order of `problem.names`

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
        value, error = self.estimate[name], self.stderr[name]
        if not np.isfinite(error):
            return f"{value:.4g}", "undetermined"
        power = int(np.floor(np.log10(error))) if error else -15
        if -15 <= power <= 1 and abs(value) < 1e6:
            return f"{round(value, 1 - power) + 0.0:.{max(1 - power, 0)}f}", f"{error:.2g}"
        digits = max(int(np.floor(np.log10(max(abs(value), error)))) - power + 1, 1)
        return f"{value:.{digits}e}", f"{error:.2g}"

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
        for combination in self.undetermined:
            terms = " + ".join(f"{c:.2g} {name}" for name, c in combination.items())
            lines.append(f"The data do not determine {terms}.")
        for name in self.at_bounds:
            lines.append(f"{name} is at its bound: widen `bounds`, or do not believe its error.")
        if not self.strain <= 1:
            lines.append(
                f"Take care: strain {self.strain:.1g}, after t = {self.horizon:.4g} the run "
                "presses against the levels or waves that are kept: keep more, or leave out later "
                "data."
            )
        g = self.goodness
        chi2 = f"chi2/dof {g.chi2 / max(g.dof, 1):.4g}"
        noise = chi2 if g.noise_known else "noise level not given"
        lines.append(f"{noise}, residual {g.misfit:.2g} of the peak. {g.verdict}")
        return "\n".join(lines)

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
            "correlation": self.correlation.tolist(),
            "identifiable": self.identifiable,
            "undetermined": self.undetermined,
            "start": self.start,
            "start_from": self.origin,
            "chi2": g.chi2 if g.noise_known else None,
            "dof": g.dof,
            "residual_of_peak": g.misfit,
            "strain": finite(self.strain),
            "horizon": finite(self.horizon),
            "describes_data": g.describes_data,
            "verdict": g.verdict,
        }


def judge(problem: Problem, vector: Vector, start: Vector, origin: str) -> Recovery:
    """Error bars, identifiability and the verdict at the greatest likelihood."""
    prediction, strain = problem.predict(vector)
    information, prior = problem.information(vector), problem.prior_jacobian(vector)
    scales = problem.scales(vector)
    good = _goodness(problem, vector, prediction, _determined(information, prior))
    information = information / max(good.noise, ACCURACY)
    _, sensitivity, directions = np.linalg.svd(
        np.concatenate([information, prior]) * scales, full_matrices=False
    )
    known = (sensitivity > KNOWN) & (sensitivity > 1e-12 * sensitivity[0])
    root = directions[known].T / sensitivity[known] * scales[:, None]
    inner = _observed(problem, vector, root) if good.noise_known else np.eye(root.shape[1])
    covariance = root @ inner @ root.T
    open_ = np.abs(directions[~known])
    open_ = open_ > 0.1 * open_.max(axis=1, keepdims=True)
    identifiable = ~open_.any(axis=0)
    covariance[~identifiable] = np.inf
    covariance[:, ~identifiable] = np.inf
    named = lambda values: dict(zip(problem.names, values.tolist(), strict=True))
    return Recovery(
        estimate=named(vector),
        stderr=named(np.sqrt(np.diag(covariance))),
        cramer_rao=named(_cramer_rao(information, scales)),
        covariance=covariance,
        identifiable=named(identifiable),
        undetermined=[
            {n: float(x) for n, x, large in zip(problem.names, row, mask, strict=True) if large}
            for row, mask in zip(directions[~known], open_, strict=True)
        ],
        goodness=good,
        prediction=prediction,
        strain=0.0 if strain is None else float(np.max(strain)),
        horizon=_horizon(problem.data.t, strain),
        start=named(start),
        origin=origin,
        problem=problem,
        vector=vector,
    )


def _horizon(t, strain) -> float:
    """The last time before the strain exceeds 1."""
    if t is None or strain is None or (strain <= 1).all():
        return np.inf
    return float(t[max(int(np.argmax(~(strain <= 1))) - 1, 0)])


def _determined(information: np.ndarray, prior: np.ndarray) -> float:
    """How many parameters the data determined, `tr (F + P)⁻¹F`: all but for a prior's part."""
    count = information.shape[1]
    if not prior.size:
        return float(count)
    sizes = np.linalg.norm(information, axis=0)
    scale = 1 / np.where(sizes > 0, sizes, 1.0)
    whole = np.concatenate([information, prior]) * scale
    left = np.linalg.svd(whole, full_matrices=False)[0]
    return float(np.sum(left[: len(information)] ** 2))


def _goodness(problem: Problem, vector: Vector, prediction: Rows, determined: float) -> Goodness:
    if problem.data.measured is not None:
        return goodness(problem.data, prediction, determined)
    experiment, times, draws = problem.template(jnp.asarray(vector)), *problem.inputs[1:]
    assert isinstance(experiment, Heterodyne)  # of draws it is
    assert isinstance(problem.data, Samples) and draws is not None  # noqa: PT018
    basis, rho = experiment.basis, experiment.run(times).saved
    tests = test_functions(basis.ell, basis.kappa, basis.modes, width_of(problem.data))
    residual, misfit = moments(draws, rho, tests)
    return goodness_of_draws(problem.data, prediction, residual, misfit, determined)


def _observed(problem: Problem, vector: Vector, root) -> np.ndarray:
    """The inverse of the observed information along the columns of `root`, of which the expected
    one is 1: half the second derivative of the deviance, by differences of its gradient.

    The expected one where this is no maximum, or where the two are not alike and half the step
    gives a third: the curvature of what is not smooth, as close to probabilities of 0 and 1.
    """
    matrix = _curvature(problem, vector, root, STEP)
    sizes = np.linalg.eigvalsh(matrix) if np.isfinite(matrix).all() else np.zeros(1)
    believed = (sizes > 1 / ALIKE).all()
    if believed and (sizes > ALIKE).any():
        again = np.linalg.eigvalsh(_curvature(problem, vector, root, STEP / 2))
        believed = np.allclose(sizes, again, rtol=0.1)
    return np.linalg.inv(matrix) if believed else np.eye(root.shape[1])


def _curvature(problem: Problem, vector: Vector, root, step: float):
    slopes = [
        (problem.score(vector + step * move) - problem.score(vector - step * move)) / (2 * step)
        for move in root.T
    ]
    matrix = np.array(slopes).reshape(-1, len(root)) @ root
    return (matrix + matrix.T) / 2


def _cramer_rao(information: np.ndarray, scales: Vector) -> Vector:
    """The least standard errors of unbiased estimates, from the data alone."""
    rows = max(scales.size - len(information), 0)
    padded = np.pad(information * scales, [(0, rows), (0, 0)])
    _, sensitivity, directions = np.linalg.svd(padded, full_matrices=False)
    sensitivity = np.where(sensitivity > 1e-12 * sensitivity[0], sensitivity, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(np.abs(directions) > 1e-9, directions / sensitivity[:, None], 0.0)
    return np.sqrt(np.sum(parts**2, axis=0)) * scales
