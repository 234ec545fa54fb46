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
# # Does a pair of coupled wells trap itself, and does the Fokker–Planck equation reproduce it?
#
# All bosons start in the left one of two wells. Without interaction they oscillate between the
# wells. With a strong interaction most of them stay. This is self-trapping, which has a sharp
# threshold in the mean field. Here it is computed from the drift alone, from quantum mechanics, and
# from the Fokker–Planck equation, in which the diffusion makes the difference.

# %%
import os

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import dqmjax as dqm
from dqmjax import readout

jax.config.update("jax_enable_x64", True)
SMALL = bool(os.environ.get("DQMJAX_SMALL"))  # a short version, for the tests

# %% [markdown]
# ## Without interaction
#
# The Hamiltonian is $-J (\hat a_1^\dagger \hat a_2 + \mathrm{h.c.}) + \frac U2 \sum \hat n_i (\hat
# n_i - 1)$. Without interaction the imbalance $z = \langle \hat n_1 - \hat n_2 \rangle/N$ is $\cos
# 2Jt/\hbar$, which is checked first. In the mean field the parameter is $\Lambda = UN/2J$. Starting
# from $z = 1$, the threshold is $\Lambda = 2$.

# %%
J, N = 1.0, 10 if SMALL else 30
basis = dqm.FockBargmann(cutoff=(N + 1, N + 1), quanta=N)
n = np.arange(N + 1)
left = jnp.zeros(basis.cutoff, complex).at[N, 0].set(1.0)
times = np.linspace(0.0, 6.0, 121)


def imbalance(ket):
    """z of N particles."""
    weight = jnp.abs(ket) ** 2
    return jnp.sum(weight * (n[:, None] - n)) / N


def by_kets(strength, save=imbalance):
    """The imbalance in quantum mechanics, Λ being `strength`, from all particles on the left."""
    dimer = dqm.BoseHubbard(J, 2 * J * jnp.asarray(strength) / N, sites=2)
    return np.asarray(dqm.solve(dqm.KetStep(dimer, basis), left, times, save=save).saved)


free = np.abs(by_kets(0.0) - np.cos(2 * J * times)).max()
print(f"without interaction, largest difference from cos(2Jt): {free:.0e}")

# %% [markdown]
# ## The drift alone
#
# Without diffusion the Fokker–Planck equation moves points by Hamilton's equations. One point at
# $|\alpha_1|^2 = N$ is the mean field.

# %%


def by_drift(strength):
    """The imbalance of one point that moves by the drift."""
    dimer = dqm.BoseHubbard(J, 2 * J * jnp.asarray(strength) / N, sites=2)
    flow = dqm.FokkerPlanck(dimer, ell=(1.0, 1.0))
    point = jnp.array([[np.sqrt(2.0 * N), 0.0, 0.0, 0.0]])
    q1, q2, p1, p2 = dqm.solve(dqm.Characteristics(flow), point, times, substeps=4).saved[:, 0].T
    return np.asarray(q1**2 + p1**2 - q2**2 - p2**2) / (2 * N)


strengths = np.linspace(1.05, 2.95, 20)
kets = np.array([by_kets(s) for s in strengths])
drifts = np.array([by_drift(s) for s in strengths])
for s, d, k in zip(strengths[1::2], drifts[1::2], kets[1::2], strict=True):
    print(f"Λ = {s:.2f}: lowest z {d.min():6.3f} by drift, {k.min():6.3f} in quantum mechanics")
for name, runs in (("drift", drifts), ("quantum mechanics", kets)):
    first = int(np.argmax(runs.min(axis=1) > 0))
    print(f"z > 0 up to t = {times[-1]:.0f}: by {name} from Λ = {strengths[first]:.2f} on,", end="")
    print(f" not yet at {strengths[first - 1]:.2f}")

# %% [markdown]
# ## The Fokker–Planck equation
#
# Now the diffusion is included, on Fock–Bargmann coefficients. Few particles suffice for the
# comparison: three, on both sides of the threshold. The imbalance follows from the density by $\int
# |\beta|^2 \rho = \langle\hat n\rangle + 1$.

# %%
few = 3
small = dqm.FockBargmann(cutoff=(few + 1, few + 1), quanta=few)
all_left = jnp.zeros(small.cutoff, complex).at[few, 0].set(1.0)


def from_density(rho):
    """The imbalance from moments of the Husimi density."""
    first, second = (readout.moment(small, rho, up, up) for up in ((1, 0), (0, 1)))
    return jnp.real(first - second) / few


for strength in (1.0, 4.0):
    dimer = dqm.BoseHubbard(J, jnp.asarray(2 * J * strength / few), sites=2)
    stepper = dqm.HusimiStep(dqm.FokkerPlanck(dimer, ell=(1.0, 1.0)), small)
    density = dqm.solve(stepper, small.pure(all_left), times, save=from_density).saved
    ket = dqm.solve(dqm.KetStep(dimer, small), all_left, times).saved
    z = np.sum(np.abs(ket) ** 2 * (n[: few + 1, None] - n[: few + 1]), axis=(1, 2)) / few
    print(f"Λ = {strength:.0f}, three particles: z from {z.min():.3f} to {z.max():.3f};", end=" ")
    print(f"Fokker–Planck and Schrödinger differ by at most {np.abs(density - z).max():.0e}")
print("exactly quantum mechanics:", dqm.FokkerPlanck(dimer, ell=(1.0, 1.0)).is_exact)

# %% [markdown]
# **Answer.** With drift alone the threshold is sharp: from $\Lambda = 1.95$ to 2.05 the lowest
# imbalance jumps from $-1.00$ to above 0, as in the mean field. With 30 particles it crosses 0
# between the same two values, but smoothly: $-0.47$ at 1.75, $-0.12$ at 1.95, 0.24 at 2.15. Three
# particles are not trapped even at $\Lambda = 4$: up to $t = 6$, $z$ falls to $-0.44$. The
# Fokker–Planck equation reproduces this: its imbalance of three particles agrees with Schrödinger's
# equation to 1e-13. It differs from the drift by its diffusion only.

# %%
fig, (course, least) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
blue, red = "#00467f", "#b5541c"
for index, colour in ((4, blue), (16, red)):
    label = rf"$\Lambda$ = {strengths[index]:.2f}"
    course.plot(times, kets[index], color=colour, label=f"{label}, {N} particles")
    course.plot(times, drifts[index], color=colour, ls="--", lw=1, label=f"{label}, drift alone")
course.set(xlabel=r"$t$  ($\hbar/J$)", ylabel=r"imbalance $z$", ylim=(-1.1, 1.9))
course.legend(frameon=False, loc="upper center", ncols=2, fontsize=8)
least.plot(strengths, kets.min(axis=1), "o-", color=blue, ms=4, label=f"{N} particles")
least.plot(strengths, drifts.min(axis=1), "s--", color=red, ms=4, mfc="white", label="drift alone")
least.axvline(2.0, color="0.3", lw=1, ls=":", label=r"$\Lambda$ = 2")
least.set(xlabel=r"$\Lambda = UN/2J$", ylabel=rf"lowest $z$ up to $t$ = {times[-1]:.0f} $\hbar/J$")
legend = least.legend(frameon=False, loc="upper left")
