"""Fits, bootstraps, posteriors and calibrations continue after a kill, and results can be saved."""

import jax
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.storage import folder

TS = np.linspace(0, 1.5, 6)


@pytest.fixture(scope="module")
def data():
    x = 1.2 * np.exp(-0.7 * TS)
    noise = np.random.default_rng(1).normal(size=TS.size)
    return dqm.Series(t=TS, values=(x + 0.01 * noise)[:, None], sigma=0.01)


class Decay(dqm.AbstractExperiment):
    """`x = a e^{−bt}`."""

    a: jax.Array
    b: jax.Array

    def predict(self, times, where):
        return (self.a * jax.numpy.exp(-self.b * times.ts))[:, None], None


def model(a=1.0, b=0.5):
    return Decay(jax.numpy.asarray(a), jax.numpy.asarray(b))


@pytest.fixture(scope="module")
def result(data):
    return dqm.recover(data, model())


def first_prior():
    return dqm.NormalPrior({"a": (1.2, 0.05), "b": (0.7, 0.05)})


def simulate(truth, key):
    noise = 0.01 * np.asarray(jax.random.normal(key, TS.shape))
    x = truth["a"] * np.exp(-truth["b"] * TS) + noise
    return dqm.Series(t=TS, values=x[:, None], sigma=0.01)


def fitted(data, prior):
    return dqm.recover(data, model(), prior=prior)


KEY = jax.random.key(3)
COMPUTATIONS = {
    "recover": lambda data, result, path: dqm.recover(data, model(), checkpoint=path).vector,
    "starts": lambda data, result, path: dqm.recover(
        data, model(), starts={"a": np.array([0.5, 1.0, 2.0]), "b": np.ones(3)}, checkpoint=path
    ).vector,
    "bootstrap": lambda data, result, path: dqm.bootstrap(result, KEY, 70, checkpoint=path),
    "posterior": lambda data, result, path: dqm.posterior(
        result, KEY, 450, warmup=100, checkpoint=path
    ),
    "calibrate": lambda data, result, path: np.concatenate(
        list(
            dqm.calibrate(
                simulate, fitted, {"a": (1.2, 0.05), "b": (0.7, 0.05)}, KEY, draws=4, samples=9,
                checkpoint=path,
            ).pulls.values()
        )
    ),
}  # fmt: skip


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("name", COMPUTATIONS)
def test_they_continue_bit_for_bit(name, data, result, tmp_path, monkeypatch):
    """Killed before each of the first files is written, and continued each time."""
    compute = COMPUTATIONS[name]
    expected = compute(data, result, None)
    write, written = folder.Folder.write, []

    def dies(self, *arguments, **about):
        written.append(arguments)
        if len(written) % 2:
            raise Killed
        return write(self, *arguments, **about)

    with monkeypatch.context() as patch:
        patch.setattr(folder.Folder, "write", dies)
        for _ in range(2):
            with pytest.raises(Killed):
                compute(data, result, tmp_path)
    stages = len(list(tmp_path.glob("stage-*")))
    assert stages >= 1
    np.testing.assert_array_equal(compute(data, result, tmp_path), expected)
    assert len(list(tmp_path.glob("stage-*"))) > stages


def test_a_finished_stage_is_not_computed_again(tmp_path):
    def never():
        raise AssertionError

    with folder.Journal(tmp_path, "test", {"x": 1.0}) as journal:
        journal.stage("one", lambda: {"value": np.array(2.0)})
    with folder.Journal(tmp_path, "test", {"x": 1.0}) as journal:
        assert journal.stage("one", never)["value"] == 2.0
        with pytest.raises(AssertionError):
            journal.stage("two", never)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model": model(1.1)}, r"`model.a` was 1.0 float64 and is 1.1 float64"),
        ({"start": {"b": 0.6}}, "`start"),
        ({"prior": first_prior()}, "`prior"),
    ],
    ids=["model", "start", "prior"],
)
def test_a_checkpoint_of_another_fit_is_refused(changed, said, data, tmp_path):
    dqm.recover(data, model(), checkpoint=tmp_path)
    with pytest.raises(dqm.InputError, match=said):
        dqm.recover(**{"data": data, "model": model(), "checkpoint": tmp_path} | changed)


def test_a_checkpoint_of_something_else_is_refused(data, result, tmp_path):
    dqm.recover(data, model(), checkpoint=tmp_path)
    with pytest.raises(dqm.InputError, match="belongs to a recovery, but this is a bootstrap"):
        dqm.bootstrap(result, KEY, 4, checkpoint=tmp_path)


def test_a_saved_result_is_the_same(result, tmp_path):
    result.save(tmp_path / "fit.npz")
    loaded = dqm.load(tmp_path / "fit.npz")
    assert repr(loaded) == repr(result)
    assert loaded.to_json() == result.to_json()
    assert loaded.goodness == result.goodness
    np.testing.assert_array_equal(loaded.prediction, result.prediction)
    with pytest.raises(dqm.InputError, match=r"call `recover` with `start=result.estimate`"):
        dqm.bootstrap(loaded, KEY, 4)


def test_a_result_as_xarray(result):
    found = result.to_xarray()
    assert float(found.estimate.sel(parameter="b")) == result.estimate["b"]
    variance = float(found.covariance.sel(parameter="a", other="a"))
    np.testing.assert_allclose(variance, result.stderr["a"] ** 2, rtol=1e-12)
    assert found.attrs["verdict"] == result.goodness.verdict


@pytest.mark.skipif(len(jax.devices()) < 4, reason="fewer than four devices")
def test_fits_are_shared_by_devices(data, result):
    mesh = dqm.sharding.mesh(jax.devices()[:4])
    one, four = dqm.bootstrap(result, KEY, 10), dqm.bootstrap(result, KEY, 10, mesh=mesh)
    np.testing.assert_allclose(four, one, rtol=0, atol=1e-12)
    starts = {"a": np.linspace(0.5, 2.0, 6), "b": np.ones(6)}
    found = [dqm.recover(data, model(), starts=starts, mesh=m).vector for m in (None, mesh)]
    np.testing.assert_allclose(found[1], found[0], rtol=0, atol=1e-12)
