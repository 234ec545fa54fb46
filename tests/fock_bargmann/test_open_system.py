"""Baths of any jump operators, against QuTiP and closed forms."""

import jax.numpy as jnp
import numpy as np
import pytest
import qutip

import dqmjax as dqm

KERR = dqm.FokkerPlanck(dqm.Kerr(0.8, 0.6, 0.3))
DIMER = dqm.FokkerPlanck(dqm.BoseHubbard(0.7, 0.4, 2, omega=(0.3, -0.2)))
END = 0.8


def ladder(levels):
    a = qutip.destroy(levels)
    return {"a": a, "ad": a.dag(), "n": a.dag() * a}


def pair(levels):
    a, one = qutip.destroy(levels), qutip.qeye(levels)
    both = {"a1": qutip.tensor(a, one), "a2": qutip.tensor(one, a)}
    daggers = {name.replace("a", "ad"): b.dag() for name, b in both.items()}
    quanta = {name.replace("a", "n"): b.dag() * b for name, b in both.items()}
    return both | daggers | quanta


def exact(static, start, jumps, levels):
    """QuTiP's density matrix, cut to the lower half of the levels."""
    options = {"atol": 1e-13, "rtol": 1e-12, "nsteps": 10**6, "method": "dop853"}
    operators = [np.sqrt(rate) * operator for operator, rate in jumps]
    state = qutip.mesolve(static, start, [0.0, END], operators, options=options).states[-1]
    modes = len(state.dims[0])
    return state.full().reshape((levels,) * 2 * modes)[(slice(levels // 2),) * 2 * modes]


ONE = {
    "dephasing": [("n", 0.5)],
    "two-photon loss": [("a**2", 0.4), ("a", 0.1)],
    "heating": [("a", 0.7), ("ad", 0.15)],
    "squeezed bath": [("a - 0.4*ad", 0.5)],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ONE)
def test_one_mode(name):
    """Asked for: 1e-9 against QuTiP."""
    levels, basis, k = 28, dqm.FockBargmann(18), ladder(28)
    static = 0.6 * k["n"] + 0.4 * k["ad"] ** 2 * k["a"] ** 2 + 0.3 * (k["a"] + k["ad"])
    start = qutip.coherent_dm(levels, 0.6, method="analytic")
    jumps = [(eval_operator(text, k), rate) for text, rate in ONE[name]]
    flow = dqm.Open(KERR, *(dqm.Jump(text, rate) for text, rate in ONE[name]))
    run = dqm.solve(dqm.HusimiStep(flow, basis), basis.coherent(0.6), np.array([0.0, END]))
    want = exact(static, start, jumps, levels)
    np.testing.assert_allclose(run.final[:14, :14], want, rtol=0, atol=1e-9)
    distance = np.linalg.norm(run.final[:14, :14] - want) / np.linalg.norm(run.final)
    assert distance <= run.error[-1] + 1e-10  # the bound of the truncation


def eval_operator(text, known):
    """An operator of this test from its own text, with QuTiP's matrices."""
    table = {
        "n": known.get("n"),
        "a": known.get("a"),
        "ad": known.get("ad"),
        "a**2": known.get("a", 0) ** 2 if "a" in known else None,
        "a - 0.4*ad": known["a"] - 0.4 * known["ad"] if "a" in known else None,
        "a1 - a2": known["a1"] - known["a2"] if "a1" in known else None,
        "n1": known.get("n1"),
        "a1*a2": known["a1"] * known["a2"] if "a1" in known else None,
    }
    return table[text]


def test_two_modes_with_correlated_loss_dephasing_and_pair_loss():
    """Asked for: 1e-9 against QuTiP, with a rate for each channel."""
    levels, basis, k = 12, dqm.FockBargmann((8, 8)), pair(12)
    local = sum(k[f"ad{i}"] ** 2 * k[f"a{i}"] ** 2 for i in (1, 2))
    hopping = -0.7 * (k["ad1"] * k["a2"] + k["ad2"] * k["a1"])
    static = hopping + 0.2 * local + 0.3 * k["n1"] - 0.2 * k["n2"]
    bell = (qutip.fock([12, 12], [1, 0]) + qutip.fock([12, 12], [0, 2])).unit()
    rates = [("a1 - a2", 0.3), ("n1", 0.4), ("a1*a2", 0.2)]
    jumps = [(eval_operator(text, k), rate) for text, rate in rates]
    flow = dqm.Open(DIMER, *(dqm.Jump(text, rate) for text, rate in rates))
    start = basis.from_qutip(bell)
    run = dqm.solve(dqm.HusimiStep(flow, basis), start, np.array([0.0, END]))
    want = exact(static, bell.proj(), jumps, levels)
    np.testing.assert_allclose(run.final[:6, :6, :6, :6], want, rtol=0, atol=1e-9)


def test_rates_of_modes_differ():
    """Each mode of free oscillators decays at its own rate."""
    flow = dqm.FokkerPlanck(dqm.Oscillators((1.0, 2.0)))
    both = dqm.Open(flow, dqm.Jump("a1", 0.2), dqm.Jump("a2", 0.9))
    basis = dqm.FockBargmann((9, 9))
    start = basis.coherent((0.4, 0.3 + 0.1j))
    run = dqm.solve(dqm.HusimiStep(both, basis), start, np.array([0.0, 2.0]))
    alpha = np.array([0.4, 0.3 + 0.1j]) * np.exp(-1j * np.array([2.0, 4.0]) - [0.2, 0.9])
    low = (slice(5),) * 4  # the highest ones lack what decays from beyond
    want = basis.coherent(jnp.asarray(alpha))
    np.testing.assert_allclose(run.final[low], want[low], rtol=0, atol=1e-9)


def test_the_bath_does_not_depend_on_c():
    """Quanta decay as e^{−γt} from any of them for C = 0, ½, 2: H conserves them."""
    basis = dqm.FockBargmann(16)
    for C in jnp.array([0.0, 0.5, 2.0]):  # arrays: compiled once
        flow = dqm.Open(dqm.FokkerPlanck(dqm.Kerr(1.0), C=C), dqm.Jump("a", 0.5))
        stepper = dqm.HusimiStep(flow, basis)
        start = basis.coherent(0.5)
        run = dqm.solve(stepper, start, np.array([0.0, 0.3]), throw=False)
        low = np.real(np.einsum("mm,m->", run.final[:8, :8], np.arange(8.0)))
        assert low == pytest.approx(0.25 * np.exp(-0.15), rel=1e-6)


def test_jumps_are_those_of_the_flow_in_a_basis_of_another_width():
    """Mean and variance of q̂ under the baths alone, from coefficients at two ℓ."""
    still = dqm.FokkerPlanck(dqm.Oscillators((0.0,)), ell=jnp.array(0.8))
    flow = dqm.Open(still, dqm.Jump("a + 0.2*ad", 0.6), dqm.Jump("n", 0.1))
    found = []
    for ell in (0.8, 0.9):  # the coherent state of ℓ = 0.8 is a squeezed one of ℓ = 0.9
        basis = dqm.FockBargmann(24, ell=jnp.array(ell))  # an array: compiled once
        start = basis.squeezed(0.3 * 0.8 / ell, float(np.log(ell / 0.8)), 0.0)
        run = dqm.solve(dqm.HusimiStep(flow, basis), start, np.array([0.0, 0.5]))
        mean = lambda up, down, run=run, basis=basis: np.real(
            dqm.readout.moment(basis, run.final, (up,), (down,))
        )
        q = np.sqrt(2) * ell * mean(0, 1)
        found.append([q, ell**2 * (mean(1, 1) + mean(0, 2) - 0.5) - q**2])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-8)


def test_gradients_reach_rates_and_parameters_of_jumps(both_ways):
    basis = dqm.FockBargmann(8)

    def quanta(parameters):
        rate, share = parameters
        flow = dqm.Open(KERR, dqm.Jump("a + s*ad", rate, s=share))
        run = dqm.solve(
            dqm.HusimiStep(flow, basis), basis.coherent(0.4), np.array([0.0, 0.5]), throw=False
        )
        return jnp.real(dqm.readout.moment(basis, run.final, (1,), (1,)))

    at, step, values = jnp.array([0.3, 0.1]), 1e-5, both_ways(quanta)
    _, reverse, forward = values(at)
    for i, shift in enumerate(step * np.eye(2)):
        up, down = (values(at + s * shift)[0] for s in (1, -1))
        assert reverse[i] == pytest.approx(float(up - down) / (2 * step), rel=1e-7)
        assert forward[i] == pytest.approx(float(reverse[i]), rel=1e-10)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: dqm.Jump("a", -0.1), "`rate`"),
        (lambda: dqm.Jump("sin(a)", 0.1), "`operator`"),
        (lambda: dqm.Jump("a/ad", 0.1), "`operator`"),
        (lambda: dqm.Jump("a + s", 0.1), "`operator`.*s"),
        (lambda: dqm.Open(KERR), "`jumps`"),
        (lambda: dqm.FockBargmann(6).pattern(dqm.Open(KERR, dqm.Jump("a2", 0.1))), "modes"),
        (
            lambda: dqm.FockBargmann(6, kappa=2.0).pattern(dqm.Open(KERR, dqm.Jump("a", 0.1))),
            "κ of the flow",
        ),
    ],
)
def test_what_is_no_bath_is_refused(make, text):
    with pytest.raises(dqm.InputError, match=text):
        make()


@pytest.mark.parametrize("kind", ["jump", "damped"])
def test_the_driven_damped_kerr_oscillator_of_dynamiqs(kind):
    """`H = −K â†²â² + ε(â + â†)`, K = 1, ε = 3, κ = 1.5, α₀ = 2, T = 5; asked for: 1e-8."""
    basis, flow = dqm.FockBargmann(30), dqm.FokkerPlanck(dqm.Kerr(-2.0, drive=3.0))
    bath = dqm.Open(flow, dqm.Jump("a", 1.5)) if kind == "jump" else dqm.Damped(flow, 1.5)
    rho = dqm.solve(dqm.HusimiStep(bath, basis), basis.coherent(2.0), np.array([0.0, 5.0])).final
    quanta = dqm.readout.moment(basis, rho, (1,), (1,)) - 1
    amplitude = dqm.readout.moment(basis, rho, (0,), (1,))
    assert quanta == pytest.approx(1.43397134383, abs=1e-8)
    assert amplitude == pytest.approx(1.05117000242 - 0.34408251542j, abs=1e-8)


@pytest.mark.slow
def test_where_damping_makes_an_ordinary_diffusion():
    """`U|β|² ≤ γ(n̄ + 1)`; nowhere without a bath, everywhere without diffusion of its own."""
    kerr = dqm.FokkerPlanck(dqm.InUnits(dqm.Kerr(0.5), (0.7,), 2.0), ell=0.7, kappa=2.0, hbar=2.0)
    damped = dqm.Damped(kerr, 0.3, 0.2)  # U/κ per pair is 0.25 here
    assert damped.diffusive_quanta(1) == pytest.approx(0.3 * 1.2 / 0.25, rel=1e-5)
    assert "ordinary diffusion for |β|² < 1.44" in str(damped)
    assert "nowhere" in str(dqm.Damped(kerr, 0.0))
    assert "everywhere" in str(dqm.Damped(dqm.FokkerPlanck(dqm.Oscillators((1.0,))), 0.1))
