"""Which Husimi densities are ensembles of mixed-time trajectories of the parametric amplifier.

`Q(·, t) = ∫ K(·, t | x_T, p_0) W(x_T, p_0) dx_T dp_0`, with `W ≥ 0` if Q is such an ensemble

The two drifts of the amplifier do not depend on each other, so that W is unique: Q at t = 0, with
its variable x moved on to time T. With G = e^{gT}, `x = â + â†` and `p = (â − â†)/i`,

    `Ŵ(k, p) = Q̂₀(Gk, p) e^{k²(G² − 1)/2}`

in Fourier space of x. Q₀ is Wigner's function w convolved with the normal density of unit
variance in x and p. Hence this deconvolution exists for every state, and is a convolution:

    `W(x_T, p_0) = ∫ w(x/G, p)/G N(x_T − x) N(p_0 − p) dx dp`

P. D. Drummond, arXiv:1910.00001 (the trajectories).
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from ..errors import InputError, positive, require, require_instance
from ..fock_bargmann.basis import FockBargmann
from ..fock_bargmann.distributions import as_state, photon_numbers, wigner
from ..grid import Grid, edge_share, unresolved_share
from ..phase_space.polynomial import machine_epsilon

Scalar = Float[Array, ""]
AT_EDGE = 1e-8  # largest share of ∫|W| in the outermost cells
UNRESOLVED = 1e-10  # largest share of ∫w² in the upper third of wavenumbers
BEYOND = 1e-8  # largest share of a state in the two highest levels
ROUNDOFF = 1e-8  # of the maximum of W, in double precision


class Mixture(eqx.Module):
    """The weight of the mixed-time trajectories.

    Args:
        grid: Axes x_T, p_0.
        weight: W on `grid`, per dx_T dp_0.
        tolerance: Error of W by the cut-off of the basis and by round-off, relative to its maximum.

    Example:
        >>> basis = dqm.FockBargmann(20)
        >>> plane = dqm.Grid((-16.0, -10.0), (16.0, 10.0), (80, 64))
        >>> found = dqm.trajectories.mixture_weight(basis, basis.coherent(1.0), 0.5, plane)
        >>> found.is_ensemble, round(float(plane.integrate(found.weight)), 3)
        (True, 1.0)
    """

    grid: Grid
    weight: Float[Array, "ends starts"]
    tolerance: Scalar

    @property
    def negative_mass(self) -> Scalar:
        """`∫ max(−W, 0) dx_T dp_0`: 0 for an ensemble."""
        return self.grid.integrate(jnp.abs(self.weight) - self.weight) / 2

    @property
    def smallest(self) -> Scalar:
        """`min W / max W`, on the grid."""
        return jnp.min(self.weight) / jnp.max(self.weight)

    @property
    def is_ensemble(self) -> bool:
        """Whether W ≥ 0, to its tolerance."""
        return bool((self.smallest > -self.tolerance) & (self.negative_mass >= 0))  # and no NaN

    @property
    def verdict(self) -> str:
        """Whether the state is an ensemble of mixed-time trajectories, in a sentence."""
        if self.is_ensemble:
            return (
                "The state is an ensemble of mixed-time trajectories: W ≥ 0 to "
                f"{float(self.tolerance):.0e} of its maximum."
            )
        return (
            "The state is NOT an ensemble of mixed-time trajectories: W has a negative mass of "
            f"{float(self.negative_mass):.3g} and falls to {float(self.smallest):.3g} of its "
            "maximum."
        )


def mixture_weight(
    basis: FockBargmann, rho: Inexact[Array, "..."], gain_time: Scalar | float, grid: Grid
) -> Mixture:
    """W of a state under the amplifier, `Ĥ = (iħg/2)(â†² − â²)`.

    For T > 0 a pure state has W ≥ 0 if and only if it is Gaussian. Loss makes W ≥ 0 for others: a
    cat `|α⟩ ± |−α⟩` with real α that keeps the share η of its quanta is an ensemble if and only if
    `η ≤ 2(G² + 1)/(3G² + 1)`, whatever its size.

    Args:
        basis: Of one mode.
        rho: Coefficients of the state, or the amplitudes of a ket; of trace 1.
        gain_time: gT, positive.
        grid: Axes x_T and p_0, in units in which both have the variance 1 in the vacuum. W is about
            G times as wide in x_T as Q₀ in x.

    Returns:
        W on `grid`; no step of its calculation amplifies errors. `gain_time` can be traced, and W
        is NaN where a known one would be refused.

    Raises:
        InputError: If the basis has several modes, `rho` is no state of it, not of trace 1 or cut
            off, `gain_time` is not positive, or W does not fit on `grid` or is not resolved by it.

    Example:
        >>> basis = dqm.FockBargmann(20)
        >>> plane = dqm.Grid((-16.0, -10.0), (16.0, 10.0), (80, 64))
        >>> states = basis.coherent(1.0), basis.cat(1.0)
        >>> [dqm.trajectories.mixture_weight(basis, rho, 0.5, plane).is_ensemble for rho in states]
        [True, False]
    """
    require_instance(FockBargmann, basis=basis)
    require_instance(Grid, grid=grid)
    if basis.modes != 1 or grid.dim != 2:
        raise InputError(
            "`basis` must have one mode and `grid` the two axes x_T and p_0, but they have "
            f"{basis.modes} and {grid.dim}."
        )
    growth = jnp.exp(positive("gain_time", gain_time, shape=()))
    rho = as_state(basis, "rho", rho)
    beyond = jnp.sum(photon_numbers(basis, rho)[-2:])
    rho = require(
        rho,
        beyond < BEYOND,
        f"`rho` must end below the cut-off, but {beyond} of it is in the two highest levels: keep "
        "more levels.",
    )
    weight = _convolved(grid, _stretched_wigner(basis, rho, growth, grid))
    total = grid.integrate(weight)
    weight = require(
        weight,
        jnp.abs(total - 1) < 1e-6,
        f"`rho` must have the trace 1 and `grid` contain its W, but ∫W is {total}: divide `rho` by "
        "its trace, or take a wider box.",
    )
    roundoff = max(ROUNDOFF, 100 * machine_epsilon())
    return Mixture(grid, weight, roundoff + 4 * jnp.sqrt(jnp.abs(beyond)))


def _stretched_wigner(
    basis: FockBargmann, rho: Inexact[Array, "..."], growth: Scalar, grid: Grid
) -> Float[Array, "ends starts"]:
    """`w(x/G, p)/G` on the grid, with `q = ℓx/√2` and the momentum `κp/√2ℓ`.

    Raises:
        InputError: If the grid is too small or too coarse for it.
    """
    scale = basis.space.scale / jnp.sqrt(2.0)
    stretch = scale / jnp.stack([growth, jnp.ones_like(growth)])
    points = grid.points.reshape(2, -1).T * stretch
    found = wigner(basis, rho, points).reshape(grid.shape) * jnp.prod(stretch)
    share = unresolved_share(grid, found + 0j)
    found = require(
        found,
        share < UNRESOLVED,
        f"`grid` must resolve the Wigner function of `rho`, but {share} of its square is in the "
        "shortest waves: take more points, or a wider box where there are enough.",
    )
    return found


def _convolved(grid: Grid, found: Float[Array, "ends starts"]) -> Float[Array, "ends starts"]:
    """Its convolution with the normal density of unit variance.

    Raises:
        InputError: If the result reaches the edge of the grid.
    """
    normal = jnp.exp(-sum(k**2 for k in grid.waves) / 2)
    weight = jnp.fft.ifftn(jnp.fft.fftn(found) * normal).real
    share = edge_share(grid, weight)
    return require(
        weight,
        share < max(AT_EDGE, 10 * machine_epsilon()),
        f"`grid` must contain W, but {share} of it is in the outermost cells: take a wider box.",
    )
