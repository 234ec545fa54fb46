"""Models that `recover` and the command line know by name, or by their Hamiltonian."""

import re
from collections.abc import Callable, Mapping

import jax.numpy as jnp
import numpy as np

from ..data.abstract import AbstractOscillatorData
from ..errors import InputError, require_increasing
from ..phase_space.catalogue import BoseHubbard, Kerr
from ..phase_space.fokker_planck import FokkerPlanck
from ..phase_space.formula import LADDER, parsed
from ..phase_space.open_system import Damped
from ..phase_space.operators import Operator, one_line, operator
from ..phase_space.symbols import AbstractSymbol, InUnits


def _in_units(data: AbstractOscillatorData, symbol: AbstractSymbol) -> FokkerPlanck:
    """The symbol in the units of `data`, with every ℓ and C trainable."""
    ell = tuple(np.asarray(data.ell, float).tolist())
    return FokkerPlanck(
        InUnits(symbol, ell, data.kappa),
        ell=jnp.asarray(ell[0] if len(ell) == 1 else ell),
        kappa=data.kappa,
        hbar=data.hbar,
        C=jnp.asarray(1.0),
    )


def kerr(data: AbstractOscillatorData) -> FokkerPlanck:
    """A Kerr oscillator in the units of `data`; `interaction, omega, C, ell` are trainable."""
    if data.modes != 1:
        raise InputError(
            f"`model` 'kerr' has one mode, but the data have {data.modes}: use 'bose-hubbard'."
        )
    return _in_units(data, Kerr(jnp.asarray(0.0), jnp.asarray(0.0)))


def kerr_damped(data: AbstractOscillatorData) -> Damped:
    """The same with loss to a bath without quanta; its `rate` γ is trainable too."""
    return Damped(kerr(data), jnp.asarray(0.0))


def bose_hubbard(data: AbstractOscillatorData) -> FokkerPlanck:
    """A Bose–Hubbard chain with a site for each mode; `tunnelling, interaction, C, ell`."""
    return _in_units(data, BoseHubbard(jnp.asarray(0.0), jnp.asarray(0.0), (data.modes,)))


MODELS: dict[str, Callable[[AbstractOscillatorData], FokkerPlanck | Damped]] = {
    "kerr": kerr,
    "kerr-damped": kerr_damped,
    "bose-hubbard": bose_hubbard,
}


def written(data: AbstractOscillatorData, text: str) -> FokkerPlanck:
    """The equation of a Hamiltonian in words, such as `"omega*n + U/2*n*(n-1)"`.

    Its parameters are trainable, real, and begin at one radian in the duration of the data; so are
    ℓ and C. The units are those of `data`: a parameter is a frequency times κ.

    Raises:
        InputError: If the text is no Hermitian operator of the modes of `data`.
    """
    text = one_line(text)
    begin = float(data.kappa) / float(data.t[-1] - data.t[0])
    values = {name: jnp.asarray(begin) for name in parsed(text).parameters}
    return _in_units(data, operator(text, data.modes, **values))


def combination(data: AbstractOscillatorData, terms: Mapping[str, str]) -> FokkerPlanck:
    """Quantum mechanics of `Σ_k c_k Ô_k`, in the units of `data`; only the c_k are trainable.

    Args:
        data: Snapshots, samples or counts.
        terms: Hermitian operators as text, by the names of their coefficients.

    Raises:
        InputError: If one is no Hermitian operator of the modes of `data`, or has parameters.
    """
    symbols = {name: _term(name, text, data.modes) for name, text in terms.items()}
    degree = max(sum(row) for symbol in symbols.values() for row in symbol.rows)
    begin = {name: jnp.asarray(0.0) for name in terms}
    text = " + ".join(f"{name}*({symbols[name].text})" for name in terms)
    ell = tuple(np.asarray(data.ell, float).tolist())
    symbol = InUnits(operator(text, data.modes, **begin), ell, data.kappa)
    return FokkerPlanck(
        symbol, ell=ell, kappa=data.kappa, hbar=data.hbar, C=1.0, order=max(degree, 2)
    )


def _term(name: str, text: str, modes: int) -> Operator:
    """One of those operators."""
    try:
        return operator(text, modes)
    except InputError as error:
        raise InputError(str(error).replace("`text`", f"`terms[{name!r}]`")) from None


def by_name(data: AbstractOscillatorData, model: str) -> FokkerPlanck | Damped:
    """One of `MODELS`, or the one that is `written`.

    Raises:
        InputError: If there is none.
    """
    require_increasing(t=data.t)
    if model in MODELS:
        return MODELS[model](data)
    if any(map(LADDER.fullmatch, re.findall(r"\w+", model))):
        try:
            return written(data, model)
        except InputError as error:
            raise InputError(str(error).replace("`text`", "`model`")) from None
    raise InputError(
        f"`model` must be an experiment, a Fokker–Planck equation, one of {', '.join(MODELS)}, or "
        f"a Hamiltonian such as 'omega*n + U/2*n*(n-1)', but is {model!r}."
    )
