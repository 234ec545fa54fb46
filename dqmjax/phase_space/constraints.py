"""The constraints on a Fokker–Planck equation of time-symmetric stochastic mechanics.

C1–C7 of arXiv:2603.20399, section III, as numbers at sample points z. Each is relative to the size
of the terms that should cancel: 0 to round-off means that the constraint holds, in any units.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import InputError
from .coordinates import contract_all, derivatives
from .fokker_planck import FokkerPlanck
from .free_motion import (
    Ell,
    Number,
    ell_of,
    free_diffusion,
    free_ell as free_ell,
    quadratic_parts,
    relative,
    tolerance,
    without_units,
)
from .open_system import Damped, Open
from .ordering import ANTINORMAL, SYMMETRIC

NEAR = 1e-2  # distance within which H is the same, for C3; in z

Points = Float[Array, "points phase"]
Tensors = Sequence[Float[Array, "points ..."]]  # G⁽ᵏ⁾, k = 1 …


@dataclasses.dataclass(frozen=True)
class Constraints:
    """The result of `check`; `print` it."""

    real: float  # |Im H| / |H|
    limit: float  # C1: terms besides Liouville's equation at C = 0 and at ħ = 0
    symmetry: float  # C2: D − Dᵀ and f − fᵀ
    locality: float  # C3: change of each G⁽ᵏ⁾ if the point moves with H and H changes elsewhere
    reversal: float  # C4: T𝓛T⁻¹ + 𝓛, T: p → −p
    energy: float  # C5: Σ_k (−1)^k G⁽ᵏ⁾·∇^k H, whose mean is d⟨H⟩/dt
    constant: float  # C6: change of C f_ij from point to point and from entry to entry
    free: float  # C7: [H̃₀'', J], H₀ the quadratic part of the Weyl symbol
    antiwick_free: float  # the same with that of the anti-Wick symbol, which C7 does not ask
    traceless: float  # tr D
    C: float  # C f_ij; NaN if that is no constant
    free_ell: Ell  # the ℓ for which `free` is 0, if one exists
    antiwick_ell: Ell  # the ℓ for which `antiwick_free` is 0
    is_exact: bool  # quantum mechanics, not a truncation
    tolerance: float  # below which a constraint holds: √ε

    def __repr__(self) -> str:
        value = "" if np.isnan(self.C) else f", C = {self.C:.6g}"
        rows = [
            ("   H real", self.real),
            ("C1 Liouville's equation for C → 0 and ħ → 0", self.limit),
            ("C2 D symmetric", self.symmetry),
            ("C3 drift and diffusion from derivatives of H there", self.locality),
            ("C4 time reversal, T𝓛T⁻¹ = −𝓛", self.reversal),
            ("C5 ⟨H⟩ conserved at every point", self.energy),
            (f"C6 one constant{value}", self.constant),
            ("C7 no diffusion from the quadratic part of the Weyl symbol", self.free),
            ("   D traceless", self.traceless),
        ]
        verdict = lambda size: "holds" if size < self.tolerance else "FAILS"
        lines = [f"{verdict(size)}  {size:7.1e}  {name}" for name, size in rows]
        if self.readings_differ:
            other = "   from that of the anti-Wick symbol, which C7 does not ask: "
            written = _written(self.antiwick_ell)
            lines.insert(-1, f"       {self.antiwick_free:7.1e}  {other}{written}")
        if self.free_ell is None:
            lines.append("No ℓ makes the quadratic part free of diffusion: use its normal modes.")
        else:
            lines.append(
                f"Without diffusion from the quadratic part for {_written(self.free_ell)}."
            )
        lines.append(
            "Exact: quantum mechanics."
            if self.is_exact
            else "Not quantum mechanics: a truncation of it, or another theory."
        )
        return "\n".join(lines)

    @property
    def readings_differ(self) -> bool:
        """Whether C7 says something else of the anti-Wick symbol than of the Weyl symbol."""
        if abs(self.free - self.antiwick_free) >= self.tolerance:
            return True
        if self.free_ell is None or self.antiwick_ell is None:
            return self.free_ell is not self.antiwick_ell
        return not np.allclose(self.free_ell, self.antiwick_ell, rtol=self.tolerance, atol=0.0)


def check(flow: FokkerPlanck | Damped | Open, modes: int | None = None) -> Constraints:
    """The constraints C1–C7 for `flow`, at concrete parameters.

    C3: `flow` at z must be that of another H at another point z', if both H have the same
    derivatives there. This finds a `factor` that depends on (q, p) otherwise than through H and its
    derivatives. C7 asks the quadratic part of the Weyl symbol, which is the classical H₀; where the
    anti-Wick symbol has another answer, both are shown.

    A Hamiltonian that is complex or not invariant under time reversal is reported, not an error. If
    it is complex, the other numbers are those of its real part.

    Args:
        flow: `FokkerPlanck`, without a bath.
        modes: N, required if neither the symbol nor ℓ determines it.

    Raises:
        InputError: If N is unknown, `flow` has a bath or depends on time, or H is no polynomial of
            degree up to 8.

    Example:
        >>> found = dqm.check(dqm.FokkerPlanck(dqm.Kerr(2.0)))
        >>> found.is_exact, round(found.C, 3), found.energy < found.tolerance
        (True, 1.0, True)
    """
    if isinstance(flow, Damped | Open):
        raise InputError(
            "`flow` must be a `FokkerPlanck`: a bath has none of these symmetries. Check the "
            "equation without it."
        )
    law = without_units(flow, modes)
    points = np.random.default_rng(0).normal(size=(8, 2 * np.size(law.ell)))
    numbers = {"real": _imaginary(flow, points), **_residuals(law, jnp.asarray(points))}
    numbers = {name: float(x) for name, x in numbers.items()}
    weyl, antiwick = quadratic_parts(law, SYMMETRIC, ANTINORMAL)
    return Constraints(
        free=float(relative(*free_diffusion(weyl))),
        antiwick_free=float(relative(*free_diffusion(antiwick))),
        free_ell=ell_of(weyl, flow.ell),
        antiwick_ell=ell_of(antiwick, flow.ell),
        is_exact=law.is_exact,
        tolerance=tolerance(),
        **numbers,
    )


@eqx.filter_jit
def _imaginary(flow: FokkerPlanck, points) -> Number:
    """`|Im H|/|H|`."""
    values = jax.vmap(lambda z: flow.symbol(*jnp.split(flow.scale(z) * z, 2)))(points)
    return relative(jnp.imag(values), values)


@eqx.filter_jit
def _residuals(flow: FokkerPlanck, points: Points) -> dict[str, Number]:
    count, turn = len(points), jnp.repeat(jnp.array([1.0, -1.0]), points.shape[1] // 2)
    found = _tensors_at_limits(flow, jnp.concatenate([points, turn * points]))
    tensors, turned = [x[0, :count] for x in found], [x[0, count:] for x in found]
    spread, limits = tensors[1:2], [x[1:] for x in found[1:]]
    strength = flow.C * jax.vmap(lambda z: flow._factor(z) * jnp.ones((z.size,) * 2))(points)
    constant = relative(strength - strength[0, 0, 0], strength)
    return {
        "limit": _largest(limits, tensors[:1] * len(limits)),
        "symmetry": _largest(map(_skew, [*spread, strength]), [*spread, strength]),
        "locality": _locality(flow, points, tensors),
        "reversal": _reversal(turn, turned, tensors),
        "energy": _energy(flow, points, tensors),
        "constant": constant,
        "C": jnp.where(constant < tolerance(), strength[0, 0, 0], jnp.nan),
        "traceless": _largest([jnp.trace(x, axis1=1, axis2=2) for x in spread], spread),
    }


def _tensors_at_limits(
    flow: FokkerPlanck, points: Points
) -> list[Float[Array, "cases points ..."]]:
    """G⁽ᵏ⁾ for k = 1 … `order`, for `flow`, at C = 0 and at ħ = 0 along the first axis."""

    def tensors(C, hbar):
        at = eqx.tree_at(lambda f: (f.C, f.hbar), flow, (C, hbar))
        return [jax.vmap(partial(at.tensor, k))(points) for k in range(1, flow.order + 1)]

    on = jnp.array([[1.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    return jax.vmap(tensors)(flow.C * on[:, 0], flow.hbar * on[:, 1])


def _largest(rests: Iterable, wholes: Iterable) -> Number:
    """The largest `relative` of pairs, or 0 without any."""
    sizes = map(relative, rests, wholes)
    return jnp.max(jnp.stack([jnp.zeros(()), *sizes]))


def _skew(matrix: Float[Array, "points phase phase"]) -> Float[Array, "points phase phase"]:
    return matrix - jnp.swapaxes(matrix, 1, 2)


def _locality(flow: FokkerPlanck, points: Points, tensors: Tensors) -> Number:
    """Change of each G⁽ᵏ⁾ if H is another one far from the point, and moves with it to another."""

    def moved(z, to) -> FokkerPlanck:
        def symbol(q, p):
            away = jnp.concatenate([q, p]) - to
            far = jnp.maximum(away @ away / NEAR**2 - 1, 0.0)  # without derivatives at the point
            return flow.symbol(*jnp.split(z + away, 2)) * (1 + jnp.tanh(far))

        return dataclasses.replace(flow, symbol=symbol)

    others = points[::-1]
    found = [
        jax.vmap(lambda z, to, k=k: moved(z, to).tensor(k, to))(points, others)
        for k in range(1, flow.order + 1)
    ]
    return _largest([a - b for a, b in zip(found, tensors, strict=True)], tensors)


def _reversal(turn: Float[Array, " phase"], turned: Tensors, tensors: Tensors) -> Number:
    """`G⁽ᵏ⁾(Tξ) T…T + G⁽ᵏ⁾(ξ)`, the coefficients of `T𝓛T⁻¹ + 𝓛`."""
    back = jax.vmap(lambda tensor: contract_all(tensor, jnp.diag(turn)))
    return _largest([back(a) + b for a, b in zip(turned, tensors, strict=True)], tensors)


def _energy(flow: FokkerPlanck, points: Points, tensors: Tensors) -> Number:
    """`Σ_k (−1)^k G⁽ᵏ⁾·∇^k H` over the sum of its absolute terms."""
    total, size = 0.0, 0.0
    for k, tensor in enumerate(tensors, 1):
        products = tensor * jax.vmap(derivatives(flow.hamiltonian, k))(points)
        axes = tuple(range(1, k + 1))
        total += (-1) ** k * jnp.sum(products, axes)
        size += jnp.sum(jnp.abs(products), axes)
    return relative(total, size)


def _written(ell: Ell) -> str:
    return "no ℓ" if ell is None else "ℓ = " + ", ".join(f"{x:.6g}" for x in ell)
