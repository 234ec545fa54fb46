"""Data without phase-space coordinates: series in time, and spectral lines."""

import dataclasses

import numpy as np

from ..errors import InputError, require_increasing, require_shape, require_type, require_whole
from .abstract import (
    AbstractData,
    Numbers,
    check_noise,
    gaussian,
    hold_as_numbers,
    mutual_neighbours,
)
from .likelihood import Binomial

ROUNDED = 0.01  # detections by which `values · shots` may differ from whole numbers


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
            correlated residuals then compares neighbours in space, otherwise along the last axis
            of `values`; and always neighbours in time.
        time_unit: Of `t`, such as "us"; initial values can then have units.

    Raises:
        InputError: If a shape does not fit, a number is not finite, `t` does not increase, `sigma`
            is not positive, `time_unit` is no text, or relative frequencies are not multiples of
            1/`shots` from 0 to 1.

    Example:
        >>> t = np.linspace(0.0, 3.0, 16)
        >>> data = dqm.Series(t, np.cos(1.3 * t), sigma=0.01)
        >>> data.measured.shape, data.noise_known
        ((16, 1), True)
    """

    t: Numbers
    values: Numbers
    sigma: Numbers | float | None = None
    shots: int | None = None
    points: Numbers | None = None
    time_unit: str = ""

    def __post_init__(self):
        require_type(str, time_unit=self.time_unit)
        hold_as_numbers(self, "t", "values", optional=("sigma", "points"))
        require_increasing(t=self.t)
        require_shape("values", self.values, (len(self.t), *np.shape(self.values)[1:]))
        check_noise(self.values, self.sigma)
        if self.shots is not None:
            self._check_shots(self.shots)
        if self.points is not None:
            rows = (self.measured.shape[1], np.shape(self.points)[-1] if self.points.ndim else 0)
            require_shape("points", self.points, rows)

    def _check_shots(self, shots: int):
        require_whole(1, shots=shots)
        if self.sigma is not None:
            raise InputError("`sigma` and `shots` must not both be given: drop one.")
        if not (np.min(self.values) >= 0 and np.max(self.values) <= 1):
            raise InputError("`values` must be parts of `shots`, between 0 and 1, but are not.")
        counts = self.measured * shots
        if np.abs(counts - np.rint(counts)).max() > ROUNDED:
            raise InputError(
                f"`values` must be multiples of 1/`shots` = 1/{shots}, but are not: divide the "
                "numbers of detections by `shots`, or give `sigma` instead."
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
        """Those of `points`, otherwise those along the last axis of `values`."""
        if self.points is not None:
            return mutual_neighbours(np.asarray(self.points, float))
        columns = np.arange(self.measured.shape[1]).reshape(np.shape(self.values)[1:])
        if not columns.ndim:
            return None
        return np.stack([columns[..., :-1].ravel(), columns[..., 1:].ravel()], axis=1)


@dataclasses.dataclass(frozen=True)
class Lines(AbstractData):
    """Spectroscopy: levels E_n, or the frequencies (E_m − E_n)/ħ of transitions.

    Args:
        values: Shape (lines,).
        sigma: Their standard deviations; estimated from the residuals if not given.
        transitions: A row (m, n) for each line, if `values` are frequencies; without it they are
            the levels 0, 1, ….

    Raises:
        InputError: If a shape does not fit, a number is not finite, σ is not positive, or a
            transition is not between two different levels.

    Example:
        >>> data = dqm.Lines([1.2, 2.4], sigma=0.01, transitions=[[1, 0], [2, 0]])
        >>> grid = dqm.Grid((-6.0,), (6.0,), (48,))
        >>> model = dqm.Levels(dqm.Hamiltonian(dqm.Harmonic(jnp.array(1.0))), grid, 3)
        >>> result = dqm.recover(data, model)
        >>> round(result.estimate["omega"], 3)
        1.2
    """

    values: Numbers
    sigma: Numbers | float | None = None
    transitions: Numbers | None = None

    def __post_init__(self):
        hold_as_numbers(self, "values", optional=("sigma", "transitions"))
        require_shape("values", self.values, (np.size(self.values),))
        check_noise(self.values, self.sigma)
        if self.transitions is not None:
            self._check_transitions(np.asarray(self.transitions))

    def _check_transitions(self, pairs: np.ndarray):
        require_shape("transitions", pairs, (len(self.values), 2))
        if pairs.dtype.kind not in "iu" or pairs.min() < 0 or (pairs[:, 0] == pairs[:, 1]).any():
            raise InputError(
                "`transitions` must be pairs of different integers, the levels from 0, but are "
                f"{pairs.tolist()}."
            )

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
