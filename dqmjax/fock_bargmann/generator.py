"""Equations of motion on phase space as operators on Fock–Bargmann coefficients."""

import functools
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float

from ..errors import InputError
from ..phase_space.coordinates import amplitude_map, contract_all, phase_space
from ..phase_space.fokker_planck import FokkerPlanck
from ..phase_space.polynomial import Sampler, generic, in_chunks, total_degree
from .ladder import Blocks, Gathered, Shifts, Word, edge, gathered, shift_of, weight_of, words

Phase = Float[Array, " phase"]


@runtime_checkable
class Flow(Protocol):
    """`∂ρ/∂t = Σ_k Σ_ab… ∂_a∂_b… (G_ab…⁽ᵏ⁾ ρ)`, k = 1 … `order`, in the coordinates ξ = (q, p)."""

    @property
    def order(self) -> int:
        """The highest number of derivatives."""
        ...

    def tensor(self, k: int, xi: Phase) -> Float[Array, "..."]:
        """G⁽ᵏ⁾ at one point, symmetric, with k axes of 2N."""
        ...


class Assembly:
    """The static part of a generator: which shifts there are and what they are made of.

    Found at arbitrary values near 1 of all parameters (`generic`), so it holds for every
    value, and the traced part is one small linear map from coefficients to weights.

    Args:
        basis: Coefficients that the generator acts on, at such values.
        law: A pytree, as `components` takes it, at such values.
        components: `components(basis, law, beta)`, polynomials in β, β*: (points, terms).
        words_of: `words_of(exponent, term)`, what a monomial of a term does, as ladder words.
        orders: Number of derivatives of each term: what should cancel in one order is
            round-off of the largest there.
        kept: Which of the coefficients there are.
    """

    def __init__(self, basis, law, components: Callable, words_of: Callable, orders, kept):
        self.kept, self._components = kept, components
        evaluate = jax.jit(lambda beta: components(basis, law, beta))
        epsilon = float(jnp.finfo(jnp.zeros(()).dtype).eps) ** 0.7  # above round-off
        self._sampler = Sampler(basis.modes, total_degree(evaluate, basis.modes, epsilon))
        coefficients = self._sampler.coefficients(in_chunks(evaluate, self._sampler.beta))
        size, orders = np.abs(coefficients), np.asarray(orders)
        largest = np.zeros(orders.max() + 1)
        np.maximum.at(largest, orders, size.max(axis=0))
        used = np.argwhere(size > epsilon * largest[orders])
        self._used = tuple(used.T)
        self._terms = _merge(used, lambda row, term: words_of(self._sampler.exponents[row], term))
        self._terms.setdefault((0,) * kept.ndim, {("",) * kept.ndim: np.zeros(len(used))})
        self._check_reach()
        self._drop_cancelled(coefficients, epsilon)

    def operator(self, basis, law) -> Shifts | Gathered:
        """The generator at the values of `law`."""
        beta = jnp.asarray(self._sampler.beta)
        coefficients = self._sampler.coefficients(self._components(basis, law, beta))
        weights = jnp.stack(self._weights(coefficients))
        if not self.kept.all():
            return gathered(self.shifts, weights, self.kept)
        return Shifts(self.shifts, weights.reshape(-1, *self.kept.shape))

    @property
    def edge(self) -> Bool[np.ndarray, "*levels"]:
        """The coefficients that it moves out of those kept."""
        return edge(self.kept, self.shifts)

    def blocks(self) -> Blocks:
        """The index sets that it connects."""
        return Blocks(self.shifts, self.kept, self._live)

    def _drop_cancelled(self, coefficients, epsilon: float):
        """Drops the shifts whose terms cancel, as do those of second order at C = 1."""
        weights = np.abs(self._weights(coefficients))
        without_signs = np.stack(self._weights(np.abs(coefficients), np.abs))
        live = weights > epsilon * without_signs
        stays = np.array([not any(shift) for shift in self._terms])
        kept = np.logical_or(live.any(axis=1), stays)
        self._live = live[kept]
        self._terms = {s: t for (s, t), keep in zip(self._terms.items(), kept, strict=True) if keep}

    @property
    def shifts(self) -> tuple[tuple[int, ...], ...]:
        return tuple(self._terms)

    def _weights(self, coefficients, sign=np.asarray) -> list:
        """Weights of each shift at every kept index; NumPy or JAX as `coefficients` is."""
        picked, index = coefficients[self._used], np.nonzero(self.kept)
        return [
            (sign(np.stack(list(rows.values()))) @ picked)
            @ np.stack([_at(word, self.kept.shape, index) for word in rows])
            for rows in self._terms.values()
        ]

    def _check_reach(self):
        reach, levels = np.abs(np.array(list(self._terms))).max(axis=0), self.kept.shape
        if (reach >= np.array(levels)).any():
            raise InputError(
                f"`cutoff` must exceed the {reach.max()} levels that one step of the symbol "
                f"climbs, but is {levels}: keep more levels."
            )


def of_flow(basis, flow: Flow) -> Assembly:
    """The generator of `flow` on the coefficients of a density."""
    return _assemble(_of_flow, basis, flow)


def of_symbol(basis, symbol: Callable) -> Assembly:
    """`−iĤ/κ` on the amplitudes of a ket, Ĥ that of the anti-Wick symbol H(q, p)."""
    return _assemble(_of_symbol, basis, symbol)


class _Structure:
    """Basis and law at generic values: equal for all that differ in trainable values only."""

    def __init__(self, basis, law):
        self.tree = generic((basis, law))
        leaves, treedef = jax.tree.flatten(self.tree)
        described = (
            (np.shape(x), np.asarray(x).tobytes()) if eqx.is_array_like(x) else x for x in leaves
        )
        self._key = (treedef, tuple(described), jnp.zeros(()).dtype)

    def __hash__(self):
        return hash(self._key)

    def __eq__(self, other):
        return self._key == other._key


def _assemble(make: Callable, basis, law) -> Assembly:
    with jax.ensure_compile_time_eval():
        return _once(make, _Structure(basis, law))


@functools.lru_cache(maxsize=16)
def _once(make: Callable, structure: _Structure) -> Assembly:
    """One assembly for all values of the parameters: it takes longer than most runs."""
    return make(*structure.tree)


def _of_flow(basis, flow: Flow) -> Assembly:
    derivatives, _ = _derivatives(basis.modes, flow.order)
    return Assembly(
        basis,
        flow,
        _components,
        lambda exponent, term: words(derivatives[term], exponent),
        [len(axes) for axes in derivatives],
        basis.kept,
    )


def _of_symbol(basis, symbol: Callable) -> Assembly:
    def components(basis, symbol, beta):
        points = jax.vmap(lambda b: phase_space(b, basis.ell, basis.kappa))(jnp.asarray(beta))
        values = jax.vmap(FokkerPlanck(symbol).hamiltonian)(points)
        return -1j * values[:, None] / basis.kappa

    def words_of(exponent, term):
        pairs = zip(exponent[basis.modes :], exponent[: basis.modes], strict=True)
        return {tuple("+" * up + "-" * down for up, down in pairs): 1}

    return Assembly(basis, symbol, components, words_of, [0], basis.kept_kets)


def _merge(used: np.ndarray, words_of) -> dict[tuple[int, ...], dict[Word, np.ndarray]]:
    """For each shift its words, each with its row of factors on the used coefficients."""
    merged = defaultdict(lambda: defaultdict(lambda: np.zeros(len(used))))
    for column, (monomial, term) in enumerate(used):
        for word, factor in words_of(monomial, term).items():
            merged[shift_of(word)][word][column] += factor
    return {shift: dict(rows) for shift, rows in merged.items()}


def _derivatives(modes: int, order: int) -> tuple[list[tuple[int, ...]], list[np.ndarray]]:
    """The derivatives `∂_{w_a}∂_{w_b}…`, a ≤ b ≤ …, of each order, and how often each occurs in
    the sum over all a, b, …."""
    by_order = [
        list(itertools.combinations_with_replacement(range(2 * modes), k))
        for k in range(1, order + 1)
    ]
    permutations = lambda axes: (
        math.factorial(len(axes)) // math.prod(math.factorial(n) for n in Counter(axes).values())
    )
    times = [np.array([permutations(axes) for axes in alike]) for alike in by_order]
    return list(itertools.chain(*by_order)), times


def _components(basis, flow: Flow, beta) -> Complex[Array | np.ndarray, "points terms"]:
    """What `_derivatives` act on, at each β: the G⁽ᵏ⁾ in coordinates (β, β*)."""
    change = amplitude_map(basis.modes, basis.ell, basis.kappa)
    derivatives, times = _derivatives(basis.modes, flow.order)

    def at(b):
        xi, parts = phase_space(b, basis.ell, basis.kappa), []
        for k, often in enumerate(times, 1):
            tensor = contract_all(flow.tensor(k, xi), change.T)
            axes = np.array([axes for axes in derivatives if len(axes) == k])
            parts.append(often * tensor[tuple(axes.T)])
        return jnp.concatenate(parts)

    return jax.vmap(at)(jnp.asarray(beta))


def _at(word: Word, levels: tuple[int, ...], index) -> Float[np.ndarray, " size"]:
    """Weight of a word at the given indices."""
    axes = zip(word, levels, index, strict=True)
    return np.prod([weight_of(letters, n)[i] for letters, n, i in axes], axis=0)
