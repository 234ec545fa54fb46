"""Recovering the parameters of a model from data, by gradients, with error bars."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence

import jax.numpy as jnp
import numpy as np

from ..data.series import Data, Samples, Series
from ..data.snapshots import Snapshots
from ..errors import InputError
from ..phase_space.fokker_planck import Damped, FokkerPlanck
from .experiments import AbstractExperiment, Evolution, Heterodyne, Shooting
from .fisher_scoring import fit, residual_of
from .heterodyne import WeakStart, choose_basis, first_amplitude, weak_start, width_of
from .lbfgs import MANY, descend
from .models import MODELS
from .multistart import FIRST_ROWS, best_of
from .problem import Bounds, Problem, Values, Vector, state_problem
from .result import Recovery, judge
from .weak_form import means_of, test_functions

ROUGH = {"xtol": 1e-3, "ftol": 1e-3, "gtol": None, "max_nfev": 12}
FINE = {"xtol": 1e-10, "ftol": 1e-10, "gtol": None, "max_nfev": 100}
IN_REACH = 0.3  # relative error of a prediction up to which least squares will converge
CLEAR = 2.5  # standard deviations from noise up to which no other start is tried
NEAR, TRIED = 64, 6  # starts that are looked at around one that failed, and followed


def recover(
    data: Data,
    model: AbstractExperiment | FokkerPlanck | Damped | str,
    *,
    start: Values | None = None,
    fix: Values | None = None,
    free: Sequence[str] = (),
    bounds: Bounds | None = None,
    prior: Callable | None = None,
    starts: Values | None = None,
    cutoff: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> Recovery:
    """The parameters with which `model` describes `data`, and how sure they are.

    Maximises the likelihood `e^{−½ Σ d²}`: binomial where there are counts, Gaussian where there is
    `sigma`, that of independent draws for draws; least squares otherwise (the noise is then
    estimated from the residuals). By Fisher scoring in a trust region with exact Jacobians, over a
    growing time horizon; of more than 64 parameters by L-BFGS, over all times.

    For heterodyne data, `Snapshots` and `Samples`, a Fokker–Planck equation is model enough. The
    state at the first time is then taken to be coherent, and its amplitude is fitted too, as
    `alpha_re` and `alpha_im`; and no `start` is needed, since the weak form of the equation gives
    one. A fit from `start` that does not describe the data is tried again from there; that of an
    `Evolution` with `reconstruct`, from a start that `Shooting` improved.

    Other data of the same shape and other starts compile nothing; other fixed values do.

    Args:
        data: `Snapshots`, `Samples`, `Series` or `Lines`.
        model: An experiment, `Evolution`, `Levels` or your own, or for heterodyne data a
            Fokker–Planck equation. Its floating-point JAX arrays are what is sought, by field name,
            their values the start; Python floats stay as they are. Or the name of one of `MODELS`.
        start: Starting values by name.
        fix: Values to hold by name. A named model holds `ell` at that of the data.
        free: Names to free that a named model holds.
        bounds: Lowest and highest value by name, `None` for none.
        prior: `prior(experiment)`, residuals whose squares are added to the deviance, such as
            `(mass − 1)/σ`, or the bends of a curve for the sake of a smooth one.
        starts: Many starting values by name, arrays with one entry (or row) for each start. All are
            tried at once on the device, over a growing horizon of which each stretch leaves the
            better half, and the best is taken.
        cutoff: Fock levels per mode of heterodyne data; chosen from the data if not given.
        progress: Called with a line of text after each stage.

    Raises:
        InputError: If a name or model is unknown, nothing is left free, `bounds` exclude the start,
            `cutoff` is below what the data need, there are more parameters than data, the
            experiment predicts something else than what was measured, JAX is not set to double
            precision, or no start leads to a finite likelihood at all times.
    """
    with np.errstate(all="ignore"):  # what overflows on the way is judged at the end
        start, fix = dict(start or {}), dict(fix or {})
        experiment, held = _experiment(data, model, cutoff)
        fix = {n: x for n, x in held.items() if n not in (*free, *start)} | fix
        problem = state_problem(data, experiment, start, fix, free, bounds or {}, prior)
        search = _Search(problem, progress or (lambda line: None), problem.many(starts))
        return search.run(from_start=bool(start))


def _experiment(data: Data, model, cutoff) -> tuple[AbstractExperiment, Values]:
    """The experiment, and what a named model holds."""
    is_heterodyne = isinstance(data, Snapshots | Samples)
    if isinstance(model, AbstractExperiment):
        if isinstance(data, Samples) and not isinstance(model, Heterodyne):
            raise InputError(
                "`model` of `Samples` must be `Heterodyne` or a Fokker–Planck equation."
            )
        return model, {}
    if not is_heterodyne:
        raise InputError(
            f"`model` of {type(data).__name__} must be an experiment, such as `Evolution` or "
            f"`Levels`, but is {type(model).__name__}."
        )
    held: Values = {}
    if isinstance(model, str):
        if model not in MODELS:
            raise InputError(f"model {model!r} is unknown: there is {', '.join(MODELS)}.")
        model, held = MODELS[model](data), {"ell": data.ell}
    alpha = jnp.asarray(first_amplitude(data))
    return Heterodyne(model, alpha.real, alpha.imag, choose_basis(data, cutoff)), held


def rough(problem: Problem) -> Problem:
    """The same with data that lead from afar: densities for counts, of which one in an odd place
    would lead astray, and means of test functions for draws, where densities may be negative."""
    data, experiment = problem.data, problem.experiment
    if isinstance(data, Snapshots) and data.counts is not None:
        plain = dataclasses.replace(data, density=data.measured, counts=None, shots=None)
        return dataclasses.replace(problem, data=plain)
    if isinstance(data, Samples) and isinstance(experiment, Heterodyne):
        tests = test_functions(data.ell, data.kappa, data.modes, width_of(data))
        means = dataclasses.replace(experiment, tests=tests)
        return dataclasses.replace(problem, data=means_of(data, tests), experiment=means)
    return problem


class _Search:
    """One recovery under way."""

    def __init__(self, problem: Problem, progress: Callable[[str], None], given):
        self.problem, self._progress, self._given = problem, progress, given
        self._rough = rough(problem)

    def run(self, *, from_start: bool) -> Recovery:
        best = None
        for vector, origin, rows in self._starts(from_start):
            found = self._from(np.array(vector), origin, rows)
            if found is None:
                continue
            if best is None or found.goodness.deviance < best.goodness.deviance:
                best = found
            good = best.goodness
            if good.describes_data and (good.doubt < CLEAR or not good.noise_known):
                break
        if best is None:
            raise InputError(self._nowhere())
        return best

    def _starts(self, from_start: bool) -> Iterator[tuple[Vector, str, int]]:
        """Where to begin, and with how many rows; each only if what came before leaves doubt."""
        times = len(np.asarray(self._rough.data.measured))
        if self._given is not None:
            yield best_of(self._rough, self._given), "starts", times
        elif from_start:
            yield self.problem.start, "start", FIRST_ROWS
        weak = weak_start(self.problem)
        if weak is None:
            if not from_start and self._given is None:
                yield self.problem.start, "model", FIRST_ROWS
            yield from self._shot()
            return
        self._say(f"weak form of the first {weak.snapshots} snapshots", weak.vector)
        yield weak.vector, "weak form", min(weak.snapshots, self._reach(weak.vector))
        if self.problem.data.noise_known:
            yield self._near(weak), "weak form", times

    def _shot(self) -> Iterator[tuple[Vector, str, int]]:
        """The start improved over single intervals, where the data tell whole states."""
        data, experiment = self.problem.data, self.problem.experiment
        if not isinstance(experiment, Evolution) or experiment.reconstruct is None:
            return
        values = data.values if isinstance(data, Series) else data.measured
        shooting = Shooting(experiment, experiment.reconstruct, np.asarray(values, float))
        prior = self.problem.prior
        whole = None if prior is None else lambda shooting: prior(shooting.evolution)
        problem = dataclasses.replace(self.problem, experiment=shooting, prior=whole)
        found = fit(problem, self.problem.start, slice(None), ROUGH)
        if found is not None:
            self._say("shooting over single intervals", found)
            yield found, "shooting", FIRST_ROWS

    def _near(self, weak: WeakStart) -> Vector:
        """The best end of the likeliest starts, within the errors of the weak form, doubled."""
        normal = np.random.default_rng(0).normal(size=(NEAR, len(weak.spread)))
        near = self.problem.within(weak.vector + 2 * normal @ weak.spread)
        chosen = sorted(near, key=self._deviance)[:TRIED]
        ends = [fit(self._rough, vector, slice(None), ROUGH) for vector in chosen]
        found = min((x for x in ends if x is not None), key=self._deviance, default=weak.vector)
        self._say(f"the best of {NEAR} starts near it", found)
        return found

    def _deviance(self, vector: Vector) -> float:
        deviance = float(np.sum(residual_of(self._rough, vector) ** 2))
        return deviance if np.isfinite(deviance) else math.inf

    def _from(self, vector: Vector, origin: str, rows: int) -> Recovery | None:
        """Fits over a growing horizon, then all the data; `None` if it never gets there."""
        start, t = vector, self.problem.data.t
        if len(vector) > MANY:
            vector = descend(self.problem, vector)
        elif t is None:
            vector = self._refine(self.problem, vector, 1, FINE)
        else:
            vector = self._grow(vector, max(rows, FIRST_ROWS), len(t))
        return judge(self.problem, vector, start, origin) if self._is_finite(vector) else None

    def _grow(self, vector: Vector, horizon: int, times: int) -> Vector:
        horizon = min(horizon, times)
        while True:
            vector = self._refine(self._rough, vector, horizon, ROUGH)
            if horizon == times:
                return self._refine(self.problem, vector, times, FINE)
            horizon = min(times, max(self._reach(vector), math.ceil(1.3 * horizon)))

    def _reach(self, vector: Vector) -> int:
        """How many leading rows are predicted well enough to be fitted next."""
        measured = np.asarray(self._rough.data.measured)
        error = np.linalg.norm(self._rough.predict(vector)[0] - measured, axis=1)
        error = error / np.linalg.norm(measured, axis=1)
        beyond = np.flatnonzero(~(error < IN_REACH))
        return int(beyond[0]) if beyond.size else len(error)

    def _refine(self, problem: Problem, vector: Vector, horizon: int, tolerances: dict) -> Vector:
        rows = slice(0, horizon)
        found = fit(problem, vector, rows, tolerances)
        vector = vector if found is None else found
        chi2 = np.mean(residual_of(problem, vector)[rows] ** 2)
        t = self.problem.data.t
        reach = "" if t is None else f"t <= {t[horizon - 1]:.4g} ({horizon} snapshots), "
        self._say(f"{reach}chi2/dof {chi2:.4g}", vector)
        return vector

    def _is_finite(self, vector: Vector) -> bool:
        return bool(np.isfinite(np.sum(residual_of(self.problem, vector) ** 2)))

    def _nowhere(self) -> str:
        """Why no start led anywhere."""
        prediction, strain = self.problem.predict(self.problem.start)
        t, message = self.problem.data.t, "no `start` led to finite densities at all times"
        bad = ~np.isfinite(prediction).all(axis=1)
        if t is None:
            return f"{message}: give another."
        if strain is not None:
            bad = bad | (np.asarray(strain) > 1)
        last = t[max(int(np.argmax(bad)) - 1, 0)]
        return (
            f"{message}: give another, or data that end by t = {last:.4g}, up to which the "
            "equation can be followed from there (its `horizon`)."
        )

    def _say(self, stage: str, vector: Vector):
        values = zip(self.problem.names, vector, strict=True)
        self._progress(f"{stage}: " + ", ".join(f"{n} {x:.6g}" for n, x in values))
