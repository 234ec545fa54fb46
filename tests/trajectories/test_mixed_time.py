"""Mixed-time trajectories against closed forms, linear theory and their own action."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.errors import InputError
from dqmjax.phase_space.catalogue import Kerr, Oscillators, ParametricAmplifier
from dqmjax.phase_space.fokker_planck import current
from dqmjax.trajectories import (
    MixedTime,
    action,
    amplifier,
    conjugate_time,
    kerr,
    mixed_paths,
    mixed_time,
    quadratic,
)
from dqmjax.trajectories.mixed_law import Linear

KEY = jax.random.key(0)
START, END = jnp.array([[0.1]]), jnp.array([[0.2]])
FIRST = 2 * math.pi / 3**1.5  # 1.20919958, the conjugate time of `rotation`


def rotation(q, p):
    """`H = ω(q² + p²)/2 + gqp` with ω = 2, g = 1."""
    return q[0] ** 2 + p[0] ** 2 + q[0] * p[0]


def rotating_law():
    return quadratic(dqm.FokkerPlanck(rotation, ell=(1.0,))).law


def deviations(values, wanted, step_error=0.0):
    """By how many standard errors the mean of `values` differs, beyond the error of the steps."""
    error = values.std(ddof=1) / len(values) ** 0.5
    return max(0.0, abs(float(values.mean()) - wanted) - step_error) / float(error)


# --- the discretised paths


def benchmark_drift(of):
    return lambda x, p: of(x, p) / ((p - x) ** 2 + 1)


BENCHMARK = MixedTime(
    benchmark_drift(lambda x, p: p), benchmark_drift(lambda x, p: x), np.ones(1), np.ones(1)
)


def equal(p):
    return p


def test_coupled_benchmark_has_the_moments_of_the_linear_equation():
    """`dx = kx/((x−y)² + 1) dt + dw`, and y likewise backwards from `y(T) = x(T)`: y = x."""
    particles, ts = 4000, jnp.linspace(0.0, 1.0, 5)
    fine = jax.random.normal(KEY, (particles, 64)) / 8
    found = {}
    for substeps in (16, 8):
        noise = jnp.repeat(fine.reshape(particles, 4 * substeps, -1).sum(axis=2)[..., None], 2, 2)
        paths = mixed_paths(
            BENCHMARK, noise, jnp.ones((particles, 1)), equal, ts, substeps=substeps
        )
        assert jnp.allclose(paths[..., 0], paths[..., 1], atol=1e-9)
        found[substeps] = paths[..., 1]
    for t, x, coarse in zip(ts[1:], found[16][1:], found[8][1:], strict=True):
        for power, wanted in ((1, jnp.exp(t)), (2, 1.5 * jnp.exp(2 * t) - 0.5)):
            step = abs(float((x**power).mean() - (coarse**power).mean()))
            assert deviations(x**power, float(wanted), step) < 4


def test_paths_converge_strongly_to_first_order():
    law, particles, ts = rotating_law(), 200, jnp.array([0.0, 0.5, 1.0])
    fine = jax.random.normal(KEY, (particles, 256, 2)) / 16
    starts = jax.random.normal(jax.random.key(1), (2, particles, 1))
    paths = {}
    for count in (16, 32, 256):
        noise = fine.reshape(particles, count, -1, 2).sum(axis=2)
        paths[count] = mixed_paths(law, noise, *starts, ts, substeps=count // 2)
    error = lambda count: jnp.sqrt(jnp.mean((paths[count] - paths[256]) ** 2))
    assert 1.7 < error(16) / error(32) < 2.6
    assert jnp.allclose(paths[16][0, :, 1:], starts[0])
    assert jnp.allclose(paths[16][-1, :, :1], starts[1])


def test_deterministic_path_is_that_of_the_linear_equations():
    """Without noise, `x(0)` follows from x(T) by the matrix exponential."""
    law = rotating_law()
    matrix = np.array([[1.0, 2.0], [-2.0, -1.0]])
    to_end = jax.scipy.linalg.expm(matrix)
    first = np.array([(0.4 - to_end[0, 1] * 0.7) / to_end[0, 0], 0.7])
    start, end, ts = jnp.array([[0.7]]), jnp.array([[0.4]]), jnp.array([0.0, 0.5, 1.0])
    paths = mixed_paths(law, jnp.zeros((1, 400, 2)), start, end, ts, substeps=200)
    wanted = [jax.scipy.linalg.expm(t * matrix) @ first for t in ts]
    assert jnp.allclose(paths[:, 0], jnp.stack(wanted), atol=1e-4)


def test_paths_are_differentiable():
    """Through the solution, by p(0) and a parameter of the law, against differences."""
    ts, noise = jnp.array([0.0, 0.3]), jax.random.normal(KEY, (1, 8, 2)) * 0.2

    def middle(parameters):
        law = kerr(parameters[0])
        paths = mixed_paths(law, noise, parameters[1:].reshape(1, 1), END, ts, substeps=8)
        return paths[0, 0, 0] + paths[1, 0, 1]

    at, step = jnp.array([0.5, 0.6]), 1e-5
    shifts = step * jnp.eye(2)
    differences = [(middle(at + e) - middle(at - e)) / (2 * step) for e in shifts]
    assert jnp.allclose(jax.grad(middle)(at), jnp.stack(differences), rtol=1e-6)


# --- conjugate times


def test_conjugate_time_of_a_rotating_amplifier():
    law = rotating_law()
    assert jnp.allclose(law.drift(jnp.array([1.0, 0.0])), jnp.array([1.0, -2.0]))
    assert jnp.allclose(law.drift(jnp.array([0.0, 1.0])), jnp.array([2.0, -1.0]))
    assert jnp.allclose(law.diffusion, 1.0)
    assert conjugate_time(law, 5.0) == pytest.approx(FIRST, abs=1e-8)
    assert conjugate_time(law, FIRST + 1e-7) == pytest.approx(FIRST, abs=1e-8)
    assert conjugate_time(law, FIRST - 1e-7) == math.inf
    assert conjugate_time(amplifier(1.0), 50.0) == math.inf


def test_conjugate_time_where_two_zeros_coincide():
    """Two equal modes: the determinant does not change its sign."""
    two = lambda q, p: rotation(q[:1], p[:1]) + rotation(q[1:], p[1:])
    law = quadratic(dqm.FokkerPlanck(two, ell=(1.0, 1.0))).law
    assert conjugate_time(law, 3.0) == pytest.approx(FIRST, abs=1e-8)


@pytest.mark.parametrize("past", [0.0, 0.05, 1.5])
def test_times_from_the_conjugate_time_on_are_refused(past):
    with pytest.raises(InputError, match=r"conjugate time 1\.20919958"):
        mixed_time(KEY, rotating_law(), START, END, jnp.array([0.0, FIRST + past]))
    run = mixed_time(KEY, rotating_law(), START, END, jnp.array([0.0, 1.2]), substeps=16)
    assert jnp.isfinite(run.positions).all()


def test_conjugate_points_of_traced_and_nonlinear_laws_are_refused():
    law, noise = rotating_law(), jnp.zeros((1, 64, 2))
    at = lambda law, t: mixed_paths(law, noise, START, END, jnp.append(0.0, t), substeps=64)
    compiled = eqx.filter_jit(at)
    assert jnp.isfinite(compiled(law, jnp.array(1.15))).all()
    assert jnp.isnan(compiled(law, jnp.array(1.3))).all()
    bent = eqx.tree_at(lambda law: law.forward, law, lambda x, p: -2 * x - p + 1e-3 * p**3)
    assert jnp.isfinite(at(bent, jnp.array(1.15))).all()
    with pytest.raises(InputError, match="conjugate point of every path"):
        at(bent, jnp.array(1.3))


def test_paths_that_newton_cannot_find_are_refused():
    law = MixedTime(lambda x, p: 1e3 * jnp.exp(p**2), lambda x, p: x, 1.0, 1.0)
    with pytest.raises(InputError, match="did not converge"):
        mixed_time(KEY, law, 30 * START, END, jnp.array([0.0, 1.0]))


# --- laws


@pytest.mark.parametrize("angle", [0.0, 0.4])
def test_quadratic_diagonalises_the_diffusion(angle):
    """Two coupled modes with ℓ and κ: D becomes diag(−d, d)/2, and (x, p) is canonical."""
    ell, kappa = np.array([1.3, 0.6]), 0.8

    def symbol(q, p):
        modes = 0.5 * p[0] ** 2 + 0.3 * q[0] ** 2 + 0.9 * q[1] * p[1] + 0.2 * p[1] ** 2
        return modes + angle * (q[0] * q[1] + p[0] * q[1]) + 0.3 * q[0]

    flow = dqm.FokkerPlanck(symbol, ell=jnp.asarray(ell), kappa=kappa, hbar=0.7)
    law, to_mixed, from_mixed = quadratic(flow)
    spread = to_mixed @ flow.spread(jnp.zeros(4)) @ to_mixed.T
    signs = np.array([-1.0, -1.0, 1.0, 1.0])
    assert jnp.allclose(spread, jnp.diag(signs * law.diffusion) / 2, atol=1e-12)
    point = jnp.array([0.3, -0.2, 0.5, 0.7])
    assert jnp.allclose(law.drift(point), to_mixed @ flow.drift(from_mixed @ point))
    form = np.kron([[0.0, 1.0], [-1.0, 0.0]], np.eye(2))
    assert jnp.allclose(from_mixed.T @ form @ from_mixed, kappa * form)


def test_amplifier_is_quadratic_in_other_units():
    """`x = â + â†` is √2 Q."""
    law, to_mixed, _ = quadratic(dqm.FokkerPlanck(ParametricAmplifier(0.7)))
    assert jnp.allclose(to_mixed, jnp.eye(2))
    assert jnp.allclose(2 * law.diffusion, amplifier(0.7).diffusion)
    point = jnp.array([0.3, -0.4])
    assert jnp.allclose(law.drift(point), amplifier(0.7).drift(point))


@pytest.mark.parametrize("interaction", [0.8, -0.8])
def test_kerr_law_is_the_fokker_planck_equation_of_the_logarithm(interaction):
    """Both rates of change of `|α|²Q` agree at a point, for a density that is no solution."""
    law, flow = kerr(interaction), dqm.FokkerPlanck(Kerr(interaction))
    shift = jnp.array([0.9, -0.7])
    rho = lambda xi: jnp.exp(-jnp.sum((xi - shift) ** 2) + 0.5 * xi[0] * xi[1])
    order = jnp.array([1, 0]) if interaction > 0 else jnp.array([0, 1])

    def xi_of(point):
        one, other = point[order]  # ln α = e^{iπ/4}(one + i other)
        size, angle = jnp.exp((one - other) / math.sqrt(2)), (one + other) / math.sqrt(2)
        return math.sqrt(2) * size * jnp.array([jnp.cos(angle), jnp.sin(angle)])

    quanta = lambda point: jnp.sum(xi_of(point) ** 2) / 2
    density = lambda point: quanta(point) * rho(xi_of(point))
    point = jnp.array([0.3, 0.2])
    drifting = lambda z: law.drift(z) * density(z)
    curvature = jnp.diag(jax.hessian(density)(point))
    rate = -jnp.trace(jax.jacfwd(drifting)(point))
    rate += jnp.sum(jnp.array([-1.0, 1.0]) * law.diffusion * curvature) / 2
    j = current(flow, rho)
    wanted = -quanta(point) * jnp.trace(jax.jacfwd(j)(xi_of(point)))
    assert abs(wanted) > 0.03 * density(point)
    assert jnp.allclose(rate, wanted, rtol=1e-10)


@pytest.mark.parametrize("interaction", [0.6, -0.6])
def test_kerr_paths_change_their_modulus_by_the_noise_only(interaction):
    """The drifts cancel in `ln|α|`; in the phase they add up to `−U(|α|² − 3/2)`."""
    ts, substeps, particles = jnp.array([0.0, 0.2]), 16, 50
    noise = jax.random.normal(KEY, (particles, substeps, 2)) * (0.2 / substeps) ** 0.5
    starts = 0.2 * jax.random.normal(jax.random.key(1), (2, particles, 1))
    every = jnp.linspace(0.0, 0.2, substeps + 1)
    x, p = jnp.moveaxis(mixed_paths(kerr(interaction), noise, *starts, every), 2, 0)
    total = math.sqrt(abs(interaction) / 2) * noise.sum(axis=1).T
    change = lambda path: path[-1] - path[0]
    assert jnp.allclose(change(p - x), total[1] - total[0], atol=1e-10)
    sign = np.sign(interaction)
    middle = (p - x)[1:] / 2 + (p - x)[:-1] / 2
    turned = -interaction * (jnp.exp(math.sqrt(2) * sign * middle) - 1.5).mean(axis=0) * ts[1]
    assert jnp.allclose(change(p + x) / math.sqrt(2), turned + total.sum(axis=0) / math.sqrt(2))


# --- the action


@pytest.mark.parametrize("law", [amplifier(0.9), rotating_law()], ids=["amplifier", "rotation"])
def test_hessian_of_the_action_is_the_inverse_covariance_of_the_paths(law):
    steps, dt = 8, 0.1
    start, end, ts = jnp.array([[0.4]]), jnp.array([[-0.3]]), jnp.linspace(0.0, 0.8, steps + 1)
    free = lambda path: jnp.concatenate([path[:-1, 0], path[1:, 1]])
    solve = lambda noise: free(mixed_paths(law, noise[None], start, end, ts)[:, 0])

    def cost(free):
        x = jnp.concatenate([free[:steps], end[0]])
        p = jnp.concatenate([start[0], free[steps:]])
        return action(law, jnp.stack([x, p], axis=1), dt)

    still = solve(jnp.zeros((steps, 2)))
    by_noise = jax.jacfwd(solve)(jnp.zeros((steps, 2))).reshape(2 * steps, -1)
    hessian = jax.hessian(cost)(still)
    assert jnp.allclose(jnp.linalg.inv(hessian), dt * by_noise @ by_noise.T, atol=1e-12)
    assert jnp.allclose(jax.grad(cost)(still), 0.0, atol=1e-11)
    paths = mixed_time(
        KEY, law, jnp.tile(start, (4000, 1)), jnp.tile(end, (4000, 1)), ts[::2]
    ).positions
    rows = jnp.concatenate([paths[:-1, :, 0], paths[1:, :, 1]])
    wanted = jnp.linalg.inv(hessian)[np.r_[0:8:2, 9:16:2]][:, np.r_[0:8:2, 9:16:2]]
    error = jnp.sqrt((wanted**2 + jnp.outer(jnp.diag(wanted), jnp.diag(wanted))) / 4000)
    assert (jnp.abs(jnp.cov(rows) - wanted) < 4 * error).all()


def test_action_has_the_divergence_that_normalises_it():
    """`∫ e^{−S} dφ = Π √(2πdΔt)` for separable drifts, to first order in the step."""
    law, steps, ratios = amplifier(0.9), [8, 16], []
    for n in steps:
        dt = 1.0 / n
        path = lambda free, n=n: jnp.stack(
            [jnp.append(free[:n], 0.0), jnp.append(0.0, free[n:])], axis=1
        )
        cost = lambda free, path=path, dt=dt: action(law, path(free), dt)
        _, size = jnp.linalg.slogdet(jax.hessian(cost)(jnp.zeros(2 * n)))
        ratios.append(-cost(jnp.zeros(2 * n)) - size / 2 - n * jnp.log(dt * 1.8))
    assert abs(ratios[0]) < 0.03
    assert ratios[0] / ratios[1] == pytest.approx(2.0, rel=0.1)


# --- the amplifier


def normal(seed, particles, variance):
    return math.sqrt(variance) * jax.random.normal(jax.random.key(seed), (particles, 1))


def test_covariances_of_the_amplified_vacuum():
    """`Var x = e^{2gt} + 1`, `Var p = e^{−2gt} + 1`, and at two times s < t
    `Cov x = e^{−g(t−s)} Var x(t)`, `Cov p = e^{−g(t−s)} Var p(s)`."""
    g, particles, ts = 0.9, 10_000, jnp.array([0.0, 0.3, 0.8, 1.0])
    start, end = normal(1, particles, 2.0), normal(2, particles, math.exp(2 * g) + 1)
    run = mixed_time(KEY, amplifier(g), start, end, ts, substeps=6)
    fine, coarse = jnp.moveaxis(run.positions, 2, 0), jnp.moveaxis(run.coarse, 2, 0)
    grown, decay = jnp.exp(2 * g * ts) + 1, jnp.exp(-2 * g * ts) + 1
    fall = jnp.exp(-g * jnp.abs(ts[:, None] - ts))
    later = jnp.maximum(ts[:, None], ts)
    wanted = [
        fall * (jnp.exp(2 * g * later) + 1),
        fall * (jnp.exp(-2 * g * jnp.minimum(ts[:, None], ts)) + 1),
    ]
    assert jnp.allclose(jnp.diag(wanted[0]), grown)
    assert jnp.allclose(jnp.diag(wanted[1]), decay)
    for paths, rough, matrix in zip(fine, coarse, wanted, strict=True):
        for i, j in ((0, 0), (1, 1), (2, 2), (3, 3), (1, 2)):
            product = paths[i] * paths[j]
            step = abs(float(product.mean() - (rough[i] * rough[j]).mean()))
            assert step < 0.02
            assert deviations(product, float(matrix[i, j]), step) < 4
    cross = jnp.mean(fine[0] * fine[1], axis=1) / jnp.sqrt(grown * decay / particles)
    assert (jnp.abs(cross) < 4).all()


def cat_moments(alpha, gain_time):
    """`⟨x²⟩`, `⟨p²⟩` and `⟨e^{−x²/2V}p²⟩`, `V = G² + 1`, in Q of the amplified even cat.

    Q is a pair of Gaussians in x and a term of interference, a Gaussian of imaginary mean in p.
    """
    growth = math.exp(gain_time)
    width, decay, mean = growth**2 + 1, growth**-2 + 1, 2 * alpha * growth
    pair, cross = np.exp([alpha**2, -(alpha**2)]) / (2 * math.cosh(alpha**2))
    p = decay, decay - (2 * alpha / growth) ** 2
    near = math.exp(-(mean**2) / (4 * width)) / math.sqrt(2), 1 / math.sqrt(2)
    of = lambda x, p: pair * x[0] * p[0] + cross * x[1] * p[1]
    return of((width + mean**2, width), (1, 1)), of((1, 1), p), of(near, p)


def test_joint_scheme_keeps_the_marginals_of_a_cat_and_not_its_joint_moments():
    """x runs back from its marginal, then p(0) is drawn from `Q(p | x(0))`, arXiv:2205.06070.

    `Q ∝ e^{−(x² + p²)/4} (cosh αx + cos αp)` at t = 0. The joint moment is right there, and at
    gT = 0.4 it is off by 6 ± 1 standard errors of 50,000 paths.
    """
    alpha, gain_time, particles = 1.2, 0.4, 50_000
    law, ts, growth = amplifier(1.0), jnp.array([0.0, gain_time]), math.exp(gain_time)
    keys = jax.random.split(jax.random.key(3), 4)
    shares = jnp.exp(alpha**2 * jnp.array([1.0, 1.0, -1.0])) / jnp.array([2.0, 2.0, 1.0])
    which = jax.random.choice(keys[0], 3, (particles, 1), p=shares / shares.sum())
    end = 2 * alpha * growth * jnp.array([1.0, -1.0, 0.0])[which]
    end += normal(4, particles, growth**2 + 1)
    backwards = mixed_time(keys[1], law, jnp.zeros((particles, 1)), end, ts, substeps=4)
    x = backwards.positions[0, :, :1]
    tries = math.sqrt(2) * jax.random.normal(keys[2], (particles, 40))
    most = jnp.cosh(alpha * x) + 1
    kept = most * jax.random.uniform(keys[3], tries.shape) < most - 1 + jnp.cos(alpha * tries)
    start = jnp.take_along_axis(tries, jnp.argmax(kept, axis=1)[:, None], axis=1)
    run = mixed_time(keys[1], law, start, end, ts, substeps=4)
    assert kept.any(axis=1).all()
    assert jnp.allclose(run.positions[0, :, :1], x)
    for t, (x, p), joint in zip((0.0, gain_time), run.positions.mT, (0, 6), strict=True):
        values = x**2, p**2, jnp.exp(-(x**2) / (2 * math.exp(2 * t) + 2)) * p**2
        found = list(map(deviations, values, cat_moments(alpha, t)))
        assert max(found[:2]) < 3
        assert abs(found[2] - joint) < 2


# --- bad input


@pytest.fixture
def no_checks_of_types():
    """As users have it."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"key": 3}, "`key` must be a key"),
        ({"law": amplifier}, "`law` must be a `MixedTime`"),
        ({"start": np.zeros((2, 2))}, r"`start` must have shape \(particles, 1\)"),
        ({"end": np.zeros((3, 1))}, r"`end` must have shape \(2, 1\)"),
        ({"end": lambda p: p[0]}, "`end` must return shape"),
        ({"end": np.full((2, 1), np.nan)}, "`end` must be finite"),
        ({"ts": [0.0, 0.0]}, "`ts` must be finite and strictly increasing"),
        ({"substeps": 0}, "`substeps` must be an integer of at least 2"),
        ({"substeps": 3}, "`substeps` must be even"),
    ],
)
@pytest.mark.usefixtures("no_checks_of_types")
def test_bad_input(change, match):
    good = {"start": np.zeros((2, 1)), "end": np.zeros((2, 1)), "ts": [0.0, 0.5]}
    good |= {"key": KEY, "law": amplifier(1.0)}
    with pytest.raises(InputError, match=match):
        mixed_time(**{**good, **change})


def still(x, p):
    return p


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: MixedTime(still, still, 0.0, 1.0), "`forward_diffusion` must be positive"),
        (lambda: MixedTime(still, still, 1.0, -1.0), "`backward_diffusion` must be positive"),
        (lambda: MixedTime(still, still, np.ones((1, 1)), 1.0), "one number per variable"),
        (lambda: MixedTime(3, still, 1.0, 1.0), "`forward` must be a function"),
        (lambda: MixedTime(still, still, 1.0, [1.0, 1.0]), "`backward` must return shape"),
        (lambda: amplifier(-1.0), "`gain` must be positive"),
        (lambda: kerr(0.0), "`interaction` must not be 0"),
        (lambda: conjugate_time(amplifier(1.0), 0.0), "`horizon` must be positive"),
        (lambda: conjugate_time(amplifier(1.0), 1e9), "`horizon` must be at most"),
        (lambda: conjugate_time(kerr(1.0), 1.0), "linear drifts"),
        (lambda: quadratic(dqm.FokkerPlanck(Oscillators(1.0))), "diffuse in every variable"),
        (lambda: quadratic(dqm.FokkerPlanck(Kerr(1.0))), "quadratic symbol"),
        (lambda: quadratic(amplifier(1.0)), "`flow` must be a `FokkerPlanck`"),
        (lambda: action(amplifier(1.0), np.zeros((3, 1)), 0.1), "`path` must have a row of 2"),
        (lambda: action(amplifier(1.0), np.zeros((3, 2)), 0.0), "`dt` must be positive"),
        (
            lambda: mixed_paths(amplifier(1.0), np.zeros((1, 1)), [[0.0]], [[0.0]], [0.0, 1.0]),
            "`noise` must have shape",
        ),
    ],
)
@pytest.mark.usefixtures("no_checks_of_types")
def test_bad_laws(make, match):
    with pytest.raises(InputError, match=match):
        make()


def test_linear_drift_is_a_matrix_and_a_constant():
    drift = Linear(jnp.array([[2.0, 3.0]]), jnp.array([5.0]))
    assert jnp.allclose(drift(jnp.array([7.0]), jnp.array([11.0])), 52.0)
