"""The search for the greatest likelihood, from one start after the other."""

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple, cast

import numpy as np
from jax.sharding import Mesh

from ..errors import InputError
from ..experiments.parameters import Vector, parameter_names, to_vector
from ..storage.folder import Journal
from .fisher_scoring import fit
from .judgement import judge
from .lbfgs import MANY, descend
from .multistart import FIRST_ROWS, best_of
from .problem import Problem
from .result import Recovery

ROUGH = {"xtol": 1e-3, "ftol": 1e-3, "gtol": None, "max_nfev": 12}
MEANS = {**ROUGH, "max_nfev": 200}  # where a few means stand for many samples
FINE = {"xtol": 1e-10, "ftol": 1e-10, "gtol": None, "max_nfev": 100}
IN_REACH = 0.3  # relative error of a prediction up to which least squares will converge
BAD = 5.0  # standard deviations of chi2 from which a fit is bad
CLEAR = 2.5  # standard deviations from noise up to which no other start is tried
NEAR, TRIED = 64, 6  # starts that are evaluated around one that failed, and followed


class Start(NamedTuple):
    """Where a fit begins."""

    vector: Vector
    origin: str
    rows: int  # leading rows of the data to fit first


class Search:
    """Fits from one start after the other, until one describes the data."""

    def __init__(
        self,
        problem: Problem,
        progress: Callable[[str], None],
        journal: Journal,
        mesh: Mesh | None = None,
    ):
        self.problem, self._progress = problem, progress
        self._journal, self._mesh = journal, mesh
        self._rough = problem.rough()
        self._tolerances = ROUGH if problem.data.measured is not None else MEANS

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
        self.problem.linearise.forget()
        return best

    def _starts(self, from_start: bool, given: np.ndarray | None) -> Iterator[Start]:
        """The starts in order; each is computed only if those before it leave doubt."""
        if given is not None:
            best = self._once("starts", lambda: best_of(self._rough, given, self._mesh))
            yield Start(cast(Vector, best), "starts", self._all)
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
        rows = min(guess.rows or reach, reach)
        yield Start(vector, guess.origin, rows)
        if rows > FIRST_ROWS:  # a guess that was only seemingly in reach
            yield Start(vector, guess.origin, FIRST_ROWS)
        if guess.spread is not None and problem.data.noise_known:
            yield Start(self._near(vector, guess.spread), guess.origin, self._all)

    def _shot(self) -> Iterator[Start]:
        """The start improved over single intervals, where the data determine whole states."""
        shooting = self.problem.experiment.shooting(self.problem.data)
        if shooting is None:
            return
        problem = dataclasses.replace(self.problem, simulation=shooting.for_forward_mode())
        found = self._fit(problem, self.problem.start, slice(None), ROUGH)
        if found is not None:
            self._say("multiple shooting over single intervals", found)
            yield Start(found, "shooting", FIRST_ROWS)

    def _near(self, vector: Vector, spread: np.ndarray) -> Vector:
        """The best end of the likeliest starts, within the doubled errors of a guess."""
        normal = np.random.default_rng(0).normal(size=(NEAR, len(spread)))
        near = self.problem.within(vector + 2 * normal @ spread)
        chosen = sorted(near, key=self._rough.deviance)[:TRIED]
        ends = [self._fit(self._rough, vector, slice(None), ROUGH) for vector in chosen]
        found = min((x for x in ends if x is not None), key=self._rough.deviance, default=vector)
        self._say(f"the best of {NEAR} starts near it", found)
        return found

    def _from(self, start: Start) -> Recovery | None:
        """Fits over a growing window, then all the data; `None` if it never gets there."""
        vector, t = np.array(start.vector), self.problem.data.t
        if len(vector) > MANY:
            end = self._once("descent", lambda: descend(self.problem, start.vector))
            vector = cast(Vector, end)
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
        found, good = self._refine(self._rough, vector, window, self._tolerances)
        while not good and window > least:
            window = max((window + least) // 2 if window - least > 1 else least, least)
            found, good = self._refine(self._rough, vector, window, self._tolerances)
        return found, window, good

    def _reach(self, vector: Vector) -> int:
        """How many leading rows are predicted well enough to be fitted next."""
        measured = np.asarray(self._rough.data.measured)
        predicted = self._rough.linearise(vector).prediction  # the next fit begins here
        error = np.linalg.norm(predicted - measured, axis=1)
        error = error / np.linalg.norm(measured, axis=1)
        beyond = np.flatnonzero(~(error < IN_REACH))
        return int(beyond[0]) if beyond.size else len(error)

    def _refine(
        self, problem: Problem, vector: Vector, window: int, tolerances: dict
    ) -> tuple[Vector, bool]:
        """The fit of the leading times, and whether it describes them."""
        rows = slice(0, window)
        found = self._fit(problem, vector, rows, tolerances)
        vector = vector if found is None else found
        squares = problem.residual(vector)[rows] ** 2
        chi2, t = np.mean(squares), self.problem.data.t
        reach = "" if t is None else f"t <= {t[window - 1]:.4g} ({window} times), "
        self._say(f"{reach}chi2/dof {chi2:.4g}", vector)
        return vector, bool(chi2 < 1 + BAD * np.sqrt(2 / squares.size))

    def _fit(self, problem: Problem, start: Vector, rows: slice, tolerances) -> Vector | None:
        """One fit, unless a former run has made it."""
        return self._once("fit", lambda: fit(problem, start, rows, tolerances))

    def _once(self, stage: str, compute: Callable[[], Vector | None]) -> Vector | None:
        """The vector of a stage; `None` if it leads nowhere."""

        def arrays():
            found = compute()
            return {"vector": np.zeros(0) if found is None else found}

        found = self._journal.stage(stage, arrays)["vector"]
        return found if found.size else None

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
