"""What the generator of an equation of motion consists of: polynomials in β, β* and jumps.

An equation on phase space is `∂ρ/∂t = Σ_k Σ_ab… ∂_a∂_b… (G_ab…⁽ᵏ⁾ ρ)` in the coordinates
w = (β, β*). The coefficients of the polynomials G are found at arbitrary values of the parameters
once, and computed from the parameters in each program.
"""

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..phase_space.coordinates import PhaseSpace, contract_all
from ..phase_space.fokker_planck import Flow, FokkerPlanck
from ..phase_space.open_system import Damped, Dissipative, undissipated
from ..phase_space.polynomial import machine_epsilon
from .expansion import Expansion
from .ladder import Word, jump_words, monomial_word, words
from .terms import Axes, Numbers, Values, derivatives, of_order, repeats

Phase = Float[Array, " phase"]


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
    if is_known:
        found.append(Expansion.of(space, bare))
    else:
        terms = derivatives(space.modes, flow.order)
        found.append(Polynomials.of(space, flow, components, terms, words))
    if is_known and isinstance(flow, Damped):
        found.append(Bath.of(space, flow))
    if isinstance(law, Dissipative):
        found.append(Jumps.of(space, law))
    sources, coefficients = zip(*found, strict=True)
    return Found(sources, np.concatenate(coefficients))


def of_ket(space: PhaseSpace, symbol: Callable) -> Found:
    """The source of Schrödinger's equation of a symbol that does not depend on time."""
    word = lambda axes, exponent: {monomial_word(exponent): 1}
    source, coefficients = Polynomials.of(space, symbol, _schroedinger, [()], word)
    return Found((source,), coefficients)


def _schroedinger(space: PhaseSpace, symbol: Callable, beta) -> Complex[Array, "points terms"]:
    """`−iH/κ` at each β."""
    values = jax.vmap(FokkerPlanck(symbol).hamiltonian)(space.point(beta))
    return -1j * values[:, None] / space.kappa


@dataclasses.dataclass(frozen=True, eq=False)
class Polynomials:
    """Polynomials in β, β* behind derivatives, from their values: the G of any flow, `−iĤ/κ`."""

    values: Values
    columns: Sequence[Mapping[Word, int]]

    @classmethod
    def of(
        cls, space: PhaseSpace, law, evaluate: Callable, terms: list[Axes], words_of: Callable
    ) -> "tuple[Polynomials, np.ndarray]":
        """With the coefficients that do not vanish.

        Args:
            space: Scales of β.
            law: The equation.
            evaluate: (space, law, points β) → the polynomials' values, (points, terms).
            terms: The derivatives that stand before each polynomial.
            words_of: Ladder words of such derivatives and the exponents of a monomial.
        """
        values, found = Values.of(evaluate, space, law, [len(axes) for axes in terms])
        exponents = values.reader.exponents
        columns = [words_of(terms[k], exponents[m]) for m, k in zip(*values.used, strict=True)]
        return cls(values, columns), found[values.used]

    def coefficients(self, space: PhaseSpace, law) -> Complex[Array, " columns"]:
        """From the values at the points of the reader."""
        return self.values.coefficients(space, undissipated(law))[self.values.used]


def components(space: PhaseSpace, flow: Flow, beta) -> Complex[Array, "points terms"]:
    """What `derivatives` act on, at each β: the G⁽ᵏ⁾ in coordinates (β, β*)."""
    change = jnp.asarray(space.amplitude_map)

    def parts(k: int, xi: Phase) -> Complex[Array, " terms"]:
        alike = of_order(space.modes, k)
        tensor = contract_all(flow.tensor(k, xi), change.T)
        times = jnp.array([repeats(axes) for axes in alike])
        return times * tensor[tuple(np.array(alike).T)]

    def at(xi: Phase):
        return jnp.concatenate([parts(k, xi) for k in range(1, flow.order + 1)])

    return jax.vmap(at)(space.point(beta))


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
        second = [of_order(space.modes, 2)[i] for i in used]
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
    axes = of_order(space.modes, 2)
    return np.array([repeats(one) for one in axes]) * tensor[tuple(np.array(axes).T)]


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
