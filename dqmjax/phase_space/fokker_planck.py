"""`∂ρ/∂t = −∇·(drift ρ) + (ħ/2κ) Σ_ab ∂_a∂_b (D_ab ρ)`, `D = (C/2κ) [H'', J]`.

The Fokker–Planck equation of time-symmetric stochastic mechanics on phase space,
arXiv:2603.20399, eqs. (52) and (56). D is symmetric and traceless.
"""

import dataclasses
import math
from collections.abc import Callable
from functools import partial
from typing import Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import (
    InputError,
    finite,
    is_known,
    not_negative,
    positive,
    real_field,
    require_instance,
    require_real,
    require_whole,
)
from ..grid import Grid, field_on
from ..user_function import called_once
from .coordinates import PhaseSpace, contract_all, derivatives, for_modes, symplectic_form
from .driven import Envelope, Time, frozen, separated
from .ordering import operator_text
from .symbols import depends_on_time, energy, known_modes, require_same_modes, require_static

Phase = Float[Array, " phase"]
Scalar = Float[Array, ""]
Factor = Callable[[Callable, Array, Array], Array]


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


class FokkerPlanck(eqx.Module):
    """The Husimi picture of a phase-space Hamiltonian.

    `∂ρ/∂t = Σ_j (∂H/∂q_j ∂ρ/∂p_j − ∂H/∂p_j ∂ρ/∂q_j) + (ħ/2κ) Σ_ab ∂_a∂_b (D_ab ρ)`

    with `D = (C/2κ) [H̃'', J]`, `∂_a = ∂/∂z_a`, `ξ = (q, p) = Lz`, `L = diag(ℓ, κ/ℓ)` and
    `H̃'' = Lᵀ H''(ξ) L` (arXiv:2603.20399, eqs. (52), (56)); with more derivatives, see `tensor`.

    Args:
        symbol: Anti-Wick symbol `H(q, p)` for one point, q and p of shape (N,); also `H(q, p, t)`
            and `Driven`.
        ell: ℓ, length scale; one number or one per mode.
        kappa: κ, action scale.
        hbar: ħ.
        C: Strength of the diffusion; 1 for quantum mechanics, 0 for Liouville.
        order: K, number of derivatives kept of the exact equation: 2 as above, 1 without diffusion
            (Liouville), the degree of H for quantum mechanics of any H.
        factor: `f_ij` of arXiv:2603.20399, eq. (41), for other theories: the diffusion of modes i
            and j, `∂²H/∂α_i*∂α_j*`, is multiplied by it. A function `f(H, q, p)` of the symbol and
            a point with one real number or a matrix (N, N); only with `order` 1 or 2.

    Python floats are constants, arrays are trainable. ξ has shape (2N,), q before p.

    Raises:
        InputError: If `symbol` is no function of (q, p) or (q, p, t), `order` is not a positive
            integer or exceeds 2 with a `factor`, `kappa` or `ell` is not positive, ħ is negative,
            `C` is not finite, or ℓ and symbol differ in their modes; and when the symbol is
            evaluated, if it uses a coordinate that the point does not have, or does not return one
            real number. Traced numbers become NaN in place of an error.

    Example:
        >>> flow = dqm.FokkerPlanck(dqm.Kerr(2.0))
        >>> flow.is_exact
        True
        >>> print(np.linalg.eigvalsh(flow.diffusion(jnp.array([1.0, 0.0]))).round(3))
        [-1.  1.]
    """

    symbol: Callable[[Array, Array], Scalar]
    ell: Float[Array, " modes"] | Scalar | tuple[float, ...] | float = eqx.field(
        default=1.0, converter=for_modes(positive, "ell"), kw_only=True
    )
    kappa: Scalar | float = eqx.field(
        default=1.0, converter=partial(positive, "kappa", shape=()), kw_only=True
    )
    hbar: Scalar | float = eqx.field(
        default=1.0, converter=partial(not_negative, "hbar", shape=()), kw_only=True
    )
    C: Scalar | float = eqx.field(
        default=1.0, converter=partial(finite, "C", shape=()), kw_only=True
    )
    order: int = eqx.field(default=2, kw_only=True, static=True)
    factor: Factor | None = eqx.field(default=None, kw_only=True)

    def __check_init__(self):
        require_whole(1, order=self.order)
        depends_on_time(self.symbol)
        if self.factor is not None and (self.order > 2 or not callable(self.factor)):
            raise InputError(
                "`factor` must be a function f(H, q, p), with `order` 1 or 2, but is "
                f"{self.factor!r} with order {self.order}."
            )
        require_same_modes(self.symbol, self.ell)
        self.space(self.modes or 1)

    def __str__(self) -> str:
        """The fields and, if the parameters are known, the operator whose symbol H is, and whether
        this is its quantum mechanics."""
        if not is_known(self) or self.depends_on_time:
            return repr(self)
        lines = [repr(self)]
        if self.modes is not None:
            try:
                text = operator_text(self.symbol, self.modes, self.ell, self.kappa)
                lines.append(f"H is the anti-Wick symbol of {text} + const.")
            except InputError:  # no polynomial
                pass
        return "\n".join([*lines, self._verdict])

    @property
    def _verdict(self) -> str:
        """Whether this is quantum mechanics, and if not, why."""
        if self.is_exact:
            return "This is quantum mechanics."
        known = "This is NOT quantum mechanics: "
        if self.factor is not None:
            return f"{known}`factor` changes the diffusion."
        if not self._has_quantum_scale:
            return f"{known}κ = {self.kappa:g}, but ħ = {self.hbar:g}."
        if not _agree(self.C, 1.0):
            return f"{known}C = {self.C:g}."
        return f"{known}H has derivatives that `order={self.order}` leaves out."

    def _repr_pretty_(self, printer, cycle):
        """What a notebook shows."""
        printer.text(str(self))

    def hamiltonian(self, xi: Phase) -> Scalar:
        """`H` at `ξ = (q, p)`.

        Raises:
            InputError: If H depends on time.
        """
        require_static(self.depends_on_time)
        return energy(self.symbol, self._point(xi))

    @property
    def depends_on_time(self) -> bool:
        """Whether the symbol has an argument t."""
        return depends_on_time(self.symbol)

    def at(self, t: Time) -> "FokkerPlanck":
        """The equation at time t, which does not depend on time."""
        return dataclasses.replace(self, symbol=frozen(self.symbol, t))

    @property
    def parts(self) -> "tuple[FokkerPlanck, tuple[tuple[Envelope, FokkerPlanck], ...]]":
        """The equation without its drives, and pairs (f_k, equation of H_k): it is linear in H."""
        if self.factor is not None:
            return self, ()
        base, drives = separated(self.symbol)
        of = lambda symbol: dataclasses.replace(self, symbol=symbol)
        return of(base), tuple((envelope, of(symbol)) for envelope, symbol in drives)

    def drift(self, xi: Phase | np.ndarray) -> Phase:
        """Hamilton's equations, `(∂H/∂p, −∂H/∂q)` at ξ."""
        dq, dp = jnp.split(jax.jacfwd(self.hamiltonian)(self._point(xi)), 2)
        return jnp.concatenate([dp, -dq])

    def diffusion(self, xi: Phase | np.ndarray) -> Float[Array, "phase phase"]:
        """`D = (C/2κ) [H̃'', J]` at ξ, in the scaled coordinates z."""
        point = self._point(xi)
        scale = self.scale(point)
        hessian = scale[:, None] * jax.jacfwd(jax.jacfwd(self.hamiltonian))(point) * scale
        J = symplectic_form(point.size // 2)
        strength = self._diffusivity / (2 * self.kappa) * self._factor(point)
        return strength * (hessian @ J - J @ hessian)

    def _factor(self, xi: Phase) -> Float[Array, "..."] | float:
        """`f_ij` for the axes (q, p) of modes i and j, 1 by default."""
        if (factor := self.factor) is None:
            return 1.0
        modes = xi.size // 2
        energy = lambda q, p: self.symbol(q, p)  # a function only, as for `check`
        at = lambda q, p: factor(energy, q, p)
        found = called_once("factor", at, *np.ones((2, modes)))
        if found.shape not in ((), (modes, modes)) or found.dtype.kind not in "iuf":
            raise InputError(
                f"`factor` must return one real number or shape ({modes}, {modes}), but returns "
                f"{found.dtype} of shape {found.shape}."
            )
        found = jnp.broadcast_to(at(*jnp.split(xi, 2)), (modes, modes))
        return jnp.tile(found, (2, 2))

    @property
    def _diffusivity(self) -> Scalar | float:
        """C, or 0 if `order` is 1. Like ħ = 0, both leave Liouville's equation."""
        return self.C if self.order >= 2 else 0.0

    def spread(self, xi: Phase) -> Float[Array, "phase phase"]:
        """`(ħ/2κ) L D Lᵀ` at ξ, the coefficients of `∂²/∂ξ_a∂ξ_b`."""
        scale = self.scale(xi)
        return self.hbar / (2 * self.kappa) * scale[:, None] * self.diffusion(xi) * scale

    def tensor(self, k: int, xi: Phase) -> Float[Array, "..."]:
        """G⁽ᵏ⁾ at ξ, of `∂ρ/∂t = Σ_k Σ_ab… ∂_a∂_b… (G_ab…⁽ᵏ⁾ ρ)`, `∂_a = ∂/∂ξ_a`; k axes of 2N.

        `G⁽ᵏ⁾ = 2 Re [i (Cħ)^{k−1}/k! H⁽ᵏ⁾ P…P]`, `P = L (1 − iJ) Lᵀ/2κ` on every axis,

        which is eq. (63) of arXiv:2603.20399 with Cħ for ħ; minus the drift for k = 1 and `spread`
        for k = 2.
        """
        require_whole(1, k=k)
        if k == 1:
            return -self.drift(xi)
        if k == 2:
            return self.spread(xi)
        xi, scale = self._point(xi), self.scale(xi)
        projection = scale[:, None] * (np.eye(xi.size) - 1j * symplectic_form(xi.size // 2)) * scale
        derivative = contract_all(
            derivatives(self.hamiltonian, k)(xi), projection / (2 * self.kappa)
        )
        return 2 * jnp.real(1j * (self.C * self.hbar) ** (k - 1) / math.factorial(k) * derivative)

    def rhs(self, grid: Grid, rho: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """`∂ρ/∂t` on a phase-space grid, axes q₁…q_N p₁…p_N, spectrally exact.

        For inspection, not for time stepping: the negative eigenvalues of D amplify round-off
        like `e^{(ħ/2κ)|λ|k²t}`, so a run on a grid is ill-posed. Evolve with `HusimiStep`.

        Raises:
            InputError: If `grid` has an odd number of axes, `order` exceeds 2, or `rho` has another
                shape than `grid`.
        """
        require_instance(Grid, grid=grid)
        if grid.dim % 2:
            raise InputError(f"`grid` must have an axis for each q and p, but has {grid.dim} axes.")
        if self.order > 2:
            raise InputError(f"`order` must be 1 or 2 on a grid, but is {self.order}.")
        rho = field_on(grid, "rho", rho)
        require_real("rho", rho)
        flow = grid.at_points(self.drift) * rho[..., None]
        spread = grid.at_points(self.spread) * rho[..., None, None]
        return grid.double_divergence(spread) - grid.divergence(flow)

    @property
    def modes(self) -> int | None:
        """N: the entries of `ell`, else the modes of the symbol; `None` if both are unknown."""
        return known_modes(self.symbol, self.ell)

    @property
    def is_exact(self) -> bool:
        """Whether this is quantum mechanics, not a truncation of it.

        True if κ = ħ, every derivative of H of order K + 1 in the `α = √(κ/2)(Q + iP)` vanishes,
        and either C = 1 or every such derivative of order 2 vanishes (arXiv:2603.20399, eq. (64)
        for K = 2). Checked at random points and along random directions, to the square root of
        machine precision, for any H. The parameters must be known; a plain function of more than
        one mode needs `ell` with an entry for each.
        """
        if not self._has_quantum_scale or self.factor is not None:
            return False
        if not self._ends_at(self.order):
            return False
        return _agree(self.C, 1.0) or self._ends_at(1)

    @property
    def _has_quantum_scale(self) -> bool:
        """Whether κ = ħ."""
        return _agree(self.hbar, self.kappa)

    def _ends_at(self, order: int) -> bool:
        """Whether every derivative of H of order `order` + 1 in the α vanishes."""
        in_alpha, real = _largest_derivatives(self, order + 1, self.modes or 1)
        return bool(in_alpha <= np.sqrt(np.finfo(real.dtype).eps) * real)

    def space(self, modes: int) -> PhaseSpace:
        """The scales ℓ and κ."""
        require_whole(1, modes=modes)
        return PhaseSpace.of(modes, self.ell, self.kappa, max(2, self.order))

    def scale(self, xi: Phase) -> Phase:
        """The diagonal of L."""
        return jnp.asarray(self.space(self._point(xi).size // 2).scale)

    def _point(self, xi) -> Phase:
        """ξ as an array of floating-point numbers.

        Raises:
            InputError: If it has no entry for each q and p, is complex, or is known and not finite.
        """
        return 1.0 * real_field("xi", xi, (2 * (self.modes or max(1, np.size(xi) // 2)),))


@eqx.filter_jit
def _largest_derivatives(flow: FokkerPlanck, k: int, modes: int) -> tuple[Scalar, Scalar]:
    """The largest `|∂_c^k H|` with `∂_c = Σ c_i ∂_{α_i} ∝ ∂_v + i∂_w`, and the largest real part of
    it, `|∂_v… ∂_w… H|`, at random points along random c = x + iy, `v = (x, y)`, `w = (y, −x)`."""
    z, v = jnp.asarray(np.random.default_rng(0).normal(size=(2, 8, 2 * modes)))
    scale = flow.space(modes).scale

    def at(z, v):
        x, y = jnp.split(v, 2)
        plane = jnp.stack([v, jnp.concatenate([y, -x])])
        along = lambda steps: flow.hamiltonian(scale * (z + steps @ plane))
        return derivatives(along, k)(jnp.zeros(2))

    real = jax.vmap(at)(z, v)
    along = jnp.array([[1.0], [1.0j]])
    in_alpha = jax.vmap(lambda tensor: contract_all(tensor, along))(real)
    return jnp.abs(in_alpha).max(), jnp.abs(real).max()


def _agree(one, other) -> bool:
    """Whether two known numbers are the same but for round-off, whatever their units."""
    return bool(np.isclose(one, other, rtol=1e-5, atol=0.0))


def current(flow: Flow, density: Callable[[Phase], Scalar]) -> Callable:
    """`j(ξ)` of `∂ρ/∂t = −∇·j`, for a density ρ(ξ) written for one point.

    `j_a = −Σ_k Σ_b… ∂_b… (G_ab…⁽ᵏ⁾ ρ)`: the drift times ρ minus the divergence of spread times ρ,
    and the terms of higher order. A current is defined up to a divergence-free field; this one is
    local.

    Raises:
        InputError: If `flow` is no equation or `density` no function.
    """
    if not isinstance(flow, Flow):
        raise InputError(f"`flow` must be a `FokkerPlanck` or `Damped`, but is {flow!r}.")
    if not callable(density):
        raise InputError(f"`density` must be a function of ξ, but is {density!r}.")

    def part(k: int) -> Callable:
        carried = lambda xi: flow.tensor(k, xi) * density(xi)
        for _ in range(k - 1):
            carried = _divergence(carried)
        return carried

    return lambda xi: -sum(part(k)(xi) for k in range(1, flow.order + 1))


def _divergence(field: Callable) -> Callable:
    """`Σ_b ∂_b T_…b`."""
    return lambda xi: jnp.trace(jax.jacfwd(field)(xi), axis1=-2, axis2=-1)
