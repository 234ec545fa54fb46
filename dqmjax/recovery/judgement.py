"""What a fit is worth: error bars, what is determined, and the test of the model."""

import dataclasses

import numpy as np

from ..data.abstract import Rows
from ..data.goodness import SIGNIFICANT, SIMULATION_ACCURACY, Goodness, deviance
from ..evolution.status import Reason, Status
from ..experiments.parameters import Vector
from .fisher_scoring import fit
from .information import Information, observed
from .problem import Linearisation, Problem
from .result import Recovery

FIRST = slice(0, 1)  # the rows of the first time


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
        at_bounds=_at_bounds(problem, vector),
        time_unit=problem.data.time_unit,
        angular={
            name: angular
            for name, angular in problem.experiment.frequencies().items()
            if name in problem.names
        },
        vector=vector,
        given=problem,
    )


def _at_bounds(problem: Problem, vector: Vector) -> list[str]:
    """Parameters that end within a thousandth of their scale of a bound."""
    away = np.minimum(vector - problem.lower, problem.upper - vector)
    close = away <= 1e-3 * problem.scales(vector)
    return [name for name, at in zip(problem.names, close, strict=True) if at]


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
