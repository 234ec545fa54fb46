"""Counted quanta and parities of one mode."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import InputError, require_increasing, require_whole
from ..phase_space.coordinates import PhaseSpace
from .abstract import (
    AbstractOscillatorData,
    Numbers,
    hold_as_numbers,
    hold_scales,
    mutual_neighbours,
    require_counts,
)
from .goodness import goodness_of_fit
from .likelihood import FEW, NEAR, AbstractLikelihood, Binomial, Terms

FAINT = 1e-15  # least probability of further quanta in a prediction


class NumberStates(eqx.Module):
    """Where quanta are counted: 0 … `count` − 1 of them, or more.

    Args:
        count: How many numbers are distinguished.
    """

    count: int = eqx.field(static=True)


class DisplacedParity(eqx.Module):
    """Where the parity is measured after a displacement by −β.

    Args:
        points: β as rows (q, p).
    """

    points: Float[Array | np.ndarray, "points 2"]


class Multinomial(AbstractLikelihood):
    """`d² = 2 [k ln(k/nf) − k + nf]`, f the probabilities of a row, which sum to 1.

    Args:
        counts: k.
        shots: n of each row.
    """

    counts: Float[Array | np.ndarray, "rows columns"]
    shots: Float[Array | np.ndarray, " rows"]

    def _expected(self, prediction):
        shots = self.shots[:, None]
        return shots * jnp.maximum(prediction, FEW / shots)

    def residual(self, prediction):
        k = jax.lax.stop_gradient(self.counts)  # the slope of k ln k at 0 is infinite
        expected = self._expected(prediction)
        linear = (expected - k) / jnp.sqrt(expected)
        near = jnp.abs(linear) < NEAR
        entropy = jax.scipy.special.xlogy
        deviance = entropy(k, k) - entropy(k, expected) - k + expected
        far = jnp.sqrt(jnp.where(near, 1.0, 2 * jnp.maximum(deviance, 0.0)))
        return jnp.where(near, linear, jnp.sign(expected - k) * far)

    def information(self, prediction):
        return self.shots[:, None] / jnp.sqrt(self._expected(prediction))

    def draw(self, key, prediction):
        part = jnp.clip(prediction, 0.0, 1.0)
        counts = jax.random.multinomial(key, self.shots, part / part.sum(axis=1, keepdims=True))
        return Multinomial(counts, self.shots)

    def chi2_terms(self, prediction):
        """Those with one expected detection or more."""
        expected = np.asarray(self._expected(jnp.asarray(prediction)))
        summed = expected >= min(1.0, expected.max() / 4)
        return Terms(summed, 2 + 1 / expected[summed])


class AbstractOneMode(AbstractOscillatorData):
    """Counts of one mode, whose noise follows from their number."""

    @property
    def modes(self):
        return 1

    @property
    def noise_known(self):
        """Always."""
        return True


@dataclasses.dataclass(frozen=True)
class PhotonNumbers(AbstractOneMode):
    """How often each number of quanta was counted.

    Args:
        t: Times, strictly increasing, the first that of the preparation; shape (times,).
        counts: Shape (times, K): how often 0 … K − 1 quanta were found.
        shots: Measurements at each time, shape (times,); the others found K quanta or more. By
            default there were no others.
        ell, kappa, hbar: Scales of the oscillator, for a model in other units.

    Raises:
        InputError: If a shape does not fit, a number is not finite, `t` does not increase, counts
            are no integers of at least 0, or exceed the shots.

    Example:
        >>> data = dqm.PhotonNumbers([0.0, 1.0], counts=[[37, 36, 18], [14, 27, 28]], shots=100)
        >>> data.measured  # in the last column, of 3 quanta or more
        array([[0.37, 0.36, 0.18, 0.09],
               [0.14, 0.27, 0.28, 0.31]])
    """

    t: Numbers
    counts: Numbers
    shots: Numbers = None
    ell: Numbers = (1.0,)
    kappa: float = 1.0
    hbar: float = 1.0
    time_unit: str = ""

    def __post_init__(self):
        hold_as_numbers(self, "t", "counts", "ell", optional=("shots",))
        require_increasing(1, t=self.t)
        if np.ndim(self.counts) != 2 or len(self.counts) != len(self.t):
            raise InputError(
                f"`counts` must have shape ({len(self.t)}, K), a row for each time of `t`, but has "
                f"{np.shape(self.counts)}."
            )
        found = self.counts.sum(axis=1)
        shots = np.broadcast_to(found if self.shots is None else self.shots, len(self.t))
        object.__setattr__(self, "shots", shots)
        require_counts("shots", shots, None)
        require_counts("counts", self.counts, None)
        if not (found <= shots).all() or np.min(shots) < 1:
            raise InputError("`shots` must be 1 or more, and as many as `counts` of that time.")
        hold_scales(self)

    @property
    def where(self):
        """The numbers that are distinguished."""
        return NumberStates(np.shape(self.counts)[1])

    @property
    def _all(self) -> np.ndarray:
        """The counts, and in the last column the others."""
        return np.column_stack([self.counts, self.shots - self.counts.sum(axis=1)])

    @property
    def measured(self):
        """Relative frequencies, in the last column that of all larger numbers."""
        return self._all / self.shots[:, None]

    @property
    def likelihood(self):
        """Multinomial."""
        return Multinomial(self._all.astype(float), np.asarray(self.shots, float))

    @property
    def first_amplitude(self):
        """The root of the mean number; the phase is not measured."""
        row = self.measured[0]
        return np.sqrt([row @ np.arange(row.size)]) + 0j

    def first(self):
        """The counts of the first time."""
        return dataclasses.replace(self, t=self.t[:1], counts=self.counts[:1], shots=self.shots[:1])

    def goodness(self, prediction, parameters, rows=slice(None)):
        """The counts of each time have a known sum: one number less."""
        given = np.zeros(len(self.t), bool)
        given[rows] = True
        return goodness_of_fit(
            self.measured,
            prediction,
            self.likelihood,
            parameters=parameters + given.sum(),
            noise_known=True,
            neighbours=self.neighbours,
            rows=rows,
        )


@dataclasses.dataclass(frozen=True)
class Parity(AbstractOneMode):
    """How often the parity `(−1)^n` was even, after a displacement.

    At a displacement by −β its mean is the Wigner function at β: `⟨Π⟩ = πκ W(q, p)`.

    Args:
        t: Times, strictly increasing, the first that of the preparation; shape (times,).
        even: How often it was even, shape (times, points).
        shots: Measurements at each point.
        points: Rows (q, p) of β; by default the origin alone.
        ell, kappa, hbar: Scales of the oscillator.

    Raises:
        InputError: If a shape does not fit, a number is not finite, `t` does not increase, or
            `even` are no integers between 0 and `shots`.

    Example:
        >>> data = dqm.Parity([0.0], even=[[100, 57]], shots=100, points=[[0.0, 0.0], [1.0, 1.0]])
        >>> (2 * data.measured - 1).round(2)  # ⟨Π⟩ of the vacuum at β, exp(−2|β|²)
        array([[1.  , 0.14]])
    """

    t: Numbers
    even: Numbers
    shots: int
    points: Numbers = ((0.0, 0.0),)
    ell: Numbers = (1.0,)
    kappa: float = 1.0
    hbar: float = 1.0
    time_unit: str = ""

    def __post_init__(self):
        hold_as_numbers(self, "t", "even", "points", "ell")
        require_increasing(1, t=self.t)
        if np.ndim(self.points) != 2 or np.shape(self.points)[1] != 2:
            raise InputError(f"`points` must be rows (q, p), but have {np.shape(self.points)}.")
        shape = (len(self.t), len(self.points))
        if np.shape(self.even) != shape:
            raise InputError(
                f"`even` must have shape {shape}, a row for each time of `t` and a column for each "
                f"of the points, but has {np.shape(self.even)}."
            )
        require_whole(1, shots=self.shots)
        require_counts("even", self.even, self.shots)
        hold_scales(self)

    @property
    def where(self):
        """The displacements."""
        return DisplacedParity(self.points)

    @property
    def measured(self):
        """How often it is even, relative to `shots`."""
        return self.even / self.shots

    @property
    def likelihood(self):
        """Binomial."""
        return Binomial(
            np.asarray(self.even, float), np.asarray(float(self.shots)), np.asarray(1.0)
        )

    @property
    def neighbours(self):
        """Nearest points."""
        return mutual_neighbours(np.asarray(self.points, float))

    def first(self):
        """The parities of the first time."""
        return dataclasses.replace(self, t=self.t[:1], even=self.even[:1])

    @property
    def first_amplitude(self):
        """The point of greatest mean parity, near the amplitude of a coherent state."""
        best = self.points[int(np.argmax(self.even[0]))]
        return PhaseSpace(np.asarray(self.ell, float), self.kappa).amplitude(best)
