"""What the data of the first time say about the state that was prepared."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..data.abstract import AbstractHeterodyneData, AbstractOscillatorData
from ..data.likelihood import AbstractLikelihood
from ..errors import (
    InputError,
)
from ..fock_bargmann.basis import FockBargmann
from .detector import Detector
from .least_squares import TIGHT, least_squares
from .parameters import Template, to_vector
from .preparations import AbstractPreparation, Outcomes
from .seen import seen


def outcomes(data: AbstractOscillatorData, detector: Detector | None) -> Outcomes:
    """What was measured at the first time, in units of the signal."""
    if not isinstance(data, AbstractHeterodyneData):
        alpha = data.first_amplitude
        if detector is not None:
            _require_counter(detector)
            alpha = alpha / float(detector.efficiency) ** 0.5
        return Outcomes(alpha, alpha[None], np.ones(1), 0.0)
    if detector is None:
        return Outcomes(data.first_amplitude, *data.weighted_points(0), 0.0)
    points, _, noise = undone(detector, data)
    ideal = data.at_points(points, 1.0)
    beta, weight = ideal.weighted_points(0)
    return Outcomes(np.tensordot(weight, beta, 1), beta, weight, noise)


def _require_counter(detector: Detector):
    """Checks that a detector of quanta has an efficiency only."""
    others = (detector.noise, detector.gain, detector.rotation, detector.offset)
    known = all(not isinstance(x, jax.Array) for x in others)
    if not known or others[0] != 0 or others[1] != 1 or others[2] != 0 or np.any(others[3]):
        raise InputError(
            "`detector` of counted quanta or parities must have an `efficiency` only, but has "
            "noise, gain, rotation or offset."
        )


def undone(detector: Detector, data: AbstractHeterodyneData) -> tuple[np.ndarray, float, float]:
    """The points in units of the signal, the factor of a density there, and ⟨|ν|²⟩ of the noise."""
    part = float(detector.transmitted)
    points = np.asarray(detector.ideal(data.space, data.points)) / part**0.5
    factor = (part * float(detector.scale) ** 2) ** data.modes
    return points, factor, (1 - part) / part


def nearest(
    data: AbstractOscillatorData,
    states: Sequence[AbstractPreparation],
    basis: FockBargmann,
    detector: Detector | None,
) -> AbstractPreparation:
    """The preparation of greatest likelihood at the first time alone."""
    first = data.first().rough()
    inputs = basis, detector, first.where, first.likelihood
    best, least = states[0], np.inf
    for state in states:
        template, start = Template.of(state), to_vector(state)
        if not start.size:
            continue
        residual = lambda x, template=template: np.asarray(_first(x, template, *inputs))
        slope = lambda x, template=template: np.asarray(_first_slope(x, template, *inputs))
        free = np.full(start.shape, np.inf)
        found = least_squares(residual, slope, start, (-free, free), TIGHT)
        if found is not None and (deviance := np.sum(residual(found) ** 2)) < least:
            best, least = template(found).principal(), deviance
    return best


@eqx.filter_jit
def _first(vector, template: Template, basis, detector, where, likelihood: AbstractLikelihood):
    state = template(vector)(basis)
    predicted = seen(basis, detector, state[None], where)
    residual = likelihood.residual(predicted).ravel()
    return jnp.append(residual, jnp.zeros(vector.size))  # as many rows as parameters


@eqx.filter_jit
def _first_slope(vector, *inputs):
    return jax.jacfwd(_first)(jnp.asarray(vector), *inputs)
