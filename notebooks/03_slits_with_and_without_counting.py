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
# # What does counting at the slits do?
#
# Particles pass one of two slits. If no counter detects which one, they form a pure ensemble with
# density $|\psi_1 + \psi_2|^2$. With a counter they form a mixture, $|\psi_1|^2 + |\psi_2|^2$. A
# coherence $\gamma$ between 0 and 1 interpolates: $\rho = |\psi_1|^2 + |\psi_2|^2 +
# 2\gamma\,\mathrm{Re}\,\psi_1^*\psi_2$. Here the two amplitudes are computed, first behind ideal
# slits, then behind a wall.

# %%
import os

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from scipy.signal import resample

import dqmjax as dqm
from dqmjax.wave.interference import fringe_visibility, two_way_density

jax.config.update("jax_enable_x64", True)
SMALL = bool(os.environ.get("DQMJAX_SMALL"))  # a short version, for the tests

# %% [markdown]
# ## Ideal slits
#
# Parallel to the wall the motion is free, with $\hbar = m = 1$. A packet of width $w$ starts behind
# each slit, at $y = \pm d/2$. Each is propagated separately and has half of the norm. Later the two
# overlap.

# %%
distance, width, arrival = 2.0, 0.1, 0.6
line = dqm.Grid(lower=(-30.0,), upper=(30.0,), shape=(1024,))
y = np.asarray(line.points[0])
free = dqm.SplitStep(dqm.Hamiltonian(dqm.Free()), line)


def behind(center):
    start = dqm.gaussian(line, center, width) / np.sqrt(2)
    return dqm.solve(free, start, np.array([0.0, arrival])).final


one, other = behind(distance / 2), behind(-distance / 2)
coherences = {1.0: "no counting", 0.5: "half", 0.0: "all counted"}
patterns = {gamma: np.asarray(two_way_density(one, other, gamma)) for gamma in coherences}


def finer(grid, psi, factor=8):
    """Points and values between those of the grid, from the Fourier series of psi."""
    x = np.linspace(grid.lower[-1], grid.upper[-1], factor * len(psi), endpoint=False)
    return x, resample(np.asarray(psi), len(x))


# %% [markdown]
# The visibility is computed from the pattern itself. The ratio of the pattern to the fully counted
# one varies between $1 + V$ and $1 - V$. For Gaussian slits the closed form is $V =
# \gamma\,\mathrm{sech}(yd/2\sigma^2)$ with $\sigma^2 = w^2 + (\hbar t/2mw)^2$. The distance between
# fringes is $8\pi m w^2\sigma^2/\hbar d t$.

# %%
sigma = np.sqrt(width**2 + (arrival / (2 * width)) ** 2)
spacing = 8 * np.pi * width**2 * sigma**2 / (distance * arrival)
middle = np.abs(y) < 0.75 * spacing
print("   γ   max/min of the middle fringe   V of them   V, `fringe_visibility`, y = 0   arrivals")
read = {}
for gamma, pattern in patterns.items():
    ratio = (pattern / patterns[0.0])[middle]
    read[gamma] = (ratio.max() - ratio.min()) / (ratio.max() + ratio.min())
    local = float(fringe_visibility(one, other, gamma)[len(y) // 2])
    arrivals = float(line.integrate(jnp.asarray(pattern)))
    print(f"{gamma:5.2f}  {ratio.max():14.4f}{ratio.min():9.4f}{read[gamma]:18.4f}", end="")
    print(f"{local:26.4f}{arrivals:20.6f}")

exact = 1 / np.cosh(y * distance / (2 * sigma**2))
miss = np.abs(np.asarray(fringe_visibility(one, other, 1.0)) - exact)[np.abs(y) < 5 * sigma].max()
print(f"largest difference of V from the closed form, |y| < 5σ: {miss:.0e}")

inner = np.abs(y) < 3.5 * spacing
y_inner, fringes = y[inner], (patterns[1.0] / patterns[0.0])[inner]
bright = y_inner[1:-1][np.diff(np.sign(np.diff(fringes))) < 0]
print(f"bright fringes at {bright.round(2)}, {spacing:.2f} apart in closed form")

# %%
figure, ax = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
(y_fine, one_fine), (_, other_fine) = finer(line, one), finer(line, other)
styles = zip(coherences.items(), ("#00467f", "#3f8f5f", "#b5541c"), ("-", "-.", "--"), strict=True)
for (gamma, name), colour, dash in styles:
    label = rf"$\gamma$ = {gamma:g}, {name}"
    pattern = two_way_density(one_fine, other_fine, gamma)
    ax.plot(y_fine, pattern, color=colour, ls=dash, label=label)
ax.set(xlabel=r"$y$ ($\ell_0$; slits at $\pm1$)", ylabel=r"$\rho$ ($1/\ell_0$)", xlim=(-10, 10))
legend = ax.legend(frameon=False)

# %% [markdown]
# ## Slits in a wall
#
# In two dimensions a packet hits a wall with one slit open, then with the other. Most of it is
# reflected. The transmitted parts form the patterns.

# %%
points, substeps = (96, 90) if SMALL else (160, 150)
momentum = 6.0
plane = dqm.Grid(lower=(-12.0, -12.0), upper=(12.0, 12.0), shape=(points, points))
packet = dqm.gaussian(plane, (-4.0, 0.0), (0.9, 2.0), (momentum, 0.0))
until = np.array([0.0, 9.0 / momentum])


def through(centers):
    h = dqm.Hamiltonian(dqm.Slits(height=100.0, thickness=0.3, width=0.4, centers=centers))
    return dqm.solve(dqm.SplitStep(h, plane), packet, until, substeps=substeps).final


# two centres each time, so that the program compiles once; a closed slit lies outside the box
CLOSED = 1e3  # far outside the box
upper, lower = through(jnp.array([1.5, CLOSED])), through(jnp.array([CLOSED, -1.5]))
both = through(jnp.array([1.5, -1.5]))

X, Y = np.asarray(plane.points)
screens = {gamma: np.asarray(two_way_density(upper, lower, gamma)) for gamma in coherences}
passed = X[:, 0] > 1
share = float(screens[0.0][passed].sum() * plane.cell)
at = int(np.argmin(np.abs(X[:, 0] - 5.0)))
on_screen = {gamma: pattern[at] for gamma, pattern in screens.items()}
near = np.abs(Y[0]) < 2  # the middle fringe and the dark ones beside it
sum_of_two, both_open = on_screen[1.0], np.abs(np.asarray(both))[at] ** 2
print(f"passed: {share:.3f} of all")
print(
    "ρ at the screen, both slits open, against |ψ₁ + ψ₂|²: "
    f"{np.abs(sum_of_two - both_open).sum() / both_open.sum():.1%} of it differs"
)
for gamma, pattern in on_screen.items():
    ratio = (pattern / on_screen[0.0])[near]
    V = (ratio.max() - ratio.min()) / (ratio.max() + ratio.min())
    print(f"γ = {gamma:4.2f}: visibility on the screen {V:.3f}")

# %% [markdown]
# **Answer.** Counting removes the cross term and nothing else. The number of particles that arrive,
# and the envelope, stay the same, but the fringes fade in proportion to $\gamma$: their visibility
# at the centre is 1, 0.5 and 0, as printed. Without counting, the first dark fringes receive less
# than a hundredth of the particles that they receive with counting. Behind a wall the fringes fade
# with $\gamma$, too. In the figure the wall is at $x = 0$, left of the visible range, and the
# screen is dotted.

# %%
figure, axes = plt.subplots(1, 3, figsize=(11, 3.7), width_ratios=(1, 1, 1.6), layout="constrained")
top = screens[1.0][passed].max()
for ax, gamma in zip(axes, (1.0, 0.0), strict=False):
    image = ax.imshow(
        screens[gamma].T,
        origin="lower",
        extent=(-12, 12, -12, 12),
        vmax=top,
        vmin=0,
        cmap="cividis",
        interpolation="bicubic",
    )
    ax.axvline(5, color="white", lw=1, ls=":")
    ax.set(xlabel=r"$x$ ($\ell_0$)", ylabel=r"$y$ ($\ell_0$)", xlim=(1, 12), ylim=(-8, 8))
    ax.set_title(rf"$\gamma$ = {gamma:g}, {coherences[gamma]}")
beside = axes[1].inset_axes((1.05, 0, 0.06, 1))
bar = figure.colorbar(image, cax=beside, label=r"$\rho$ ($1/\ell_0^2$)")
(y_fine, upper_fine), (_, lower_fine) = finer(plane, upper[at]), finer(plane, lower[at])
styles = zip(coherences, ("#00467f", "#3f8f5f", "#b5541c"), ("-", "-.", "--"), strict=True)
for gamma, colour, dash in styles:
    pattern = two_way_density(upper_fine, lower_fine, gamma)
    axes[2].plot(y_fine, pattern, color=colour, ls=dash, label=rf"$\gamma$ = {gamma:g}")
axes[2].set(xlabel=r"$y$ ($\ell_0$) on the screen, $x$ = 5", ylabel=r"$\rho$ ($1/\ell_0^2$)")
axes[2].legend(frameon=False)
