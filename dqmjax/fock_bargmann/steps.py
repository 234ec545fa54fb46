"""`∂ρ/∂t = −∇·(drift ρ) + (ħ/2κ) Σ_ab ∂_a∂_b (D_ab ρ)` on Fock–Bargmann coefficients.

Also the equation of kets, `iκ ∂ψ/∂t = Ĥψ`.
"""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from ..errors import require_shape
from ..evolution.stepper import AbstractStepper
from .basis import AT_EDGE, FockBargmann, share
from .exponential import expm, expm_action
from .generator import Flow, Pattern
from .ladder import Blocks, Gathered, Shifts

Scalar = Float[Array, ""]

MAX_DENSE = (
    64  # widest block to exponentiate; up to here 5 to 9 times faster (bench/integrators.py)
)


class HusimiStep(AbstractStepper):
    """The Husimi picture on Fock–Bargmann coefficients, `ρ(t + dt) = e^{L dt} ρ(t)`.

    The exponential is exact to round-off for every dt. If L decomposes into small blocks
    (number-conserving symbols: fixed m − n), it is a batch of dense exponentials, one per
    distinct dt. Otherwise it is a Taylor series in the weighted shifts, its number of pieces set
    by ‖L‖dt.

    Args:
        fokker_planck: Equation of motion with polynomial drift and diffusion, also `Damped`.
        basis: Coefficients, cut-off and measuring scale, which may differ from the equation's ℓ.

    A state is a complex array of shape `basis.levels`. `solve` raises once a millionth of ‖ρ‖² is
    in coefficients from which L leads out of the basis. For truncated equations and for C far
    from 1 this happens soon, see `horizon`. If H conserves quanta, the low coefficients remain
    exact: `throw=False` returns them.
    """

    fokker_planck: Flow
    basis: FockBargmann

    def make_step(self, dt):
        return _step(self.basis.pattern(self.fokker_planck), self.basis, self.fokker_planck, dt)


class KetStep(AbstractStepper):
    """Pure states by their amplitudes, `iκ ∂ψ/∂t = Ĥψ`.

    Where the Fokker–Planck equation of `symbol` `is_exact`, with C = 1 and the κ and ℓ of the
    basis, the Husimi density `⟨β|ψ⟩⟨ψ|β⟩` obeys it.

    Args:
        symbol: Anti-Wick symbol H(q, p) of Ĥ; a polynomial.
        basis: Number states, cut-off, ℓ and κ (ħ).

    A state is a complex array of shape `basis.cutoff`.
    """

    symbol: Callable
    basis: FockBargmann

    def make_step(self, dt):
        return _step(self.basis.ket_pattern(self.symbol), self.basis, self.symbol, dt)


def _step(pattern: Pattern, basis: FockBargmann, law, dt) -> "_BlockStep | _SeriesStep":
    operator, blocks = pattern.operator(basis, law), pattern.blocks
    if blocks.width > MAX_DENSE:
        return _SeriesStep(blocks, operator, dt)
    return _BlockStep(blocks, expm(dt * blocks.matrices(operator)))


class _BlockStep(eqx.Module):
    blocks: Blocks = eqx.field(static=True)
    propagators: Complex[Array, "count width width"]

    def __call__(self, t, rho):
        require_shape("state", rho, self.blocks.levels)
        rows = self.blocks.gather(rho)
        return self.blocks.scatter(jnp.einsum("bij,bj->bi", self.propagators, rows))

    def strain(self, rho):
        return share(rho, self.blocks.edge) / AT_EDGE


class _SeriesStep(eqx.Module):
    blocks: Blocks = eqx.field(static=True)
    operator: Shifts | Gathered
    dt: Scalar

    def __call__(self, t, rho):
        require_shape("state", rho, self.blocks.levels)
        if isinstance(self.operator, Shifts):
            return expm_action(self.operator, self.dt, rho)
        packed = self.operator.pack(rho)
        return self.operator.unpack(expm_action(self.operator.on_rows(), self.dt, packed))

    def strain(self, rho):
        return share(rho, self.blocks.edge) / AT_EDGE
