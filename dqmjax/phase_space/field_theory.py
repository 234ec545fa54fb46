"""Phase-space Hamiltonians of fields with few modes.

Anti-Wick symbols, as in `symbols`; arXiv:2603.20399, section V. The Fokker–Planck equation of order
2 is not exact for them.
"""

import itertools
from functools import partial

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..errors import finite, positive
from .coordinates import whole
from .symbols import AbstractSymbol, at_modes

Modes = Float[Array, " modes"]
Scalar = Float[Array, ""]


class ScalarField(AbstractSymbol):
    """A real field on a ring, `Ĥ = Σ_x π̂²/2 + (φ̂_{x+1} − φ̂_x)²/2 + m²φ̂²/2 + λφ̂⁴`, in its waves.

    `H(q, p) = Σ_k (p_k² + ω_k²q_k²)/2 + λ Σ_x (φ_x⁴ − 6s φ_x²)` up to a constant, ħ = κ = 1,

    with `φ_x = Σ_k M_xk q_k` in cosines and sines, `ω_k² = m² + 4 sin²(k/2)` and `s = ⟨φ_x²⟩ = Σ_k
    M_xk²/2ω_k` of the vacuum. Each wave has its own scale ℓ_k = 1/√ω_k, the property `ell`. In the
    coordinates of the sites no ℓ makes the free field exact.

    Args:
        sites: N, number of sites.
        mass: m, positive.
        coupling: λ.

    Example:
        >>> field = dqm.ScalarField(2, mass=1.5, coupling=0.1)
        >>> print(field.omega.round(3))
        [1.5 2.5]
        >>> dqm.FokkerPlanck(field, ell=field.ell, order=4).is_exact
        True
    """

    sites: int = eqx.field(static=True, converter=whole("sites", 1))
    mass: Scalar | float = eqx.field(converter=partial(positive, "mass", shape=()))
    coupling: Scalar | float = eqx.field(converter=partial(finite, "coupling", shape=()))

    @property
    def modes(self) -> int:
        """N, the number of modes."""
        return self.sites

    @property
    def waves(self) -> np.ndarray:
        """M, orthogonal: the real Fourier matrix, a column for each k in the order of `omega`."""
        x, n = np.arange(self.sites), self.sites
        columns = []
        for index in range(n):
            angle = 2 * np.pi * ((index + 1) // 2) * x / n
            columns.append(np.cos(angle) if index % 2 or index == 0 else np.sin(angle))
        matrix = np.stack(columns, axis=1)
        return matrix / np.linalg.norm(matrix, axis=0)

    @property
    def omega(self) -> Modes:
        """ω_k."""
        k = 2 * np.pi * ((np.arange(self.sites) + 1) // 2) / self.sites
        return jnp.sqrt(self.mass**2 + 4 * np.sin(k / 2) ** 2)

    @property
    def ell(self) -> Modes:
        """ℓ_k."""
        return 1 / jnp.sqrt(self.omega)

    def __call__(self, q, p):
        q, p = at_modes(q, p, self.sites)
        field, vacuum = self.waves @ q, self.waves**2 @ (1 / (2 * self.omega))
        free = jnp.sum(p**2 + self.omega**2 * q**2) / 2
        return free + self.coupling * jnp.sum(field**4 - 6 * vacuum * field**2)


class HiggsPair(AbstractSymbol):
    """One mode of a complex field, `Ĥ = π̂†π̂ + m²φ̂†φ̂ + (λ/2)(φ̂†φ̂)²`, as two amplitudes α, β.

    `H = m(|α|² + |β|²) + (λ/2)(|φ|⁴ − 2|φ|²/m)` up to a constant, `φ = (α + β*)/√(2m)`

    Args:
        mass: m, positive.
        coupling: λ.

    Reference: arXiv:2603.20399, eqs. (70)–(72).

    Example:
        >>> higgs = dqm.HiggsPair(mass=1.0, coupling=0.1)
        >>> dqm.FokkerPlanck(higgs).is_exact, dqm.FokkerPlanck(higgs, order=4).is_exact
        (False, True)
    """

    mass: Scalar | float = eqx.field(converter=partial(positive, "mass", shape=()))
    coupling: Scalar | float = eqx.field(converter=partial(finite, "coupling", shape=()))

    @property
    def modes(self) -> int:
        """2, particle and antiparticle."""
        return 2

    def __call__(self, q, p):
        q, p = at_modes(q, p, 2)
        real, imaginary = (q[0] + q[1]) / 2, (p[0] - p[1]) / 2  # of √m φ
        square = (real**2 + imaginary**2) / self.mass
        free = self.mass * jnp.sum(q**2 + p**2) / 2
        return free + self.coupling / 2 * (square**2 - 2 * square / self.mass)


class GaugeQuartic(AbstractSymbol):
    """The self-coupling of an SU(2) gauge field, reduced to time alone, with d components of A.

    `Ĥ = Σ_ai (Ê_ai² + ω²Â_ai²)/2 + (g²/4) Σ_ij |Â_i × Â_j|²`, f^{abc} = ε_abc, a = 1, 2, 3

    `H = … + (g²/2) Σ_{i<j} (|A_i|²|A_j|² − (A_i·A_j)² − (|A_i|² + |A_j|²)/ω)` up to a constant,
    ħ = κ = 1

    Args:
        omega: ω, positive; ℓ = 1/√ω.
        coupling: g, the coupling constant.
        directions: d; the 3d modes are A_11, A_21, A_31, A_12, ….

    Reference: arXiv:2603.20399, eqs. (73)–(75).

    Example:
        >>> gauge = dqm.GaugeQuartic(omega=1.0, coupling=0.5)
        >>> gauge.modes
        6
        >>> dqm.FokkerPlanck(gauge, ell=gauge.ell, order=4).is_exact
        True
    """

    omega: Scalar | float = eqx.field(converter=partial(positive, "omega", shape=()))
    coupling: Scalar | float = eqx.field(converter=partial(finite, "coupling", shape=()))
    directions: int = eqx.field(default=2, static=True, converter=whole("directions", 1))

    @property
    def modes(self) -> int:
        """3d."""
        return 3 * self.directions

    @property
    def ell(self) -> Modes:
        """ℓ, the same for all."""
        return jnp.ones(self.modes) / jnp.sqrt(self.omega)

    def __call__(self, q, p):
        q, p = at_modes(q, p, self.modes)
        fields = q.reshape(self.directions, 3)
        free = jnp.sum(p**2 + self.omega**2 * q**2) / 2
        total = 0.0
        for i, j in itertools.combinations(range(self.directions), 2):
            a, b = fields[i], fields[j]
            squares = (a @ a) * (b @ b) - (a @ b) ** 2
            total += squares - (a @ a + b @ b) / self.omega
        return free + self.coupling**2 / 2 * total
