"""Warnings of data that are unlikely to be what they should."""

import warnings
from collections.abc import Mapping

import numpy as np

from .abstract import AbstractData, AbstractHeterodyneData
from .samples import Samples
from .snapshots import Snapshots

NARROW = 0.8  # of the vacuum's ⟨|β − ⟨β⟩|²⟩ = 1, below which no samples of a state are
FAR = 8.0  # standard deviations from the median, beyond which a sample is an outlier
DISAGREE = 6.0  # standard deviations between `density` and `counts`


class DataWarning(UserWarning):
    """Data that can be used, but are unlikely to be what they should.

    Example:
        >>> rows = [[0.0, 1.2, 0.3], [0.0, 2.1, -0.5]]
        >>> np.savetxt("run.csv", rows, delimiter=",", header="t,q [V],p [V]", comments="")
        >>> import warnings
        >>> with warnings.catch_warnings(record=True, action="always") as found:
        ...     data = dqm.read_data("run.csv")
        >>> print(found[0].category.__name__, found[0].message)
        DataWarning q and p are in V: ...
    """


def warn(data: AbstractData, units: Mapping[str, str]):
    """Says what is unlikely about the data."""
    of_points = {units.get(name, "") for name in ("q", "p", "q1", "p1")} - {"", "1"}
    found = [_unit_of_points(of_points)] if of_points else []
    if isinstance(data, Samples):
        found += _outliers(data) + ([] if of_points else _too_narrow(data))
    if isinstance(data, Snapshots) and data.counts is not None and data.shots is not None:
        found += _contradictions(data, data.shots)
    for line in found:
        warnings.warn(line, DataWarning, stacklevel=3)


def _unit_of_points(of_points: set[str]) -> str:
    return (
        f"q and p are in {of_points.pop()}: a model needs them without units. Give a detector with "
        "a `gain`, or divide by the size of the vacuum."
    )


def _too_narrow(data: AbstractHeterodyneData) -> list[str]:
    beta = data.space.amplitude(data.points)
    spread = np.mean(np.abs(beta - beta.mean(axis=1, keepdims=True)) ** 2, axis=1).min()
    if spread >= NARROW:
        return []
    return [
        f"samples scatter by ⟨|β − ⟨β⟩|²⟩ = {spread:.2g}, less than the 1 of the vacuum: check "
        "`ell` and `kappa`, or give a detector with a `gain`."
    ]


def _outliers(data: AbstractHeterodyneData) -> list[str]:
    beta = data.space.amplitude(data.points)
    middle = np.median(beta.real, axis=1) + 1j * np.median(beta.imag, axis=1)
    away = np.abs(beta - middle[:, None])
    typical = np.sqrt(np.median(away**2, axis=1) / np.log(2))
    far = int((away > FAR * typical[:, None]).sum())
    if not far:
        return []
    return [
        f"{far} of {away.size} samples are farther than {FAR:g} standard deviations from the "
        "median of their time: check them, since a few outliers can spoil a fit."
    ]


def _contradictions(data: Snapshots, shots: int) -> list[str]:
    part = data.measured * data.cell
    error = np.sqrt(np.maximum(part * (1 - part), 1 / shots) / shots)
    off = np.abs(data.density * data.cell - part) / error
    count = int((off > DISAGREE).sum())
    if not count:
        return []
    return [
        f"`density` and `counts` disagree at {count} of {off.size} places by more than "
        f"{DISAGREE:g} standard deviations: only `counts` are used."
    ]
