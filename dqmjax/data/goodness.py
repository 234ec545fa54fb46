"""Goodness of fit: the size of the residuals, what correlation is left in them, and how exact the
prediction is."""

import dataclasses
import math

import numpy as np
from jaxtyping import Float, Int

from .likelihood import AbstractLikelihood, evaluate

SIMULATION_ACCURACY = 1e-6  # of the peak; smaller differences say nothing about a model
SIGNIFICANT = 4.0  # standard deviations; noise alone exceeds it in 2 of 10,000 fits
DOUBTFUL = 2.5  # standard deviations; noise alone exceeds it in 3 of 100 fits
SHIFTED = 0.5  # standard deviations by which the time steps may shift an estimate or χ²

Rows = Float[np.ndarray, "rows columns"]
Pairs = Int[np.ndarray, "pairs 2"]


@dataclasses.dataclass(frozen=True)
class Goodness:
    """How well a model describes data.

    For counts, χ² sums the places where the model expects one detection or more, if there are such.
    For samples it is χ² of the means of test functions. Without a noise level its weights are
    1/peak.
    """

    deviance: float  # −2 ln of the likelihood, to compare fits; n ln χ² where no noise is known
    size: int  # n, how many numbers or samples
    chi2: float
    dof: int  # terms minus parameters
    noise_known: bool
    excess: float  # of χ² over its expectation, in its standard deviations; 0 if noise unknown
    correlation: float  # of neighbouring residuals, in its standard deviations
    pairs: int  # of neighbours in that sum
    misfit: float  # root mean square residual over the peak
    strain: float = 0.0  # size of the largest fault of the run, above 1 beyond its limit
    fault: str = ""  # which one
    shift: float = 0.0  # of estimates or χ² by errors of the time steps, in standard deviations
    first: float = 0.0  # `n_sigma` of the first time, fitted alone, if the model fails

    @property
    def describes_data(self) -> bool:
        """Whether the model was tested and no test fails.

        Without a noise level only a prediction that agrees to the accuracy of a simulation passes:
        correlated residuals show that a model is wrong, but nothing shows that it is right.
        """
        return self.fits and self.is_testable

    @property
    def fits(self) -> bool:
        """Whether no test fails."""
        return math.isfinite(self.chi2) and not self.failures

    @property
    def is_testable(self) -> bool:
        """Whether the size of the residuals could show that a model is wrong."""
        if not self.noise_known:
            return self.is_exact
        return self.dof > 0 and math.isfinite(self.chi2) and self.excess > -SIGNIFICANT

    @property
    def is_exact(self) -> bool:
        """Whether the residuals are smaller than the accuracy of a simulation."""
        return self.misfit < SIMULATION_ACCURACY

    @property
    def noise(self) -> float:
        """The noise level relative to the weights: 1 where it is known, else estimated from χ²."""
        return 1.0 if self.noise_known else (self.chi2 / max(self.dof, 1)) ** 0.5

    @property
    def n_sigma(self) -> float:
        """Distance of the residuals from noise that is no larger than stated, in standard
        deviations. Without a noise level, correlation below `SIMULATION_ACCURACY` does not count.
        """
        if self.is_exact and not self.noise_known:
            return 0.0
        return math.hypot(max(self.excess, 0.0), self.correlation)

    @property
    def failures(self) -> list[str]:
        """In words, what shows that the model or its prediction is wrong."""
        found = self._unlike_noise() if self.n_sigma >= SIGNIFICANT else []
        if found and self.first >= SIGNIFICANT:
            found.append(
                f"the first time alone is {self.first:.2g} sigma from every state that the "
                "experiment can prepare: the initial state is a likely cause"
            )
        if not self.strain <= 1:
            what = self.fault.rstrip(".") or "raise the cut-off or drop later data"
            found.append(f"the run is {self.strain:.1g} times beyond a limit: {what}")
        if not self.shift <= SHIFTED:
            found.append(
                "the time steps are too long: halving them shifts the estimates or chi2 by "
                f"{self.shift:.2g} sigma: take more `substeps`"
            )
        return found

    def _unlike_noise(self) -> list[str]:
        """How the residuals differ from noise."""
        found = []
        if self.excess >= self.n_sigma / 2:
            found.append(f"chi2 is {self.excess:.1f} sigma too large")
        if abs(self.correlation) >= self.n_sigma / 2:
            sigma = f"{self.correlation:.0f} sigma"
            found.append(f"neighbouring residuals are correlated ({sigma}), unlike noise")
        return found

    @property
    def verdict(self) -> str:
        """In words."""
        if not math.isfinite(self.chi2):
            return "The model does NOT describe the data: its prediction is not finite."
        if self.failures:
            return (
                f"The model does NOT describe the data: {'; and '.join(self.failures)}. "
                "Do not trust the estimates or their errors."
            )
        if not self.is_testable:
            return f"The model cannot be tested: {self._untested()}."
        if self.n_sigma >= DOUBTFUL:
            doubt = " and ".join(self._unlike_noise())
            return f"The model describes the data, but doubtfully: {doubt}. Take more data."
        return "The model describes the data."

    def _untested(self) -> str:
        """Why the residuals could not show that the model is wrong."""
        if self.dof <= 0:
            return "the data are too few to test it: give more data, or fix parameters"
        if self.noise_known:
            size = (self.chi2 / self.dof) ** 0.5
            small = (
                f"{1 / size:.3g} times smaller than" if size > 1e-9 else "0 beside the noise that"
            )
            return (
                f"the residuals are {small} `sigma` or `shots` states, so that the errors of the "
                "estimates are too large, too"
            )
        if self.pairs <= SIGNIFICANT**2:
            return "the data are too few to test it without `sigma`: give `sigma`, or more data"
        return (
            f"no noise level is given. Neighbouring residuals show no correlation "
            f"({self.correlation:.1f} sigma), but a wrong model can leave none: give `sigma`"
        )


def goodness_of_fit(
    measured: Rows,
    prediction: Rows,
    likelihood: AbstractLikelihood,
    *,
    parameters: float,
    noise_known: bool,
    neighbours: Pairs | None = None,
    rows: slice = slice(None),
) -> Goodness:
    """Tests the model that made `prediction`.

    Args:
        measured: The data.
        prediction: Of the same numbers.
        likelihood: Their noise.
        parameters: How many parameters the data determined; a part of one where a prior helped.
        noise_known: Whether the level of the noise is known.
        neighbours: Pairs of neighbouring columns; consecutive rows are neighbours, too.
        rows: Those that are tested.
    """
    difference = measured - prediction
    residual = (difference * np.asarray(evaluate(likelihood, prediction).information))[rows]
    summed, variance = likelihood.chi2_terms(prediction)
    is_tested = np.zeros_like(summed)
    is_tested[rows] = True
    difference, summed, variance = difference[rows], summed[rows], variance[is_tested[summed]]
    chi2 = float(np.sum(residual[summed] ** 2))
    dof = round(summed.sum() - parameters)
    correlation, pairs = correlation_of_neighbours(residual, neighbours)
    return Goodness(
        deviance=deviance(likelihood, prediction, noise_known),
        size=residual.size,
        chi2=chi2,
        dof=dof,
        noise_known=noise_known,
        excess=chi2_excess(chi2, dof, variance) if noise_known else 0.0,
        correlation=correlation,
        pairs=pairs,
        misfit=float(np.sqrt(np.mean(difference**2)) / np.abs(measured).max()),
    )


def deviance(likelihood: AbstractLikelihood, prediction: Rows, noise_known: bool) -> float:
    """`−2 ln L` up to a constant; `n ln χ²` where no noise level is known."""
    total = float(np.sum(np.square(evaluate(likelihood, prediction).residual)))
    if noise_known:
        return total
    return prediction.size * math.log(max(total, np.finfo(float).tiny))


def chi2_excess(chi2: float, dof: int, variance: Float[np.ndarray, " terms"]) -> float:
    """Distance of χ² from its expectation in standard deviations of a normal number as improbable.

    By the cube root, for χ² of that mean and variance, with few degrees of freedom too (Wilson &
    Hilferty 1931, doi:10.1073/pnas.17.12.684). It is 0 without degrees of freedom.
    """
    if dof <= 0:
        return 0.0
    spread = np.mean(variance) / dof / 9  # 2/9k of a χ² with k degrees of freedom, scaled
    return float((np.cbrt(chi2 / dof) - (1 - spread)) / np.sqrt(spread))


def correlation_of_neighbours(residual: Rows, pairs: Pairs | None) -> tuple[float, int]:
    """Correlation of neighbouring residuals, ≈ N(0, 1) for pure noise, and the number of terms.

    It is Moran's I over its standard deviation (1950, doi:10.2307/2332142), also if the level of
    the noise is unknown: consecutive rows are neighbours, and each of `pairs` of columns in every
    row. Residuals are clipped at three root mean squares, so that rare counts do not decide.
    """
    size = np.sqrt(np.mean(residual**2))
    if size == 0:
        return 0.0, 0
    clipped = np.clip(residual / size, -3, 3)
    products = (clipped[:-1] * clipped[1:]).ravel()
    if pairs is not None:
        columns = clipped[:, pairs[:, 0]] * clipped[:, pairs[:, 1]]
        products = np.append(products, columns)
    scale = np.sqrt(np.sum(products**2))
    count = int(np.count_nonzero(products))
    return (float(products.sum() / scale), count) if scale > 0 else (0.0, 0)
