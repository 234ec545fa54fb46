"""The Schrödinger equation on small grids, by one dense matrix for any length of time."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from ..errors import InputError, require_instance, require_shape
from ..evolution.status import wave_faults
from ..evolution.stepper import AbstractStepper
from ..grid import Grid
from ..products import product
from .eigensolver import matrix_of
from .hamiltonian import Hamiltonian
from .observables import wave_invariants

MOST_POINTS = 2048  # a matrix of 64 MB
NEAR = 1e-3  # phases whose difference quotient is taken from its series


class DenseStep(AbstractStepper):
    """The Schrödinger equation for V(x) on a small grid; a step is one product with a matrix.

    `ψ(t + dt) = e^{−iĤdt/ħ} ψ(t)`, exact to round-off for any dt

    `e^{−iĤdt/ħ} = Σ_n |n⟩ e^{−iE_n dt/ħ} ⟨n|` is computed once for each distinct dt, for any dt in
    the same time. The error is about `ε E_max dt/ħ`, the relative error ε of one number times the
    largest phase. Differentiable in both modes.

    Args:
        hamiltonian: Masses, ħ and V, which is real and without t.
        grid: Periodic box in configuration space, of at most 2048 points.

    A state is a complex array of the grid's shape. Reference for the derivative: Daleckii & Krein
    (1965), as in Higham, Functions of Matrices (2008), theorem 3.11.

    Raises:
        InputError: If the grid has more points, or V depends on t or is complex.

    Example:
        >>> grid = dqm.Grid(-8.0, 8.0, 64)
        >>> step = dqm.DenseStep(dqm.Hamiltonian(dqm.Harmonic()), grid)
        >>> times = jnp.array([0.0, jnp.pi])  # half a period, in one step
        >>> run = dqm.solve(step, dqm.coherent(grid, 1.0), times)
        >>> round(float(dqm.observables.mean_position(grid, run.final)[0]), 3)
        -1.0
    """

    hamiltonian: Hamiltonian
    grid: Grid

    def __check_init__(self):
        require_instance(Hamiltonian, hamiltonian=self.hamiltonian)
        require_instance(Grid, grid=self.grid)
        if self.grid.size > MOST_POINTS:
            raise InputError(
                f"`grid` must have at most {MOST_POINTS} points, but has {self.grid.size}: take "
                "`SplitStep` or `Chebyshev`."
            )

    def faults(self, state):
        """Of a ψ that the grid does not resolve, or that reaches the edge of an isolated box."""
        return wave_faults(self.grid, state)

    def invariants(self, t, state):
        """`∫|ψ|² dx`, and for V(x) `⟨Ĥ⟩` over it."""
        return wave_invariants(self.hamiltonian, self.grid, t, state)

    def make_step(self, dt):
        h, grid = self.hamiltonian, self.grid
        h.require_static(grid.dim, "Use `SplitStep`.")
        h.require_real(grid.dim, "Use `SplitStep`.")
        matrix = matrix_of(h.kinetic(grid), h.potential_on(grid))
        return _DenseFlow(unitary(dt / h.hbar * matrix), grid)


@jax.custom_jvp
def unitary(angle: Float[Array, "size size"]) -> Complex[Array, "size size"]:
    """`e^{−iA}` of a real symmetric matrix A."""
    values, vectors = jnp.linalg.eigh(angle)
    return product(vectors * jnp.exp(-1j * values), vectors.T)


@unitary.defjvp
def _(primals, tangents):
    """`V (Φ ∘ VᵀȦV) Vᵀ`, Φ the difference quotients of `e^{−ia}`; also at equal eigenvalues."""
    (angle,), (change,) = primals, tangents
    values, vectors = jnp.linalg.eigh(angle)
    phases = jnp.exp(-1j * values)
    apart = values[:, None] - values
    is_near = jnp.abs(apart) < NEAR
    middle = jnp.exp(-0.5j * (values[:, None] + values))
    near = -1j * middle * (1 - apart**2 / 24)  # the next term is below round-off
    quotient = (phases[:, None] - phases) / jnp.where(is_near, 1.0, apart)
    inner = jnp.where(is_near, near, quotient) * product(product(vectors.T, change), vectors)
    slope = product(product(vectors, inner), vectors.T)
    return product(vectors * phases, vectors.T), slope


class _DenseFlow(eqx.Module):
    """`ψ → Uψ`."""

    propagator: Complex[Array, "size size"]
    grid: Grid
    is_reversible: bool = eqx.field(default=True, static=True)

    def __call__(self, t, psi):
        require_shape("state", psi, self.grid.shape)
        return product(self.propagator, psi.reshape(-1, 1)).reshape(self.grid.shape)

    def pullback(self, t, after, cotangent):
        """`U⁻¹ = U†`."""
        before = product(self.propagator.conj().T, after.reshape(-1, 1)).reshape(self.grid.shape)
        _, pull = eqx.filter_vjp(type(self).__call__, self, t, before)
        return before, *pull(cotangent)
