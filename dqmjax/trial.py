"""What is fitted to data: a model, the state it starts from, and the levels it needs."""

import math
from collections.abc import Mapping, Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import scipy.stats
from jaxtyping import Array, Float

from .dataset import Snapshots
from .errors import InputError
from .fock import FockBargmann
from .fokker_planck import Damped, FokkerPlanck
from .models import MODELS
from .parameters import leaf_names, parameter_names, set_values

MOST_QUANTA = 100  # memory grows with the square


class Trial(eqx.Module):
    """A model and the coherent state that it starts from."""

    model: FokkerPlanck | Damped
    alpha_re: Float[Array, " modes"]  # ⟨β⟩ at the first time
    alpha_im: Float[Array, " modes"]


def prepare(
    data: Snapshots,
    model: FokkerPlanck | Damped | str,
    start: Mapping[str, float],
    fix: Mapping[str, float],
    free: Sequence[str],
) -> Trial:
    """The model with its starting values in place and its fixed ones made constants."""
    if jnp.zeros(()).dtype != np.float64:
        raise InputError(
            "JAX must be set to double precision before anything is recovered: "
            "jax.config.update('jax_enable_x64', True)."
        )
    if isinstance(model, str):
        if model not in MODELS:
            raise InputError(f"model {model!r} is unknown: there is {', '.join(MODELS)}.")
        model = MODELS[model](data)
        held = {"ell": float(data.ell[0])} if "ell" not in (*free, *start) else {}
        fix = held | dict(fix)
    alpha = first_amplitude(data)
    trial = Trial(model, jnp.asarray(np.real(alpha)), jnp.asarray(np.imag(alpha)))
    unknown = [name for name in free if name not in leaf_names(trial)]
    if unknown:
        raise InputError(
            f"parameter {unknown[0]!r} is unknown: the model has {', '.join(leaf_names(trial))}."
        )
    twice = sorted((set(start) | set(free)) & set(fix))
    if twice:
        raise InputError(f"parameter {twice[0]!r} is both fixed and free: drop one.")
    trial = set_values(set_values(trial, start, constant=False), fix, constant=True)
    trial.model.__check_init__()  # the values just set may be wrong
    count = len(parameter_names(trial))
    if not count:
        raise InputError("nothing is free: fix fewer parameters.")
    if data.density.size <= count:
        raise InputError(
            f"`data` must hold more than the {count} numbers that are sought, but hold "
            f"{data.density.size}: fix some parameters."
        )
    return trial


def first_amplitude(data: Snapshots) -> np.ndarray:
    """⟨β⟩ of the first snapshot, weighted by the square of the density to hold noise down."""
    q, p = np.split(data.points, 2, axis=1)
    beta = (q / data.ell + 1j * data.ell * p / data.kappa) / np.sqrt(2)
    weight = np.clip(data.measured[0], 0, None) ** 2
    return weight @ beta / weight.sum()


def choose_basis(data: Snapshots, cutoff: int | None) -> FockBargmann:
    """Enough levels for the first snapshot, at the measuring scale of the data."""
    quanta = np.abs(first_amplitude(data)) ** 2
    if not (quanta < MOST_QUANTA).all():
        most = f"{np.max(quanta):.3g}"
        raise InputError(
            f"`data` must start below {MOST_QUANTA} quanta per mode, but have {most}: "
            "check `points`, `ell` and `kappa`, or shift the frame."
        )
    if cutoff is None:
        needed = quanta + 7 * np.sqrt(quanta) + 9
        levels = tuple(int(10 * math.ceil(n / 10)) for n in needed)  # in tens: few compilations
    else:
        levels = (cutoff,) * data.modes
    basis = FockBargmann(levels, tuple(data.ell.tolist()), data.kappa)
    for n, mean in zip(levels, quanta, strict=True):
        missing = scipy.stats.poisson.sf(n - 1, mean)
        if missing > 1e-6:
            raise InputError(
                f"`cutoff` must hold a coherent state of {mean:.3g} quanta, but {n} levels miss "
                f"{missing:.1g} of it: keep {math.ceil(mean + 7 * mean**0.5 + 9)}."
            )
    return basis
