"""The quadratic part of H, which constraint C7 frees from diffusion: `[H̃₀'', J] = 0`.

arXiv:2603.20399, section III F.
"""

import dataclasses
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex, Float

from ..errors import InputError, require_instance, require_whole
from ..user_function import called_once
from .coordinates import symplectic_form
from .fokker_planck import Factor, FokkerPlanck
from .ordering import SYMMETRIC, reorder
from .polynomial import Polynomial, machine_epsilon, polynomial
from .symbols import require_static

Number = Any  # a scalar of JAX or NumPy
Matrix = Float[np.ndarray, "phase phase"]
Ell = tuple[float, ...] | None


def free_ell(flow: FokkerPlanck, modes: int | None = None) -> tuple[float, ...]:
    """The ℓ, one for each mode, for which the quadratic part H₀ does not diffuse, `[H̃₀'', J] = 0`.

    `ℓ_i⁴ = κ² (∂²H₀/∂p_i²)/(∂²H₀/∂q_i²)`, so ℓ² = κ/mω for an oscillator. H₀ is the quadratic part
    of the symmetrically ordered (Weyl) symbol, the classical one.

    Args:
        flow: `FokkerPlanck`, at concrete parameters. H is the anti-Wick symbol for its ℓ.
        modes: N, required if neither the symbol nor ℓ determines it.

    Raises:
        InputError: If none exists, as for neighbours coupled by their positions, N is unknown, or H
            is no polynomial of degree up to 8.

    Example:
        >>> flow = dqm.FokkerPlanck(dqm.operator("p**2/2 + 2*q**2"))
        >>> [round(x, 3) for x in dqm.free_ell(flow)]  # 1/√ω with ω = 2
        [0.707]
    """
    (quadratic,) = quadratic_parts(without_units(flow, modes), SYMMETRIC)
    found = ell_of(quadratic, flow.ell)
    if found is None:
        raise InputError(
            "`symbol` must have a quadratic part without diffusion for some ℓ, but has none: "
            "positions and momenta are coupled differently, or a mode is no oscillator. Write it "
            "in its normal modes, each with ℓ = √(κ/mω)."
        )
    return found


def without_units(flow: FokkerPlanck, modes: int | None) -> FokkerPlanck:
    """`flow` in the coordinates z, with the real part of H/κ and an ℓ for each mode."""
    modes = _modes(flow, modes)
    scale, kappa = np.asarray(flow.space(modes).scale), flow.kappa
    return dataclasses.replace(
        flow,
        symbol=_at(scale, lambda q, p: jnp.real(flow.symbol(q, p)) / kappa),
        ell=(1.0,) * modes,
        kappa=1.0,
        hbar=flow.hbar / kappa,
        factor=flow.factor and _with_units(flow.factor, scale, kappa),
    )


def _with_units(factor: Factor, scale: np.ndarray, kappa) -> Factor:
    """A factor that is given H/κ and z, and gives H and (q, p) to the user's."""

    def found(symbol, q, p):
        energy = _at(1 / scale, lambda q, p: kappa * symbol(q, p))
        return _at(scale, partial(factor, energy))(q, p)

    return found


def _at(scale: np.ndarray, f: Callable) -> Callable:
    """`f` of `scale` times the point."""
    return lambda q, p: f(*jnp.split(scale * jnp.concatenate([q, p]), 2))


def _modes(flow: FokkerPlanck, modes: int | None) -> int:
    """N, if `flow` can be checked.

    Raises:
        InputError: As `check`.
    """
    require_instance(FokkerPlanck, flow=flow)
    require_static(flow.depends_on_time)
    if modes is not None:
        require_whole(1, modes=modes)
    if modes is None and flow.modes is None:
        raise InputError("`modes` must be given: the symbol and `ell` of `flow` leave it open.")
    if None not in (modes, flow.modes) and modes != flow.modes:
        raise InputError(f"`modes` must be the {flow.modes} of `flow`, but is {modes}.")
    modes = modes or flow.modes or 1
    shape = called_once("symbol", flow.symbol, *np.ones((2, modes))).shape
    if shape:
        raise InputError(f"`symbol` must return one number, but returns {shape} of them.")
    return modes


def quadratic_parts(flow: FokkerPlanck, *orders: int) -> list[Matrix]:
    """H̃₀'' for orders of â and â†: the Hessian at 0 of that symbol, of a polynomial H.

    With ħ/κ for ħ the order of the anti-Wick symbol is s = −ħ/κ, antinormal for 1.
    """
    modes, hbar = np.size(flow.ell), float(flow.hbar)
    given = polynomial(flow.symbol, modes)
    change = np.roll(np.asarray(flow.space(modes).amplitude_map), modes, axis=0)
    symbols = [reorder(given, -hbar, hbar * order) for order in orders]
    return [np.real(change.T @ _hessian(symbol) @ change) for symbol in symbols]


def _hessian(symbol: Polynomial) -> Complex[np.ndarray, "phase phase"]:
    """At 0, in (α*, α)."""
    hessian = np.zeros((2 * symbol.modes,) * 2, complex)
    coefficients = np.asarray(symbol.coefficients)
    for row, coefficient in zip(np.array(symbol.powers), coefficients, strict=True):
        if row.sum() == 2:
            a, b = np.repeat(np.arange(row.size), row)
            hessian[a, b] += coefficient
            hessian[b, a] += coefficient
    return hessian


def free_diffusion(hessian: Matrix) -> tuple[Matrix, Matrix]:
    """`[H̃₀'', J]`, and the first of the two terms that it is the difference of."""
    J = symplectic_form(len(hessian) // 2)
    return hessian @ J - J @ hessian, hessian @ J


def ell_of(quadratic: Matrix, unit) -> Ell:
    """The solution of the diagonal of `[H̃₀'', J] = 0`, if it solves the rest, times `unit`."""
    q, p = np.split(np.diag(quadratic), 2)
    nothing = (q == 0) & (p == 0)
    if not (nothing | (q * p > 0)).all():
        return None
    ell = (np.where(nothing, 1.0, p) / np.where(nothing, 1.0, q)) ** 0.25
    scale = np.concatenate([ell, 1 / ell])
    if relative(*free_diffusion(scale[:, None] * quadratic * scale)) > tolerance():
        return None
    return tuple((ell * np.asarray(unit)).tolist())


def tolerance() -> float:
    """Below which a constraint holds: √ε."""
    return math.sqrt(machine_epsilon())


def relative(rest, whole) -> Number:
    """Largest of `rest` over the largest of `whole`, or 0 if both vanish; NumPy's if they are."""
    numbers = np if isinstance(rest, np.ndarray) else jnp
    size = numbers.max(numbers.abs(whole))
    return numbers.max(numbers.abs(rest)) / numbers.where(size > 0, size, 1.0)
