"""How many number states the fit of a state needs."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ..data.abstract import AbstractHeterodyneData
from ..errors import (
    InputError,
    require_whole,
)
from ..fock_bargmann.basis import FockBargmann
from ..fock_bargmann.states import BeyondCutoff
from ..phase_space.coordinates import PhaseSpace
from ..phase_space.fokker_planck import FokkerPlanck
from ..phase_space.open_system import Damped, Open
from ..phase_space.symbols import energy
from .parameters import Template, to_vector
from .preparations import AbstractPreparation, Outcomes

MOST_QUANTA = 100  # memory grows with the square
WIDE = 256  # levels in which a first state is looked at
SAME = 3.0  # levels, by which estimates of them may differ
BEYOND = 1e-6  # part of the first state that may lie beyond the cut-off
MOST_COEFFICIENTS = 10**9  # of a state: 16 GB


def choose_basis(
    space: PhaseSpace,
    states: Sequence[AbstractPreparation],
    cutoff: int | None,
    more: int = 0,
) -> FockBargmann:
    """Enough levels for each of the states; several modes share a bound on their quanta.

    Args:
        space: ℓ and κ.
        states: Preparations.
        cutoff: Levels of each mode; as many as the states need if not given.
        more: So many more, if they are not given.

    Raises:
        InputError: If one has too many quanta, or `cutoff` is too low for it.
    """
    if cutoff is not None:
        require_whole(2, cutoff=cutoff)
    modes, numbers = space.modes, [_numbers(state) for state in states]
    needed = max(_needed(row, modes) for row in numbers)
    levels = needed + more if cutoff is None else cutoff
    if levels ** (2 * modes) > MOST_COEFFICIENTS:
        raise InputError(
            f"`cutoff` must keep at most {MOST_COEFFICIENTS:.0e} coefficients, but {levels} levels "
            f"of {modes} modes have {levels ** (2 * modes):.1g}."
        )
    beyond = max(float(row[levels:].sum()) for row in numbers)
    if beyond > BEYOND:
        quanta = max(float(row @ np.arange(row.size)) for row in numbers)
        raise InputError(
            f"`cutoff` must hold the first state, of {quanta:.3g} quanta, but {levels} levels miss "
            f"{beyond:.1g} of it: keep {needed}."
        )
    total = None if modes == 1 else levels - 1
    return FockBargmann((levels,) * modes, space.ell, space.kappa, quanta=total)


def _numbers(state: AbstractPreparation) -> Float[np.ndarray, " levels"]:
    """About how probable each number of quanta is, of all modes together."""
    total = np.ones(1)
    for mode in range(state.modes):
        one = jax.tree.map(lambda x, i=mode: x[i : i + 1] if np.ndim(x) else x, state)
        try:
            found = np.asarray((one if state.modes > 1 else state)(FockBargmann(WIDE)))
        except BeyondCutoff:
            raise _too_many(f"more than {MOST_QUANTA}") from None
        row = np.abs(found) ** 2 if found.ndim == 1 else np.real(np.diag(found))
        total = np.convolve(total, row)
    quanta = float(total @ np.arange(total.size))
    if not quanta < MOST_QUANTA:
        raise _too_many(f"{quanta:.3g}")
    return total


def _too_many(quanta: str) -> InputError:
    return InputError(
        f"`data` must start below {MOST_QUANTA} quanta, but have {quanta}: check `points`, `ell` "
        "and `kappa`, or shift the frame."
    )


def _needed(numbers: Float[np.ndarray, " levels"], modes: int) -> int:
    """Levels with room for the distribution and for what the dynamics adds to it."""
    n = np.arange(numbers.size)
    mean = float(numbers @ n)
    spread = float(numbers @ (n - mean) ** 2) ** 0.5
    reach = _reach(mean, spread, modes)
    needed = 10 * math.ceil((reach + 9) / 10) if modes == 1 else math.ceil(reach + 6)
    while numbers[needed:].sum() > BEYOND / 10:
        needed += 10 if modes == 1 else 1
    return needed


def _reach(mean: float, spread: float, modes: int) -> float:
    """Quanta that a state with this distribution hardly exceeds."""
    return mean + (7 if modes == 1 else 5) * spread


def more_levels(data: AbstractHeterodyneData, noise: float) -> int:
    """By how many levels the state outgrows the first one, as under a drive or a squeezing.

    Args:
        data: Heterodyne data in units of the signal.
        noise: ⟨|ν|²⟩ of the detector, of each mode.
    """
    modes, alpha = data.modes, data.first_amplitude
    times = (data.weighted_points(time) for time in range(len(data.t)))
    reach = [_reach(*Outcomes(alpha, *found, noise).quanta, modes) for found in times]
    growth = max(reach) - reach[0]
    if growth < SAME:
        return 0
    return 10 * math.ceil(growth / 10) if modes == 1 else math.ceil(growth)


def can_grow(model: FokkerPlanck | Damped | Open, space: PhaseSpace) -> bool:
    """Whether H changes the number of quanta: whether a common rotation of all modes changes it.

    Other equations keep it for any C; there, growth of the data is noise or C far from 1.
    """
    if isinstance(model, Open) or model.depends_on_time:
        return True
    random = np.random.default_rng(0)
    values = random.uniform(0.5, 1.5, to_vector(model.symbol).size) * float(space.kappa)
    symbol, beta = Template.of(model.symbol)(values), random.normal(size=space.modes) + 0.5j
    at = [energy(symbol, space.point(jnp.asarray(x * beta))) for x in (1.0, np.exp(0.7j))]
    return not np.isclose(*map(float, at), rtol=1e-6)


def few_levels(data: AbstractHeterodyneData) -> FockBargmann:
    """The levels for an expansion of noisy densities: fewer coefficients than points."""
    beta, weight = data.weighted_points(0)
    coherent = float(np.sum(np.abs(data.first_amplitude) ** 2))
    quanta = max(float(weight @ np.sum(np.abs(beta) ** 2, axis=1)) - data.modes, coherent)
    total = math.ceil(quanta + 3 * quanta**0.5) + 3
    kets = lambda total: math.comb(total + data.modes, data.modes)
    while total > 2 and kets(total) ** 2 > 0.7 * len(data.points):
        total -= 1
    ell = tuple(np.asarray(data.ell, float).tolist())
    return FockBargmann((total + 1,) * data.modes, ell, data.kappa, quanta=total)
