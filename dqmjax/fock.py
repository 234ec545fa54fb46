"""Husimi densities as Fock–Bargmann coefficients."""

import itertools
import math
from collections import Counter, defaultdict
from typing import Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact

from .errors import InputError, require_positive
from .ladder import Blocks, Shifts, Word, shift_of, weight_of, words
from .polynomials import Sampler, amplitude_map, contract_all, generic, phase_space, total_degree

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


class FockBargmann(eqx.Module):
    """Husimi densities by their coefficients, which are the density matrix in number states.

    `ρ(q, p) = (2πκ)^−N e^{−|β|²} Σ ρ_mn β*^m β^n / √(m! n!)`, `β_i = (q_i/ℓ_i + iℓ_i p_i/κ)/√2`

    Every Husimi density is of this form (e^{−|β|²} times a sesqui-analytic function), and
    the Fokker–Planck equation, ill-posed on a grid, is well-conditioned here.

    Args:
        cutoff: Levels kept, 0 … cutoff−1, of each mode: an integer for one mode, else a tuple.
        ell: ℓ, length scale of the measuring coherent states; one number or one per mode.
        kappa: κ, action scale (ħ for quantum theory).

    Coefficients have shape `(*cutoff, *cutoff)`, indices `m₁…m_N n₁…n_N`.

    Raises:
        InputError: If a cut-off is not an integer of at least 2, or ℓ has another length.
    """

    cutoff: tuple[int, ...] = eqx.field(
        static=True, converter=lambda c: (c,) if np.ndim(c) == 0 else tuple(c)
    )
    ell: Float[Array, " modes"] | Float[Array, ""] | tuple[float, ...] | float = 1.0
    kappa: Float[Array, ""] | float = 1.0

    def __check_init__(self):
        require_positive(ell=self.ell, kappa=self.kappa)
        for levels in self.cutoff:
            if not isinstance(levels, int | np.integer) or levels < 2:
                raise InputError(
                    f"`cutoff` must hold integers of at least 2, but is {self.cutoff}."
                )
        if np.ndim(self.ell) and np.size(self.ell) != self.modes:
            raise InputError(
                f"`ell` must be one number or one per mode, but has {np.size(self.ell)} entries "
                f"for {self.modes} modes: give `cutoff` one entry per mode."
            )

    @property
    def modes(self) -> int:
        """N."""
        return len(self.cutoff)

    @property
    def levels(self) -> tuple[int, ...]:
        """Shape of the coefficients."""
        return self.cutoff * 2

    def amplitude(self, xi: Phase) -> Complex[Array, " modes"]:
        """`β` of a point `ξ = (q, p)`."""
        return (amplitude_map(self.modes, self.ell, self.kappa) @ xi)[: self.modes]

    def coherent(self, alpha: Inexact[Array, "..."] | complex | float) -> Complex[Array, "*levels"]:
        """The coherent state |α⟩: a Gaussian at β = α of the smallest width.

        Args:
            alpha: ⟨β⟩, in units of √quanta; one number, or one per mode.
        """
        alpha = jnp.atleast_1d(jnp.asarray(alpha)) + 0j
        if alpha.shape != (self.modes,):
            raise InputError(
                f"`alpha` must have one entry for each of the {self.modes} modes, but has "
                f"shape {alpha.shape}."
            )
        psi = self._overlaps(alpha)
        return jnp.multiply.outer(psi, psi.conj())

    def from_qutip(self, state) -> Complex[Array, "*levels"]:
        """Coefficients of a QuTiP ket or density matrix, levels beyond the cut-off dropped.

        Missing levels are filled with zeros.

        Raises:
            InputError: If `state` is no ket or operator on as many modes.
        """
        if state.isket:
            state = state.proj()
        if not state.isoper or len(state.dims[0]) != self.modes:
            raise InputError(
                f"`state` must be a ket or a density matrix on {self.modes} modes, but has "
                f"dims {state.dims}."
            )
        full = state.full().reshape(state.dims[0] + state.dims[1])
        kept = full[tuple(slice(n) for n in self.levels)]
        missing = [(0, n - have) for n, have in zip(self.levels, kept.shape, strict=True)]
        return jnp.asarray(np.pad(kept, missing))

    def density(
        self, coefficients: Complex[Array, "*levels"], points: Float[Array, "points phase"]
    ) -> Float[Array, " points"]:
        """The density per dq dp at `points`, rows `(q₁…q_N, p₁…p_N)`."""
        overlaps = self.overlaps(points)
        matrix = coefficients.reshape(2 * [math.prod(self.cutoff)])
        probability = jnp.sum((overlaps.conj() @ matrix) * overlaps, axis=1).real
        return probability / (2 * jnp.pi * self.kappa) ** self.modes

    def overlaps(self, points: Float[Array, "points phase"]) -> Complex[Array, "points states"]:
        """`⟨m|β⟩` of all number states m, raveled, with the coherent state at each point."""
        return jax.vmap(lambda xi: self._overlaps(self.amplitude(xi)).ravel())(points)

    def edge_weight(self, coefficients: Complex[Array, "*levels"]) -> Float[Array, ""]:
        """Share of ‖ρ‖² in coefficients with an index at its cut-off; small if all is well."""
        inner = coefficients[tuple(slice(n - 1) for n in self.levels)]
        total = jnp.sum(jnp.abs(coefficients) ** 2)
        return 1 - jnp.sum(jnp.abs(inner) ** 2) / total

    def generator(self, flow: Flow) -> Shifts:
        """The equation of motion of `flow` on the coefficients.

        Raises:
            InputError: If `flow` is not polynomial in (q, p), or its degree needs more levels.
        """
        return self.blocks(flow)[0]

    def blocks(self, flow: Flow) -> tuple[Shifts, Blocks]:
        """`generator(flow)` together with the index sets that it connects."""
        declared = getattr(flow, "modes", None)
        if declared not in (None, self.modes):
            raise InputError(
                f"`basis` must have the {declared} modes of the equation, but has {self.modes}: "
                "give `cutoff` one entry per mode."
            )
        assembly = _Assembly(self, flow)
        return assembly.operator(self, flow), Blocks(assembly.shifts, self.levels, assembly.live)

    def _overlaps(self, beta: Complex[Array, " modes"]) -> Complex[Array, "*cutoff"]:
        """`⟨m|β⟩ = e^{−|β|²/2} β^m/√m!`, as an outer product over the modes."""
        total = jnp.ones(())
        for b, levels in zip(beta, self.cutoff, strict=True):
            first = jnp.exp(-(jnp.abs(b) ** 2) / 2).astype(b.dtype)
            ratios = b / np.sqrt(np.arange(1, levels))
            mode = jnp.cumprod(jnp.concatenate([first[None], ratios]))
            total = jnp.multiply.outer(total, mode)
        return total


class _Assembly:
    """The static part of a generator: which shifts there are and what they are made of.

    Found at arbitrary values near 1 of all parameters (`generic`), so it holds for every
    value, and the traced part is one small linear map from coefficients to weights.
    """

    def __init__(self, basis: FockBargmann, flow: Flow):
        with jax.ensure_compile_time_eval():
            generic_basis, generic_flow = generic((basis, flow))
            evaluate = jax.jit(lambda beta: _components(generic_basis, generic_flow, beta))
            epsilon = float(jnp.finfo(jnp.zeros(()).dtype).eps) ** 0.7  # above round-off
            self._sampler = Sampler(basis.modes, total_degree(evaluate, basis.modes, epsilon))
            coefficients = self._sampler.coefficients(np.asarray(evaluate(self._sampler.beta)))
        size = np.abs(coefficients)
        self._derivatives, _ = _derivatives(basis.modes, flow.order)
        largest = np.zeros(flow.order + 1)  # of each order: what should cancel is round-off of it
        orders = np.array([len(axes) for axes in self._derivatives])
        np.maximum.at(largest, orders, size.max(axis=0))
        used = np.argwhere(size > epsilon * largest[orders])
        self._used = tuple(used.T)
        self._terms = _merge(self._sampler, used, self._derivatives)
        self._check_reach(basis)
        self._drop_cancelled(basis, coefficients, epsilon)

    def operator(self, basis: FockBargmann, flow: Flow) -> Shifts:
        coefficients = self._sampler.coefficients(_components(basis, flow, self._sampler.beta))
        weights = self._weights(basis, coefficients)
        return Shifts(self.shifts, jnp.stack(weights).reshape(-1, *basis.levels))

    def _drop_cancelled(self, basis, coefficients, epsilon: float):
        """Drops the shifts whose terms cancel, as do those of second order at C = 1."""
        weights = np.abs(self._weights(basis, coefficients))
        without_signs = np.stack(self._weights(basis, np.abs(coefficients), np.abs))
        self.live = weights > epsilon * without_signs
        stays = np.array([not any(shift) for shift in self._terms])
        kept = np.logical_or(self.live.any(axis=1), stays)
        self.live = self.live[kept]
        self._terms = {s: t for (s, t), keep in zip(self._terms.items(), kept, strict=True) if keep}

    @property
    def shifts(self) -> tuple[tuple[int, ...], ...]:
        return tuple(self._terms)

    def _weights(self, basis, coefficients, sign=np.asarray) -> list:
        """Weights of each shift at every index, raveled; NumPy or JAX as `coefficients` is."""
        picked = coefficients[self._used]
        return [
            (sign(np.stack(list(rows.values()))) @ picked)
            @ np.stack([_outer(word, basis.levels).ravel() for word in rows])
            for rows in self._terms.values()
        ]

    def _check_reach(self, basis: FockBargmann):
        reach = np.abs(np.array(list(self._terms))).max(axis=0, initial=0)
        if (reach >= np.array(basis.levels)).any():
            raise InputError(
                f"`cutoff` must exceed the {reach.max()} levels that one step of the symbol "
                f"climbs, but is {basis.cutoff}: keep more levels."
            )


def _merge(sampler, used: np.ndarray, derivatives) -> dict[tuple[int, ...], dict[Word, np.ndarray]]:
    """For each shift its words, each with its row of factors on the used coefficients."""
    merged = defaultdict(lambda: defaultdict(lambda: np.zeros(len(used))))
    unity = ("",) * sampler.exponents.shape[1]
    merged[shift_of(unity)][unity]  # so that the operator zero has a shift too
    for column, (monomial, component) in enumerate(used):
        for word, factor in words(derivatives[component], sampler.exponents[monomial]).items():
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


def _components(
    basis: FockBargmann, flow: Flow, beta
) -> Complex[Array | np.ndarray, "points terms"]:
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


def _outer(word: Word, levels: tuple[int, ...]) -> np.ndarray:
    """Weight of a word at every index."""
    total = np.ones(())
    for letters, n in zip(word, levels, strict=True):
        total = np.multiply.outer(total, weight_of(letters, n))
    return total
