"""What is found in states: densities, means of test functions, numbers of quanta, parities."""

from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..data.abstract import AbstractData, AbstractHeterodyneData
from ..data.counting import DisplacedParity, NumberStates
from ..data.likelihood import AbstractLikelihood, Drawn
from ..data.test_functions import TestFunctions
from ..fock_bargmann.basis import FockBargmann
from ..fock_bargmann.distributions import photon_numbers, wigner
from .abstract import at_each_time
from .detector import Detector

MARGIN = 100.0  # by which outcomes may be denser than those of the detector at the start


def likelihood_of(data: AbstractData, detector: Detector | None) -> AbstractLikelihood:
    """That of the data; samples may be denser where the detector's gain is below 1."""
    likelihood = data.likelihood
    if detector is None or not isinstance(likelihood, Drawn):
        return likelihood
    modes = cast(AbstractHeterodyneData, data).modes
    denser = MARGIN / min(float(detector.scale), 1.0) ** (2 * modes)
    return Drawn(np.asarray(likelihood.ceiling * denser))


def seen(basis: FockBargmann, detector: Detector | None, states: Array, where):
    """What is found in many states or kets: the density at points, or means of test functions."""
    modes = basis.modes
    are_kets, at_points = states.ndim == modes + 1, isinstance(where, jax.Array | np.ndarray)
    if are_kets and (detector is not None or not at_points):
        states, are_kets = jax.vmap(basis.pure)(states), False
    if detector is not None:
        states = jax.vmap(lambda rho: detector.attenuated(rho, modes))(states)
    if isinstance(where, NumberStates):
        return _numbers_seen(basis, states, where.count)
    if isinstance(where, DisplacedParity):
        found = jax.vmap(lambda rho: wigner(basis, rho, jnp.asarray(where.points)))(states)
        return (1 + found * basis.space.cell / 2**modes) / 2
    if callable(where):
        view = None if detector is None else detector.view(basis.space)
        return jax.vmap(lambda rho: cast(TestFunctions, where).means(rho, view))(states)
    points = where if detector is None else detector.ideal(basis.space, where)
    if where.ndim == 2 and not are_kets:
        found = basis.density(states, points)
    else:
        found = at_each_time(basis.density, where)(states, points)
    return found if detector is None else detector.density(found, modes)


def _numbers_seen(basis: FockBargmann, states: Array, count: int):
    """The probabilities of 0 … `count` − 1 quanta, and of more."""
    found = jax.vmap(lambda rho: photon_numbers(basis, rho))(states)
    if basis.cutoff[0] < count:
        found = jnp.pad(found, ((0, 0), (0, count - basis.cutoff[0])))
    found = found[:, :count]
    return jnp.column_stack([found, jnp.maximum(1 - found.sum(axis=1), 0.0)])
