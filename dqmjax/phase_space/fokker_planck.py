"""`∂ρ/∂t = −∇·(drift ρ) + (ħ/2κ) Σ_ab ∂_a∂_b (D_ab ρ)`, `D = (C/2κ) [H'', J]`.

The Fokker–Planck equation of time-symmetric stochastic mechanics on phase space,
arXiv:2603.20399, eqs. (52) and (56). D is symmetric and traceless.
"""

import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from ..errors import InputError, require_positive
from ..grid import Grid
from .coordinates import contract_all, derivatives, symplectic_form

Phase = Float[Array, " phase"]
Scalar = Float[Array, ""]


class FokkerPlanck(eqx.Module):
    """The Husimi picture of a phase-space Hamiltonian.

    `∂ρ/∂t = Σ_j (∂H/∂q_j ∂ρ/∂p_j − ∂H/∂p_j ∂ρ/∂q_j) + (ħ/2κ) Σ_ab ∂_a∂_b (D_ab ρ)`

    with `D = (C/2κ) [H̃'', J]`, `∂_a = ∂/∂z_a`, `ξ = (q, p) = Lz`, `L = diag(ℓ, κ/ℓ)` and
    `H̃'' = Lᵀ H''(ξ) L` (arXiv:2603.20399, eqs. (52), (56)); with more derivatives, see `tensor`.

    Args:
        symbol: Anti-Wick symbol `H(q, p)` for one point, q and p of shape (N,).
        ell: ℓ, length scale; one number or one per mode.
        kappa: κ, action scale.
        hbar: ħ.
        C: Strength of the diffusion; 1 for quantum mechanics, 0 for Liouville.
        order: K, the derivatives up to which the exact equation is followed: 2 as above, 1 to leave
            the diffusion out (Liouville), the degree of H for quantum mechanics whatever H is.

    Python floats are constants, arrays are trainable. ξ has shape (2N,), q before p.

    Raises:
        InputError: If `order` is not a whole number from 1, a constant `kappa` or `ell` is not
            positive, ħ is negative, a constant `C` is not finite, or ℓ and symbol differ in their
            modes; and where the symbol is used, if it does not return one real number.
    """

    symbol: Callable[[Array, Array], Scalar]
    ell: Float[Array, " modes"] | Scalar | tuple[float, ...] | float = eqx.field(
        default=1.0, kw_only=True
    )
    kappa: Scalar | float = eqx.field(default=1.0, kw_only=True)
    hbar: Scalar | float = eqx.field(default=1.0, kw_only=True)
    C: Scalar | float = eqx.field(default=1.0, kw_only=True)
    order: int = eqx.field(default=2, kw_only=True, static=True)

    def __check_init__(self):
        if not isinstance(self.order, int) or self.order < 1:
            raise InputError(f"`order` must be a whole number from 1, but is {self.order!r}.")
        require_positive(ell=self.ell, kappa=self.kappa)
        if not isinstance(self.hbar, Tracer) and not 0 <= self.hbar < np.inf:
            raise InputError(f"`hbar` must be finite and not negative, but is {self.hbar}.")
        if not isinstance(self.C, Tracer) and not np.isfinite(self.C).all():
            raise InputError(f"`C` must be finite, but is {self.C}.")
        declared = getattr(self.symbol, "modes", None)
        if declared is not None and np.ndim(self.ell) and np.size(self.ell) != declared:
            raise InputError(
                f"`ell` must have one entry for each of the {declared} modes of the symbol, or be "
                f"one number, but has {np.size(self.ell)}."
            )

    def __str__(self) -> str:
        """The fields, and whether this is quantum mechanics where the parameters are known."""
        if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(self)):
            return repr(self)
        if self.is_exact:
            return (
                f"{self!r}\nThis is quantum mechanics of the operator whose anti-Wick symbol is H."
            )
        known = "This is NOT quantum mechanics: "
        if not np.allclose(self.hbar, self.kappa):
            return f"{self!r}\n{known}κ = {self.kappa:g}, but ħ = {self.hbar:g}."
        if not np.allclose(self.C, 1):
            return f"{self!r}\n{known}C = {self.C:g}."
        return f"{self!r}\n{known}H has derivatives that `order={self.order}` leaves out."

    def _repr_pretty_(self, printer, cycle):
        """What a notebook shows."""
        printer.text(str(self))

    def hamiltonian(self, xi: Phase) -> Scalar:
        """`H` at `ξ = (q, p)`."""
        value = jnp.asarray(self.symbol(*jnp.split(xi, 2)))
        if value.shape or jnp.iscomplexobj(value):
            raise InputError(
                "`symbol` must return one real number for a point, but returns "
                f"{value.dtype} of shape {value.shape}: sum over the modes, take the real part, or "
                "see `check`."
            )
        return value

    def drift(self, xi: Phase) -> Phase:
        """Hamilton's equations, `(∂H/∂p, −∂H/∂q)` at ξ."""
        dq, dp = jnp.split(jax.grad(self.hamiltonian)(xi), 2)
        return jnp.concatenate([dp, -dq])

    def diffusion(self, xi: Phase) -> Float[Array, "phase phase"]:
        """`D = (C/2κ) [H̃'', J]` at ξ, in the scaled coordinates z."""
        scale = self.scale(xi)
        hessian = scale[:, None] * jax.hessian(self.hamiltonian)(xi) * scale
        J = symplectic_form(xi.size // 2)
        C = self.C if self.order >= 2 else 0.0
        return C / (2 * self.kappa) * (hessian @ J - J @ hessian)

    def spread(self, xi: Phase) -> Float[Array, "phase phase"]:
        """`(ħ/2κ) L D Lᵀ` at ξ: what stands behind `∂²/∂ξ_a∂ξ_b`."""
        scale = self.scale(xi)
        return self.hbar / (2 * self.kappa) * scale[:, None] * self.diffusion(xi) * scale

    def tensor(self, k: int, xi: Phase) -> Float[Array, "..."]:
        """G⁽ᵏ⁾ at ξ, of `∂ρ/∂t = Σ_k Σ_ab… ∂_a∂_b… (G_ab…⁽ᵏ⁾ ρ)`, `∂_a = ∂/∂ξ_a`; k axes of 2N.

        `G⁽ᵏ⁾ = 2 Re [i (Cħ)^{k−1}/k! H⁽ᵏ⁾ P…P]`, `P = L (1 − iJ) Lᵀ/2κ` on every axis,

        which is eq. (63) of arXiv:2603.20399 with Cħ for ħ; minus the drift for k = 1 and `spread`
        for k = 2.
        """
        if k == 1:
            return -self.drift(xi)
        if k == 2:
            return self.spread(xi)
        scale = self.scale(xi)
        projection = scale[:, None] * (np.eye(xi.size) - 1j * symplectic_form(xi.size // 2)) * scale
        derivative = contract_all(
            derivatives(self.hamiltonian, k)(xi), projection / (2 * self.kappa)
        )
        return 2 * jnp.real(1j * (self.C * self.hbar) ** (k - 1) / math.factorial(k) * derivative)

    def rhs(self, grid: Grid, rho: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """`∂ρ/∂t` on a phase-space grid, axes q₁…q_N p₁…p_N, spectrally exact.

        For looking at, not for stepping: the negative eigenvalues of D amplify round-off
        like `e^{(ħ/2κ)|λ|k²t}`, so a run on a grid is ill-posed. Evolve with `HusimiStep`.

        Raises:
            InputError: If `rho` has another shape than `grid`, or the axes are odd in number.
        """
        if grid.dim % 2:
            raise InputError(f"`grid` must have an axis for each q and p, but has {grid.dim} axes.")
        if self.order > 2:
            raise InputError(f"`order` must be 1 or 2 on a grid, but is {self.order}.")
        if rho.shape != grid.shape:
            raise InputError(f"`rho` must have the grid's shape {grid.shape}, but has {rho.shape}.")
        flow = grid.at_points(self.drift) * rho[..., None]
        spread = grid.at_points(self.spread) * rho[..., None, None]
        return grid.double_divergence(spread) - grid.divergence(flow)

    @property
    def modes(self) -> int | None:
        """N: as many as `ell` has entries, else as `symbol` says; `None` if neither does."""
        return np.size(self.ell) if np.ndim(self.ell) else getattr(self.symbol, "modes", None)

    @property
    def is_exact(self) -> bool:
        """Whether this is quantum mechanics and not a truncation of it.

        So it is if κ = ħ, every derivative of H to K + 1 of the `α = √(κ/2)(Q + iP)` vanishes, and
        C = 1 or every derivative to two of them vanishes (arXiv:2603.20399, eq. (64) for K = 2).
        Checked at arbitrary points, to the square root of machine precision; wants concrete
        parameters. A function of more than one mode wants `ell` with an entry for each.
        """
        if not jnp.allclose(self.hbar / self.kappa, 1) or not self._ends_at(self.order):
            return False
        return bool(jnp.allclose(self.C, 1)) or self._ends_at(1)

    def _ends_at(self, order: int) -> bool:
        """Whether every derivative of H to `order` + 1 of the α vanishes."""
        modes = self.modes or 1
        points = jnp.asarray(np.random.default_rng(0).normal(size=(8, 2 * modes)))
        scaled = lambda z: self.hamiltonian(self.scale(z) * z)
        along = jnp.concatenate([jnp.eye(modes), -1j * jnp.eye(modes)])
        real = jax.jit(jax.vmap(derivatives(scaled, order + 1)))(points)
        in_alpha = jax.vmap(lambda tensor: contract_all(tensor, along))(real)
        tolerance = jnp.sqrt(jnp.finfo(real.dtype).eps) * jnp.abs(real).max()
        return bool(jnp.abs(in_alpha).max() <= tolerance)

    def scale(self, xi: Phase) -> Phase:
        """The diagonal of L."""
        ell = jnp.broadcast_to(jnp.asarray(self.ell), (xi.size // 2,))
        return jnp.concatenate([ell, self.kappa / ell])


class Damped(eqx.Module):
    """A flow with loss to and noise from a bath, `∂ρ/∂t = … + (γ/2) ∇·(ξρ) + (γ/2)(n̄ + 1) Δ_z ρ`.

    In amplitudes: `(γ/2) Σ (∂_β β + ∂_β* β*) ρ + γ(n̄ + 1) Σ ∂_β ∂_β* ρ`, `β = (Q + iP)/√2`: for
    κ = ħ the master equation with `√(γ(n̄ + 1)) â` and `√(γn̄) â†` of every mode.

    Args:
        flow: The motion without a bath.
        rate: γ, energy lost per time and energy; one for all modes.
        thermal: n̄, quanta of the bath.
    """

    flow: FokkerPlanck
    rate: Scalar | float
    thermal: Scalar | float = 0.0

    def __check_init__(self):
        self.flow.__check_init__()
        for name in ("rate", "thermal"):
            value = getattr(self, name)
            if not isinstance(value, Tracer) and not 0 <= value < np.inf:
                raise InputError(f"`{name}` must be finite and not negative, but is {value}.")

    @property
    def symbol(self) -> Callable[[Array, Array], Scalar]:
        """H of the flow."""
        return self.flow.symbol

    @property
    def modes(self) -> int | None:
        """N."""
        return self.flow.modes

    @property
    def order(self) -> int:
        """The flow's, or 2."""
        return max(self.flow.order, 2)

    def tensor(self, k: int, xi: Phase) -> Float[Array, "..."]:
        """As of the flow, γξ/2 and `γ(n̄ + 1) LLᵀ/2` added to the first two."""
        own = self.flow.tensor(k, xi) if k <= self.flow.order else jnp.zeros((xi.size,) * k)
        if k == 1:
            return own + self.rate / 2 * xi
        if k == 2:
            return own + self.rate * (self.thermal + 1) / 2 * jnp.diag(self.flow.scale(xi) ** 2)
        return own


def current(flow: "FokkerPlanck | Damped", density: Callable[[Phase], Scalar]) -> Callable:
    """`j(ξ)` of `∂ρ/∂t = −∇·j`, for a density ρ(ξ) written for one point.

    `j_a = −Σ_k Σ_b… ∂_b… (G_ab…⁽ᵏ⁾ ρ)`: the drift ρ minus the divergence of the spread ρ, and of
    what has more derivatives. Fixed up to a field without divergence; this is the local one.
    """

    def part(k: int) -> Callable:
        carried = lambda xi: flow.tensor(k, xi) * density(xi)
        for _ in range(k - 1):
            carried = _divergence(carried)
        return carried

    return lambda xi: -sum(part(k)(xi) for k in range(1, flow.order + 1))


def _divergence(field: Callable) -> Callable:
    """`Σ_b ∂_b T_…b`."""
    return lambda xi: jnp.trace(jax.jacfwd(field)(xi), axis1=-2, axis2=-1)
