"""A displaced and rotating frame that follows the classical path, for states of many quanta.

`β = β_c(t) + e^{−iθ(t)} β'`: the coefficients are those of β', which stays small.
"""

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..errors import InputError, field, is_known, require_shape
from ..evolution.gauss_legendre import gauss_legendre_step
from ..evolution.status import Faults, Reason
from ..evolution.stepper import AbstractStepper
from ..phase_space.coordinates import PhaseSpace, require_points
from ..phase_space.driven import frozen
from ..phase_space.fokker_planck import FokkerPlanck
from ..phase_space.normal_order import Terms, substituted
from ..phase_space.open_system import (
    Damped,
    Dissipative,
    own_flow,
    undissipated,
    with_symbol,
)
from ..phase_space.symbols import AbstractSymbol
from .basis import AT_EDGE, share
from .generator import DENSITY, KET, Pattern, pattern
from .readout import Powers, moment, require_powers
from .states import PerMode
from .steps import NODES, HusimiStep, KetStep, magnus

Phase = Float[Array, " phase"]
Modes = Float[Array, " modes"]
Scalar = Float[Array, ""]
ITERATIONS = 30  # of the implicit steps of the classical path


class Framed(NamedTuple):
    """A state in the moving frame."""

    center: Phase  # ξ_c = (q, p) of the displacement β_c
    angle: Modes  # θ, one for each mode
    inside: Complex[Array, "..."]  # coefficients or amplitudes of β'


class MovingFrame(AbstractStepper):
    """A `HusimiStep` or `KetStep` in the frame `β = β_c(t) + e^{−iθ(t)} β'`.

    `dξ_c/dt` is the drift at ξ_c and `dθ_i/dt = (1/κ) ∂²H/∂β_i∂β_i*` there. In the frame H loses
    its linear terms and its quanta, so that β' moves slowly and stays near 0: 900 quanta of a Kerr
    oscillator need 50 levels until U n̄ t = 1. The transformation is exact; the steps are those of
    order 4 with drives.

    Args:
        stepper: Equation of motion, with the basis for β'. The ℓ and κ of the basis are those of
            the equation.

    A state is `Framed`; `start` makes it, `density` and `moment` read it in the laboratory frame.
    The global phase of a ket is not kept.

    Raises:
        InputError: If `stepper` is no `HusimiStep` or `KetStep`, its equation has a `factor` or is
            a flow of your own, or its ℓ or κ is not that of the basis.

    Example:
        >>> step = dqm.MovingFrame(dqm.KetStep(dqm.Kerr(0.01), dqm.FockBargmann(24)))
        >>> state = step.start(30.0)  # what `solve` takes and returns with this stepper
        >>> quanta = step.moment(state, up=(1,), down=(1,)).real - 1
        >>> round(float(quanta), 3)
        900.0
    """

    stepper: HusimiStep | KetStep

    def __check_init__(self):
        if not isinstance(self.stepper, HusimiStep | KetStep):
            raise InputError(
                f"`stepper` must be a `HusimiStep` or a `KetStep`, but is {self.stepper!r}."
            )
        if not isinstance(self._law, FokkerPlanck | Damped | Dissipative) and not self._is_ket:
            raise InputError("`stepper` must have a `FokkerPlanck`, `Damped` or `Open` equation.")
        basis, declared = self.basis, getattr(self._law, "modes", None)
        if declared not in (None, basis.modes):
            raise InputError(
                f"`stepper` must have a basis of the {declared} modes of its equation, but has "
                f"{basis.modes}: give `cutoff` one entry per mode."
            )
        own = self._flow
        if own.factor is not None:
            raise InputError("`stepper` must have an equation without `factor` in a moving frame.")
        scales = own.space(basis.modes), basis.space
        if is_known(scales) and not all(
            np.allclose(*pair, atol=0) for pair in zip(*map(jax.tree.leaves, scales), strict=True)
        ):
            raise InputError("`stepper` must have the ℓ and κ of its equation in its basis.")

    @property
    def order(self) -> int:
        """The global error is O(dt**order)."""
        return 4

    @property
    def basis(self):
        """Number states of β'."""
        return self.stepper.basis

    @property
    def _is_ket(self) -> bool:
        return isinstance(self.stepper, KetStep)

    @property
    def _law(self) -> Any:
        stepper = self.stepper
        return stepper.symbol if isinstance(stepper, KetStep) else stepper.fokker_planck

    @property
    def _flow(self) -> FokkerPlanck:
        """The equation without baths."""
        if not self._is_ket:
            return own_flow(self._law)
        space = self.basis.space
        return FokkerPlanck(self._law, ell=space.ell, kappa=space.kappa, hbar=space.kappa)

    @property
    def _inside(self) -> tuple[int, ...]:
        """Shape of a state of β'."""
        return self.basis.cutoff if self._is_ket else self.basis.levels

    @functools.cached_property
    def _pattern(self) -> Pattern:
        ones = jnp.ones(2 * self.basis.modes)
        picture = KET if self._is_ket else DENSITY
        # the types only: an envelope may not be known at this time
        law = eqx.filter_eval_shape(self._moved, jnp.ones(()), ones, ones[: self.basis.modes])
        is_type = lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct)
        filled = lambda leaf: jnp.ones(leaf.shape, leaf.dtype) if is_type(leaf) else leaf
        return pattern(picture, self.basis, jax.tree.map(filled, law))

    def start(
        self,
        alpha: PerMode,
        inside: Complex[Array, "..."] | None = None,
    ) -> Framed:
        """The state `inside`, the vacuum by default, displaced to `alpha`.

        Args:
            alpha: β_c, in units of √quanta; one number, or one per mode.
            inside: Coefficients of β', or amplitudes for a `KetStep`.

        Raises:
            InputError: If `alpha` or `inside` has another shape or is not finite.
        """
        modes = self.basis.modes
        alpha = jnp.atleast_1d(field("alpha", alpha)) + 0j
        require_shape("alpha", alpha, (modes,))
        if inside is None:
            make = self.basis.coherent_ket if self._is_ket else self.basis.coherent
            inside = make(jnp.zeros(modes))
        center = self.basis.space.point(alpha)
        return Framed(center, jnp.zeros(modes), field("inside", inside, self._inside) + 0j)

    def require_state(self, state: Framed):
        """Checks that `state` is one in this frame.

        Raises:
            InputError: If it is another object, or an array of it has another shape or is not
                finite.
        """
        if not isinstance(state, Framed):
            raise InputError(
                f"`state` must be one in the frame, which `start` makes, but is {state!r}."
            )
        n = self.basis.modes
        for array, shape in zip(state, ((2 * n,), (n,), self._inside), strict=True):
            field("state", array, shape)

    def density(
        self, state: Framed, points: Float[Array, "points phase"]
    ) -> Float[Array, " points"]:
        """The Husimi density per dq dp at `points` of the laboratory frame.

        Raises:
            InputError: If `state` is none of this frame, or `points` are no rows of 2N real
                numbers.
        """
        self.require_state(state)
        points = require_points(points, 2 * self.basis.modes)
        turned = jax.vmap(lambda xi: _turned(self.basis.space, xi - state.center, -state.angle))
        return self.basis.density(state.inside, turned(points))

    def moment(self, state: Framed, up: Powers, down: Powers) -> Complex[Array, ""]:
        """`⟨Π â_i^{down_i} â_i†^{up_i}⟩` in the laboratory frame, as `readout.moment`.

        Raises:
            InputError: If `state` is none of this frame, or the powers are not integers of at
                least 0, one for each mode.
        """
        self.require_state(state)
        require_powers(self.basis, up=up, down=down)
        rho = self.basis.pure(state.inside) if self._is_ket else state.inside
        beta = self.basis.space.amplitude(state.center)
        turn = jnp.exp(-1j * state.angle)
        total = jnp.zeros((), complex)
        for k in itertools.product(*(range(n + 1) for n in (*up, *down))):
            i, j = k[: len(up)], k[len(up) :]
            weight = math.prod(map(math.comb, (*up, *down), k))
            powers = [
                jnp.prod(x ** np.array(n))
                for x, n in (
                    (beta.conj(), np.subtract(up, i)),
                    (beta, np.subtract(down, j)),
                    (turn.conj(), i),
                    (turn, j),
                )
            ]
            total += weight * math.prod(powers) * moment(self.basis, rho, i, j)
        return total

    def vector(self, state: Framed):
        """The coefficients, β_c and θ."""
        beta = self.basis.space.amplitude(state.center)
        return jnp.concatenate([state.inside.ravel(), beta, state.angle])

    def faults(self, state: Framed) -> Faults:
        """Of coefficients at the cut-off."""
        return {Reason.LEVELS: share(state.inside, self._pattern.edge) / AT_EDGE}

    def make_step(self, dt):
        return _FrameStep(self, self._pattern, dt)

    def _velocity(self, t, center: Phase) -> tuple[Phase, Phase, Modes]:
        """That of the center, its part that the equation in the frame must lose, and `dθ/dt`."""
        flow, space = self._flow.at(t), self.basis.space
        lost = flow.drift(center)
        if isinstance(self._law, Dissipative):
            lost = lost + space.point(_jump_drift(self._law, space, space.amplitude(center)))
        bare = undissipated(self._law)
        is_damped = isinstance(bare, Damped)
        damping = bare.rate / 2 * center if is_damped else 0.0
        scaled = lambda z: flow.hamiltonian(center + space.scale * z)
        curvature = jnp.diag(jax.hessian(scaled)(jnp.zeros_like(center)))
        spin = (curvature[: space.modes] + curvature[space.modes :]) / (2 * space.kappa)
        return lost - damping, lost, spin

    def _moved(self, t, center: Phase, angle: Modes):
        """The equation of motion of β' at time t."""
        space = self.basis.space
        _, lost, spin = self._velocity(t, center)
        velocity = _turned(space, lost, -angle)
        symbol = frozen(self._flow.symbol, t)
        moved = _Moved(symbol, space, center, angle, velocity, spin)
        if self._is_ket:
            return moved
        flow = with_symbol(undissipated(self._law), moved)
        if isinstance(self._law, Dissipative):
            return _MovedOpen(flow, self._law, space.amplitude(center), angle)
        return flow


class _Moved(AbstractSymbol):
    """H of β': without its value at 0, the frame's displacement and its rotation."""

    symbol: Callable
    space: PhaseSpace
    center: Phase
    angle: Modes
    velocity: Phase  # of the displacement, in the frame
    spin: Modes

    @property
    def modes(self) -> int:
        """N, the number of modes."""
        return self.space.modes

    @property
    def cancelled(self) -> Scalar:
        """The size, over κ, of the energies that cancel in H: round-off of H is ε times this."""
        energy = jnp.abs(self.symbol(*jnp.split(self.center, 2))) / self.space.kappa
        return energy + jnp.abs(self.spin) @ (1 + jnp.abs(self.space.amplitude(self.center)) ** 2)

    def __call__(self, q, p):
        eta = jnp.concatenate([q, p])
        xi = self.center + _turned(self.space, eta, self.angle)
        energy = lambda xi: self.symbol(*jnp.split(xi, 2))
        u, w = jnp.split(self.velocity, 2)
        quanta = jnp.abs(self.space.amplitude(eta)) ** 2
        moved = energy(xi) - energy(self.center) - (u @ p - w @ q)
        return moved - self.space.kappa * (self.spin @ quanta)


class _MovedOpen(eqx.Module):
    """An open system in the frame."""

    flow: FokkerPlanck | Damped
    own: Any  # in the laboratory frame
    beta: Complex[Array, " modes"]
    angle: Modes

    def dissipators(self, space: PhaseSpace) -> tuple[tuple[Any, Terms], ...]:
        """Each rate with its `Ĵ(β_c + e^{−iθ} b̂)`."""
        modes, none = space.modes, (0,) * space.modes
        lowering = [
            {(*none, *row): jnp.exp(-1j * self.angle[i]), (*none, *none): self.beta[i]}
            for i, row in enumerate(np.eye(modes, dtype=int).tolist())
        ]
        return tuple(
            (rate, substituted(terms, lowering)) for rate, terms in self.own.dissipators(space)
        )


class _FrameStep(eqx.Module):
    frame: MovingFrame
    pattern: Pattern = eqx.field(static=True)
    dt: Scalar

    def __call__(self, t, state: Framed) -> Framed:
        frame, n = self.frame, self.frame.basis.modes
        frame.require_state(state)
        start = jnp.concatenate([state.center, state.angle, jnp.asarray(t)[None]])

        def slope(place):
            velocity, _, spin = frame._velocity(place[-1], place[: 2 * n])
            return jnp.concatenate([velocity, spin, jnp.ones(1)])

        def along(dt):
            place, settled = gauss_legendre_step(slope, start, dt, ITERATIONS)
            place = place * jnp.where(settled, 1.0, jnp.nan)
            return place[: 2 * n], place[2 * n : -1]

        def weights(dt, center: Phase, angle: Modes):
            law = frame._moved(t + dt, center, angle)
            return self.pattern.weights_of(self.pattern.coefficients(frame.basis, law)(t))

        parts = self.dt * jnp.array([*NODES, 1.0])
        centers, angles = jax.vmap(along)(parts)  # one program for all
        first, second = jax.vmap(weights)(parts[:2], centers[:2], angles[:2])
        moved = magnus(self.pattern, first, second, self.dt, state.inside)
        return Framed(centers[2], angles[2], moved.rho)


def _turned(space: PhaseSpace, xi: Phase, angle: Modes) -> Phase:
    """ξ with each β times e^{−iθ}."""
    return space.point(jnp.exp(-1j * angle) * space.amplitude(xi))


def _jump_drift(law, space: PhaseSpace, beta) -> Complex[Array, " modes"]:
    """`dβ/dt = ½ Σ γ (J* ∂J/∂β* − J (∂J/∂β)*)`, of jumps as numbers."""
    total = jnp.zeros_like(beta)
    for rate, terms in law.dissipators(space):
        rows, c = np.array(list(terms)), jnp.stack([jnp.asarray(x) + 0j for x in terms.values()])
        value = lambda w, rows=rows, c=c: c @ jnp.prod(w**rows, axis=1)
        w = jnp.concatenate([beta.conj(), beta])
        up, down = jnp.split(jax.jacfwd(value, holomorphic=True)(w), 2)
        jump = value(w)
        total += rate / 2 * (jump.conj() * up - jump * down.conj())
    return total
