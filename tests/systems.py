"""Systems whose motion is known from elsewhere: QuTiP, closed forms, diagonalisation."""

import jax
import jax.numpy as jnp
import numpy as np
import qutip

import dqmjax as dqm
from dqmjax.data.snapshots import Snapshots
from dqmjax.phase_space.coordinates import derivatives


def random_symbol(modes: int, degree: int = 4, seed: int = 0):
    """A random real polynomial H(q, p)."""
    random = np.random.default_rng(seed)
    tensors = [random.normal(size=(2 * modes,) * n) for n in range(1, degree + 1)]

    def symbol(q, p):
        xi, total = jnp.concatenate([q, p]), 0.0
        for tensor in tensors:
            for _ in range(tensor.ndim):
                tensor = tensor @ xi
            total = total + tensor
        return total

    return symbol


def bose_hubbard(tunnelling: float, interaction: float):
    """Anti-Wick symbol of two coupled Kerr modes, and the QuTiP operator that it stands for."""

    def symbol(q, p):
        quanta = (q**2 + p**2) / 2
        hopping = q[0] * q[1] + p[0] * p[1]
        return -tunnelling * hopping + interaction / 2 * jnp.sum(quanta**2 - 4 * quanta)

    def operator(levels):
        a = qutip.tensor(qutip.destroy(levels), qutip.qeye(levels))
        b = qutip.tensor(qutip.qeye(levels), qutip.destroy(levels))
        local = sum(c.dag() ** 2 * c**2 for c in (a, b))
        return -tunnelling * (a.dag() * b + b.dag() * a) + interaction / 2 * local

    return symbol, operator


def kerr_operator(levels: int, interaction: float, omega: float = 0.0) -> qutip.Qobj:
    n = qutip.num(levels)
    return omega * n + interaction / 2 * n * (n - 1)


def von_neumann(operator: qutip.Qobj, state: qutip.Qobj) -> qutip.Qobj:
    """`dρ̂/dt = −i [Ĥ, ρ̂]`."""
    return -1j * (operator * state - state * operator)


def husimi(state: qutip.Qobj, points: np.ndarray) -> np.ndarray:
    """`⟨β|ρ̂|β⟩/2π` of one mode at rows (q, p), by QuTiP coherent states alone."""
    levels = state.shape[0]
    beta = (points[:, 0] + 1j * points[:, 1]) / np.sqrt(2)
    kets = [qutip.coherent(levels, b, method="analytic").full()[:, 0] for b in beta]
    overlaps = np.array(kets)
    return np.einsum("km,mn,kn->k", overlaps.conj(), state.full(), overlaps).real / (2 * np.pi)


def motion_at(flow, density):
    """`Σ_k ∇^k·(G⁽ᵏ⁾ρ)` of a density written for one point, by differentiation there."""

    def rate(xi):
        total = 0.0
        for k in range(1, flow.order + 1):
            slopes = derivatives(lambda x, k=k: flow.tensor(k, x) * density(x), k)(xi)
            total += jnp.einsum(slopes, [*range(k), *range(k)], [])
        return total

    return rate


KERR = {"interaction": -2 * np.pi * 0.325, "omega": 0.0, "C": 1.0, "alpha_re": 1.2, "alpha_im": 0.3}


def kerr_snapshots(loss: float = 0.0, **changes) -> Snapshots:
    """Husimi snapshots of a Kerr oscillator, solved and measured by QuTiP."""
    truth = KERR | changes
    levels = 24
    alpha = truth["alpha_re"] + 1j * truth["alpha_im"]
    state = qutip.coherent(levels, alpha, method="analytic").proj()
    operator = kerr_operator(levels, truth["interaction"], truth["omega"])
    t = np.concatenate([0.02 * np.arange(13), np.linspace(0.4, 2.4, 6)])
    decay = [np.sqrt(loss) * qutip.destroy(levels)] if loss else []
    options = {"atol": 1e-13, "rtol": 1e-12, "nsteps": 100_000}
    states = qutip.mesolve(operator, state, t, decay, options=options).states
    axis = np.linspace(-4, 4, 17)
    points = np.stack(np.meshgrid(axis, axis, indexing="ij")).reshape(2, -1).T
    density = np.stack([husimi(s, points) for s in states])
    return Snapshots(t, points, density, np.ones(1), 1.0, 1.0)


def counted(data: Snapshots, shots: int, seed: int) -> Snapshots:
    """`data` as estimated from `shots` detections at each point."""
    probability = np.clip(data.density * data.cell, 0, 1)
    counts = np.random.default_rng(seed).binomial(shots, probability)
    density = counts / shots / data.cell
    return Snapshots(
        data.t, data.points, density, data.ell, data.kappa, data.hbar, shots=shots, counts=counts
    )


def free_packet(grid, center, width, momentum, t, mass, hbar):
    """The spreading Gaussian, one factor per axis."""
    total = jnp.ones(grid.shape, complex)
    for x, c, w, p, m in zip(grid.points, center, width, momentum, mass, strict=True):
        spread = 1 + 1j * hbar * t / (2 * m * w**2)
        exponent = -((x - c - p * t / m) ** 2) / (4 * w**2 * spread)
        phase = (p * x - p**2 * t / (2 * m)) / hbar
        factor = jnp.exp(exponent + 1j * phase) / jnp.sqrt(spread)
        total = total * factor / (2 * jnp.pi * w**2) ** 0.25
    return total


def moved_packet(center, width, momentum, covariance, t, omega, mass, hbar):
    """The same four numbers of a Gaussian at time t, free (ω = 0) or in an oscillator."""
    x, w, p, sigma = (np.asarray(v, float) for v in (center, width, momentum, covariance))
    spread, stiffness = (hbar**2 / 4 + sigma**2) / w**2, (mass * omega) ** 2
    c, s = np.cos(omega * t), t / mass * np.sinc(omega * t / np.pi)
    return (
        x * c + p * s,
        np.sqrt(w**2 * c**2 + spread * s**2 + 2 * sigma * c * s),
        p * c - stiffness * s * x,
        sigma * (c**2 - stiffness * s**2) + c * s * (spread - stiffness * w**2),
    )


def exact_evolution(h, grid, psi, t):
    """By diagonalisation of the matrix of Ĥ, built column by column."""
    columns = jnp.eye(psi.size).reshape(-1, *grid.shape)
    matrix = np.real(jax.vmap(lambda c: h.apply(grid, c + 0j).ravel())(columns))
    levels, states = np.linalg.eigh((matrix + matrix.T) / 2)
    phases = np.exp(-1j * levels * t / h.hbar)
    return jnp.asarray((states @ (phases * (states.T @ np.ravel(psi)))).reshape(grid.shape))


def random_state(levels: int, filled: int, modes: int = 1, seed: int = 0) -> qutip.Qobj:
    """A mixed state in the lowest `filled` of `levels` levels of each mode."""
    random = np.random.default_rng(seed)
    shape = (filled,) * modes
    a = random.normal(size=(2, filled**modes, filled**modes))
    small = (a[0] + 1j * a[1]) @ (a[0] + 1j * a[1]).conj().T
    big = np.zeros((levels,) * 2 * modes, complex)
    big[(slice(filled),) * 2 * modes] = small.reshape(shape * 2) / np.trace(small)
    return qutip.Qobj(big.reshape(levels**modes, -1), dims=[[levels] * modes] * 2)


PACKETS = {  # center, width, momentum, covariance, ω; width √(ħ/2mω) = 0.588 is coherent
    "at rest": (0.3, 0.7, 0.0, 0.0, 0.0),
    "moving": (-0.5, 0.7, 1.1, 0.2, 0.0),
    "coherent": (0.8, 0.8**0.5 / (2 * 1.3) ** 0.5, 0.5, 0.0, 1.0),
    "squeezed": (0.6, 0.5, -0.4, 0.1, 1.0),
}


def packet_on(grid, numbers, hbar):
    *packet, covariance = (tuple(np.broadcast_to(v, grid.dim)) for v in numbers)
    return dqm.gaussian(grid, *packet, hbar, covariance=covariance)
