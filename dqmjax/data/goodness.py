"""Whether a model describes data: the size of its residuals, and what is left in them."""

import dataclasses
import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .likelihood import Binomial
from .series import Data

SIMULATION_ACCURACY = 1e-6  # of the peak; smaller differences say nothing of a model
SIGNIFICANT = 5.0  # standard deviations

Rows = Float[np.ndarray, "rows columns"]


@dataclasses.dataclass(frozen=True)
class Goodness:
    """How well a model describes data.

    χ² of counts is over the places where the model expects detections, one or more where there are
    such; of draws it is that of the means of test functions. Without a noise level its weights are
    1/peak.
    """

    deviance: float  # −2 ln of the likelihood, to compare fits; n ln χ² where no noise is known
    size: int  # n, how many numbers or draws
    chi2: float
    dof: int  # terms less parameters
    noise_known: bool
    excess: float  # of χ² over its expectation, in its standard deviations; 0 if noise unknown
    structure: float  # correlation of neighbouring residuals, in its standard deviations
    pairs: int  # of neighbours, of which that is the sum
    misfit: float  # root mean square residual over the peak

    @property
    def describes_data(self) -> bool:
        """Whether the residuals are what the noise, known or not, can leave."""
        if not self.noise_known and self.misfit < SIMULATION_ACCURACY:
            return True
        return self.can_be_told and self.doubt < SIGNIFICANT

    @property
    def noise(self) -> float:
        """The noise level in units of that of the weights: 1 where it is known, else from χ²."""
        return 1.0 if self.noise_known else (self.chi2 / max(self.dof, 1)) ** 0.5

    @property
    def doubt(self) -> float:
        """How far the residuals are from noise, in standard deviations."""
        return math.hypot(max(self.excess, 0.0), self.structure)

    @property
    def can_be_told(self) -> bool:
        """Whether the residuals, or their correlation, could show that a model is wrong."""
        enough = self.dof > 0 if self.noise_known else self.pairs > SIGNIFICANT**2
        return enough and math.isfinite(self.chi2)

    @property
    def verdict(self) -> str:
        """In words."""
        if self.describes_data:
            return "The model describes the data."
        if not self.can_be_told:
            return (
                "Whether the model describes the data cannot be told from so few of them: give "
                "`sigma`, or more data."
            )
        reasons = []
        if self.excess >= SIGNIFICANT / 2:
            reasons.append(f"chi2 is {self.excess:.1f} sigma too large")
        if abs(self.structure) >= SIGNIFICANT / 2:
            sigma = f"{self.structure:.0f} sigma"
            reasons.append(f"neighbouring residuals are correlated ({sigma}), as noise is not")
        return (
            f"The model does NOT describe the data: {' and '.join(reasons)}. "
            "Do not trust the estimates or their errors."
        )


def goodness(data: Data, prediction: Rows, parameters: float) -> Goodness:
    """Judges the model that makes `prediction` of measured numbers.

    Args:
        data: What was measured.
        prediction: Of that.
        parameters: How many the data determined; a part of one where a prior helped.
    """
    likelihood = data.likelihood
    measured, predicted = np.asarray(data.measured), jnp.asarray(prediction)
    difference = measured - prediction
    residual = difference * np.asarray(likelihood.information(predicted))
    judged, variance = np.ones(residual.shape, bool), np.full(residual.size, 2.0)
    if isinstance(likelihood, Binomial):
        judged, variance = _judged(likelihood, prediction)
    chi2, dof = float(np.sum(residual[judged] ** 2)), round(judged.sum() - parameters)
    correlation, pairs = structure(residual, data.neighbours)
    deviance = float(jnp.sum(likelihood.residual(predicted) ** 2))
    if not data.noise_known:
        deviance = residual.size * math.log(max(deviance, np.finfo(float).tiny))
    return Goodness(
        deviance=deviance,
        size=residual.size,
        chi2=chi2,
        dof=dof,
        noise_known=data.noise_known,
        excess=_excess(chi2, dof, variance) if data.noise_known else 0.0,
        structure=correlation,
        pairs=pairs,
        misfit=float(np.sqrt(np.mean(difference**2)) / np.abs(measured).max()),
    )


def goodness_of_draws(
    data: Data,
    prediction: Rows,
    residual: Float[np.ndarray, "times tests"],
    misfit: float,
    parameters: float,
) -> Goodness:
    """Judges it by `residual`, of means of test functions in their standard deviations, 0 where
    there is none."""
    terms = int(np.count_nonzero(residual))
    chi2, dof = float(np.sum(residual**2)), round(terms - parameters)
    deviance = jnp.sum(data.likelihood.residual(jnp.asarray(prediction)) ** 2)
    return Goodness(
        deviance=float(deviance),
        size=prediction.size,
        chi2=chi2,
        dof=dof,
        noise_known=True,
        excess=_excess(chi2, dof, np.full(terms, 2.0)),
        structure=0.0,
        pairs=0,
        misfit=misfit,
    )


def _excess(chi2: float, dof: int, variance) -> float:
    return float((chi2 - dof) / np.sqrt(np.sum(variance)))


def _judged(likelihood: Binomial, prediction: Rows):
    """Which residuals χ² sums, and the variance of the square of each of those."""
    shots = float(likelihood.shots)
    probability = np.clip(float(likelihood.cell) * prediction, 0, 1)
    expected = shots * probability * (1 - probability)
    judged = expected >= min(1.0, expected.max() / 4)
    return judged, 2 + 1 / expected[judged] - 6 / shots


def structure(residual: Float[np.ndarray, "rows columns"], pairs) -> tuple[float, int]:
    """Correlation of neighbouring residuals, ≈ N(0, 1) for pure noise, and how many there are.

    Each of `pairs` of columns counts once in every row, or each of consecutive rows; large
    residuals are held at three root mean squares, so that rare counts do not decide.
    """
    size = np.sqrt(np.mean(residual**2))
    if size == 0:
        return 0.0, 0
    held = np.clip(residual / size, -3, 3)
    if pairs is None:
        products = held[:-1] * held[1:]
    else:
        products = held[:, pairs[:, 0]] * held[:, pairs[:, 1]]
    scale = np.sqrt(np.sum(products**2))
    count = int(np.count_nonzero(products))
    return (float(products.sum() / scale), count) if scale > 0 else (0.0, 0)
