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
# # Where do the particles go?
#
# A wave function gives a density at each time. It does not say which particle of the density at one
# time is which particle of the density at another time. Laws of motion that say so exist. Bohm's
# particles move with the velocity $v = \frac\hbar m \mathrm{Im}\frac{\nabla\psi}{\psi}$. Nelson's
# also diffuse. Here the particles are followed in a double well, behind two slits, through a
# barrier, out of a well, and in phase space. The units are $\hbar = m = 1$.

# %%
import os

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import dqmjax as dqm
from dqmjax import fields, plot
from dqmjax.trajectories import (
    Trajectories,
    agreement,
    bohm,
    husimi_diffusion,
    husimi_flow,
    nelson,
    same_density,
    sample_density,
)
from dqmjax.wave.interference import two_way_density

jax.config.update("jax_enable_x64", True)
SMALL = bool(os.environ.get("DQMJAX_SMALL"))  # a short version, for the tests
COUNT = 300 if SMALL else 1500
density = lambda psi: jnp.abs(psi) ** 2
keys = iter(jax.random.split(jax.random.key(7), 20))
line = dqm.Grid(lower=(-40.0,), upper=(40.0,), shape=(576 if SMALL else 640,))  # of all waves
x, moments = line.points[0], 101 if SMALL else 201


def errors(paths):
    """The step errors of the last positions, in words."""
    of = np.percentile(paths.step_error[-1], [50, 99])
    return f"step error at the end: median {of[0]:.0e}, of 99 % below {of[1]:.0e}"


# %% [markdown]
# ## Bohm's trajectories in a double well
#
# A Gaussian at rest on top of the barrier of $V = (x^2/4 - 1)^2$ falls into both wells. Its
# $|\psi|^2$ has the standard deviation 0.5. The particles start with the density $|\psi_0|^2$. The
# test of Kolmogorov and Smirnov compares their positions with $|\psi|^2$ at later times.

# %%
times = np.linspace(0.0, 4.0, moments)
stepper = dqm.SplitStep(dqm.Hamiltonian(dqm.DoubleWell(1.0, 2.0)), line)
run = dqm.solve(stepper, dqm.gaussian(line, 0.0, 0.5), times, substeps=4)
rho = density(run.saved)
starts = sample_density(next(keys), line, rho[0], COUNT)
guided = bohm(stepper, run, starts, substeps=4)
right = guided.positions[-1, :, 0] > 0
quarters = np.arange(1, 5) * (times.size // 4)


def compare(paths):
    """The p-values at four times."""
    return "   ".join(
        f"t = {times[i]:g}: p = {agreement(paths.positions[i], line, rho[i]).p_value:.2f}"
        for i in quarters
    )


print(f"variance at the start {dqm.observables.position_variance(line, run.saved[0])[0]:.4f}")
print("Bohm's particles and |ψ|²:", compare(guided))
print(errors(guided), f"largest at any time {guided.step_error.max():.0e}", sep=", ")
print(f"in the right well at the end: {right.mean():.3f}", end=", ")
print(f"of those that start on the right: {np.mean(right[starts[:, 0] > 0]):.3f}")

# %% [markdown]
# No trajectory passes $x = 0$: $\psi$ is even, and the velocity is 0 there. So the side on which a
# particle starts decides the well in which it ends. In one dimension trajectories keep their order,
# so the p-value stays that of the starts. The step error of most particles is small, and that of a
# few is larger by orders of magnitude.
#
# ## Nelson's particles
#
# They obey $\mathrm dx = (v + A\nabla\ln\rho)\,\mathrm dt + \sqrt{2A}\,\mathrm dW$ with $A =
# \hbar/2m$. For every $A$ the density at one time is $|\psi|^2$. The particles below start where
# Bohm's did.

# %%
random = nelson(stepper, run, starts, next(keys), substeps=8)
print("Nelson's particles and |ψ|²:", compare(random))
print(errors(random))
crossed = np.mean((random.positions[-1, :, 0] > 0) != (starts[:, 0] > 0))
print(f"on the other side than at the start: {crossed:.2f} of them\n")


def covariance(paths, i, j):
    """Of positions at two times, and its standard error."""
    one, other = (paths.positions[k, :, 0] - paths.positions[k, :, 0].mean() for k in (i, j))
    return (one * other).mean(), (one * other).std() / COUNT**0.5


print("Cov(x(t₁), x(t₂))      Bohm              Nelson")
for i, j in ((0, quarters[3]), (quarters[0], quarters[3]), (quarters[1], quarters[3])):
    both = ["{:.2f} ± {:.2f}".format(*covariance(paths, i, j)) for paths in (guided, random)]
    print(f"t₁ = {times[i]:g}, t₂ = {times[j]:g}       {both[0]}       {both[1]}")

# %% [markdown]
# The densities agree, and the covariances differ. What happens at two times depends on $A$. It is a
# property of the law of motion and does not follow from $|\psi|^2$.

# %%
figure, axes = plt.subplots(1, 2, figsize=(9.5, 4), sharey=True, layout="constrained")
names = {0: "ends on the left", 1: "ends on the right"}
for ax, (name, paths) in zip(axes, {"Bohm": guided, "Nelson": random}.items(), strict=True):
    ended = np.asarray(paths.positions[-1, :, 0] > 0)
    plot.trajectories(paths, line, rho, ax, outcome=ended, names=names, most=50)
    ax.set_title(name, pad=24)
    ax.set(ylim=(-5, 5))
    ax.label_outer()

# %%
figure, ax = plt.subplots(figsize=(6, 3), layout="constrained")
for (name, paths), colour in zip(
    {"Bohm": guided, "Nelson": random}.items(), ("#00467f", "#b5541c"), strict=True
):
    middle, most = np.percentile(paths.step_error[1:], [50, 99], axis=1)
    ax.semilogy(times[1:], middle, color=colour, label=f"{name}, median")
    ax.semilogy(times[1:], most, color=colour, ls="--", label=f"{name}, 99 % are below")
ax.set(xlabel="$t$", ylabel="step error of $x$")
legend = ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))

# %% [markdown]
# ## Two slits
#
# A packet starts behind each of two ideal slits, at $y = \pm1.5$. The motion parallel to the wall
# is free. With a coherence $\gamma$ the density is $\rho = \rho_1 + \rho_2 +
# 2\gamma\,\mathrm{Re}\,\psi_1^*\psi_2$. Without counting, $\gamma = 1$, the state is pure, and
# Bohm's velocity is that of $\psi_1 + \psi_2$. With counting, $\gamma = 0$, each
# particle belongs to one packet and moves with the velocity of that packet.

# %%
barrier = lambda height: dqm.Hamiltonian(dqm.GaussianBarrier(jnp.array(height), 0.5))
free = dqm.SplitStep(barrier(0.0), line)
apart, width, arrival = 1.5, 0.2, 1.2
passing = np.linspace(0.0, arrival, moments)
packets = {side: dqm.gaussian(line, side * apart, width) / np.sqrt(2) for side in (1, -1)}
from_slit = {side: dqm.solve(free, packets[side], passing, substeps=4) for side in (1, -1)}
one, other = (from_slit[side].saved for side in (1, -1))
both = dqm.solve(free, one[0] + other[0], passing, substeps=4)

begin = {
    side: sample_density(next(keys), line, density(packet), COUNT)
    for side, packet in packets.items()
}
alone = [bohm(free, from_slit[side], begin[side], substeps=4) for side in (1, -1)]
counted = Trajectories(
    alone[0].ts,
    jnp.concatenate([paths.positions for paths in alone], axis=1),
    jnp.concatenate([paths.coarse for paths in alone], axis=1),
)
behind = sample_density(next(keys), line, density(both.saved[0]), COUNT)
pure = bohm(free, both, behind, substeps=4)

stretch = np.sqrt(1 + (arrival / (2 * width**2)) ** 2)
exact = [side * apart + (begin[side] - side * apart) * stretch for side in (1, -1)]
error = np.abs(counted.positions[-1] - np.concatenate(exact)).max()
print(f"packets alone: largest difference from y = ±1.5 + (y₀ ∓ 1.5)σ(t)/σ(0): {error:.0e}")

# %% [markdown]
# For $\gamma$ in between, the state is a mixture. A share $\gamma$ of it is the pure state
# $\psi_1 + \psi_2$, the rest is counted. The current is linear in the density matrix, so it is
#
# $$j = \rho_1 v_1 + \rho_2 v_2 + \gamma\,\mathrm{Im}(\psi_1^*\psi_2' + \psi_2^*\psi_1') =
# \gamma\,\rho_\mathrm{pure} v_\mathrm{pure} + (1 - \gamma)(\rho_1 v_1 + \rho_2 v_2).$$
#
# With $\varphi = S_2 - S_1$ the cross term is $\gamma\sqrt{\rho_1\rho_2}\,[(v_1 + v_2)\cos\varphi +
# (u_1 - u_2)\sin\varphi]$, $u_k = -\rho_k'/2\rho_k$. Particles with the velocity $v = j/\rho$ have
# the density $\rho$ at all times, because $\partial_t\rho = -\partial_y j$. This is one choice of
# their law. Another is to move a share $\gamma$ of them with $v_\mathrm{pure}$ and the rest with
# their packets. The steps are those of Runge and Kutta, of order four. Each spans two saved times.


# %%
def mixed(gamma):
    """Density and current at all times."""
    slope = lambda psi: jax.vmap(line.gradient)(psi)[..., 0]
    cross = jnp.conj(one) * slope(other) + jnp.conj(other) * slope(one)
    current = jnp.conj(one) * slope(one) + jnp.conj(other) * slope(other) + gamma * cross
    pattern = jax.vmap(lambda a, b: two_way_density(a, b, gamma))(one, other)
    return pattern, jnp.imag(current)


@jax.jit
def carried(pattern, current, starts):
    """Positions at every second time."""
    at = lambda values, y: line.interpolate(values, y[:, None])
    velocity = lambda k, y: at(current[k], y) / at(pattern[k], y)
    h = 2 * (passing[1] - passing[0])

    def step(y, k):
        a = velocity(k, y)
        b = velocity(k + 1, y + h / 2 * a)
        c = velocity(k + 1, y + h / 2 * b)
        d = velocity(k + 2, y + h * c)
        y = y + h / 6 * (a + 2 * b + 2 * c + d)
        return y, y

    _, later = jax.lax.scan(step, starts[:, 0], jnp.arange(0, moments - 2, 2))
    return jnp.concatenate([starts.T, later])[..., None]


mean_flow, patterns = {}, {}
for gamma in (1.0, 0.5, 0.0):
    patterns[gamma], current = mixed(gamma)
    places = carried(patterns[gamma], current, behind)
    mean_flow[gamma] = Trajectories(passing[::2], places, places)
    change = (patterns[gamma][2:] - patterns[gamma][:-2]) / (passing[2] - passing[0])
    flow = jax.vmap(line.divergence)(current[1:-1, :, None])
    residual = np.abs(change + flow)[moments // 4 :].max() / np.abs(flow)[moments // 4 :].max()
    p = agreement(places[-1], line, patterns[gamma][-1]).p_value
    print(f"γ = {gamma:g}: ∂ρ/∂t + ∂j/∂y by differences {residual:.0e} of the largest", end=", ")
    print(f"particles and ρ at the end p = {p:.2f}")
miss = np.abs(mean_flow[1.0].positions[-1] - pure.positions[-1])
print(f"γ = 1, from `bohm`: median difference {np.median(miss):.0e}; {errors(pure)}")
print(
    f"`bohm`, γ = 1: p = {agreement(pure.positions[-1], line, patterns[1.0][-1]).p_value:.2f}",
    end="; ",
)
p = agreement(counted.positions[-1], line, patterns[0.0][-1]).p_value
print(f"each packet alone: p = {p:.2f}")
cases = {
    r"$\gamma = 1$, no counting": (pure, 1.0),
    r"$\gamma = 0.5$, mean current": (mean_flow[0.5], 0.5),
    r"$\gamma = 0$, mean current": (mean_flow[0.0], 0.0),
    r"$\gamma = 0$, each packet alone": (counted, 0.0),
}
print("share of particles that end on the other side of y = 0 than their slit:")
for name, (paths, _) in cases.items():
    y = paths.positions[..., 0]
    slit = np.sign(y[0]) if paths is not counted else np.repeat([1, -1], COUNT)
    words = name.replace("$", "").replace("\\gamma", "γ")
    print(f"{words:>30}: {np.mean(y[-1] * slit < 0):.3f}")

# %% [markdown]
# Without counting the trajectories gather in the bright fringes, and none passes $y = 0$. The mean
# current does not lead through $y = 0$ either, whatever $\gamma$ is. When each packet moves alone,
# the trajectories of the two packets pass through each other. The last two panels have one density
# and two different motions.

# %%
figure, axes = plt.subplots(2, 2, figsize=(9.5, 7), sharex=True, sharey=True, layout="constrained")
for ax, (name, (paths, gamma)) in zip(axes.flat, cases.items(), strict=True):
    y = np.asarray(paths.positions[0, :, 0])
    slit = np.sign(y) if paths is not counted else np.repeat([1, -1], COUNT)
    every = moments // (paths.ts.size - 1) if paths.ts.size < moments else 1
    pattern = np.asarray(patterns[gamma][::every])
    label = {1: "upper slit", -1: "lower slit"}
    plot.trajectories(paths, line, pattern, ax, outcome=slit, names=label, most=70, peak=0.15)
    ax.set_title(name, pad=24)
    ax.set(ylim=(-9, 9), ylabel="$y$")
    ax.label_outer()

# %% [markdown]
# ## Tunnelling through a barrier
#
# A packet of mean momentum 1.9 meets a Gaussian barrier of height 2. Along a trajectory the energy
# is $\frac m2 v^2 + V + U_q = -\partial_t S$, with the quantum potential $U_q =
# -\frac{\hbar^2}{2m}\nabla^2\!\sqrt\rho/\sqrt\rho$. It is not conserved. Only its mean over all
# particles is, $\langle\hat H\rangle$.

# %%
high = barrier(2.0)
tunnel = dqm.SplitStep(high, line)
flight = np.linspace(0.0, 10.0, moments)
hit = dqm.solve(tunnel, dqm.gaussian(line, -10.0, 1.5, 1.9), flight, substeps=4)
came = bohm(tunnel, hit, sample_density(next(keys), line, density(hit.saved[0]), COUNT), substeps=4)
passed = np.asarray(came.positions[-1, :, 0] > 0)
through = float(line.integrate(jnp.abs(hit.final) ** 2 * (x > 0)))
energy = float(fields.ledger(high, line, hit.saved[0]).total)
p = agreement(came.positions[-1], line, density(hit.final)).p_value
print(f"transmitted: {passed.mean():.3f} of the particles, {through:.3f} of |ψ|², p = {p:.2f}")
print(errors(came))


@jax.jit
def along(psi, y):
    """mv²/2, V and U_q at the places y."""
    at = lambda values: line.interpolate(values, y[:, None])
    here, slope = at(psi), at(line.gradient(psi)[..., 0])
    v = jnp.imag(slope / here)
    kinetic = jnp.real(at(high.apply_kinetic(line, psi)) / here)
    V = at(high.potential_on(line))
    return v**2 / 2, V, kinetic - v**2 / 2


parts = np.asarray(jax.lax.map(lambda args: along(*args), (hit.saved, came.positions[..., 0])))
total = parts.sum(axis=0)
for i in (0, moments // 2, moments - 1):
    spread = total[i].std() / COUNT**0.5
    print(f"t = {flight[i]:4.1f}: mean energy {total[i].mean():.3f} ± {spread:.3f}", end=", ")
    print(f"transmitted {total[i, passed].mean():.3f}, reflected {total[i, ~passed].mean():.3f}")
print(f"⟨Ĥ⟩ = {energy:.3f}")
order = np.argsort(np.asarray(came.positions[0, :, 0]))
first_back = int(np.sum(~passed))
chosen = {"transmitted": order[(first_back + COUNT) // 2], "reflected": order[first_back // 2]}
for name, i in chosen.items():
    top = np.abs(np.asarray(came.positions[:, i, 0])).argmin()
    print(f"a particle that is {name}: nearest to the top at t = {flight[top]:.2f}, where", end=" ")
    print("mv²/2 = {:.2f}, V = {:.2f}, U_q = {:.2f}".format(*parts[:, top, i]), end="; ")
    print(f"energy {total[0, i]:.2f} at the start, {total[-1, i]:.2f} at the end")
ordered = bool(np.all(passed[order[first_back:]]))
print("the transmitted particles are those that start in front:", ordered)

# %%
figure, axes = plt.subplots(1, 3, figsize=(12, 4), width_ratios=(1.4, 1, 1), layout="constrained")
names = {1: "transmitted", 0: "reflected"}
plot.trajectories(came, line, density(hit.saved), axes[0], outcome=passed, names=names)
axes[0].axhspan(-0.5, 0.5, color="#3f8f5f", alpha=0.25, lw=0)
axes[0].set(ylim=(-20, 22))
labels = (r"$\frac{m}{2}v^2$", "$V$", "$U_q$")
for ax, (name, i) in zip(axes[1:], chosen.items(), strict=True):
    plot.energy_ledger(flight, dict(zip(labels, parts[:, :, i], strict=True)), ax)
    ax.get_legend().remove()
    ax.set_title(f"one that is {name}")
    ax.set(ylim=(-2, 4.5))
lines, texts = axes[1].get_legend_handles_labels()
legend = axes[2].legend(lines, texts, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))

# %% [markdown]
# ## Escape from a well
#
# Two barriers enclose a well. What leaves is absorbed far outside, by a potential $-i\eta s^3$. The
# norm in the well falls exponentially once the faster states have left. The decay rate is close to
# $-2\,\mathrm{Im}\,E$ of the resonance, an eigenvalue of the complex Hamiltonian.
# It is found by inverse iteration.

# %%
walls = dqm.GaussianBarrier(1.5, 0.3, 2.0) + dqm.GaussianBarrier(1.5, 0.3, -2.0)
leaky = dqm.Hamiltonian(walls + dqm.AbsorbingEdges(-40.0, 40.0, 18.0, 0.75))
leak = dqm.SplitStep(leaky, line)
waiting = np.linspace(0.0, 40.0, moments)
decay = dqm.solve(leak, dqm.gaussian(line, 0.0, 0.8), waiting, substeps=4)
inside = np.abs(np.asarray(x)) < 2.5
kept = density(decay.saved)[:, inside].sum(axis=1) * line.cell
late = waiting >= 20
slope, offset = np.polyfit(waiting[late], np.log(kept[late]), 1)
law = np.exp(offset + slope * waiting)
away = np.abs(kept / law - 1)[late].max()

matrix = np.asarray(jax.vmap(lambda e: leaky.apply_kinetic(line, e + 0j))(jnp.eye(x.size)))
matrix = matrix.T + np.diag(np.asarray(leaky.potential_on(line)))
state = np.where(inside, decay.final, 0)
for _ in range(8):
    resonance = state @ matrix @ state / (state @ state)
    shifted = matrix - resonance * np.eye(x.size)
    residual = np.linalg.norm(shifted @ state) / np.linalg.norm(state)
    if residual < 1e-10:
        break
    state = np.linalg.solve(shifted, state)
    state = state / np.linalg.norm(state)
print(f"decay rate: fitted {-slope:.4f}, of the resonance {-2 * resonance.imag:.4f}", end=", ")
print(f"its energy {resonance.real:.4f}, residual {residual:.0e}")
print(f"largest deviation from the fitted law, t ≥ 20: {away:.1%} of the norm")

left = bohm(
    leak, decay, sample_density(next(keys), line, density(decay.saved[0]), COUNT), substeps=4
)
stay = np.abs(np.asarray(left.positions[..., 0])) < 2.5
for i in (moments // 4, moments // 2, moments - 1):
    error = np.sqrt(kept[i] * (1 - kept[i]) / COUNT)
    print(f"t = {waiting[i]:4.1f}: norm in the well {kept[i]:.3f}", end=", ")
    print(f"particles {stay[i].mean():.3f} ± {error:.3f}")
print(f"returns of a particle into the well: {np.sum(np.diff(stay.astype(int), axis=0) > 0)}")
kind = jnp.asarray(stay[-1])
still = Trajectories(left.ts, left.positions[:, kind], left.coarse[:, kind])
print("in the well,", errors(still))
began = np.abs(np.asarray(left.positions[0, :, 0]))
print(f"|x₀| of the particles that stay: at most {began[stay[-1]].max():.2f}", end="; ")
print(f"of those that leave: at least {began[~stay[-1]].min():.2f}")

# %% [markdown]
# $\psi$ is even, and trajectories do not cross. So those that start farthest from the centre leave
# first.

# %%
figure, axes = plt.subplots(1, 2, figsize=(11, 4), width_ratios=(1.5, 1), layout="constrained")
when = np.where(stay[waiting <= 8][-1], np.where(stay[-1], 2, 1), 0)
names = {0: "leaves before $t$ = 8", 1: "leaves before $t$ = 40", 2: "stays"}
plot.trajectories(
    left, line, density(decay.saved), axes[0], outcome=when, names=names, most=90, peak=0.3
)
axes[0].set(ylim=(-9, 9))
for place in (-2, 2):
    axes[0].axhline(place, color="0.3", lw=0.8, ls=":")
axes[1].semilogy(waiting, law, color="0.3", ls=":", lw=1.2, label=f"$e^{{{slope:.4f} t}}$, fitted")
axes[1].semilogy(waiting, kept, color="#00467f", label=r"$|\psi|^2$ in the well")
axes[1].semilogy(
    waiting, stay.mean(axis=1), color="#b5541c", ls="--", label="particles in the well"
)
axes[1].set(xlabel="$t$", ylabel="part in the well", ylim=(0.25, 1.15))
axes[1].set_yticks([0.3, 0.5, 1.0], ["0.3", "0.5", "1"])
axes[1].minorticks_off()
legend = axes[1].legend(frameon=False)

# %% [markdown]
# ## Phase space
#
# The Husimi density of a Kerr oscillator, $H = \frac U2 n(n-1)$, obeys $\partial_t\rho =
# -\nabla\!\cdot(b\rho) + \nabla\nabla\!:\!(B\rho)$ with a traceless $B$. Particles that move with
# $b - \nabla\!\cdot B - B\nabla\ln\rho$ have this density. So have particles that diffuse with $A =
# |B|$, if their drift contains $A\nabla\ln\rho$ to compensate it. Here until $Ut = \pi/4$.

# %%
interaction, particles = 2.0, 300 if SMALL else 600
basis = dqm.FockBargmann(cutoff=20 if SMALL else 24)
kerr = dqm.KetStep(dqm.Kerr(interaction), basis)
turning = np.linspace(0.0, np.pi / 4 / interaction, 17 if SMALL else 33)
turned = dqm.solve(kerr, basis.coherent_ket(1.5 if SMALL else 2.0), turning)
starts = jnp.asarray(dqm.readout.sample(next(keys), basis, turned.saved[0], particles))
fresh = jnp.asarray(dqm.readout.sample(next(keys), basis, turned.final, particles))
in_phase_space = {
    "flow": husimi_flow(kerr, turned, starts),
    "diffusion, $A = |B|$": husimi_diffusion(kerr, turned, starts, next(keys), substeps=8),
}
for name, paths in in_phase_space.items():
    p = same_density(paths.positions[-1], fresh, next(keys)).p_value
    print(f"{name.replace('$', '')}: particles and ρ at the end p = {p:.2f}; {errors(paths)}")
products = []
for name, paths in in_phase_space.items():
    first, final = (paths.positions[i] - paths.positions[i].mean(axis=0) for i in (0, -1))
    products.append(np.sum(first * final, axis=1))
    print(f"{name.replace('$', '')}: Cov(q(0), q(t)) + Cov(p(0), p(t)) = {products[-1].mean():.2f}")
change = products[0] - products[1]
print(f"their difference: {change.mean():.2f} ± {change.std() / particles**0.5:.2f}")

# %%
side = np.linspace(-5, 5, 61)
points = np.stack(np.meshgrid(side, side)).reshape(2, -1).T
last = np.asarray(basis.density(turned.final, jnp.asarray(points)))
figure, axes = plt.subplots(1, 2, figsize=(8.6, 4.8), sharey=True, layout="constrained")
faster = np.linalg.norm(starts, axis=1) > np.median(np.linalg.norm(starts, axis=1))
names = {0: r"small $|\xi|$ at the start", 1: "large"}
for ax, (name, paths) in zip(axes, in_phase_space.items(), strict=True):
    plot.phase_space_paths(paths, points, last, ax=ax, outcome=faster, names=names, most=30)
    ax.set_title(name, pad=24)
    ax.label_outer()

# %% [markdown]
# **Answer.** The density at one time does not say where they go. That depends on the law of motion.
# In the double well Bohm's and Nelson's particles both have the density $|\psi|^2$, but the
# covariances of the first and the last position are 0.88 and 0.23. No particle of Bohm passes $x =
# 0$, and 41 % of Nelson's end on the other side. Behind counted slits two laws have one density.
# With the mean current no particle passes $y = 0$. With each packet alone, 30 % end on the other
# side. At the barrier the particles that start in front are transmitted. The energy along a
# trajectory is not conserved: its mean rises from 1.86 to 2.15 for transmitted particles and falls
# to 1.54 for reflected ones. The particles leave the well in the order of their distance from its
# centre, at the rate 0.0310, and the resonance has 0.0314. In phase space the flow and the
# diffusion have one density, too, and differ in what happens at two times.
