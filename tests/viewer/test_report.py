"""`report.html`: what a reader finds in it, for data of every kind."""

import dataclasses

import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.experiments.examples import KINDS, example
from dqmjax.viewer.report import report

MODEL = "omega*n + U/2*n*(n-1)"
KNOWN = {"start": {"omega": 0.7, "U": 2.0}}


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


@pytest.mark.slow
def test_every_kind_of_data_has_a_report(fitted):
    kind, result = fitted
    text = report(result, "dqmjax recover <file>")
    assert result.goodness.verdict in text
    assert all(result.rounded(name)[0] in text for name in result.estimate)
    assert "dqmjax recover &lt;file&gt;" in text
    assert "µs" in text
    assert ('"kind":"field"' in text) == (kind != "photon-numbers")
    assert len(text) < 2_000_000
