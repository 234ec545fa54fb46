"""Recovering the parameters of a model from snapshots, by gradients, with error bars."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize
from jaxtyping import Float

from .dataset import Snapshots
from .errors import InputError
from .fock import FockBargmann
from .fokker_planck import Damped, FokkerPlanck
from .likelihood import count_weights, first_weights, goodness
from .parameters import from_vector, parameter_names, to_vector
from .pictures.husimi import HusimiStep
from .report import Recovery, judge
from .solve import SaveTimes, save_times, solve
from .trial import Trial, choose_basis, first_amplitude, prepare
from .weak_form import WeakForm, early_snapshots, weak_form

Vector = Float[np.ndarray, " parameters"]
ROUGH = {"xtol": 1e-3, "ftol": 1e-3, "gtol": None, "max_nfev": 12}
FINE = {"xtol": 1e-10, "ftol": 1e-10, "gtol": None, "max_nfev": 30}
COUNT_ROUNDS = 2  # of taking the weights of counts from the model
IN_REACH = 0.3  # relative error of a prediction up to which least squares will converge


def recover(
    data: Snapshots,
    model: FokkerPlanck | Damped | str,
    *,
    start: Mapping[str, float] | None = None,
    fix: Mapping[str, float] | None = None,
    free: Sequence[str] = (),
    cutoff: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> Recovery:
    """The parameters with which `model` describes `data`, and how sure they are.

    Maximises the likelihood: binomial where there are counts, Gaussian where there is
    `sigma`, least squares otherwise (the noise is then estimated from the residuals). The
    state at the first time is taken to be coherent, and its amplitude is fitted too, as
    `alpha_re` and `alpha_im`.

    Without `start` the weak form of the equation gives one (`weak_form`); from there the fit
    proceeds over a growing time horizon by least squares with exact Jacobians. A fit from
    `start` that does not describe the data is tried again from the weak form.

    Other data of the same shape and other starts compile nothing; other fixed values do.

    Args:
        data: Husimi snapshots.
        model: Its floating-point arrays are what is sought, by field name (their values are
            the weak form's own start); Python floats stay as they are. Or the name of one
            of `MODELS`.
        start: Starting values by name.
        fix: Values to hold by name. A named model holds `ell` at that of the data.
        free: Names to free that a named model holds.
        cutoff: Fock levels per mode; chosen from the data if not given.
        progress: Called with a line of text after each stage.

    Raises:
        InputError: If a name or model is unknown, nothing is left free, `cutoff` is below
            what the data need, JAX is not set to double precision, or no start leads to
            finite densities at all times.
    """
    with np.errstate(all="ignore"):  # what overflows on the way is judged at the end
        basis = choose_basis(data, cutoff)
        trial = prepare(data, model, start or {}, fix or {}, free)
        fit = _Fit(data, trial, basis, progress or (lambda line: None))
        return fit.run(from_start=bool(start))


@eqx.filter_jit
def _predict(vector, trial: Trial, basis: FockBargmann, times: SaveTimes, points):
    """Densities (times, points) of the trial with the parameters `vector`, and edge weights."""
    trial = from_vector(trial, vector)
    alpha = jnp.asarray(trial.alpha_re) + 1j * jnp.asarray(trial.alpha_im)
    stepper = HusimiStep(trial.model, basis)
    states = solve(stepper, basis.coherent(alpha), times, throw=False).saved
    density = jax.vmap(lambda rho: basis.density(rho, points))(states)
    return density, jax.vmap(basis.edge_weight)(states)


@eqx.filter_jit
def _predict_jacobian(vector, *rest):
    return jax.jacfwd(_predict, has_aux=True)(vector, *rest)[0]


@eqx.filter_jit
def _weak_residual(vector, model: FokkerPlanck | Damped, form: WeakForm):
    return form.residual(from_vector(model, vector)).ravel()


@eqx.filter_jit
def _weak_jacobian(vector, *rest):
    return jax.jacfwd(_weak_residual)(vector, *rest)


class _Fit:
    """One recovery under way: the data, the model, and the state of the search."""

    def __init__(self, data: Snapshots, trial: Trial, basis: FockBargmann, progress):
        self.data, self.trial, self.basis, self._progress = data, trial, basis, progress
        self.names = parameter_names(trial)
        self._rest = (trial, basis, save_times(data.t), jnp.asarray(data.points))
        self._weights = first_weights(data)

    def run(self, *, from_start: bool) -> Recovery:
        given = np.asarray(to_vector(self.trial))
        starts = [(given, "start")] if from_start else []
        weak = self._weak_start(given)
        starts += [(weak, "weak form")] if weak is not None else []
        best = None
        for vector, origin in starts or [(given, "model")]:
            found = self._from(np.array(vector), origin)
            if found is None:
                continue
            if best is None or found.goodness.deviance < best.goodness.deviance:
                best = found
            if best.goodness.describes_data:
                break
        if best is None:
            raise InputError("no `start` led to finite densities at all times: give another.")
        return best

    def _weak_start(self, vector: Vector) -> Vector | None:
        """The parameters of the model from the weak form; `None` with too few snapshots."""
        count = early_snapshots(self.data.t)
        unknown = to_vector(self.trial.model)
        if count < 4 or not unknown.size:
            return None
        quanta = float(np.max(np.abs(first_amplitude(self.data))) ** 2)
        levels = (math.ceil(quanta + 3 * quanta**0.5) + 4,) * self.data.modes
        small = FockBargmann(levels, self.basis.ell, self.basis.kappa)
        rows = slice(0, count)
        form = weak_form(
            self.data.t[rows],
            self.data.points,
            self.data.measured[rows],
            small,
            max(1.0, quanta**0.5 / 2),
        )
        rest = (self.trial.model, form)
        if not np.any(_weak_jacobian(unknown, *rest)):
            return None  # nothing to be learned, as of C without a Hamiltonian
        found = _least_squares(
            lambda x: np.asarray(_weak_residual(x, *rest)),
            lambda x: np.asarray(_weak_jacobian(x, *rest)),
            np.asarray(unknown),
            FINE,
        )
        if found is None:
            return None
        self._say(f"weak form of the first {count} snapshots", found)
        return np.concatenate([found, vector[found.size :]])

    def _from(self, vector: Vector, origin: str) -> Recovery | None:
        """Fits over a growing horizon, then all the data; `None` if it never gets there."""
        times = len(self.data.t)
        horizon = min(times, max(5, early_snapshots(self.data.t) if origin == "weak form" else 5))
        start = vector
        self._weights = first_weights(self.data)
        while True:
            vector = self._refine(vector, horizon, ROUGH)
            if horizon == times:
                break
            reached = self._reach(vector)
            horizon = min(times, max(reached, math.ceil(1.3 * horizon)))
        for _ in range(COUNT_ROUNDS if self.data.counts is not None else 0):
            self._weights = count_weights(self.data, self._density(vector))
            vector = self._refine(vector, times, ROUGH)
        vector = self._refine(vector, times, FINE)
        return self._judge(vector, start, origin) if self._is_finite(vector) else None

    def _reach(self, vector: Vector) -> int:
        """How many leading snapshots are predicted well enough to be fitted next."""
        error = np.linalg.norm(self._density(vector) - self.data.measured, axis=1)
        error = error / np.linalg.norm(self.data.measured, axis=1)
        beyond = np.flatnonzero(~(error < IN_REACH))
        return int(beyond[0]) if beyond.size else len(error)

    def _refine(self, vector: Vector, horizon: int, tolerances: dict) -> Vector:
        rows = slice(0, horizon)
        weights, target = self._weights[rows], self.data.measured[rows]
        found = _least_squares(
            lambda x: ((self._density(x)[rows] - target) * weights).ravel(),
            lambda x: (self._jacobian(x)[rows] * weights[..., None]).reshape(-1, x.size),
            vector,
            tolerances,
        )
        vector = vector if found is None else found
        chi2 = np.mean(((self._density(vector)[rows] - target) * weights) ** 2)
        self._say(
            f"t <= {self.data.t[horizon - 1]:.4g} ({horizon} snapshots), chi2/dof {chi2:.4g}",
            vector,
        )
        return vector

    def _is_finite(self, vector: Vector) -> bool:
        return bool(np.isfinite(self._density(vector)).all())

    def _density(self, vector: Vector) -> Float[np.ndarray, "times points"]:
        return np.asarray(_predict(jnp.asarray(vector), *self._rest)[0])

    def _jacobian(self, vector: Vector) -> Float[np.ndarray, "times points parameters"]:
        return np.asarray(_predict_jacobian(jnp.asarray(vector), *self._rest))

    def _say(self, stage: str, vector: Vector):
        values = zip(self.names, vector, strict=False)
        self._progress(f"{stage}: " + ", ".join(f"{n} {x:.6g}" for n, x in values))

    def _judge(self, vector: Vector, start: Vector, origin: str) -> Recovery:
        density, edge = map(np.asarray, _predict(jnp.asarray(vector), *self._rest))
        return judge(
            names=self.names,
            start=start,
            origin=origin,
            vector=vector,
            density=density,
            edge_weight=float(edge.max()),
            jacobian=self._jacobian(vector) * self._weights[..., None],
            scales=self._scales(vector),
            goodness=goodness(self.data, density, self._weights, len(vector)),
        )

    def _scales(self, vector: Vector) -> Vector:
        """What counts as a large change of each parameter.

        Of a parameter in the symbol, a turn by 1 over the data's duration; of all others 1,
        or the value if that is larger.
        """
        energy = self.data.kappa / float(self.data.t[-1] - self.data.t[0])
        count = len(to_vector(self.trial.model.symbol))
        symbol = np.arange(vector.size) < count
        return np.maximum(np.abs(vector), np.where(symbol, energy, 1.0))


def _least_squares(residual, jacobian, vector: Vector, tolerances: dict) -> Vector | None:
    """Levenberg–Marquardt in a trust region; `None` where residual or slope are not finite."""

    def slope(x):
        values = jacobian(x)
        if not np.isfinite(values).all():
            raise FloatingPointError
        return values

    if not np.isfinite(residual(vector)).all():
        return None
    try:
        jac: Any = slope  # SciPy's stub knows no function here
        return scipy.optimize.least_squares(
            residual, vector, jac, method="trf", x_scale="jac", **tolerances
        ).x
    except FloatingPointError:
        return None
