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
# A packet that is lower than a barrier passes it all the same. Its energy is
# $\langle\hat H\rangle = \int \frac m2 v^2 \rho + \int \frac m2 u^2 \rho + \int V \rho$: the drift
# $v = \nabla S/m$ carries the density, $u = -\frac{\hbar}{2m} \nabla\rho/\rho$ is what it costs to
# be localized. Here the three are kept like a ledger, from one well of a double well to the other.

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
# ## How long it takes
#
# In units of $\hbar = m = 1$, a barrier of height 3 between minima at $\pm 1.5$. The two lowest
# levels lie below it, close together. Their sum is in one well; it is in the other when their
# phases differ by $\pi$, after $\pi\hbar/(E_1 - E_0)$.

# %%
depth, half_distance = 3.0, 1.5
hamiltonian = dqm.Hamiltonian(dqm.DoubleWell(depth, half_distance))
grid = dqm.Grid(lower=(-5.0,), upper=(5.0,), shape=(96 if SMALL else 192,))
levels, states = dqm.eigenstates(hamiltonian, grid, 3)
predicted = float(np.pi / (levels[1] - levels[0]))
print("lowest levels:", levels.round(4), "below and above a barrier of", depth)
print(f"splitting {levels[1] - levels[0]:.5f}, so that the packet should need {predicted:.3f}")

# %% [markdown]
# ## The packet of two levels
#
# Moved by splitting from one well to the other. What is kept of each state is the part of the
# density on the right, and the ledger.

# %%
right = jnp.heaviside(grid.points[0], 0.5)
times = np.linspace(0.0, 1.25 * predicted, 101 if SMALL else 401)
stepper = dqm.SplitStep(hamiltonian, grid)


def book(psi):
    """The state, the part of it on the right, and its energies."""
    arrived = grid.integrate(right * jnp.abs(psi) ** 2)
    return psi, arrived, fields.ledger(hamiltonian, grid, psi)


on_left = jnp.where(grid.integrate((1 - right) * states[0] * states[1]) > 0, 1.0, -1.0)
pair = (states[0] + on_left * states[1]) / np.sqrt(2) + 0j
psi, arrived, ledger = dqm.solve(stepper, pair, times, substeps=4, save=book).saved
print(f"on the right at the start {arrived[0]:.4f}, at most {arrived.max():.4f}", end=" ")
print(f"at t = {times[arrived.argmax()]:.2f}, a step being {times[1]:.2f}")
for name, part in ledger._asdict().items():
    print(f"{name:>12}: {part[0]:.4f} at the start, from {part.min():.4f} to {part.max():.4f}")
drawn = np.abs(ledger.localization - ledger.localization[0] + ledger.drift - ledger.drift[0]).max()
total = ledger.total.max() - ledger.total.min()
print(f"drift and localization energy together change by at most {drawn:.0e}", end=", ")
print(f"the total by {total:.0e}")

# %% [markdown]
# The potential energy stays what it is, as $V$ is even and the one level is even, the other odd.
# What drifts is paid from the localization energy alone, and paid back.

# %% [markdown]
# ## On top of the barrier
#
# At half the time half of the density is in each well. Between them it is small, so that it must
# drift fast to pass. The sum $\frac m2 v^2 + V + U_q = -\partial S/\partial t$ holds the quantum
# potential $U_q = -\frac{\hbar^2}{2m} \nabla^2\!\sqrt\rho/\sqrt\rho$, too. At $x = 0$, where the
# odd level vanishes, it is $E_0$.

# %%
half = int(np.abs(times - predicted / 2).argmin())
top = int(jnp.abs(grid.points[0]).argmin())
v = fields.drift_velocity(hamiltonian, grid, psi[half])[:, 0]
uq = fields.quantum_potential(hamiltonian, grid, psi[half])
moving = v[top] ** 2 / 2
print(f"at x = 0, t = {times[half]:.2f}: V = {depth}, U_q = {uq[top]:.4f}, v²/2 = {moving:.4f}")
print(f"their sum {depth + uq[top] + moving:.4f}, the energy of all {ledger.total[half]:.4f}")
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
bar = fig.colorbar(image, ax=list(axes), label=r"$S/\hbar$  (rad)")

# %% [markdown]
# ## A Gaussian packet
#
# A Gaussian at rest in the left well, as wide as the ground state of the well's own curvature,
# holds higher levels too. It breathes while it tunnels.

# %%
omega = np.sqrt(8 * depth) / half_distance
start = dqm.gaussian(grid, -half_distance, 1 / np.sqrt(2 * omega))
in_two = sum(observables.fidelity(grid, state + 0j, start) for state in states[:2])
_, came, spent = dqm.solve(stepper, start, times, substeps=4, save=book).saved
print(f"part of it in the two lowest levels: {in_two:.4f}")
print(f"on the right at most {came.max():.4f}, at t = {times[came.argmax()]:.2f}")
for name, part in spent._asdict().items():
    print(f"{name:>12}: {part[0]:.4f} at the start, from {part.min():.4f} to {part.max():.4f}")

# %% [markdown]
# **Answer.** Of the packet of two levels the potential energy, 0.8266, does not move. The drift
# takes 0.0434 of the localization energy 0.6699 until half the time, and gives it back; the whole
# is 1.4965. On top of the barrier $\frac m2 v^2$ is 1.66, more than that, where $V + U_q = -0.22$.
# The packet is in the other well at 28.09, as the splitting says. A Gaussian, of which 93 % are in
# these two levels, trades potential for localization energy all the time, and most of it is on the
# right at 30.5, since what is in higher levels ripples.

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
