"""Recovery through detectors, of several data sets, of counts, and with unknown initial states.

The data are drawn from states that QuTiP evolves.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import qutip
from systems import kerr_operator

import dqmjax as dqm

LEVELS, U, OMEGA = 30, 2.0, 0.7
HAMILTONIAN = "omega*n + U/2*n*(n-1)"
TRUTH = {"U": U, "omega": OMEGA}
BASIS = dqm.FockBargmann(LEVELS)


def evolved(state: qutip.Qobj, t) -> list:
    options = {"atol": 1e-12, "rtol": 1e-10}
    run = qutip.mesolve(kerr_operator(LEVELS, U, OMEGA), state, t, options=options)
    return [positive(s) for s in run.states]


def samples(state, t, shots, seed=0, detector=None):
    keys = jax.random.split(jax.random.key(seed), len(t))
    points = [
        dqm.readout.sample(key, BASIS, rho, shots)
        for key, rho in zip(keys, evolved(state, t), strict=True)
    ]
    if detector is not None:
        keys = jax.random.split(jax.random.key(1000 + seed), len(t))
        points = [detector.sample(k, BASIS.space, p) for k, p in zip(keys, points, strict=True)]
    return dqm.Samples(t, np.stack(points), [1.0])


def positive(state: qutip.Qobj):
    """The density matrix without what the integration made negative."""
    matrix = (state if state.isoper else qutip.ket2dm(state)).full()
    values, vectors = np.linalg.eigh(matrix)
    return jnp.asarray(vectors * np.clip(values, 0, None) @ vectors.conj().T)


def require_within(result, truth, sigmas=3.5):
    for name, value in truth.items():
        assert abs(result.estimate[name] - value) < sigmas * result.stderr[name], (name, result)


TIMES = np.linspace(0, 1.0, 9)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["squeezed", "cat", "thermal"])
def test_other_initial_states(kind):
    shift = qutip.displace(LEVELS, 1.2)
    states = {
        "squeezed": shift * qutip.squeeze(LEVELS, 0.5) * qutip.basis(LEVELS, 0),
        "cat": (qutip.coherent(LEVELS, 1.4) + qutip.coherent(LEVELS, -1.4)).unit(),
        "thermal": shift * qutip.thermal_dm(LEVELS, 0.3) * shift.dag(),
    }
    truth = {
        "squeezed": {"xi_re": 0.5, "xi_im": 0.0},
        "cat": {"phase": 0.0},
        "thermal": {"nbar": 0.3},
    }[kind]
    data = samples(states[kind], TIMES[:5], 600)
    result = dqm.recover(data, HAMILTONIAN, state=kind, fix={"C": 1.0})
    assert result.goodness.describes_data, result
    require_within(result, TRUTH | truth)


@pytest.mark.slow
def test_a_detector_is_fitted_with_its_calibration():
    detector = dqm.Detector(0.6, 0.3)
    data = samples(qutip.coherent(LEVELS, 1.2), TIMES[:5], 600, detector=detector)
    dark = dqm.readout.sample(jax.random.key(7), BASIS, BASIS.coherent(0.0), 4000)
    off = np.asarray(detector.sample(jax.random.key(8), BASIS.space, dark))[None]
    result = dqm.recover(
        data,
        HAMILTONIAN,
        fix={"C": 1.0},
        start={"U": 1.9, "omega": 0.8},
        detector=dqm.Detector(jnp.asarray(0.7), jnp.asarray(0.2)),
        off=dqm.Samples([0.0], off, [1.0]),
    )
    assert result.goodness.describes_data, result
    require_within(result, TRUTH | {"efficiency": 0.6, "noise": 0.3})
    assert result.stderr["noise"] < 0.03
    assert result.stderr["efficiency"] < 0.2


@pytest.mark.slow
def test_gain_efficiency_and_noise_are_not_all_determined():
    detector = dqm.Detector(0.6, 0.3)
    data = samples(qutip.coherent(LEVELS, 1.2), TIMES[:5], 300, detector=detector)
    free = dqm.Detector(*(jnp.asarray(x) for x in (0.6, 0.3, 1.0)))
    result = dqm.recover(
        data, HAMILTONIAN, fix={"C": 1.0}, start=TRUTH | {"alpha_re": 1.2}, detector=free
    )
    of_detector = {"efficiency", "noise", "gain"}
    assert any(of_detector <= set(row) for row in result.undetermined), result


@pytest.mark.slow
def test_two_data_sets_share_the_model():
    t = TIMES[:5]
    data = {
        "near": samples(qutip.coherent(LEVELS, 0.8), t, 300, seed=1),
        "far": samples(qutip.coherent(LEVELS, 1.2), t, 300, seed=2),
    }
    separate = ("alpha_re", "alpha_im")
    both = dqm.recover(data, HAMILTONIAN, fix={"C": 1.0}, separate=separate)
    assert both.goodness.describes_data, both
    names = {f"{name}.state.{part}" for name in data for part in separate}
    assert set(both.estimate) == {"U", "omega"} | names
    require_within(both, TRUTH | {"near.state.alpha_re": 0.8, "far.state.alpha_re": 1.2})
    far = dqm.recover(data["far"], HAMILTONIAN, fix={"C": 1.0})
    assert both.stderr["U"] < far.stderr["U"]
    inside = lambda result, name: result.covariance[list(result.estimate).index(name)]
    assert inside(both, "U")[list(both.estimate).index("U")] > 0


def test_joint_information_is_the_sum():
    """Of two sets with the same experiment, twice the same data halve the covariance."""
    data = samples(qutip.coherent(LEVELS, 1.2), TIMES[:5], 300)
    one = dqm.recover(data, HAMILTONIAN, fix={"C": 1.0}, start=TRUTH)
    two = dqm.recover({"a": data, "b": data}, HAMILTONIAN, fix={"C": 1.0}, start=TRUTH)
    assert set(one.estimate) == set(two.estimate)
    for name, value in one.estimate.items():
        assert abs(two.estimate[name] - value) < 1e-3 * one.stderr[name]
        assert abs(two.stderr[name] * 2**0.5 / one.stderr[name] - 1) < 1e-2


@pytest.mark.slow
def test_an_update_is_the_fit_to_all_data():
    t = TIMES[:5]
    one, two, three = (samples(qutip.coherent(LEVELS, 1.2), t, 300, seed=k) for k in range(3))
    options = {"fix": {"C": 1.0}, "start": TRUTH, "bounds": {"U": (0.0, 5.0)}}
    first = dqm.recover(one, HAMILTONIAN, **options)
    found = dqm.update(dqm.update(first, two), three)
    batch = dqm.recover({"a": one, "b": two, "c": three}, HAMILTONIAN, **options)
    assert set(found.estimate) == set(batch.estimate) == set(first.estimate)
    for name, value in batch.estimate.items():
        assert abs(found.estimate[name] - value) < 1e-3 * batch.stderr[name]
        assert abs(found.stderr[name] / batch.stderr[name] - 1) < 1e-3
    at = found.problem.names.index("U")
    assert (found.problem.lower[at], found.problem.upper[at]) == (0.0, 5.0)
    other = dqm.update(first, two, separate=["alpha_re", "alpha_im"])
    assert "new.state.alpha_re" in other.estimate


@pytest.fixture(scope="module")
def driven():
    """States of a driven Kerr oscillator, by QuTiP."""
    a = qutip.destroy(LEVELS)
    run = qutip.mesolve(
        kerr_operator(LEVELS, U, OMEGA) + 0.8 * (a + a.dag()),
        qutip.coherent(LEVELS, 0.8),
        3 * TIMES,
        options={"atol": 1e-12, "rtol": 1e-10},
    )
    return [qutip.ket2dm(state) for state in run.states]


DRIVEN = "omega*n + U/2*n*(n-1) + F*(a+ad)"


def test_counted_quanta(driven):
    loss = [np.sqrt(-np.log(0.7)) * qutip.destroy(LEVELS)]
    after = [qutip.mesolve(0 * loss[0], s, [0, 1], loss).states[-1].diag().real for s in driven]
    random = np.random.default_rng(0)
    counts = np.array([random.multinomial(3000, np.clip(p, 0, 1) / p.sum())[:7] for p in after])
    data = dqm.PhotonNumbers(3 * TIMES, counts, 3000)
    start = {"U": 1.9, "omega": 0.6, "F": 0.7}
    result = dqm.recover(
        data, DRIVEN, fix={"C": 1.0, "alpha_im": 0.0}, start=start, detector=dqm.Detector(0.7)
    )
    assert result.goodness.describes_data, result
    require_within(result, TRUTH | {"F": 0.8, "alpha_re": 0.8})
    wrong = dqm.recover(data, DRIVEN, fix={"C": 1.0, "alpha_im": 0.0}, start=start)
    assert not wrong.goodness.describes_data
    with pytest.raises(dqm.InputError, match="must have an `efficiency` only"):
        dqm.recover(data, DRIVEN, detector=dqm.Detector(0.7, 0.1))


def test_parities_at_displacements(driven):
    x = np.linspace(-2, 2, 5)
    points = np.stack([axis.ravel() for axis in np.meshgrid(x, x)], axis=1)
    wigner = np.stack([[qutip.wigner(s, [q], [p])[0, 0] for q, p in points] for s in driven])
    even = np.random.default_rng(1).binomial(600, np.clip((1 + np.pi * wigner) / 2, 0, 1))
    data = dqm.Parity(3 * TIMES, even, 600, points)
    start = {"U": 1.9, "omega": 0.6, "F": 0.7}
    result = dqm.recover(data, DRIVEN, fix={"C": 1.0}, start=start)
    assert result.goodness.describes_data, result
    require_within(result, TRUTH | {"F": 0.8, "alpha_re": 0.8, "alpha_im": 0.0})


@pytest.mark.slow
def test_pulses_and_baths_in_the_model():
    """A pulse of known shape and unknown strength, and loss as a jump."""
    t, a = np.linspace(0, 2, 5), qutip.destroy(10)
    shape = lambda t: np.sin(np.pi * t / 2) ** 2
    run = qutip.mesolve(
        [0.5 * a.dag() * a, [0.9 * (a + a.dag()), shape]],
        qutip.coherent(10, 0.2),
        t,
        [np.sqrt(0.3) * a],
        options={"atol": 1e-11, "rtol": 1e-9},
    )
    basis, keys = dqm.FockBargmann(10), jax.random.split(jax.random.key(3), 5)
    points = [
        dqm.readout.sample(key, basis, positive(s), 500)
        for key, s in zip(keys, run.states, strict=True)
    ]
    data = dqm.Samples(t, np.stack(points), [1.0])
    drive = dqm.operator("F*(a+ad)", F=jnp.asarray(0.7))
    pulse = dqm.Interpolated(np.linspace(0, 2, 81), shape(np.linspace(0, 2, 81)))
    symbol = dqm.Driven(dqm.operator("w*n", w=jnp.asarray(0.4)), (pulse, drive))
    model = dqm.Open(dqm.FokkerPlanck(symbol), dqm.Jump("a", jnp.asarray(0.2)))
    result = dqm.recover(data, model)
    assert result.goodness.describes_data, result
    require_within(result, {"w": 0.5, "F": 0.9, "rate": 0.3})


@pytest.mark.slow
def test_an_unknown_state_is_fitted_with_the_model():
    """Of a driven oscillator: free motion alone shows only a part of the matrix."""
    t, a = TIMES[::2], qutip.destroy(LEVELS)
    ket = (qutip.basis(LEVELS, 0) + 1j * qutip.basis(LEVELS, 2)).unit()
    rho = 0.7 * qutip.ket2dm(ket) + 0.3 * qutip.fock_dm(LEVELS, 1)
    hamiltonian = kerr_operator(LEVELS, U, OMEGA) + 0.6 * (a + a.dag())
    run = qutip.mesolve(hamiltonian, rho, t, options={"atol": 1e-12, "rtol": 1e-10})
    keys = jax.random.split(jax.random.key(0), t.size)
    pairs = zip(keys, run.states, strict=True)
    points = [dqm.readout.sample(key, BASIS, positive(s), 1000) for key, s in pairs]
    data = dqm.Samples(t, np.stack(points), [1.0])
    model, state = f"{HAMILTONIAN} + 0.6*(a + ad)", dqm.Unknown(2, levels=4)
    result = dqm.recover(data, model, state=state, fix={"C": 1.0}, cutoff=16)
    assert result.goodness.describes_data, result
    require_within(result, TRUTH)
    found = result.problem.template(result.vector).state(dqm.FockBargmann(LEVELS))
    assert qutip.fidelity(qutip.Qobj(np.asarray(found)), rho) ** 2 > 0.99


def test_names_of_other_sets_and_experiments_are_refused():
    data = samples(qutip.coherent(LEVELS, 0.5), TIMES[:2], 20)
    with pytest.raises(dqm.InputError, match="`state` must have the names of `data`, a, b"):
        dqm.recover({"a": data, "b": data}, HAMILTONIAN, state={"a": "cat"})
    with pytest.raises(dqm.InputError, match="two data sets or more"):
        dqm.data.joint.Joint({"a": data})
    with pytest.raises(dqm.InputError, match="`off` needs a `detector`"):
        dqm.recover(data, HAMILTONIAN, off=data)
    with pytest.raises(dqm.InputError, match="`separate` must name parameters"):
        dqm.recover({"a": data, "b": data}, HAMILTONIAN, separate=["Z"])
