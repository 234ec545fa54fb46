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
# # From the instrument's file to a parameter
#
# An instrument writes a table of outcomes $(I, Q)$ in volts. The detector loses photons, adds noise
# and amplifies. How strong is the Kerr interaction, and how well is it known? This notebook makes
# such a file, with parameters that the fit does not see, and reads it as a laboratory would.

# %%
import os
import pathlib
import tempfile
import warnings

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import dqmjax as dqm

jax.config.update("jax_enable_x64", True)
SMALL = bool(os.environ.get("DQMJAX_SMALL"))  # a short version, for the tests

# %% [markdown]
# ## The instrument
#
# A squeezed state evolves with $\hat H/\hbar = \omega\hat n + \tfrac U2\hat n(\hat n-1)$. Time is
# in µs. The outcome of one shot is
#
# $$v = g\,e^{i\theta}(\sqrt\eta\,\beta + \sqrt{1-\eta}\,\nu_1 + \sqrt n\,\nu_2) + v_0.$$
#
# One file has the signal, the other was taken with the signal off.

# %%
shots, times = (300, np.linspace(0.0, 1.0, 7)) if SMALL else (2000, np.linspace(0.0, 1.5, 13))
basis = dqm.FockBargmann(25 if SMALL else 40)
truth = {"omega": 2 * np.pi * 0.11, "U": 2 * np.pi * 0.32}
flow = dqm.FokkerPlanck(dqm.Kerr(truth["U"], truth["omega"]))
instrument = dqm.Detector(
    efficiency=0.6, noise=0.3, gain=0.01, rotation=0.5, offset=np.array([0.002, -0.001])
)
states = dqm.solve(dqm.HusimiStep(flow, basis), basis.squeezed(1.4, 0.4, 0.0), times).saved
keys = jax.random.split(jax.random.key(0), (2, len(times) + 1))


def shoot(which, rho):
    ideal = dqm.readout.sample(keys[0, which], basis, rho, shots)
    return np.asarray(instrument.sample(keys[1, which], basis.space, ideal))


folder = pathlib.Path(tempfile.mkdtemp())


def write(name, ts, outcomes):
    rows = [f"{t},{i},{q}" for t, block in zip(ts, outcomes, strict=True) for i, q in block]
    (folder / name).write_text("\n".join(["delay (us),I (V),Q (V)", *rows]) + "\n")


write("signal.csv", times, [shoot(i, rho) for i, rho in enumerate(states)])
write("dark.csv", times[:1], [shoot(len(times), basis.coherent(0.0))])
print((folder / "signal.csv").read_text()[:120])

# %% [markdown]
# ## Reading it
#
# The columns have the instrument's names. The unit of time is read from the header.

# %%
columns = {"t": "delay", "q": "I", "p": "Q"}
with warnings.catch_warnings(action="ignore", category=dqm.DataWarning):  # volts, see below
    data = dqm.read_data(folder / "signal.csv", columns=columns)
    dark = dqm.read_data(folder / "dark.csv", columns=columns)
print(f"{len(data.t)} times, {data.points.shape[1]} shots each, t in {data.time_unit}")

# %% [markdown]
# ## The dark file calibrates the detector
#
# Without a signal the variance of an outcome is $g^2(1+n)$, and the mean is the offset. The gain is
# known from an earlier calibration, and so is the rotation; efficiency and noise are not. The dark
# file determines $n$, and both files together $\eta$.

# %%
gain, rotation = 0.01, 0.5
offset = dark.points[0].mean(axis=0)
variance = np.mean(np.sum((dark.points[0] - offset) ** 2, axis=1)) / 2
print(f"n from the dark file alone: {variance / gain**2 - 1:.3f}")
detector = dqm.Detector(jnp.asarray(0.8), jnp.asarray(0.2), gain, rotation, offset)

# %% [markdown]
# ## The fit
#
# The Hamiltonian is text. The initial state is squeezed, by an unknown amount. Values with units
# are converted, and the result is printed with them.

# %%
result = dqm.recover(
    data,
    "omega*n + U/2*n*(n-1)",
    state="squeezed",
    detector=detector,
    off=dark,
    fix={"C": 1.0},
    start={"omega": "2*pi*0.1 MHz", "U": "2*pi*0.3 MHz"},
)
print(result)

# %% [markdown]
# Is it right? The pull is the error of an estimate in units of its error bar.

# %%
pulls = {
    name: (result.estimate[name] - value) / result.stderr[name]
    for name, value in (truth | {"efficiency": 0.6, "noise": 0.3, "xi_re": 0.4}).items()
}
print({name: round(pull, 1) for name, pull in pulls.items()})

# %% [markdown]
# ## What an ideal detector would conclude
#
# The same file, taken as if no photon were lost: the model is rejected. No wrong number leaves
# silently.

# %%
if not SMALL:
    ideal = dqm.Detector(1.0, jnp.asarray(0.3), gain, rotation, offset)
    options = {"state": "squeezed", "fix": {"C": 1.0}, "off": dark}
    wrong = dqm.recover(data, "omega*n + U/2*n*(n-1)", detector=ideal, **options)
    print(wrong.goodness.verdict)

# %%
fig, axes = plt.subplots(1, 3, figsize=(9, 3), sharex=True, sharey=True, layout="constrained")
for ax, i in zip(axes, (0, len(times) // 2, len(times) - 1), strict=True):
    ax.plot(*(1e3 * data.points[i, :300].T), ".", ms=2, label="signal")
    ax.plot(*(1e3 * dark.points[0, :300].T), ".", ms=2, alpha=0.4, label="dark")
    ax.set_title(f"t = {data.t[i]:.2g} µs")
    ax.set_xlabel("I (mV)")
    ax.set_aspect("equal")
axes[0].set_ylabel("Q (mV)")
axes[0].legend(loc="upper left", markerscale=3)
plt.show()
