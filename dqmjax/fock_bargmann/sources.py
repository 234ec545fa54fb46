"""What the generator of an equation of motion consists of: polynomials in β, β* and jumps.

An equation on phase space is `∂ρ/∂t = Σ_k Σ_ab… ∂_a∂_b… (G_ab…⁽ᵏ⁾ ρ)` in the coordinates
w = (β, β*). The coefficients of the polynomials G are found at arbitrary values of the parameters
once, and computed from the parameters in each program.
"""

import dataclasses
import itertools
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special
from jaxtyping import Array, Complex, Float, Int

from ..errors import require
from ..phase_space.coordinates import PhaseSpace, contract_all, symplectic_form
from ..phase_space.fokker_planck import Flow, FokkerPlanck
from ..phase_space.open_system import Damped, Dissipative, own_flow, undissipated
from ..phase_space.polynomial import Reader, machine_epsilon, read
from .ladder import Word, jump_words, monomial_word, words

Phase = Float[Array, " phase"]
HIDDEN = (
    "`symbol` must have its constants as fields of an `AbstractSymbol`: beside those that it "
    "hides, some of its terms were lost in round-off."
)
Numbers = Any  # an array of NumPy or JAX
Axes = tuple[int, ...]  # the a, b, … of `∂_{w_a}∂_{w_b}…`, a ≤ b ≤ …


@runtime_checkable
class Source(Protocol):
    """A part of a generator, `Σ_i c_i L_i`."""

    @property
    def columns(self) -> Sequence[Mapping[Word, float | int]]:
        """Each L_i as a sum of ladder words."""
        ...

    def coefficients(self, space: PhaseSpace, law) -> Complex[Array, " columns"]:
        """The c_i at the values of `law`."""
        ...


@dataclasses.dataclass(frozen=True, eq=False)
class Found:
    """The sources of one law, and their coefficients at arbitrary values."""

    sources: tuple[Source, ...]
    coefficients: np.ndarray


def of_density(space: PhaseSpace, law) -> Found:
    """The sources of a `Flow` or an open system that does not depend on time."""
    flow = undissipated(law)
    bare = flow.flow if isinstance(flow, Damped) else flow
    is_known = isinstance(bare, FokkerPlanck) and bare.factor is None
    found: list[tuple[Source, np.ndarray]] = []
    found.append(Expansion.of(space, bare) if is_known else Polynomials.of(space, flow))
    if is_known and isinstance(flow, Damped):
        found.append(Bath.of(space, flow))
    if isinstance(law, Dissipative):
        found.append(Jumps.of(space, law))
    sources, coefficients = zip(*found, strict=True)
    return Found(sources, np.concatenate(coefficients))


def of_ket(space: PhaseSpace, symbol: Callable) -> Found:
    """The source of Schrödinger's equation of a symbol that does not depend on time."""
    source, coefficients = Multiplication.of(space, symbol)
    return Found((source,), coefficients)


@dataclasses.dataclass(frozen=True, eq=False)
class Values:
    """Polynomials whose coefficients are read from their values."""

    evaluate: Callable  # (space, law, points β) → the polynomials' values, (points, terms)
    reader: Reader
    used: tuple[np.ndarray, ...]  # monomial and term of each coefficient that occurs

    @classmethod
    def of(cls, evaluate: Callable, space: PhaseSpace, law, orders: Sequence[int]):
        """Those that do not vanish at the values of `law`, with all their coefficients."""
        traceable = lambda leaf: jnp.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf
        at = lambda beta: evaluate(*jax.tree.map(traceable, (space, law)), beta)
        reader, coefficients = read(at, space.modes, orders)
        return cls(evaluate, reader, np.nonzero(coefficients)), coefficients

    def coefficients(self, space: PhaseSpace, law) -> Complex[Array, "monomials terms"]:
        """They are NaN if `law` has terms that were not there when the pattern was found."""
        values = self.evaluate(space, law, jnp.asarray(self.reader.beta))
        coefficients = self.reader.coefficients(values)
        missing = jax.lax.stop_gradient(values - self._rebuilt(coefficients))
        most = machine_epsilon(values.dtype) ** 0.5 * jnp.max(jnp.abs(values))
        return jnp.asarray(require(coefficients, jnp.max(jnp.abs(missing)) <= most, HIDDEN))

    def _rebuilt(self, coefficients):
        """The values of the polynomials without the terms that the pattern has not found."""
        is_used = np.zeros(coefficients.shape, bool)
        is_used[self.used] = True
        return self.reader.monomials @ jnp.where(is_used, coefficients, 0.0)


@dataclasses.dataclass(frozen=True, eq=False)
class Multiplication:
    """`−iĤ/κ` on kets, from the values of H."""

    values: Values
    columns: Sequence[Mapping[Word, int]]

    @classmethod
    def of(cls, space: PhaseSpace, symbol: Callable) -> "tuple[Multiplication, np.ndarray]":
        """With the coefficients that do not vanish."""
        values, found = Values.of(_schroedinger, space, symbol, (0,))
        monomials = values.used[0]
        columns = [{monomial_word(values.reader.exponents[m]): 1} for m in monomials]
        return cls(values, columns), found[values.used]

    def coefficients(self, space: PhaseSpace, law) -> Complex[Array, " columns"]:
        """From `−iH/κ` at the points of the reader."""
        return self.values.coefficients(space, law)[self.values.used]


def _schroedinger(space: PhaseSpace, symbol: Callable, beta) -> Complex[Array, "points terms"]:
    """`−iH/κ` at each β."""
    values = jax.vmap(FokkerPlanck(symbol).hamiltonian)(space.point(beta))
    return -1j * values[:, None] / space.kappa


@dataclasses.dataclass(frozen=True, eq=False)
class Polynomials:
    """The G of any flow, from their values."""

    values: Values
    columns: Sequence[Mapping[Word, int]]

    @classmethod
    def of(cls, space: PhaseSpace, flow: Flow) -> "tuple[Polynomials, np.ndarray]":
        """With the coefficients that do not vanish."""
        terms = derivatives(space.modes, flow.order)
        values, found = Values.of(components, space, flow, [len(axes) for axes in terms])
        exponents = values.reader.exponents
        columns = [words(terms[k], exponents[m]) for m, k in zip(*values.used, strict=True)]
        return cls(values, columns), found[values.used]

    def coefficients(self, space: PhaseSpace, law) -> Complex[Array, " columns"]:
        """From the tensors of the flow at the points of the reader."""
        return self.values.coefficients(space, undissipated(law))[self.values.used]


def derivatives(modes: int, order: int) -> list[Axes]:
    """The derivatives `∂_{w_a}∂_{w_b}…`, a ≤ b ≤ …, up to `order`."""
    return list(itertools.chain(*(_of_order(modes, k) for k in range(1, order + 1))))


def _of_order(modes: int, k: int) -> list[Axes]:
    return list(itertools.combinations_with_replacement(range(2 * modes), k))


def _repeats(axes: Axes) -> int:
    """How often a derivative occurs in the sum over all a, b, …."""
    same = math.prod(math.factorial(n) for n in Counter(axes).values())
    return math.factorial(len(axes)) // same


def components(space: PhaseSpace, flow: Flow, beta) -> Complex[Array, "points terms"]:
    """What `derivatives` act on, at each β: the G⁽ᵏ⁾ in coordinates (β, β*)."""
    change = jnp.asarray(space.amplitude_map)

    def of_order(k: int, xi: Phase) -> Complex[Array, " terms"]:
        alike = _of_order(space.modes, k)
        tensor = contract_all(flow.tensor(k, xi), change.T)
        repeats = jnp.array([_repeats(axes) for axes in alike])
        return repeats * tensor[tuple(np.array(alike).T)]

    def at(xi: Phase):
        return jnp.concatenate([of_order(k, xi) for k in range(1, flow.order + 1)])

    return jax.vmap(at)(space.point(beta))


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
        axes, before = _of_order(modes, k), _of_order(modes, k - 1)
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
            np.array([_repeats(one) for one in axes], float),
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


@dataclasses.dataclass(frozen=True, eq=False)
class Bath:
    """`(γ/2)(∂_β β + ∂_β* β*)ρ + Σ_ab ∂_a∂_b (γ/2)(n̄ + 1)(MLLᵀMᵀ)_ab ρ` of `Damped`, `w = Mξ`."""

    used: np.ndarray  # which of the second derivatives occur
    columns: Sequence[Mapping[Word, int]]

    @classmethod
    def of(cls, space: PhaseSpace, flow: Damped) -> "tuple[Bath, np.ndarray]":
        """With the coefficients that do not vanish."""
        phase = 2 * space.modes
        with jax.ensure_compile_time_eval():
            spread = np.asarray(_bath_spread(space, flow))
        used = np.flatnonzero(np.abs(spread) > machine_epsilon() ** 0.7 * np.abs(spread).max())
        second = [_of_order(space.modes, 2)[i] for i in used]
        columns = [words((a,), row) for a, row in enumerate(np.eye(phase, dtype=int))]
        columns += [words(axes, np.zeros(phase, int)) for axes in second]
        return cls(used, columns), np.append(np.full(phase, flow.rate / 2), spread[used])

    def coefficients(self, space: PhaseSpace, law) -> Complex[Array, " columns"]:
        """They are linear in γ."""
        flow = undissipated(law)
        drift = jnp.full(2 * space.modes, flow.rate / 2)
        return jnp.concatenate([drift, _bath_spread(space, flow)[self.used]])


def _bath_spread(space: PhaseSpace, flow: Damped) -> Numbers:
    scaled = space.amplitude_map * flow.flow.space(space.modes).scale
    tensor = flow.rate * (flow.thermal + 1) / 2 * scaled @ scaled.T
    axes = _of_order(space.modes, 2)
    return np.array([_repeats(one) for one in axes]) * tensor[tuple(np.array(axes).T)]


@dataclasses.dataclass(frozen=True, eq=False)
class Jumps:
    """The dissipators `γ(ĴρĴ† − ½Ĵ†Ĵρ − ½ρĴ†Ĵ)` of an open system, `Ĵ = Σ_r j_r W_r`."""

    used: np.ndarray  # which products of two terms occur
    columns: Sequence[Mapping[Word, float | int]]

    @classmethod
    def of(cls, space: PhaseSpace, law: Dissipative) -> "tuple[Jumps, np.ndarray]":
        """Those that do not vanish at the values of `law`, with their coefficients."""
        with jax.ensure_compile_time_eval():
            rows = [tuple(terms) for _, terms in law.dissipators(space)]
            values = np.asarray(_products(space, law))
        pairs = [pair for of in rows for pair in itertools.product(of, repeat=2)]
        used = np.flatnonzero(np.abs(values) > machine_epsilon() ** 0.7 * np.abs(values).max())
        return cls(used, [jump_words(*pairs[i]) for i in used]), values[used]

    def coefficients(self, space: PhaseSpace, law: Dissipative) -> Complex[Array, " columns"]:
        """`γ j_r j_s*`."""
        return _products(space, law)[self.used]


def _products(space: PhaseSpace, law: Dissipative) -> Complex[Array, " pairs"]:
    """`γ j_r j_s*` of all jumps."""
    found = []
    for rate, terms in law.dissipators(space):
        j = jnp.stack([jnp.asarray(c) + 0j for c in terms.values()])
        found.append(rate * jnp.outer(j, j.conj()).ravel())
    return jnp.concatenate(found)
