"""Equations of motion with baths: damping, and any jump operators."""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import InputError, is_known, not_negative, require_instance, require_whole
from .coordinates import PhaseSpace
from .driven import Envelope, Time
from .fokker_planck import FokkerPlanck
from .normal_order import Terms, substituted
from .operators import ladder_terms

Phase = Float[Array, " phase"]
Scalar = Float[Array, ""]


class Damped(eqx.Module):
    """A flow coupled to a bath, `∂ρ/∂t = … + (γ/2) ∇·(ξρ) + (γ/2)(n̄ + 1) Δ_z ρ`.

    In amplitudes `(γ/2) Σ (∂_β β + ∂_β* β*) ρ + γ(n̄ + 1) Σ ∂_β ∂_β* ρ`, `β = (Q + iP)/√2`. For
    κ = ħ this is the master equation with jump operators `√(γ(n̄ + 1)) â` and `√(γn̄) â†` of every
    mode.

    Args:
        flow: Equation of motion without a bath.
        rate: γ, energy lost per time and energy; one for all modes.
        thermal: n̄, quanta of the bath.

    Raises:
        InputError: If `flow` is no `FokkerPlanck`, or `rate` or `thermal` is not one number of at
            least 0.

    Example:
        >>> basis = dqm.FockBargmann(12)
        >>> flow = dqm.Damped(dqm.FokkerPlanck(dqm.Kerr(2.0)), rate=0.5)
        >>> run = dqm.solve(dqm.HusimiStep(flow, basis), basis.coherent(1.0), jnp.array([0.0, 2.0]))
        >>> round(float(dqm.readout.moment(basis, run.final, (1,), (1,)).real - 1), 3)  # e^{−γt}
        0.368
    """

    flow: FokkerPlanck
    rate: Scalar | float = eqx.field(converter=partial(not_negative, "rate", shape=()))
    thermal: Scalar | float = eqx.field(
        default=0.0, converter=partial(not_negative, "thermal", shape=())
    )

    def __check_init__(self):
        require_instance(FokkerPlanck, flow=self.flow)

    def __str__(self) -> str:
        """The fields, the verdict on the flow and, if the parameters are known, where the whole
        equation is an ordinary diffusion."""
        if not is_known(self) or self.depends_on_time or self.order > 2:
            return repr(self)
        quanta = self.diffusive_quanta(self.modes or 1)
        where = "everywhere" if quanta == np.inf else f"for |β|² < {quanta:.4g}"
        if quanta == 0:
            where = "nowhere"
        lines = [repr(self), *str(self.flow).splitlines()[1:]]
        return "\n".join([*lines, f"With the bath it is an ordinary diffusion {where}."])

    def _repr_pretty_(self, printer, cycle):
        """What a notebook shows."""
        printer.text(str(self))

    def diffusive_quanta(self, modes: int) -> float:
        """The largest `|β|²` up to which the diffusion matrix has no negative eigenvalue.

        There the equation is an ordinary diffusion, although that of the flow alone never is. A
        Kerr oscillator has `U|β|² ≤ γ(n̄ + 1)`. Found by bisection along 32 random directions, up to
        10⁶ quanta; ∞ beyond.

        Args:
            modes: N, the number of modes.

        Raises:
            InputError: If `modes` is not an integer of at least 1 or not that of H, or H depends on
                time.
        """
        require_whole(1, modes=modes)
        if self.flow.modes not in (None, modes):
            raise InputError(f"`modes` must be the {self.flow.modes} of `flow`, but is {modes}.")
        directions = np.random.default_rng(0).normal(size=(32, 2 * modes))
        z = np.sqrt(2) * directions / np.linalg.norm(directions, axis=1)[:, None]
        scale = np.asarray(self.flow.space(modes).scale)
        inverse = np.outer(1 / scale, 1 / scale)
        tensors = jax.jit(jax.vmap(lambda xi: self.tensor(2, xi)))

        def is_positive(quanta: float) -> bool:
            points = jnp.asarray(np.sqrt(quanta) * z * scale)
            matrices = inverse * np.asarray(tensors(points))
            values = np.linalg.eigvalsh(matrices)
            roundoff = 100 * np.finfo(values.dtype).eps * np.abs(values).max()
            return bool(values.min() >= -roundoff)

        if not is_positive(0.0):
            return 0.0
        low, high = 0.0, 1e6
        if is_positive(high):
            return np.inf
        while high - low > 1e-6 * high and high > 1e-6:
            middle = (low + high) / 2 if low else high / 10
            low, high = (middle, high) if is_positive(middle) else (low, middle)
        return low

    @property
    def symbol(self) -> Callable[[Array, Array], Scalar]:
        """H of the flow."""
        return self.flow.symbol

    @property
    def modes(self) -> int | None:
        """N, the number of modes."""
        return self.flow.modes

    @property
    def depends_on_time(self) -> bool:
        """Whether H does."""
        return self.flow.depends_on_time

    def at(self, t: Time) -> "Damped":
        """The equation at time t, which does not depend on time."""
        return dataclasses.replace(self, flow=self.flow.at(t))

    @property
    def parts(self) -> "tuple[Damped, tuple[tuple[Envelope, FokkerPlanck], ...]]":
        """The equation without its drives, and pairs (f_k, equation of H_k)."""
        flow, drives = self.flow.parts
        return dataclasses.replace(self, flow=flow), drives

    @property
    def order(self) -> int:
        """The flow's, or 2."""
        return max(self.flow.order, 2)

    def tensor(self, k: int, xi: Phase) -> Float[Array, "..."]:
        """The flow's, with γξ/2 added to G⁽¹⁾ and `γ(n̄ + 1) LLᵀ/2` to G⁽²⁾."""
        require_whole(1, k=k)
        xi = self.flow._point(xi)
        own = self.flow.tensor(k, xi) if k <= self.flow.order else jnp.zeros((xi.size,) * k)
        if k == 1:
            return own + self.rate / 2 * xi
        if k == 2:
            return own + self.rate * (self.thermal + 1) / 2 * jnp.diag(self.flow.scale(xi) ** 2)
        return own


class Jump(eqx.Module):
    """A jump operator with its rate, `γ (ĴρĴ† − ½ Ĵ†Ĵρ − ½ ρĴ†Ĵ)`.

    Args:
        operator: Ĵ, a polynomial in ladder operators, in text: "a" is loss, "ad" heating, "n"
            dephasing, "a**2" two-photon loss, "a1 - a2" correlated loss of two modes. See
            `dqm.operator`; it need not be Hermitian.
        rate: γ, a rate per time.
        parameters: Numbers that the text names, real or complex.

    Raises:
        InputError: If the text is no polynomial in ladder operators, or γ is not one number of at
            least 0.

    Example:
        >>> basis = dqm.FockBargmann(4)
        >>> flow = dqm.Open(dqm.FokkerPlanck(dqm.Kerr(1.0)), dqm.Jump("s*a**2", 0.5, s=1.0))
        >>> run = dqm.solve(dqm.HusimiStep(flow, basis), basis.fock(2), jnp.array([0.0, 1.0]))
        >>> round(float(dqm.readout.photon_numbers(basis, run.final)[2]), 3)  # e^{−2γt}
        0.368
    """

    operator: str = eqx.field(static=True)
    rate: Scalar | float = eqx.field(converter=partial(not_negative, "rate", shape=()))
    parameters: dict[str, Any]

    def __init__(self, operator: str, rate: Scalar | float, **parameters):
        self.operator, self.rate, self.parameters = operator, rate, parameters

    def __check_init__(self):
        require_instance(str, operator=self.operator)
        self.terms()

    def terms(self, modes: int | None = None) -> Terms:
        """Ĵ in normal order, `{(m₁…m_N, n₁…n_N): c}` for `Σ c â†^m â^n`.

        Args:
            modes: N, the highest number in the text by default.

        Raises:
            InputError: If Ĵ names a mode that is not there.
        """
        try:
            return ladder_terms(self.operator, self.parameters, modes)
        except InputError as error:
            must = "`operator` must consist of ladder operators of the modes and finite numbers"
            raise InputError(f"{must}: {error}") from None


@runtime_checkable
class Dissipative(Protocol):
    """A flow with jump operators."""

    @property
    def flow(self) -> FokkerPlanck | Damped:
        """The equation without them."""
        ...

    def dissipators(self, space: PhaseSpace) -> tuple[tuple[Any, Terms], ...]:
        """Each rate with its Ĵ in the ladder operators of `space`, normally ordered."""
        ...


class Open(eqx.Module):
    """A flow with baths, `∂ρ/∂t = … + Σ_k γ_k (Ĵ_kρĴ_k† − ½ Ĵ_k†Ĵ_kρ − ½ ρĴ_k†Ĵ_k)`.

    The operators are those of the flow's modes, `α = (q/ℓ + iℓp/κ)/√2`. For C = 1 and κ = ħ this is
    Lindblad's master equation (doi:10.1007/BF01608499); the baths do not depend on C.

    Args:
        flow: Equation of motion without these baths.
        jumps: Jump operators with their rates.

    Raises:
        InputError: If `flow` is no `FokkerPlanck` or `Damped`, or `jumps` are none or name a mode
            that the flow does not have.

    Example:
        >>> basis = dqm.FockBargmann(12)
        >>> flow = dqm.FokkerPlanck(dqm.Kerr(1.0))
        >>> bath = dqm.Open(flow, dqm.Jump("a", 1.2), dqm.Jump("ad", 0.2), dqm.Jump("n", 0.1))
        >>> rho = dqm.steady_state(bath, basis).state
        >>> round(float(dqm.readout.photon_numbers(basis, rho)[0]), 3)  # 1 − 0.2/1.2
        0.833
    """

    flow: FokkerPlanck | Damped
    jumps: tuple[Jump, ...]

    def __init__(self, flow: FokkerPlanck | Damped, *jumps: Jump):
        self.flow, self.jumps = flow, jumps

    def __check_init__(self):
        if not isinstance(self.flow, FokkerPlanck | Damped):
            raise InputError(
                f"`flow` must be a `FokkerPlanck` or `Damped`, but is {self.flow!r}: give "
                "all jumps to one `Open`."
            )
        if not self.jumps:
            raise InputError("`jumps` must be one or more `dqm.Jump`, but there are none.")
        for jump in self.jumps:
            require_instance(Jump, jumps=jump)
            jump.terms(self.modes)

    @property
    def modes(self) -> int | None:
        """N, as far as the flow knows it."""
        return self.flow.modes

    @property
    def symbol(self):
        """H of the flow."""
        return self.flow.symbol

    @property
    def depends_on_time(self) -> bool:
        """Whether H does."""
        return self.flow.depends_on_time

    def at(self, t: Time) -> "Open":
        """The equation at time t, which does not depend on time."""
        return Open(self.flow.at(t), *self.jumps)

    @property
    def parts(self) -> "tuple[Open, tuple[tuple[Envelope, FokkerPlanck], ...]]":
        """The equation without its drives, and pairs (f_k, equation of H_k)."""
        flow, drives = self.flow.parts
        return Open(flow, *self.jumps), drives

    def dissipators(self, space: PhaseSpace) -> tuple[tuple[Any, Terms], ...]:
        """Each rate with its Ĵ in the ladder operators of `space`.

        Raises:
            InputError: If a Ĵ names a mode that is not there.
        """
        own = own_flow(self.flow).space(space.modes)
        lowering = [_lowering(own, space, i) for i in range(space.modes)]
        return tuple(
            (jump.rate, substituted(jump.terms(space.modes), lowering)) for jump in self.jumps
        )

    def require_kappa(self, kappa):
        """Checks that κ, if it is known, is that of the flow.

        Raises:
            InputError: If not: the ladder operators would not be those of oscillators.
        """
        own = own_flow(self.flow).kappa
        if is_known((own, kappa)) and not np.isclose(own, kappa, atol=0):
            raise InputError(f"`basis` must have the κ of the flow, {own}, but has {kappa}.")


def own_flow(flow: "FokkerPlanck | Damped | Open") -> FokkerPlanck:
    """The equation without baths."""
    return flow if isinstance(flow, FokkerPlanck) else own_flow(flow.flow)


def with_symbol(flow: FokkerPlanck | Damped, symbol: Callable) -> FokkerPlanck | Damped:
    """The same equation of another H."""
    if isinstance(flow, Damped):
        return dataclasses.replace(flow, flow=with_symbol(flow.flow, symbol))
    return dataclasses.replace(flow, symbol=symbol)


def undissipated(law: Any) -> Any:
    """An equation without its jump operators."""
    return law.flow if isinstance(law, Dissipative) else law


def _lowering(own: PhaseSpace, other: PhaseSpace, mode: int) -> Terms:
    """`â = μb̂ + νb̂†`, the ladder operator of one scale by those of another."""
    ratio = other.ell[mode] / own.ell[mode]
    if not is_known((own.kappa, other.kappa)):
        ratio = ratio * jnp.where(jnp.isclose(own.kappa, other.kappa, atol=0), 1.0, jnp.nan)
    up, down = np.zeros((2, 2 * other.modes), int)
    up[mode], down[other.modes + mode] = 1, 1
    return {
        tuple(down.tolist()): (ratio + 1 / ratio) / 2,
        tuple(up.tolist()): (ratio - 1 / ratio) / 2,
    }
