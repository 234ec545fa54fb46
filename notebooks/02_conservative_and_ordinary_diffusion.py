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
# # How fast does a packet spread?
#
# Under ordinary diffusion, $\partial\rho/\partial t = D\Delta\rho$, a variance grows as $2Dt$.
# Diffusion quantum mechanics has a diffusion coefficient as well, $D = \hbar/2m$, and a velocity
# that obeys Fick's law, $u = -D\nabla\rho/\rho$. This velocity does not transport the density. Its
# kinetic energy is part of the conserved energy, and the drift $v = \nabla S/m$ transports the
# density. Here one packet spreads in both ways, with the same $D$.

# %%
import os

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import dqmjax as dqm
from dqmjax import fields, plot
from dqmjax.canonical.ordinary_diffusion import diffuse

jax.config.update("jax_enable_x64", True)
SMALL = bool(os.environ.get("DQMJAX_SMALL"))  # a short version, for the tests

# %% [markdown]
# ## Two kinds of diffusion
#
# Units are such that $D = 1/2$ and the initial width is $w = 1$. The time scale of both processes
# is $\tau = w^2/D = 2$. Free motion is exact for steps of any length, so the times can cover three
# decades.

# %%
hbar, mass, width = 1.0, 1.0, 1.0
D = hbar / (2 * mass)
tau = width**2 / D
decades = np.logspace(-1.5, 1.5, 7 if SMALL else 13)
times = tau * np.concatenate([[0.0], decades])

grid = dqm.Grid(lower=(-260.0,), upper=(260.0,), shape=(2048 if SMALL else 4096,))
free = dqm.Hamiltonian(dqm.Free(), mass, hbar)
step = dqm.CanonicalStep(free, grid)
start = dqm.to_canonical(dqm.gaussian(grid, center=0.0, width=width))

conservative, actions = dqm.solve(step, start, times).saved
ordinary = jax.jit(jax.vmap(lambda t: diffuse(grid, start[0], D, t)))(times)


def variance(rho):
    return grid.integrate(grid.points[0] ** 2 * rho)


names = "conservative", "ordinary"
variances = jax.jit(jax.vmap(variance))
grown = [np.asarray(variances(rho)) - width**2 for rho in (conservative, ordinary)]
closed = {
    "conservative": lambda t: (D * t / width) ** 2,
    "ordinary": lambda t: 2 * D * t,
}

print("growth of the variance, in w²")
print("     t/τ   conservative        (Dt/w)²       ordinary            2Dt")
for i in range(1, len(times), 2):
    t = times[i]
    pairs = [(g[i], closed[name](t)) for name, g in zip(names, grown, strict=True)]
    print(f"{t / tau:8.3f}" + "".join(f"{x:15.9f}" for pair in pairs for x in pair))

# %% [markdown]
# The exponent of $t$ is the slope between neighbouring times on logarithmic axes. The two curves
# cross where $(Dt/w)^2 = 2Dt$, that is at $t = 2\tau$.

# %%
slopes = [np.diff(np.log(g[1:])) / np.diff(np.log(times[1:])) for g in grown]
misses = [
    np.abs(g[1:] / closed[name](times[1:]) - 1).max() for name, g in zip(names, grown, strict=True)
]
for name, slope, miss in zip(names, slopes, misses, strict=True):
    print(f"{name:13} exponent {slope.min():.6f} to {slope.max():.6f}, ", end="")
    print(f"largest relative difference from the closed form {miss:.0e}")

# %% [markdown]
# ## Velocities
#
# Initially $v = 0$ and $u$ is largest, and nothing flows yet. The energy of $u$, which grows with
# the gradient of $\rho$, is converted to that of $v$. For $t \gg \tau$ the packet expands with
# constant velocities. For a Gaussian both fields are linear, $u = Dx/\sigma^2$ and $v =
# x\dot\sigma/\sigma$.

# %%
early, late = (int(np.argmin(np.abs(times / tau - part))) for part in (0.1, 3.0))


@jax.jit
@jax.vmap
def look(rho, S):
    psi = dqm.from_canonical(rho, S)
    v, u = fields.drift_velocity(free, grid, psi), fields.diffusion_velocity(free, grid, psi)
    energies = fields.ledger(free, grid, psi)
    return v[:, 0], u[:, 0], energies.drift, energies.localization


v, u, drift, localization = map(np.asarray, look(conservative, actions))
x = np.asarray(grid.points[0])
figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained", sharey=True)
for ax, i in zip(axes, (early, late), strict=True):
    plot.fields(grid, conservative[i], {"$v$": v[i], "$u$": u[i]}, ax=ax)
    sigma = np.sqrt(width**2 + grown[0][i])
    ax.set(xlim=(-5 * width, 5 * width), ylim=(-2.6, 2.6), xlabel="$x$ ($w$)")
    ax.set_title(rf"$t$ = {times[i] / tau:.2g} $\tau$")
    at = int(np.argmin(np.abs(x - sigma)))
    exact = x[at] * (D / width) ** 2 * times[i] / sigma**2, x[at] * D / sigma**2
    print(f"t = {times[i] / tau:.2f} τ, x = {x[at]:.2f} w: v = {v[i, at]:.6f} ", end="")
    print(f"({exact[0]:.6f} in closed form), u = {u[i, at]:.6f} ({exact[1]:.6f})")
axes[0].set_ylabel(r"velocity ($2D/w$)")

total = drift + localization
print(f"energy of u: {localization[0]:.4f} → {localization[-1]:.6f}")
print(f"energy of v: {drift[0]:.4f} → {drift[-1]:.6f}")
print(f"largest change of their sum: {np.abs(total - total[0]).max():.1e} of {total[0]:.4f}")

# %% [markdown]
# ## Is it reversible?
#
# Reverse the drift, $S \to -S$, at the later of these times, and propagate for the same time again.
# Ordinary diffusion has nothing to reverse: the spreading continues.

# %%
wait = times[[0, late]]
rho, S = dqm.solve(step, start, wait).final
returned, _ = dqm.solve(step, (rho, -S), wait).final
went_on = diffuse(grid, ordinary[late], D, times[late])
back, on = (float(grid.integrate(jnp.abs(rho - start[0]))) for rho in (returned, went_on))
print(f"∫|ρ − ρ₀| dx after both halves: conservative {back:.1e}, ordinary {on:.3f}")
try:
    diffuse(grid, ordinary[late], D, -times[late])
except dqm.InputError as error:
    print("backwards:", error)

# %% [markdown]
# **Answer.** Under conservative diffusion the variance grows as $t^2$, under ordinary diffusion as
# $t$, with the same $D$. The exponents printed above are 2 and 1 at all times. Before $2\tau$ the
# conservative packet is narrower, because its velocity must build up first. Afterwards it is wider.
# It can be returned to its initial state because no information is lost: the energy of $u$ has
# become that of $v$.

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
fine = tau * np.logspace(-1.6, 1.6, 100)
looks = zip(names, grown, ("#00467f", "#b5541c"), "os", ("$(Dt/w)^2$", "$2Dt$"), strict=True)
for name, g, colour, mark, formula in looks:
    left.loglog(fine / tau, closed[name](fine), color=colour, lw=1, label=formula)
    left.loglog(times[1:] / tau, g[1:], mark, color=colour, mfc="none", label=name)
left.axvline(2, color="0.7", lw=1, ls="--")
left.set(xlabel=r"$t$ ($\tau = w^2/D$)", ylabel="growth of the variance ($w^2$)")
left.legend(frameon=False)
energies = ("$v$, drift", drift), ("$u$, localization", localization)
for (name, energy), colour in zip(energies, ("#00467f", "#b5541c"), strict=True):
    right.semilogx(times[1:] / tau, energy[1:], "o-", color=colour, label=name)
right.semilogx(times[1:] / tau, total[1:], color="black", lw=2, label="total")
right.set(xlabel=r"$t$ ($\tau$)", ylabel=r"energy ($\hbar^2/mw^2$)", ylim=(0, None))
right.legend(frameon=False, loc="center left")
