"""What data say of a model: weights, goodness of fit, structure left in the residuals."""

import dataclasses
import math

import numpy as np
from jaxtyping import Float
from scipy.spatial import KDTree

from .dataset import Snapshots

SIMULATION_ACCURACY = 1e-6  # of the peak; smaller differences say nothing of a model
FEW = 0.01  # detections; below, the variance of a count is held, lest one stray count decide
SIGNIFICANT = 5.0  # standard deviations


def first_weights(data: Snapshots) -> Float[np.ndarray, "times points"]:
    """1/σ of each density before any model is known: given, or 1/peak, which has no bias."""
    sigma = data.measured.max() if data.sigma is None else data.sigma
    sigma = np.expand_dims(sigma, 0) if np.ndim(sigma) == 1 else sigma
    return np.broadcast_to(1 / sigma, data.measured.shape)


def count_weights(data: Snapshots, density: Float[np.ndarray, "times points"]):
    """1/σ of counted densities where `density` is the truth: the binomial's own.

    Taken from a model, iterated, they make least squares maximum likelihood. Taken from the
    counts themselves they bias the fit, since points that came out low weigh more.
    """
    shots = data.shots or 1
    probability = np.clip(density * data.cell, FEW / shots, 1 - FEW / shots)
    return data.cell / np.sqrt(probability * (1 - probability) / shots)


@dataclasses.dataclass(frozen=True)
class Goodness:
    """How well a model describes data.

    χ² of counts is over the points where the model expects detections, one or more where
    there are such points. Without a noise level its weights are 1/peak.
    """

    deviance: float  # −2 ln of the likelihood, to compare fits; χ² where there are no counts
    chi2: float
    dof: int  # points less parameters
    noise_known: bool
    excess: float  # of χ² over its expectation, in its standard deviations; 0 if noise unknown
    structure: float  # correlation of neighbouring residuals, in its standard deviations
    misfit: float  # root mean square residual over the peak density

    @property
    def describes_data(self) -> bool:
        """Whether the residuals are what the noise, known or not, can leave."""
        if not self.noise_known and self.misfit < SIMULATION_ACCURACY:
            return True
        return math.hypot(max(self.excess, 0.0), self.structure) < SIGNIFICANT

    @property
    def verdict(self) -> str:
        """In words."""
        if self.describes_data:
            return "The model describes the data."
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


def goodness(
    data: Snapshots,
    density: Float[np.ndarray, "times points"],
    weights: Float[np.ndarray, "times points"],
    parameters: int,
) -> Goodness:
    """Judges the model that predicts `density`, with `weights` = 1/σ."""
    residual = (data.measured - density) * weights
    judged, variance = _judged(data, density)
    chi2, dof = np.sum(residual[judged] ** 2), int(judged.sum()) - parameters
    known = data.sigma is not None or data.counts is not None
    return Goodness(
        deviance=_deviance(data, density, residual),
        chi2=float(chi2),
        dof=dof,
        noise_known=known,
        excess=float((chi2 - dof) / np.sqrt(np.sum(variance))) if known else 0.0,
        structure=_structure(data.points, residual),
        misfit=float(np.sqrt(np.mean((data.measured - density) ** 2)) / data.measured.max()),
    )


def _deviance(data: Snapshots, density, residual) -> float:
    if data.counts is None or data.shots is None:
        return float(np.sum(residual**2))
    p = np.clip(density * data.cell, 1e-12, 1 - 1e-12)
    return -2 * float(np.sum(data.counts * np.log(p) + (data.shots - data.counts) * np.log1p(-p)))


def _judged(data: Snapshots, density):
    """Which residuals χ² sums, and the variance of the square of each of those."""
    if data.counts is None or data.shots is None:
        return np.ones(density.shape, bool), np.full(density.size, 2.0)
    probability = np.clip(density * data.cell, 0, 1)
    expected = data.shots * probability * (1 - probability)
    judged = expected >= min(1.0, expected.max() / 4)
    return judged, 2 + 1 / expected[judged] - 6 / data.shots


def _structure(points, residual) -> float:
    """Correlation of residuals at nearest points, over all times; ≈ N(0, 1) for pure noise.

    Each pair of mutual neighbours counts once, and large residuals are held at three root
    mean squares, so that rare counts do not decide.
    """
    _, neighbour = KDTree(points).query(points, k=2)
    pairs = np.unique(np.sort(neighbour, axis=1), axis=0)
    size = np.sqrt(np.mean(residual**2))
    if size == 0:
        return 0.0
    held = np.clip(residual / size, -3, 3)
    products = held[:, pairs[:, 0]] * held[:, pairs[:, 1]]
    return float(products.sum() / np.sqrt(np.sum(products**2)))
