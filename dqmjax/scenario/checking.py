"""The tables of a scenario, checked without computing anything."""

import functools
import inspect
import itertools
import math
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from ..evolution import schemes
from ..fock_bargmann.basis import FockBargmann
from ..grid import Grid
from ..phase_space import catalogue
from ..phase_space.field_theory import HiggsPair
from ..phase_space.open_system import Jump
from ..phase_space.operators import Operator
from ..wave import potentials, states
from ..wave.hamiltonian import Hamiltonian
from .expressions import Expression
from .observing import OF_CANONICAL, OF_HUSIMI, OF_WAVES
from .reading import Table, read_toml

MOST_POINTS = 2**27  # of a grid, and coefficients of a basis
MOST_AXES, MOST_LEVELS = 8, 2**13
MOST_TIMES, MOST_STEPS = 10**6, 10**9
MOST_QUANTA = 1000  # of an initial state
PICTURES = {"wave": OF_WAVES, "canonical": OF_CANONICAL, "husimi": OF_HUSIMI}


def _by_name(*things: Callable) -> dict[str, Callable]:
    return {thing.__name__: thing for thing in things}


POTENTIALS = _by_name(
    potentials.Free,
    potentials.Harmonic,
    potentials.Anharmonic,
    potentials.DoubleWell,
    potentials.SechBarrier,
    potentials.GaussianBarrier,
    potentials.Morse,
    potentials.OpticalLattice,
    potentials.Spline,
    potentials.HenonHeiles,
    potentials.SoftCoulomb,
    potentials.Slits,
    potentials.AbsorbingEdges,
)
SYMBOLS = _by_name(
    catalogue.Kerr,
    catalogue.Oscillators,
    catalogue.BoseHubbard,
    catalogue.ParametricAmplifier,
    catalogue.ThreeWave,
    HiggsPair,
)
WAVES = _by_name(states.gaussian, states.coherent, states.squeezed, states.cat, states.oscillator)
DENSITIES = _by_name(
    FockBargmann.coherent,
    FockBargmann.fock,
    FockBargmann.thermal,
    FockBargmann.squeezed,
    FockBargmann.cat,
)
SCHEMES = {
    name: getattr(schemes, name)
    for name in ("strang", "yoshida4", "blanes_moan4", "blanes_moan6", "nystrom4", "nystrom6")
}
WHOLE = {"level": MOST_QUANTA, "n": MOST_LEVELS, "sites": 16}  # integers, up to these
EDGES = ("lower", "upper")
FROM_MODEL = ("self", "grid", "hbar", "mass")  # arguments of states that have no key


class Call(NamedTuple):
    """A function with arguments from a table, to be called later."""

    table: Table
    function: Callable
    arguments: dict[str, Any]
    keys: dict[str, str] = {}  # noqa: RUF012  # of arguments that have another name there

    @property
    def open(self) -> set[str]:
        """The names of arguments that are not given yet."""
        return set(inspect.signature(self.function).parameters) - set(self.arguments)

    def make(self, *first: Any, **more: Any) -> Any:
        """What the function returns.

        Raises:
            InputFileError: With the line, if it refuses an argument.
        """
        with self.table.blamed(**self.keys):
            return self.function(*first, **self.arguments, **more)


class Times(NamedTuple):
    """The save times and what is between them."""

    table: Table
    begin: float
    until: float
    many: int
    entries: tuple[float, ...] | None  # all of them, if they are listed
    substeps: int


class Scenario(NamedTuple):
    """A scenario without mistakes that can be seen without computing."""

    path: str | os.PathLike[str]
    title: str
    picture: str
    model: Table
    numbers: dict[str, Any]  # of the model
    terms: list[Call]  # potentials that are added, or one symbol
    jumps: list[Call]
    space: Call  # a grid or a basis
    state: Call
    times: Times
    names: tuple[str, ...] | None  # of observables
    observe: Table
    is_filmed: bool

    @property
    def is_husimi(self) -> bool:
        """Whether the state is a density in phase space."""
        return self.picture == "husimi"


def read_scenario(path: str | os.PathLike[str]) -> Scenario:
    """The scenario in a file.

    Raises:
        InputFileError: With the line and the key, if there is a mistake in it.
    """
    top = read_toml(path)
    model = top.table("model")
    picture = model.choice("picture", PICTURES)
    is_husimi = picture == "husimi"
    space = "basis" if is_husimi else "grid"
    top.only("title", "model", space, "state", "times", "observe", "output")
    title = top.text("title", default="")
    size, axes = _basis(top.table("basis")) if is_husimi else _grid(top.table("grid"))
    numbers, terms, jumps = (_husimi if is_husimi else _waves)(model, axes)
    observe, output = top.table("observe", required=False), top.table("output", required=False)
    observe.only("names")
    output.only("film")
    names = observe.choices("names", PICTURES[picture], default=None)
    is_filmed = output.flag("film", default=False)
    if is_filmed and not {"density", "state"} & set(names or ("density",)):
        output.refuse("film", 'needs "density" or "state" in `observe.names`: add one.')
    if is_filmed and axes > (1 if is_husimi else 2):
        output.refuse("film", "needs a grid of one or two axes, or one mode: drop it.")
    if is_husimi and axes > 1 and names and "density" in names:
        observe.refuse("names", 'must not have "density" for several modes: take "state".')
    state = _named(top.table("state"), DENSITIES if is_husimi else WAVES, axes)
    times = _times(top.table("times"))
    found = (model, numbers, terms, jumps, size, state, times, names, observe, is_filmed)
    return Scenario(path, title, picture, *found)


def _waves(model: Table, axes: int) -> tuple[dict[str, Any], list[Call], list[Call]]:
    model.only("picture", "hbar", "mass", "scheme", "potential")
    numbers = {"hbar": model.number("hbar", 1.0), "mass": model.numbers("mass", 1.0)}
    _made(Call(model, Hamiltonian, {"potential": potentials.Free(), **numbers}))
    numbers["scheme"] = SCHEMES[model.choice("scheme", SCHEMES, default="nystrom6")]
    return numbers, [_potential(table, axes) for table in model.tables("potential")], []


def _potential(table: Table, axes: int) -> Call:
    if "expression" not in table:
        return _named(table, POTENTIALS, axes)
    table.only("expression", "parameters")
    arguments = {"parameters": _parameters(table), "text": table.text("expression"), "dim": axes}
    return _made(Call(table, Expression, arguments, {"text": "expression"}))


def _husimi(model: Table, modes: int) -> tuple[dict[str, Any], list[Call], list[Call]]:
    known = ("hamiltonian", "parameters", "symbol", "jump", "ell", "kappa", "C", "order")
    model.only("picture", *known)
    if ("hamiltonian" in model) == ("symbol" in model):
        model.refuse(None, "must have either `hamiltonian` or `symbol`: add one or drop one.")
    numbers = {"ell": model.numbers("ell", 1.0), "kappa": model.number("kappa", 1.0)}
    numbers |= {"C": model.number("C", 1.0), "order": model.whole("order", 1, 8, default=None)}
    jumps = [_jump(table) for table in model.tables("jump", required=False)]
    if "symbol" in model:
        if "parameters" in model:
            model.refuse("parameters", "belongs to `hamiltonian`: drop it.")
        return numbers, [_named(model.table("symbol"), SYMBOLS, modes)], jumps
    arguments = {"text": model.text("hamiltonian"), "parameters": _parameters(model)}
    keys = {"text": "hamiltonian", "count": "hamiltonian"}
    return numbers, [_made(Call(model, Operator, arguments | {"count": modes}, keys))], jumps


def _jump(table: Table) -> Call:
    table.only("operator", "rate", "parameters")
    parameters = _parameters(table)
    for name in {"operator", "rate", "self"} & set(parameters):
        table.refuse("parameters", f"must have names of their own, but has {name}.")
    arguments = {"operator": table.text("operator"), "rate": table.number("rate")}
    return _made(Call(table, Jump, arguments | parameters))


def _made(call: Call) -> Call:
    """A call that costs nothing, done once to see its mistakes before others."""
    call.make()
    return call


def _parameters(table: Table) -> dict[str, float]:
    inner = table.table("parameters", required=False)
    return {name: inner.number(name) for name in inner.names}


def _grid(table: Table) -> tuple[Call, int]:
    table.only("lower", "upper", "points", "isolated")
    points = table.wholes("points", 4, MOST_POINTS)
    if len(points) > MOST_AXES or math.prod(points) > MOST_POINTS:
        must = f"must have at most {MOST_AXES} axes and {MOST_POINTS} points in total"
        table.refuse("points", f"{must}, but has {len(points)} and {math.prod(points)}.")
    edges = {name: table.numbers(name) for name in EDGES}
    more = {"shape": points, "isolated": table.flag("isolated", default=False)}
    return _made(Call(table, Grid, edges | more, {"shape": "points"})), len(points)


def _basis(table: Table) -> tuple[Call, int]:
    table.only("levels", "quanta")
    levels = table.wholes("levels", 2, MOST_LEVELS)
    if math.prod(levels) ** 2 > MOST_POINTS:
        must = f"must give at most {MOST_POINTS} coefficients, the square of all levels"
        table.refuse("levels", f"{must}, but gives {math.prod(levels) ** 2}: take fewer.")
    quanta = table.whole("quanta", 1, MOST_POINTS, default=None)
    arguments = {"cutoff": levels, "quanta": quanta}
    return Call(table, FockBargmann, arguments, {"cutoff": "levels"}), len(levels)


@functools.cache
def _arguments(function: Callable) -> dict[str, inspect.Parameter]:
    given = FROM_MODEL if inspect.isfunction(function) else ("self",)
    parameters = inspect.signature(function).parameters
    return {name: p for name, p in parameters.items() if name not in given}


def _named(table: Table, known: dict[str, Callable], axes: int) -> Call:
    """A function of a catalogue, with the numbers that its table has."""
    function, arguments = known[table.choice("name", known)], {}
    table.only("name", *_arguments(function))
    for name, parameter in _arguments(function).items():
        follows = function is potentials.AbsorbingEdges and name in EDGES  # from the grid
        if name in table or (parameter.default is inspect.Parameter.empty and not follows):
            arguments[name] = _argument(table, name, axes)
    return Call(table, function, arguments, {"cutoff": "basis.levels"})


def _argument(table: Table, name: str, axes: int) -> Any:
    """The value of an argument of that name."""
    if name == "alpha":
        return table.amplitudes(name, axes)
    if name == "periodic":
        return table.flag(name)
    if name in WHOLE:
        found = table.wholes(name, 0, WHOLE[name])
        return found[0] if len(found) == 1 else found
    return table.numbers(name)


def _times(table: Table) -> Times:
    table.only("until", "count", "begin", "list", "substeps")
    substeps = table.whole("substeps", 1, MOST_STEPS, default=1)
    if "list" in table:
        for name in ("until", "count", "begin"):
            if name in table:
                table.refuse(name, "must not be beside `list`: drop one.")
        entries = table.numbers("list", most=MOST_TIMES)
        if not isinstance(entries, tuple) or len(entries) < 2:
            table.wrong("list", "be a list of two or more times")
        begin, until, count = entries[0], entries[-1], len(entries)
        if any(a >= b for a, b in itertools.pairwise(entries)):
            table.refuse("list", "must be increasing: sort it and drop repeats.")
    else:
        entries, begin, until = None, table.number("begin", 0.0), table.number("until")
        count = table.whole("count", 2, MOST_TIMES)
        if until <= begin:
            table.refuse("until", f"must be later than `begin`, {begin:g}, but is {until:g}.")
    if (count - 1) * substeps > MOST_STEPS:
        steps = f"{(count - 1) * substeps:.3g}"
        table.refuse("substeps", f"must give at most {MOST_STEPS:g} steps, but gives {steps}.")
    return Times(table, begin, until, count, entries, substeps)
