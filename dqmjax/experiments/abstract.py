"""Experiments as pytrees: what is prepared, how it evolves, what is observed.

`recover` estimates their floating-point JAX arrays; Python floats and NumPy arrays are known.
"""

import abc
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..data.abstract import AbstractData
from ..data.likelihood import AbstractLikelihood
from ..errors import InputError, checked_again
from ..evolution.status import Reason, Status
from ..evolution.times import SaveTimes

IN_PARALLEL = 8  # times at which different places are observed
Fault = Status | Float[Array, "..."] | None
Prediction = tuple[Float[Array, "rows ..."], Fault]


class Guess(NamedTuple):
    """A starting point that an experiment found in the data.

    Example:
        >>> class Decay(dqm.AbstractExperiment):
        ...     rate: jax.Array
        ...     def predict(self, times, where):
        ...         return jnp.exp(-self.rate * times.ts), None
        ...     def guess(self, data):  # from the first two times
        ...         return dqm.Guess(Decay(jnp.log(data.values[0] / data.values[1]) / data.t[1]))
        >>> t = np.array([0.0, 1.0, 2.0])
        >>> dqm.recover(dqm.Series(t, np.exp(-3 * t), 0.01), Decay(jnp.array(0.0))).start
        {'rate': 3.0}
    """

    experiment: "AbstractExperiment"  # the same one; its arrays hold the starting values
    spread: Float[np.ndarray, "rows parameters"] | None = None  # standard errors, one a row
    rows: int | None = None  # the leading rows of the data that it describes; all by default
    origin: str = "guess"


class AbstractExperiment(eqx.Module):
    """What would be measured if its arrays had the true values.

    An experiment of your own must define `predict`. The other methods have defaults, and help
    `recover` where they are defined.

    Example:
        >>> class Ramsey(dqm.AbstractExperiment):
        ...     detuning: jax.Array
        ...     def predict(self, times, where):
        ...         return jnp.cos(self.detuning * times.ts), None
        >>> t = np.linspace(0.0, 3.0, 16)
        >>> result = dqm.recover(dqm.Series(t, np.cos(1.3 * t), 0.01), Ramsey(jnp.array(1.0)))
        >>> round(result.estimate["detuning"], 3)
        1.3
    """

    @abc.abstractmethod
    def predict(self, times: SaveTimes | None, where: Any) -> Prediction:
        """What is measured at each time, and the `Solution.status` of the run, or a number above 1
        where the run is wrong, or `None` if that is unknown.

        Args:
            times: Those of the data, the first that of the preparation; for `solve`.
            where: `where` of the data.
        """

    def scales(self, data: AbstractData) -> Mapping[str, Any]:
        """What counts as a large change of a parameter, by name; the value where it is larger.

        Other parameters have the root mean square of their array as scale.
        """
        return {}

    def frequencies(self) -> Mapping[str, bool]:
        """Which parameters are frequencies, by name, and whether they are angular ones.

        With data whose unit of time is known, results are printed in units.
        """
        return {}

    def guess(self, data: AbstractData) -> Guess | None:
        """A starting point that needs no initial values, if there is one."""
        return None

    def rough(self, data: AbstractData) -> AbstractData:
        """The data in the form that guides a fit from a far start, and tests it for samples.

        Return `data` itself if `predict` does not know the `where` of `data.rough()`.
        """
        return data.rough()

    def likelihood(self, data: AbstractData) -> AbstractLikelihood:
        """How probable the data are, given a prediction; by default as the data say."""
        return data.likelihood

    def require_valid(self):
        """Checks the numbers in it again, after some were set.

        Raises:
            InputError: Naming the one that is not valid.
        """
        checked_again(self)

    def check(self, data: AbstractData):
        """Checks that the data are of this experiment.

        Raises:
            InputError: If they are not.
        """

    def refined(self) -> "AbstractExperiment | None":
        """The experiment with half as long time steps, if its prediction has an error by them."""
        return None

    def shooting(self, data: AbstractData) -> "AbstractExperiment | None":
        """An experiment with the same arrays that starts every interval from measured states."""
        return None

    def for_forward_mode(self) -> "AbstractExperiment":
        """The experiment in a form that forward mode can differentiate."""
        return self

    def for_reverse_mode(self) -> "AbstractExperiment":
        """The experiment in the form that reverse mode differentiates with least memory."""
        return self


def as_status(fault: Fault) -> Status | None:
    """The status; of a number above 1 the reason is that there are too few levels."""
    if fault is None or isinstance(fault, Status):
        return fault
    size = jnp.where(jnp.isnan(fault), jnp.inf, fault)
    return Status(jnp.where(size > 1, int(Reason.LEVELS), int(Reason.OK)), size)


def required(times: SaveTimes | None) -> SaveTimes:
    """The times of the data.

    Raises:
        InputError: If there are none.
    """
    if times is None:
        raise InputError("time evolution needs `data` with times; use `Levels` for `Lines`.")
    return times


def at_each_time(observe: Callable, where: Array) -> Callable:
    """`observe(state, where)` of many states, at the same places or each at its own."""
    if where.ndim == 2:
        return jax.vmap(observe, in_axes=(0, None))
    return lambda *both: jax.lax.map(lambda pair: observe(*pair), both, batch_size=IN_PARALLEL)
