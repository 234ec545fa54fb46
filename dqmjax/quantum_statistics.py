"""How N particles fill M states: Maxwell–Boltzmann, Bose–Einstein, Fermi–Dirac.

After Z. Zakir, "Diffusion quantum mechanics" II, section III, eqs. (27)–(31).
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.scipy.special import expit, gammaln, logsumexp
from jaxtyping import Array, Float, Int, Key, Real

from .errors import InputError, require, require_positive

Scalar = Float[Array, ""]
TOO_CLOSE = (
    "`particles` are so many that μ is closer to the lowest level than its precision: measure "
    "`energies` from there, or use float64."
)
HALVINGS = 100  # from any bracket to the last digit
Occupations = Int[Array | np.ndarray, " states"]


class AbstractStatistics(eqx.Module):
    """One way of counting."""

    @abc.abstractmethod
    def log_probability(self, occupations: Occupations) -> Scalar:
        """`ln P{n_i}` of M states that hold n_1 … n_M particles, all configurations being equally
        probable; −∞ where it cannot be. In double precision to 1e-9 for N, M to 10⁶."""

    @abc.abstractmethod
    def sample(self, key: Key[Array, ""], particles: int, states: int) -> Int[Array, " states"]:
        """Occupation numbers drawn from `exp(log_probability)`.

        Raises:
            InputError: If `particles` or `states` is not a whole number that can be.
        """

    @abc.abstractmethod
    def mean_occupation(
        self, energy: Float[Array, "*shape"], temperature: Scalar | float, mu: Scalar | float = 0.0
    ) -> Float[Array, "*shape"]:
        """⟨n⟩ of a state at `energy`, `temperature` kT and chemical potential μ in its units."""

    @abc.abstractmethod
    def reduced_energy(self, occupation: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """(E − μ)/kT of a state that holds so many on average, −∞ where none can: the inverse of
        `mean_occupation`."""


class MaxwellBoltzmann(AbstractStatistics):
    """`P = M^{−N} N!/∏n_i!`, `⟨n⟩ = e^{−(E−μ)/kT}`: particles that can be told apart."""

    def log_probability(self, occupations):
        n, states = _counts(occupations)
        total = jnp.sum(n)
        return gammaln(total + 1) - jnp.sum(gammaln(n + 1)) - total * jnp.log(states)

    def sample(self, key, particles, states):
        _require_whole(particles, states)
        return jnp.bincount(jax.random.randint(key, (particles,), 0, states), length=states)

    def mean_occupation(self, energy, temperature, mu=0.0):
        return jnp.exp(-(energy - mu) / temperature)

    def reduced_energy(self, occupation):
        return -jnp.log(occupation)


class BoseEinstein(AbstractStatistics):
    """`P = N!(M−1)!/(M+N−1)!`, `⟨n⟩ = 1/(e^{(E−μ)/kT} − 1)`: every division is equally probable."""

    def log_probability(self, occupations):
        n, states = _counts(occupations)
        total = jnp.sum(n)
        return gammaln(total + 1) + gammaln(states) - gammaln(states + total)

    def sample(self, key, particles, states):
        """Bars among stars: the gaps between M − 1 places drawn out of N + M − 1."""
        _require_whole(particles, states)
        places = particles + states - 1
        bars = jnp.sort(jax.random.choice(key, places, (states - 1,), replace=False))
        return jnp.diff(bars, prepend=-1, append=places) - 1

    def mean_occupation(self, energy, temperature, mu=0.0):
        return 1 / jnp.expm1((energy - mu) / temperature)

    def reduced_energy(self, occupation):
        return jnp.log1p(1 / occupation)


class FermiDirac(AbstractStatistics):
    """`P = N!(M−N)!/M!` with n_i ∈ {0, 1}, `⟨n⟩ = 1/(e^{(E−μ)/kT} + 1)`: no state holds two."""

    def log_probability(self, occupations):
        n, states = _counts(occupations)
        total = jnp.sum(n)
        value = gammaln(total + 1) + gammaln(states - total + 1) - gammaln(states + 1)
        return jnp.where(jnp.max(n) > 1, -jnp.inf, value)

    def sample(self, key, particles, states):
        _require_whole(particles, states)
        if particles > states:
            raise InputError(f"`particles` must be at most {states} states, but is {particles}.")
        taken = jax.random.choice(key, states, (particles,), replace=False)
        return jnp.zeros(states, int).at[taken].set(1)

    def mean_occupation(self, energy, temperature, mu=0.0):
        return expit(-(energy - mu) / temperature)

    def reduced_energy(self, occupation):
        return jnp.log(jnp.maximum(1 - occupation, 0) / occupation)


def chemical_potential(
    statistics: AbstractStatistics,
    energies: Real[Array | np.ndarray, " levels"],
    particles: Scalar | float,
    temperature: Scalar | float,
) -> Scalar:
    """μ for which `Σ_i ⟨n_i⟩ = N`, by bisection, with its derivatives.

    Args:
        statistics: How the levels fill.
        energies: E_i of each level, a degenerate one as often as it is.
        particles: N, positive; for fermions fewer than the levels.
        temperature: kT, positive, in units of energy.

    Raises:
        InputError: If `particles` or `temperature` is not positive, there are too many fermions, or
            μ is so close to the lowest level that its rounding changes N by more than √ε.
    """
    require_positive(particles=particles, temperature=temperature)
    energies = jnp.asarray(energies) + 0.0
    given = energies, jnp.asarray(particles, energies.dtype), temperature

    def excess(mu, energies, particles, temperature):
        return jnp.sum(statistics.mean_occupation(energies, temperature, mu)) - particles

    def halve(_, bracket):
        middle = sum(bracket) / 2
        enough = excess(middle, *fixed) > 0
        return jnp.where(enough, bracket[0], middle), jnp.where(enough, middle, bracket[1])

    fixed = jax.lax.stop_gradient(given)
    _, mu = jax.lax.fori_loop(0, HALVINGS, halve, _bracket(statistics, *fixed))
    for _ in range(2):  # steps of Newton's carry the derivatives, up to the second
        mu = mu - excess(mu, *given) / jax.grad(excess)(mu, *given)
    error = jnp.abs(excess(mu, *given)) / given[1]
    return require(mu, error <= jnp.sqrt(jnp.finfo(energies.dtype).eps), TOO_CLOSE)


def _bracket(statistics, energies, particles, temperature):
    """If all levels were the lowest or the highest, or the lowest held all particles."""
    per_level, alone = map(statistics.reduced_energy, (particles / energies.size, particles))
    low, high = jnp.min(energies), jnp.max(energies)
    most = jnp.minimum(high - temperature * per_level, low - temperature * alone)
    most = require(most, most < jnp.inf, "`particles` must be fewer than the levels for fermions.")
    return low - temperature * per_level, most


def tersoff_bayer(occupations: Occupations) -> Scalar:
    """`ln` of the multinomial averaged over uniformly random weights of the states: Bose–Einstein.

    `P = (M−1)! ∫ N! ∏ (w_i^{n_i}/n_i!) δ(1 − Σw_i) dw`

    The factor (M−1)!, which normalises the average, is missing in eq. (29). Tersoff & Bayer
    (1983), doi:10.1103/PhysRevLett.50.553.
    """
    n, states = _counts(occupations)
    total = jnp.sum(n)
    simplex = jnp.sum(gammaln(n + 1)) - gammaln(total + states)  # ∫ ∏ w_i^{n_i} δ(1 − Σw) dw
    return gammaln(states) + gammaln(total + 1) - jnp.sum(gammaln(n + 1)) + simplex


def tersoff_bayer_monte_carlo(
    key: Key[Array, ""], occupations: Occupations, samples: int
) -> tuple[Scalar, Scalar]:
    """The same average (not its logarithm) over `samples` random weights, and its error."""
    n, states = _counts(occupations)
    weights = jax.random.dirichlet(key, jnp.ones(int(states)), (samples,))
    multiplicity = gammaln(jnp.sum(n) + 1) - jnp.sum(gammaln(n + 1))
    logs = multiplicity + jnp.log(weights) @ n
    mean = jnp.exp(logsumexp(logs) - jnp.log(samples))
    return mean, jnp.sqrt(jnp.sum((jnp.exp(logs) - mean) ** 2) / (samples - 1) / samples)


def _counts(occupations) -> tuple[Float[Array, " states"], float]:
    """The numbers as floats, and how many there are."""
    if jnp.ndim(occupations) != 1 or jnp.size(occupations) < 1:
        shape = jnp.shape(occupations)
        raise InputError(f"`occupations` must be a list of numbers, but has shape {shape}.")
    known = not isinstance(occupations, Tracer)
    if known and (np.asarray(occupations) < 0).any():
        raise InputError("`occupations` must not be negative.")
    n = jnp.asarray(occupations)
    if not jnp.issubdtype(n.dtype, jnp.integer):
        raise InputError(f"`occupations` must be whole numbers, but are of type {n.dtype}.")
    return n.astype(jnp.result_type(float)), float(n.size)


def _require_whole(particles, states):
    for name, value, least in (("particles", particles, 1), ("states", states, 1)):
        if not isinstance(value, int) or value < least:
            raise InputError(f"`{name}` must be a whole number from {least}, but is {value!r}.")
