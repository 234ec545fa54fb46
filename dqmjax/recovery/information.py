"""What data determine about parameters: the Fisher information and what follows from it."""

import dataclasses
import fractions
import functools

import numpy as np
from jaxtyping import Float

from ..experiments.parameters import Vector
from .problem import Problem

ACCURACY = 1e-9  # of the peak; no prediction is more exact, so that σ = 0 proves nothing
KNOWN = 3.0  # a combination is determined if a large change of it is this many σ
ROUNDOFF = 1e-12  # of the largest singular value, below which one is 0
ALIKE = 10.0  # ratio up to which the observed information may differ from the expected one
STEP = 0.05  # standard errors, of the differences that give the observed information
LARGEST_DENOMINATOR, NEARLY = 4, 0.02  # of exponents, and how near they are to such a fraction
PART = 0.1  # of the largest coefficient of a combination, above which a parameter belongs to it

Matrix = Float[np.ndarray, "rows parameters"]


@dataclasses.dataclass(frozen=True)
class Information:
    """Rows A with `AᵀA` the Fisher information of the data, and those of the prior.

    Args:
        data: `I ∇f` of every datum.
        prior: Derivatives of the prior's residuals.
        scales: What counts as a large change of each parameter.
    """

    data: Float[np.ndarray, "data parameters"]
    prior: Float[np.ndarray, "terms parameters"]
    scales: Vector

    @functools.cached_property
    def _svd(self) -> tuple[np.ndarray, Matrix]:
        """Singular values and directions, in units of the scales."""
        whole = np.concatenate([self.data, self.prior]) * self.scales
        return np.linalg.svd(whole, full_matrices=False)[1:]

    @property
    def known(self) -> np.ndarray:
        """Which of the directions the data and the prior determine."""
        sensitivity, _ = self._svd
        return (sensitivity > KNOWN) & (sensitivity > ROUNDOFF * sensitivity[0])

    @property
    def root(self) -> Float[np.ndarray, "parameters known"]:
        """Columns R of determined directions with `RRᵀ` the expected covariance."""
        sensitivity, directions = self._svd
        known = self.known
        return directions[known].T / sensitivity[known] * self.scales[:, None]

    @property
    def undetermined(self) -> Matrix:
        """Combinations that are not determined; small coefficients are 0."""
        rows = self._svd[1][~self.known]
        large = np.abs(rows) > PART * np.abs(rows).max(axis=1, keepdims=True)
        return np.where(large, rows, 0.0)

    def product(self, vector: Vector) -> Vector:
        """Exponents w of the only product `Π θ_n^w_n` that is determined of the parameters in
        `undetermined`, from those rows in logarithms of the parameters; zeros if there is none.
        """
        rows, exponents = self.undetermined, np.zeros(len(vector))
        group = np.flatnonzero((rows != 0).any(axis=0))
        if not len(rows) or len(group) != len(rows) + 1 or not vector[group].all():
            return exponents
        slopes = rows[:, group] * (self.scales / np.abs(vector))[group] * np.sign(vector[group])
        powers = np.linalg.svd(slopes)[2][-1]
        if np.abs(powers).min() > PART * np.abs(powers).max():
            exponents[group] = [_simple(x) for x in powers / powers[0]]
        return exponents

    @property
    def identifiable(self) -> np.ndarray:
        """Which parameters belong to no undetermined combination."""
        return ~(self.undetermined != 0).any(axis=0)

    def covariance(self, inner: np.ndarray) -> Float[np.ndarray, "parameters parameters"]:
        """`R inner Rᵀ`, infinite for parameters that are not identifiable."""
        covariance = self.root @ inner @ self.root.T
        covariance[~self.identifiable] = np.inf
        covariance[:, ~self.identifiable] = np.inf
        return covariance

    @property
    def cramer_rao(self) -> Vector:
        """The least standard errors of unbiased estimates, from the data alone."""
        rows = max(self.scales.size - len(self.data), 0)
        padded = np.pad(self.data * self.scales, [(0, rows), (0, 0)])
        _, sensitivity, directions = np.linalg.svd(padded, full_matrices=False)
        sensitivity = np.where(sensitivity > ROUNDOFF * sensitivity[0], sensitivity, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            parts = np.where(np.abs(directions) > 1e-9, directions / sensitivity[:, None], 0.0)
        return np.sqrt(np.sum(parts**2, axis=0)) * self.scales

    @property
    def determined(self) -> float:
        """How many parameters the data determine, `tr (F + P)⁻¹F`: all but the prior's part."""
        if not self.prior.size:
            return float(self.scales.size)
        sizes = np.linalg.norm(self.data, axis=0)
        scale = 1 / np.where(sizes > 0, sizes, 1.0)
        whole = np.concatenate([self.data, self.prior]) * scale
        left, sensitivity, _ = np.linalg.svd(whole, full_matrices=False)
        seen = sensitivity > ROUNDOFF * sensitivity[0]
        return float(np.sum(left[: len(self.data), seen] ** 2))

    def seen_by(self, rows: Float[np.ndarray, "rows parameters"]) -> float:
        """How many parameters a summary R of the data shows, `tr RᵀR (F + P)⁻¹`.

        By so much its χ² is smaller after a fit to all the data. It is between 0 and the number of
        parameters, which is that of a fit to the summary. Chernoff & Lehmann (1954),
        doi:10.1214/aoms/1177728726.
        """
        sensitivity, directions = self._svd
        seen = sensitivity > ROUNDOFF * sensitivity[0]
        return float(np.sum(((rows * self.scales) @ directions[seen].T / sensitivity[seen]) ** 2))

    def over_noise(self, noise: float) -> "Information":
        """With the data's noise multiplied by `noise`."""
        return dataclasses.replace(self, data=self.data / max(noise, ACCURACY))


def _simple(number: float) -> float:
    """A near fraction of small numbers, otherwise the number."""
    simple = float(fractions.Fraction(number).limit_denominator(LARGEST_DENOMINATOR))
    return simple if abs(simple - number) < NEARLY else number


def observed(problem: Problem, vector: Vector, root) -> np.ndarray:
    """The inverse of the observed information along the columns of `root`, in which the expected
    one is 1: half the second derivative of the deviance, by differences of its gradient.

    Falls back to the expected one where this is no maximum, or where the two differ and half the
    step gives a third value: there the deviance is not smooth, as near probabilities of 0 and 1.
    """
    matrix = _curvature(problem, vector, root, STEP)
    sizes = np.linalg.eigvalsh(matrix) if np.isfinite(matrix).all() else np.zeros(1)
    valid = (sizes > 1 / ALIKE).all()
    if valid and (sizes > ALIKE).any():
        again = np.linalg.eigvalsh(_curvature(problem, vector, root, STEP / 2))
        valid = np.allclose(sizes, again, rtol=0.1)
    return np.linalg.inv(matrix) if valid else np.eye(root.shape[1])


def _curvature(problem: Problem, vector: Vector, root, step: float):
    slopes = [
        (problem.score(vector + step * move) - problem.score(vector - step * move)) / (2 * step)
        for move in root.T
    ]
    matrix = np.array(slopes).reshape(-1, len(root)) @ root
    return (matrix + matrix.T) / 2
