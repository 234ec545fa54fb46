"""Simulation-based calibration: do fits state the errors that they have?"""

import dataclasses
import functools
import os
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import numpy as np
import scipy
from jaxtyping import Array, Float, Int, Key

from ..errors import InputError, require_key, require_type, require_whole
from ..experiments.abstract import AbstractExperiment
from ..storage.folder import Journal
from .prior import NormalPrior
from .result import Recovery

DRAWS, SAMPLES = 200, 39
TRIALS = 10_000  # sets of uniform ranks that give the simultaneous band
LEVEL = 0.95  # of that band
LIKELIHOOD = "log-likelihood"


@dataclasses.dataclass(frozen=True)
class Calibration:
    """What `calibrate` found; print it for a table.

    If the error bars are right, each rank is uniform on 0 … `samples`.

    Example:
        >>> ranks = {"omega": np.arange(40) % 10}
        >>> found = dqm.Calibration(ranks, {"omega": np.zeros(40)}, described=40, samples=9)
        >>> found.draws, found.below("omega").tolist(), found.p["omega"] > 0.05
        (40, [4, 8, 12, 16, 20, 24, 28, 32, 36], True)
    """

    ranks: dict[str, Int[np.ndarray, " draws"]]  # of the truth among posterior samples
    pulls: dict[str, Float[np.ndarray, " draws"]]  # (estimate − truth)/error, of the parameters
    described: int  # of the fits, how many call their own model right
    samples: int  # of each posterior

    @property
    def draws(self) -> int:
        """How many data sets."""
        return len(next(iter(self.ranks.values())))

    @property
    def p(self) -> dict[str, float]:
        """For each quantity, the probability of ranks at least as uneven if all errors are right.

        Of the most improbable of all counts of ranks below a bound: below 0.05 the distribution
        leaves the simultaneous 95 % band.
        """
        least = _least_of_uniform(self.draws, self.samples)
        tails, bounds = _tails(self.draws, self.samples), np.arange(self.samples)
        found = {name: tails[self.below(name), bounds].min() for name in self.ranks}
        return {name: float(np.mean(least <= value)) for name, value in found.items()}

    def band(self, level: float = LEVEL) -> tuple[Int[np.ndarray, " bounds"], ...]:
        """Lower and upper edge of the simultaneous band: how many ranks are below 1 … `samples`.

        Säilynoja, Bürkner & Vehtari (2022), doi:10.1007/s11222-022-10090-6.
        """
        least = np.quantile(_least_of_uniform(self.draws, self.samples), 1 - level)
        inside = _tails(self.draws, self.samples) >= least  # by count and bound
        upper = self.draws - inside[::-1].argmax(axis=0)
        return inside.argmax(axis=0), upper

    def below(self, name: str) -> Int[np.ndarray, " bounds"]:
        """How many ranks of a quantity are below 1 … `samples`."""
        return _below(np.bincount(self.ranks[name], minlength=self.samples + 1))

    def __repr__(self) -> str:
        head = f"{self.draws} data sets, {self.described} called described, {self.samples} samples"
        lines = [head, "{:<16} {:>10} {:>10} {:>8}".format("", "mean pull", "width", "p")]
        for name, p in self.p.items():
            pulls = self.pulls.get(name)
            numbers = ("", "") if pulls is None else (f"{pulls.mean():.2f}", f"{pulls.std():.2f}")
            lines.append("{:<16} {:>10} {:>10} {:>8.2g}".format(name, *numbers, p))
        return "\n".join(lines)


def calibrate(
    simulate: Callable[[dict[str, float], Key[Array, ""]], Any],
    fit: Callable[[Any, NormalPrior], Recovery],
    prior: Mapping[str, tuple[float, float]],
    key: Key[Array, ""],
    *,
    draws: int = DRAWS,
    samples: int = SAMPLES,
    predict: Mapping[str, Callable[[AbstractExperiment], Array]] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Calibration:
    """Simulation-based calibration: whether the errors of a fit are those that it has.

    `θ ~ prior, y ~ simulate(θ), θ' ~ N(θ̂(y), Σ(y))`: if the fit is right, the rank of θ_n among
    samples of θ'_n is uniform. So is that of the likelihood, and that of any prediction. Talts et
    al., arXiv:1804.06788; Modrák et al., doi:10.1214/23-BA1404.

    Args:
        simulate: Data of an experiment with these parameters, drawn with that key.
        fit: The fit of such data with a prior, such as
            `lambda data, prior: dqm.recover(data, "kerr", prior=prior)`.
        prior: Mean and standard deviation of every parameter that is fitted. The data should
            determine them better, so that the posterior is normal.
        key: Of `jax.random`.
        draws: How many data sets.
        samples: Of each posterior.
        predict: Other quantities by name: functions of the experiment with one number.
        checkpoint: Folder for what is done, one file for each data set. After a kill the same call
            continues from there.
        progress: Called with a line of text after each fit.

    Raises:
        InputError: If the parameters of the fit are not those of the prior, or one is not
            determined; and what `simulate` and `fit` raise, with the parameters in a note.

    Example:
        >>> grid = dqm.Grid((-6.0,), (6.0,), (48,))
        >>> model = dqm.Levels(dqm.Hamiltonian(dqm.Harmonic(jnp.array(1.0))), grid, 3)
        >>> def simulate(truth, key):
        ...     noise = 0.01 * jax.random.normal(key, (3,))
        ...     return dqm.Lines(truth["omega"] * np.array([0.5, 1.5, 2.5]) + noise, 0.01)
        >>> fit = lambda data, prior: dqm.recover(data, model, prior=prior)
        >>> prior, key = {"omega": (1.0, 0.1)}, jax.random.key(0)
        >>> found = dqm.calibrate(simulate, fit, prior, key, draws=10, samples=9)
        >>> found.described, found.p["omega"] > 0.05
        (10, True)
    """
    require_key(key=key)
    require_whole(2, draws=draws, samples=samples)
    require_type((Mapping, type(None)), predict=predict)
    of, known = dict(predict or {}), NormalPrior(prior)
    functions = {f"predict[{name!r}]": function for name, function in of.items()}
    require_type(Callable, simulate=simulate, fit=fit, **functions)  # pyright: ignore[reportArgumentType]
    say, trials = progress or (lambda line: None), []
    names, quantities = list(known.names), [*known.names, LIKELIHOOD, *of]

    def trial(i: int, one) -> dict[str, Any]:
        noise, inner = jax.random.split(one)
        random = np.random.default_rng(np.asarray(jax.random.key_data(inner)))
        truth = known.draw(random)
        try:
            result = fit(simulate(truth, noise), known)
            require_type(Recovery, fit=result)
            ranks, pulls, described = _trial(result, truth, of, samples, random)
        except Exception as error:
            error.add_note(f"This was data set {i + 1}, with {truth}.")
            raise
        listed = [ranks[name] for name in quantities], [pulls[name] for name in names]
        return dict(zip(("ranks", "pulls", "described"), (*listed, described), strict=True))

    arguments = {"simulate": simulate, "fit": fit, "prior": dict(prior), "draws": draws}
    arguments |= {"key": jax.random.key_data(key), "samples": samples, "predict": of}
    with Journal(checkpoint, "calibration", arguments) as journal:
        for i, one in enumerate(jax.random.split(key, draws)):
            trials.append(journal.stage("data set", functools.partial(trial, i, one)))
            say(f"{i + 1} of {draws} data sets")
    ranks, pulls = (np.array([found[x] for found in trials]).T for x in ("ranks", "pulls"))
    return Calibration(
        dict(zip(quantities, ranks, strict=True)),
        dict(zip(names, pulls, strict=True)),
        int(sum(found["described"] for found in trials)),
        samples,
    )


def _trial(
    result: Recovery, truth: dict[str, float], of: Mapping[str, Callable], samples: int, random
) -> tuple[dict[str, int], dict[str, float], bool]:
    """Ranks and pulls of one fit, and whether it calls its model right."""
    names = list(result.estimate)
    if set(names) != set(truth):
        raise InputError(
            f"`prior` must have the parameters of the fit, {', '.join(names)}, but has "
            f"{', '.join(truth)}."
        )
    if not all(result.identifiable.values()):
        lost = [name for name, known in result.identifiable.items() if not known]
        raise InputError(f"data and prior do not determine {', '.join(lost)}: fix them.")
    problem, true = result.problem, np.array([truth[name] for name in names])
    root = np.linalg.cholesky(result.covariance)
    normal = random.normal(size=(samples, len(names)))
    posterior = problem.within(result.vector + normal @ root.T)
    rank = lambda value: int(np.sum(np.array([value(x) for x in posterior]) < value(true)))
    ranks = {name: int(np.sum(posterior[:, i] < true[i])) for i, name in enumerate(names)}
    ranks[LIKELIHOOD] = rank(lambda vector: -problem.deviance(vector))
    for name, function in of.items():
        ranks[name] = rank(lambda v, f=function: float(_quantity(v, problem.inputs[0], f)))
    pulls = (result.vector - true) / np.sqrt(np.diag(result.covariance))
    named = dict(zip(names, pulls.tolist(), strict=True))
    return ranks, named, result.goodness.describes_data


@eqx.filter_jit
def _quantity(vector, template, function):
    return function(template(vector))


def _below(counts: Int[np.ndarray, "... ranks"]) -> Int[np.ndarray, "... bounds"]:
    """How many ranks are below 1, 2 …, of the number of each rank."""
    return np.cumsum(counts, axis=-1)[..., :-1]


def _tails(draws: int, samples: int) -> Float[np.ndarray, "counts bounds"]:
    """`2 min(P(X ≤ k), P(X ≥ k))` of k ranks below each bound, if ranks are uniform."""
    k = np.arange(draws + 1)[:, None]
    share = np.arange(1, samples + 1) / (samples + 1)
    at_most = scipy.special.bdtr(k, draws, share)
    less = np.where(k > 0, scipy.special.bdtr(np.maximum(k - 1, 0), draws, share), 0.0)
    return 2 * np.minimum(at_most, 1 - less)


def _least_of_uniform(draws: int, samples: int) -> Float[np.ndarray, " trials"]:
    """The least of those probabilities, of many sets of uniform ranks."""
    even = np.full(samples + 1, 1 / (samples + 1))
    counts = np.random.default_rng(0).multinomial(draws, even, TRIALS)
    return _tails(draws, samples)[_below(counts), np.arange(samples)].min(axis=1)
