"""Initial states on number states: amplitudes, what lies beyond the cut-off, derivatives."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip
import scipy

import dqmjax as dqm
from dqmjax import readout
from dqmjax.fock_bargmann.basis import cutoff_for

MANY = 160  # levels for QuTiP's exponentials of cut-off matrices
BASIS = dqm.FockBargmann(64)
ALPHA, R, PHI = 0.9 - 0.4j, 0.5, 0.7


def coherent(alpha: complex) -> qutip.Qobj:
    return qutip.coherent(MANY, alpha, method="analytic")


def squeezed(alpha: complex, r: float, phi: float) -> qutip.Qobj:
    squeeze = qutip.squeeze(MANY, r * np.exp(1j * phi))
    return qutip.displace(MANY, alpha) * squeeze * qutip.basis(MANY, 0)


def lowest(state: qutip.Qobj, levels: int) -> np.ndarray:
    return state.full()[:levels, : levels if state.isoper else 1].squeeze()


@pytest.mark.parametrize(
    ("ours", "qutips"),
    [
        (lambda b: b.fock_ket(5), qutip.basis(MANY, 5)),
        (lambda b: b.coherent_ket(2.0 - 0.5j), coherent(2.0 - 0.5j)),
        (lambda b: b.squeezed_ket(ALPHA, R, PHI), squeezed(ALPHA, R, PHI)),
        (lambda b: b.squeezed_ket(0.0, -0.6, 0.0), squeezed(0.0, -0.6, 0.0)),
        (lambda b: b.cat_ket(ALPHA), (coherent(ALPHA) + coherent(-ALPHA)).unit()),
        (lambda b: b.cat_ket(1.3, 0.8), (coherent(1.3) + np.exp(0.8j) * coherent(-1.3)).unit()),
        (lambda b: b.thermal(1.1), qutip.thermal_dm(400, 1.1)),
    ],
)
def test_states_are_qutip_s(ours, qutips):
    np.testing.assert_allclose(ours(BASIS), lowest(qutips, 64), rtol=0, atol=1e-14)


def test_coefficients_are_those_of_the_ket():
    kets = {
        BASIS.fock: (3,),
        BASIS.squeezed: (ALPHA, R, PHI),
        BASIS.cat: (ALPHA, 0.4),
        BASIS.coherent: (ALPHA,),
    }
    for method, arguments in kets.items():
        ket = getattr(BASIS, f"{method.__name__}_ket")(*arguments)
        np.testing.assert_array_equal(method(*arguments), BASIS.pure(ket))


@pytest.mark.parametrize("phi", [0.0, 2.1])
def test_squeezed_vacuum_has_its_closed_form(phi):
    n = np.arange(30)
    log = scipy.special.gammaln(2 * n + 1) / 2 - n * np.log(2) - scipy.special.gammaln(n + 1)
    exact = (-np.exp(1j * phi) * np.tanh(R)) ** n * np.exp(log) / np.sqrt(np.cosh(R))
    ket = BASIS.squeezed_ket(0.0, R, phi)
    np.testing.assert_allclose(ket[:60:2], exact, rtol=1e-13)
    np.testing.assert_array_equal(ket[1::2], 0)


def test_squeezing_narrows_q():
    """⟨q⟩ = √2 ℓ Re α, Δq² = ℓ²e^{−2r}/2, by the antinormal moments."""
    basis = dqm.FockBargmann(64, ell=1.3)
    rho = basis.squeezed_ket(ALPHA, R, 0.0)
    mean = lambda up, down: complex(readout.moment(basis, rho, (up,), (down,)))
    assert mean(0, 1) == pytest.approx(ALPHA, abs=1e-12)
    variance = (mean(2, 0) + mean(0, 2) + 2 * mean(1, 1) - 1) / 2 - 2 * ALPHA.real**2
    assert variance == pytest.approx(np.exp(-2 * R) / 2, abs=1e-12)


def test_states_of_two_modes():
    """Products of states; the cat entangles, |α, β⟩ + e^{iφ}|−α, −β⟩."""
    basis, one, other = dqm.FockBargmann((20, 24)), dqm.FockBargmann(20), dqm.FockBargmann(24)
    alpha, r, phi = np.array([0.4j, 0.7]), np.array([0.3, 0.0]), np.array([0.2, 1.0])
    each = [b.squeezed_ket(alpha[i], r[i], phi[i]) for i, b in enumerate((one, other))]
    got = basis.squeezed_ket(alpha, r, phi)
    np.testing.assert_allclose(got, np.multiply.outer(*each), rtol=0, atol=1e-15)
    kets = [basis.coherent_ket(sign * alpha) for sign in (1, -1)]
    cat = basis.superposition(jnp.stack(kets), np.array([1.0, np.exp(0.6j)]))
    np.testing.assert_allclose(basis.cat(alpha, 0.6), cat, rtol=0, atol=1e-14)
    p, q = (np.diagonal(b.thermal(n)) for b, n in ((one, 0.1), (other, 0.2)))
    rho = basis.thermal(np.array([0.1, 0.2])).reshape(480, 480)
    np.testing.assert_allclose(np.diagonal(rho), np.multiply.outer(p, q).ravel(), atol=1e-16)
    assert basis.fock((2, 3))[2, 3, 2, 3] == 1


@pytest.mark.parametrize("alpha", [1e-5, 1e-3 + 2e-3j])
def test_a_small_odd_cat_keeps_its_digits(alpha):
    """It is close to |1⟩: `c_n = α^n/√(n! sinh|α|²)`, n odd."""
    n = np.array([1, 3, 5])
    exact = alpha**n / np.sqrt(scipy.special.factorial(n) * np.sinh(abs(alpha) ** 2))
    got = np.asarray(dqm.FockBargmann(8).cat_ket(alpha, np.pi))
    turn = got[1] / abs(got[1]) * abs(exact[0]) / exact[0]
    np.testing.assert_allclose(got[n] / turn, exact, rtol=1e-12)
    assert np.abs(got[::2]).max() < 1e-10


def test_kets_that_cancel_are_refused():
    with pytest.raises(dqm.InputError, match="`alpha` must not be 0 where `phase` is π"):
        BASIS.cat_ket(0.0, np.pi)
    ket = BASIS.coherent_ket(0.3)
    with pytest.raises(dqm.InputError, match="`amplitudes` must not be such"):
        BASIS.superposition_ket(jnp.stack([ket, ket]), np.array([1.0, -1.0]))
    assert np.isnan(jax.jit(BASIS.cat_ket)(0.0, np.pi)).all()


def test_a_state_of_1600_quanta():
    """e^{−|α|²/2} underflows; the amplitudes do not."""
    n = np.arange(2000)
    log = n * np.log(40.0) - 800 - scipy.special.gammaln(n + 1) / 2
    ket = dqm.FockBargmann(2000).coherent_ket(40.0)
    np.testing.assert_allclose(ket, np.exp(log), rtol=0, atol=1e-12)
    assert np.sum(np.abs(ket) ** 2) == pytest.approx(1, abs=1e-12)


def test_single_precision():
    with jax.enable_x64(False):
        ket = dqm.FockBargmann(400).squeezed_ket(15.0, 0.2, 0.5)
        assert ket.dtype == jnp.complex64
        assert float(jnp.sum(jnp.abs(ket) ** 2)) == pytest.approx(1, abs=1e-4)
        rho = dqm.FockBargmann(24).thermal(0.5)
        assert rho.dtype == jnp.complex64
        with pytest.raises(dqm.InputError, match="`cutoff` must hold the state"):
            dqm.FockBargmann(20).squeezed_ket(15.0, 0.2, 0.5)


def lost(state: np.ndarray, cutoff: int) -> float:
    return float(np.sum(np.abs(state[cutoff:]) ** 2))


@pytest.mark.parametrize(
    ("make", "cutoff", "exact"),
    [
        (lambda b, loss: b.squeezed(ALPHA, R, PHI, loss=loss), 14, "squeezed"),
        (lambda b, loss: b.squeezed(0.0, 1.2, 0.0, loss=loss), 31, "vacuum"),
        (lambda b, loss: b.squeezed(2.0, 0.0, 0.0, loss=loss), 20, "coherent"),
        (lambda b, loss: b.cat(2.0, np.pi, loss=loss), 20, "odd"),
        (lambda b, loss: b.cat(3.0, 0.3, loss=loss), 6, "cat"),
        (lambda b, loss: b.thermal(2.0, loss=loss), 30, "thermal"),
        (lambda b, loss: b.thermal(1e3, loss=loss), 10, "hot"),
    ],
)
def test_the_loss_is_exact(make, cutoff, exact):
    """To 1 %, however small it is, by the sum over many further levels or a closed form."""
    wide = dqm.FockBargmann(300)
    share = {
        "squeezed": lambda: lost(wide.squeezed_ket(ALPHA, R, PHI), cutoff),
        "vacuum": lambda: lost(wide.squeezed_ket(0.0, 1.2, 0.0), cutoff),
        "coherent": lambda: scipy.special.gammainc(cutoff, 4.0),
        "odd": lambda: lost(lowest((coherent(2.0) - coherent(-2.0)).unit(), MANY), cutoff),
        "cat": lambda: lost(lowest((coherent(3) + np.exp(0.3j) * coherent(-3)).unit(), 150), 6),
        "thermal": lambda: (2 / 3) ** cutoff,
        "hot": lambda: (1e3 / (1e3 + 1)) ** cutoff,
    }[exact]()
    basis = dqm.FockBargmann(cutoff)
    make(basis, 1.01 * share)
    with pytest.raises(dqm.InputError, match="`cutoff` must hold the state"):
        make(basis, 0.99 * share)


@pytest.mark.parametrize("phase", [0.0, 1.0])
def test_the_loss_of_a_limit_to_the_quanta(phase):
    """The total of two coherent modes is Poissonian; their cat changes it by its parity."""
    basis, alpha = dqm.FockBargmann((24, 24), quanta=7), np.array([0.6, 0.5j])
    n = np.arange(8, 60)
    poisson = np.exp(n * np.log(0.61) - 0.61 - scipy.special.gammaln(n + 1))
    weights = 1 + (-1.0) ** n * np.cos(phase)
    share = np.sum(poisson * weights) / (1 + np.cos(phase) * np.exp(-2 * 0.61))
    basis.cat_ket(alpha, phase, loss=1.01 * share)
    with pytest.raises(dqm.InputError, match="`cutoff` must hold the state"):
        basis.cat_ket(alpha, phase, loss=0.99 * share)


def test_traced_states_that_do_not_fit_are_nan():
    basis = dqm.FockBargmann(12)
    for make in (basis.thermal, basis.cat, lambda x: basis.squeezed(x, 0.0, 0.0)):
        states = jax.jit(jax.vmap(make))(jnp.array([0.1, 3.5]))
        np.testing.assert_array_equal(np.isnan(states).all(axis=(1, 2)), [False, True])
    assert np.isnan(jax.jit(basis.thermal)(-0.1)).all()


KETS = {
    "squeezed": lambda x: BASIS.squeezed_ket(x[0] + 1j * x[1], x[2], x[3]),
    "cat": lambda x: BASIS.cat_ket(x[0] + 1j * x[1], x[2] + x[3]),
}


@pytest.mark.parametrize("name", KETS)
@pytest.mark.parametrize("at", [(0.0,) * 4, (0.7, -0.2, 0.0, 0.5), (0.0, 0.0, 0.4, 0.3)])
def test_derivatives_are_those_of_differences(name, at):
    """In both modes, also where α = 0 and r = 0; the differences are of order 4."""
    weights = np.random.default_rng(0).normal(size=(2, 64))
    value = jax.jit(lambda x: jnp.real(jnp.vdot(weights[0] + 1j * weights[1], KETS[name](x))))
    steps = 1e-3 * np.array([2.0, 1.0, -1.0, -2.0])
    around = np.array(at) + steps[:, None, None] * np.eye(4)
    values = np.array([[value(x) for x in row] for row in around])
    exact = np.array([-1, 8, -8, 1]) @ values / 12e-3
    for transform in (jax.jacfwd, jax.grad):
        slopes = jax.jit(transform(value))(jnp.array(at))
        np.testing.assert_allclose(slopes, exact, rtol=0, atol=1e-9)


@pytest.mark.parametrize("nbar", [0.0, 0.3])
def test_derivatives_of_a_thermal_state(nbar):
    """`dp_n/dn̄ = p_n (n − n̄)/(n̄(n̄ + 1))`, in the limit at 0."""
    n = np.arange(20)
    p = nbar**n / (nbar + 1) ** (n + 1)
    exact = np.array([-1.0, 1.0, *[0.0] * 18]) if nbar == 0 else p * (n - nbar) / (nbar**2 + nbar)
    numbers = lambda x: jnp.diag(dqm.FockBargmann(20).thermal(x)).real
    for transform in (jax.jacfwd, jax.jacrev):
        slopes = jax.jit(transform(numbers))(nbar)
        np.testing.assert_allclose(slopes, exact, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    "make",
    [
        lambda b: b.fock(4),
        lambda b: b.squeezed(0.8, 0.4, 0.3),
        lambda b: b.cat(1.5j, np.pi),
        lambda b: b.thermal(0.6),
    ],
)
def test_kerr_dynamics_to_a_revival(make):
    """`ρ_mn e^{−i(m(m−1) − n(n−1))Ut/2}`, which is ρ_mn again at t = 2π/U."""
    basis = dqm.FockBargmann(40)
    stepper = dqm.HusimiStep(dqm.FokkerPlanck(dqm.Kerr(2.0)), basis)
    rho, ts = make(basis), np.array([0.0, 0.4, np.pi])
    saved = dqm.solve(stepper, rho, ts).saved
    energy = np.arange(40) * np.arange(-1, 39)
    turned = rho * np.exp(-0.4j * (energy[:, None] - energy))
    np.testing.assert_allclose(saved[1], turned, rtol=0, atol=1e-9)
    np.testing.assert_allclose(saved[2], rho, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("make", "least"),
    [
        (lambda n: dqm.FockBargmann(n).thermal(0.5), math.ceil(np.log(1e-8) / np.log(1 / 3))),
        (
            lambda n: dqm.FockBargmann(n).coherent_ket(2.0, loss=1e-5),
            next(n for n in range(60) if scipy.special.gammainc(n or 1e-9, 4.0) <= 1e-5),
        ),
        (lambda n: dqm.FockBargmann((n, 6)).fock_ket((11, 2)), 12),
        (lambda n: dqm.FockBargmann(n).fock_ket(1), 2),
    ],
)
def test_the_least_cutoff(make, least):
    assert cutoff_for(make) == least


def test_the_least_cutoff_may_be_the_most():
    make = lambda n: dqm.FockBargmann(n).fock_ket(10)
    assert cutoff_for(make, most=11) == 11
    with pytest.raises(dqm.InputError, match="`most` must be enough levels for the state"):
        cutoff_for(make, most=10)
    with pytest.raises(dqm.InputError, match="`alpha` must be finite"):
        cutoff_for(lambda n: dqm.FockBargmann(n).coherent_ket(np.nan))


def test_a_superposition_is_normalised():
    kets = jnp.stack([BASIS.fock_ket(0), BASIS.fock_ket(3)])
    got = BASIS.superposition_ket(kets, np.array([3.0, 4j]))
    np.testing.assert_allclose(got[jnp.array([0, 3])], [0.6, 0.8j], rtol=1e-15)
    slope = jax.grad(lambda x: jnp.abs(BASIS.superposition_ket(kets, jnp.stack([1, x]))[3]) ** 2)
    assert slope(2.0) == pytest.approx(2 * 2 / (1 + 2**2) ** 2, rel=1e-12)


def test_displaced_thermal_states():
    basis, alpha = dqm.FockBargmann(20), 0.7 - 0.6j
    shift = qutip.displace(60, alpha)
    expected = (shift * qutip.thermal_dm(60, 0.3) * shift.dag()).full()[:20, :20]
    assert np.abs(basis.thermal(0.3, alpha, loss=1e-6) - expected).max() < 1e-9
    two = dqm.FockBargmann((8, 10)).thermal((0.1, 0.0), (0.2, 0.3j), loss=1e-4)
    one = dqm.FockBargmann(8).thermal(0.1, 0.2, loss=1e-4)
    other = dqm.FockBargmann(10).coherent(0.3j)
    assert np.abs(two - np.einsum("ab,cd->acbd", one, other)).max() < 1e-12
