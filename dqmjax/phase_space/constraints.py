"""What a Fokker–Planck equation of time-symmetric stochastic mechanics has to satisfy.

The constraints C1–C7 of arXiv:2603.20399, section III, as numbers at sample points z, each relative
to the size of what should cancel, so that 0 to round-off means that it holds, in whatever units.
"""

import dataclasses
import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import InputError
from .coordinates import derivatives, symplectic_form
from .fokker_planck import Damped, FokkerPlanck
from .polynomial import MAX_DEGREE

Number = Float[Array, ""]


@dataclasses.dataclass(frozen=True)
class Constraints:
    """What `check` found; `print` it."""

    real: float  # |Im H| / |H|
    limit: float  # C1: what is left beside Liouville's equation at C = 0 and at ħ = 0
    symmetry: float  # C2: D − Dᵀ
    locality: float  # C3: change of each G⁽ᵏ⁾ if H is cut to its derivatives up to k
    reversal: float  # C4: T𝓛T⁻¹ + 𝓛, T: p → −p
    energy: float  # C5: Σ_k (−1)^k G⁽ᵏ⁾·∇^k H, of which ∫ρ is d⟨H⟩/dt
    C: float  # C6: one constant
    free: float  # C7: [H̃₀'', J], H₀ the quadratic part
    traceless: float  # tr D
    free_ell: tuple[float, ...] | None  # the ℓ for which `free` is 0, if there is one
    is_exact: bool  # quantum mechanics, not a truncation
    tolerance: float  # below which a number is taken for 0: √ε

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

    A Hamiltonian that is complex or not its own time reverse is reported, not refused; of a complex
    one everything else is said of the real part.

    Args:
        flow: Equation of motion.
        modes: N, where neither the symbol nor ℓ tells.

    Raises:
        InputError: If N is not known, `flow` has a bath, or H is no polynomial of degree up to 8.
    """
    if isinstance(flow, Damped):
        raise InputError("`flow` must be a `FokkerPlanck`: a bath has none of these symmetries.")
    scaled = _scaled(flow, modes)
    points = jnp.asarray(np.random.default_rng(0).normal(size=(8, 2 * np.size(scaled.ell))))
    values = jax.vmap(lambda z: flow.symbol(*jnp.split(flow.scale(z) * z, 2)))(points)
    quadratic = _quadratic(scaled)
    return Constraints(
        real=float(_relative(jnp.imag(values), values)),
        C=float(scaled.C),
        free=float(_relative(*_free_diffusion(quadratic))),
        free_ell=_free_ell(quadratic, flow.ell),
        is_exact=scaled.is_exact,
        tolerance=_tolerance(),
        **{name: float(x) for name, x in _residuals(scaled, points).items()},
    )


def free_ell(flow: FokkerPlanck, modes: int | None = None) -> tuple[float, ...]:
    """The ℓ, one for each mode, for which the quadratic part H₀ does not diffuse, `[H̃₀'', J] = 0`.

    `ℓ_i⁴ = κ² (∂²H₀/∂p_i²)/(∂²H₀/∂q_i²)`, which is κ/mω for an oscillator; H₀ is the quadratic
    part of the symmetrically ordered (Weyl) symbol, the classical one.

    Raises:
        InputError: If there is none, as for neighbours coupled by their positions, N is not known,
            or H is no polynomial of degree up to 8.
    """
    found = _free_ell(_quadratic(_scaled(flow, modes)), flow.ell)
    if found is None:
        raise InputError(
            "`symbol` must have a quadratic part that some ℓ frees of diffusion, but none does: "
            "positions are coupled unlike momenta, or a mode is no oscillator. Write it in its "
            "normal modes (of a lattice: the waves), each with its own ℓ = √(κ/mω)."
        )
    return found


def _scaled(flow: FokkerPlanck, modes: int | None) -> FokkerPlanck:
    """`flow` in the coordinates z, of the real part of H, with ℓ that tells N."""
    if modes is None and flow.modes is None:
        raise InputError("`modes` must be given: neither the symbol nor `ell` of `flow` tells it.")
    if None not in (modes, flow.modes) and modes != flow.modes:
        raise InputError(f"`modes` must be the {flow.modes} of `flow`, but is {modes}.")
    ell = jnp.ones(modes or flow.modes or 1)
    scale = flow.scale(jnp.zeros(2 * ell.size))
    symbol = lambda q, p: jnp.real(flow.symbol(*jnp.split(scale * jnp.concatenate([q, p]), 2)))
    return dataclasses.replace(
        flow,
        symbol=lambda q, p: symbol(q, p) / flow.kappa,
        ell=ell,
        kappa=1.0,
        hbar=flow.hbar / flow.kappa,
    )


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
    return float(jnp.sqrt(jnp.finfo(jnp.zeros(()).dtype).eps))


def _relative(rest, whole) -> Number:
    """Largest of `rest` beside the largest of `whole`; 0 beside nothing."""
    size = jnp.max(jnp.abs(whole))
    return jnp.max(jnp.abs(rest)) / jnp.where(size > 0, size, 1.0)


def _limit(flow: FokkerPlanck, points) -> Number:
    """What is left beside Liouville's equation at C = 0 and at ħ = 0."""
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
    """`G⁽ᵏ⁾(Tξ) T…T + G⁽ᵏ⁾(ξ)`: 𝓛 is the operator that these are the coefficients of."""
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
    """`Σ_k (−1)^k G⁽ᵏ⁾·∇^k H` beside the sum of its absolute terms."""

    def terms(xi):
        total, size = 0.0, 0.0
        for k in range(1, flow.order + 1):
            products = flow.tensor(k, xi) * derivatives(flow.hamiltonian, k)(xi)
            total += (-1) ** k * jnp.sum(products)
            size += jnp.sum(jnp.abs(products))
        return total, size

    return _relative(*jax.vmap(terms)(points))


def _quadratic(flow: FokkerPlanck) -> Float[Array, "phase phase"]:
    """Hessian at 0 of the Weyl symbol, `exp((ħ/4κ) Δ_z) H`, a finite sum for polynomials."""
    zero = jnp.zeros(2 * np.size(flow.ell))
    points = jnp.asarray(np.random.default_rng(1).normal(size=(4, zero.size)))
    size = jnp.abs(jax.vmap(flow.hamiltonian)(points)).max()
    total, term = jnp.zeros((zero.size, zero.size)), flow.hamiltonian
    for k in range(1, MAX_DEGREE // 2 + 2):
        if not jnp.abs(jax.jit(jax.vmap(term))(points)).max() > _tolerance() * size:
            return total
        total = total + jax.jit(jax.hessian(term))(zero)
        term = _laplacian(term, flow.hbar / (4 * k))
    raise InputError(
        f"`symbol` must be a polynomial in q and p of degree at most {MAX_DEGREE}, for its "
        "quadratic part to be known, but is not."
    )


def _laplacian(f: Callable, factor) -> Callable:
    """`factor · Δf`."""

    def second(z, e):
        along = lambda z: jax.jvp(f, (z,), (e,))[1]
        return jax.jvp(along, (z,), (e,))[1]

    return lambda z: factor * jnp.sum(jax.vmap(lambda e: second(z, e))(jnp.eye(z.size)))


def _free_diffusion(hessian: Float[Array, "phase phase"]):
    """`[H̃₀'', J]`, and what it is a difference of."""
    J = symplectic_form(len(hessian) // 2)
    return hessian @ J - J @ hessian, hessian @ J


def _free_ell(quadratic: Float[Array, "phase phase"], unit) -> tuple[float, ...] | None:
    """The solution of the diagonal of `[H̃₀'', J] = 0`, if it solves the rest, times `unit`."""
    q, p = jnp.split(jnp.diag(quadratic), 2)
    nothing = (q == 0) & (p == 0)
    if not (nothing | (q * p > 0)).all():
        return None
    ratio = jnp.where(nothing, 1.0, p) / jnp.where(nothing, 1.0, q)
    ell = ratio**0.25
    scale = jnp.concatenate([ell, 1 / ell])
    if _relative(*_free_diffusion(scale[:, None] * quadratic * scale)) > _tolerance():
        return None
    return tuple(float(x) for x in ell * jnp.asarray(unit))
