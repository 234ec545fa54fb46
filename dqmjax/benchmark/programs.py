"""The programs whose compiled form is looked at: a small one for each kernel, stepper, gradient."""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..canonical.atlas import AtlasStep
from ..canonical.background import MassStep, PositionDependentMass
from ..canonical.energy import CanonicalEnergy
from ..canonical.ordinary_diffusion import diffuse
from ..canonical.split_step import CanonicalStep
from ..evolution.adjoint import AbstractAdjoint, Checkpointed, Direct, Reversible
from ..evolution.schemes import Scheme, nystrom6, strang
from ..evolution.solve import solve
from ..evolution.stepper import AbstractStepper
from ..evolution.times import save_times
from ..experiments.parameters import Template, to_vector
from ..experiments.phase_space import PhaseSpaceExperiment
from ..experiments.preparations import Coherent
from ..fock_bargmann.basis import FockBargmann
from ..fock_bargmann.grid_step import GridStep
from ..fock_bargmann.levels import levels
from ..fock_bargmann.moving_frame import MovingFrame
from ..fock_bargmann.steady_state import steady_state
from ..fock_bargmann.steps import HusimiStep, KetStep
from ..grid import Grid
from ..phase_space.catalogue import BoseHubbard, Kerr
from ..phase_space.driven import Driven
from ..phase_space.fokker_planck import FokkerPlanck
from ..phase_space.liouville import Characteristics
from ..phase_space.of_wave import husimi, wigner
from ..phase_space.open_system import Damped, Jump, Open
from ..phase_space.operators import operator
from ..phase_space.wigner import WignerStep
from ..recovery.problem import predicted
from ..runs.pieces import Observed, Pieces, advanced, prepared
from ..trajectories.wave import bohm, nelson
from ..wave.chebyshev import Chebyshev
from ..wave.dense import DenseStep
from ..wave.hamiltonian import Hamiltonian
from ..wave.potentials import Harmonic
from ..wave.spectrum import eigenstates
from ..wave.split_step import SplitStep
from . import kernels
from .kernels import Case

STEPS, FEW = 1024, 64  # so many that what happens once per call is negligible
DT = 0.01
BATCH = 64
LINE, PLANE, SPACE = (4096,), (512, 512), (128, 128, 128)


@dataclasses.dataclass(frozen=True)
class Program:
    """A function of arrays that JAX compiles.

    Args:
        function: The function; it makes all large arrays besides its arguments itself.
        arguments: Arrays, shapes (`jax.ShapeDtypeStruct`) or trees of them, at least one.
        steps: Time steps in one call.
        stepper: What it steps with, if it does.
    """

    function: Callable
    arguments: tuple
    steps: int = 1
    stepper: type[AbstractStepper] | None = None


def numbers(*shape: int) -> jax.ShapeDtypeStruct:
    """The shape of an array of real numbers in the current precision."""
    return jax.ShapeDtypeStruct(shape, jnp.result_type(float))


def amplitudes(*shape: int) -> jax.ShapeDtypeStruct:
    """The shape of an array of complex numbers in the current precision."""
    return jax.ShapeDtypeStruct(shape, jnp.result_type(complex))


def box(shape: tuple[int, ...], half: float = 8.0) -> Grid:
    """A grid from −`half` to `half` on every axis."""
    return Grid((-half,) * len(shape), (half,) * len(shape), shape)


def evolved(stepper: AbstractStepper, state, steps: int, adjoint: AbstractAdjoint | None = None):
    """The state after so many steps of `DT`; only the first number of each state is saved."""
    times = save_times(np.array([0.0, DT * steps]))
    first = lambda state: jax.tree.leaves(state)[0].ravel()[0]
    adjoint = adjoint or Direct()
    run = solve(stepper, state, times, substeps=steps, save=first, adjoint=adjoint, throw=False)
    return run.final


def stepping(
    stepper: AbstractStepper, *state, steps: int = STEPS, pack: Callable = lambda y: y, batch=0
) -> Program:
    """A run by a stepper.

    Args:
        stepper: Equation of motion and scheme.
        state: Shapes of what `pack` makes a state of.
        steps: Their number.
        pack: Function of arrays that returns a state.
        batch: How many states at once, by `jax.vmap`; 0 for one without a batch.
    """
    run = lambda *state: evolved(stepper, pack(*state), steps)
    if batch:
        run, state = jax.vmap(run), tuple(numbers_of(batch, shape) for shape in state)
    return Program(run, state, steps, type(stepper))


def numbers_of(count: int, shape: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
    """The shape of `count` such arrays."""
    return jax.ShapeDtypeStruct((count, *shape.shape), shape.dtype)


def of_case(case: Case) -> Program:
    """The timed call of `dqmjax bench`."""
    return Program(case.function, case.arguments, int(case.size["steps"]))


def well(x, t):
    """A driven potential V(x, t)."""
    return jnp.sum(x**2) / 2 + 0.1 * x[0] * jnp.sin(t)


def wave(
    shape: tuple[int, ...],
    potential: Callable = Harmonic(1.1),  # noqa: B008
    scheme: Scheme = strang,
    batch: int = 0,
    **options: Any,
) -> Program:
    """ψ by split steps."""
    step = SplitStep(Hamiltonian(potential), box(shape), scheme, **options)
    return stepping(step, amplitudes(*shape), batch=batch)


def frequencies(count: int) -> Program:
    """ψ of many frequencies on one line."""
    grid = box((256,))

    def run(omega, psi):
        step = SplitStep(Hamiltonian(Harmonic(omega)), grid, strang)
        return evolved(step, psi, STEPS)

    function = jax.vmap(run, in_axes=(0, None))
    return Program(function, (numbers(count), amplitudes(256)), STEPS, SplitStep)


def slope(make: Callable, *state, adjoint: AbstractAdjoint, steps: int = STEPS) -> Program:
    """The gradient of |y₀|² at the end, to a parameter and to the initial state.

    Args:
        make: A stepper, from a parameter.
        state: The shape of its state.
        adjoint: How reverse mode stores steps.
        steps: Their number.
    """

    def value(parameter, state):
        last = evolved(make(parameter), state, steps, adjoint)
        return jnp.sum(jnp.abs(jax.tree.leaves(last)[0].ravel()[:8]) ** 2)

    stepper = type(eqx.filter_eval_shape(make, numbers()))
    function = jax.value_and_grad(value, argnums=(0, 1))
    return Program(function, (numbers(), *state), steps, stepper)


def wave_slope(adjoint: AbstractAdjoint) -> Program:
    """The gradient of split steps to the frequency and ψ."""
    grid = box(PLANE)
    make = lambda omega: SplitStep(Hamiltonian(Harmonic(omega)), grid, strang)
    return slope(make, amplitudes(*PLANE), adjoint=adjoint)


def series(shape: tuple[int, ...]) -> Program:
    """ψ by Chebyshev series; each of its terms is a pass of a loop."""
    step = Chebyshev(Hamiltonian(Harmonic(1.1)), box(shape))
    return stepping(step, amplitudes(*shape), steps=FEW)


def series_slope() -> Program:
    """The gradient of a Chebyshev series."""
    grid = box(PLANE)
    make = lambda omega: Chebyshev(Hamiltonian(Harmonic(omega)), grid)
    return slope(make, amplitudes(*PLANE), adjoint=Reversible(), steps=FEW)


def dense() -> Program:
    """ψ by products with one matrix."""
    return stepping(DenseStep(Hamiltonian(Harmonic(1.1)), box((256,))), amplitudes(256))


def with_mass() -> Program:
    """ψ of a mass that depends on place."""
    grid, wall = box((256,)), numbers(256)

    def run(mass, psi):
        return evolved(MassStep(PositionDependentMass(mass), grid), psi, FEW)

    return Program(run, (wall, amplitudes(256)), FEW, MassStep)


def canonical() -> Program:
    """(ρ, S) by split steps."""
    step, field = CanonicalStep(Hamiltonian(Harmonic(1.1)), box(PLANE), strang), numbers(*PLANE)
    return stepping(step, field, field, pack=lambda *pair: pair)


def atlas() -> Program:
    """(ρ, S) for any functional, by implicit steps."""
    grid, field = box((256,)), numbers(256)
    step = AtlasStep(CanonicalEnergy(Hamiltonian(Harmonic(1.1)), grid), grid)
    return stepping(step, field, field, pack=lambda *pair: pair, steps=FEW)


def of_phase_space(stepper: Callable) -> Program:
    """A density on a grid of phase space."""
    step = stepper(box((256, 256)))
    return stepping(step, numbers(256, 256))


def classical() -> Program:
    """Points along the drift."""
    return stepping(Characteristics(FokkerPlanck(Kerr(2.0))), numbers(4096, 2), steps=FEW)


def pulsed(base: Any, drive: str = "a + ad") -> Any:
    """The symbol `base` with a drive in time."""
    return Driven(base, (lambda t: 0.1 * jnp.cos(t), operator(drive, base.modes)))


def coefficients(law: Any, steps: int = STEPS, batch: int = 0, **basis: Any) -> Program:
    """Husimi coefficients; `basis` are the arguments of a `FockBargmann`."""
    kept = FockBargmann(**basis)
    return stepping(HusimiStep(law, kept), amplitudes(*kept.levels), steps=steps, batch=batch)


def kets(symbol: Callable, steps: int = STEPS, **basis: Any) -> Program:
    """Amplitudes of kets."""
    kept = FockBargmann(**basis)
    return stepping(KetStep(symbol, kept), amplitudes(*kept.cutoff), steps=steps)


def framed(law: Callable) -> Program:
    """A state in the moving frame; `law` makes a stepper of a basis."""
    frame = MovingFrame(law(FockBargmann(cutoff=32)))
    state = jax.eval_shape(lambda: frame.start(5.0))
    return stepping(frame, *state, pack=type(state), steps=FEW)


def husimi_slope() -> Program:
    """The gradient of Husimi coefficients to the interaction."""
    basis = FockBargmann(cutoff=32)
    make = lambda U: HusimiStep(FokkerPlanck(Kerr(U)), basis)
    return slope(make, amplitudes(32, 32), adjoint=Direct(), steps=FEW)


def pulse_slope() -> Program:
    """The gradient of driven kets to the strength of a pulse."""
    basis = FockBargmann(cutoff=(8, 8))
    drive = operator("a1 + ad1", 2)

    def make(strength):
        symbol = Driven(BoseHubbard(1.0, 2.0, 2), (lambda t: strength * jnp.cos(t), drive))
        return KetStep(symbol, basis)

    return slope(make, amplitudes(8, 8), adjoint=Direct(), steps=FEW)


def jacobian() -> Program:
    """The Jacobian of a recovery: snapshots by the parameters, in forward mode."""
    model = FokkerPlanck(Kerr(jnp.asarray(2.0), jnp.asarray(0.1)))
    state = Coherent(jnp.asarray([1.0]), jnp.asarray([0.5]))
    experiment = PhaseSpaceExperiment(model, state, FockBargmann(cutoff=24))
    template = Template.of(experiment.for_forward_mode())
    times = save_times(np.linspace(0.0, 1.0, 17))
    value = lambda vector, where: predicted(vector, template, times, where)[0]
    arguments = numbers(to_vector(experiment).size), numbers(1681, 2)
    return Program(jax.jacfwd(value), arguments, 16)


def bound_states(shape: tuple[int, ...], differentiated: bool = False) -> Program:
    """The lowest levels of a well, and the gradient of one of them."""
    grid = box(shape)
    found = lambda omega: eigenstates(Hamiltonian(Harmonic(omega)), grid, 4)
    function = jax.grad(lambda omega: found(omega)[0][3]) if differentiated else found
    return Program(function, (numbers(),))


def energies() -> Program:
    """Levels of a dimer in number states."""
    basis = FockBargmann(cutoff=(12, 12))
    return Program(lambda U: levels(BoseHubbard(1.0, U, 2), basis, 4), (numbers(),))


def lossy(rate) -> Open:
    """A driven Kerr oscillator with loss and dephasing."""
    flow = FokkerPlanck(Kerr(1.0, drive=0.5))
    return Open(flow, Jump("a", rate), Jump("n", 0.1))


def stationary() -> Program:
    """The steady state of a damped oscillator."""
    basis = FockBargmann(cutoff=24)
    return Program(lambda rate: steady_state(lossy(rate), basis).state, (numbers(),))


def piece() -> Program:
    """What `run` calls again and again, for one piece."""
    grid, observed = box(PLANE), Observed(lambda psi: psi.ravel()[0])
    step = SplitStep(Hamiltonian(Harmonic(1.1)), grid, strang)
    times = save_times(np.array([0.0, DT * STEPS]))
    pieces = jax.tree.map(jnp.asarray, Pieces.of(times, STEPS, STEPS))
    begun = lambda psi: prepared(step, psi, times, STEPS, observed)[:2]
    arrays, rest = eqx.partition(
        eqx.filter_eval_shape(begun, amplitudes(*PLANE)),
        lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct),
    )

    def call(arrays, pieces, most):
        steps, reached = eqx.combine(arrays, rest)
        chunk = advanced(steps, reached, pieces, most, observed, None, (STEPS,))
        return eqx.filter(chunk, eqx.is_array)

    return Program(call, (arrays, pieces, jnp.asarray(1)), STEPS, SplitStep)


def particles(follow: Callable) -> Program:
    """Particles that ψ guides, from its saved states."""
    grid, ts = box((256,)), np.linspace(0.0, 1.0, 33)
    step = SplitStep(Hamiltonian(Harmonic(1.1)), grid, strang)

    def run(psi, starts):
        solution = solve(step, psi, save_times(ts), substeps=4, throw=False)
        return follow(step, solution, starts).positions

    return Program(run, (amplitudes(256), numbers(4096, 1)), 32 * 4)


def picture(of: Callable) -> Program:
    """A density on phase space of ψ on a line."""
    grid = box((256,))
    side = np.linspace(-4.0, 4.0, 64)
    points = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
    return Program(lambda psi: of(grid, psi, points), (amplitudes(256),))


def ordinary() -> Program:
    """Ordinary diffusion."""
    grid = box(PLANE)
    return Program(lambda rho, t: diffuse(grid, rho, 0.5, t), (numbers(*PLANE), numbers()))


def _noisy(step, solution, starts):
    return nelson(step, solution, starts, jax.random.key(0))


CHAIN = "n1 + 0.2*n2*n2 + 0.1*(a1 + ad1)*(a2 + ad2)"
ONE = "n + 0.2*n*n + 0.1*(a + ad)"
CATALOGUE: dict[str, Callable[[], Program]] = {
    "bench: split step, 512²": lambda: of_case(kernels.split_step(PLANE, STEPS)),
    "bench: split step, 64 lines": lambda: of_case(kernels.split_step(LINE, STEPS, BATCH)),
    "bench: split step, gradient": lambda: of_case(kernels.split_step_gradient(PLANE, STEPS)),
    "bench: Chebyshev": lambda: of_case(kernels.chebyshev(PLANE)),
    "bench: (ρ, S) step": lambda: of_case(kernels.canonical_step(PLANE, STEPS)),
    "bench: right-hand side": lambda: of_case(kernels.right_hand_side(512)),
    "bench: Fock–Bargmann, 48": lambda: of_case(kernels.husimi_step((48,))),
    "bench: Fock–Bargmann, 12²": lambda: of_case(kernels.husimi_step((12, 12))),
    "Strang, V(x), 1-D": partial(wave, LINE),
    "Strang, V(x), 2-D": partial(wave, PLANE),
    "Strang, V(x), 3-D": partial(wave, SPACE),
    "Strang, V(x, t), 1-D": partial(wave, LINE, well),
    "Strang, V(x, t), 2-D": partial(wave, PLANE, well),
    "Strang, V(x, t), 3-D": partial(wave, SPACE, well),
    "Nyström 6, V(x), 2-D": partial(wave, PLANE, scheme=nystrom6),
    "Nyström 6, V(x, t), 2-D": partial(wave, PLANE, well, nystrom6),
    "Strang, boosted, 2-D": partial(wave, PLANE, boost=0.5),
    "Strang, 64 states": partial(wave, LINE, batch=BATCH),
    "Strang, 64 frequencies": partial(frequencies, BATCH),
    "Strang, Reversible": lambda: wave_slope(Reversible()),
    "Strang, Checkpointed": lambda: wave_slope(Checkpointed()),
    "Strang, Direct": lambda: wave_slope(Direct()),
    "Strang, piece of `run`": piece,
    "Chebyshev, 1-D": partial(series, LINE),
    "Chebyshev, 2-D": partial(series, PLANE),
    "Chebyshev, Reversible": series_slope,
    "dense, 256": dense,
    "m(x), 256": with_mass,
    "(ρ, S), 2-D": canonical,
    "(ρ, S), atlas": atlas,
    "Wigner": partial(
        of_phase_space, lambda grid: WignerStep(Hamiltonian(Harmonic()), grid, strang)
    ),
    "Wigner, V(x, t)": partial(
        of_phase_space, lambda grid: WignerStep(Hamiltonian(well), grid, strang)
    ),
    "Fokker–Planck on a grid": partial(
        of_phase_space, lambda grid: GridStep(FokkerPlanck(Kerr(2.0)), grid)
    ),
    "classical points": classical,
    "Husimi, blocks, 48": lambda: coefficients(FokkerPlanck(Kerr(2.0)), cutoff=48),
    "Husimi, series, 128": lambda: coefficients(FokkerPlanck(operator(ONE)), FEW, cutoff=128),
    "Husimi, driven, 48": lambda: coefficients(FokkerPlanck(pulsed(Kerr(2.0))), FEW, cutoff=48),
    "Husimi, damped, 48": lambda: coefficients(Damped(FokkerPlanck(Kerr(2.0)), 0.1), cutoff=48),
    "Husimi, open, 32": lambda: coefficients(lossy(0.2), FEW, cutoff=32),
    "Husimi, 64 states": lambda: coefficients(FokkerPlanck(Kerr(2.0)), batch=BATCH, cutoff=24),
    "Husimi, two modes, 12²": lambda: coefficients(
        FokkerPlanck(BoseHubbard(1.0, 2.0, 2)), FEW, cutoff=(12, 12)
    ),
    "Husimi, two modes, 8 quanta": lambda: coefficients(
        FokkerPlanck(BoseHubbard(1.0, 2.0, 2)), FEW, cutoff=(9, 9), quanta=8
    ),
    "Husimi, two modes, series": lambda: coefficients(
        FokkerPlanck(operator(CHAIN)), FEW, cutoff=(12, 12)
    ),
    "Husimi, two modes, driven": lambda: coefficients(
        FokkerPlanck(pulsed(BoseHubbard(1.0, 2.0, 2), "a1 + ad1")), FEW, cutoff=(8, 8)
    ),
    "kets, two modes, 12²": lambda: kets(BoseHubbard(1.0, 2.0, 2), cutoff=(12, 12)),
    "kets, series, 256": lambda: kets(operator(ONE), FEW, cutoff=256),
    "kets, two modes, driven": lambda: kets(
        pulsed(BoseHubbard(1.0, 2.0, 2), "a1 + ad1"), FEW, cutoff=(12, 12)
    ),
    "moving frame, Husimi": partial(
        framed, lambda basis: HusimiStep(FokkerPlanck(Kerr(2.0)), basis)
    ),
    "moving frame, kets": partial(framed, lambda basis: KetStep(Kerr(2.0), basis)),
    "Husimi, gradient": husimi_slope,
    "kets, gradient of a pulse": pulse_slope,
    "recovery, Jacobian": jacobian,
    "eigenstates, dense, 256": partial(bound_states, (256,)),
    "eigenstates, LOBPCG, 128²": partial(bound_states, (128, 128)),
    "eigenstates, gradient": partial(bound_states, (256,), True),
    "levels of a dimer": energies,
    "steady state": stationary,
    "Husimi density of ψ": partial(picture, husimi),
    "Wigner function of ψ": partial(picture, wigner),
    "Bohm's particles": partial(particles, bohm),
    "Nelson's particles": partial(particles, _noisy),
    "ordinary diffusion": ordinary,
}
