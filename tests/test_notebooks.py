"""The notebooks run in a small size and draw a figure."""

import runpy
from pathlib import Path

import matplotlib as mpl
import pytest

mpl.use("Agg")
import matplotlib.pyplot as plt

FOLDER = Path(__file__).parents[1] / "notebooks"


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_notebook_runs(path, monkeypatch):
    monkeypatch.setenv("DQMJAX_SMALL", "1")
    names = runpy.run_path(str(path))
    assert names["SMALL"]
    assert plt.get_fignums()
    plt.close("all")
