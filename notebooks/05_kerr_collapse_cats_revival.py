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
# A Kerr oscillator, $H = \frac U2 n(n-1)$, tears a coherent state apart, makes superpositions of
# coherent states of it, "cats", and puts it together again at $t = 2\pi/U$. In the Husimi picture
# all of that is a Fokker–Planck equation whose diffusion matrix is traceless: what spreads in one
# direction is gathered in the other. Here it is solved and compared with quantum mechanics.

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
# Drift and diffusion are derivatives of the Hamiltonian, taken by automatic differentiation. The
# drift goes round, faster further out; the hyperbolas open where the density spreads.

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
# On Fock–Bargmann coefficients the step is exact for any length, so that only the times to look at
# need be given, as parts of the time of revival.

# %%
basis = dqm.FockBargmann(cutoff=20 if SMALL else 40)
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
# The amplitudes $\psi_n = e^{-|\alpha|^2/2} \alpha^n/\sqrt{n!}$ turn by $e^{-iUn(n-1)t/2}$. That is
# all of quantum mechanics here, and it knows nothing of Fokker and Planck.

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
print(
    f"largest difference from quantum mechanics: {error:.1e}, at most {rho.max():.3f} being there"
)
print(f"difference of the revival from the start:  {back:.1e}")

# %% [markdown]
# **Answer.** Yes. Two cats and a revival, to round-off the densities of quantum mechanics, from an
# equation that has a drift and a diffusion and no complex number. What makes it possible is that
# the diffusion matrix is traceless; the next notebook shows what that costs a numerical method.

# %%
weights = plt.figure(figsize=(4.5, 3.5), layout="constrained")
lines = plot.fock_weights(run.final)
