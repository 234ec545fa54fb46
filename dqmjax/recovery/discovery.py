"""Which terms of a library the Hamiltonian of the data has."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Float

from ..data.abstract import AbstractOscillatorData, numbers
from ..errors import InputError, require_increasing, require_type
from ..experiments.candidates import State
from ..experiments.detector import Detector
from ..experiments.models import combination
from ..experiments.parameters import Vector, require_names
from ..experiments.phase_space import experiment_of
from .fisher_scoring import fit
from .prior import NormalPrior
from .problem import Problem, Values
from .recover import recover
from .result import Recovery

ROUNDOFF = 1e-13  # of the information, below which a direction is not determined
MOVES = 3  # for each term, at most
TOLERANCES = {"xtol": 1e-6, "ftol": 1e-8, "gtol": None, "max_nfev": 30}


@dataclasses.dataclass(frozen=True)
class Discovery:
    """What `discover` found; print it for a table.

    Example:
        >>> n, basis = np.arange(8), dqm.FockBargmann(8)
        >>> t, points = np.linspace(0.0, 1.0, 3), np.random.default_rng(0).normal(size=(20, 2))
        >>> phases = np.exp(-1j * t[:, None] * (0.5 * n + 0.2 * n**2))  # of Ĥ = 0.5 n̂ + 0.2 n̂²
        >>> kets = basis.coherent_ket(0.5) * phases
        >>> density = np.stack([basis.density(ket, jnp.asarray(points)) for ket in kets])
        >>> data = dqm.Snapshots(t, points, density, np.ones(1), 1.0, 1.0, sigma=1e-3)
        >>> state = dqm.Coherent(0.5, 0.0)
        >>> found = dqm.discover(data, ["n", "n**2"], state=state, cutoff=8)
        >>> found.kept
        ['c1', 'c2']
    """

    terms: dict[str, str]  # the library
    evidence: dict[str, float]  # ln of the Bayes factor for each term, against none
    result: Recovery  # the fit with the terms that are kept

    @property
    def kept(self) -> list[str]:
        """The terms with a Bayes factor above 1."""
        return [name for name, value in self.evidence.items() if value > 0]

    def __repr__(self) -> str:
        longest = max(12, *map(len, self.terms), *map(len, self.terms.values()))
        line = f"{{:<{longest}}} {{:<{longest}}} {{:>16}} {{:>12}} {{:>16}}"
        lines = [line.format("coefficient", "of", "estimate", "std. error", "log10 evidence")]
        for name, text in self.terms.items():
            numbers = self.result.rounded(name) if name in self.kept else ("0", "")
            factor = f"{self.evidence[name] / np.log(10):.3g}"
            lines.append(line.format(name, text, *numbers, factor))
        return "\n".join([*lines, "", repr(self.result)])


def discover(
    data: AbstractOscillatorData,
    terms: Mapping[str, str] | Sequence[str],
    *,
    state: State = "coherent",
    detector: Detector | None = None,
    widths: Mapping[str, float] | None = None,
    start: Values | None = None,
    cutoff: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> Discovery:
    """The terms of `Ĥ = Σ_k c_k Ô_k` that the data need, by their evidence.

    All c_k are fitted first, each with the prior N(0, w_k²). Then the term of least evidence is
    dropped and the others are fitted again, until each has a Bayes factor above 1; a dropped term
    that now has one is taken back. The Bayes factor is that of Savage and Dickey for a normal
    posterior, `ln B = (c_k/σ_k)²/2 − ln(w_k/σ_k)`; Dickey (1971), doi:10.1214/aoms/1177693507.

    This is quantum mechanics, C = 1, without a bath. Whether the library is large enough, the
    verdict of `result` says.

    Args:
        data: `Snapshots` or `Samples` with a known noise level.
        terms: Hermitian operators as text (see `operator`), by the names of their coefficients, or
            in a list; they are then c1, c2, ….
        state: As of `recover`.
        detector: As of `recover`.
        widths: w_k by name; by default one radian in the shortest interval between two times.
        start: As of `recover`.
        cutoff: As of `recover`.
        progress: Called with a line of text after each stage.

    Raises:
        InputError: If a term is no Hermitian operator without parameters, a width is not positive,
            the noise level is not known, and as `recover`.

    Example:
        >>> n, basis = np.arange(8), dqm.FockBargmann(8)
        >>> t, points = np.linspace(0.0, 1.0, 3), np.random.default_rng(0).normal(size=(20, 2))
        >>> phases = np.exp(-1j * t[:, None] * (0.5 * n + 0.2 * n**2))  # of Ĥ = 0.5 n̂ + 0.2 n̂²
        >>> kets = basis.coherent_ket(0.5) * phases
        >>> density = np.stack([basis.density(ket, jnp.asarray(points)) for ket in kets])
        >>> data = dqm.Snapshots(t, points, density, np.ones(1), 1.0, 1.0, sigma=1e-3)
        >>> state = dqm.Coherent(0.5, 0.0)
        >>> found = dqm.discover(data, ["n", "n**2"], state=state, cutoff=8)
        >>> {name: round(found.result.estimate[name], 3) for name in found.kept}
        {'c1': 0.5, 'c2': 0.2}
    """
    require_type(AbstractOscillatorData, data=data)
    require_increasing(t=data.t)
    terms, say = _named(terms), progress or (lambda line: None)
    prior = NormalPrior(_widths(data, terms, widths))
    model = combination(data, terms)
    if not data.noise_known:
        raise InputError("`data` must have a known noise level: give `sigma` or `counts`.")
    experiment = experiment_of(data, model, cutoff, state, detector)
    whole = recover(data, experiment, prior=prior, start=start, progress=progress)
    selection = Selection(whole.problem, prior, say)
    vector, evidence = selection.run(whole.vector)
    fixed = {name: 0.0 for name in terms if not evidence[name] > 0}
    slices = whole.problem.slices
    values = {name: vector[part] for name, part in slices.items() if name not in fixed}
    known = NormalPrior({n: (0.0, float(prior.width[n])) for n in terms if n not in fixed})
    result = recover(
        data,
        experiment,
        prior=known if known.names else None,
        start=values,
        fix=fixed,
        progress=progress,
    )
    return Discovery(terms, evidence, result)


@dataclasses.dataclass(frozen=True)
class Selection:
    """Terms that are dropped and taken back, each time the one by which the evidence gains most."""

    problem: Problem
    prior: NormalPrior
    say: Callable[[str], None]

    def run(self, vector: Vector) -> tuple[Vector, dict[str, float]]:
        """The fit with the terms that are kept, the others 0; and the evidence of each."""
        held = np.zeros(vector.size, bool)
        evidence = self._evidence(vector, held)
        for _ in range(MOVES * len(evidence)):
            gains = {n: x if held[self._at(n)] else -x for n, x in evidence.items()}
            name = max(gains, key=gains.__getitem__)
            if gains[name] <= 0:
                break
            at = self._at(name)
            if not held[at]:
                vector = self._without(vector, held, at)
            held = held ^ (np.arange(held.size) == at)
            vector = self._fitted(vector, held)
            self.say(f"fitted {'without' if held[at] else 'with'} {name}")
            evidence = self._evidence(vector, held)
        return vector, evidence

    def _at(self, name: str) -> int:
        return self.problem.names.index(name)

    def _fitted(self, vector: Vector, held: np.ndarray) -> Vector:
        found = fit(self.problem, vector, slice(None), TOLERANCES, held)
        return vector if found is None else found

    def _evidence(self, vector: Vector, held: np.ndarray) -> dict[str, float]:
        """ln of the Bayes factor for each term beside those that are kept."""
        information, score = self._information(vector), self.problem.score(vector)
        return {
            name: self._factor(name, vector, held, information, score) for name in self.prior.names
        }

    def _factor(self, name: str, vector: Vector, held, information, score) -> float:
        """By the normal posterior of the kept terms and this one."""
        at, width = self._at(name), float(self.prior.width[name])
        kept = np.flatnonzero(~held | (np.arange(held.size) == at))
        covariance = self._inverse(information[np.ix_(kept, kept)])
        own = int(np.flatnonzero(kept == at)[0])
        variance = covariance[own, own]
        estimate = vector[at] - covariance[own] @ score[kept]
        return float(estimate**2 / variance / 2 + np.log(np.sqrt(variance) / width))

    def _without(self, vector: Vector, held: np.ndarray, at: int) -> Vector:
        """The mean of the posterior where one number is 0."""
        kept = np.flatnonzero(~held)
        covariance = self._inverse(self._information(vector)[np.ix_(kept, kept)])
        own = int(np.flatnonzero(kept == at)[0])
        moved = vector.copy()
        moved[kept] -= covariance[own] / covariance[own, own] * vector[at]
        moved[at] = 0.0
        return self.problem.within(moved)

    def _information(self, vector: Vector) -> Float[np.ndarray, "parameters parameters"]:
        """The Fisher information of the data with that of the prior."""
        at = self.problem.linearise(vector)
        rows = at.weighted.reshape(-1, vector.size)
        return rows.T @ rows + at.prior.T @ at.prior

    def _inverse(self, information: np.ndarray) -> np.ndarray:
        """The inverse, without the directions that nothing determines."""
        size = np.sqrt(np.diag(information))
        size = np.where(size > 0, size, 1.0)
        outer = np.outer(size, size)
        return np.linalg.pinv(information / outer, rcond=ROUNDOFF, hermitian=True) / outer


def _named(terms) -> dict[str, str]:
    """The library by the names of the coefficients."""
    require_type((Mapping, Sequence), terms=terms)
    if isinstance(terms, str | bytes) or not len(terms):
        raise InputError(f"`terms` must be a list of operators, but is {terms!r}.")
    named = terms if isinstance(terms, Mapping) else {f"c{i + 1}": x for i, x in enumerate(terms)}
    return dict(named)


def _widths(data: AbstractOscillatorData, terms, given) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of each coefficient before the data."""
    require_type((Mapping, type(None)), widths=given)
    if len(data.t) < 2:
        raise InputError("`data` must have two times or more: one shows no dynamics.")
    widths = dict.fromkeys(terms, float(data.kappa / np.min(np.diff(data.t))))
    require_names(widths, given or {}, "widths")
    widths |= {name: float(numbers(f"widths[{name!r}]", x)) for name, x in (given or {}).items()}
    for name, width in widths.items():
        if not width > 0:
            raise InputError(f"`widths[{name!r}]` must be positive, but is {width}.")
    return {name: (0.0, width) for name, width in widths.items()}
