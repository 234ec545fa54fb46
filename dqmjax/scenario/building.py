"""From a checked scenario to a stepper, a state, times and observables."""

import functools
import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ..canonical.polar import to_canonical
from ..canonical.split_step import CanonicalStep
from ..evolution.times import save_times
from ..fock_bargmann.steps import HusimiStep
from ..grid import Grid
from ..phase_space.fokker_planck import FokkerPlanck
from ..phase_space.open_system import Open
from ..phase_space.operators import Operator
from ..phase_space.ordering import from_terms
from ..phase_space.polynomial import MAX_DEGREE, Polynomial, polynomial
from ..phase_space.symbols import InUnits
from ..runs import memory
from ..wave.hamiltonian import Hamiltonian
from ..wave.potentials import AbsorbingEdges, Harmonic
from ..wave.split_step import SplitStep
from .checking import EDGES, Call, Scenario
from .observing import OfDensity, OfPair, OfWave
from .reading import Table

ARRAYS = 8  # complex ones of the size of a state that a run has at a time, about
BY_DEFAULT = {
    "wave": ("norm", "energy", "position", "momentum", "density"),
    "canonical": ("norm", "energy", "position", "momentum", "density"),
    "husimi": ("norm", "energy", "quanta", "position", "momentum", "purity"),
}


class Job(NamedTuple):
    """What `run` takes, and the scenario that it comes from."""

    scenario: Scenario
    stepper: SplitStep | CanonicalStep | HusimiStep
    state: PyTree[Array]
    ts: Float[np.ndarray, " times"]
    observe: dict[str, Callable]

    @property
    def steps(self) -> int:
        """Of the whole run."""
        return (len(self.ts) - 1) * self.scenario.times.substeps

    @property
    def size(self) -> tuple[int, int]:
        """Bytes of a state, and of all that is kept."""
        row = jax.eval_shape(
            lambda state: {name: function(state) for name, function in self.observe.items()},
            self.state,
        )
        return memory.size_of(self.state), len(self.ts) * memory.size_of(row)


def build(scenario: Scenario) -> Job:
    """What `run` takes.

    Raises:
        InputFileError: With the line, if a number has a value that the physics refuses.
    """
    _require_memory(scenario)
    make = _husimi if scenario.is_husimi else _waves
    stepper, state, observe = make(scenario)
    times = scenario.times
    ts = np.asarray(times.entries or np.linspace(times.begin, times.until, times.many), float)
    with times.table.blamed(ts="list" if times.entries else "count"):
        save_times(ts)
    job = Job(scenario, stepper, state, ts, observe)
    kept, most = job.size[1], memory.of_host()
    if kept > most:
        times.table.refuse(
            "list" if times.entries else "count",
            f"is too large: {memory.as_text(kept)} would be kept, but the main memory has "
            f"{memory.as_text(most)}. Take fewer times, or fewer names in `observe`.",
        )
    return job


def _require_memory(scenario: Scenario):
    """Checks that the arrays of a state fit, before the first of them is made."""
    key, name = ("levels", "cutoff") if scenario.is_husimi else ("points", "shape")
    numbers = math.prod(scenario.space.arguments[name]) ** (2 if scenario.is_husimi else 1)
    needed, most = ARRAYS * 16 * numbers, memory.of_host()
    if needed > most:
        scenario.space.table.refuse(
            key,
            f"must give arrays that fit into the main memory, {memory.as_text(most)}, but needs "
            f"about {memory.as_text(needed)}: take fewer.",
        )


def _waves(scenario: Scenario) -> tuple[Any, Any, dict[str, Callable]]:
    model, numbers, grid = scenario.model, scenario.numbers, scenario.space.make()
    mass, hbar = numbers["mass"], numbers["hbar"]
    potentials: list[Any] = [_potential(term, grid, mass) for term in scenario.terms]
    hamiltonian = Hamiltonian(functools.reduce(operator.add, potentials), mass, hbar)
    with model.blamed():
        hamiltonian.masses(grid)
    for term, value in zip(scenario.terms, potentials, strict=True):
        with term.table.blamed():  # the values of V on the grid
            Hamiltonian(value, mass, hbar).potential_on(grid, scenario.times.begin)
    with model.blamed():
        hamiltonian.kinetic_parts(grid)
        make = CanonicalStep if scenario.picture == "canonical" else SplitStep
        stepper = make(hamiltonian, grid, numbers["scheme"])
    more = {name: numbers[name] for name in ("hbar", "mass") if name in scenario.state.open}
    psi = scenario.state.make(grid, **more)
    names = _names(scenario, hamiltonian.depends_on_time(grid.dim))
    observe = {name: OfWave(name, hamiltonian, grid) for name in names}
    if scenario.picture == "wave":
        return stepper, psi, dict(observe)
    rho, S = to_canonical(psi, hbar)
    return stepper, (rho, S), {name: OfPair(of_wave) for name, of_wave in observe.items()}


def _potential(call: Call, grid: Grid, mass: Any) -> Callable:
    """One term of V; edges that absorb are those of the grid, and the mass is the model's."""
    more: dict[str, Any] = {}
    if call.function is AbsorbingEdges:
        more = {name: getattr(grid, name) for name in EDGES if name in call.open}
    if call.function is Harmonic and "mass" in call.open:
        if isinstance(mass, tuple) and len(set(mass)) > 1:
            call.table.refuse("mass", "is missing: give one, since those of the axes differ.")
        more = {"mass": mass[0] if isinstance(mass, tuple) else mass}
    return call.make(**more)


def _names(scenario: Scenario, is_driven: bool) -> tuple[str, ...]:
    """The observables; that of the energy needs an H without t."""
    names = scenario.names
    if names is None:
        return tuple(
            name for name in BY_DEFAULT[scenario.picture] if not (is_driven and name == "energy")
        )
    if is_driven and "energy" in names:
        scenario.observe.refuse(
            "names", 'must not have "energy" where the potential depends on t: keep "state".'
        )
    return names


def _husimi(scenario: Scenario) -> tuple[Any, Any, dict[str, Callable]]:
    model, numbers, [term] = scenario.model, scenario.numbers, scenario.terms
    ell, kappa, C = (numbers[name] for name in ("ell", "kappa", "C"))
    basis = scenario.space.make(ell=ell, kappa=kappa)
    symbol = term.make()
    modes = basis.modes
    if symbol.modes != modes:
        scenario.space.table.refuse(
            "levels", f"must have the {symbol.modes} modes of the model, but has {modes}."
        )
    with model.blamed():
        physical = symbol if (ell, kappa) == (1.0, 1.0) else InUnits(symbol, ell, kappa)
        given = {"ell": ell, "kappa": kappa, "hbar": kappa, "C": C}
        flow = _exact(physical, numbers["order"], given, model)
    jumps = [jump.make() for jump in scenario.jumps]
    for jump, call in zip(jumps, scenario.jumps, strict=True):
        with call.table.blamed():
            jump.terms(modes)
    with scenario.space.table.blamed():
        stepper = HusimiStep(Open(flow, *jumps) if jumps else flow, basis)
        basis.pattern(stepper.fokker_planck)
    rho = scenario.state.make(basis)
    names = _names(scenario, False)
    with model.blamed():
        energy = _polynomial(symbol) if "energy" in names else None
    of_name = lambda name: OfDensity(name, basis, energy if name == "energy" else None)
    return stepper, jnp.asarray(rho), {name: of_name(name) for name in names}


def _polynomial(symbol: Any) -> Polynomial:
    """The anti-Wick symbol of H by its coefficients; those of a text are known exactly."""
    if isinstance(symbol, Operator):
        return from_terms(symbol.terms)
    return polynomial(symbol, symbol.modes)


def _exact(symbol: Any, order: int | None, given: dict[str, Any], model: Table) -> FokkerPlanck:
    """The equation with as many derivatives as `order` says, else with all that H has."""
    if order is not None:
        return FokkerPlanck(symbol, order=order, **given)
    for enough in range(2, MAX_DEGREE + 1):
        quantum: Any = given | {"C": 1.0}
        if FokkerPlanck(symbol, order=enough, **quantum).is_exact:
            return FokkerPlanck(symbol, order=enough, **given)
    model.refuse("order", "is missing: H is no polynomial of degree 8 or less.")
