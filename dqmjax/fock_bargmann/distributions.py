"""Distributions in a state on number states: of quanta, of a quadrature, and Wigner's function.

A state is given by its coefficients or, if it is pure, by the amplitudes of its ket.
"""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact, Num

from ..errors import InputError, field, finite, real_field, require_instance, require_whole
from ..grid import density
from ..phase_space.coordinates import require_points
from .amplitudes import gaussian, oscillator, recurrence
from .basis import FockBargmann

State = Inexact[Array, "..."]
AT_ONCE = 1 << 18  # elements of the matrices of displaced parity in memory, 4 MB


def photon_numbers(basis: FockBargmann, state: State) -> Float[Array, "*cutoff"]:
    """`P(n₁ … n_N) = ⟨n|ρ̂|n⟩`, the distribution of quanta over the modes.

    Args:
        basis: That of `state`.
        state: Coefficients or amplitudes.

    Raises:
        InputError: If `state` has the shape of neither.

    Example:
        >>> basis = dqm.FockBargmann(12)
        >>> print(dqm.readout.photon_numbers(basis, basis.coherent(1.0))[:3].round(3))  # e⁻¹/n!
        [0.368 0.368 0.184]
    """
    state = as_state(basis, "state", state)
    if state.ndim == basis.modes:
        return density(state)
    modes = list(range(basis.modes))
    return jnp.einsum(state, [*modes, *modes], modes).real


def parity(basis: FockBargmann, state: State) -> Float[Array, ""]:
    """`⟨(−1)^n̂⟩`, n̂ the quanta of all modes together.

    Args:
        basis: That of `state`.
        state: Coefficients or amplitudes.

    Raises:
        InputError: If `state` has the shape of neither.

    Example:
        >>> basis = dqm.FockBargmann(12)
        >>> round(float(dqm.readout.parity(basis, basis.cat(1.0, np.pi))), 3)  # an odd cat
        -1.0
    """
    numbers = photon_numbers(basis, state)
    return jnp.sum(numbers * (-1.0) ** np.indices(basis.cutoff).sum(axis=0))


def wigner(
    basis: FockBargmann, state: State, points: Num[Array | np.ndarray, "count phase"]
) -> Float[Array, " count"]:
    """Wigner's function per dq dp, from displaced parities.

    `W(q, p) = (πκ)^−N tr(ρ̂ Π_i D(β_i)(−1)^n̂_i D†(β_i))`

    Royer (1977), doi:10.1103/PhysRevA.15.449. The matrices of the displaced parity are Laguerre
    functions. Their recurrence in the level is stable, so that the error is round-off.

    Args:
        basis: That of `state`.
        state: Coefficients or amplitudes.
        points: Rows (q₁…q_N, p₁…p_N).

    Raises:
        InputError: If `state` has another shape, or `points` are no rows of 2N real numbers.

    Example:
        >>> basis = dqm.FockBargmann(12)
        >>> print(dqm.readout.wigner(basis, basis.fock(1), jnp.zeros((1, 2))).round(3))  # −1/πκ
        [-0.318]
    """
    state = as_state(basis, "state", state)
    space = basis.space
    beta = space.amplitude(require_points(points, 2 * basis.modes))
    return _wigner(basis.cutoff, state, beta) / (space.cell / 2**basis.modes)


def quadratures(
    basis: FockBargmann,
    state: State,
    x: Num[Array | np.ndarray, " count"],
    angle: Float[Array, ""] | float = 0.0,
    *,
    mode: int = 0,
) -> Float[Array, " count"]:
    """Density per dx of the quadrature `x = Q cos θ + P sin θ` of one mode.

    `Q = q/ℓ`, `P = ℓp/κ`; the other modes are integrated out.

    Args:
        basis: That of `state`.
        state: Coefficients or amplitudes.
        x: Where, without units; 1/√2 is the width of the vacuum.
        angle: θ.
        mode: Which one.

    Raises:
        InputError: If `state` has another shape, `x` is no list of real numbers, `angle` is no real
            number, or there is no such mode.

    Example:
        >>> basis = dqm.FockBargmann(12)
        >>> print(dqm.readout.quadratures(basis, basis.fock(0), jnp.zeros(1)).round(3))  # 1/√π
        [0.564]
    """
    state = as_state(basis, "state", state)
    x = real_field("x", x, (np.size(x),))
    angle = finite("angle", angle, shape=())
    require_whole(mode=mode)
    if mode >= basis.modes:
        raise InputError(f"`mode` must be one of 0 … {basis.modes - 1}, but is {mode!r}.")
    levels = basis.cutoff[mode]
    bras = oscillator(levels, x) * jnp.exp(-1j * angle * np.arange(levels))[:, None]
    if state.ndim == basis.modes:
        overlaps = jnp.tensordot(bras, state, axes=(0, mode))
        return jnp.sum(density(overlaps.reshape(x.size, -1)), axis=1)
    axes = list(range(basis.modes))
    other = [len(axes) if axis == mode else axis for axis in axes]
    rho = jnp.einsum(state, [*axes, *other], [mode, len(axes)])
    return jnp.sum(bras * (rho @ bras.conj()), axis=0).real


def as_state(basis: FockBargmann, name: str, state) -> Inexact[Array, "..."]:
    """`state` as coefficients or amplitudes, finite where they are known.

    Raises:
        InputError: Naming the argument.
    """
    require_instance(FockBargmann, basis=basis)
    array = field(name, state)
    if array.shape not in (basis.cutoff, basis.levels):
        raise InputError(
            f"`{name}` must have the basis's shape {basis.levels}, or {basis.cutoff} of a ket, but "
            f"has {array.shape}."
        )
    return array


def mean(state: State, operators: Sequence) -> Inexact[Array, ""]:
    """`tr(ρ̂ Â_1 ⊗ Â_2 …)` with a matrix for each mode."""
    modes, moved = len(operators), state
    if state.ndim == modes:
        for matrix in operators:
            moved = jnp.tensordot(moved, matrix, axes=(0, 1))
        return jnp.vdot(state, moved)
    for mode, matrix in enumerate(operators):
        moved = jnp.tensordot(matrix, moved, axes=((1, 0), (0, modes - mode)))
    return moved


@functools.partial(jax.jit, static_argnums=0)
def _wigner(cutoff: tuple[int, ...], state: State, beta: Complex[Array, "count modes"]):
    """The mean displaced parity at each β."""

    def at(beta):
        pairs = zip(cutoff, beta, strict=True)
        return mean(state, [displaced_parity(levels, b) for levels, b in pairs]).real

    return jax.lax.map(at, beta, batch_size=max(1, AT_ONCE // max(cutoff) ** 2))


def displaced_parity(levels: int, beta: Complex[Array, ""]) -> Complex[Array, "levels levels"]:
    """`⟨m|D(β)(−1)^n̂ D†(β)|n⟩ = ⟨m|D(2β)|n⟩ (−1)ⁿ`.

    `⟨j+k|D(α)|j⟩ = √(j!/(j+k)!) α^k e^{−|α|²/2} L_j^k(|α|²)`, by the recurrence in j of Laguerre's
    polynomials. It is stable, because they are its dominant solution.
    """
    alpha, k = 2 * beta, np.arange(levels)
    square, j = density(alpha), np.arange(1, levels)[:, None]
    size = np.sqrt(j * (j + k))
    a, b = (2 * j - 1 + k - square) / size, np.sqrt((j - 1) * (j - 1 + k)) / size
    x, log = recurrence(a, b, gaussian(levels, alpha, 0.0))
    elements = (-1.0) ** np.arange(levels)[:, None] * x * jnp.exp(log - square / 2)
    m, n = np.indices((levels, levels))
    element = elements[np.minimum(m, n), np.abs(m - n)]
    return jnp.where(m >= n, element, element.conj())
