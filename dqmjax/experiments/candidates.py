"""Preparations at which fits begin, from what was measured at the first time."""

import math
from collections.abc import Callable, Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..errors import InputError
from .preparations import AbstractPreparation, Cat, Coherent, Outcomes, Squeezed, Thermal
from .tomography import Unknown, tomography

ANGLES = (np.arange(-1, 3) * math.pi / 2).tolist()  # at which fits of an angle begin
COLD = 0.05  # thermal quanta at which their fit begins, at least
State = str | AbstractPreparation | Unknown


def candidates(state: State, found: Outcomes) -> Sequence[AbstractPreparation]:
    """Preparations at which a fit of the first time may begin.

    Args:
        state: A name of `STATES`, an object, or `Unknown`.
        found: What was measured then.

    Raises:
        InputError: If there is no such state.
    """
    if isinstance(state, AbstractPreparation):
        return [state]
    if isinstance(state, Unknown):
        return [tomography(state, found)]
    if not isinstance(state, str) or state not in STATES:
        raise InputError(
            f"`state` must be one of {', '.join(STATES)}, a preparation such as `dqm.Squeezed`, or "
            f"`dqm.Unknown(rank)`, but is {state!r}."
        )
    return STATES[state](found)


def _parts(*values) -> list[Array]:
    """As arrays of JAX, which are estimated; of a complex one the two parts."""
    both = lambda x: (np.real(x), np.imag(x)) if np.iscomplexobj(x) else (x,)
    return [jnp.asarray(part, float) for value in values for part in both(value)]


def _coherent(found: Outcomes) -> list[AbstractPreparation]:
    return [Coherent(*_parts(found.alpha))]


def _squeezed(found: Outcomes) -> list[AbstractPreparation]:
    """That of the variances, `⟨(β − ⟨β⟩)²⟩ = −½ sinh 2r e^{iφ}`."""
    mean = found.mean(found.beta)
    square = -found.mean((found.beta - mean) ** 2)
    xi = np.arcsinh(2 * np.abs(square)) / 2 * np.exp(1j * np.angle(square))
    return [Squeezed(*_parts(mean, xi))]


def _cat(found: Outcomes) -> list[AbstractPreparation]:
    """Of the amplitude whose square is the mean square, at four phases."""
    alpha = np.sqrt(found.mean(found.beta**2))
    return [Cat(*_parts(alpha, np.asarray(angle))) for angle in ANGLES]


def _thermal(found: Outcomes) -> list[AbstractPreparation]:
    mean = found.mean(found.beta)
    noise = found.mean(np.abs(found.beta - mean) ** 2) - 1 - found.noise
    return [Thermal(*_parts(mean, np.maximum(noise, COLD)))]


STATES: dict[str, Callable[[Outcomes], list[AbstractPreparation]]] = {
    "coherent": _coherent,
    "squeezed": _squeezed,
    "cat": _cat,
    "thermal": _thermal,
}
