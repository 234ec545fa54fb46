"""The timed kernels: problems with a solution in closed form, and the work that they require."""

import dataclasses
import itertools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from ..canonical.polar import to_canonical
from ..canonical.split_step import CanonicalStep
from ..data.snapshots import demo_snapshots
from ..evolution.adjoint import Reversible
from ..evolution.schemes import strang
from ..evolution.solve import solve
from ..evolution.times import save_times
from ..fock_bargmann.basis import FockBargmann
from ..fock_bargmann.steps import HusimiStep
from ..grid import Grid, density
from ..phase_space.catalogue import BoseHubbard, Kerr
from ..phase_space.fokker_planck import FokkerPlanck
from ..recovery.recover import recover
from ..wave.chebyshev import Chebyshev
from ..wave.hamiltonian import Hamiltonian
from ..wave.potentials import Harmonic
from ..wave.split_step import SplitStep
from ..wave.states import gaussian

PAIR, PRODUCT = 4, 3  # passes through memory of two transforms, and of a product of two arrays
STEP, HALF_SIDE, CENTER = 0.01, 8.0, 1.0
KERR, ALPHA = 2.0, 1.0


@dataclasses.dataclass(frozen=True)
class Work:
    """The least work that a call requires, counted by hand.

    Args:
        shape: Shape of the complex array; its first axis is a batch.
        pairs: Number of Fourier transforms of it, each with its inverse.
        passes: How often it is read or written.
        operations: Real additions and multiplications in products of matrices.

    Example:
        >>> dqm.benchmark.Work(shape=(64,), pairs=1, passes=10).moved  # in double precision
        10240
    """

    shape: tuple[int, ...] = (1,)
    pairs: int = 0
    passes: int = 0
    operations: int = 0

    @property
    def moved(self) -> int:
        """Bytes read and written."""
        return self.passes * math.prod(self.shape) * (16 if _is_double() else 8)


@dataclasses.dataclass(frozen=True)
class Case:
    """A kernel at one size, in the current precision and on the current device.

    Args:
        kernel: Its name.
        size: Shape, precision, steps and the like.
        function, arguments: The timed call.
        error: Function that returns the relative error of the result.
        work: The least work that the call requires.
        updates: Points times steps, for the nanoseconds per update; 0 if there is no such number.
        compiles: Whether JAX compiles it as one program.

    Example:
        >>> case = dqm.benchmark.Case(
        ...     kernel="square",
        ...     size={"shape": "64"},
        ...     function=jnp.square,
        ...     arguments=(jnp.ones(64),),
        ...     error=lambda result: float(abs(result - 1).max()),
        ...     work=dqm.benchmark.Work(shape=(64,), passes=2),
        ... )
        >>> case.error(case.function(*case.arguments))
        0.0
    """

    kernel: str
    size: dict[str, int | str]
    function: Callable
    arguments: tuple
    error: Callable[..., float]
    work: Work
    updates: int = 0
    compiles: bool = True


def _is_double() -> bool:
    return jnp.result_type(float) == jnp.float64


def _box(shape: tuple[int, ...], half: float = HALF_SIDE) -> Grid:
    return Grid((-half,) * len(shape), (half,) * len(shape), shape)


def _packet(grid: Grid):
    """The coherent state of ω = 1 with its centre at x = 1 on every axis."""
    return gaussian(grid, CENTER, np.sqrt(0.5))


def _exact_density(grid: Grid, t: float) -> np.ndarray:
    """The density of `_packet` at time t in the harmonic well."""
    squares = (np.asarray(grid.points, float) - CENTER * np.cos(t)) ** 2
    return np.exp(-squares.sum(axis=0)) / np.pi ** (grid.dim / 2)


def _relative_error(rho, grid: Grid, t: float) -> float:
    """Of a density at t, as part of its largest value."""
    exact = _exact_density(grid, t)
    return float(np.abs(np.asarray(rho, float) - exact).max() / exact.max())


def _corner(state):
    """One number of each state, so that saving does not count."""
    return jax.tree.leaves(state)[0].ravel()[0]


def _size(shape, steps: int, batch: int = 1) -> dict[str, int | str]:
    precision = "double" if _is_double() else "single"
    size = {"shape": "×".join(map(str, shape)), "precision": precision, "steps": steps}
    return size | ({"batch": batch} if batch > 1 else {})


def split_step(shape: tuple[int, ...], steps: int, batch: int = 1) -> Case:
    """ψ in a harmonic well, by Strang steps of 0.01."""
    grid = _box(shape)
    step, ts = SplitStep(Hamiltonian(Harmonic()), grid, strang), _times(steps)
    run = lambda psi: solve(step, psi, ts, substeps=steps, save=_corner, throw=False).final
    psi = _packet(grid)
    if batch > 1:
        run, psi = jax.vmap(run), jnp.tile(psi, (batch,) + (1,) * len(shape))
    work = Work((batch, *shape), steps, (PAIR + 2 * PRODUCT) * steps)
    error = lambda psi: _relative_error(density(psi.reshape(-1, *shape)[-1]), grid, STEP * steps)
    size, updates = _size(shape, steps, batch), batch * math.prod(shape) * steps
    return Case("split step", size, run, (psi,), error, work, updates)


def split_step_gradient(shape: tuple[int, ...], steps: int) -> Case:
    """Value and derivative with respect to ω of `⟨x₁⟩ = x₀ cos ωt`, by `Reversible`."""
    grid, ts = _box(shape), _times(steps)

    def place(omega, psi):
        step = SplitStep(Hamiltonian(Harmonic(omega)), grid, strang)
        run = solve(step, psi, ts, substeps=steps, save=_corner, adjoint=Reversible(), throw=False)
        return grid.integrate(grid.points[0] * density(run.final))

    t = STEP * steps
    error = lambda both: float(np.abs(both[1] / (-CENTER * t * np.sin(t)) - 1))
    arguments = (jnp.asarray(1.0), _packet(grid))
    turns = 3 * steps  # forwards, backwards, and the cotangent backwards
    work = Work((1, *shape), turns, (PAIR + 2 * PRODUCT) * turns)
    size, updates = _size(shape, steps), math.prod(shape) * steps
    function = jax.value_and_grad(place)
    return Case("split step, gradient", size, function, arguments, error, work, updates)


def chebyshev(shape: tuple[int, ...]) -> Case:
    """One step of length 1 to an error of 1e-12; each product with H needs a pair of transforms."""
    grid = _box(shape)
    step, ts = Chebyshev(Hamiltonian(Harmonic()), grid), save_times(np.array([0.0, 1.0]))
    run = lambda psi: solve(step, psi, ts, save=_corner, throw=False).final
    highest = sum((np.pi / d) ** 2 / 2 + HALF_SIDE**2 / 2 for d in grid.spacing)
    terms = math.ceil(highest / 2)  # the series does not converge with fewer
    work = Work((1, *shape), terms, (PAIR + 3 * PRODUCT) * terms)
    error = lambda psi: _relative_error(density(psi), grid, 1.0)
    return Case("Chebyshev", _size(shape, 1), run, (_packet(grid),), error, work)


def canonical_step(shape: tuple[int, ...], steps: int) -> Case:
    """(ρ, S) by Strang steps; S is made continuous at the end."""
    grid = _box(shape)
    step, ts = CanonicalStep(Hamiltonian(Harmonic()), grid, strang), _times(steps)
    run = lambda rho, S: solve(step, (rho, S), ts, substeps=steps, save=_corner, throw=False).final
    error = lambda state: _relative_error(state[0], grid, STEP * steps)
    work = Work((1, *shape), steps, (PAIR + 2 * PRODUCT) * steps)
    updates = math.prod(shape) * steps
    pair = to_canonical(_packet(grid))
    return Case("(ρ, S) step", _size(shape, steps), run, pair, error, work, updates)


def right_hand_side(points: int) -> Case:
    """∂ρ/∂t of a Kerr oscillator on a grid; for a coherent state it is `Uρ Im β*²α²`."""
    grid = _box((points, points), 11.0)
    flow = FokkerPlanck(Kerr(KERR))
    q, p = np.asarray(grid.points, float)
    beta = (q + 1j * p) / np.sqrt(2)
    rho = np.exp(-(np.abs(beta - ALPHA) ** 2)) / (2 * np.pi)
    exact = KERR * rho * np.imag(beta.conj() ** 2 * ALPHA**2)
    error = lambda rate: float(np.abs(np.asarray(rate) - exact).max() / np.abs(exact).max())
    work = Work((1, points, points), 3, 3 * PAIR)  # two of the drift, three of D, one back
    function = lambda rho: flow.rhs(grid, rho)
    size, arguments = _size((points, points), 1), (jnp.asarray(rho),)
    return Case("Fokker–Planck right-hand side", size, function, arguments, error, work, points**2)


def husimi_step(levels: tuple[int, ...], time: float = 0.3) -> Case:
    """A step of the Fock–Bargmann coefficients of a Bose–Hubbard chain, for any C.

    One mode is a Kerr oscillator. The time includes the matrix exponentials. No lower bound is
    known for more than one mode.
    """
    basis, start = FockBargmann(levels), _numbers(levels)
    ts = save_times(np.array([0.0, time]))

    symbol = Kerr(KERR) if len(levels) == 1 else BoseHubbard(1.0, KERR, len(levels))

    def run(C, rho):
        step = HusimiStep(FokkerPlanck(symbol, C=C), basis)
        return solve(step, rho, ts, save=_corner, throw=False).final

    energies, states = np.linalg.eigh(_chain(levels))
    moved = states @ (np.exp(-1j * time * energies) * (states.T @ start))
    exact = np.multiply.outer(moved, moved.conj()).reshape(levels * 2)
    error = lambda rho: float(np.abs(np.asarray(rho) - exact).max() / np.abs(exact).max())
    work = Work(levels * 2, operations=_exponential(levels[0]) if len(levels) == 1 else 0)
    rho = jnp.asarray(np.multiply.outer(start, start.conj()).reshape(levels * 2))
    arguments = (jnp.asarray(1.0), rho)
    return Case("Fock–Bargmann step", _size(levels, 1), run, arguments, error, work)


def recovery() -> Case:
    """U, ω, C and α from the packaged snapshots, without an initial guess."""
    data = demo_snapshots()
    truth = np.array([-2 * np.pi * 0.325, 0.0, 1.0, 2.0, 0.0])
    error = lambda result: float(np.abs(result.vector - truth).max())
    size: dict[str, int | str] = {"points": len(data.points), "times": len(data.t)}
    function = lambda: recover(data, "kerr")
    return Case("recovery", size, function, (), error, Work(), compiles=False)


def _times(steps: int):
    return save_times(np.array([0.0, STEP * steps]))


def _numbers(levels: tuple[int, ...]) -> np.ndarray:
    """Amplitudes of coherent states with one quantum in each mode, truncated and normalized."""
    ket = np.ones(1)
    for count in levels:
        factorials = np.cumprod(np.append(1.0, np.arange(1, count)))
        ket = np.multiply.outer(ket, 1 / np.sqrt(factorials)).ravel()
    return ket / np.linalg.norm(ket) + 0j


def _chain(levels: tuple[int, ...]) -> np.ndarray:
    """The matrix of `Ĥ = KERR/2 Σ â†²â² − Σ (â_i†â_{i+1} + h.c.)` in number states."""
    lower = []
    for mode in range(len(levels)):
        parts = [np.eye(count) for count in levels]
        parts[mode] = np.diag(np.sqrt(np.arange(1.0, levels[mode])), 1)
        whole = np.ones((1, 1))
        for part in parts:
            whole = np.kron(whole, part)
        lower.append(whole)
    whole = np.sum([KERR / 2 * a.T @ a.T @ a @ a for a in lower], axis=0)
    for a, b in itertools.pairwise(lower):
        whole -= a.T @ b + b.T @ a
    return whole


def _exponential(levels: int) -> int:
    """Operations of e^{L dt}: six products for each block, the ρ_mn of one m − n."""
    return 6 * 8 * sum((levels - abs(k)) ** 3 for k in range(1 - levels, levels))
