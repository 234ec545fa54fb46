"""Priors: what was known about the parameters before the data."""

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..data.abstract import numbers
from ..errors import InputError, require_type
from ..experiments.abstract import AbstractExperiment
from ..experiments.parameters import parameter_names, require_names, trainable


class NormalPrior(eqx.Module):
    """`(θ_n − μ_n)/σ_n`, a normal distribution for each of some parameters; for `prior` of
    `recover`.

    Args:
        known: Mean μ and standard deviation σ by parameter name.

    Raises:
        InputError: If they are not pairs of finite numbers, or a σ is not positive.

    Example:
        >>> grid = dqm.Grid((-6.0,), (6.0,), (48,))
        >>> model = dqm.Levels(dqm.Hamiltonian(dqm.Harmonic(jnp.array(1.0))), grid, 1)
        >>> data = dqm.Lines([0.6], sigma=0.005)  # ω/2, so that ω = 1.20 ± 0.01
        >>> prior = dqm.NormalPrior({"omega": (1.0, 0.01)})
        >>> round(dqm.recover(data, model, prior=prior).estimate["omega"], 3)
        1.1
    """

    mean: dict[str, np.ndarray]
    width: dict[str, np.ndarray]

    def __init__(self, known: Mapping[str, tuple[float, float]]):
        require_type(Mapping, known=known)
        pairs = {name: _pair(name, pair) for name, pair in known.items()}
        self.mean = {name: pair[0] for name, pair in pairs.items()}
        self.width = {name: pair[1] for name, pair in pairs.items()}

    @property
    def names(self) -> list[str]:
        """Of the parameters."""
        return list(self.mean)

    def __call__(self, experiment: AbstractExperiment) -> Float[Array, " terms"]:
        known = parameter_names(experiment)
        require_names(known, self.names, "prior")
        leaves = jax.tree.leaves(trainable(experiment))
        values = jnp.concatenate([jnp.ravel(leaf) for leaf in leaves])
        return jnp.stack(
            [(values[known.index(n)] - self.mean[n]) / self.width[n] for n in self.names]
        )

    def draw(self, random: np.random.Generator) -> dict[str, float]:
        """Values drawn from it."""
        return {name: float(random.normal(self.mean[name], self.width[name])) for name in self.mean}


def _pair(name: str, pair) -> np.ndarray:
    """Mean and standard deviation of one parameter."""
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise InputError(
            f"`known[{name!r}]` must be a pair of mean and standard deviation, but is {pair!r}."
        )
    mean, width = (float(numbers(f"known[{name!r}]", value)) for value in pair)
    if not width > 0:
        raise InputError(f"`known[{name!r}]` must have a positive deviation, but has {width}.")
    return np.array([mean, width])
