"""Models that the command line knows by name."""

from collections.abc import Callable

import jax.numpy as jnp

from .dataset import Snapshots
from .errors import InputError
from .fokker_planck import Damped, FokkerPlanck
from .symbols import InUnits, Kerr


def kerr(data: Snapshots) -> FokkerPlanck:
    """A Kerr oscillator in the units of `data`; `interaction, omega, C, ell` are trainable."""
    if data.modes != 1:
        raise InputError(f"model 'kerr' is of one mode, but the data have {data.modes}.")
    zero, ell = jnp.zeros(()), float(data.ell[0])
    return FokkerPlanck(
        InUnits(Kerr(zero, zero), ell, data.kappa),
        ell=jnp.asarray(ell),
        kappa=data.kappa,
        hbar=data.hbar,
        C=jnp.ones(()),
    )


def kerr_damped(data: Snapshots) -> Damped:
    """The same with loss to a bath without quanta, its `rate` γ trainable too."""
    return Damped(kerr(data), jnp.zeros(()))


MODELS: dict[str, Callable[[Snapshots], FokkerPlanck | Damped]] = {
    "kerr": kerr,
    "kerr-damped": kerr_damped,
}
