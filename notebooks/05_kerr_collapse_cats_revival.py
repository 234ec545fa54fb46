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
# # Does a Fokker–Planck equation make Schrödinger cats?
#
# A Kerr oscillator, $H = \frac U2 n(n-1)$, turns a coherent state into superpositions of coherent
# states, "cats", and back into the initial state at $t = 2\pi/U$. In the Husimi picture this
# evolution is a Fokker–Planck equation with a traceless diffusion matrix: the density spreads in
# one direction and contracts in the other. Here the equation is solved and compared with quantum
# mechanics.

# %%
import os

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import dqmjax as dqm
from dqmjax import plot

jax.config.update("jax_enable_x64", True)
SMALL = bool(os.environ.get("DQMJAX_SMALL"))  # a short version, for the tests

# %% [markdown]
# ## The equation
#
# Drift and diffusion are derivatives of the Hamiltonian, computed by automatic differentiation. The
# drift is a rotation that is faster at larger radii. The branches of the hyperbolas show the
# directions in which the density spreads.

# %%
interaction, alpha = 2.0, 2.0
flow = dqm.FokkerPlanck(dqm.Kerr(interaction))
axis = np.linspace(-3, 3, 7)
places = jnp.asarray(np.stack(np.meshgrid(axis, axis)).reshape(2, -1).T)
fig, ax = plt.subplots(figsize=(4.5, 4.6), layout="constrained")
plot.drift_and_diffusion(places, jax.vmap(flow.drift)(places), jax.vmap(flow.diffusion)(places))
print("exactly quantum mechanics:", flow.is_exact)

# %% [markdown]
# ## Collapse, cats, revival
#
# On Fock–Bargmann coefficients a step of any length is exact. Only the times of interest are
# needed, here as parts of the revival time.

# %%
basis = dqm.FockBargmann(cutoff=24 if SMALL else 40)
revival = 2 * np.pi / interaction
times = revival * np.array([0, 1 / 12, 1 / 3, 1 / 2, 1])
run = dqm.solve(dqm.HusimiStep(flow, basis), basis.coherent(alpha), times)
side = np.linspace(-5, 5, 41 if SMALL else 101)
points = np.stack(np.meshgrid(side, side)).reshape(2, -1).T
rho = jax.vmap(lambda saved: basis.density(saved, jnp.asarray(points)))(run.saved)
maps = plot.phase_space_maps(points, np.asarray(rho), times)

# %% [markdown]
# ## Is it quantum mechanics?
#
# The amplitudes $\psi_n = e^{-|\alpha|^2/2} \alpha^n/\sqrt{n!}$ evolve by the phase
# $e^{-iUn(n-1)t/2}$. This solution does not use the Fokker–Planck equation.

# %%
n = np.arange(basis.cutoff[0])
amplitudes = np.exp(
    -(alpha**2) / 2 - np.array([0.5 * np.sum(np.log(np.arange(1, k + 1))) for k in n])
)
amplitudes = amplitudes * alpha**n
exact = [amplitudes * np.exp(-0.5j * interaction * n * (n - 1) * t) for t in times]
error = max(
    np.abs(basis.density(jnp.asarray(psi), jnp.asarray(points)) - now).max()
    for psi, now in zip(exact, rho, strict=True)
)
back = np.abs(rho[-1] - rho[0]).max()
print(f"largest difference from quantum mechanics: {error:.1e}, largest density {rho.max():.3f}")
print(f"difference of the revival from the start:  {back:.1e}")

# %% [markdown]
# **Answer.** Yes. The equation produces two cats and a revival, and agrees with the densities of
# quantum mechanics to round-off. It has a drift and a diffusion but no complex number. The
# traceless diffusion matrix makes this possible; the next notebook shows what it means for a
# numerical method.

# %%
weights = plt.figure(figsize=(4.5, 3.5), layout="constrained")
lines = plot.fock_weights(run.final)
