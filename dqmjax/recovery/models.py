"""Models that the command line knows by name."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from ..data.series import Samples
from ..data.snapshots import Snapshots
from ..errors import InputError
from ..phase_space.fokker_planck import Damped, FokkerPlanck
from ..phase_space.symbols import AbstractSymbol, BoseHubbard, InUnits, Kerr


def _in_units(data: Snapshots | Samples, symbol: AbstractSymbol) -> FokkerPlanck:
    """The symbol in the units of `data`, every ℓ and C trainable."""
    ell = tuple(np.asarray(data.ell).tolist())
    return FokkerPlanck(
        InUnits(symbol, ell, data.kappa),
        ell=jnp.squeeze(jnp.asarray(ell)),
        kappa=data.kappa,
        hbar=data.hbar,
        C=jnp.ones(()),
    )


def kerr(data: Snapshots | Samples) -> FokkerPlanck:
    """A Kerr oscillator in the units of `data`; `interaction, omega, C, ell` are trainable."""
    if data.modes != 1:
        raise InputError(f"model 'kerr' is of one mode, but the data have {data.modes}.")
    zero = jnp.zeros(())
    return _in_units(data, Kerr(zero, zero))


def kerr_damped(data: Snapshots | Samples) -> Damped:
    """The same with loss to a bath without quanta, its `rate` γ trainable too."""
    return Damped(kerr(data), jnp.zeros(()))


def bose_hubbard(data: Snapshots | Samples) -> FokkerPlanck:
    """A Bose–Hubbard chain with a site for each mode; `tunnelling, interaction, C, ell`."""
    zero = jnp.zeros(())
    return _in_units(data, BoseHubbard(zero, zero, (data.modes,)))


MODELS: dict[str, Callable[[Snapshots | Samples], FokkerPlanck | Damped]] = {
    "kerr": kerr,
    "kerr-damped": kerr_damped,
    "bose-hubbard": bose_hubbard,
}
