"""`report.html`: what a reader finds in it, for data of every kind."""

import dataclasses
import json
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.experiments.examples import KINDS, example
from dqmjax.viewer import report as module
from dqmjax.viewer.report import report

MODEL = "omega*n + U/2*n*(n-1)"
KNOWN = {"start": {"omega": 0.7, "U": 2.0}}
EVIL = "</script><img src=x onerror=alert(1)>"
GRID = dqm.Grid((-6.0,), (6.0,), (48,))


@pytest.fixture(scope="module", params=[kind for kind in KINDS if kind != "series"])
def fitted(request):
    """A fit to data of each kind that the command line reads."""
    data = example(request.param)
    data = dataclasses.replace(data, t=data.t[:5], **_first_five(data))
    return request.param, dqm.recover(data, MODEL, cutoff=25, **KNOWN)


def _first_five(data) -> dict:
    rows = {}
    for name in ("density", "counts", "even", "shots"):
        value = getattr(data, name, None)
        if np.ndim(value):
            rows[name] = value[:5]
    if isinstance(data, dqm.Samples):
        rows["points"] = data.points[:5]
    return rows


class Powers(dqm.AbstractExperiment):
    """Columns (rate · t)^k."""

    rate: jax.Array
    columns: int

    def predict(self, times, where):
        powers = jnp.arange(1, self.columns + 1)
        return (self.rate * times.ts[:, None]) ** powers, None


def fit_of_powers(columns: int, sigma: float | None) -> dqm.Recovery:
    t = np.linspace(0.0, 1.0, 6)
    noise = 0.01 * np.random.default_rng(0).normal(size=(6, columns))
    values = t[:, None] ** np.arange(1, columns + 1) + noise
    return dqm.recover(dqm.Series(t, values, sigma), Powers(jnp.array(1.1), columns))


def fit_of_lines(kind=dqm.Lines, sigma: float | None = 0.01) -> dqm.Recovery:
    levels = dqm.Levels(dqm.Hamiltonian(dqm.Harmonic(jnp.array(1.0))), GRID, 3)
    return dqm.recover(kind([0.605, 1.79, 3.0], sigma=sigma), levels)


def scene(text: str) -> dict:
    found = re.search(r'<script id="page" type="application/json">(.*?)</script>', text)
    assert found is not None
    return json.loads(found[1])["scenes"][0]


@pytest.mark.slow
def test_every_kind_of_data_has_a_report(fitted):
    kind, result = fitted
    text = report(result, "dqmjax recover <file>")
    assert result.goodness.verdict in text
    assert all(result.rounded(name)[0] in text for name in result.estimate)
    assert "dqmjax recover &lt;file&gt;" in text
    assert "µs" in text
    assert "(us)" not in text
    assert ('"kind":"field"' in text) == (kind != "photon-numbers")
    assert len(text) < 2_000_000


@pytest.mark.slow
@pytest.mark.parametrize("fitted", ["samples"], indirect=True)
def test_many_samples_are_thinned(fitted, monkeypatch):
    monkeypatch.setattr(module, "MOST_SAMPLES", 50)
    found = scene(report(fitted[1]))
    assert found["panels"][0]["overlays"][0]["positions"]["shape"] == [1, 5, 50, 2]
    assert "400 samples at each time, of which the map shows 50," in found["text"]


@pytest.mark.parametrize(("columns", "slider"), [(1, ""), (3, "3 columns"), (13, "6 times")])
def test_series_are_drawn_over_time_or_over_many_columns(columns, slider):
    found = scene(report(fit_of_powers(columns, 0.01)))
    first, residual = found["panels"]
    assert first["x"]["name"] == ("n" if columns == 13 else "t")
    assert residual["rules"] == [-2.0, 0.0, 2.0]
    assert first["series"][1]["error"]["shape"] == first["series"][1]["y"]["shape"]
    assert (f"The slider chooses one of {slider}." in found["text"]) == bool(slider)
    assert "slider" in found["text"] or not slider
    assert "standard deviations" in found["text"]


@pytest.mark.parametrize("fit", [fit_of_lines, lambda **noise: fit_of_powers(2, **noise)])
def test_without_a_noise_level_the_residual_has_the_unit_of_the_data(fit):
    text = report(fit(sigma=None))
    first, residual = scene(text)["panels"]
    assert first["series"][1]["error"] is None
    assert residual["y"]["label"] == "difference"
    assert "The noise of the data was not given" in text
    assert "No noise level was given" in text


def test_lines_are_one_row():
    result = fit_of_lines()
    text = report(result)
    found = scene(text)
    assert found["panels"][0]["series"][0]["y"]["shape"] == [1, 1, 3]
    assert len(found["time"]["values"]) == 1
    assert "The slider" not in found["text"]
    share = 100 * np.sqrt(np.mean((result.prediction - [[0.605, 1.79, 3.0]]) ** 2)) / 3.0
    assert f"The root mean square of the residuals is {share:.2g} % of the largest" in text


def test_a_bound_that_does_not_exist_is_left_out():
    result = fit_of_lines()
    assert "inf" not in report(dataclasses.replace(result, cramer_rao={"omega": np.inf}))


def test_foreign_text_cannot_become_markup():
    class Described(dqm.Lines):
        description = EVIL

    result = fit_of_lines(Described)
    names = ("estimate", "stderr", "cramer_rao", "identifiable", "start")
    renamed = {name: {EVIL: getattr(result, name)["omega"]} for name in names}
    two = {name: values | {"b": values[EVIL]} for name, values in renamed.items()}
    more = {
        "covariance": np.array([[2.0, 1.0], [1.0, 2.0]]),
        "undetermined": [{EVIL: 1.0}],
        "product": {EVIL: 1.0},
        "angular": {EVIL: True},
        "time_unit": EVIL,
        "at_bounds": [EVIL],
        "origin": EVIL,
        "vector": np.zeros(2),
    }
    text = report(dataclasses.replace(result, **two, **more), EVIL)
    assert "<img" not in text
    assert text.count("</script>") == 3  # page, data, script
    assert text.count("&lt;img src=x onerror=alert(1)&gt;") >= 8
