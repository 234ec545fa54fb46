"""The constraints on a Fokker–Planck equation of time-symmetric stochastic mechanics.

C1–C7 of arXiv:2603.20399, section III, as numbers at sample points z. Each is relative to the size
of the terms that should cancel: 0 to round-off means that the constraint holds, in any units.
"""

import dataclasses
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ..errors import InputError, require_instance, require_whole
from ..user_function import called_once
from .coordinates import derivatives, symplectic_form
from .fokker_planck import Damped, FokkerPlanck
from .ordering import SYMMETRIC, reorder
from .polynomial import machine_epsilon, polynomial

Number = Any  # a scalar of JAX or NumPy
Matrix = Float[np.ndarray, "phase phase"]


@dataclasses.dataclass(frozen=True)
class Constraints:
    """The result of `check`; `print` it."""

    real: float  # |Im H| / |H|
    limit: float  # C1: terms besides Liouville's equation at C = 0 and at ħ = 0
    symmetry: float  # C2: D − Dᵀ
    locality: float  # C3: change of each G⁽ᵏ⁾ if H is replaced by its Taylor polynomial
    reversal: float  # C4: T𝓛T⁻¹ + 𝓛, T: p → −p
    energy: float  # C5: Σ_k (−1)^k G⁽ᵏ⁾·∇^k H, whose mean is d⟨H⟩/dt
    C: float  # C6: one constant
    free: float  # C7: [H̃₀'', J], H₀ the quadratic part
    traceless: float  # tr D
    free_ell: tuple[float, ...] | None  # the ℓ for which `free` is 0, if one exists
    is_exact: bool  # quantum mechanics, not a truncation
    tolerance: float  # below which a constraint holds: √ε

    def __repr__(self) -> str:
        rows = [
            ("   H real", self.real),
            ("C1 Liouville's equation for C → 0 and ħ → 0", self.limit),
            ("C2 D symmetric", self.symmetry),
            ("C3 drift and diffusion from derivatives of H there", self.locality),
            ("C4 time reversal, T𝓛T⁻¹ = −𝓛", self.reversal),
            ("C5 ⟨H⟩ conserved at every point", self.energy),
            ("C7 no diffusion from the quadratic part of H", self.free),
            ("   D traceless", self.traceless),
        ]
        lines = [
            f"{'holds' if size < self.tolerance else 'FAILS':5}  {size:7.1e}  {name}"
            for name, size in rows
        ]
        lines.insert(6, f"       C = {self.C:.6g}  C6 one constant")
        if self.free_ell is None:
            lines.append("No ℓ makes the quadratic part free of diffusion: use its normal modes.")
        else:
            ell = ", ".join(f"{x:.6g}" for x in self.free_ell)
            lines.append(f"Without diffusion from the quadratic part for ℓ = {ell}.")
        lines.append(
            "Exact: quantum mechanics." if self.is_exact else "A truncation of quantum mechanics."
        )
        return "\n".join(lines)


def check(flow: FokkerPlanck | Damped, modes: int | None = None) -> Constraints:
    """The constraints C1–C7 for `flow`, at concrete parameters.

    A Hamiltonian that is complex or not invariant under time reversal is reported, not an error. If
    it is complex, the other numbers are those of its real part.

    Args:
        flow: Equation of motion.
        modes: N, required if neither the symbol nor ℓ determines it.

    Raises:
        InputError: If N is unknown, `flow` has a bath, or H is no polynomial of degree up to 8.
    """
    if isinstance(flow, Damped):
        raise InputError("`flow` must be a `FokkerPlanck`: a bath has none of these symmetries.")
    scaled = _scaled(flow, modes)
    points = np.random.default_rng(0).normal(size=(8, 2 * np.size(scaled.ell)))
    quadratic = _quadratic(scaled)
    numbers = {"real": _imaginary(flow, points), **_residuals(scaled, points)}
    return Constraints(
        C=float(scaled.C),
        free=float(_relative(*_free_diffusion(quadratic))),
        free_ell=_free_ell(quadratic, flow.ell),
        is_exact=scaled.is_exact,
        tolerance=_tolerance(),
        **{name: float(x) for name, x in numbers.items()},
    )


def free_ell(flow: FokkerPlanck, modes: int | None = None) -> tuple[float, ...]:
    """The ℓ, one for each mode, for which the quadratic part H₀ does not diffuse, `[H̃₀'', J] = 0`.

    `ℓ_i⁴ = κ² (∂²H₀/∂p_i²)/(∂²H₀/∂q_i²)`, so ℓ² = κ/mω for an oscillator. H₀ is the quadratic part
    of the symmetrically ordered (Weyl) symbol, the classical one.

    Raises:
        InputError: If none exists, as for neighbours coupled by their positions, N is unknown, or H
            is no polynomial of degree up to 8.
    """
    found = _free_ell(_quadratic(_scaled(flow, modes)), flow.ell)
    if found is None:
        raise InputError(
            "`symbol` must have a quadratic part without diffusion for some ℓ, but has none: "
            "positions and momenta are coupled differently, or a mode is no oscillator. Write it "
            "in its normal modes, each with ℓ = √(κ/mω)."
        )
    return found


def _scaled(flow: FokkerPlanck, modes: int | None) -> FokkerPlanck:
    """`flow` in the coordinates z, with the real part of H/κ and an ℓ for each mode."""
    require_instance(FokkerPlanck, flow=flow)
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
    scale = np.asarray(flow.space(modes).scale)
    symbol = lambda q, p: jnp.real(flow.symbol(*jnp.split(scale * jnp.concatenate([q, p]), 2)))
    return dataclasses.replace(
        flow,
        symbol=lambda q, p: symbol(q, p) / flow.kappa,
        ell=(1.0,) * modes,
        kappa=1.0,
        hbar=flow.hbar / flow.kappa,
    )


@eqx.filter_jit
def _imaginary(flow: FokkerPlanck, points) -> Number:
    """`|Im H|/|H|`."""
    values = jax.vmap(lambda z: flow.symbol(*jnp.split(flow.scale(z) * z, 2)))(points)
    return _relative(jnp.imag(values), values)


@eqx.filter_jit
def _residuals(flow: FokkerPlanck, points) -> dict[str, Number]:
    matrix = jax.vmap(flow.diffusion)(points)
    return {
        "limit": _limit(flow, points),
        "symmetry": _relative(matrix - jnp.swapaxes(matrix, 1, 2), matrix),
        "locality": _locality(flow, points),
        "reversal": _reversal(flow, points),
        "energy": _energy(flow, points),
        "traceless": _relative(jnp.trace(matrix, axis1=1, axis2=2), matrix),
    }


def _tolerance() -> float:
    return math.sqrt(machine_epsilon())


def _relative(rest, whole) -> Number:
    """Largest of `rest` over the largest of `whole`, or 0 if both vanish; NumPy's if they are."""
    numbers = np if isinstance(rest, np.ndarray) else jnp
    size = numbers.max(numbers.abs(whole))
    return numbers.max(numbers.abs(rest)) / numbers.where(size > 0, size, 1.0)


def _limit(flow: FokkerPlanck, points) -> Number:
    """The terms besides Liouville's equation at C = 0 and at ħ = 0."""
    drift = jax.vmap(flow.drift)(points)
    limits = (eqx.tree_at(where, flow, 0.0) for where in (lambda f: f.C, lambda f: f.hbar))
    left = [
        _relative(jax.vmap(lambda z, f=f, k=k: f.tensor(k, z))(points), drift)
        for f in limits
        for k in range(2, flow.order + 1)
    ]
    return jnp.max(jnp.stack([jnp.zeros(()), *left]))


def _locality(flow: FokkerPlanck, points) -> Number:
    """Change of each G⁽ᵏ⁾ if H is replaced by its Taylor polynomial of order k at the point."""

    def taylor(z, order: int) -> FokkerPlanck:
        def symbol(q, p):
            away, total = jnp.concatenate([q, p]) - z, 0.0
            for k in range(order + 1):
                term = derivatives(flow.hamiltonian, k)(z)
                for _ in range(k):
                    term = term @ away
                total += term / math.factorial(k)
            return total

        return dataclasses.replace(flow, symbol=symbol)

    def change(k: int, z):
        exact = flow.tensor(k, z)
        return taylor(z, k).tensor(k, z) - exact, exact

    sizes = [
        _relative(*jax.vmap(lambda z, k=k: change(k, z))(points)) for k in range(1, flow.order + 1)
    ]
    return jnp.max(jnp.stack(sizes))


def _reversal(flow: FokkerPlanck, points) -> Number:
    """`G⁽ᵏ⁾(Tξ) T…T + G⁽ᵏ⁾(ξ)`, the coefficients of `T𝓛T⁻¹ + 𝓛`."""
    half = points.shape[1] // 2
    turn = jnp.concatenate([jnp.ones(half), -jnp.ones(half)])

    def both(k, xi):
        turned = flow.tensor(k, turn * xi)
        for axis in range(k):
            turned = turned * turn.reshape([-1 if a == axis else 1 for a in range(k)])
        return turned + flow.tensor(k, xi), flow.tensor(k, xi)

    orders = range(1, flow.order + 1)
    sizes = [_relative(*jax.vmap(lambda xi, k=k: both(k, xi))(points)) for k in orders]
    return jnp.stack(sizes).max()


def _energy(flow: FokkerPlanck, points) -> Number:
    """`Σ_k (−1)^k G⁽ᵏ⁾·∇^k H` over the sum of its absolute terms."""

    def terms(xi):
        total, size = 0.0, 0.0
        for k in range(1, flow.order + 1):
            products = flow.tensor(k, xi) * derivatives(flow.hamiltonian, k)(xi)
            total += (-1) ** k * jnp.sum(products)
            size += jnp.sum(jnp.abs(products))
        return total, size

    return _relative(*jax.vmap(terms)(points))


def _quadratic(flow: FokkerPlanck) -> Matrix:
    """Hessian at 0 of the Weyl symbol, `exp((ħ/4κ) Δ_z) H`, of a polynomial H.

    With ħ/κ for ħ the order of â and ↠is s = −ħ/κ, antinormal for 1.
    """
    modes = np.size(flow.ell)
    weyl = reorder(polynomial(flow.symbol, modes), -float(flow.hbar), SYMMETRIC)
    hessian = np.zeros((2 * modes, 2 * modes), complex)  # in (α*, α)
    for row, coefficient in zip(np.array(weyl.powers), np.asarray(weyl.coefficients), strict=True):
        if row.sum() == 2:
            a, b = np.repeat(np.arange(2 * modes), row)
            hessian[a, b] += coefficient
            hessian[b, a] += coefficient
    change = np.roll(np.asarray(flow.space(modes).amplitude_map), modes, axis=0)
    return np.real(change.T @ hessian @ change)


def _free_diffusion(hessian: Matrix) -> tuple[Matrix, Matrix]:
    """`[H̃₀'', J]`, and the first of the two terms that it is the difference of."""
    J = symplectic_form(len(hessian) // 2)
    return hessian @ J - J @ hessian, hessian @ J


def _free_ell(quadratic: Matrix, unit) -> tuple[float, ...] | None:
    """The solution of the diagonal of `[H̃₀'', J] = 0`, if it solves the rest, times `unit`."""
    q, p = np.split(np.diag(quadratic), 2)
    nothing = (q == 0) & (p == 0)
    if not (nothing | (q * p > 0)).all():
        return None
    ell = (np.where(nothing, 1.0, p) / np.where(nothing, 1.0, q)) ** 0.25
    scale = np.concatenate([ell, 1 / ell])
    if _relative(*_free_diffusion(scale[:, None] * quadratic * scale)) > _tolerance():
        return None
    return tuple((ell * np.asarray(unit)).tolist())
