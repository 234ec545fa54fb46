"""The equation of a symbol H from one derivative of it."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special
from jaxtyping import Array, Complex, Float, Int

from ..phase_space.coordinates import PhaseSpace, symplectic_form
from ..phase_space.fokker_planck import FokkerPlanck
from ..phase_space.open_system import own_flow, undissipated
from ..phase_space.polynomial import machine_epsilon
from .ladder import Word, words
from .terms import Axes, Numbers, Values, of_order, repeats


@dataclasses.dataclass(frozen=True, eq=False)
class Expansion:
    """The G of a `FokkerPlanck` equation, from the gradient of H.

    `G⁽ᵏ⁾ = X + X̄`, `X = i (Cħ)^{k−1}/k! H⁽ᵏ⁾ R…R`, `R = MPMᵀ` on every axis, with the P of
    `FokkerPlanck.tensor`, `w = Mξ`, and X̄ the conjugate of X with β and β* exchanged. H⁽ᵏ⁾ is
    linear in the coefficients of H, which JAX differentiates once to read them without those of a
    constant.
    """

    values: Values  # of ∂H/∂w
    energy: "_Energy"
    orders: tuple["_Order", ...]
    used: np.ndarray  # which of all coefficients occur
    columns: Sequence[Mapping[Word, int]]

    @classmethod
    def of(cls, space: PhaseSpace, flow: FokkerPlanck) -> "tuple[Expansion, np.ndarray]":
        """With the coefficients that do not vanish."""
        values, gradient = Values.of(_gradient, space, flow, [1] * (2 * space.modes))
        energy = _Energy.of(values.reader.exponents, values.used)
        orders = tuple(_Order.of(energy.exponents, k) for k in range(1, flow.order + 1))
        with jax.ensure_compile_time_eval():
            strengths = [np.asarray(one) for one in _strengths(space, flow)]
        found = _expanded(orders, energy.coefficients(gradient), *strengths)
        is_used = [np.abs(one) > least for one, least in zip(found, _least(found), strict=True)]
        columns = [
            words(order.axes[mu], order.exponents[f])
            for order, where in zip(orders, is_used, strict=True)
            for mu, f in np.argwhere(where)
        ]
        flat = np.concatenate([one.ravel() for one in found])
        used = np.flatnonzero(np.concatenate([one.ravel() for one in is_used]))
        return cls(values, energy, orders, used, columns), flat[used]

    def coefficients(self, space: PhaseSpace, law) -> Complex[Array, " columns"]:
        """From the gradient of H at the points of the reader."""
        flow = own_flow(undissipated(law))
        h = self.energy.coefficients(self.values.coefficients(space, flow))
        found = _expanded(self.orders, h, *_strengths(space, flow))
        return jnp.concatenate([one.ravel() for one in found])[self.used]


def _expanded(orders: "tuple[_Order, ...]", h, R, diffusivity) -> list:
    """The coefficients of each order, (derivatives, monomials); NumPy's or JAX's as `h` is."""
    power, found = np.ones((1, 1)), []
    for k, order in enumerate(orders, 1):
        power = order.power(power, R)
        found.append(order.expand(1j * diffusivity ** (k - 1) / math.factorial(k) * power, h))
    return found


def _strengths(space: PhaseSpace, flow: FokkerPlanck):
    """`R = MPMᵀ`, `P = L (1 − iJ) Lᵀ/2κ`, and Cħ."""
    modes, scaled = space.modes, space.amplitude_map * flow.space(space.modes).scale
    R = scaled @ (np.eye(2 * modes) - 1j * symplectic_form(modes)) @ scaled.T / (2 * flow.kappa)
    return R, flow.C * flow.hbar


def _least(found: list[np.ndarray]) -> list[float]:
    """What of each order is more than round-off."""
    largest, epsilon = [np.abs(one).max(initial=0.0) for one in found], machine_epsilon()
    return [max(epsilon**0.7 * one, 1000 * epsilon * max(largest)) for one in largest]


def _gradient(space: PhaseSpace, flow: FokkerPlanck, beta) -> Complex[Array, "points phase"]:
    """`∂H/∂w` at each β."""
    in_phase = jax.vmap(jax.jacfwd(flow.hamiltonian))(space.point(beta))
    return in_phase * space.scale**2 @ space.amplitude_map.conj().T


class _Energy(NamedTuple):
    """H without its constant, from its gradient: a monomial of degree d is `Σ_i w_i∂_i/d` of it."""

    exponents: Int[np.ndarray, "monomials phase"]
    place: Int[np.ndarray, "monomials phase"]  # of the monomial in ∂H/∂w_i; their number if none

    @classmethod
    def of(cls, gradient: Int[np.ndarray, "monomials phase"], used) -> "_Energy":
        """From the monomials of the gradient, and which of them occur in which component."""
        unit = np.eye(gradient.shape[1], dtype=int)
        exponents = np.unique(gradient[used[0]] + unit[used[1]], axis=0)
        return cls(exponents, _places(gradient, exponents[:, None] - unit))

    def coefficients(self, gradient: Numbers) -> Numbers:
        """Those of H."""
        numbers = _module(gradient)
        padded = numbers.pad(gradient, [(0, 1), (0, 0)])
        each = padded[self.place, np.arange(gradient.shape[1])]
        return numbers.sum(each, axis=1) / self.exponents.sum(axis=1)


class _Order(NamedTuple):
    """The derivatives of one order k, and what they act on."""

    axes: list[Axes]
    exponents: Int[np.ndarray, "monomials phase"]  # of H⁽ᵏ⁾
    place: Int[np.ndarray, "axes monomials"]  # of the monomial of H; their number if none
    factor: Float[np.ndarray, "axes monomials"]  # that differentiation gives
    repeats: Float[np.ndarray, " axes"]
    conjugate: tuple[np.ndarray, np.ndarray]  # axes and monomials with β and β* exchanged
    parent: Int[np.ndarray, " axes"]  # without the last derivative, one order lower
    lower: Int[np.ndarray, "axes phase"]  # without one of each kind; their number if none

    @classmethod
    def of(cls, energy: Int[np.ndarray, "monomials phase"], k: int) -> "_Order":
        """Of an H with these monomials."""
        modes = energy.shape[1] // 2
        axes, before = of_order(modes, k), of_order(modes, k - 1)
        times, times_before = (_times(some, 2 * modes) for some in (axes, before))
        left = (energy - times[:, None]).reshape(-1, 2 * modes)
        exponents = np.unique(left[(left >= 0).all(axis=1)], axis=0)
        whole = exponents + times[:, None]
        conjugate = [_places(rows, np.roll(rows, modes, axis=1)) for rows in (times, exponents)]
        return cls(
            axes,
            exponents,
            _places(energy, whole),
            np.prod(scipy.special.poch(exponents + 1, times[:, None]), axis=2),
            np.array([repeats(one) for one in axes], float),
            (conjugate[0], conjugate[1]),
            _places(times_before, _times([one[:-1] for one in axes], 2 * modes)),
            _places(times_before, times[:, None] - np.eye(2 * modes, dtype=int)),
        )

    def power(self, below: Numbers, R: Numbers) -> Numbers:
        """`R…R`, k of them, from that of one less: (derivatives of ρ, derivatives of H)."""
        last = [one[-1] for one in self.axes]
        numbers = _module(R)
        shorter = numbers.pad(below, [(0, 0), (0, 1)])[self.parent][:, self.lower]
        return numbers.einsum("mnc,cm->mn", shorter, R[:, np.array(last)])

    def expand(self, power: Numbers, h: Numbers) -> Numbers:
        """`X + X̄` for `X = power H⁽ᵏ⁾`, counting equal derivatives."""
        own = power @ (self.factor * _module(h).pad(h, (0, 1))[self.place])
        axes, monomials = self.conjugate
        return self.repeats[:, None] * (own + own[axes][:, monomials].conj())


def _module(array: Numbers):
    return np if isinstance(array, np.ndarray) else jnp


def _times(many: list[Axes], phase: int) -> Int[np.ndarray, "axes phase"]:
    """How often each coordinate is differentiated."""
    return np.array([[one.count(a) for a in range(phase)] for one in many]).reshape(-1, phase)


def _places(rows: Int[np.ndarray, "rows phase"], wanted) -> Int[np.ndarray, "..."]:
    """Where each of the wanted rows is; the number of rows if nowhere."""
    place = {tuple(row): i for i, row in enumerate(rows.tolist())}
    flat = wanted.reshape(-1, wanted.shape[-1]).tolist()
    found = [place.get(tuple(row), len(rows)) for row in flat]
    return np.array(found, int).reshape(wanted.shape[:-1])
