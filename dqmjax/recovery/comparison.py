"""One model against another: likelihood ratio and information criteria."""

import dataclasses
import math
from collections.abc import Mapping

import equinox as eqx
import scipy

from ..errors import InputError, require_type
from .result import Recovery


@dataclasses.dataclass(frozen=True)
class Ratio:
    """What `likelihood_ratio` found."""

    statistic: float  # by how much the deviance of the restricted model is larger
    dof: int
    p: float  # probability of as much if the restricted model is true


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What `compare` found, one number for each model; print it for a table."""

    deviance: dict[str, float]
    parameters: dict[str, float]  # k, that the data determine and not a prior
    aic: dict[str, float]  # Akaike's criterion, `−2 ln L + 2k`
    bic: dict[str, float]  # Schwarz's, `−2 ln L + k ln n`
    describes_data: dict[str, bool]

    @property
    def best(self) -> str:
        """The model of least Akaike criterion."""
        return min(self.aic, key=self.aic.__getitem__)

    def __repr__(self) -> str:
        head = ("model", "parameters", "deviance", "ΔAIC", "ΔBIC", "describes the data")
        lines = ["{:<16} {:>10} {:>12} {:>10} {:>10}  {}".format(*head)]
        least = {name: min(values.values()) for name, values in (("a", self.aic), ("b", self.bic))}
        for name in self.deviance:
            away = (self.aic[name] - least["a"], self.bic[name] - least["b"])
            lines.append(
                f"{name:<16} {self.parameters[name]:>10.4g} {self.deviance[name]:>12.6g} "
                f"{away[0]:>10.4g} {away[1]:>10.4g}  {'yes' if self.describes_data[name] else 'no'}"
            )
        return "\n".join(lines)


def compare(models: Mapping[str, Recovery]) -> Comparison:
    """Models fitted to the same data, side by side: free C and C = 1, damped and undamped, ….

    Akaike (1974), doi:10.1109/TAC.1974.1100705; Schwarz (1978), doi:10.1214/aos/1176344136. A
    parameter that a prior determines counts less: `k = tr (F + P)⁻¹F`, where F and P are the
    information of data and prior; Spiegelhalter et al. (2002), doi:10.1111/1467-9868.00353.

    Args:
        models: Fits by name. Where no noise level is known the deviance is `n ln χ²`.

    Raises:
        InputError: If there are fewer than two, or their data differ.

    Example:
        >>> well = dqm.Anharmonic(jnp.array(1.0), quartic=jnp.array(0.0))
        >>> model = dqm.Levels(dqm.Hamiltonian(well), dqm.Grid((-6.0,), (6.0,), (48,)), 4)
        >>> data = dqm.Lines([0.5, 1.5, 2.5, 3.5], sigma=0.01)
        >>> harmonic = dqm.recover(data, model, fix={"quartic": 0.0})
        >>> quartic = dqm.recover(data, model)
        >>> found = dqm.compare({"harmonic": harmonic, "quartic": quartic})
        >>> found.best, round(found.aic["quartic"] - found.aic["harmonic"], 3)
        ('harmonic', 2.0)
    """
    require_type(Mapping, models=models)
    if len(models) < 2:
        raise InputError(f"`models` must be two fits or more, but are {len(models)}.")
    require_type(Recovery, **{f"models[{name!r}]": model for name, model in models.items()})
    first = next(iter(models.values()))
    for name, model in models.items():
        _require_same_data(first, model, f"models[{name!r}]")
    counted = {name: model.determined for name, model in models.items()}
    deviance = {name: model.goodness.deviance for name, model in models.items()}
    n = first.goodness.size
    return Comparison(
        deviance=deviance,
        parameters=counted,
        aic={name: d + 2 * counted[name] for name, d in deviance.items()},
        bic={name: d + counted[name] * math.log(n) for name, d in deviance.items()},
        describes_data={name: m.goodness.describes_data for name, m in models.items()},
    )


def likelihood_ratio(restricted: Recovery, full: Recovery) -> Ratio:
    """Wilks' test of a model against one that contains it as a special case, such as C = 1.

    Wilks (1938), doi:10.1214/aoms/1177732360. At the edge of what a parameter may be, such as a
    rate of 0, p is twice too large. With a prior it is another test: use `compare`.

    Args:
        restricted: Fit of the model with fewer parameters.
        full: Fit of the other.

    Raises:
        InputError: If their data differ, one has a prior, or `full` has no more parameters.

    Example:
        >>> well = dqm.Anharmonic(jnp.array(1.0), quartic=jnp.array(0.0))
        >>> model = dqm.Levels(dqm.Hamiltonian(well), dqm.Grid((-6.0,), (6.0,), (48,)), 4)
        >>> data = dqm.Lines([0.5, 1.5, 2.5, 3.5], sigma=0.01)
        >>> harmonic = dqm.recover(data, model, fix={"quartic": 0.0})
        >>> quartic = dqm.recover(data, model)
        >>> ratio = dqm.likelihood_ratio(harmonic, quartic)
        >>> ratio.dof, round(ratio.p, 2)
        (1, 1.0)
    """
    require_type(Recovery, restricted=restricted, full=full)
    for name, model in (("restricted", restricted), ("full", full)):
        if model.problem.prior is not None:
            raise InputError(f"`{name}` must be a fit without a prior: use `compare`.")
    _require_same_data(restricted, full, "full")
    dof = len(full.estimate) - len(restricted.estimate)
    if dof < 1:
        raise InputError(f"`full` must have more parameters than `restricted`, but has {dof} more.")
    statistic = restricted.goodness.deviance - full.goodness.deviance
    return Ratio(statistic, dof, float(scipy.special.chdtrc(dof, max(statistic, 0.0))))


def _require_same_data(one: Recovery, other: Recovery, name: str):
    compared = [
        (fit.problem.likelihood, fit.problem.inputs[1:], fit.goodness.noise_known)
        for fit in (one, other)
    ]
    if not eqx.tree_equal(*compared):
        raise InputError(
            f"`{name}` must be a fit to the same data with the same noise as the others, but is "
            "not."
        )
