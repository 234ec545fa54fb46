"""Data without phase-space coordinates: series in time, and spectral lines."""

import dataclasses

import numpy as np

from ..errors import InputError, require_increasing, require_shape
from .abstract import (
    AbstractData,
    Numbers,
    check_noise,
    gaussian,
    hold_as_numpy,
    mutual_neighbours,
)
from .likelihood import Binomial


@dataclasses.dataclass(frozen=True)
class Series(AbstractData):
    """Numbers measured at given times: moments, ρ(x, t), density and current, a fidelity.

    Args:
        t: Times, strictly increasing, the first that of the preparation; shape (times,).
        values: Shape (times, …), as the experiment's `observe` returns them for each time.
        sigma: Standard deviation of `values`, of a shape that broadcasts to theirs. Without it the
            noise level is estimated from the residuals.
        shots: Instead of `sigma`, where `values` are relative frequencies of so many detections.
        points: Coordinates of the columns of a density, shape (columns, dim): the test for
            correlated residuals then compares neighbours in space, otherwise neighbours in time.

    Raises:
        InputError: If a shape does not fit, a number is not finite, `t` does not increase, `sigma`
            is not positive, or relative frequencies are not between 0 and 1.
    """

    t: Numbers
    values: Numbers
    sigma: Numbers | float | None = None
    shots: int | None = None
    points: Numbers | None = None

    def __post_init__(self):
        hold_as_numpy(self, "t", "values", "sigma", "points")
        require_increasing(t=self.t)
        require_shape("values", self.values, (len(self.t), *np.shape(self.values)[1:]))
        check_noise("values", self.values, self.sigma)
        if self.sigma is not None and self.shots is not None:
            raise InputError("`sigma` and `shots` must not both be given: drop one.")
        if self.shots is not None and not (np.min(self.values) >= 0 and np.max(self.values) <= 1):
            raise InputError("`values` must be parts of `shots`, between 0 and 1, but are not.")
        if self.points is not None:
            columns = self.measured.shape[1]
            require_shape("points", self.points, (columns, *np.shape(self.points)[1:2]))
            if np.ndim(self.points) != 2 or not np.isfinite(self.points).all():
                raise InputError(
                    "`points` must be finite rows of coordinates, one for each column."
                )

    @property
    def measured(self):
        """`values`, one row for each time."""
        return np.asarray(self.values, float).reshape(len(self.t), -1)

    @property
    def likelihood(self):
        """Normal, or binomial with `shots`."""
        if self.shots is not None:
            counts = np.rint(self.measured * self.shots)
            return Binomial(counts, np.asarray(float(self.shots)), np.asarray(1.0))
        return gaussian(self.measured, self.sigma, np.shape(self.values))

    @property
    def noise_known(self):
        """Whether `sigma` or `shots` is given."""
        return self.sigma is not None or self.shots is not None

    @property
    def neighbours(self):
        """Those of `points`."""
        return None if self.points is None else mutual_neighbours(np.asarray(self.points))


@dataclasses.dataclass(frozen=True)
class Lines(AbstractData):
    """Spectroscopy: levels E_n, or the frequencies (E_m − E_n)/ħ of transitions.

    Args:
        values: Shape (lines,).
        sigma: Their standard deviations; estimated from the residuals if not given.
        transitions: A row (m, n) for each line, if `values` are frequencies; without it they are
            the levels 0, 1, ….

    Raises:
        InputError: If a shape does not fit, a number is not finite, or σ is not positive.
    """

    values: Numbers
    sigma: Numbers | float | None = None
    transitions: Numbers | None = None

    def __post_init__(self):
        hold_as_numpy(self, "values", "sigma", "transitions")
        require_shape("values", self.values, (np.size(self.values),))
        check_noise("values", self.values, self.sigma)
        if self.transitions is not None:
            require_shape("transitions", self.transitions, (len(self.values), 2))

    @property
    def t(self) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """None: a spectrum has no times."""
        return None

    @property
    def where(self):
        """The transitions."""
        return self.transitions

    @property
    def measured(self):
        """`values` in one row."""
        return np.asarray(self.values, float)[None]

    @property
    def likelihood(self):
        """Normal."""
        return gaussian(self.measured, self.sigma, np.shape(self.values))

    @property
    def noise_known(self):
        """Whether `sigma` is given."""
        return self.sigma is not None
