"""Recovering the parameters of a model from data, by gradients, with error bars."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, cast

import numpy as np

from ..data.abstract import AbstractData, AbstractHeterodyneData, AbstractOscillatorData
from ..data.joint import Joint
from ..data.units import in_units_of
from ..errors import InputError, require_type
from ..experiments.abstract import AbstractExperiment
from ..experiments.detector import Detector
from ..experiments.joint import JointExperiment, together
from ..experiments.models import MODELS, by_name
from ..experiments.parameters import Vector, parameter_names, to_vector
from ..experiments.phase_space import Equation, experiment_of, vacuum
from ..experiments.preparations import State
from .fisher_scoring import fit
from .lbfgs import MANY, descend
from .multistart import FIRST_ROWS, best_of
from .problem import Bounds, Problem, Values, build_problem, many_starts
from .result import Recovery, judge

ROUGH = {"xtol": 1e-3, "ftol": 1e-3, "gtol": None, "max_nfev": 12}
FINE = {"xtol": 1e-10, "ftol": 1e-10, "gtol": None, "max_nfev": 100}
IN_REACH = 0.3  # relative error of a prediction up to which least squares will converge
BAD = 5.0  # standard deviations of chi2 from which a fit is bad
CLEAR = 2.5  # standard deviations from noise up to which no other start is tried
NEAR, TRIED = 64, 6  # starts that are evaluated around one that failed, and followed
Model = AbstractExperiment | Equation | str


def recover(
    data: AbstractData | Mapping[str, AbstractData],
    model: Model | Mapping[str, Model],
    *,
    state: State | Mapping[str, State] = "coherent",
    detector: Detector | None = None,
    off: AbstractHeterodyneData | None = None,
    separate: Sequence[str] = (),
    start: Values | None = None,
    fix: Values | None = None,
    free: Sequence[str] = (),
    bounds: Bounds | None = None,
    prior: Callable | None = None,
    starts: Values | None = None,
    cutoff: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> Recovery:
    """Estimates the parameters of `model` from `data`, with error bars and a test of the model.

    Maximises the likelihood `e^{−½ Σ d²}`. It is binomial for counts, Gaussian where `sigma` is
    given, and that of independent draws for samples. Otherwise the fit is least squares, with the
    noise estimated from the residuals. The method is Fisher scoring in a trust region with exact
    Jacobians, over a growing time window; for more than 64 parameters it is L-BFGS over all times.

    For heterodyne data (`Snapshots` and `Samples`) an equation of motion is enough as model. The
    parameters of the `state` at the first time are then fitted, too. No `start` is needed: the
    first time gives that of the state, and the weak form of the equation the others. If the fit
    from `start` does not describe the data, the fit is repeated from there; for an `Evolution` with
    `reconstruct`, from a start improved by multiple shooting.

    Other data of the same shape and other starts compile nothing; other fixed values do.

    Args:
        data: `Snapshots`, `Samples`, `Series`, `Lines` or your own `AbstractData`; or several by
            name. `model` and `state` are then the same for all, or given by those names, too.
        model: An experiment, such as `Evolution`, `Levels` or your own; for heterodyne data an
            equation of motion, also with drives and baths, the name of one of `MODELS`, or a
            Hamiltonian as text, such as `"omega*n + U/2*n*(n-1)"` (see `operator`), whose names are
            estimated. Its floating-point JAX arrays are estimated, by field name, from their
            values; Python floats are constants.
        state: What was prepared, for an equation as model: "coherent", "squeezed", "cat",
            "thermal", an object such as `Squeezed`, or `Unknown(rank)` for a density matrix that is
            fitted with the model.
        detector: What was between that state and the data, for an equation as model.
        off: Data of the same detector with the signal off, which calibrate it.
        separate: Names of parameters that each of several data sets has for itself; others of one
            name are the same in all.
        start: Initial values by name. Like those of `fix` and `bounds` they may be text with units,
            such as `"2*pi*5 MHz"`, if the data have a `time_unit`.
        fix: Fixed values by name. A model by name or text fixes `ell` at that of the data.
        free: Names to free that such a model fixes.
        bounds: Lowest and highest value by name, `None` for none.
        prior: `prior(experiment)`, residuals whose squares are added to the deviance, such as
            `(mass − 1)/σ`, or the third differences of a curve that should be smooth.
        starts: Many initial values by name, arrays with an entry (or row) for each start. All are
            fitted in parallel over a growing time window; the better half continues after each.
        cutoff: Fock levels per mode for heterodyne data; chosen from the data if not given.
        progress: Called with a line of text after each stage.

    Raises:
        InputError: If a name or model is unknown, no parameter is free, `bounds` exclude the start,
            `cutoff` is below what the data need, there are more parameters than data, the
            experiment predicts something else than what was measured, JAX is not set to double
            precision, or no start leads to a finite likelihood at all times.
    """
    given = {"start": start, "fix": fix, "bounds": bounds, "starts": starts}
    require_type((Mapping, type(None)), **given)
    require_type((Callable, type(None)), prior=prior, progress=progress)  # pyright: ignore[reportArgumentType]
    if isinstance(free, str) or not isinstance(free, Iterable):
        raise InputError(f"`free` must be a list of names, but is {free!r}.")
    with np.errstate(all="ignore"):  # overflows on the way are judged at the end
        start, fix = dict(start or {}), dict(fix or {})
        data, experiment, fixed = _set_up(data, model, cutoff, state, detector, off, separate)
        fix = {n: x for n, x in fixed.items() if n not in (*free, *start)} | fix
        start, fix = _plain("start", start, data), _plain("fix", fix, data)
        bounds = {n: _limits(n, pair, data) for n, pair in (bounds or {}).items()}
        problem = build_problem(data, experiment, start, fix, free, bounds, prior)
        given = many_starts(problem, starts) if starts else None
        return _Search(problem, progress or (lambda line: None)).run(bool(start), given)


def update(
    result: Recovery,
    data: AbstractData,
    *,
    separate: Sequence[str] = (),
    progress: Callable[[str], None] | None = None,
) -> Recovery:
    """The fit to the former data and new ones together, from the former estimate.

    It is the fit to all data at once: nothing of the former data is approximated.

    Args:
        result: A fit.
        data: New data of the same experiment.
        separate: Names of parameters that the new data have for themselves, such as the amplitude
            of another preparation.
        progress: Called with a line of text after each stage.

    Raises:
        InputError: As `recover`.

    Example:
        >>> result = dqm.update(dqm.recover(monday, model), tuesday)
    """
    require_type(Recovery, result=result)
    require_type(AbstractData, data=data)
    old, fitted = result.problem, result.problem.template(result.vector)
    sets = dict(old.data.parts) if isinstance(old.data, Joint) else {"first": old.data}
    each = fitted.each if isinstance(fitted, JointExperiment) else {"first": fitted}
    first, new = next(iter(each)), f"new_{len(sets)}" if "new" in sets else "new"
    prior = None if old.prior is None else lambda both: cast(Callable, old.prior)(both.each[first])
    experiment = together({**each, new: each[first]}, separate)
    limits = {
        name: (old.lower[part], old.upper[part])
        for name, part in old.slices.items()
        if name in experiment.shared
    }
    with np.errstate(all="ignore"):
        both = Joint({**sets, new: data})
        problem = build_problem(both, experiment, {}, {}, [], {}, prior)
        lower, upper = problem.lower.copy(), problem.upper.copy()
        for name, (low, high) in limits.items():
            lower[problem.slices[name]], upper[problem.slices[name]] = low, high
        problem = dataclasses.replace(problem, lower=lower, upper=upper)
        return _Search(problem, progress or (lambda line: None)).run(True, None)


def _plain(argument: str, values: Values, data: AbstractData) -> Values:
    """The values with units as numbers in the time unit of the data."""
    kappa = getattr(data, "kappa", 1.0)
    return {
        name: in_units_of(f"{argument}[{name!r}]", value, data.time_unit, kappa)
        for name, value in values.items()
    }


def _limits(name: str, pair, data: AbstractData):
    """Bounds with units, too."""
    if not isinstance(pair, tuple | list):
        return pair
    return tuple(_plain("bounds", {name: edge}, data)[name] for edge in pair)


def _set_up(
    data, model, cutoff, state, detector, off, separate
) -> tuple[AbstractData, AbstractExperiment, Values]:
    """The data, the experiment, and what a model by name fixes."""
    sets = dict(data) if isinstance(data, Mapping) else {"data": data}
    require_type(AbstractData, **(sets if isinstance(data, Mapping) else {"data": data}))
    of = lambda name, given: given[name] if isinstance(given, Mapping) else given
    for argument, given in (("model", model), ("state", state)):
        if isinstance(given, Mapping) and given.keys() != sets.keys():
            raise InputError(
                f"`{argument}` must have the names of `data`, {', '.join(sets)}, but has "
                f"{', '.join(map(str, given))}."
            )
    made = {
        name: _experiment(one, of(name, model), cutoff, of(name, state), detector)
        for name, one in sets.items()
    }
    experiments = {name: experiment for name, (experiment, _) in made.items()}
    if off is not None:
        sets["off"], experiments["off"] = off, _calibration(off, detector)
    fixed = {name: value for _, values in made.values() for name, value in values.items()}
    if len(sets) == 1:
        return sets["data"], experiments["data"], fixed
    return Joint(sets), together(experiments, separate), fixed


def _calibration(off, detector: Detector | None) -> AbstractExperiment:
    """The experiment without a signal."""
    require_type(AbstractHeterodyneData, off=off)
    if detector is None:
        raise InputError("`off` needs a `detector` that it calibrates: give `dqm.Detector(...)`.")
    return vacuum(off, detector)


def _experiment(
    data: AbstractData, model, cutoff, state, detector
) -> tuple[AbstractExperiment, Values]:
    """The experiment, and what a model by name fixes."""
    require_type((Detector, type(None)), detector=detector)
    if isinstance(model, AbstractExperiment):
        if state != "coherent" or detector is not None:
            raise InputError(
                "`state` and `detector` are parts of the experiment that is given as `model`: "
                "leave them out."
            )
        return model, {}
    if data.space is None:
        raise InputError(
            f"`model` of {type(data).__name__} must be an experiment, such as `Evolution` or "
            f"`Levels`, but is {type(model).__name__}."
        )
    data = cast(AbstractOscillatorData, data)
    if isinstance(model, Equation):
        return experiment_of(data, model, cutoff, state, detector), {}
    if not isinstance(model, str):
        raise InputError(
            "`model` must be an experiment, a Fokker–Planck equation, one of "
            f"{', '.join(MODELS)}, or a Hamiltonian as text, but is {model!r}."
        )
    experiment = experiment_of(data, by_name(data, model), cutoff, state, detector)
    return experiment, {"ell": data.space.ell}


class Start(NamedTuple):
    """Where a fit begins."""

    vector: Vector
    origin: str
    rows: int  # leading rows of the data to fit first


class _Search:
    """Fits from one start after the other, until one describes the data."""

    def __init__(self, problem: Problem, progress: Callable[[str], None]):
        self.problem, self._progress = problem, progress
        self._rough = problem.rough()

    def run(self, from_start: bool, given: np.ndarray | None) -> Recovery:
        best = None
        for start in self._starts(from_start, given):
            found = self._from(start)
            if found is None:
                continue
            if best is None or found.goodness.deviance < best.goodness.deviance:
                best = found
            good = best.goodness
            if good.fits and (good.n_sigma < CLEAR or not good.noise_known):
                break
        if best is None:
            raise InputError(self._nowhere())
        return best

    def _starts(self, from_start: bool, given: np.ndarray | None) -> Iterator[Start]:
        """The starts in order; each is computed only if those before it leave doubt."""
        if given is not None:
            yield Start(best_of(self._rough, given), "starts", self._all)
        elif from_start:
            yield Start(self.problem.start, "start", FIRST_ROWS)
        guess = self.problem.experiment.guess(self.problem.data)
        if guess is not None:
            yield from self._guessed(guess)
        elif not from_start and given is None:
            yield Start(self.problem.start, "model", FIRST_ROWS)
        yield from self._shot()

    @property
    def _all(self) -> int:
        """The number of rows."""
        return len(np.asarray(self._rough.data.measured))

    def _guessed(self, guess) -> Iterator[Start]:
        """What the experiment guesses, and the best start within the errors of the guess."""
        problem = self.problem
        if parameter_names(guess.experiment) != problem.names:
            raise InputError("`guess` of the experiment must keep its trainable arrays.")
        vector = problem.within(to_vector(guess.experiment))
        self._say(f"{guess.origin} of the first {guess.rows or self._all} times", vector)
        reach = self._reach(vector)
        yield Start(vector, guess.origin, min(guess.rows or reach, reach))
        if guess.spread is not None and problem.data.noise_known:
            yield Start(self._near(vector, guess.spread), guess.origin, self._all)

    def _shot(self) -> Iterator[Start]:
        """The start improved over single intervals, where the data determine whole states."""
        shooting = self.problem.experiment.shooting(self.problem.data)
        if shooting is None:
            return
        problem = dataclasses.replace(self.problem, simulation=shooting.for_forward_mode())
        found = fit(problem, self.problem.start, slice(None), ROUGH)
        if found is not None:
            self._say("multiple shooting over single intervals", found)
            yield Start(found, "shooting", FIRST_ROWS)

    def _near(self, vector: Vector, spread: np.ndarray) -> Vector:
        """The best end of the likeliest starts, within the doubled errors of a guess."""
        normal = np.random.default_rng(0).normal(size=(NEAR, len(spread)))
        near = self.problem.within(vector + 2 * normal @ spread)
        chosen = sorted(near, key=self._rough.deviance)[:TRIED]
        ends = [fit(self._rough, vector, slice(None), ROUGH) for vector in chosen]
        found = min((x for x in ends if x is not None), key=self._rough.deviance, default=vector)
        self._say(f"the best of {NEAR} starts near it", found)
        return found

    def _from(self, start: Start) -> Recovery | None:
        """Fits over a growing window, then all the data; `None` if it never gets there."""
        vector, t = np.array(start.vector), self.problem.data.t
        if len(vector) > MANY:
            vector = descend(self.problem, vector)
        elif t is None:
            vector, _ = self._refine(self.problem, vector, 1, FINE)
        else:
            vector = self._grow(vector, max(start.rows, FIRST_ROWS), len(t))
        if not np.isfinite(self.problem.deviance(vector)):
            return None
        return judge(self.problem, vector, start.vector, start.origin)

    def _grow(self, vector: Vector, window: int, times: int) -> Vector:
        """Fits more and more times, as many at once as the fit to those before predicts.

        If a fit becomes bad, the window grew beyond the reach of the minimum: it grows less. A
        model that is wrong makes every fit bad; from then on that decides nothing.
        """
        vector, window, good = self._extend(vector, min(FIRST_ROWS, times), min(window, times))
        while window < times:
            least = min(times, math.ceil(1.3 * window))
            further = min(times, max(self._reach(vector), least))
            vector, window, good = self._extend(vector, least if good else further, further)
        return self._refine(self.problem, vector, times, FINE)[0]

    def _extend(self, vector: Vector, least: int, window: int) -> tuple[Vector, int, bool]:
        """The fit to a window, or to a shorter one if that fit is bad, and whether it is good."""
        found, good = self._refine(self._rough, vector, window, ROUGH)
        while not good and window > least:
            window = max((window + least) // 2 if window - least > 1 else least, least)
            found, good = self._refine(self._rough, vector, window, ROUGH)
        return found, window, good

    def _reach(self, vector: Vector) -> int:
        """How many leading rows are predicted well enough to be fitted next."""
        measured = np.asarray(self._rough.data.measured)
        error = np.linalg.norm(self._rough.predict(vector)[0] - measured, axis=1)
        error = error / np.linalg.norm(measured, axis=1)
        beyond = np.flatnonzero(~(error < IN_REACH))
        return int(beyond[0]) if beyond.size else len(error)

    def _refine(
        self, problem: Problem, vector: Vector, window: int, tolerances: dict
    ) -> tuple[Vector, bool]:
        """The fit of the leading times, and whether it describes them."""
        rows = slice(0, window)
        found = fit(problem, vector, rows, tolerances)
        vector = vector if found is None else found
        squares = problem.residual(vector)[rows] ** 2
        chi2, t = np.mean(squares), self.problem.data.t
        reach = "" if t is None else f"t <= {t[window - 1]:.4g} ({window} times), "
        self._say(f"{reach}chi2/dof {chi2:.4g}", vector)
        return vector, bool(chi2 < 1 + BAD * np.sqrt(2 / squares.size))

    def _nowhere(self) -> str:
        """Why no start led anywhere."""
        prediction, status = self.problem.predict(self.problem.start)
        t, message = self.problem.data.t, "no `start` leads to a finite prediction at all times"
        bad = ~np.isfinite(prediction).all(axis=1)
        if t is None:
            return f"{message}: give another."
        if status is not None:
            bad = bad | (np.asarray(status.size) > 1)
        last = t[max(int(np.argmax(bad)) - 1, 0)]
        return (
            f"{message}: give another, or data that end by t = {last:.4g}, up to which the "
            "equation can be solved from there (its `horizon`)."
        )

    def _say(self, stage: str, vector: Vector):
        values = zip(self.problem.names, vector, strict=True)
        self._progress(f"{stage}: " + ", ".join(f"{n} {x:.6g}" for n, x in values))
