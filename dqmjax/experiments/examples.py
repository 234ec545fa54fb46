"""Small data sets of every kind, of a Kerr oscillator that begins in a coherent state."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from ..data.abstract import AbstractData
from ..data.counting import Parity, PhotonNumbers
from ..data.samples import Samples
from ..data.series import Series
from ..data.snapshots import Snapshots
from ..errors import InputError
from ..evolution.solve import solve
from ..fock_bargmann import readout
from ..fock_bargmann.basis import FockBargmann
from ..fock_bargmann.steps import HusimiStep
from ..phase_space.catalogue import Kerr
from ..phase_space.fokker_planck import FokkerPlanck

BASIS = FockBargmann(25)
TIMES = np.linspace(0.0, 1.0, 9)  # in µs
SHOTS = 400
ELL = np.ones(1)
TRUTH = "U = 2 and omega = 0.7 per us, alpha = 1.5"


def example(kind: str) -> AbstractData:
    """Data of a kind, drawn from `TRUTH`.

    Args:
        kind: A name of `KINDS`.

    Raises:
        InputError: If there is no such kind.
    """
    if kind not in KINDS:
        raise InputError(f"`kind` must be one of {', '.join(KINDS)}, but is {kind!r}.")
    flow = FokkerPlanck(Kerr(2.0, 0.7))
    states = solve(HusimiStep(flow, BASIS), BASIS.coherent(1.5), jnp.asarray(TIMES)).saved
    return KINDS[kind](states)


def _samples(states) -> Samples:
    keys = jax.random.split(jax.random.key(0), len(states))
    drawn = [readout.sample(key, BASIS, rho, SHOTS) for key, rho in zip(keys, states, strict=True)]
    return Samples(TIMES, np.stack(drawn), ELL, time_unit="us")


def _points(size: int) -> np.ndarray:
    x = np.linspace(-3.5, 3.5, size)
    return np.stack([axis.ravel() for axis in np.meshgrid(x, x)], axis=1)


def _counts(states) -> Snapshots:
    points = _points(15)
    part = 2 * np.pi * np.asarray(BASIS.density(states, jnp.asarray(points)))
    counts = np.random.default_rng(0).binomial(SHOTS, np.clip(part, 0, 1))
    density = counts / SHOTS / (2 * np.pi)
    scales = {"ell": ELL, "kappa": 1.0, "hbar": 1.0, "time_unit": "us"}
    return Snapshots(TIMES, points, density, shots=SHOTS, counts=counts, **scales)


def _snapshots(states) -> Snapshots:
    points = _points(15)
    density = np.asarray(BASIS.density(states, jnp.asarray(points)))
    noise = 0.002 * np.random.default_rng(0).normal(size=density.shape)
    scales = {"ell": ELL, "kappa": 1.0, "hbar": 1.0, "time_unit": "us"}
    return Snapshots(TIMES, points, density + noise, sigma=0.002, **scales)


def _numbers(states) -> PhotonNumbers:
    part = np.stack([np.asarray(readout.photon_numbers(BASIS, rho)) for rho in states])
    random = np.random.default_rng(0)
    counts = np.stack([random.multinomial(SHOTS, np.clip(p, 0, 1) / p.sum()) for p in part])
    return PhotonNumbers(TIMES, counts, time_unit="us")


def _parity(states) -> Parity:
    points = _points(7)
    mean = np.pi * np.stack([np.asarray(readout.wigner(BASIS, rho, points)) for rho in states])
    even = np.random.default_rng(0).binomial(SHOTS, np.clip((1 + mean) / 2, 0, 1))
    return Parity(TIMES, even, SHOTS, points, time_unit="us")


def _series(states) -> Series:
    """⟨a⟩, real and imaginary part."""
    a = np.stack([np.asarray(readout.moment(BASIS, rho, (0,), (1,))) for rho in states])
    noise = 0.02 * np.random.default_rng(0).normal(size=(len(a), 2))
    return Series(TIMES, np.stack([np.real(a), np.imag(a)], axis=1) + noise, 0.02)


KINDS: dict[str, Callable[[jax.Array], AbstractData]] = {
    "samples": _samples,
    "snapshots": _snapshots,
    "counts": _counts,
    "photon-numbers": _numbers,
    "parity": _parity,
    "series": _series,
}
