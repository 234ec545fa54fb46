"""Occupation of M states by N particles: Maxwell–Boltzmann, Bose–Einstein, Fermi–Dirac.

Reference: Z. Zakir, "Diffusion quantum mechanics" II, section III, eqs. (27)–(31).
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import expit, gammaln, logsumexp
from jaxtyping import Array, Float, Int, Key, Real

from .errors import (
    InputError,
    finite,
    positive,
    require,
    require_instance,
    require_key,
    require_whole,
)

Scalar = Float[Array, ""]
TOO_CLOSE = (
    "`particles` is so large that μ is closer to the lowest level than the precision of μ: measure "
    "`energies` from the lowest level, or use float64."
)
Numbers = Real[Array | np.ndarray, "*shape"] | float
HALVINGS = 100  # reach the last digit from any bracket
Occupations = Int[Array | np.ndarray, " states"]


class AbstractStatistics(eqx.Module):
    """How N particles occupy M states; a subclass defines the four abstract methods.

    Example:
        >>> kinds = dqm.quantum_statistics
        >>> each = (kinds.MaxwellBoltzmann(), kinds.BoseEinstein(), kinds.FermiDirac())
        >>> [round(float(x.mean_occupation(energy=1.0, temperature=1.0)), 3) for x in each]
        [0.368, 0.582, 0.269]
    """

    @abc.abstractmethod
    def log_probability(self, occupations: Occupations) -> Scalar:
        """`ln P{n_i}` of M states with n_1 … n_M particles, if all configurations are equally
        probable; −∞ for impossible numbers. Accurate to 1e-9 for N, M up to 10⁶ in double
        precision."""

    @abc.abstractmethod
    def sample(self, key: Key[Array, ""], particles: int, states: int) -> Int[Array, " states"]:
        """Occupation numbers drawn from `exp(log_probability)`.

        Raises:
            InputError: If `particles` or `states` is not a positive integer, or there are more
                fermions than states.
        """

    def mean_occupation(
        self, energy: Numbers, temperature: Scalar | float, mu: Scalar | float = 0.0
    ) -> Float[Array, "*shape"]:
        """⟨n⟩ of a state at `energy`, `temperature` kT and chemical potential μ in its units.

        Raises:
            InputError: If `temperature` is not positive, or μ is not below an energy of bosons, or
                so far above one that ⟨n⟩ overflows.
        """
        away = jnp.asarray(finite("energy", energy)) - finite("mu", mu, ())
        occupation = self.mean_number(away / positive("temperature", temperature, ()))
        is_possible = (occupation >= 0) & (occupation < jnp.inf)
        message = f"`mu` must be below every energy of bosons, and not far above any, but is {mu}."
        return require(occupation, is_possible, message)

    @abc.abstractmethod
    def mean_number(self, y: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """⟨n⟩ of a state at `y = (E − μ)/kT`."""

    @abc.abstractmethod
    def reduced_energy(self, occupation: Numbers) -> Float[Array, "*shape"]:
        """(E − μ)/kT of a state with this mean occupation, the inverse of `mean_occupation`; −∞
        where no state can have it.

        Raises:
            InputError: If `occupation` is not positive.
        """


class MaxwellBoltzmann(AbstractStatistics):
    """`P = M^{−N} N!/∏n_i!`, `⟨n⟩ = e^{−(E−μ)/kT}`: distinguishable particles.

    Example:
        >>> statistics = dqm.quantum_statistics.MaxwellBoltzmann()
        >>> round(float(jnp.exp(statistics.log_probability(jnp.array([1, 1])))), 3)
        0.5
    """

    def log_probability(self, occupations):
        n, states = _counts(occupations)
        total = jnp.sum(n)
        return gammaln(total + 1) - jnp.sum(gammaln(n + 1)) - total * jnp.log(states)

    def sample(self, key, particles, states):
        require_key(key=key)
        require_whole(1, particles=particles, states=states)
        return jnp.bincount(jax.random.randint(key, (particles,), 0, states), length=states)

    def mean_number(self, y):
        return jnp.exp(-y)

    def reduced_energy(self, occupation):
        return -jnp.log(jnp.asarray(positive("occupation", occupation)))


class BoseEinstein(AbstractStatistics):
    """`P = N!(M−1)!/(M+N−1)!`, `⟨n⟩ = 1/(e^{(E−μ)/kT} − 1)`: every division is equally probable.

    Example:
        >>> statistics = dqm.quantum_statistics.BoseEinstein()
        >>> round(float(jnp.exp(statistics.log_probability(jnp.array([1, 1])))), 3)
        0.333
    """

    def log_probability(self, occupations):
        n, states = _counts(occupations)
        total = jnp.sum(n)
        return gammaln(total + 1) + gammaln(states) - gammaln(states + total)

    def sample(self, key, particles, states):
        """Stars and bars: the gaps between M − 1 bars at places drawn from N + M − 1."""
        require_key(key=key)
        require_whole(1, particles=particles, states=states)
        places = particles + states - 1
        bars = jnp.sort(jax.random.choice(key, places, (states - 1,), replace=False))
        return jnp.diff(bars, prepend=-1, append=places) - 1

    def mean_number(self, y):
        return 1 / jnp.expm1(y)

    def reduced_energy(self, occupation):
        return jnp.log1p(1 / jnp.asarray(positive("occupation", occupation)))


class FermiDirac(AbstractStatistics):
    """`P = N!(M−N)!/M!` with n_i ∈ {0, 1}, `⟨n⟩ = 1/(e^{(E−μ)/kT} + 1)`: at most one each.

    Example:
        >>> statistics = dqm.quantum_statistics.FermiDirac()
        >>> round(float(jnp.exp(statistics.log_probability(jnp.array([1, 1])))), 3)
        1.0
    """

    def log_probability(self, occupations):
        n, states = _counts(occupations)
        total = jnp.sum(n)
        value = gammaln(total + 1) + gammaln(states - total + 1) - gammaln(states + 1)
        return jnp.where(jnp.max(n) > 1, -jnp.inf, value)

    def sample(self, key, particles, states):
        require_key(key=key)
        require_whole(1, particles=particles, states=states)
        if particles > states:
            raise InputError(f"`particles` must be at most {states} states, but is {particles}.")
        taken = jax.random.choice(key, states, (particles,), replace=False)
        return jnp.zeros(states, int).at[taken].set(1)

    def mean_number(self, y):
        return expit(-y)

    def reduced_energy(self, occupation):
        occupation = jnp.asarray(positive("occupation", occupation))
        return jnp.log(jnp.maximum(1 - occupation, 0) / occupation)


def chemical_potential(
    statistics: AbstractStatistics,
    energies: Real[Array | np.ndarray, " levels"],
    particles: Scalar | float,
    temperature: Scalar | float,
) -> Scalar:
    """μ such that `Σ_i ⟨n_i⟩ = N`; differentiable twice.

    Args:
        statistics: Occupation of the levels.
        energies: E_i of each level, degenerate ones repeated.
        particles: N, positive; for fermions fewer than the levels.
        temperature: kT, positive, in units of energy.

    Raises:
        InputError: If `particles` or `temperature` is not positive, there are too many fermions, or
            μ is so close to the lowest level that its rounding changes N by more than √ε.

    Example:
        >>> fermions = dqm.quantum_statistics.FermiDirac()
        >>> mu = dqm.quantum_statistics.chemical_potential(fermions, jnp.arange(8.0), 4.0, 0.5)
        >>> round(float(mu), 3)  # half of the levels are filled
        3.5
    """
    import optimistix  # slow to import, needed here only

    require_instance(AbstractStatistics, statistics=statistics)
    particles = positive("particles", particles, ())
    temperature = positive("temperature", temperature, ())
    energies = jnp.asarray(finite("energies", energies)) + 0.0
    if energies.ndim != 1:
        raise InputError(f"`energies` must be a list of numbers, but has shape {energies.shape}.")
    given = energies, jnp.asarray(particles, energies.dtype), jnp.asarray(temperature)

    def excess(mu, given):
        energies, particles, temperature = given
        return jnp.sum(statistics.mean_number((energies - mu) / temperature)) - particles

    lower, upper = jax.lax.stop_gradient(_bracket(statistics, *given))
    mu = optimistix.root_find(
        excess,
        optimistix.Bisection(rtol=0.0, atol=0.0, flip=False),  # until μ does not change
        (lower + upper) / 2,
        given,
        {"lower": lower, "upper": upper},
        max_steps=HALVINGS,
        throw=False,
    ).value
    error = jnp.abs(excess(mu, given)) / given[1]
    return require(mu, error <= jnp.sqrt(jnp.finfo(energies.dtype).eps), TOO_CLOSE)


def _bracket(statistics, energies, particles, temperature):
    """Bounds of μ: all levels at the lowest energy; all at the highest, or all particles in the
    lowest level."""
    per_level, alone = map(statistics.reduced_energy, (particles / energies.size, particles))
    low, high = jnp.min(energies), jnp.max(energies)
    most = jnp.minimum(high - temperature * per_level, low - temperature * alone)
    most = require(most, most < jnp.inf, "`particles` must be fewer than the levels for fermions.")
    return low - temperature * per_level, most


def tersoff_bayer(occupations: Occupations) -> Scalar:
    """`ln` of the multinomial, averaged over uniformly random weights of the states.

    The result is Bose–Einstein statistics:

    `P = (M−1)! ∫ N! ∏ (w_i^{n_i}/n_i!) δ(1 − Σw_i) dw`

    Eq. (29) lacks the factor (M−1)!, which normalises the average. Tersoff & Bayer
    (1983), doi:10.1103/PhysRevLett.50.553.

    Raises:
        InputError: If `occupations` is not a list of integers, or contains a negative one.

    Example:
        >>> round(float(jnp.exp(dqm.quantum_statistics.tersoff_bayer(jnp.array([1, 1])))), 3)
        0.333
    """
    n, states = _counts(occupations)
    total = jnp.sum(n)
    simplex = jnp.sum(gammaln(n + 1)) - gammaln(total + states)  # ∫ ∏ w_i^{n_i} δ(1 − Σw) dw
    return gammaln(states) + gammaln(total + 1) - jnp.sum(gammaln(n + 1)) + simplex


def tersoff_bayer_monte_carlo(
    key: Key[Array, ""], occupations: Occupations, samples: int
) -> tuple[Scalar, Scalar]:
    """The average of `tersoff_bayer`, not its logarithm, over random weights, and its standard
    error.

    Raises:
        InputError: As `tersoff_bayer`, or if `samples` is not an integer of at least 2.

    Example:
        >>> counts = jnp.array([1, 1])
        >>> average = dqm.quantum_statistics.tersoff_bayer_monte_carlo
        >>> mean, error = average(jax.random.key(0), counts, samples=4000)
        >>> bool(abs(mean - 1 / 3) < 5 * error)
        True
    """
    require_key(key=key)
    require_whole(2, samples=samples)
    n, states = _counts(occupations)
    weights = jax.random.dirichlet(key, jnp.ones(int(states)), (samples,))
    multiplicity = gammaln(jnp.sum(n) + 1) - jnp.sum(gammaln(n + 1))
    logs = multiplicity + jnp.log(weights) @ n
    mean = jnp.exp(logsumexp(logs) - jnp.log(samples))
    return mean, jnp.sqrt(jnp.sum((jnp.exp(logs) - mean) ** 2) / (samples - 1) / samples)


def _counts(occupations) -> tuple[Float[Array, " states"], float]:
    """The occupation numbers as floats, and how many there are."""
    finite("occupations", occupations)
    n = jnp.asarray(occupations)
    if n.ndim != 1:
        raise InputError(f"`occupations` must be a list of numbers, but has shape {n.shape}.")
    if not jnp.issubdtype(n.dtype, jnp.integer):
        raise InputError(f"`occupations` must be integers, but are of type {n.dtype}.")
    message = f"`occupations` must not be negative, but are {occupations}."
    return require(n.astype(jnp.result_type(float)), n >= 0, message), float(n.size)
