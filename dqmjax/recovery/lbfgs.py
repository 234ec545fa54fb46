"""The greatest likelihood for many parameters: L-BFGS with gradients in reverse."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from ..errors import InputError
from ..evolution.adjoint import Checkpointed, Direct, Reversible, ReversibleStep
from .experiments import Evolution
from .parameters import template
from .problem import Problem, Vector, residuals

MANY = 64  # parameters; with more, a Jacobian costs more than the descent
MOST_STEPS = 2000
SETTLED = 1e-12  # relative decrease of the deviance in a step


def descend(problem: Problem, vector: Vector) -> Vector:
    """From a start, by optax; the numbers are scaled by nothing.

    Raises:
        InputError: If there are `bounds`.
    """
    if np.isfinite(problem.lower).any() or np.isfinite(problem.upper).any():
        raise InputError(f"`bounds` must be left out for more than {MANY} parameters.")
    given = (*problem.inputs[1:], problem.likelihood, problem.prior)
    return np.asarray(_lbfgs(jnp.asarray(vector), template(_in_reverse(problem)), *given))


def _in_reverse(problem: Problem):
    """The experiment, remembering no more of its steps than it must."""
    experiment = problem.experiment
    if not isinstance(experiment, Evolution) or not isinstance(experiment.adjoint, Direct):
        return experiment
    step = experiment.stepper.make_step(jnp.ones(()))
    undone = isinstance(step, ReversibleStep) and step.is_reversible
    return dataclasses.replace(experiment, adjoint=Reversible() if undone else Checkpointed())


@eqx.filter_jit
def _lbfgs(vector, *inputs):
    value = lambda v: jnp.sum(residuals(v, *inputs) ** 2)
    search = optax.lbfgs()
    value_and_grad = optax.value_and_grad_from_state(value)

    def step(carry):
        vector, state, _, count = carry
        now, slope = value_and_grad(vector, state=state)
        change, state = search.update(slope, state, vector, value=now, grad=slope, value_fn=value)
        moved = optax.apply_updates(vector, change)
        after = optax.tree.get(state, "value")
        return moved, state, now - after, count + 1

    def goes_on(carry):
        _, state, gain, count = carry
        now = optax.tree.get(state, "value")
        return (count < 2) | ((count < MOST_STEPS) & (gain > SETTLED * jnp.abs(now)))

    begun = (vector, search.init(vector), jnp.array(jnp.inf), 0)
    return jax.lax.while_loop(goes_on, step, begun)[0]
