"""One statement of what is sought from what: data, an experiment, what is free, bounds, a prior."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..data.likelihood import AbstractLikelihood
from ..data.series import Data
from ..errors import InputError
from ..evolution.solve import SaveTimes, save_times
from .experiments import AbstractExperiment, Heterodyne, forward
from .parameters import (
    Template,
    leaf_names,
    leaf_slices,
    parameter_names,
    set_values,
    template,
    to_vector,
)

Vector = Float[np.ndarray, " parameters"]
Rows = Float[np.ndarray, "rows columns"]
Values = Mapping[str, Any]  # of parameters by name, numbers or arrays
Bounds = Mapping[str, tuple[float | None, float | None]]
AT_ONCE = 16  # directions in which a run is differentiated


@dataclasses.dataclass(frozen=True)
class Problem:
    """What is sought from what; `state_problem` makes one.

    Functions of a vector of the sought numbers, in the order of `names`, compile once for all
    problems of the same shape.
    """

    data: Data
    experiment: AbstractExperiment
    names: list[str]
    start: Vector
    lower: Vector
    upper: Vector
    prior: Callable | None

    def predict(self, vector: Vector) -> tuple[Rows, Float[np.ndarray, " rows"] | None]:
        """What would be measured, and how strained the runs are."""
        key = vector.tobytes()
        if key not in self._last:  # a search asks for the same several times in a row
            prediction, strain = _predict(jnp.asarray(vector), *self.inputs)
            self._last.clear()
            self._last[key] = np.asarray(prediction), None if strain is None else np.asarray(strain)
        return self._last[key]

    def jacobian(self, vector: Vector) -> Float[np.ndarray, "rows columns parameters"]:
        """The derivatives of what would be measured."""
        return np.asarray(_jacobian(jnp.asarray(vector), *self.inputs))

    def information(self, vector: Vector) -> Float[np.ndarray, "data parameters"]:
        """`I ∇f` of every datum, whose square is the Fisher information."""
        weights = np.asarray(self.likelihood.information(jnp.asarray(self.predict(vector)[0])))
        return (self.jacobian(vector) * weights[..., None]).reshape(-1, vector.size)

    def score(self, vector: Vector) -> Vector:
        """Half the gradient of the deviance, with the prior's."""
        prediction = jnp.asarray(self.predict(vector)[0])
        _, pull = jax.vjp(lambda f: jnp.sum(self.likelihood.residual(f) ** 2) / 2, prediction)
        slope = np.asarray(pull(jnp.ones(()))[0]).ravel()
        data = slope @ self.jacobian(vector).reshape(slope.size, -1)
        return data + self.prior_residual(vector) @ self.prior_jacobian(vector)

    def prior_residual(self, vector: Vector) -> Float[np.ndarray, " terms"]:
        """What the prior adds to the deviance, as a vector whose square it is."""
        if self.prior is None:
            return np.zeros(0)
        return np.asarray(_prior(jnp.asarray(vector), self.template, self.prior))

    def prior_jacobian(self, vector: Vector) -> Float[np.ndarray, "terms parameters"]:
        """Its derivatives."""
        if self.prior is None:
            return np.zeros((0, vector.size))
        return np.asarray(_prior_jacobian(jnp.asarray(vector), self.template, self.prior))

    def scales(self, vector: Vector) -> Vector:
        """What counts as a large change of each parameter.

        In the Husimi picture, of a parameter in the symbol a turn by 1 over the data's duration, of
        a rate that of one loss in it, of ℓ that of the measurement, of all others 1; or the value,
        if that is larger. Elsewhere the root mean square of its array, now or at the start, or 1
        if both are 0.
        """
        experiment, t, typical = self.experiment, self.data.t, np.ones(vector.size)
        slices = leaf_slices(experiment)
        if not isinstance(experiment, Heterodyne) or t is None:
            for part in slices.values():
                both = vector[part], self.start[part]
                typical[part] = max(np.sqrt(np.mean(x**2)) for x in both) or 1.0
            return typical
        duration, basis = float(t[-1] - t[0]), experiment.basis
        typical[: to_vector(experiment.model.symbol).size] = float(basis.kappa) / duration
        if "rate" in slices:
            typical[slices["rate"]] = 1 / duration
        if "ell" in slices:
            typical[slices["ell"]] = np.max(basis.ell)
        return np.maximum(np.abs(vector), typical)

    @functools.cached_property
    def template(self) -> Template:
        """The experiment without the numbers that are sought."""
        return template(self.experiment)

    @functools.cached_property
    def _last(self) -> dict:
        return {}

    @functools.cached_property
    def inputs(self) -> tuple[Template, SaveTimes | None, Array | None]:
        """What a prediction takes besides those numbers."""
        data = self.data
        times = None if data.t is None else save_times(data.t)
        where = None if data.where is None else jnp.asarray(data.where)
        return template(forward(self.experiment)), times, where

    @functools.cached_property
    def likelihood(self) -> AbstractLikelihood:
        """That of the data."""
        return self.data.likelihood

    def many(self, starts: Values | None) -> Float[np.ndarray, "starts parameters"] | None:
        """A vector for each of the starting values that are given by name.

        Raises:
            InputError: If a name is unknown or their numbers differ.
        """
        if not starts:
            return None
        slices = leaf_slices(self.experiment)
        unknown = [name for name in starts if name not in slices]
        if unknown:
            known = ", ".join(slices)
            raise InputError(f"parameter {unknown[0]!r} of `starts` is unknown: {known}.")
        count = len(np.atleast_1d(next(iter(starts.values()))))
        vectors = np.tile(self.start, (count, 1))
        for name, values in starts.items():
            array, part = np.atleast_1d(np.asarray(values, float)), slices[name]
            if not count or array.size != count * (part.stop - part.start):
                raise InputError(
                    f"`starts` must hold arrays of one length, an entry or row for each start, but "
                    f"{name!r} has shape {array.shape} beside {count} starts."
                )
            vectors[:, part] = array.reshape(count, -1)
        return self.within(vectors)

    def within(
        self, vector: Float[np.ndarray, "... parameters"]
    ) -> Float[np.ndarray, "... parameters"]:
        """The nearest vector inside the bounds, or of many those."""
        return np.clip(vector, self.lower, self.upper)


def state_problem(
    data: Data,
    experiment: AbstractExperiment,
    start: Values,
    fix: Values,
    free: Sequence[str],
    bounds: Bounds,
    prior: Callable | None,
) -> Problem:
    """The experiment with its starting values in place and its fixed ones made constants.

    Raises:
        InputError: If a name is unknown or both fixed and free, nothing is left free, the start is
            not within its bounds, there are more parameters than data, what is predicted has
            another shape than what was measured, or JAX is not set to double precision.
    """
    if jnp.zeros(()).dtype != np.float64:
        raise InputError(
            "JAX must be set to double precision before anything is recovered: "
            "jax.config.update('jax_enable_x64', True)."
        )
    unknown = [name for name in free if name not in leaf_names(experiment)]
    if unknown:
        raise InputError(
            f"parameter {unknown[0]!r} is unknown: the model has "
            f"{', '.join(leaf_names(experiment))}."
        )
    twice = sorted((set(start) | set(free)) & set(fix))
    if twice:
        raise InputError(f"parameter {twice[0]!r} is both fixed and free: drop one.")
    experiment = set_values(experiment, start, constant=False)
    experiment = set_values(experiment, fix, constant=True)
    _check_again(experiment)  # the values just set may be wrong
    names = parameter_names(experiment)
    if not names:
        raise InputError(
            "nothing is free: fix fewer, or make floating-point arrays of what is sought."
        )
    vector = np.asarray(to_vector(experiment))
    lower, upper = _limits(experiment, bounds, vector)
    if prior is not None and not data.noise_known:
        raise InputError("`prior` must come with data of known noise, to be weighed: give `sigma`.")
    problem = Problem(data, experiment, names, vector, lower, upper, prior)
    _check_size(problem)
    return problem


def _check_again(tree):
    is_module = lambda x: isinstance(x, eqx.Module)
    for module in jax.tree.leaves(tree, is_leaf=lambda x: is_module(x) and x is not tree):
        if is_module(module):
            getattr(module, "__check_init__", lambda: None)()
            _check_again(module)


def _limits(experiment, bounds: Bounds, vector: Vector) -> tuple[Vector, Vector]:
    lower, upper = np.full(vector.shape, -np.inf), np.full(vector.shape, np.inf)
    slices = leaf_slices(experiment)
    for name, (low, high) in bounds.items():
        if name not in slices:
            raise InputError(f"parameter {name!r} of `bounds` is unknown: {', '.join(slices)}.")
        low, high = -np.inf if low is None else low, np.inf if high is None else high
        if not np.all(np.asarray(low) < high):
            raise InputError(f"`bounds` of {name!r} must increase, but are {low} and {high}.")
        now = vector[slices[name]]
        if not ((now >= low) & (now <= high)).all():
            raise InputError(
                f"`bounds` of {name!r} must hold its start, but {now} is not between {low} and "
                f"{high}: give another `start`."
            )
        lower[slices[name]], upper[slices[name]] = low, high
    return lower, upper


def _check_size(problem: Problem):
    template, times, where = problem.inputs
    shape = eqx.filter_eval_shape(_predict, jnp.asarray(problem.start), template, times, where)
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
            f"`data` must hold more than the {count} numbers that are sought, but hold "
            f"{rows * columns}: fix some parameters."
        )


def predicted(vector, template: Template, times: SaveTimes | None, where: Array | None):
    """What would be measured, in rows, and the strain; to be traced."""
    values, strain = template(vector).predict(times, where)
    values = jnp.asarray(values)
    return values.reshape(values.shape[0] if values.ndim else 1, -1), strain


_predict = eqx.filter_jit(predicted)


@eqx.filter_jit
def _jacobian(vector, *inputs):
    along = lambda e: jax.jvp(lambda v: _predict(v, *inputs)[0], (vector,), (e,))[1]
    columns = jax.lax.map(along, jnp.eye(vector.size), batch_size=min(AT_ONCE, vector.size))
    return jnp.moveaxis(columns, 0, -1)


@eqx.filter_jit
def _prior(vector, template: Template, prior: Callable):
    return jnp.ravel(prior(template(vector)))


@eqx.filter_jit
def _prior_jacobian(vector, *inputs):
    return jax.jacfwd(_prior)(vector, *inputs)


def residuals(vector, template: Template, times, where, likelihood, prior: Callable | None):
    """What the deviance is the square of, the prior's part included; to be traced."""
    data = likelihood.residual(_predict(vector, template, times, where)[0]).ravel()
    return data if prior is None else jnp.append(data, _prior(vector, template, prior))
