"""Likelihoods: how probable the data are, given a prediction, as sums of squares.

`−2 ln L = Σ_i d_i(f_i)²` up to a constant, where f_i is the prediction of the i-th number. The d_i
are deviance residuals (McCullagh & Nelder 1989, section 2.4): the least sum of squares is the
greatest likelihood.
"""

import abc
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from ..errors import InputError

FEW = (
    0.01  # detections; smaller expectations count as this, so that one stray count decides nothing
)
DARK = 1e-12  # part of the highest density below which all samples are equally improbable
NEAR = 1e-3  # standard deviations within which a deviance equals a square to all digits

Rows = Float[Array | np.ndarray, "rows columns"]
Number = Float[Array | np.ndarray, ""]


class Evaluation(NamedTuple):
    """A likelihood at a prediction."""

    residual: Rows  # d
    slope: Rows  # d'
    information: Rows  # the root of the Fisher information


class Terms(NamedTuple):
    """Which squared residuals χ² sums, and the variance of each."""

    summed: Bool[np.ndarray, "rows columns"]
    variance: Float[np.ndarray, " terms"]


class AbstractLikelihood(eqx.Module):
    """The noise of one data set, over (rows, columns); rows are times where there are any.

    A likelihood of your own must define `residual` and `information`. The other methods have
    defaults.

    Example:
        >>> class Counted(dqm.AbstractLikelihood):  # by Poisson's statistics
        ...     counts: jax.Array
        ...     def residual(self, prediction):
        ...         return 2 * jnp.sqrt(prediction) - 2 * jnp.sqrt(self.counts)
        ...     def information(self, prediction):
        ...         return 1 / jnp.sqrt(prediction)
        >>> Counted(jnp.array([[100.0]])).residual(jnp.array([[121.0]]))  # 2 σ
        Array([[2.]], dtype=float64)
    """

    @abc.abstractmethod
    def residual(self, prediction: Rows) -> Rows:
        """d_i, which is 0 where the prediction equals the measurement."""

    @abc.abstractmethod
    def information(self, prediction: Rows) -> Rows:
        """The square root of the Fisher information about each f_i: 1/σ_i."""

    @property
    def is_least_squares(self) -> bool:
        """Whether the squared slope of `residual` is the Fisher information."""
        return False

    def draw(self, key: Key[Array, ""], prediction: Rows) -> "AbstractLikelihood":
        """The likelihood of new data, drawn at random from the prediction.

        Raises:
            InputError: If the prediction does not determine new data.
        """
        raise InputError(
            "`result` must be of data that its prediction can generate, but is of samples: draw "
            "new ones with `dqmjax.readout.sample`."
        )

    def rescaled(self, factor: float) -> "AbstractLikelihood":
        """The same with its noise multiplied by `factor`, where the level is a free parameter."""
        return self

    def information_of_next(self, row: Float[Array, " columns"]) -> Float[Array, " columns"]:
        """`information` of one more row that predicts `row`."""
        return self.information(row[None])[0]

    def chi2_terms(self, prediction: Rows) -> Terms:
        """Which squared residuals χ² sums."""
        return Terms(np.ones(prediction.shape, bool), np.full(prediction.size, 2.0))


@eqx.filter_jit
def evaluate(likelihood: AbstractLikelihood, prediction: Rows) -> Evaluation:
    """All of it, in one program."""
    at = jnp.asarray(prediction)
    residual, slope = jax.jvp(likelihood.residual, (at,), (jnp.ones_like(at),))
    return Evaluation(residual, slope, likelihood.information(at))


def standard_deviations(likelihood: AbstractLikelihood, prediction: Rows) -> np.ndarray:
    """σ of each number, as the prediction leads to expect; NaN without information about it."""
    information = np.asarray(likelihood.information(jnp.asarray(prediction)), float)
    return 1 / np.where(information > 0, information, np.nan)


class Gaussian(AbstractLikelihood):
    """`d = (f − y)/σ`.

    Args:
        values: y.
        sigma: σ of each.
    """

    values: Rows
    sigma: Rows

    @property
    def is_least_squares(self) -> bool:
        """Yes."""
        return True

    def residual(self, prediction):
        return (prediction - self.values) / self.sigma

    def information(self, prediction):
        return jnp.broadcast_to(1 / self.sigma, prediction.shape)

    def draw(self, key, prediction):
        noise = self.sigma * jax.random.normal(key, prediction.shape)
        return Gaussian(prediction + noise, self.sigma)

    def rescaled(self, factor):
        return Gaussian(self.values, factor * self.sigma)

    def information_of_next(self, row):
        """With the mean square of each column's σ."""
        return 1 / jnp.sqrt(jnp.mean(self.sigma**2, axis=0))


class Binomial(AbstractLikelihood):
    """`d² = 2 [k ln(k/np) + (n − k) ln((n − k)/n(1 − p))]`, `p = c f`.

    Args:
        counts: k of each.
        shots: n.
        cell: c, the probability per unit of the prediction.
    """

    counts: Rows
    shots: Number
    cell: Number

    def probability(self, prediction: Rows) -> Rows:
        """p, limited to what n detections can distinguish from 0 and 1."""
        least = FEW / self.shots
        return jnp.clip(self.cell * prediction, least, 1 - least)

    def residual(self, prediction):
        p = self.probability(prediction)
        x = jax.lax.stop_gradient(self.counts / self.shots)  # the slope of x ln x at 0 is infinite
        linear = jnp.sqrt(self.shots / (p * (1 - p))) * (p - x)
        near = jnp.abs(linear) < NEAR
        entropy = jax.scipy.special.xlogy
        deviance = entropy(x, x) - entropy(x, p) + entropy(1 - x, 1 - x) - entropy(1 - x, 1 - p)
        far = jnp.sqrt(jnp.where(near, 1.0, 2 * self.shots * jnp.maximum(deviance, 0.0)))
        return jnp.where(near, linear, jnp.sign(p - x) * far)

    def information(self, prediction):
        p = self.probability(prediction)
        return self.cell * jnp.sqrt(self.shots / (p * (1 - p)))

    def draw(self, key, prediction):
        p = jnp.clip(self.cell * prediction, 0.0, 1.0)
        counts = jax.random.binomial(key, self.shots, p)
        return Binomial(counts, self.shots, self.cell)

    def chi2_terms(self, prediction):
        """Those with one expected detection or more, where there are such."""
        shots = float(self.shots)
        probability = np.clip(float(self.cell) * np.asarray(prediction), 0, 1)
        expected = shots * probability * (1 - probability)
        summed = expected >= min(1.0, expected.max() / 4)
        return Terms(summed, 2 + 1 / expected[summed] - 6 / shots)


class Drawn(AbstractLikelihood):
    """`d² = −2 ln (f/f_max)` of points that were drawn from a density; f is its value at each.

    Args:
        ceiling: f_max, which no density exceeds; `(2πκ)^−N` for a Husimi density.
    """

    ceiling: Number

    def residual(self, prediction):
        return jnp.sqrt(-2 * jnp.log(self._share(prediction)))

    def information(self, prediction):
        share = self._share(prediction)
        return jnp.where(share > DARK, 1 / (self.ceiling * share), 0.0)

    def _share(self, prediction):
        return jnp.clip(prediction / self.ceiling, DARK, 1 - 1e-9)
