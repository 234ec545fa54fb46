"""How probable data are where a model predicts them: noise as sums of squares.

`−2 ln L = Σ_i d_i(f_i)²` up to a constant, f_i what is predicted. The d_i, deviance residuals
(McCullagh & Nelder 1989, section 2.4), make the least of squares the greatest likelihood.
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

FEW = 0.01  # detections; fewer are not told apart, lest one stray count decide
DARK = 1e-12  # part of the highest density below which no draw is told from another
NEAR = 1e-3  # standard deviations within which a deviance is a square to all digits

Rows = Float[Array, "rows columns"]


class AbstractLikelihood(eqx.Module):
    """The noise of one set of data, over (rows, columns), rows being times where there are any."""

    @abc.abstractmethod
    def residual(self, prediction: Rows) -> Rows:
        """d_i, 0 where the prediction is what was measured."""

    @abc.abstractmethod
    def information(self, prediction: Rows) -> Rows:
        """The root of the Fisher information on each f_i, 1/σ_i."""


class Gaussian(AbstractLikelihood):
    """`d = (f − y)/σ`.

    Args:
        values: y.
        sigma: σ of each.
    """

    values: Rows
    sigma: Rows

    def residual(self, prediction):
        return (prediction - self.values) / self.sigma

    def information(self, prediction):
        return jnp.broadcast_to(1 / self.sigma, prediction.shape)

    def draw(self, key: Key[Array, ""], prediction: Rows) -> "Gaussian":
        """Other data, as the prediction would make them."""
        noise = self.sigma * jax.random.normal(key, prediction.shape)
        return Gaussian(prediction + noise, self.sigma)


class Binomial(AbstractLikelihood):
    """`d² = 2 [k ln(k/np) + (n − k) ln((n − k)/n(1 − p))]`, `p = c f`.

    Args:
        counts: k of each.
        shots: n.
        cell: c, probability for each unit of what is predicted.
    """

    counts: Rows
    shots: Float[Array, ""]
    cell: Float[Array, ""]

    def probability(self, prediction: Rows) -> Rows:
        """p, held within what n detections can tell from 0 and 1."""
        least = FEW / self.shots
        return jnp.clip(self.cell * prediction, least, 1 - least)

    def residual(self, prediction):
        p, x = self.probability(prediction), self.counts / self.shots
        linear = jnp.sqrt(self.shots / (p * (1 - p))) * (p - x)
        near = jnp.abs(linear) < NEAR
        entropy = jax.scipy.special.xlogy
        deviance = entropy(x, x) - entropy(x, p) + entropy(1 - x, 1 - x) - entropy(1 - x, 1 - p)
        far = jnp.sqrt(jnp.where(near, 1.0, 2 * self.shots * jnp.maximum(deviance, 0.0)))
        return jnp.where(near, linear, jnp.sign(p - x) * far)

    def information(self, prediction):
        p = self.probability(prediction)
        return self.cell * jnp.sqrt(self.shots / (p * (1 - p)))

    def draw(self, key: Key[Array, ""], prediction: Rows) -> "Binomial":
        """Other data, as the prediction would make them."""
        p = jnp.clip(self.cell * prediction, 0.0, 1.0)
        counts = jax.random.binomial(key, self.shots, p)
        return Binomial(counts, self.shots, self.cell)


class Drawn(AbstractLikelihood):
    """`d² = −2 ln (f/f_max)`: points drawn from a density, f the density predicted at each.

    Args:
        ceiling: f_max, which no density exceeds; `(2πκ)^−N` for a Husimi density.
    """

    ceiling: Float[Array, ""]

    def residual(self, prediction):
        return jnp.sqrt(-2 * jnp.log(self._share(prediction)))

    def information(self, prediction):
        share = self._share(prediction)
        return jnp.where(share > DARK, 1 / (self.ceiling * share), 0.0)

    def _share(self, prediction):
        return jnp.clip(prediction / self.ceiling, DARK, 1 - 1e-9)
