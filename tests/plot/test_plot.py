import dataclasses

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import PIL.Image
import pytest

import dqmjax as dqm

mpl.use("Agg")
from dqmjax import plot


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


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
    assert plt.gca().dataLim.x1 == pytest.approx(3.2 / 1.6)
    assert plt.gca().dataLim.y1 == pytest.approx(1.0 / (2.0 / 1.6))


@pytest.mark.slow
def test_posterior_leaves_out_what_is_undetermined(clean):
    result = dqm.recover(clean, "kerr", fix={"interaction": 0.0, "omega": 0.0})
    assert not result.identifiable["C"]
    figure = plot.posterior(result)
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert [t.split("\n")[0] for t in titles] == ["alpha_re", "alpha_im"]


def test_maps_of_several_times_share_one_scale():
    axis = np.linspace(-1, 1, 5)
    points = np.stack(np.meshgrid(axis, axis)).reshape(2, -1).T
    rho = np.linspace(0, 1, 50).reshape(2, 25)
    husimi = plot.phase_space_maps(points, rho, np.array([0.0, 0.5]))
    assert [a.get_clim() for a in husimi] == [(0, 1)] * 2
    assert husimi[1].axes.get_title() == "$t$ = 0.5"
    signed = plot.phase_space_maps(points, rho - 0.5, np.array([0.0, 0.5]))
    assert [a.get_clim() for a in signed] == [(-0.5, 0.5)] * 2


@pytest.mark.parametrize(
    ("matrix", "sign"), [([[2.0, 0.3], [0.3, 1.0]], 1), ([[1.0, 0.5], [0.5, -1.0]], -1)]
)
def test_diffusion_is_drawn_as_the_curve_of_its_inverse(matrix, sign):
    """A closed curve for ordinary diffusion, two branches for traceless one."""
    matrix = np.array(matrix)
    _, lines = plot.drift_and_diffusion(np.zeros((1, 2)), np.ones((1, 2)), matrix[None])
    curves = [path.vertices for path in lines.get_paths()]
    assert len(curves) == (1 if sign > 0 else 2)
    for curve in curves:
        level = np.einsum("ka,ab,kb->k", curve, np.linalg.inv(matrix), curve)
        np.testing.assert_allclose(level, level[0], rtol=1e-10)
        assert level[0] > 0
    assert (np.linalg.norm(curves[0][0] - curves[0][-1]) < 1e-12) == (sign > 0)


def test_weights_show_what_presses_against_the_cut_off():
    rho = np.diag([0.5, 0.25, 0.125]) + 0j
    rho[0, 2] = 0.2
    populations, largest = plot.fock_weights(rho)
    np.testing.assert_allclose(populations.get_ydata(), [0.5, 0.25, 0.125])
    np.testing.assert_allclose(largest.get_ydata(), [0.5, 0.25, 0.2])
    assert plt.gca().lines[-1].get_xdata()[0] == 2.5


def test_phase_is_masked_where_there_is_no_density():
    grid = dqm.Grid((-6.0,), (6.0,), (64,))
    x = np.asarray(grid.points[0])
    rho = x**2 * np.exp(-(x**2))
    image = plot.density_and_action(grid, rho, np.full(64, 1.5 * np.pi))
    shown = image.get_array()
    np.testing.assert_array_equal(shown.mask[0], rho < 1e-6 * rho.max())
    np.testing.assert_allclose(shown.compressed(), -np.pi / 2)
    figure, ax = plt.subplots()
    (line,) = plot.fields(grid, rho, {"rho": x}, ax)
    np.testing.assert_array_equal(np.isnan(line.get_ydata()), rho < 1e-6 * rho.max())
    low, high = ax.get_ylim()
    assert low < -2 < 2 < high < 6.6  # set by the field
    assert figure.axes == [ax]  # nothing that would stay in the next frame of an animation
    plane = dqm.Grid((-1.0, -2.0), (1.0, 2.0), (8, 16))
    image = plot.density_and_action(plane, np.ones((8, 16)), plane.points[1])
    assert image.get_extent() == [-1, 1, -2, 2]
    image = plot.density_and_action(plane, np.ones((8, 16)), plane.points[1], peak=4.0)
    np.testing.assert_allclose(image.get_alpha(), 0.5)  # √(1/4) of the strength
    plt.figure()
    plot.density_and_action(grid, rho, 0 * rho, peak=3.0)
    assert plt.gca().get_ylim()[1] == pytest.approx(3.15)
    with pytest.raises(dqm.InputError, match="`peak` must be positive"):
        plot.density_and_action(grid, rho, 0 * rho, peak=0.0)
    assert image.get_array().shape == (16, 8)  # y upwards


def test_ledger_adds_up():
    lines = plot.energy_ledger(np.arange(3.0), {"drift": np.ones(3), "potential": np.arange(3.0)})
    np.testing.assert_allclose(lines[-1].get_ydata(), [1, 2, 3])
    assert [line.get_label() for line in lines] == ["drift", "potential", "total"]


def test_animation_is_written(tmp_path):
    frames = []
    line = lambda i, ax: frames.append((i, ax.plot([0, i])))
    animation = plot.animate(line, 3, fps=5)
    plot.save_animation(animation, tmp_path / "moving.gif")
    with PIL.Image.open(tmp_path / "moving.gif") as image:
        assert image.n_frames == 3
        assert image.info["duration"] == 200
    assert sorted({i for i, _ in frames}) == [0, 1, 2]
    with pytest.raises(dqm.InputError, match=r"must end in \.gif"):
        plot.save_animation(animation, tmp_path / "moving.mp4")
    with pytest.raises(dqm.InputError, match="does not exist"):
        plot.save_animation(animation, tmp_path / "nowhere" / "moving.gif")
    with pytest.raises(dqm.InputError, match="`count` must be one frame at least"):
        plot.animate(line, 0)


def test_work_and_precision():
    (line,) = plot.work_precision({"strang": (np.array([1e-8, 1e-2]), np.array([1.0, 0.1]))})
    np.testing.assert_allclose(line.get_ydata(), [1.0, 0.1])
    plot.work_precision({"other": (np.array([1e-4]), np.array([1.0]))})
    assert plt.gca().xaxis_inverted()  # by a second call, too
    with pytest.raises(dqm.InputError, match="`runs` of 'strang' must be as many positive"):
        plot.work_precision({"strang": (np.array([0.0]), np.array([1.0]))})
    with pytest.raises(dqm.InputError, match="`runs` must hold one method"):
        plot.work_precision({})


def test_bad_input_to_figures_is_refused(clean):
    points = np.ones((4, 2))
    with pytest.raises(dqm.InputError, match=r"must be \(points, 2\)"):
        plot.phase_space_map(points, np.ones(3))
    with pytest.raises(dqm.InputError, match="must be real"):
        plot.phase_space_map(points, np.ones(4) + 1j)
    two = dataclasses.replace(clean, points=np.tile(clean.points, 2), ell=np.ones(2))
    with pytest.raises(dqm.InputError, match="of one mode"):
        plot.snapshots(two, clean.density)
    line = dqm.Grid((-1.0,), (1.0,), (8,))
    space = dqm.Grid((-1.0,) * 3, (1.0,) * 3, (4,) * 3)
    with pytest.raises(dqm.InputError, match=r"`values` must have shape \(2, 4\)"):
        plot.phase_space_maps(points, np.ones((3, 4)), np.arange(2.0))
    with pytest.raises(dqm.InputError, match="`t` must hold a time"):
        plot.phase_space_maps(points, np.ones((0, 4)), np.ones(0))
    with pytest.raises(dqm.InputError, match=r"`drift` must have shape \(4, 2\)"):
        plot.drift_and_diffusion(points, np.ones((3, 2)), np.ones((4, 2, 2)))
    with pytest.raises(dqm.InputError, match="`S` must be real"):
        plot.density_and_action(line, np.ones(8), 1j * np.ones(8))
    with pytest.raises(dqm.InputError, match="`rho` must be positive somewhere"):
        plot.density_and_action(line, np.zeros(8), np.ones(8))
    with pytest.raises(dqm.InputError, match="must have one or two dimensions, but has 3"):
        plot.density_and_action(space, np.ones((4, 4, 4)), np.ones((4, 4, 4)))
    with pytest.raises(dqm.InputError, match="`grid` must have one dimension, but has 3"):
        plot.fields(space, np.ones((4, 4, 4)), {"$v$": np.ones((4, 4, 4))})
    with pytest.raises(dqm.InputError, match="`curves` must hold one"):
        plot.fields(line, np.ones(8), {})
    with pytest.raises(dqm.InputError, match=r"`rest` must have shape \(3,\)"):
        plot.energy_ledger(np.arange(3.0), {"rest": np.ones(2)})
    with pytest.raises(dqm.InputError, match=r"`coefficients` must have shape \(3, 3\)"):
        plot.fock_weights(np.ones((3, 2)))


def test_figures_are_found_in_the_package():
    assert dqm.__getattr__("plot") is plot
    with pytest.raises(AttributeError, match="no attribute 'plots'"):
        dqm.plots  # noqa: B018
