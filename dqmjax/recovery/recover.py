"""Recovering the parameters of a model from data, by gradients, with error bars."""

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast

import numpy as np
from jax.sharding import Mesh

from ..data.abstract import AbstractData, AbstractHeterodyneData, AbstractOscillatorData
from ..data.joint import Joint
from ..data.units import in_units_of
from ..errors import InputError, require_type
from ..experiments.abstract import AbstractExperiment
from ..experiments.candidates import State
from ..experiments.detector import Detector
from ..experiments.joint import JointExperiment, together
from ..experiments.models import MODELS, by_name
from ..experiments.phase_space import Equation, experiment_of, vacuum
from ..sharding import require_mesh
from ..storage.folder import Journal
from .problem import Bounds, Values, build_problem, many_starts
from .result import Recovery
from .search import Search

Model = AbstractExperiment | Equation | str


def recover(
    data: AbstractData | Mapping[str, AbstractData],
    model: Model | Mapping[str, Model],
    *,
    state: State | Mapping[str, State] = "coherent",
    detector: Detector | None = None,
    off: AbstractHeterodyneData | None = None,
    separate: Sequence[str] = (),
    start: Values | None = None,
    fix: Values | None = None,
    free: Sequence[str] = (),
    bounds: Bounds | None = None,
    prior: Callable | None = None,
    starts: Values | None = None,
    cutoff: int | None = None,
    mesh: Mesh | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Recovery:
    """Estimates the parameters of `model` from `data`, with error bars and a test of the model.

    Maximises the likelihood `e^{−½ Σ d²}`. It is binomial for counts, Gaussian where `sigma` is
    given, and that of independent draws for samples. Otherwise the fit is least squares, with the
    noise estimated from the residuals. The method is Fisher scoring in a trust region with exact
    Jacobians, over a growing time window; for more than 64 parameters it is L-BFGS over all times.

    For heterodyne data (`Snapshots` and `Samples`) an equation of motion is enough as model. The
    parameters of the `state` at the first time are then fitted, too. No `start` is needed: the
    first time gives that of the state, and the weak form of the equation the others. If the fit
    from `start` does not describe the data, the fit is repeated from there; for an `Evolution` with
    `reconstruct`, from a start improved by multiple shooting.

    Other data of the same shape and other starts compile nothing; other fixed values do.

    Args:
        data: `Snapshots`, `Samples`, `Series`, `Lines` or your own `AbstractData`; or several by
            name. `model` and `state` are then the same for all, or given by those names, too.
        model: An experiment, such as `Evolution`, `Levels` or your own; for heterodyne data an
            equation of motion, also with drives and baths, the name of one of `MODELS`, or a
            Hamiltonian as text, such as `"omega*n + U/2*n*(n-1)"` (see `operator`), whose names are
            estimated. Its floating-point JAX arrays are estimated, by field name, from their
            values; Python floats are constants.
        state: What was prepared, for an equation as model: "coherent", "squeezed", "cat",
            "thermal", an object such as `Squeezed`, or `Unknown(rank)` for a density matrix that is
            fitted with the model.
        detector: What was between that state and the data, for an equation as model.
        off: Data of the same detector with the signal off, which calibrate it.
        separate: Names of parameters that each of several data sets has for itself; others of one
            name are the same in all.
        start: Initial values by name. Like those of `fix` and `bounds` they may be text with units,
            such as `"2*pi*5 MHz"`, if the data have a `time_unit`.
        fix: Fixed values by name. A model by name or text fixes `ell` at that of the data.
        free: Names to free that such a model fixes.
        bounds: Lowest and highest value by name, `None` for none.
        prior: `prior(experiment)`, residuals whose squares are added to the deviance, such as
            `(mass − 1)/σ`, or the third differences of a curve that should be smooth.
        starts: Many initial values by name, arrays with an entry (or row) for each start. All are
            fitted over a growing time window; after each the better quarter continues, or ten.
        cutoff: Fock levels per mode for heterodyne data; chosen from the data if not given.
        mesh: Devices that share `starts`, from `dqmjax.sharding.mesh`.
        checkpoint: Folder for what is done, one file for each fit to a window of the data. After a
            kill the same call continues from there, with the same result to the last bit.
        progress: Called with a line of text after each stage.

    Raises:
        InputError: If a name or model is unknown, no parameter is free, `bounds` exclude the start,
            `cutoff` is below what the data need, there are more parameters than data, the
            experiment predicts something else than what was measured, JAX is not set to double
            precision, `checkpoint` belongs to other arguments, or no start leads to a finite
            likelihood at all times.

    Example:
        >>> grid = dqm.Grid((-6.0,), (6.0,), (48,))
        >>> model = dqm.Levels(dqm.Hamiltonian(dqm.Harmonic(jnp.array(1.0))), grid, 3)
        >>> data = dqm.Lines([0.6, 1.8, 3.0], sigma=0.01)  # ω(n + ½) for ω = 1.2
        >>> result = dqm.recover(data, model)
        >>> f"{result.estimate['omega']:.4f} ± {result.stderr['omega']:.4f}"
        '1.2000 ± 0.0034'
        >>> result.goodness.describes_data
        True
    """
    given = {"start": start, "fix": fix, "bounds": bounds, "starts": starts}
    arguments = given | {"data": data, "model": model, "state": state, "detector": detector}
    arguments |= {"off": off, "separate": separate, "free": free, "prior": prior, "cutoff": cutoff}
    if mesh is not None:
        require_mesh(mesh)
    require_type((Mapping, type(None)), **given)
    require_type((Callable, type(None)), prior=prior, progress=progress)  # pyright: ignore[reportArgumentType]
    if isinstance(free, str) or not isinstance(free, Iterable):
        raise InputError(f"`free` must be a list of names, but is {free!r}.")
    with np.errstate(all="ignore"):  # overflows on the way are judged at the end
        start, fix = dict(start or {}), dict(fix or {})
        data, experiment, fixed = _set_up(data, model, cutoff, state, detector, off, separate)
        fix = {n: x for n, x in fixed.items() if n not in (*free, *start)} | fix
        start, fix = _plain("start", start, data), _plain("fix", fix, data)
        bounds = {n: _limits(n, pair, data) for n, pair in (bounds or {}).items()}
        problem = build_problem(data, experiment, start, fix, free, bounds, prior)
        given = many_starts(problem, starts) if starts else None
        with Journal(checkpoint, "recovery", arguments) as journal:
            search = Search(problem, progress or (lambda line: None), journal, mesh)
            return search.run(bool(start), given)


def update(
    result: Recovery,
    data: AbstractData,
    *,
    separate: Sequence[str] = (),
    progress: Callable[[str], None] | None = None,
) -> Recovery:
    """The fit to the former data and new ones together, from the former estimate.

    It is the fit to all data at once: nothing of the former data is approximated.

    Args:
        result: A fit.
        data: New data of the same experiment.
        separate: Names of parameters that the new data have for themselves, such as the amplitude
            of another preparation.
        progress: Called with a line of text after each stage.

    Raises:
        InputError: As `recover`.

    Example:
        >>> grid = dqm.Grid((-6.0,), (6.0,), (48,))
        >>> model = dqm.Levels(dqm.Hamiltonian(dqm.Harmonic(jnp.array(1.0))), grid, 3)
        >>> result = dqm.recover(dqm.Lines([0.6, 1.8, 3.0], sigma=0.01), model)
        >>> both = dqm.update(result, dqm.Lines([0.6, 1.8, 3.0], sigma=0.01))
        >>> round(result.stderr["omega"] / both.stderr["omega"], 3)  # √2
        1.414
    """
    require_type(Recovery, result=result)
    require_type(AbstractData, data=data)
    old, fitted = result.problem, result.problem.template(result.vector)
    sets = dict(old.data.parts) if isinstance(old.data, Joint) else {"first": old.data}
    each = fitted.each if isinstance(fitted, JointExperiment) else {"first": fitted}
    first, new = next(iter(each)), f"new_{len(sets)}" if "new" in sets else "new"
    prior = None if old.prior is None else lambda both: cast(Callable, old.prior)(both.each[first])
    experiment = together({**each, new: each[first]}, separate)
    limits = {
        name: (old.lower[part], old.upper[part])
        for name, part in old.slices.items()
        if name in experiment.shared
    }
    with np.errstate(all="ignore"):
        both = Joint({**sets, new: data})
        problem = build_problem(both, experiment, {}, {}, [], {}, prior)
        lower, upper = problem.lower.copy(), problem.upper.copy()
        for name, (low, high) in limits.items():
            lower[problem.slices[name]], upper[problem.slices[name]] = low, high
        problem = dataclasses.replace(problem, lower=lower, upper=upper)
        return Search(problem, progress or (lambda line: None), Journal()).run(True, None)


def _plain(argument: str, values: Values, data: AbstractData) -> Values:
    """The values with units as numbers in the time unit of the data."""
    kappa = getattr(data, "kappa", 1.0)
    return {
        name: in_units_of(f"{argument}[{name!r}]", value, data.time_unit, kappa)
        for name, value in values.items()
    }


def _limits(name: str, pair, data: AbstractData):
    """Bounds with units, too."""
    if not isinstance(pair, tuple | list):
        return pair
    return tuple(_plain("bounds", {name: edge}, data)[name] for edge in pair)


def _set_up(
    data, model, cutoff, state, detector, off, separate
) -> tuple[AbstractData, AbstractExperiment, Values]:
    """The data, the experiment, and what a model by name fixes."""
    sets = dict(data) if isinstance(data, Mapping) else {"data": data}
    require_type(AbstractData, **(sets if isinstance(data, Mapping) else {"data": data}))
    of = lambda name, given: given[name] if isinstance(given, Mapping) else given
    for argument, given in (("model", model), ("state", state)):
        if isinstance(given, Mapping) and given.keys() != sets.keys():
            raise InputError(
                f"`{argument}` must have the names of `data`, {', '.join(sets)}, but has "
                f"{', '.join(map(str, given))}."
            )
    made = {
        name: _experiment(one, of(name, model), cutoff, of(name, state), detector)
        for name, one in sets.items()
    }
    experiments = {name: experiment for name, (experiment, _) in made.items()}
    if off is not None:
        sets["off"], experiments["off"] = off, _calibration(off, detector)
    fixed = {name: value for _, values in made.values() for name, value in values.items()}
    if len(sets) == 1:
        return sets["data"], experiments["data"], fixed
    return Joint(sets), together(experiments, separate), fixed


def _calibration(off, detector: Detector | None) -> AbstractExperiment:
    """The experiment without a signal."""
    require_type(AbstractHeterodyneData, off=off)
    if detector is None:
        raise InputError("`off` needs a `detector` that it calibrates: give `dqm.Detector(...)`.")
    return vacuum(off, detector)


def _experiment(
    data: AbstractData, model, cutoff, state, detector
) -> tuple[AbstractExperiment, Values]:
    """The experiment, and what a model by name fixes."""
    require_type((Detector, type(None)), detector=detector)
    if isinstance(model, AbstractExperiment):
        if state != "coherent" or detector is not None:
            raise InputError(
                "`state` and `detector` are parts of the experiment that is given as `model`: "
                "leave them out."
            )
        return model, {}
    if data.space is None:
        raise InputError(
            f"`model` of {type(data).__name__} must be an experiment, such as `Evolution` or "
            f"`Levels`, but is {type(model).__name__}: texts are models of data "
            "on phase space."
        )
    data = cast(AbstractOscillatorData, data)
    if isinstance(model, Equation):
        return experiment_of(data, model, cutoff, state, detector), {}
    if not isinstance(model, str):
        raise InputError(
            "`model` must be an experiment, a Fokker–Planck equation, one of "
            f"{', '.join(MODELS)}, or a Hamiltonian as text, but is {model!r}."
        )
    experiment = experiment_of(data, by_name(data, model), cutoff, state, detector)
    return experiment, {"ell": data.space.ell}
