"""`∂ρ/∂t = −∇·(drift ρ) + (ħ/2κ) Σ_ab ∂_a∂_b (D_ab ρ)` on Fock–Bargmann coefficients.

Also its form for kets, `iκ ∂ψ/∂t = Ĥψ`, and the step on a grid that does not work for long.
"""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float

from ..errors import InputError
from ..evolution.stepper import AbstractStepper
from .basis import AT_EDGE, FockBargmann, share
from .exponential import expm, expm_action
from .generator import Assembly, Flow
from .ladder import Blocks, Gathered, Shifts

Scalar = Float[Array, ""]

MAX_DENSE = 64  # widest block to exponentiate; 5 to 9 times faster so far (bench/integrators.py)


class HusimiStep(AbstractStepper):
    """The Husimi picture on Fock–Bargmann coefficients, `ρ(t + dt) = e^{L dt} ρ(t)`.

    The exponential is exact to round-off for every dt. Where L falls into small blocks
    (number-conserving symbols: fixed m − n) it is a batch of dense exponentials, one per
    distinct dt; elsewhere a series on the weighted shifts, in as many pieces as ‖L‖dt
    asks for. Under `vmap` over parameters the series always takes its 4096 pieces.

    Args:
        fokker_planck: Equation of motion, with or without `Damped`; of polynomials.
        basis: Coefficients, cut-off and measuring scale, which may differ from the equation's ℓ.

    A state is a complex array of shape `basis.levels`. Once a millionth of ‖ρ‖² is where the
    motion leads out of the basis, `solve` refuses to go on; for truncations and for C far from 1
    that comes soon, see `horizon`. For number-conserving H the low coefficients are right even
    then: read them by `throw=False`.
    """

    fokker_planck: Flow
    basis: FockBargmann

    def make_step(self, dt):
        return _step(self.basis.assembly(self.fokker_planck), self.basis, self.fokker_planck, dt)


class KetStep(AbstractStepper):
    """Pure states of the same quantum mechanics, `iκ ∂ψ/∂t = Ĥψ`: the square root of the numbers.

    The Husimi density `⟨β|ψ⟩⟨ψ|β⟩` of ψ moves by the Fokker–Planck equation of `symbol` wherever
    that `is_exact`, with C = 1 and the κ and ℓ of the basis.

    Args:
        symbol: Anti-Wick symbol H(q, p) of Ĥ; a polynomial.
        basis: Number states, cut-off, ℓ and κ (ħ).

    A state is a complex array of shape `basis.cutoff`.
    """

    symbol: Callable
    basis: FockBargmann

    def make_step(self, dt):
        return _step(self.basis.ket_assembly(self.symbol), self.basis, self.symbol, dt)


def _step(assembly: Assembly, basis: FockBargmann, law, dt) -> "_BlockStep | _SeriesStep":
    operator, blocks = assembly.operator(basis, law), assembly.blocks()
    if blocks.width > MAX_DENSE:
        return _SeriesStep(operator, dt, assembly.edge)
    return _BlockStep(blocks, expm(dt * blocks.matrices(operator)), assembly.edge)


class _BlockStep(eqx.Module):
    blocks: Blocks = eqx.field(static=True)
    propagators: Complex[Array, "count width width"]
    edge: Bool[Array | np.ndarray, "*levels"]

    def __call__(self, t, rho):
        _check_shape(rho, self.blocks.levels)
        rows = self.blocks.gather(rho)
        return self.blocks.scatter(jnp.einsum("bij,bj->bi", self.propagators, rows))

    def strain(self, rho):
        return share(rho, self.edge) / AT_EDGE


class _SeriesStep(eqx.Module):
    operator: Shifts | Gathered
    dt: Scalar
    edge: Bool[Array | np.ndarray, "*levels"]

    def __call__(self, t, rho):
        _check_shape(rho, self.edge.shape)
        if isinstance(self.operator, Shifts):
            return expm_action(self.operator, self.dt, rho)
        packed = self.operator.pack(rho)
        return self.operator.unpack(expm_action(self.operator.on_rows(), self.dt, packed))

    def strain(self, rho):
        return share(rho, self.edge) / AT_EDGE


def _check_shape(rho: Array, levels: tuple[int, ...]):
    if rho.shape != levels:
        raise InputError(f"`state` must have the basis's shape {levels}, but has {rho.shape}.")
