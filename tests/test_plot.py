import dataclasses

import matplotlib as mpl
import numpy as np
import pytest

import dqmjax as dqm

mpl.use("Agg")
from dqmjax import plot


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plot.plt.close("all")


def test_snapshots_show_data_model_and_residual_on_shared_scales(clean):
    figure = plot.snapshots(clean, clean.density * 0.9)
    maps = [ax for ax in figure.axes if ax.collections and ax.get_aspect() == 1]
    assert len(maps) == 12
    data, model, residual = maps[0].collections[0], maps[4].collections[0], maps[8].collections[0]
    assert data.get_clim() == model.get_clim() == (0, clean.density.max())
    np.testing.assert_allclose(data.get_array(), clean.density[0])
    np.testing.assert_allclose(residual.get_array(), 0.1 * clean.density[0])
    assert residual.get_clim()[0] == -residual.get_clim()[1]
    assert "ell" in maps[8].get_xlabel()


def test_map_axes_are_in_units():
    points = np.array([[0.0, 0.0], [3.2, 0.0], [0.0, 1.0], [3.2, 1.0]])
    plot.phase_space_map(points, np.arange(4.0), ell=1.6, kappa=2.0)
    assert plot.plt.gca().dataLim.x1 == pytest.approx(3.2 / 1.6)
    assert plot.plt.gca().dataLim.y1 == pytest.approx(1.0 / (2.0 / 1.6))


def test_posterior_leaves_out_what_is_undetermined(clean):
    result = dqm.recover(clean, "kerr", fix={"interaction": 0.0, "omega": 0.0})
    assert not result.identifiable["C"]
    figure = plot.posterior(result)
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert [t.split("\n")[0] for t in titles] == ["alpha_re", "alpha_im"]


def test_bad_input_to_figures_is_refused(clean):
    points = np.ones((4, 2))
    with pytest.raises(dqm.InputError, match=r"must be \(points, 2\)"):
        plot.phase_space_map(points, np.ones(3))
    with pytest.raises(dqm.InputError, match="must be real"):
        plot.phase_space_map(points, np.ones(4) + 1j)
    two = dataclasses.replace(clean, points=np.tile(clean.points, 2), ell=np.ones(2))
    with pytest.raises(dqm.InputError, match="of one mode"):
        plot.snapshots(two, clean.density)
