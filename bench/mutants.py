"""Which planted bugs do the tests notice?

    python bench/mutants.py [NAME …] [--check] [--list] [--json FILE]

Each mutant is one realistic bug: one place of the package is changed in a copy, and the tests that
ought to notice it are run there. It is noticed if one of them fails (pytest's exit status 1). Any
other status than 0 and 1 is an error of this table. The mutants of `CHECKS` are in what guards
against silent errors: statuses, error estimates, limits, refusals and verdicts; those of
`EQUATIONS` in everything else. bench/results/mutants.json has the last result.
"""

import argparse
import collections
import contextlib
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

ROOT = pathlib.Path(__file__).parent.parent
COPIED = ("dqmjax", "tests", "pyproject.toml")
PYTEST = ("-m", "pytest", "-x", "-q", "-rfE", "-n", "0", "-p", "no:cacheprovider")
LONGEST = 300  # seconds that the tests of one mutant may take
TARGET = 0.95


class Mutant(NamedTuple):
    """A planted bug."""

    name: str
    file: str  # in dqmjax/
    old: str  # occurs once in it
    new: str
    tests: str  # arguments of pytest, in tests/


class Outcome(NamedTuple):
    """What the tests say about a mutant."""

    noticed: bool
    seconds: float
    test: str  # that failed first


CHECKS = (
    Mutant(
        "status: a NaN counts as a small fault",
        "evolution/status.py",
        "jnp.where(jnp.isnan(sizes), jnp.inf, sizes)",
        "jnp.where(jnp.isnan(sizes), 0.0, sizes)",
        "evolution/test_status.py -k 'judge or split-strang-False'",
    ),
    Mutant(
        "status: the largest fault is reported, not the first",
        "evolution/status.py",
        "worst = jnp.where(over.any(), jnp.argmax(over), jnp.argmax(sizes))",
        "worst = jnp.argmax(sizes)",
        "evolution/test_status.py -k 'judge or canonical-False'",
    ),
    Mutant(
        "status: a fault is forgotten at the next time",
        "evolution/interval.py",
        "later(before.status, judge(found))",
        "judge(found)",
        "evolution/test_error.py -k edge",
    ),
    Mutant(
        "status: a NaN estimate of the error is accurate",
        "evolution/status.py",
        "inaccurate = (status.reason == Reason.OK) & ~(size <= 1)",
        "inaccurate = (status.reason == Reason.OK) & (size > 1)",
        "evolution/test_status.py -k error",
    ),
    Mutant(
        "status: errors up to 1000 % are accurate",
        "evolution/status.py",
        "size = error / LARGEST_ERROR",
        "size = error / (1000 * LARGEST_ERROR)",
        "evolution/test_error.py -k coarse",
    ),
    Mutant(
        "status: the limit of short waves does not fall with the points",
        "evolution/status.py",
        "min(LARGEST_ERROR**2, LARGEST_ERROR / max(grid.shape))",
        "LARGEST_ERROR**2",
        "canonical/test_split_step.py -k small_jump",
    ),
    Mutant(
        "status: the edge is watched in periodic boxes",
        "evolution/status.py",
        "    if grid.isolated:",
        "    if not grid.isolated:",
        "evolution/test_status.py -k split-strang-False",
    ),
    Mutant(
        "status: a NaN size of a sudden fault is none",
        "evolution/status.py",
        "return jnp.where(size <= 1, 0.0, size)",
        "return jnp.where(size > 1, size, 0.0)",
        "evolution/test_status.py -k 'sudden or chebyshev-False'",
    ),
    Mutant(
        "status: one finite number makes a state finite",
        "evolution/status.py",
        "jnp.array([jnp.isfinite(leaf).all() for leaf in leaves])",
        "jnp.array([jnp.isfinite(leaf).any() for leaf in leaves])",
        "evolution/test_status.py -k split-strang-False",
    ),
    Mutant(
        "solve: NaN parameters are valid",
        "evolution/interval.py",
        "is_finite(state) & ~jnp.array([False, *(jnp.isnan(leaf).any() for leaf in leaves)]).any()",
        "is_finite(state)",
        "evolution/test_status.py -k split-strang-False",
    ),
    Mutant(
        "solve: what is saved under jit stays finite",
        "evolution/solve.py",
        "saved = jax.tree.map(lambda leaf: _spoiled(fails, leaf), solution.saved)",
        "saved = solution.saved",
        "evolution/test_error.py -k under_jit",
    ),
    Mutant(
        "solve: the final state under jit stays finite",
        "evolution/solve.py",
        "final = jax.tree.map(lambda leaf: _spoiled(fails[-1], leaf), solution.final)",
        "final = solution.final",
        "evolution/test_error.py -k under_jit",
    ),
    Mutant(
        "times: traced times may repeat",
        "evolution/times.py",
        "jnp.cumprod(jnp.diff(ts) > 0) > 0",
        "jnp.cumprod(jnp.diff(ts) >= 0) > 0",
        "evolution/test_status.py -k split-strang-False",
    ),
    Mutant(
        "times: intervals are alike within an absolute time",
        "evolution/times.py",
        "roundoff = 4 * np.finfo(lengths.dtype).eps * np.abs(ts).max()",
        "roundoff = 1e-12",
        "wave/test_units_of_steps.py -k intervals",
    ),
    Mutant(
        "error: the second half step is taken at the first one's time",
        "evolution/error.py",
        "step(t + i * dt / count, y)",
        "step(t, y)",
        "evolution/test_error.py -k 'estimates and driven'",
    ),
    Mutant(
        "error: that of one step stands for all of an interval",
        "evolution/error.py",
        "jnp.cumsum(steps * factor * power)",
        "jnp.cumsum(factor * power)",
        "evolution/test_error.py -k add_up",
    ),
    Mutant(
        "error: ten times the tolerance is accepted",
        "evolution/error.py",
        "if largest <= tolerance:",
        "if largest <= 10 * tolerance:",
        "evolution/test_error.py -k 'estimates and static'",
    ),
    Mutant(
        "error: the distance is absolute",
        "evolution/error.py",
        "jnp.where(size == 0, 1.0, size)",
        "jnp.where(size == 0, 1.0, 1.0)",
        "evolution/test_error.py -k 'estimates and static'",
    ),
    Mutant(
        "error: only the first step is probed",
        "evolution/error.py",
        "PROBES = 6 ",
        "PROBES = 1 ",
        "evolution/test_error.py -k hides",
    ),
    Mutant(
        "horizon: the first fault counts as valid",
        "evolution/horizon.py",
        "return int(over[0]) - 1 if over.size",
        "return int(over[0]) if over.size",
        "evolution/test_horizon.py -k not_before",
    ),
    Mutant(
        "gauss_legendre: converged within 1e-3",
        "evolution/gauss_legendre.py",
        "<= 1e4 * eps * jnp.max(jnp.abs(k))",
        "<= 1e-3 * jnp.max(jnp.abs(k))",
        "phase_space/test_liouville.py -k converge",
    ),
    Mutant(
        "truncation bound: what earlier steps leaked is forgotten",
        "fock_bargmann/steps.py",
        "grown * (watched.distance + dt * watched.rate / 2) + dt * rate / 2",
        "grown * (dt * watched.rate / 2) + dt * rate / 2",
        "evolution/test_error.py -k truncation",
    ),
    Mutant(
        "truncation bound: errors shrink where they may grow",
        "fock_bargmann/steps.py",
        "jnp.exp(known.growth * dt)",
        "jnp.exp(-known.growth * dt)",
        "evolution/test_error.py -k truncation",
    ),
    Mutant(
        "truncation bound: that before an interval is forgotten",
        "fock_bargmann/steps.py",
        "distance = watched.factor * before * watched.norm + watched.distance",
        "distance = watched.distance",
        "evolution/test_error.py -k truncation",
    ),
    Mutant(
        "truncation bound: growth of L − L† for that of L + L†",
        "fock_bargmann/ladder.py",
        "for x in (here + back, here - back))",
        "for x in (here - back, here + back))",
        "fock_bargmann/test_ladder.py -k growth",
    ),
    Mutant(
        "basis: one level fewer is counted as lost",
        "fock_bargmann/amplitudes.py",
        "near, far = sum_of((n >= first)",
        "near, far = sum_of((n > first)",
        "fock_bargmann/test_states.py -k loss_is_exact",
    ),
    Mutant(
        "states: the last allowed quantum is counted as lost",
        "fock_bargmann/states.py",
        "return 1 + (within if",
        "return (within if",
        "fock_bargmann/test_states.py fock_bargmann/test_basis.py -k quant",
    ),
    Mutant(
        "envelopes: steps across a jump are allowed",
        "evolution/envelopes.py",
        "if off.any():",
        "if False:",
        "evolution/test_envelopes.py",
    ),
    Mutant(
        "envelopes: traced times beyond a pulse are allowed",
        "evolution/envelopes.py",
        "is_inside.all(),",
        "True,",
        "evolution/test_envelopes.py",
    ),
    Mutant(
        "symbols: a flow in time is taken at t = 0",
        "phase_space/symbols.py",
        "if moves:",
        "if False:",
        "phase_space/test_driven.py -k silently",
    ),
    Mutant(
        "generator: κ of a bath is not checked",
        "phase_space/open_system.py",
        "if is_known((own, kappa)) and not np.isclose(own, kappa, atol=0):",
        "if False:",
        "fock_bargmann/test_open_system.py -k refused",
    ),
    Mutant(
        "hamiltonian: a kinetic energy may underflow",
        "wave/hamiltonian.py",
        "return require(energies, vanishing <= 1, UNDERFLOW)",
        "return require(energies, vanishing >= 0, UNDERFLOW)",
        "wave/test_hamiltonian.py -k underflows",
    ),
    Mutant(
        "potentials: layers a thousand times too thin absorb",
        "wave/potentials.py",
        "jnp.sqrt(self.strength) >= 4 * hbar",
        "jnp.sqrt(self.strength) >= 4e-3 * hbar",
        "wave/test_potentials.py -k layers",
    ),
    Mutant(
        "states: a tenth of the norm may be cut off",
        "wave/states.py",
        "MOST_LOST = 1e-4",
        "MOST_LOST = 1e-1",
        "wave/test_states.py -k cannot_represent",
    ),
    Mutant(
        "spectrum: any share of short waves is accepted",
        "wave/spectrum.py",
        "SHORT = 1e-3",
        "SHORT = 1.0",
        "wave/test_spectrum.py -k does_not_resolve",
    ),
    Mutant(
        "spectrum: V between the points may differ a hundredfold",
        "wave/spectrum.py",
        "HIDDEN = 0.1",
        "HIDDEN = 100.0",
        "wave/test_spectrum.py -k does_not_resolve",
    ),
    Mutant(
        "spectrum: the residual is absolute",
        "wave/spectrum.py",
        "residual = lengths(rest / scale) / tolerance",
        "residual = lengths(rest) / tolerance",
        "wave/test_spectrum.py -k residual",
    ),
    Mutant(
        "spectrum: NaN faults are trusted on the host",
        "wave/spectrum.py",
        "if is_known(size) and not (size <= 1).all():",
        "if is_known(size) and (size > 1).any():",
        "wave/test_spectrum.py -k 'nan or faults'",
    ),
    Mutant(
        "chebyshev: too many terms are not reported",
        "wave/chebyshev.py",
        "Reason.STEP_TOO_LONG: beyond(self.reach),",
        "Reason.STEP_TOO_LONG: 0 * self.reach,",
        "evolution/test_status.py -k chebyshev-False",
    ),
    Mutant(
        "canonical step: a negative ρ is a density",
        "canonical/split_step.py",
        "size = jnp.where(jnp.min(state[0]) < 0, jnp.inf, off)",
        "size = off",
        "canonical/test_split_step.py -k negative_density",
    ),
    Mutant(
        "canonical step: ∫ρ may differ by a tenth",
        "canonical/split_step.py",
        "TOTAL = 1e-4",
        "TOTAL = 1e-1",
        "canonical/test_split_step.py -k invalid_states",
    ),
    Mutant(
        "atlas: a step that failed is forgotten by the next substep",
        "canonical/atlas.py",
        "last, failed | at_zero | ~converged",
        "last, at_zero | ~converged",
        "canonical/test_atlas.py -k forgotten",
    ),
    Mutant(
        "liouville: a step that failed is forgotten by the next substep",
        "phase_space/liouville.py",
        "return moved, failed | ~settled.all()",
        "return moved, ~settled.all()",
        "phase_space/test_liouville.py -k forgotten",
    ),
    Mutant(
        "polar: known negative densities have a root",
        "canonical/polar.py",
        "if is_known(rho) and (np.asarray(rho) < 0).any():",
        "if is_known(rho) and (np.asarray(rho) < 0).all():",
        "test_bad_input.py -k from_canonical",
    ),
    Mutant(
        "polar: the spanning tree follows the larger of two densities",
        "canonical/polar.py",
        "weakest = jnp.min(rho[ends], axis=0)",
        "weakest = jnp.max(rho[ends], axis=0)",
        "canonical/test_polar.py",
    ),
    Mutant(
        "polar: the branch at the maximum is not continued",
        "canonical/polar.py",
        "start = 0.0 if like is None else jnp.round((like[root] - angle[root]) / TWO_PI)",
        "start = 0.0",
        "canonical/test_split_step.py -k save_to_save",
    ),
    Mutant(
        "polar: half turns of S are never continued",
        "canonical/polar.py",
        "> np.pi / 2)",
        "> np.pi)",
        "canonical/test_polar.py",
    ),
    Mutant(
        "fields: a thousandth of ρ may be faster than light",
        "canonical/fields.py",
        "lost <= 1e-12 * grid.integrate(rho)",
        "lost <= 1e-3 * grid.integrate(rho)",
        "canonical/test_fields.py -k 'light or relativistic'",
    ),
    Mutant(
        "user function: a coordinate that is not there is clamped",
        "user_function.py",
        "if _reads_beyond(program, [None] * len(program.jaxpr.invars)):",
        "if False:",
        "test_grid.py -k wherever",
    ),
    Mutant(
        "grid: short waves are the highest hundredth",
        "grid.py",
        "> 2 / 3 * jnp.max(jnp.abs(k))",
        "> 0.99 * jnp.max(jnp.abs(k))",
        "test_grid.py -k short_waves",
    ),
    Mutant(
        "grid: the upper edge of a box is not looked at",
        "grid.py",
        "np.isin(np.arange(n), (0, n - 1))",
        "np.isin(np.arange(n), (0,))",
        "test_grid.py -k edge",
    ),
    Mutant(
        "errors: zero is positive",
        "errors.py",
        "lambda x: (x > 0) & (x < np.inf)",
        "lambda x: (x >= 0) & (x < np.inf)",
        "test_bad_input.py -k 'Harmonic or Morse'",
    ),
    Mutant(
        "errors: infinity is finite",
        "errors.py",
        '"be finite", lambda x: abs(x) < np.inf',
        '"be finite", lambda x: abs(x) <= np.inf',
        "test_bad_input.py -k 'Kerr'",
    ),
    Mutant(
        "errors: one finite entry makes an array finite",
        "errors.py",
        "not np.isfinite(value).all()",
        "not np.isfinite(value).any()",
        "wave/test_observables.py -k nan",
    ),
    Mutant(
        "errors: bad traced numbers stay numbers",
        "errors.py",
        "return array * _one_or_nan(holds(array))",
        "return array * 1.0",
        "evolution/test_status.py -k split-strang-False",
    ),
    Mutant(
        "errors: True is a whole number",
        "errors.py",
        "if isinstance(value, bool) or not isinstance(value, int | np.integer)",
        "if not isinstance(value, int | np.integer)",
        "test_bad_input.py -k 'Grid or FockBargmann-'",
    ),
    Mutant(
        "fokker_planck: κ = ħ within an absolute difference",
        "phase_space/fokker_planck.py",
        "np.isclose(one, other, rtol=1e-5, atol=0.0)",
        "np.isclose(one, other, rtol=1e-5)",
        "phase_space/test_units.py -k verdicts",
    ),
    Mutant(
        "constraints: residuals are absolute",
        "phase_space/free_motion.py",
        "numbers.where(size > 0, size, 1.0)",
        "numbers.where(size > 0, 1.0, 1.0)",
        "phase_space/test_constraints.py -k small_energies",
    ),
    Mutant(
        "ordering: small operators are Hermitian",
        "phase_space/ordering.py",
        "roundoff * size.max()",
        "1e-8",
        "phase_space/test_ordering.py -k hermitian",
    ),
    Mutant(
        "coordinates: κ/ℓ may underflow",
        "phase_space/coordinates.py",
        "_representable(ell, power) & _representable(kappa / ell, power)",
        "_representable(ell, power) & True",
        "phase_space/test_units.py -k underflows",
    ),
    Mutant(
        "snapshots: the larger of two bounds of memory counts",
        "storage/npz.py",
        "most = min(MOST_BYTES, PACKED * size + FREE_BYTES)",
        "most = max(MOST_BYTES, PACKED * size + FREE_BYTES)",
        "data/test_snapshots.py -k unpacked",
    ),
    Mutant(
        "snapshots: an array may be there twice",
        "storage/npz.py",
        "if names.count(name) > 1:",
        "if names.count(name) > 2:",
        "data/test_snapshots.py -k twice",
    ),
    Mutant(
        "snapshots: densities of the wrong sign",
        "data/snapshots.py",
        "if first.max() < -first.min():",
        "if first.max() < first.min():",
        "data/test_snapshots.py -k wrong_sign",
    ),
    Mutant(
        "series: frequencies need not be multiples of 1/shots",
        "data/series.py",
        "ROUNDED = 0.01",
        "ROUNDED = 10.0",
        "test_bad_input.py -k Series",
    ),
    Mutant(
        "goodness: residuals far below σ are fine",
        "data/goodness.py",
        "and self.excess > -SIGNIFICANT",
        "and self.excess > -1e3 * SIGNIFICANT",
        "data/test_goodness.py -k too_large",
    ),
    Mutant(
        "goodness: a NaN strain is no failure",
        "data/goodness.py",
        "if not self.strain <= 1:",
        "if self.strain > 1:",
        "data/test_goodness.py -k wrong",
    ),
    Mutant(
        "goodness: steps may shift the estimates by 500 σ",
        "data/goodness.py",
        "SHIFTED = 0.5",
        "SHIFTED = 500.0",
        "data/test_goodness.py -k wrong",
    ),
    Mutant(
        "goodness: what cannot be tested describes the data",
        "data/goodness.py",
        "return self.fits and self.is_testable",
        "return self.fits",
        "data/test_goodness.py -k 'cannot or too_few'",
    ),
    Mutant(
        "result: the noise level does not widen the errors",
        "recovery/judgement.py",
        "information = information.over_noise(good.noise)",
        "information = information.over_noise(1.0)",
        "recovery/test_statistics_of_lines.py -k unknown_noise",
    ),
    Mutant(
        "experiments: a fault that is NaN is none",
        "experiments/abstract.py",
        "size = jnp.where(jnp.isnan(fault), jnp.inf, fault)",
        "size = jnp.where(jnp.isnan(fault), 0.0, fault)",
        "recovery/test_verdict.py -k nan",
    ),
    Mutant(
        "experiments: steps are refined by none",
        "experiments/evolution.py",
        "return dataclasses.replace(self, substeps=2 * self.substeps)",
        "return dataclasses.replace(self, substeps=self.substeps)",
        "recovery/test_verdict.py -k long",
    ),
    Mutant(
        "experiments: one level beyond the count is accepted",
        "experiments/levels.py",
        "(transitions < self.count)",
        "(transitions <= self.count)",
        "recovery/test_experiments.py -k transitions",
    ),
    Mutant(
        "information: a product has its powers inverted",
        "recovery/information.py",
        "slopes = rows[:, group] * (self.scales / np.abs(vector))[group]",
        "slopes = rows[:, group] / (self.scales / np.abs(vector))[group]",
        "recovery/test_statistics_of_lines.py -k product",
    ),
    Mutant(
        "cli: exit status 0 for a model that does not describe the data",
        "cli.py",
        "return 0 if result.goodness.describes_data else 1",
        "return 0",
        "test_cli.py -k gives_status_1",
    ),
    Mutant(
        "cli: folders of running processes are removed",
        "storage/output.py",
        "if process.isdecimal() and not _runs(int(process)):",
        "if process.isdecimal() and _runs(int(process)):",
        "test_output.py -k ended",
    ),
    Mutant(
        "cli: files of a former run stay",
        "storage/output.py",
        "(path / name).unlink(missing_ok=True)",
        "(folder / name).exists()",
        "test_output.py -k 'two_runs or gone'",
    ),
    Mutant(
        "statistics: μ may be above an energy of bosons",
        "quantum_statistics.py",
        "is_possible = (occupation >= 0) & (occupation < jnp.inf)",
        "is_possible = occupation < jnp.inf",
        "test_bad_input.py -k bosons",
    ),
    Mutant(
        "interference: a coherence above 1",
        "wave/interference.py",
        "& (jnp.asarray(within) <= 1)",
        "& (jnp.asarray(within) <= 1e3)",
        "wave/test_interference.py -k 'invalid or traced'",
    ),
)

EQUATIONS = (
    Mutant(
        "closed systems: what leaves on one side only is counted",
        "fock_bargmann/steps.py",
        "for one in (rho, _adjoint(rho))]",
        "for one in (rho,)]",
        "fock_bargmann/test_steps.py -k both_sides",
    ),
    Mutant(
        "leaks: boxes without the corners",
        "fock_bargmann/ladder.py",
        "(0, n) if a < axis else (0, n + r)",
        "(0, n)",
        "fock_bargmann/test_ladder.py -k tables",
    ),
    Mutant(
        "Chebyshev: an even number of terms",
        "wave/chebyshev.py",
        ", k, 0)) + 2 | 1",
        ", k, 0)) + 3 & ~1",
        "wave/test_derivatives.py -k chebyshev",
    ),
    Mutant(
        "particles: a step from the end of the interval",
        "trajectories/paths.py",
        "solver.step(terms, ends[0], ends[1],",
        "solver.step(terms, ends[1], ends[1] + (ends[1] - ends[0]),",
        "trajectories/test_wave.py -k plane",
    ),
    Mutant(
        "closed systems: the adjoint without conjugation",
        "fock_bargmann/steps.py",
        "rho.transpose(np.roll(range(rho.ndim), rho.ndim // 2)).conj()",
        "rho.transpose(np.roll(range(rho.ndim), rho.ndim // 2))",
        "fock_bargmann/test_steps.py -k both_sides",
    ),
    Mutant(
        "expansion: Cħ to the order k",
        "fock_bargmann/expansion.py",
        "diffusivity ** (k - 1)",
        "diffusivity**k",
        "fock_bargmann/test_sources.py -k one_derivative",
    ),
    Mutant(
        "blocks: the adjoint without conjugation",
        "fock_bargmann/blocks.py",
        "jnp.stack([own, *(one.conj() for one in mirrored)], axis=-1)",
        "jnp.stack([own, *mirrored], axis=-1)",
        "fock_bargmann/test_ladder.py -k adjoint",
    ),
    Mutant(
        "products: the sign of the imaginary part",
        "products.py",
        "imag[..., :rows, :] + real[..., rows:, :]",
        "imag[..., :rows, :] - real[..., rows:, :]",
        "test_products.py",
    ),
    Mutant(
        "drives: the shares of the two nodes are exchanged",
        "fock_bargmann/steps.py",
        "near, far = SHARES",
        "far, near = SHARES",
        "fock_bargmann/test_driven.py -k 'order or bath'",
    ),
    Mutant(
        "drives: both nodes are the middle",
        "fock_bargmann/steps.py",
        "NODES = (0.5 - ROOT / 6, 0.5 + ROOT / 6)",
        "NODES = (0.5, 0.5)",
        "fock_bargmann/test_driven.py -k 'order or bath'",
    ),
    Mutant(
        "drives: a frozen symbol forgets its time",
        "phase_space/driven.py",
        "return self.symbol(q, p, self.t)",
        "return self.symbol(q, p, 0 * self.t)",
        "phase_space/test_driven.py",
    ),
    Mutant(
        "baths: jumps in reversed order",
        "fock_bargmann/ladder.py",
        "total[tuple(one(left, i) + dagger(right, i) for i in axes) + none] -= 0.5",
        "total[tuple(dagger(right, i) + one(left, i) for i in axes) + none] -= 0.5",
        "fock_bargmann/test_open_system.py -k one_mode",
    ),
    Mutant(
        "baths: coefficients without their phases",
        "fock_bargmann/sources.py",
        "jnp.outer(j, j.conj())",
        "jnp.outer(j, j)",
        "fock_bargmann/test_moving_frame.py -k open",
    ),
    Mutant(
        "baths: ladder operators of another width without their mixing",
        "phase_space/open_system.py",
        "(ratio - 1 / ratio) / 2,",
        "0 * ratio,",
        "fock_bargmann/test_open_system.py -k width",
    ),
    Mutant(
        "moving frame: it turns the other way",
        "fock_bargmann/moving_frame.py",
        "velocity = _turned(space, lost, -angle)",
        "velocity = _turned(space, lost, angle)",
        "fock_bargmann/test_moving_frame.py -k 'hundred or changes'",
    ),
    Mutant(
        "moving frame: the rotation is not taken out of H",
        "fock_bargmann/moving_frame.py",
        "return moved - self.space.kappa * (self.spin @ quanta)",
        "return moved",
        "fock_bargmann/test_moving_frame.py -k 'hundred or changes'",
    ),
    Mutant(
        "moving frame: damping drives its center out",
        "fock_bargmann/moving_frame.py",
        "return lost - damping, lost, spin",
        "return lost + damping, lost, spin",
        "fock_bargmann/test_moving_frame.py -k changes",
    ),
    Mutant(
        "exponential: the first Chebyshev polynomial is taken twice",
        "fock_bargmann/exponential.py",
        "jnp.where(k == 1, 0.5, 1.0)",
        "jnp.where(k == 1, 1.0, 1.0)",
        "fock_bargmann/test_exponential.py -k round_off",
    ),
    Mutant(
        "solve: substeps begin a whole interval apart",
        "evolution/solve.py",
        "starts = t + dt / substeps * jnp.arange(substeps)",
        "starts = t + dt * jnp.arange(substeps)",
        "wave/test_split_step.py -k order",
    ),
    Mutant(
        "adjoint: the last steps of a checkpointed run are lost",
        "evolution/adjoint.py",
        "return _scan(step, state, starts[whole:])",
        "return _scan(step, state, starts[:0])",
        "evolution/test_gradients.py -k take_all",
    ),
    Mutant(
        "adjoint: steps are undone in the wrong order",
        "evolution/adjoint.py",
        "back, (final, cotangent, zeros), starts, reverse=True",
        "back, (final, cotangent, zeros), starts, reverse=False",
        "evolution/test_gradients.py -k gradients",
    ),
    Mutant(
        "schemes: two digits of a coefficient are swapped",
        "evolution/schemes.py",
        "0.0752539843015807",
        "0.0752593843015807",
        "wave/test_split_step.py -k 'order and nystrom6'",
    ),
    Mutant(
        "splitting: V(x, t) is taken at the beginning of a step",
        "evolution/splitting.py",
        "state = self.kick(stage.kick, t + stage.time * self.dt, state)",
        "state = self.kick(stage.kick, t, state)",
        "wave/test_split_step.py -k order",
    ),
    Mutant(
        "splitting: the derivative in dt has all of that in t",
        "evolution/splitting.py",
        "d_dt + stage.time * d_now",
        "d_dt + d_now",
        "wave/test_derivatives.py -k 'all_adjoints and True'",
    ),
    Mutant(
        "splitting: a missing conjugate in the reverse pass",
        "evolution/splitting.py",
        "before = _product([phase.conj() for phase in phases], after)",
        "before = _product([phase for phase in phases], after)",
        "evolution/test_gradients.py -k split",
    ),
    Mutant(
        "gauss_legendre: a sign in the table",
        "evolution/gauss_legendre.py",
        "[5 / 36 + ROOT / 24, 2 / 9, 5 / 36 - ROOT / 24]",
        "[5 / 36 + ROOT / 24, 2 / 9, 5 / 36 + ROOT / 24]",
        "phase_space/test_liouville.py -k order_six",
    ),
    Mutant(
        "hamiltonian: the boost has the wrong sign",
        "wave/hamiltonian.py",
        "_kinetic(self.hbar * k + p, m)",
        "_kinetic(self.hbar * k - p, m)",
        "canonical/test_split_step.py -k boost",
    ),
    Mutant(
        "potentials: Morse's minimum on the other side",
        "wave/potentials.py",
        "(x[0] - self.equilibrium)",
        "(x[0] + self.equilibrium)",
        "wave/test_potentials.py -k morse",
    ),
    Mutant(
        "potentials: the tails of a spline are doubled",
        "wave/potentials.py",
        "jnp.minimum(away, 2.0)) ** 3 / 6",
        "jnp.minimum(away, 2.0)) ** 3 / 3",
        "wave/test_potentials.py -k splines",
    ),
    Mutant(
        "states: a packet that spreads contracts",
        "wave/states.py",
        "(1 - 2j * s / hbar) * (grid.points - c)",
        "(1 + 2j * s / hbar) * (grid.points - c)",
        "wave/test_states.py -k correlated",
    ),
    Mutant(
        "states: both halves of a cat move to the same side",
        "wave/states.py",
        'minus("momentum", momentum), hbar',
        "momentum, hbar",
        "wave/test_states.py -k cat",
    ),
    Mutant(
        "observables: a current without a conjugate",
        "wave/observables.py",
        "jnp.imag(psi.conj()[..., None] * grid.gradient(psi))",
        "jnp.imag(psi[..., None] * grid.gradient(psi))",
        "wave/test_observables.py -k continuity",
    ),
    Mutant(
        "observables: the variance of p without its mean",
        "wave/observables.py",
        "return _moments(p**2, weights) - _moments(p, weights) ** 2",
        "return _moments(p**2, weights) - 0 * _moments(p, weights) ** 2",
        "wave/test_observables.py -k moments",
    ),
    Mutant(
        "eigensolver: V is not measured from its minimum",
        "wave/eigensolver.py",
        "(potential - jnp.min(potential)) / unit",
        "potential / unit",
        "wave/test_spectrum.py -k lanczos",
    ),
    Mutant(
        "chebyshev: the range of energies is too narrow",
        "wave/chebyshev.py",
        "return values[0] - margins[0], values[-1] + margins[-1]",
        "return values[0] + margins[0], values[-1] - margins[-1]",
        "wave/test_chebyshev.py",
    ),
    Mutant(
        "chebyshev: conjugated once only on the way back",
        "wave/chebyshev.py",
        "before = self(t, after.conj()).conj()",
        "before = self(t, after.conj())",
        "wave/test_derivatives.py -k chebyshev",
    ),
    Mutant(
        "split_step: the longest step is twice as long",
        "wave/split_step.py",
        "return jnp.pi * h.hbar / jnp.maximum(drift, kick)",
        "return 2 * jnp.pi * h.hbar / jnp.maximum(drift, kick)",
        "wave/test_split_step.py -k longest",
    ),
    Mutant(
        "polar: the mask of a phase without its square",
        "canonical/polar.py",
        "mask = rho > (eps / accuracy) ** 2 * rho.max()",
        "mask = rho > (eps / accuracy) * rho.max()",
        "canonical/test_polar.py -k mask",
    ),
    Mutant(
        "energy: derivatives are not per cell",
        "canonical/energy.py",
        "return slopes[1] / grid.cell, -slopes[0] / grid.cell",
        "return slopes[1], -slopes[0]",
        "canonical/test_energy.py -k textbooks",
    ),
    Mutant(
        "energy: the bracket with its arguments swapped",
        "canonical/energy.py",
        "jax.jvp(a, (rho, S), canonical_equations(b, grid)(rho, S))[1]",
        "jax.jvp(b, (rho, S), canonical_equations(a, grid)(rho, S))[1]",
        "canonical/test_energy.py -k bracket",
    ),
    Mutant(
        "fields: twice the energy of the drift",
        "canonical/fields.py",
        "drift = per_density(mass / 2 * flow**2, density(psi)[..., None])",
        "drift = per_density(mass * flow**2, density(psi)[..., None])",
        "canonical/test_fields.py -k ledger",
    ),
    Mutant(
        "canonical step: the boost is added twice to S",
        "canonical/split_step.py",
        "to_canonical(psi, self.hbar, last - self.slope)",
        "to_canonical(psi, self.hbar, last)",
        "canonical/test_split_step.py -k boosted",
    ),
    Mutant(
        "basis: a missing conjugate in the numbers of a matrix",
        "fock_bargmann/basis.py",
        "jnp.where(i == j, 0.0, matrix[j, i].conj())",
        "jnp.where(i == j, 0.0, matrix[j, i])",
        "fock_bargmann/test_basis.py -k numbers",
    ),
    Mutant(
        "ladder: the letters of a word in the wrong order",
        "fock_bargmann/ladder.py",
        "for letter in reversed(letters):",
        "for letter in letters:",
        "fock_bargmann/test_generator.py -k commutator",
    ),
    Mutant(
        "generator: mixed derivatives are counted once",
        "fock_bargmann/terms.py",
        "return math.factorial(len(axes)) // same",
        "return 1",
        "fock_bargmann/test_generator.py -k 'bath or any_C'",
    ),
    Mutant(
        "generator: kets move as if κ were 1",
        "fock_bargmann/sources.py",
        "return -1j * values[:, None] / space.kappa",
        "return -1j * values[:, None]",
        "fock_bargmann/test_kets.py -k units",
    ),
    Mutant(
        "exponential: too large a norm gives a number",
        "fock_bargmann/exponential.py",
        "return state * jnp.where(count <= limit, 1.0, jnp.nan)",
        "return state * jnp.where(count <= limit, 1.0, 1.0)",
        "fock_bargmann/test_exponential.py -k norm",
    ),
    Mutant(
        "exponential: ten terms fewer",
        "fock_bargmann/exponential.py",
        "{128: 78.0, 32: 7.6}",
        "{128: 100.0, 32: 10.0}",
        "fock_bargmann/test_exponential.py -k round_off",
    ),
    Mutant(
        "readout: a marginal has the spacing of the axes that it keeps",
        "fock_bargmann/readout.py",
        "math.prod(grid.spacing[axis] for axis in others)",
        "math.prod(grid.spacing[axis] for axis in axes)",
        "fock_bargmann/test_readout.py -k marginal_of",
    ),
    Mutant(
        "readout: samples of ρ² for ρ",
        "fock_bargmann/readout.py",
        "vectors[:, kept] * np.sqrt(parts[kept])",
        "vectors[:, kept] * parts[kept]",
        "fock_bargmann/test_readout.py -k samples",
    ),
    Mutant(
        "grid_step: short waves are judged as those of other states",
        "fock_bargmann/grid_step.py",
        "grid_faults(self.grid, state, state, UNRESOLVED)",
        "grid_faults(self.grid, state, state)",
        "evolution/test_horizon.py -k strict",
    ),
    Mutant(
        "fokker_planck: the diffusion does not fall with κ",
        "phase_space/fokker_planck.py",
        "return self.hbar / (2 * self.kappa) * scale[:, None]",
        "return self.hbar / 2 * scale[:, None]",
        "phase_space/test_fokker_planck.py -k powers_of_q",
    ),
    Mutant(
        "fokker_planck: one power of Cħ too many",
        "phase_space/fokker_planck.py",
        "(self.C * self.hbar) ** (k - 1)",
        "(self.C * self.hbar) ** k",
        "phase_space/test_fokker_planck.py -k powers_of_q",
    ),
    Mutant(
        "fokker_planck: a bath without its vacuum",
        "phase_space/open_system.py",
        "self.rate * (self.thermal + 1) / 2",
        "self.rate * self.thermal / 2",
        "fock_bargmann/test_generator.py -k bath",
    ),
    Mutant(
        "polynomial: α for α*",
        "phase_space/polynomial.py",
        "starred = np.roll(reader.exponents, modes, axis=1)",
        "starred = np.roll(reader.exponents, 0, axis=1)",
        "phase_space/test_ordering.py",
    ),
    Mutant(
        "ordering: twice the step between two orders",
        "phase_space/ordering.py",
        'step = (finite("target", target, shape=()) - finite("source", source, shape=())) / 2',
        'step = finite("target", target, shape=()) - finite("source", source, shape=())',
        "phase_space/test_ordering.py -k number_operators",
    ),
    Mutant(
        "ordering: a variance for a standard deviation",
        "phase_space/ordering.py",
        "spread = jnp.sqrt((self.target - self.source) / 2) * jnp.asarray(self.ell)",
        "spread = (self.target - self.source) / 2 * jnp.asarray(self.ell)",
        "phase_space/test_ordering.py -k convolution",
    ),
    Mutant(
        "constraints: time reversal changes no sign",
        "phase_space/constraints.py",
        "back(a) + b for a, b in",
        "back(a) - b for a, b in",
        "phase_space/test_constraints.py -k hold",
    ),
    Mutant(
        "wigner: V at twice the distance",
        "phase_space/wigner.py",
        "away = h.hbar / 2 * jnp.stack(",
        "away = h.hbar * jnp.stack(",
        "phase_space/test_wigner.py -k 'reference or barrier'",
    ),
    Mutant(
        "wigner: widths of q and p swapped",
        "phase_space/wigner.py",
        "widths = jnp.concatenate([scale, hbar / scale])",
        "widths = jnp.concatenate([hbar / scale, scale])",
        "phase_space/test_wigner.py -k smooth",
    ),
    Mutant(
        "of_wave: the momentum of a Wigner function is reversed",
        "phase_space/of_wave.py",
        "jnp.exp(2j * p * y / hbar)",
        "jnp.exp(-2j * p * y / hbar)",
        "wave/test_states.py -k phase_space",
    ),
    Mutant(
        "of_wave: a Husimi density beyond the momenta of the grid",
        "phase_space/of_wave.py",
        "inside = (jnp.abs(jnp.split(point, 2)[1]) <= most).all()",
        "inside = (jnp.abs(jnp.split(point, 2)[1]) <= 1e3 * most).all()",
        "wave/test_states.py -k beyond_the_momenta",
    ),
    Mutant(
        "symbols: three waves without a conjugate",
        "phase_space/catalogue.py",
        "jnp.real(one.conj() * two.conj() * three)",
        "jnp.real(one.conj() * two * three)",
        "phase_space/test_symbols.py -k operators",
    ),
    Mutant(
        "symbols: a quartic oscillator of unit frequency",
        "phase_space/catalogue.py",
        "3 * q[0] ** 2 / self.omega",
        "3 * q[0] ** 2",
        "phase_space/test_symbols.py fock_bargmann/test_generator.py -k 'operators or anharmonic'",
    ),
    Mutant(
        "samples: standard deviations for those of the means",
        "data/samples.py",
        "self.values.std(axis=1) / self.values.shape[1] ** 0.5",
        "self.values.std(axis=1)",
        "data/test_series.py -k means",
    ),
    Mutant(
        "likelihood: the sign of a binomial residual",
        "data/likelihood.py",
        "jnp.where(near, linear, jnp.sign(p - x) * far)",
        "jnp.where(near, linear, jnp.sign(x - p) * far)",
        "data/test_likelihood.py -k sign_of",
    ),
    Mutant(
        "likelihood: the information about a probability, not a density",
        "data/likelihood.py",
        "return self.cell * jnp.sqrt(self.shots / (p * (1 - p)))",
        "return jnp.sqrt(self.shots / (p * (1 - p)))",
        "data/test_likelihood.py",
    ),
    Mutant(
        "goodness: χ² as wide as half as many numbers",
        "data/goodness.py",
        "spread = np.mean(variance) / dof / 9",
        "spread = 2 * np.mean(variance) / dof / 9",
        "data/test_goodness.py -k excess",
    ),
    Mutant(
        "goodness: neighbours in time are not compared",
        "data/goodness.py",
        "products = (clipped[:-1] * clipped[1:]).ravel()",
        "products = (clipped[:0] * clipped[:0]).ravel()",
        "data/test_goodness.py -k in_time",
    ),
    Mutant(
        "fisher_scoring: the slope of a residual is squared",
        "recovery/fisher_scoring.py",
        "first = at.slope[rows].reshape(-1, 1) * jacobian",
        "first = at.slope[rows].reshape(-1, 1) ** 2 * jacobian",
        "recovery/test_statistics_of_lines.py -k 'scoring or rows'",
    ),
    Mutant(
        "information: priors count as data",
        "recovery/information.py",
        "np.sum(left[: len(self.data), seen] ** 2)",
        "np.sum(left[:, seen] ** 2)",
        "recovery/test_statistics_of_lines.py -k prior",
    ),
    Mutant(
        "detector: added noise is no loss",
        "experiments/detector.py",
        "efficiency / (1 + self.noise)",
        "efficiency / (1 + 0 * self.noise)",
        "experiments/test_detector.py -k gaussian",
    ),
    Mutant(
        "detector: the rotation is undone twice",
        "experiments/detector.py",
        "beta * jnp.exp(-1j * jnp.asarray(self.rotation)) / self.scale",
        "beta * jnp.exp(-2j * jnp.asarray(self.rotation)) / self.scale",
        "experiments/test_detector.py -k gaussian",
    ),
    Mutant(
        "test functions: the offset of a detector is forgotten",
        "data/test_functions.py",
        "v = (scale * (turn @ z) + shift[:, None]) / self.width",
        "v = (scale * (turn @ z)) / self.width",
        "experiments/test_detector.py -k integrals",
    ),
    Mutant(
        "tomography: factors are conjugated",
        "experiments/tomography.py",
        "parts.at[imaginary].add(1j *",
        "parts.at[imaginary].add(-1j *",
        "experiments/test_preparations.py -k factors",
    ),
    Mutant(
        "units: a frequency is no angular one",
        "data/units.py",
        "value / (2 * math.pi) * unit.magnitude",
        "value * unit.magnitude",
        "data/test_units.py -k hertz",
    ),
    Mutant(
        "design: the quantum information of pure states only",
        "recovery/design.py",
        "2 / np.where(sums > 0, sums, 1.0), 0.0)",
        "2 * (sums > 0), 0.0)",
        "recovery/test_information.py -k mixed",
    ),
    Mutant(
        "joint: a shared parameter is read from the first set only",
        "experiments/joint.py",
        "shared = {name: x for name, x in shared.items() if name not in separate}",
        "shared = {}",
        "recovery/test_states_and_detectors.py -k joint_information",
    ),
    Mutant(
        "weak_form: derivatives of test functions have one sign",
        "experiments/weak_form.py",
        "terms = [(-1) ** k * jnp.tensordot",
        "terms = [jnp.tensordot",
        "recovery/test_experiments.py -k samples_of_heterodyne",
    ),
    Mutant(
        "weak_form: one snapshot fewer is equally spaced",
        "experiments/weak_form.py",
        "return int(long[0]) + 1 if long.size",
        "return int(long[0]) if long.size",
        "experiments/test_weak_form.py -k early",
    ),
    Mutant(
        "discovery: evidence without the width of the prior",
        "recovery/discovery.py",
        "np.log(np.sqrt(variance) / width)",
        "np.log(np.sqrt(variance))",
        "recovery/test_discovery.py -k evidence",
    ),
    Mutant(
        "calibration: samples of the posterior are half as wide",
        "recovery/calibration.py",
        "result.vector + normal @ root.T",
        "result.vector + normal @ root.T / 2",
        "recovery/test_calibration.py -k right",
    ),
    Mutant(
        "information: chi2 of samples counts all parameters",
        "recovery/information.py",
        "directions[seen].T / sensitivity[seen]) ** 2))",
        "directions[seen].T / sensitivity[seen]) ** 0))",
        "recovery/test_information.py -k summary",
    ),
    Mutant(
        "multistart: beyond a bound the vector is moved to it",
        "recovery/multistart.py",
        "up = jnp.where(vector < lower, 2 * lower - vector, vector)",
        "up = jnp.where(vector < lower, vector, vector)",
        "recovery/test_statistics_of_lines.py -k reflected",
    ),
    Mutant(
        "problem: the scale of a parameter ignores its prior",
        "recovery/problem.py",
        "typical = np.maximum(typical, excluded)",
        "typical = np.maximum(typical, 0.0)",
        "recovery/test_calibration.py -k right",
    ),
    Mutant(
        "cutoff: the growth of a state is not seen",
        "experiments/cutoff.py",
        "growth = max(reach) - reach[0]",
        "growth = reach[0] - min(reach)",
        "experiments/test_preparations.py -k grows",
    ),
    Mutant(
        "preparations: squeezing by the conjugate",
        "experiments/preparations.py",
        "jnp.hypot(x, y), jnp.arctan2(y, x)",
        "jnp.hypot(x, y), -jnp.arctan2(y, x)",
        "experiments/test_preparations.py -k squeezed_states",
    ),
    Mutant(
        "phase space: a guess describes as many times as there are parameters",
        "experiments/phase_space.py",
        'return Guess(experiment, spread, count, "weak form")',
        'return Guess(experiment, spread, size, "weak form")',
        "experiments/test_weak_form.py -k describes",
    ),
    Mutant(
        "uncertainty: an interval where the deviance crosses 2",
        "recovery/uncertainty.py",
        "for side in (-1, 1))",
        "for side in (-1.4, 1.4))",
        "recovery/test_uncertainty.py -k profile",
    ),
    Mutant(
        "result: the horizon is the first time of a fault",
        "recovery/judgement.py",
        "float(t[max(int(np.argmax(~(faults <= 1))) - 1, 0)])",
        "float(t[max(int(np.argmax(~(faults <= 1))), 0)])",
        "recovery/test_verdict.py -k horizon",
    ),
    Mutant(
        "runs: later pieces of an interval have the times of the first",
        "runs/pieces.py",
        "step(t + length * (first + j), y)",
        "step(t + length * j, y)",
        "runs/test_run.py -k gives_what",
    ),
    Mutant(
        "runs: rows and state need not belong together",
        "runs/checkpoints.py",
        "== position.rows",
        ">= 0",
        "runs/test_run.py -k belong",
    ),
    Mutant(
        "storage: checksums are not compared",
        "storage/archive.py",
        "digests[name] != _digest(array)",
        "not digests[name]",
        "storage/test_archive.py -k damaged",
    ),
    Mutant(
        "storage: the code of classes does not count",
        "storage/fingerprint.py",
        'yield ".class", type(value)',
        "pass",
        "storage/test_fingerprint.py -k noticed",
    ),
    Mutant(
        "sharding: the inverse transform exchanges the wrong axes",
        "sharding.py",
        "part, mesh.axis_names, 0, 1, tiled=True",
        "part, mesh.axis_names, 1, 0, tiled=True",
        "test_sharding.py -k wave_function",
    ),
    Mutant(
        "multistart: the worse quarter continues",
        "recovery/multistart.py",
        "order = jnp.argsort(deviances)",
        "order = jnp.argsort(-deviances)",
        "recovery/test_statistics_of_lines.py -k many_starts",
    ),
    Mutant(
        "splines: the gradient of one axis for all",
        "splines.py",
        "*(s * weights[axis, j] for s in slopes)",
        "*(s * rates[axis, j] for s in slopes)",
        "trajectories/test_wave.py -k plane",
    ),
    Mutant(
        "wave: Nelson's drift with u of the other sign",
        "trajectories/wave.py",
        "return v + 2 * self.diffusion",
        "return v - 2 * self.diffusion",
        "trajectories/test_wave.py -k ground_state",
    ),
    Mutant(
        "wave: half of the noise",
        "trajectories/wave.py",
        "jnp.sqrt(2 * self.diffusion)",
        "jnp.sqrt(self.diffusion)",
        "trajectories/test_wave.py -k ground_state",
    ),
    Mutant(
        "wave: the boost moves no particle",
        "trajectories/wave.py",
        "drift = mobility / h.hbar * boost",
        "drift = 0 * mobility / h.hbar * boost",
        "trajectories/test_wave.py -k plane",
    ),
    Mutant(
        "paths: the mean energy is doubled, not removed",
        "trajectories/paths.py",
        "turn = -jnp.imag(",
        "turn = jnp.imag(",
        "trajectories/test_wave.py -k depends_on_place",
    ),
    Mutant(
        "paths: coarse steps have other noise",
        "trajectories/paths.py",
        "first = self.stride * jnp.argmin(jnp.abs(self.times - t0))",
        "first = jnp.argmin(jnp.abs(self.times - t0))",
        "trajectories/test_husimi.py -k depends_on_place",
    ),
    Mutant(
        "paths: Hermite interpolation without the last slope",
        "trajectories/paths.py",
        "- s**2 * (1 - s) * h * self.rates[i + 1]",
        "+ s**2 * (1 - s) * h * self.rates[i + 1]",
        "trajectories/test_wave.py -k double_well",
    ),
    Mutant(
        "husimi: the drift without the divergence of A and B",
        "trajectories/husimi.py",
        "return slope + extra(xi) @ score",
        "return 0 * slope + extra(xi) @ score",
        "trajectories/test_husimi.py -k kerr",
    ),
    Mutant(
        "husimi: A is B, not its modulus",
        "trajectories/husimi.py",
        "up, down = (_power(jnp.abs(x), power) for x in (middle + half, middle - half))",
        "up, down = (_power(jnp.abs(x), power) for x in (middle + half, middle + half))",
        "trajectories/test_husimi.py -k modulus",
    ),
    Mutant(
        "agreement: samples are shifted by half a cell",
        "trajectories/agreement.py",
        "minval=-0.5, maxval=0.5",
        "minval=0.0, maxval=1.0",
        "trajectories/test_wave.py -k samples_have",
    ),
    Mutant(
        "ordinary: D without its half",
        "trajectories/ordinary.py",
        "jnp.linalg.cholesky(self.diffusion(x, t)))",
        "jnp.linalg.cholesky(2 * self.diffusion(x, t)))",
        "trajectories/test_husimi.py -k depends_on_place",
    ),
    Mutant(
        "background: particles fall up",
        "canonical/background.py",
        'return -(positive("light_speed", light_speed, ()) ** 2)',
        'return (positive("light_speed", light_speed, ()) ** 2)',
        "canonical/test_background.py -k acceleration",
    ),
    Mutant(
        "background: the mass stands outside of both derivatives",
        "canonical/background.py",
        "flow = self.kinetic[..., None] * self.grid.gradient(psi)",
        "flow = jnp.mean(self.kinetic) * self.grid.gradient(psi)",
        "canonical/test_background.py -k order_of_mass",
    ),
    Mutant(
        "encounters: no meeting between two times",
        "trajectories/encounters.py",
        "separate = jnp.expm1(-gap / spread) / jnp.expm1(-r * s / spread)",
        "separate = jnp.where(gap > 0, 1.0, 0.0)",
        "trajectories/test_encounters.py",
    ),
    Mutant(
        "mixed law: the divergence of x with the sign of p",
        "trajectories/mixed_law.py",
        "signs * own / 2",
        "own / 2",
        "trajectories/test_mixed_time.py -k action",
    ),
    Mutant(
        "mixture: W does not widen",
        "trajectories/mixture.py",
        "growth = jnp.exp(positive(",
        "growth = 1 + 0 * jnp.exp(positive(",
        "trajectories/test_mixture.py",
    ),
    Mutant(
        "multistart: windows grow from the first time alone",
        "recovery/multistart.py",
        "t[0] + np.geomspace(first, whole, count + 1)[1:-1]",
        "t[0] + np.geomspace(first, whole, count + 2)[1:-1]",
        "recovery/test_statistics_of_lines.py -k windows",
    ),
    Mutant(
        "exponential: the series ends where J_k(2x) ends",
        "fock_bargmann/exponential.py",
        "k * jnp.log(x * ratio / 2)",
        "k * jnp.log(x * ratio)",
        "fock_bargmann/test_exponential.py -k terms_that_matter",
    ),
    Mutant(
        "exponential: the series ends too early",
        "fock_bargmann/exponential.py",
        "k * jnp.log(x * ratio / 2)",
        "k * jnp.log(x * ratio / 4)",
        "fock_bargmann/test_exponential.py -k terms_that_matter",
    ),
    Mutant(
        "ladder: one source of each coefficient is lost",
        "fock_bargmann/ladder.py",
        "most = int(is_source.sum(axis=1).max())",
        "most = int(is_source.sum(axis=1).max()) - 1",
        "fock_bargmann/test_generator.py -k some_of_the",
    ),
    Mutant(
        "parameters: arrays are numbered from 0",
        "experiments/parameters.py",
        'f"{name}_{i + 1}"',
        'f"{name}_{i}"',
        "experiments/test_parameters.py -k names",
    ),
    Mutant(
        "problem: mean squares for their roots",
        "recovery/problem.py",
        "max(np.sqrt(np.mean(x**2)) for x in (now, start))",
        "max(np.mean(x**2) for x in (now, start))",
        "recovery/test_statistics_of_lines.py -k size_of_each",
    ),
    Mutant(
        "experiments: frequencies without ħ",
        "experiments/levels.py",
        "(energies[upper] - energies[lower]) / self.hamiltonian.hbar)[None]",
        "(energies[upper] - energies[lower]))[None]",
        "recovery/test_experiments.py -k frequencies",
    ),
    Mutant(
        "comparison: Akaike's criterion counts parameters once",
        "recovery/comparison.py",
        "d + 2 * counted[name]",
        "d + counted[name]",
        "recovery/test_uncertainty.py -k models",
    ),
    Mutant(
        "plot: p in units of ℓ/κ",
        "plot/phase_space.py",
        "q, p = (points / [ell, kappa / ell]).T",
        "q, p = (points / [ell, ell / kappa]).T",
        "plot/test_plot.py -k units_of",
    ),
    Mutant(
        "plot: the residual has the wrong sign",
        "plot/recovered.py",
        "residual = data.measured - model",
        "residual = model - data.measured",
        "plot/test_plot.py -k residual",
    ),
    Mutant(
        "plot: a failed animation replaces the former one",
        "plot/animation.py",
        "animation.save(whole, writer",
        "animation.save(path, writer",
        "plot/test_plot.py -k animation",
    ),
    Mutant(
        "grid: a gradient has the unpaired wave",
        "grid.py",
        "parts = [self.ifft(1j * k * waves) for k in self.odd_waves]",
        "parts = [self.ifft(1j * k * waves) for k in self.waves]",
        "test_grid.py -k unpaired",
    ),
    Mutant(
        "statistics: two fermions in one state",
        "quantum_statistics.py",
        "jnp.where(jnp.max(n) > 1, -jnp.inf, value)",
        "jnp.where(jnp.max(n) > 2, -jnp.inf, value)",
        "test_quantum_statistics.py",
    ),
    Mutant(
        "statistics: the spread of samples for that of their mean",
        "quantum_statistics.py",
        "/ (samples - 1) / samples)",
        "/ (samples - 1))",
        "test_quantum_statistics.py",
    ),
)


def main(words: Sequence[str] | None = None) -> int:
    """The exit status: 0 if enough of the mutants are noticed, 1 if not, 2 for errors."""
    options = _options(words)
    mutants = [m for m in CHECKS + EQUATIONS if not options.names or m.name in options.names]
    if options.list:
        print("\n".join(m.name for m in mutants))
        return 0
    with _copy() as folder:
        if options.check:
            _check(folder, mutants)
        outcomes, errors = {}, []
        for mutant in mutants:
            try:
                outcomes[mutant.name] = _outcome(folder, mutant)
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                errors.append(f"{mutant.name}: {error}")
    noticed = sum(outcome.noticed for outcome in outcomes.values())
    print(f"{noticed} of {len(mutants)} noticed, in {_seconds(outcomes):.0f} s")
    if options.json:
        _write(options.json, outcomes)
    print("\n".join(errors), file=sys.stderr)
    return 2 if errors else int(noticed < TARGET * len(mutants))


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Runs tests against planted bugs.")
    parser.add_argument("names", nargs="*", help="of mutants to run; all by default")
    parser.add_argument("--check", action="store_true", help="first run the tests without a bug")
    parser.add_argument("--list", action="store_true", help="print the names only")
    parser.add_argument("--json", type=pathlib.Path, help="file for the result; others stay in it")
    options = parser.parse_args(words)
    count = collections.Counter(m.name for m in CHECKS + EQUATIONS)
    wrong = [name for name in options.names if name not in count]
    if wrong or max(count.values()) > 1:
        parser.error(f"not the name of one mutant: {wrong or count.most_common(1)}")
    return options


@contextlib.contextmanager
def _copy() -> Iterator[pathlib.Path]:
    """A temporary folder with the package and its tests, from which Python imports them."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        folder = pathlib.Path(name).resolve()
        for part in COPIED:
            if (ROOT / part).is_dir():
                no_caches = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / part, folder / part, ignore=no_caches)
            else:
                shutil.copy(ROOT / part, folder / part)
        found = _python(folder, ("-c", "import dqmjax; print(dqmjax.__file__)")).stdout
        if folder not in pathlib.Path(found.strip()).parents:
            raise RuntimeError(f"Python imports {found.strip()}, not the copy.")
        yield folder


def _python(folder: pathlib.Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Without caches of byte code, which would miss a change of equal length within a second."""
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )


def _check(folder: pathlib.Path, mutants: Sequence[Mutant]):
    """The tests pass where no bug is planted."""
    for tests in dict.fromkeys(mutant.tests for mutant in mutants):
        if test := _failed(_tested(folder, tests), tests):
            raise RuntimeError(f"{test} fails without a mutant.")


def _outcome(folder: pathlib.Path, mutant: Mutant) -> Outcome:
    """The tests of a mutant in the copy, which is then restored."""
    file = folder / "dqmjax" / mutant.file
    text = file.read_text()
    if text.count(mutant.old) != 1:
        raise RuntimeError(f"{text.count(mutant.old)} places in {mutant.file}, not one.")
    begin = time.perf_counter()
    file.write_text(text.replace(mutant.old, mutant.new))
    try:
        test = _failed(_tested(folder, mutant.tests), mutant.tests)
    finally:
        file.write_text(text)
    outcome = Outcome(bool(test), round(time.perf_counter() - begin, 1), test)
    word = "noticed" if outcome.noticed else "MISSED "
    print(f"{word} {outcome.seconds:6.1f} s  {mutant.name}  {test}", flush=True)
    return outcome


def _tested(folder: pathlib.Path, tests: str) -> subprocess.CompletedProcess[str]:
    words = [f"tests/{w}" if ".py" in w else w for w in shlex.split(tests)]
    return _python(folder, (*PYTEST, *words))


def _failed(run: subprocess.CompletedProcess[str], name: str) -> str:
    """The test that failed first, if one did."""
    if run.returncode == 0:
        return ""
    found = re.search(r"^(?:FAILED|ERROR) tests/(.+?)(?: - |$)", run.stdout, re.MULTILINE)
    if run.returncode != 1 or not found:
        raise RuntimeError(f"pytest {name} ends with {run.returncode}.\n{run.stdout[-3000:]}")
    return found[1]


def _seconds(outcomes: dict[str, Outcome]) -> float:
    return sum(outcome.seconds for outcome in outcomes.values())


def _write(path: pathlib.Path, outcomes: dict[str, Outcome]):
    """All results, those of an earlier run where a mutant was not run again."""
    former = json.loads(path.read_text())["mutants"] if path.exists() else {}
    results = former | {name: outcome._asdict() for name, outcome in outcomes.items()}
    ordered = {m.name: results[m.name] for m in CHECKS + EQUATIONS if m.name in results}
    noticed = sum(result["noticed"] for result in ordered.values())
    summary = {"noticed": noticed, "of": len(ordered), "in_checks": len(CHECKS)}
    content = summary | {"mutants": ordered}
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
