"""Particles of a Husimi density on phase space: its flow, and diffusion with the score."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import InputError, is_known, require_key, require_type
from ..evolution.solution import Solution
from ..fock_bargmann.basis import FockBargmann
from ..fock_bargmann.steps import HusimiStep, KetStep
from ..phase_space.fokker_planck import FokkerPlanck
from ..phase_space.open_system import Damped
from .ensemble import Trajectories, places
from .paths import Knots, Points, follow, require_particles, require_states, without_mean_energy

Matrix = Float[Array, "phase phase"]


def husimi_flow(
    stepper: HusimiStep | KetStep,
    solution: Solution,
    starts: Float[Array | np.ndarray, "particles phase"],
    *,
    substeps: int = 4,
) -> Trajectories:
    """`dξ/dt = b − ∇·B − B∇ln ρ`, the particles that the density carries along.

    The equation is `∂ρ/∂t = −∇·(bρ) + ∇∇:(Bρ)` of `FokkerPlanck` or `Damped`, exact or truncated.
    Where many particles start with the density ρ, they have it at all times.

    Args:
        stepper: Equation and basis of the run.
        solution: That run, with all its states saved at its times. Between them the coefficients
            are interpolated with their derivatives, with an error of fourth order.
        starts: Positions ξ = (q, p) at the first time, such as those of `dqm.readout.sample`.
        substeps: Steps between two times, an even number.

    Returns:
        Positions at the times of the run. The coarse ones use every second saved state and steps
        twice as long, so that `step_error` includes that of the interpolation.

    Raises:
        InputError: If the equation has more than two derivatives or is `Open`, a saved state fails
            (the density ends at its horizon), a start is where ρ = 0, or a path ends in NaN at a
            zero of ρ. Traced, the positions are NaN instead.

    Reference: arXiv:2603.20399, eq. (52), for the equation.

    Example:
        >>> basis = dqm.FockBargmann(24)
        >>> step = dqm.KetStep(dqm.ParametricAmplifier(1.0), basis)
        >>> run = dqm.solve(step, basis.coherent_ket(0.0), jnp.linspace(0, 0.5, 5))
        >>> paths = dqm.trajectories.husimi_flow(step, run, jnp.array([[1.0, 1.0]]))
        >>> print(paths.positions[-1, 0].round(3))  # √((e^{±2gt} + 1)/2)
        [1.364 0.827]
    """
    return _followed(_law(stepper, solution, False), starts, substeps, None)


def husimi_diffusion(
    stepper: HusimiStep | KetStep,
    solution: Solution,
    starts: Float[Array | np.ndarray, "particles phase"],
    key,
    *,
    substeps: int = 4,
) -> Trajectories:
    """`dξ = [b − ∇·B − B∇ln ρ + ∇·A + A∇ln ρ] dt + √(2A) dW`, `A = |B|`.

    `|B|` has the eigenvectors of B in the scaled coordinates z and the moduli of its eigenvalues.
    The density at one time is ρ, as for every A ≥ 0. What happens at two times depends on A.

    Args:
        stepper, solution, starts, substeps: As for `husimi_flow`.
        key: Of the noise.

    Returns:
        Positions at the times of the run. The coarse ones are as for `husimi_flow`, with the same
        noise.

    Raises:
        InputError: As `husimi_flow`, and if `key` is none.

    Reference: arXiv:2507.13593, for the forward-only form.

    Example:
        >>> basis = dqm.FockBargmann(24)
        >>> step = dqm.KetStep(dqm.ParametricAmplifier(1.0), basis)
        >>> run = dqm.solve(step, basis.coherent_ket(0.0), jnp.linspace(0, 0.5, 5))
        >>> starts = dqm.readout.sample(jax.random.key(0), basis, run.saved[0], 500)
        >>> paths = dqm.trajectories.husimi_diffusion(step, run, starts, jax.random.key(1))
        >>> mean = paths.mean(lambda xi: xi[0] ** 2)  # (e^{2gt} + 1)/2
        >>> bool(abs(mean.value[-1] - (np.e + 1) / 2) < 4 * mean.sampling_error[-1])
        True
    """
    require_key(key=key)
    return _followed(_law(stepper, solution, True), starts, substeps, key)


class _Carried(eqx.Module):
    """The law of particles that a Husimi density carries along."""

    states: Knots
    flow: FokkerPlanck | Damped
    basis: FockBargmann
    is_random: bool = eqx.field(static=True)

    is_additive = False

    def drift(self, t, x: Points) -> Points:
        state = self.states(t)
        score = jax.grad(lambda x: jnp.sum(jnp.log(self.basis.density(state, x))))(x)
        return jax.vmap(lambda xi, s: self._drift(t, xi, s))(x, score)

    def _drift(self, t, xi: Float[Array, " phase"], score) -> Float[Array, " phase"]:
        flow = self.flow.at(t)
        extra = lambda xi: self._random(t, xi) - flow.tensor(2, xi)
        slope = jnp.trace(jax.jacfwd(extra)(xi), axis1=1, axis2=2)
        return slope + extra(xi) @ score - flow.tensor(1, xi)

    def noise(self, t, x: Points) -> Float[Array, "particles phase phase"]:
        return jax.vmap(lambda xi: 2**0.5 * self._scaled(t, xi, 0.5))(x)

    def _random(self, t, xi: Float[Array, " phase"]) -> Matrix:
        """A, in the units of ξ."""
        if not self.is_random:
            return jnp.zeros((xi.size, xi.size))
        return self._scaled(t, xi, 1.0) * self.basis.space.scale

    def _scaled(self, t, xi: Float[Array, " phase"], power: float) -> Matrix:
        """`L |L⁻¹BL⁻¹|^power`."""
        scale = jnp.asarray(self.basis.space.scale)
        spread = self.flow.at(t).tensor(2, xi) / scale / scale[:, None]
        return scale[:, None] * _modulus(power, spread)

    @property
    def sparse(self) -> "_Carried":
        """With every second saved state."""
        return eqx.tree_at(lambda law: law.states, self, self.states.sparse)


def _modulus(power: float, matrix: Matrix) -> Matrix:
    """`|M|^power` of a symmetric matrix."""
    if len(matrix) > 2:
        return _by_eigenvectors(power, matrix)
    middle = jnp.trace(matrix) / 2
    rest = matrix - middle * jnp.eye(2)
    square = rest[0, 0] ** 2 + rest[0, 1] ** 2
    half = jnp.sqrt(jnp.where(square > 0, square, 1.0))  # eigenvalues middle ± half
    up, down = (_power(jnp.abs(x), power) for x in (middle + half, middle - half))
    apart = (up + down) / 2 * jnp.eye(2) + (up - down) / (2 * half) * rest
    return jnp.where(square > 0, apart, _power(jnp.abs(middle), power) * jnp.eye(2))


def _power(size: Float[Array, ""], power: float) -> Float[Array, ""]:
    """`size^power`, with derivative 0 at 0."""
    return jnp.where(size > 0, jnp.where(size > 0, size, 1.0) ** power, 0.0)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _by_eigenvectors(power: float, matrix: Matrix) -> Matrix:
    values, vectors = jnp.linalg.eigh(matrix)
    return (vectors * jnp.abs(values) ** power) @ vectors.T


@_by_eigenvectors.defjvp
def _(power: float, primals, tangents):
    """By divided differences, which exist where eigenvalues coincide (Daleckii & Krein)."""
    (matrix,), (change,) = primals, tangents
    values, vectors = jnp.linalg.eigh(matrix)
    size = jnp.abs(values)
    apart = values[:, None] - values
    same = jnp.abs(apart) <= 1e-12 * jnp.max(size)
    safe = jnp.where(size > 0, size, 1.0)
    slope = jnp.where(size > 0, power * jnp.sign(values) * safe ** (power - 1), 0.0)
    ratio = (size[:, None] ** power - size**power) / jnp.where(same, 1.0, apart)
    ratio = jnp.where(same, slope[:, None], ratio)
    moved = vectors @ (ratio * (vectors.T @ change @ vectors)) @ vectors.T
    return _by_eigenvectors(power, matrix), moved


def _law(stepper: HusimiStep | KetStep, solution: Solution, is_random: bool) -> _Carried:
    require_type((HusimiStep, KetStep), stepper=stepper)
    basis = stepper.basis
    require_states(solution, 1, basis.cutoff if isinstance(stepper, KetStep) else basis.levels)
    flow = _flow(stepper)
    return _Carried(_knots(stepper, solution.ts, solution.saved), flow, basis, is_random)


def _flow(stepper: HusimiStep | KetStep) -> FokkerPlanck | Damped:
    """The equation of the density, of two derivatives."""
    basis = stepper.basis
    if isinstance(stepper, KetStep):
        kappa = basis.kappa
        flow = FokkerPlanck(stepper.symbol, ell=basis.ell, kappa=kappa, hbar=kappa)
        if is_known(flow) and not flow.depends_on_time and not _is_exact(flow):
            raise InputError(
                "`stepper` must have a density that obeys an equation of two derivatives, but its "
                "H has more: take `HusimiStep` with the truncated equation."
            )
        return flow
    flow = stepper.fokker_planck
    if not isinstance(flow, FokkerPlanck | Damped) or flow.order > 2:
        raise InputError(
            "`stepper` must have an equation of two derivatives, a `FokkerPlanck` or `Damped` of "
            f"order 1 or 2, but has {type(flow).__name__} of order {getattr(flow, 'order', '>2')}."
        )
    return flow


def _is_exact(flow: FokkerPlanck) -> bool:
    """Also where another function is traced."""
    with jax.ensure_compile_time_eval():
        return flow.is_exact


@eqx.filter_jit
def _knots(stepper: HusimiStep | KetStep, ts, saved) -> Knots:
    basis = stepper.basis
    if isinstance(stepper, KetStep):
        law, pattern = stepper.symbol, basis.ket_pattern(stepper.symbol)
    else:
        law, pattern = stepper.fokker_planck, basis.pattern(stepper.fokker_planck)
    weights = pattern.weights(pattern.coefficients(basis, law))
    rate = lambda at: pattern.with_weights(weights(at[0]))(at[1])
    rates = jax.lax.map(rate, (ts, saved))
    if isinstance(stepper, KetStep):
        return Knots(ts, *without_mean_energy(ts, saved, rates))
    return Knots(ts, saved, rates)


def _followed(law: _Carried, starts, substeps: int, key) -> Trajectories:
    basis, first = law.basis, law.states.values[0]
    x = places("starts", starts, 2 * basis.modes)
    x = require_particles(x, basis.density(first, x) * basis.space.cell)
    return follow(law, x, law.states.ts, substeps, key)
