"""Goodness of fit: the size of the residuals, and what correlation is left in them."""

import dataclasses
import math

import numpy as np
from jaxtyping import Float, Int

from .likelihood import AbstractLikelihood, evaluate

SIMULATION_ACCURACY = 1e-6  # of the peak; smaller differences say nothing about a model
SIGNIFICANT = 5.0  # standard deviations

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

    @property
    def describes_data(self) -> bool:
        """Whether the residuals are compatible with noise, of known level or not."""
        if not self.noise_known and self.misfit < SIMULATION_ACCURACY:
            return True
        return self.is_testable and self.n_sigma < SIGNIFICANT

    @property
    def noise(self) -> float:
        """The noise level relative to the weights: 1 where it is known, else estimated from χ²."""
        return 1.0 if self.noise_known else (self.chi2 / max(self.dof, 1)) ** 0.5

    @property
    def n_sigma(self) -> float:
        """Distance of the residuals from pure noise, in standard deviations."""
        return math.hypot(max(self.excess, 0.0), self.correlation)

    @property
    def is_testable(self) -> bool:
        """Whether the residuals, or their correlation, could show that a model is wrong."""
        enough = self.dof > 0 if self.noise_known else self.pairs > SIGNIFICANT**2
        return enough and math.isfinite(self.chi2)

    @property
    def verdict(self) -> str:
        """In words."""
        if self.describes_data:
            return "The model describes the data."
        if not self.is_testable:
            return "The data are too few to test the model: give `sigma`, or more data."
        reasons = []
        if self.excess >= SIGNIFICANT / 2:
            reasons.append(f"chi2 is {self.excess:.1f} sigma too large")
        if abs(self.correlation) >= SIGNIFICANT / 2:
            sigma = f"{self.correlation:.0f} sigma"
            reasons.append(f"neighbouring residuals are correlated ({sigma}), unlike noise")
        return (
            f"The model does NOT describe the data: {' and '.join(reasons)}. "
            "Do not trust the estimates or their errors."
        )


def goodness_of_fit(
    measured: Rows,
    prediction: Rows,
    likelihood: AbstractLikelihood,
    *,
    parameters: float,
    noise_known: bool,
    neighbours: Pairs | None,
) -> Goodness:
    """Tests the model that made `prediction`.

    Args:
        measured: The data.
        prediction: Of the same numbers.
        likelihood: Their noise.
        parameters: How many parameters the data determined; a part of one where a prior helped.
        noise_known: Whether the level of the noise is known.
        neighbours: Pairs of neighbouring columns, or `None` for neighbouring rows.
    """
    difference = measured - prediction
    residual = difference * np.asarray(evaluate(likelihood, prediction).information)
    terms = likelihood.chi2_terms(prediction)
    chi2 = float(np.sum(residual[terms.summed] ** 2))
    dof = round(terms.summed.sum() - parameters)
    correlation, pairs = correlation_of_neighbours(residual, neighbours)
    return Goodness(
        deviance=deviance(likelihood, prediction, noise_known),
        size=residual.size,
        chi2=chi2,
        dof=dof,
        noise_known=noise_known,
        excess=chi2_excess(chi2, dof, terms.variance) if noise_known else 0.0,
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
    """`(χ² − dof)/√Σ variance`: its distance from the expectation in standard deviations."""
    return float((chi2 - dof) / np.sqrt(np.sum(variance)))


def correlation_of_neighbours(residual: Rows, pairs: Pairs | None) -> tuple[float, int]:
    """Correlation of neighbouring residuals, ≈ N(0, 1) for pure noise, and the number of terms.

    Each of `pairs` of columns counts once in every row; without pairs, consecutive rows count.
    Residuals are clipped at three root mean squares, so that rare counts do not decide.
    """
    size = np.sqrt(np.mean(residual**2))
    if size == 0:
        return 0.0, 0
    clipped = np.clip(residual / size, -3, 3)
    if pairs is None:
        products = clipped[:-1] * clipped[1:]
    else:
        products = clipped[:, pairs[:, 0]] * clipped[:, pairs[:, 1]]
    scale = np.sqrt(np.sum(products**2))
    count = int(np.count_nonzero(products))
    return (float(products.sum() / scale), count) if scale > 0 else (0.0, 0)
