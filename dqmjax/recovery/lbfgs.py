"""Maximum likelihood for many parameters: L-BFGS with gradients in reverse mode."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ..errors import InputError
from ..experiments.parameters import Template, Vector
from .problem import Problem, residuals

MANY = 64  # parameters; with more, a Jacobian costs more than the descent
MOST_STEPS = 2000
SETTLED = 1e-8  # relative change of the deviance and of the numbers in a step


def descend(problem: Problem, vector: Vector) -> Vector:
    """The maximum from a start; the numbers are not rescaled.

    Raises:
        InputError: If there are `bounds`.
    """
    if np.isfinite(problem.lower).any() or np.isfinite(problem.upper).any():
        raise InputError(f"`bounds` must be left out for more than {MANY} parameters.")
    template = Template.of(problem.experiment.for_reverse_mode())
    given = (*problem.inputs[1:], problem.likelihood, problem.prior)
    return np.asarray(_lbfgs(jnp.asarray(vector), template, *given))


@eqx.filter_jit
def _lbfgs(vector, *inputs):
    import optax  # slow to import, needed here only
    import optimistix

    found = optimistix.minimise(
        lambda v, _: jnp.sum(residuals(v, *inputs) ** 2),
        optimistix.OptaxMinimiser(optax.lbfgs(), rtol=SETTLED, atol=SETTLED),
        vector,
        max_steps=MOST_STEPS,
        throw=False,
    )
    return found.value
