# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Where does the energy go while a packet tunnels?
#
# A packet with an energy below a barrier passes it nevertheless. Its energy is $\langle\hat
# H\rangle = \int \frac m2 v^2 \rho + \int \frac m2 u^2 \rho + \int V \rho$. The drift $v = \nabla
# S/m$ transports the density; the term with $u = -\frac{\hbar}{2m} \nabla\rho/\rho$ is the energy
# of localization. Here the three contributions are recorded while the packet moves from one well of
# a double well to the other.

# %%
import os

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import dqmjax as dqm
from dqmjax import fields, observables, plot

jax.config.update("jax_enable_x64", True)
SMALL = bool(os.environ.get("DQMJAX_SMALL"))  # a short version, for the tests
UNITS = r"${}$  ($\hbar = m = 1$)"

# %% [markdown]
# ## The tunnelling time
#
# The units are $\hbar = m = 1$. The barrier of height 3 separates minima at $\pm 1.5$. The two
# lowest levels lie close together below its top. Their sum is localized in one well. It is in the
# other well once their phases differ by $\pi$, after $\pi\hbar/(E_1 - E_0)$.

# %%
depth, half_distance = 3.0, 1.5
hamiltonian = dqm.Hamiltonian(dqm.DoubleWell(depth, half_distance))
grid = dqm.Grid(lower=(-5.0,), upper=(5.0,), shape=(96 if SMALL else 192,))
levels, states = dqm.eigenstates(hamiltonian, grid, 3)
predicted = float(np.pi / (levels[1] - levels[0]))
print("lowest levels:", levels.round(4), "below and above a barrier of", depth)
print(f"splitting {levels[1] - levels[0]:.5f}, predicted tunnelling time {predicted:.3f}")

# %% [markdown]
# ## A superposition of two levels
#
# `SplitStep` propagates it from one well to the other. For each state, the part of the density on
# the right and the energies are saved.

# %%
right = jnp.heaviside(grid.points[0], 0.5)
times = np.linspace(0.0, 1.25 * predicted, 101 if SMALL else 401)
stepper = dqm.SplitStep(hamiltonian, grid)


def observe(psi):
    """The state, the part of it on the right, and its energies."""
    arrived = grid.integrate(right * jnp.abs(psi) ** 2)
    return psi, arrived, fields.ledger(hamiltonian, grid, psi)


on_left = jnp.where(grid.integrate((1 - right) * states[0] * states[1]) > 0, 1.0, -1.0)
pair = (states[0] + on_left * states[1]) / np.sqrt(2) + 0j
psi, arrived, ledger = dqm.solve(stepper, pair, times, substeps=4, save=observe).saved
print(f"on the right at the start {arrived[0]:.4f}, at most {arrived.max():.4f}", end=" ")
print(f"at t = {times[arrived.argmax()]:.2f}, saved every {times[1]:.2f}")
for name, part in ledger._asdict().items():
    print(f"{name:>12}: {part[0]:.4f} at the start, from {part.min():.4f} to {part.max():.4f}")
drawn = np.abs(ledger.localization - ledger.localization[0] + ledger.drift - ledger.drift[0]).max()
total = ledger.total.max() - ledger.total.min()
print(f"drift and localization energy together change by at most {drawn:.0e}", end=", ")
print(f"the total by {total:.0e}")

# %% [markdown]
# The potential energy is constant, because $V$ is even and one level is even, the other odd. The
# drift energy comes from the localization energy alone, and returns to it.

# %% [markdown]
# ## On top of the barrier
#
# After half of the tunnelling time, half of the density is in each well. The density between them
# is small, so the drift there is fast. The sum $\frac m2 v^2 + V + U_q = -\partial S/\partial t$
# contains the quantum potential $U_q = -\frac{\hbar^2}{2m} \nabla^2\!\sqrt\rho/\sqrt\rho$. At $x =
# 0$, where the odd level vanishes, the sum is $E_0$.

# %%
half = int(np.abs(times - predicted / 2).argmin())
top = int(jnp.abs(grid.points[0]).argmin())
v = fields.drift_velocity(hamiltonian, grid, psi[half])[:, 0]
uq = fields.quantum_potential(hamiltonian, grid, psi[half])
moving = v[top] ** 2 / 2
print(f"at x = 0, t = {times[half]:.2f}: V = {depth}, U_q = {uq[top]:.4f}, v²/2 = {moving:.4f}")
print(f"their sum {depth + uq[top] + moving:.4f}, the total energy {ledger.total[half]:.4f}")
rho = jnp.abs(psi[half]) ** 2
forbidden = hamiltonian.potential_on(grid) > ledger.total[half]
print(f"part of the density where V exceeds the energy: {grid.integrate(rho * forbidden):.3f}")

marks = [0.02, 0.5, 0.98]
fig, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained", sharey=True)
for ax, mark in zip(axes, marks, strict=True):
    now = int(np.abs(times - mark * predicted).argmin())
    image = plot.density_and_action(grid, *dqm.to_canonical(psi[now]), ax=ax)
    ax.set(title=f"$t$ = {times[now]:.2f}", xlim=(-3.5, 3.5), ylim=(0, 1.05))
    ax.set(xlabel=UNITS.format("x"), ylabel=UNITS.format(r"\rho"))
    ax.label_outer()
beside = axes[-1].inset_axes((1.05, 0, 0.05, 1))
bar = fig.colorbar(image, cax=beside, label=r"$S/\hbar$  (rad)")

# %% [markdown]
# ## A Gaussian packet
#
# A Gaussian at rest in the left well, with the width of the ground state of the well's curvature,
# contains higher levels too. Its width oscillates while it tunnels.

# %%
omega = np.sqrt(8 * depth) / half_distance
start = dqm.gaussian(grid, -half_distance, 1 / np.sqrt(2 * omega))
in_two = sum(observables.fidelity(grid, state + 0j, start) for state in states[:2])
_, came, spent = dqm.solve(stepper, start, times, substeps=4, save=observe).saved
print(f"part of it in the two lowest levels: {in_two:.4f}")
print(f"on the right at most {came.max():.4f}, at t = {times[came.argmax()]:.2f}")
for name, part in spent._asdict().items():
    print(f"{name:>12}: {part[0]:.4f} at the start, from {part.min():.4f} to {part.max():.4f}")

# %% [markdown]
# **Answer.** For the superposition of two levels the potential energy, 0.8266, is constant. The
# drift takes 0.0434 of the localization energy 0.6699 until half of the tunnelling time, and
# returns it; the total is 1.4965. On top of the barrier $\frac m2 v^2$ is 1.66, more than the
# total, and $V + U_q = -0.22$. The packet reaches the other well at 28.09, as the level splitting
# predicts. In a Gaussian, with a weight of 93 % in these two levels, potential and localization
# energy are exchanged all the time. The largest part of it is on the right at 30.5, because the
# higher levels modulate it.

# %%
fig, axes = plt.subplots(
    3, 1, figsize=(7, 8), layout="constrained", sharex=True, height_ratios=[2, 2, 1]
)
entries = ("drift", "localization", "potential")
changes = {name: getattr(ledger, name) - getattr(ledger, name)[0] for name in entries}
plot.energy_ledger(times, changes, ax=axes[0])
axes[0].set(title="two levels: since the start", ylim=(-0.055, 0.055))
plot.energy_ledger(times, {name: getattr(spent, name) for name in entries}, ax=axes[1])
axes[1].set(title="Gaussian", ylim=(-0.05, 1.9))
for ax in axes[:2]:
    ax.set(xlabel="", ylabel=UNITS.format(r"\mathrm{energy}"))
axes[2].plot(times, came, color="#b5541c", ls="--", label="Gaussian")
axes[2].plot(times, arrived, color="#00467f", label="two levels")
axes[2].axvline(predicted, color="0.3", lw=1, ls=":", label=r"$\pi\hbar/(E_1 - E_0)$")
axes[2].set(xlabel=UNITS.format("t"), ylabel="part on the right", ylim=(-0.05, 1.05))
for ax in axes:
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
