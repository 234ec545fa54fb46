"""The statement of an inference problem: data, an experiment, free parameters, bounds, a prior."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..data.abstract import AbstractData, Rows, numbers
from ..data.likelihood import AbstractLikelihood, evaluate
from ..errors import InputError
from ..evolution.status import Status
from ..evolution.times import SaveTimes
from ..experiments.abstract import AbstractExperiment, as_status
from ..experiments.least_squares import Remembered
from ..experiments.parameters import (
    Template,
    Vector,
    leaf_names,
    leaf_slices,
    parameter_names,
    require_names,
    set_values,
    to_vector,
)
from .prior import NormalPrior

Values = Mapping[str, Any]  # of parameters by name, numbers or arrays
Edge = float | str | None  # text has units
Bounds = Mapping[str, tuple[Edge, Edge]]
Jacobian = Float[np.ndarray, "rows columns parameters"]
UNLIKELY = 4.0  # standard deviations of a normal prior
AT_ONCE = 16  # directions in which a run is differentiated in parallel


class Linearisation(NamedTuple):
    """A problem near one vector."""

    prediction: Rows  # f
    status: Status | None  # of the run
    residual: Rows  # d
    slope: Rows  # d', of each residual
    information: Rows  # I, the root of the Fisher information about each number
    jacobian: Jacobian  # ∇f
    prior: Float[np.ndarray, "terms parameters"]  # derivatives of the prior's residuals
    scales: Vector

    @property
    def weighted(self) -> Jacobian:
        """`I ∇f`, whose square is the Fisher information."""
        return self.jacobian * self.information[..., None]


@dataclasses.dataclass(frozen=True)
class Problem:
    """What to estimate from what; `build_problem` makes one.

    Its functions take a vector of the free numbers, in the order of `names`, and compile once for
    all problems of the same shape.
    """

    data: AbstractData
    experiment: AbstractExperiment
    names: list[str]
    start: Vector
    lower: Vector
    upper: Vector
    prior: Callable | None
    simulation: AbstractExperiment  # with the same arrays: it predicts

    def predict(self, vector: Vector) -> tuple[Rows, Status | None]:
        """What would be measured, and the status of the run."""
        at = self.linearise.known(vector)
        if at is not None:
            return at.prediction, at.status
        prediction, status = _predict(vector, *self.inputs)
        return np.asarray(prediction), status

    @functools.cached_property
    def linearise(self) -> Remembered[Linearisation]:
        """What a step of a fit needs, a function of the vector; the last two are remembered."""
        return Remembered(self._linearised)

    def _linearised(self, vector: Vector) -> Linearisation:
        prediction, status, jacobian = _linearise(vector, *self.inputs)
        prediction, jacobian = np.asarray(prediction), np.asarray(jacobian)
        residual, slope, information = map(np.asarray, evaluate(self.likelihood, prediction))
        prior, scales = self.prior_jacobian(vector), self.scales(vector)
        return Linearisation(
            prediction, status, residual, slope, information, jacobian, prior, scales
        )

    def residual(self, vector: Vector) -> Rows:
        """The deviance residuals."""
        return np.asarray(evaluate(self.likelihood, self.predict(vector)[0]).residual)

    def shift(self, vector: Vector) -> Rows | None:
        """By how much half as long time steps change the prediction, if it has an error by them."""
        refined = self.simulation.refined()
        if refined is None:
            return None
        finer = dataclasses.replace(self, simulation=refined)
        return finer.predict(vector)[0] - self.predict(vector)[0]

    def deviance(self, vector: Vector) -> float:
        """`−2 ln L` up to a constant; infinite where it is not finite."""
        value = float(np.sum(self.residual(vector) ** 2))
        return value if np.isfinite(value) else np.inf

    def score(self, vector: Vector) -> Vector:
        """Half the gradient of the deviance, with the prior's."""
        at = self.linearise(vector)
        data = (at.slope * at.residual).ravel() @ at.jacobian.reshape(-1, vector.size)
        return data + self.prior_residual(vector) @ at.prior

    def prior_residual(self, vector: Vector) -> Float[np.ndarray, " terms"]:
        """The vector whose square the prior adds to the deviance."""
        if self.prior is None:
            return np.zeros(0)
        return np.asarray(_prior(vector, self.template, self.prior))

    def prior_jacobian(self, vector: Vector) -> Float[np.ndarray, "terms parameters"]:
        """Its derivatives."""
        if self.prior is None:
            return np.zeros((0, vector.size))
        return np.asarray(_prior_jacobian(vector, self.template, self.prior))

    def scales(self, vector: Vector) -> Vector:
        """What counts as a large change of each parameter.

        The value, or the scale that the experiment states if that is larger; of other parameters
        the root mean square of their array, now or at the start, or 1 if both are 0. It is not
        smaller than what a normal prior excludes.
        """
        stated, typical = self._stated, np.ones(vector.size)
        for name, part in self.slices.items():
            now, start = vector[part], self.start[part]
            if name in stated:
                typical[part] = np.maximum(np.abs(now), stated[name])
            else:
                typical[part] = max(np.sqrt(np.mean(x**2)) for x in (now, start)) or 1.0
        if isinstance(self.prior, NormalPrior):
            excluded = [UNLIKELY * float(self.prior.width.get(n, 0.0)) for n in self.names]
            typical = np.maximum(typical, excluded)
        return typical

    def within(
        self, vector: Float[np.ndarray, "... parameters"]
    ) -> Float[np.ndarray, "... parameters"]:
        """The nearest vector inside the bounds, for one or for many."""
        return np.clip(vector, self.lower, self.upper)

    def rough(self) -> "Problem":
        """The problem with data that guide a fit from a far start; itself if these are its own."""
        data = self.experiment.rough(self.data)
        return self if data is self.data else dataclasses.replace(self, data=data)

    @functools.cached_property
    def _stated(self) -> Values:
        """The scales that the experiment states."""
        return self.experiment.scales(self.data)

    @functools.cached_property
    def slices(self) -> dict[str, slice]:
        """Where in the vector each array is, by its name."""
        return leaf_slices(self.experiment)

    @functools.cached_property
    def template(self) -> Template:
        """The experiment without its free numbers."""
        return Template.of(self.experiment)

    @functools.cached_property
    def inputs(self) -> tuple[Template, SaveTimes | None, Any]:
        """What a prediction takes besides those numbers."""
        return Template.of(self.simulation), self.data.times, self.data.where

    @functools.cached_property
    def likelihood(self) -> AbstractLikelihood:
        """That of the data."""
        return self.experiment.likelihood(self.data)


def build_problem(
    data: AbstractData,
    experiment: AbstractExperiment,
    start: Values,
    fix: Values,
    free: Sequence[str],
    bounds: Bounds,
    prior: Callable | None,
) -> Problem:
    """The experiment with its starting values set and its fixed parameters made constants.

    Raises:
        InputError: If a name is unknown or both fixed and free, no parameter is free, the start is
            not within its bounds, there are more parameters than data, the prediction has another
            shape than the data, or JAX is not set to double precision.
    """
    if jnp.zeros(()).dtype != np.float64:
        raise InputError(
            "`recover` needs JAX in double precision: jax.config.update('jax_enable_x64', True)."
        )
    require_names(leaf_names(experiment), free, "free")
    twice = sorted((set(start) | set(free)) & set(fix))
    if twice:
        raise InputError(
            f"parameter {twice[0]!r} is both fixed and free, by `fix` and by `start` or `free`: "
            "drop one."
        )
    experiment = set_values(experiment, start, constant=False)
    experiment = set_values(experiment, fix, constant=True)
    experiment.require_valid()
    names = parameter_names(experiment)
    if not names:
        raise InputError(
            "all parameters are fixed: free at least one (a floating-point JAX array)."
        )
    vector = to_vector(experiment)
    lower, upper = _limits(experiment, bounds, vector)
    if prior is not None and not data.noise_known:
        raise InputError("`prior` needs data with a known noise level: give `sigma`.")
    simulation = experiment.for_forward_mode()
    problem = Problem(data, experiment, names, vector, lower, upper, prior, simulation)
    _check_size(problem)
    return problem


def many_starts(problem: Problem, starts: Values) -> Float[np.ndarray, "starts parameters"]:
    """A vector for each of the starting values that are given by name.

    Raises:
        InputError: If a name is unknown or their numbers differ.
    """
    require_names(problem.slices, starts, "starts")
    arrays = {name: _rows(name, values) for name, values in starts.items()}
    count = len(next(iter(arrays.values())))
    vectors = np.tile(problem.start, (count, 1))
    for name, array in arrays.items():
        part = problem.slices[name]
        if array.size != count * (part.stop - part.start):
            raise InputError(
                f"`starts` must hold arrays of one length, an entry or row for each start, but "
                f"{name!r} has shape {array.shape} beside {count} starts."
            )
        vectors[:, part] = array.reshape(count, -1)
    return problem.within(vectors)


def _rows(name: str, values) -> np.ndarray:
    """The starting values of one parameter."""
    if np.ndim(values) and not np.size(values):
        raise InputError(f"`starts` must hold arrays of one length, but {name!r} is empty.")
    return np.atleast_1d(np.asarray(numbers(f"starts[{name!r}]", values), float))


def _limits(experiment, bounds: Bounds, vector: Vector) -> tuple[Vector, Vector]:
    lower, upper = np.full(vector.shape, -np.inf), np.full(vector.shape, np.inf)
    slices = leaf_slices(experiment)
    require_names(slices, bounds, "bounds")
    for name, pair in bounds.items():
        low, high = _limit(name, pair)
        if not np.all(np.asarray(low) < high):
            raise InputError(f"`bounds` of {name!r} must increase, but are {low} and {high}.")
        now = vector[slices[name]]
        if not ((now >= low) & (now <= high)).all():
            raise InputError(
                f"`bounds` of {name!r} must include its start, but {now} is not between {low} and "
                f"{high}: give another `start`."
            )
        lower[slices[name]], upper[slices[name]] = low, high
    return lower, upper


def _limit(name: str, pair) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest value of one parameter."""
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise InputError(
            f"`bounds` of {name!r} must be a pair of numbers or `None`, but are {pair}."
        )
    low, high = (
        np.asarray(ends if edge is None else numbers(f"bounds[{name!r}]", edge), float)
        for edge, ends in zip(pair, (-np.inf, np.inf), strict=True)
    )
    return low, high


def _check_size(problem: Problem):
    problem.experiment.check(problem.data)
    if problem.rough().data.measured is None:
        raise InputError(
            f"{type(problem.data).__name__} need an experiment that predicts means of test "
            "functions: `Heterodyne`, a Fokker–Planck equation, or your own with `rough`."
        )
    shape = eqx.filter_eval_shape(_predict, problem.start, *problem.inputs)
    rows, columns = shape[0].shape
    measured, count = problem.data.measured, len(problem.names)
    if measured is not None and measured.shape != (rows, columns):
        raise InputError(
            f"the experiment must predict what was measured, {measured.shape[1]} numbers in "
            f"{measured.shape[0]} rows, but predicts {columns} in {rows}: compare `observe` and "
            "the times with `data`."
        )
    terms = 0 if problem.prior is None else problem.prior_residual(problem.start).size
    if rows * columns + terms <= count:
        raise InputError(
            f"`data` must hold more than the {count} numbers to estimate, but hold "
            f"{rows * columns}: fix some parameters."
        )


def predicted(vector, template: Template, times: SaveTimes | None, where):
    """What would be measured, in rows, and the status of the run; to be traced."""
    return _of(template(vector), times, where)


def _of(experiment: AbstractExperiment, times: SaveTimes | None, where):
    values, fault = experiment.predict(times, where)
    values = jnp.asarray(values)
    return values.reshape(values.shape[0] if values.ndim else 1, -1), as_status(fault)


_predict = eqx.filter_jit(predicted)


@eqx.filter_jit
def _linearise(vector, template: Template, *inputs):
    """The prediction, its status and its Jacobian, one field of the experiment after the other.

    The derivatives with respect to the initial state do not differentiate the propagator.
    """
    parts, fields = template.split(vector), template.fields
    values, status, columns = jnp.zeros(()), None, []
    for start, stop in fields:
        own = jnp.concatenate([jnp.ravel(part) for part in parts[start:stop]])
        ends = np.cumsum([part.size for part in parts[start:stop]])[:-1]

        def predict(own, start=start, stop=stop, ends=ends):
            new = [
                piece.reshape(part.shape)
                for piece, part in zip(jnp.split(own, ends), parts[start:stop], strict=True)
            ]
            return _of(template.filled([*parts[:start], *new, *parts[stop:]]), *inputs)

        along = lambda e, f=predict, x=own: jax.jvp(f, (x,), (e,), has_aux=True)
        batch = min(AT_ONCE, own.size)
        found, moved, statuses = jax.lax.map(along, jnp.eye(own.size), batch_size=batch)
        values, status = found[0], jax.tree.map(lambda x: x[0], statuses)
        columns.append(moved)
    return values, status, jnp.moveaxis(jnp.concatenate(columns), 0, -1)


@eqx.filter_jit
def _prior(vector, template: Template, prior: Callable) -> Array:
    return jnp.ravel(prior(template(vector)))


@eqx.filter_jit
def _prior_jacobian(vector, *inputs):
    return jax.jacfwd(_prior)(jnp.asarray(vector), *inputs)


def residuals(vector, template: Template, times, where, likelihood, prior: Callable | None):
    """The vector whose square is the deviance, with the prior's terms; to be traced."""
    data = likelihood.residual(predicted(vector, template, times, where)[0]).ravel()
    return data if prior is None else jnp.append(data, _prior(vector, template, prior))
