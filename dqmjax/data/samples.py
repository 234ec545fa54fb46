"""Samples of heterodyne detection: the outcomes (q, p) themselves."""

import dataclasses
import functools

import numpy as np
from jaxtyping import Float

from ..errors import InputError, require_increasing
from .abstract import (
    AbstractData,
    AbstractHeterodyneData,
    Numbers,
    gaussian,
    hold_as_numbers,
    hold_scales,
)
from .goodness import Goodness, chi2_excess, deviance
from .likelihood import Drawn
from .test_functions import TestFunctions, width_for

RARE = 0.03  # part of the greatest variance; functions below it differ from 0 at few samples only


@dataclasses.dataclass(frozen=True)
class Samples(AbstractHeterodyneData):
    """Outcomes of heterodyne detection: points (q, p) drawn from the Husimi density at each time.

    Args:
        t: Times, strictly increasing, the first that of the preparation; shape (times,).
        points: Shape (times, samples, 2N), rows (q₁…q_N, p₁…p_N).
        ell: ℓ of the measuring coherent states, shape (N,).
        kappa: κ.
        hbar: ħ.
        time_unit: Of `t`, such as "us"; results are then printed in units.

    Raises:
        InputError: If a shape does not fit, a number is not finite, `t` does not increase, or a
            scale is not positive, or all samples of a time coincide.

    Example:
        >>> noise = np.random.default_rng(0).normal(size=(2, 1000, 2))  # of the vacuum
        >>> data = dqm.Samples([0.0, 1.0], noise + [2.0, 0.0], ell=[1.0])
        >>> data.first_amplitude.real.round(1)  # q/√2
        array([1.4])
    """

    t: Numbers
    points: Numbers
    ell: Numbers
    kappa: float = 1.0
    hbar: float = 1.0
    time_unit: str = ""

    def __post_init__(self):
        hold_as_numbers(self, "t", "points", "ell")
        require_increasing(1, t=self.t)
        times, shape = np.size(self.t), np.shape(self.points)
        if len(shape) != 3 or shape[0] != times or shape[1] < 2 or shape[2] % 2:
            raise InputError(
                f"`points` must have shape ({times}, samples, 2N), two samples or more at each "
                f"time of `t`, but has {shape}."
            )
        if not np.ptp(self.points, axis=1).all():
            raise InputError("`points` must differ at each time, but a coordinate never changes.")
        hold_scales(self)

    @property
    def where(self):
        """The samples."""
        return self.points

    @property
    def measured(self):
        """No numbers: the samples are places."""
        return None

    @property
    def likelihood(self):
        """`−2 Σ ln ρ`."""
        return Drawn(np.asarray(1 / self.cell))

    @property
    def noise_known(self):
        """Always."""
        return True

    @functools.cached_property
    def first_amplitude(self):  # pyright: ignore[reportIncompatibleMethodOverride]
        """α at the first time: the mean of the samples."""
        return self.space.amplitude(self.points[0]).mean(axis=0)

    def weighted_points(self, time):
        """The samples, all of one weight."""
        beta = self.space.amplitude(self.points[time])
        return beta, np.full(len(beta), 1 / len(beta))

    def first(self):
        """The samples of the first time."""
        return dataclasses.replace(self, t=self.t[:1], points=self.points[:1])

    def at_points(self, points, factor):
        """The samples there."""
        return dataclasses.replace(self, points=points)

    def rough(self) -> "Means":
        """Means of test functions, which have no narrow likelihood."""
        tests = TestFunctions.of(self.space, width_for(self.first_amplitude))
        return Means(self.t, tests, np.asarray(tests.at(self.points)))


@dataclasses.dataclass(frozen=True)
class Means(AbstractData):
    """Means of test functions over samples.

    Args:
        t: Times, shape (times,).
        tests: The functions: the `where` of a prediction.
        values: Of each function at each sample, shape (times, samples, tests).
    """

    t: Numbers
    tests: TestFunctions
    values: Float[np.ndarray, "times samples tests"]

    @property
    def where(self):
        """The functions."""
        return self.tests

    @property
    def measured(self):
        """Their means."""
        return self.values.mean(axis=1)

    @property
    def likelihood(self):
        """Normal, with the standard deviations of the means."""
        return gaussian(self.measured, self.values.std(axis=1) / self.values.shape[1] ** 0.5)

    @property
    def noise_known(self):
        """Always."""
        return True

    def whitened(self, away, prediction):
        """Of combinations of the means that the samples determine, for the leading times."""
        root = self.values.shape[1] ** 0.5
        pairs = zip(away, self.values, strict=False)
        parts = [root * np.tensordot(whitening(spread).T, row, 1) for row, spread in pairs]
        return np.concatenate(parts)

    def goodness(self, prediction, parameters, rows=slice(None)):
        """By χ² of uncorrelated combinations of the means."""
        whole, prediction = prediction, prediction[rows]
        away = self.measured[rows] - prediction
        residual = self.whitened(away, prediction)
        chi2, dof = float(np.sum(residual**2)), round(residual.size - parameters)
        return Goodness(
            deviance=deviance(self.likelihood, whole, True),
            size=prediction.size,
            chi2=chi2,
            dof=dof,
            noise_known=True,
            excess=chi2_excess(chi2, dof, np.full(residual.size, 2.0)),
            correlation=0.0,
            pairs=0,
            misfit=float(np.sqrt(np.mean(away**2) / np.mean(prediction**2))),
        )


def whitening(values: Float[np.ndarray, "samples tests"]) -> Float[np.ndarray, "tests known"]:
    """Combinations of variance 1 without correlation, those that the samples determine."""
    spread = values.std(axis=0)
    varies = spread > 1e-12 * spread.max()
    variance, directions = np.linalg.eigh(np.atleast_2d(np.corrcoef(values[:, varies].T)))
    known = variance > RARE * variance[-1]
    whiten = np.zeros((len(spread), known.sum()))
    whiten[varies] = (directions / spread[varies, None] / np.sqrt(np.abs(variance)))[:, known]
    return whiten
