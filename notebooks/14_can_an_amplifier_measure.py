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
# # Can an amplifier measure?
#
# The parametric amplifier $\hat H = \frac{i\hbar g}2(\hat a^{\dagger2} - \hat a^2)$ stretches the
# quadrature $x = a + a^\dagger$ by $G = e^{gT}$ and shrinks $p = (a - a^\dagger)/i$. In
# [arXiv:2205.06070](https://arxiv.org/abs/2205.06070) Drummond and Reid read it as a measurement
# of $x$. They describe it by trajectories: $p$ diffuses forwards in time and $x$ backwards. Three
# questions follow. Does the amplified density obey Born's rule? Do the trajectories have that
# density? For which states can they? The unit of $x$ and $p$ is their standard deviation in the
# vacuum; $1/g$ is the unit of time.

# %%
import itertools
import os

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import dqmjax as dqm
from dqmjax import plot, readout
from dqmjax.trajectories import (
    Trajectories,
    amplifier,
    husimi_diffusion,
    mixed_paths,
    mixture_weight,
    sample_density,
)

jax.config.update("jax_enable_x64", True)
SMALL = bool(os.environ.get("DQMJAX_SMALL"))  # a short version, for the tests
BLUE, ORANGE = "#00467f", "#b5541c"
COUNT, STEPS = (1000, 4) if SMALL else (2000, 8)
keys = iter(jax.random.split(jax.random.key(14), 40))
gain_time = 0.5 if SMALL else 1.2
times = np.linspace(0.0, gain_time, 13)
basis = dqm.FockBargmann(60 if SMALL else 160)
stepper = dqm.KetStep(dqm.ParametricAmplifier(1.0), basis)

# %% [markdown]
# ## The density that the amplifier makes
#
# Three states are amplified: an unequal cat $2|\alpha_0\rangle + |{-\alpha_0}\rangle$ with
# $\alpha_0 = 1.2$, the number state $n = 2$ and a displaced squeezed state. Each has its Husimi
# density $Q(x, p)$. Its marginal in $x$ is drawn over $x/G$ and compared with Born's $|\psi(x)|^2$
# of the state before the amplifier.

# %%
X = dqm.Grid(-9.0, 9.0, 144)  # x/G
at, (step,) = X.points[0], X.spacing
momenta = np.linspace(-8.0, 8.0, 49)


def husimi(basis, ket, growth):
    """Q on the points (x/G, p), per d(x/G) dp."""
    points = np.stack(np.meshgrid(growth * at, momenta, indexing="ij")).reshape(2, -1).T
    return basis.density(ket, jnp.asarray(points / np.sqrt(2))).reshape(at.size, -1) * growth / 2


def marginal(basis, ket, growth):
    return husimi(basis, ket, growth).sum(axis=1) * (momenta[1] - momenta[0])


unequal = 2 * basis.coherent_ket(1.2) + basis.coherent_ket(-1.2)
states = {
    r"cat $2|\alpha_0\rangle + |{-\alpha_0}\rangle$": unequal / jnp.linalg.norm(unequal),
    "number state $n = 2$": basis.fock_ket(2),
    "squeezed state": basis.squeezed_ket(0.6, 0.5, 0.0),
}
words = dict(zip(states, ("cat", "n = 2", "squeezed"), strict=True))
runs = {name: dqm.solve(stepper, ket, times) for name, ket in states.items()}
born = {name: readout.quadratures(basis, ket, at / 2**0.5) / 2**0.5 for name, ket in states.items()}
seen = {
    name: jnp.stack(
        [marginal(basis, ket, g) for ket, g in zip(run.saved, np.exp(times), strict=True)]
    )
    for name, run in runs.items()
}
print("largest difference of the marginal from |ψ|², in units of the largest |ψ|²:")
for name, word in words.items():
    exact = born[name]
    for i in (0, 6, 12):
        kernel = np.exp(-((at[:, None] - at) ** 2) * np.exp(2 * times[i]) / 2)
        blurred = kernel @ exact / kernel.sum(axis=1).max()
        gap, rest = (np.abs(seen[name][i] - rho).max() / exact.max() for rho in (exact, blurred))
        print(f"{word:>9}, gT = {times[i]:.2f}: {gap:.3f}; with blurred |ψ|²: {rest:.0e}")
print(f"in the highest level: {max(basis.edge_weight(run.final) for run in runs.values()):.0e}")

# %%
figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
for ax, name in zip(axes, states, strict=True):
    for i, shade in ((0, "0.75"), (6, "0.5"), (12, BLUE)):
        label = f"$Q$, $gT$ = {times[i]:.2g}"
        ax.plot(at, seen[name][i], color=shade, lw=1.8, label=label)
    ax.plot(at, born[name], color=ORANGE, ls="--", lw=1.4, label=r"Born, $|\psi(x)|^2$")
    ax.set(title=name, xlabel="$x/G$", xlim=(-6, 6), ylim=(0, None))
axes[0].set_ylabel("density of $x/G$")
legend = axes[0].legend(frameon=False, fontsize=8, loc="upper left")

# %% [markdown]
# The amplified marginal is $|\psi|^2$ blurred by a Gaussian of standard deviation $1/G$ in $x/G$.
# This holds at every $gT$; the last column is the error of the sums over the grid. The vacuum
# noise in $Q$ stays 1 while the signal grows by $G$.
#
# ## Particles that go to the outcomes
#
# The score diffusion $\mathrm dx = (gx + 2g\,\partial_x\!\ln Q)\,\mathrm dt + \sqrt{2g}\,\mathrm
# dW_x$, $\mathrm dp = -gp\,\mathrm dt + \sqrt{2g}\,\mathrm dW_p$ carries particles that have the
# density $Q$. They start as samples of $Q$ at $t = 0$. An outcome is the peak in which $x/G$ ends.
# The minima of $|\psi|^2$ are the borders of the peaks. Born's weight is the integral of
# $|\psi|^2$ between two borders.

# %%
plane = dqm.Grid((-7.0, -7.0), (7.0, 7.0), (96, 96))


def started(basis, ket, count):
    """Samples (q, p) = (x, p)/√2 of Q."""
    rho = basis.density(ket, plane.points.reshape(2, -1).T).reshape(plane.shape)
    return sample_density(next(keys), plane, rho, count)


fine = np.linspace(-9, 9, 3601)
particles, outcome = {}, {}
for name, word in words.items():
    starts = started(basis, states[name], COUNT)
    particles[name] = paths = husimi_diffusion(
        stepper, runs[name], starts, next(keys), substeps=STEPS
    )
    rho = np.array([np.interp(fine, at, values) for values in (born[name], seen[name][-1])])
    lowest = (rho[0, 1:-1] < rho[0, :-2]) & (rho[0, 1:-1] <= rho[0, 2:]) & (np.abs(fine[1:-1]) < 3)
    borders = fine[1:-1][lowest]
    final = np.sqrt(2) * np.asarray(paths.positions[-1, :, 0]) / np.exp(gain_time)
    coarse = np.sqrt(2) * np.asarray(paths.coarse[-1, :, 0]) / np.exp(gain_time)
    outcome[name], peak = np.searchsorted(borders, final), np.searchsorted(borders, fine)
    for k in range(len(borders) + 1):
        (wanted, amplified), top = rho @ (peak == k) * 0.005, fine[np.argmax(rho * (peak == k), 1)]
        share = np.mean(outcome[name] == k)
        error = np.sqrt(share * (1 - share) / COUNT)
        print(f"{word:>9}, peak at {top[0]:5.2f}, in Q at {top[1]:5.2f}: weight by", end=" ")
        print(f"Born {wanted:.3f}, in Q {amplified:.3f}, of particles {share:.3f} ± {error:.3f}")
    mean, var = fine @ rho[0] * 0.005, fine**2 @ rho[0] * 0.005
    noise = np.exp(-2 * gain_time)
    print(f"{word:>9}: mean of x by Born {mean:.3f}, particles {final.mean():.3f}", end=" ± ")
    print(f"{final.std() / COUNT**0.5:.3f}; variance by Born {var - mean**2:.3f}", end=", ")
    square = (final - final.mean()) ** 2
    print(
        f"particles less 1/G² {square.mean() - noise:.3f} ± {square.std() / COUNT**0.5:.3f}", end=""
    )
    print(f" (step error {abs(square.mean() - coarse.var()):.3f})")
    begin = np.searchsorted(borders, np.sqrt(2) * starts[:, 0])
    print(
        f"{word:>9}: {np.mean(begin == outcome[name]):.2f} of the particles start in that interval"
    )

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), sharey=True, layout="constrained")
for ax, name in zip(axes, list(states)[:2], strict=True):
    shrink = np.sqrt(2) * np.exp(-times)[:, None, None]
    shown = Trajectories(
        times, *(shrink * a[..., :1] for a in (particles[name].positions, particles[name].coarse))
    )
    labels = (
        {0: "left peak", 1: "right peak"} if "cat" in name else {0: "left", 1: "middle", 2: "right"}
    )
    plot.trajectories(shown, X, seen[name], ax, outcome=outcome[name], names=labels, most=70)
    ax.set_title(name, pad=24)
    ax.set(ylim=(-6, 6), xlabel="$gt$", ylabel=r"$x\,e^{-gt}$")
    ax.label_outer()

# %% [markdown]
# ## The mixed-time trajectories
#
# The mixed-time law has no score. $x$ runs backwards from $x(T)$, and $p$ forwards from $p(0)$. One
# must join them. The published scheme (arXiv:2205.06070, as it is understood here) does so at
# $t = 0$. It draws $x(T)$ from its marginal, runs $x$ back, and then draws $p(0)$ from
# $Q(p\,|\,x(0))$. The test is the even cat of $\alpha_0 = 1.2$ at $gT = 0.4$. At $t = 0$ it has
# $Q(x, p) \propto e^{-(x^2 + p^2)/4}(\cosh\alpha_0x + \cos\alpha_0p)$.

# %%
alpha, short, draws = 1.2, 0.4, 2_000 if SMALL else 200_000
G = np.exp(short)
smaller = basis if SMALL else dqm.FockBargmann(44)
even = smaller.cat_ket(alpha)
same = dqm.KetStep(stepper.symbol, smaller)
run = dqm.solve(same, even, np.linspace(0.0, short, 13))


def published(draws):
    """(x, p) at 0 and T of the scheme."""
    end = G * sample_density(next(keys), X, marginal(smaller, run.final, G), draws)
    noise = np.sqrt(short / 4) * jax.random.normal(next(keys), (draws, 4, 2))
    ends = np.array([0.0, short])
    back = mixed_paths(amplifier(1.0), noise, 0 * end, end, ends, substeps=4)
    x = back[0, :, :1]
    tries = np.sqrt(2) * jax.random.normal(next(keys), (draws, 20))
    most = jnp.cosh(alpha * x) + 1
    kept = most * jax.random.uniform(next(keys), tries.shape) < most - 1 + jnp.cos(alpha * tries)
    start = jnp.take_along_axis(tries, jnp.argmax(kept, axis=1)[:, None], axis=1)
    return mixed_paths(amplifier(1.0), noise, start, end, ends, substeps=4)


scored = husimi_diffusion(
    same, run, started(smaller, even, COUNT if SMALL else 20_000), next(keys), substeps=4
)
samples = {
    "published scheme": np.asarray(published(draws)),
    "score diffusion": np.sqrt(2) * np.asarray(scored.positions)[[0, -1]],
}
coarse = np.sqrt(2) * np.asarray(scored.coarse[-1])
moments = {
    "⟨x²⟩": lambda x, p: x**2,
    "⟨p²⟩": lambda x, p: p**2,
    "⟨x²p²⟩": lambda x, p: x**2 * p**2,
    "⟨p² e^{−x²/2(G²+1)}⟩": lambda x, p: p**2 * np.exp(-(x**2) / 2 / (G**2 + 1)),
}
Q = np.asarray(husimi(smaller, run.final, G))
for name, f in moments.items():
    exact = np.sum(f(G * at[:, None], momenta) * Q) * step * (momenta[1] - momenta[0])
    print(f"{name:>20} = {exact:.4f} in Q")
    for kind, places in samples.items():
        values = f(*places[-1].T)
        error = values.std() / len(values) ** 0.5
        print(f"{kind:>24}: {values.mean():.4f} ± {error:.4f}", end=", ")
        print(f"{(values.mean() - exact) / error:+.1f} standard errors", end="")
        bias = abs(values.mean() - f(*coarse.T).mean())
        print(f", step error {bias:.4f}" if kind == "score diffusion" else "")
for kind, places in samples.items():
    product = places[0, :, 0] * places[1, :, 0]
    print(f"⟨x(0)x(T)⟩, {kind}: {product.mean():.3f} ± {product.std() / len(product) ** 0.5:.3f}")

# %%
figure, ax = plt.subplots(figsize=(5.6, 3.8), layout="constrained")
ax.plot(G * at, Q @ momenta**2 / Q.sum(axis=1), color="0.3", lw=1.2, label="exact")
edges = np.linspace(-8, 8, 9 if SMALL else 17)
for (kind, places), colour, marker in zip(samples.items(), (ORANGE, BLUE), "so", strict=True):
    x, square = places[-1, :, 0], places[-1, :, 1] ** 2
    which = [square[(x > a) & (x < b)] for a, b in itertools.pairwise(edges)]
    error = [values.std() / len(values) ** 0.5 for values in which]
    middle = (edges[1:] + edges[:-1]) / 2
    mean = [values.mean() for values in which]
    ax.errorbar(middle, mean, error, color=colour, fmt=marker, ms=3.5, lw=1, label=kind)
ax.set(xlabel="$x(T)$", ylabel=r"mean of $p^2$ at given $x$", xlim=(-8, 8), ylim=(0.5, 1.8))
legend = ax.legend(frameon=False)

# %% [markdown]
# The scheme keeps $\langle x^2\rangle$ and $\langle p^2\rangle$. It misses the joint moments, the
# last one by more than ten standard errors with 200 000 draws. In it $p(T)$ depends on $x(T)$ only
# through $x(0)$. This smooths the dip of $\langle p^2\rangle$ at small $x$ too much. The score
# diffusion does not miss.
#
# Both have the same law of $x$ alone. The score diffusion, read backwards in time, has the drift
# $-gx$ of the mixed-time law, because the two terms in $\partial_x\!\ln Q$ cancel. The moment
# $\langle x(0)x(T)\rangle$ agrees. The difference lies in how $p$ depends on $x$.
#
# ## Which states are ensembles?
#
# Take any weight $W(x_T, p_0)$ of the boundary values in place of the scheme. The drifts of $x$
# and $p$ do not depend on each other, so that $Q$ fixes $W$. It is an ensemble if $W \ge 0$.
# `mixture_weight` calculates $W$.

# %%
levels, longer = dqm.FockBargmann(24), 0.8
box = dqm.Grid((-22.0, -12.0), (22.0, 12.0), (100, 80) if SMALL else (160, 120))
weights = {
    name: mixture_weight(levels, ket, longer, box)
    for name, ket in {
        "coherent, α = 0.8": levels.coherent_ket(0.8),
        "squeezed, r = 0.4": levels.squeezed_ket(0.0, 0.4, 0.0),
        "number state n = 1": levels.fock_ket(1),
        "number state n = 2": levels.fock_ket(2),
        "odd cat, α₀ = 1.2": levels.cat_ket(alpha, np.pi),
        "even cat, α₀ = 1.2": levels.cat_ket(alpha),
    }.items()
}
for name, found in weights.items():
    print(f"{name}: {found.verdict}")
print(f"negative mass of the even cat: {found.negative_mass:.5f}")

# %%
figure, ax = plt.subplots(figsize=(6.2, 3.9), layout="constrained")
W, most = np.asarray(found.weight), float(np.abs(found.weight).max())
norm = plt.matplotlib.colors.SymLogNorm(most / 100, vmin=-most, vmax=most)
artist = ax.pcolormesh(*box.points, W, cmap="RdBu_r", norm=norm, shading="gouraud")
figure.colorbar(artist, ax=ax, label=r"$W$  per $\mathrm{d}x_T\,\mathrm{d}p_0$")
lines = ax.contour(*box.points, W, levels=[0.0], colors="0.3", linewidths=0.7)
limits = ax.set(xlabel="$x_T$", ylabel="$p_0$", xlim=(-14, 14), ylim=(-6, 6))
ax.set_title(f"even cat, $gT$ = 0.8, negative mass {found.negative_mass:.5f}", fontsize=10)

# %% [markdown]
# The Gaussian states are ensembles. The number states and the cats are not. For every $T > 0$ a
# pure state is an ensemble if and only if it is Gaussian. Then no rule that joins $x(T)$ and
# $p(0)$ gives the joint $Q$ of the cat, and the miss of the scheme above is no accident. The
# negative parts surround the two points $x_T = 0$, $p_0 = \pm\pi/\alpha_0$, zeros of $Q$ at $t =
# 0$.
#
# ## The phase diagram
#
# Loss fills the zeros of $Q$. A cat that keeps the share $\eta$ of its quanta is an ensemble if
# and only if $\eta \le 2(G^2 + 1)/(3G^2 + 1)$. The bound falls from 1 at $T = 0$ towards
# $\frac23$. So with a loss of one third or more the cat is an ensemble for every $T$.


# %%
def lossy_cat(eta):
    """The even cat after loss of the share 1 − η of its quanta."""
    one, other = (few.coherent_ket(sign * jnp.sqrt(eta) * alpha) for sign in (1, -1))
    cross = jnp.exp(-2 * (1 - eta) * alpha**2) * jnp.outer(one, other.conj())
    rho = few.pure(one) + few.pure(other) + cross + cross.conj().T
    return rho / jnp.trace(rho)


few = dqm.FockBargmann(18)
wide = dqm.Grid((-24.0, -9.0), (24.0, 9.0), (108, 64))
kept = np.linspace(0.6, 1.0, 4 if SMALL else 13)
gains = np.linspace(0.1, 1.0, 3 if SMALL else 10)


@jax.jit
def signs(point):
    found = mixture_weight(few, lossy_cat(point[0]), point[1], wide)
    return jnp.stack([found.negative_mass, found.smallest, found.tolerance])


points = np.stack(np.meshgrid(kept, gains, indexing="ij"), axis=2)
mass, smallest, tolerance = np.asarray(jax.lax.map(signs, points.reshape(-1, 2))).T.reshape(
    3, kept.size, gains.size
)
boundary = lambda gain: 2 * (np.exp(2 * gain) + 1) / (3 * np.exp(2 * gain) + 1)
negative, beyond = smallest < -tolerance, kept[:, None] > boundary(gains)
print(f"{negative.size} states and times; W < 0 for {negative.sum()}", end=", ")
print(f"the other side of the boundary than W says: {np.sum(negative != beyond)}")
print(f"largest tolerance of W: {tolerance.max():.0e} of its maximum")
print(f"bound at gT = {gains[-1]}: {boundary(gains[-1]):.3f}, at gT = 5: {boundary(5.0):.5f}")
print(
    f"pure cat: negative mass {mass[-1, 0]:.1e} at gT = {gains[0]}",
    f"{mass[-1, -1]:.4f} at {gains[-1]}",
    sep=", ",
)

# %%
figure, ax = plt.subplots(figsize=(6.2, 4.2), layout="constrained")
shades = plt.matplotlib.colors.LinearSegmentedColormap.from_list("mass", ["white", ORANGE])
artist = ax.pcolormesh(
    gains, kept, 1e3 * np.where(negative, mass, 0), cmap=shades, shading="gouraud"
)
figure.colorbar(artist, ax=ax, label=r"negative mass of $W$  ($10^{-3}$)")
smooth = np.linspace(gains[0], gains[-1], 200)
ax.plot(smooth, boundary(smooth), color="black", lw=1.6)
ax.axhline(2 / 3, color="0.4", lw=0.9, ls="--")
ax.text(0.12, 0.67, r"$\eta = 2/3$", color="0.3", va="bottom")
ax.text(0.12, 0.73, "ensemble of mixed-time trajectories")
ax.text(0.4, 0.635, "ensemble for every $T$")
ax.text(0.62, 0.9, "no ensemble")
limits = ax.set(xlabel="$gT$", ylabel=r"share of quanta kept, $\eta$", ylim=(0.6, 1.0))

# %% [markdown]
# **Answer.** Yes, in $x$. The amplified marginal is Born's $|\psi(x)|^2$ with a resolution $1/G$.
# The particles of the score diffusion reach each peak with its weight, within two standard errors.
# The mixed-time trajectories also have the right marginals. But they have the joint density of a
# pure state only if it is Gaussian. A cat that has lost one third or more of its quanta is an
# ensemble of them for every gain.
