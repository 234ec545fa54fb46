import colorsys
import dataclasses
import inspect
import itertools
import shutil
import subprocess
import sys

import imageio_ffmpeg
import jax
import jax.numpy as jnp
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import PIL.Image
import pytest

import dqmjax as dqm

mpl.use("Agg")
from dqmjax import plot

draw_nothing = lambda frame, ax: None


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_snapshots_show_data_model_and_residual_on_shared_scales(clean):
    figure = plot.snapshots(clean, clean.density * 0.9)
    maps = [ax for ax in figure.axes if ax.collections and ax.get_aspect() == 1]
    assert len(maps) == 12
    bars = [bar for ax in figure.axes for bar in ax.child_axes]
    assert len(bars) == 3  # one for each row
    data, model, residual = maps[0].collections[0], maps[4].collections[0], maps[8].collections[0]
    assert data.get_clim() == model.get_clim() == (0, clean.density.max())
    np.testing.assert_allclose(data.get_array(), clean.density[0])
    np.testing.assert_allclose(residual.get_array(), 0.1 * clean.density[0])
    assert residual.get_clim()[0] == -residual.get_clim()[1]
    assert "ell" in maps[8].get_xlabel()


def test_phase_space_map_has_axes_in_units_of_ell_and_kappa():
    points = np.array([[0.0, 0.0], [3.2, 0.0], [0.0, 1.0], [3.2, 1.0]])
    plot.phase_space_map(points, np.arange(4.0), ell=1.6, kappa=2.0)
    assert plt.gca().dataLim.x1 == pytest.approx(3.2 / 1.6)
    assert plt.gca().dataLim.y1 == pytest.approx(1.0 / (2.0 / 1.6))


def pixels(axes):
    """Left, bottom, width and height of axes after the layout of their figure."""
    axes[0].figure.canvas.draw()
    return np.array([ax.get_window_extent().bounds for ax in axes])


def test_colours_of_one_map_follow_the_sign_of_its_values():
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    positive = plot.phase_space_map(points, np.arange(4.0), ax=plt.subplots()[1])
    assert (positive.get_cmap().name, positive.get_clim()) == ("cividis", (0, 3))
    signed = plot.phase_space_map(points, np.arange(4.0) - 2, ax=plt.subplots()[1], label="$W$")
    assert (signed.get_cmap().name, signed.get_clim()) == ("RdBu_r", (-2, 2))
    (bar,) = signed.axes.child_axes
    assert bar.get_ylabel() == "$W$"
    bare = plot.phase_space_map(points, np.arange(4.0), ax=plt.subplots()[1], label=None)
    assert not bare.axes.child_axes
    logarithmic = mpl.colors.LogNorm(1, 9)
    scaled = plot.phase_space_map(points, np.arange(4.0), ax=plt.subplots()[1], norm=logarithmic)
    assert scaled.get_clim() == (1, 9)


@pytest.mark.parametrize("count", [1, 5])
def test_colour_bar_is_as_tall_as_the_panels(count):
    axis = np.linspace(-5, 5, 5)
    points = np.stack(np.meshgrid(axis, axis)).reshape(2, -1).T
    maps = plot.phase_space_maps(points, np.ones((count, 25)), np.arange(count))
    panels = [mesh.axes for mesh in maps]
    *panels, bar = pixels([*panels, *panels[-1].child_axes])
    for panel in panels:
        np.testing.assert_allclose(panel[1:], panels[0][1:], atol=1e-6)  # equal, in one row
        np.testing.assert_allclose(bar[[1, 3]], panel[[1, 3]], atol=1e-6)


@pytest.mark.parametrize("half", [1.0, 4.0, 5.0, 6.0, 0.0125, 250.0])
def test_tick_labels_of_neighbours_do_not_meet(half):
    axis = np.linspace(-half, half, 5)
    points = np.stack(np.meshgrid(axis, axis)).reshape(2, -1).T
    maps = plot.phase_space_maps(points, np.ones((5, 25)), np.arange(5.0))
    figure = maps[0].axes.figure
    figure.canvas.draw()
    labels = [
        label.get_window_extent()
        for mesh in maps
        for label in mesh.axes.get_xticklabels()
        if label.get_text() and mesh.axes.viewLim.intervalx[0] <= label.get_position()[0] <= half
    ]
    assert len(labels) >= 2 * len(maps)
    for left, right in itertools.pairwise(sorted(labels, key=lambda box: box.x0)):
        assert left.x1 + 9 < right.x0  # pixels: the width of a digit


class Decay(dqm.AbstractStepper):
    """`dy/dt = −rate y`, whatever the other parameter is."""

    rate: jax.Array
    idle: jax.Array

    def make_step(self, dt):
        return jax.tree_util.Partial(
            lambda factor, t, y: factor * y, jnp.exp(-self.rate * dt) + 0 * self.idle
        )


def test_posterior_leaves_out_undetermined_parameters():
    t = np.linspace(0.0, 1.0, 9)
    decay = Decay(jnp.array(1.5), jnp.array(1.0))
    result = dqm.recover(
        dqm.Series(t, np.exp(-2 * t)[:, None], sigma=0.01), dqm.Evolution(decay, 1.0, lambda y: y)
    )
    assert result.identifiable == {"rate": True, "idle": False}
    titles = [ax.get_title() for ax in plot.posterior(result, truth={"idle": 1.0}).axes]
    assert [title.split("\n")[0] for title in titles if title] == ["rate"]


@pytest.fixture(scope="module")
def fit():
    """Three parameters, started outside of the range of the figure."""
    t = np.linspace(0.0, 3.0, 12)
    value = lambda p: p[0] * jnp.exp(-p[1] * t) + p[2]

    class Curve(dqm.AbstractExperiment):
        height: jax.Array
        rate: jax.Array
        floor: jax.Array

        def predict(self, times, where):
            return value([self.height, self.rate, self.floor])[:, None], None

    data = dqm.Series(t, np.asarray(value([1.0, 2.0, 0.5]))[:, None], sigma=0.01)
    return dqm.recover(data, Curve(jnp.array(1.02), jnp.array(1.5), jnp.array(0.5)))


def marks(ax, label):
    return [line for line in ax.lines if line.get_label() == label]


def test_posterior_marks_start_and_truth(fit):
    """In standard errors from the estimate, or as arrows at the edge."""
    truth = {"height": fit.estimate["height"] + 2 * fit.stderr["height"], "rate": 2.0, "floor": 9.0}
    figure = plot.posterior(fit, truth=truth)
    corner = np.array(figure.axes).reshape(3, 3)
    (inside,) = marks(corner[1, 0], "truth")
    apart = (2.0 - fit.estimate["rate"]) / fit.stderr["rate"]
    np.testing.assert_allclose(np.ravel(inside.get_data()), [2, apart], atol=1e-9)
    (outside,) = marks(corner[2, 0], "truth, outside")
    x, y = np.ravel(outside.get_data())
    assert (round(x, 9), y < 3.2) == (2, True)
    assert outside.get_marker() == (3, 0, 0)  # a triangle that points upwards
    start = (1.5 - fit.estimate["rate"]) / fit.stderr["rate"]
    assert start < -3.2
    (arrow,) = marks(corner[1, 1], "start, outside")
    assert arrow.get_marker()[2] == pytest.approx(90)  # to the left
    assert f"{start:+.3g} σ" in [text.get_text() for text in corner[1, 1].texts]
    (legend,) = figure.legends
    shown = [text.get_text() for text in legend.get_texts()]
    assert {"start, outside", "truth", "truth, outside", "68 % confidence"} <= set(shown)
    assert not marks(np.array(plot.posterior(fit).axes).reshape(3, 3)[1, 0], "truth")


def test_panels_of_a_posterior_are_equal_squares(fit):
    figure = plot.posterior(fit)
    sizes = pixels([ax for ax in figure.axes if ax.axison])[:, 2:]
    assert len(sizes) == 6
    np.testing.assert_allclose(sizes, sizes[0, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("truth", "message"),
    [
        ({"speed": 1.0}, "`truth` must name parameters among height, rate, floor"),
        ({}, "`truth` must have at least one entry"),
        ({"rate": np.nan}, r"`truth\['rate'\]` must be finite"),
    ],
)
def test_truth_of_no_parameter_is_rejected(fit, truth, message):
    with pytest.raises(dqm.InputError, match=message):
        plot.posterior(fit, truth=truth)


def test_ranks_are_drawn_less_the_uniform_ones():
    """Of four ranks 0, 0, 1, 3 with three samples: 2/4, 3/4, 3/4 are below 1, 2, 3."""
    found = dqm.Calibration({"x": np.array([0, 0, 1, 3])}, {}, 4, 3)
    (line,) = plot.calibration(found)
    np.testing.assert_allclose(line.get_xdata(), [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(line.get_ydata(), [0, 0.25, 0.25, 0, 0])
    band = plt.gca().collections[0].get_paths()[0].vertices
    assert band[:, 1].min() < -0.2
    assert band[:, 1].max() > 0.2


def test_phase_space_maps_share_one_scale():
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


def test_arrows_and_curves_of_small_size_remain_visible():
    """Of a drift that is 1 and 81, D that is 1 and 16: a ninth and a half as large."""
    points = np.array([[0.0, 0.0], [1.0, 0.0]])
    drift = np.array([[0.0, 1.0], [0.0, 81.0]])
    arrows, curves = plot.drift_and_diffusion(points, drift, np.stack([np.eye(2), 16 * np.eye(2)]))
    np.testing.assert_allclose(arrows.V, [0.1, 0.9])
    sizes = [np.ptp(path.vertices, axis=0) for path in curves.get_paths()]
    np.testing.assert_allclose(sizes[0] / sizes[1], 0.5)
    assert 0.9 < sizes[1].max() < 1  # nearly the distance between the points
    assert arrows.get_zorder() > curves.get_zorder()
    assert len(plt.gca().collections) == 3  # the curves have pale areas


def test_fock_weights_show_populations_coherences_and_the_cut_off():
    rho = np.diag([0.5, 0.25, 0.125]) + 0j
    rho[0, 2] = 0.2
    populations, largest = plot.fock_weights(rho)
    np.testing.assert_allclose(populations.get_ydata(), [0.5, 0.25, 0.125])
    np.testing.assert_allclose(largest.get_ydata(), [0.5, 0.25, 0.2])
    assert plt.gca().lines[-1].get_xdata()[0] == 2.5


@pytest.fixture
def line():
    """A grid, and a density with a node at 0 that vanishes at the edges."""
    grid = dqm.Grid((-6.0,), (6.0,), (64,))
    x = np.asarray(grid.points[0])
    return grid, x, x**2 * np.exp(-(x**2))


def test_phase_is_masked_where_there_is_no_density(line):
    grid, _, rho = line
    shown = plot.density_and_action(grid, rho, np.full(64, 1.5 * np.pi)).get_array()
    np.testing.assert_array_equal(shown.mask[0], rho < 1e-6 * rho.max())
    np.testing.assert_allclose(shown.compressed(), -np.pi / 2)


def test_peak_sets_the_top_of_the_axis(line):
    grid, _, rho = line
    plot.density_and_action(grid, rho, 0 * rho, peak=3.0)
    assert plt.gca().get_ylim()[1] == pytest.approx(3.15)


def test_density_and_action_of_a_plane_is_a_map():
    plane = dqm.Grid((-1.0, -2.0), (1.0, 2.0), (8, 16))
    image = plot.density_and_action(plane, np.ones((8, 16)), plane.points[1], peak=4.0)
    assert image.get_extent() == [-1.125, 0.875, -2.125, 1.875]  # points are middles of pixels
    assert image.get_array().shape == (16, 8, 3)  # y upwards
    plt.colorbar(image)  # of the phase
    assert image.get_clim() == (-np.pi, np.pi)
    assert plt.gcf().axes[0].child_axes  # the wheel


def lightness(rgb):
    """L of CIELAB, D65: independent of OKLab."""
    light = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    y = light @ [0.2126, 0.7152, 0.0722]
    return np.where(y > 216 / 24389, 116 * np.cbrt(y) - 16, y * 24389 / 27)


def test_lightness_shows_the_density_and_hue_the_phase():
    """ρ along x and S along y. OKLab and CIELAB differ by a few units of L in even colours."""
    plane = dqm.Grid((0.0, -np.pi), (1.0, np.pi), (32, 36))
    x, y = np.asarray(plane.points)
    rgb = plot.density_and_action(plane, x, y).get_array()
    L = lightness(np.asarray(rgb))
    assert (np.diff(L, axis=1) > 0).all()
    assert L[:, 0].max() == 0
    assert (np.ptp(L, axis=0) <= 0.08 * L.max()).all()
    assert 65 < L[:, -1].min() < L[:, -1].max() < 80
    hue = [colorsys.rgb_to_hsv(*row)[0] for row in np.asarray(rgb)[:, -1]]
    turn = np.diff(np.unwrap(np.array(hue) * 2 * np.pi))
    assert (turn > 0).all()  # once around
    assert turn.sum() == pytest.approx(2 * np.pi * 35 / 36, rel=0.05)


def test_line_and_plane_have_the_same_hues(line):
    grid, _, _ = line
    plane = dqm.Grid((-6.0, -1.0), (6.0, 1.0), (64, 4))
    S = np.asarray(grid.points[0])
    area = plot.density_and_action(grid, np.ones(64), S, ax=plt.subplots()[1])
    of_plane = (plane, np.ones((64, 4)), S[:, None] * np.ones(4))
    rgb = plot.density_and_action(*of_plane, ax=plt.subplots()[1]).get_array()
    shown = area.to_rgba(area.get_array())[..., :3]
    np.testing.assert_allclose(shown[0], rgb[0], atol=0.02)  # a table of 256 colours


def test_a_plane_without_density_is_black_and_hides_what_S_is_there():
    plane = dqm.Grid((-1.0, -1.0), (1.0, 1.0), (8, 8))
    rho, S = np.ones((8, 8)), np.zeros((8, 8))
    rho[2, 3], S[2, 3] = 1e-7, np.nan
    rgb = plot.density_and_action(plane, rho, S).get_array()
    np.testing.assert_array_equal(rgb[3, 2], 0)
    assert (rgb[3, 3] > 0).any()


def test_potential_is_drawn_over_the_density(line):
    plane = dqm.Grid((-2.0, -1.0), (2.0, 1.0), (32, 16))
    x, y = np.asarray(plane.points)
    V = x**2 + 4 * y**2
    plot.density_and_action(plane, np.ones((32, 16)), x, ax=plt.subplots()[1], V=V)
    (contours,) = [c for c in plt.gca().collections if isinstance(c, mpl.contour.QuadContourSet)]
    for level, path in zip(contours.levels, contours.get_paths(), strict=True):
        at_x, at_y = path.vertices.T
        np.testing.assert_allclose(at_x**2 + 4 * at_y**2, level, atol=0.02)  # linear interpolation
    assert V.min() < contours.levels.min() < contours.levels.max() < V.max()
    grid, x, rho = line
    plot.density_and_action(grid, rho, 0 * x, ax=plt.subplots()[1], V=3 + x**2)
    curve = plt.gca().lines[-1].get_ydata()
    np.testing.assert_allclose(curve[[0, 32]], [1, 0])  # bottom to top of the axis
    assert plt.gca().get_ylim()[1] == pytest.approx(1.05 * rho.max())


def test_fields_are_masked_where_there_is_no_density(line):
    grid, x, rho = line
    figure, ax = plt.subplots()
    (curve,) = plot.fields(grid, rho, {"rho": x}, ax)
    np.testing.assert_array_equal(np.isnan(curve.get_ydata()), rho < 1e-6 * rho.max())
    low, high = ax.get_ylim()
    assert low < -2 < 2 < high < 6.6  # the scale of the field, not of the density
    assert figure.axes == [ax]  # no second pair, which would stay in the next frame of an animation


def test_energy_ledger_draws_the_sum():
    lines = plot.energy_ledger(np.arange(3.0), {"drift": np.ones(3), "potential": np.arange(3.0)})
    np.testing.assert_allclose(lines[-1].get_ydata(), [1, 2, 3])
    assert [line.get_label() for line in lines] == ["drift", "potential", "total"]


def test_animation_is_written(tmp_path):
    frames = []
    draw = lambda i, ax: frames.append((i, ax.plot([0, i])))
    plot.save_animation(plot.animate(draw, 3, fps=5), tmp_path / "moving.gif")
    with PIL.Image.open(tmp_path / "moving.gif") as image:
        assert image.n_frames == 3
        assert image.info["duration"] == 200
    assert sorted({i for i, _ in frames}) == [0, 1, 2]


def test_a_gif_has_the_colours_of_its_frames(tmp_path):
    """Also rare ones, those of the wheel. Means over 8 × 8 pixels, because they are dithered."""
    plane = dqm.Grid((-4.0, -4.0), (4.0, 4.0), (64, 64))
    x, y = np.asarray(plane.points)

    def draw(frame, ax):
        psi = (x + 0.5 + 1j * (y + 1 - 0.1 * frame)) * np.exp(-(x**2 + y**2) / 3 + 0.8j * x)
        plot.density_and_action(plane, np.abs(psi) ** 2, np.angle(psi), ax=ax, peak=0.3)

    film = plot.animate(draw, 3)
    plot.save_animation(film, tmp_path / "moving.gif")
    plt.gcf().canvas.draw()
    rendered = np.asarray(plt.gcf().canvas.buffer_rgba())[..., :3]
    with PIL.Image.open(tmp_path / "moving.gif") as image:
        image.seek(2)
        shown = np.asarray(image.convert("RGB"))
    means = lambda pixels: pixels.reshape(60, 8, 80, 8, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(means(shown), means(rendered), atol=12)
    np.testing.assert_array_equal(shown[0], 255)


def test_film_is_written(tmp_path):
    frames = []
    draw = lambda i, ax: (frames.append(i), ax.axvspan(0, i), ax.set_xlim(0, 4))
    film = plot.animate(draw, 5, fps=10)
    plot.save_animation(film, tmp_path / "moving.mp4")
    read = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", tmp_path / "moving.mp4"]
    read += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    found = subprocess.run(read, capture_output=True, check=True)
    assert b"640x480" in found.stderr
    assert b"10 fps" in found.stderr
    images = np.frombuffer(found.stdout, np.uint8).reshape(-1, 480, 640, 3)
    assert len(images) == 5
    blue = np.mean(images[:, 240, :, 0] < 100, axis=1)
    assert (np.diff(blue[1:]) > 0.1).all()  # the span grows
    assert [path.name for path in tmp_path.iterdir()] == ["moving.mp4"]
    assert frames[-5:] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", ["imageio_ffmpeg", "imageio_ffmpeg.get_ffmpeg_exe"])
def test_film_needs_an_encoder(name, tmp_path, monkeypatch):
    def absent():
        raise RuntimeError("No ffmpeg exe could be found.")

    if name == "imageio_ffmpeg":
        monkeypatch.setitem(sys.modules, name, None)
    else:
        monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", absent)
    animation = plot.animate(draw_nothing, 1)
    with pytest.raises(dqm.InputError, match=r"pip install 'dqmjax\[film\]'"):
        plot.save_animation(animation, tmp_path / "moving.mp4")
    assert not list(tmp_path.iterdir())
    plot.save_animation(animation, tmp_path / "moving.gif")


def test_encoder_that_fails_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: shutil.which("false"))
    film = plot.animate(draw_nothing, 1)
    with pytest.raises(dqm.InputError, match="cannot be written"):
        plot.save_animation(film, tmp_path / "moving.mp4")
    assert not list(tmp_path.iterdir())


def test_each_frame_is_drawn_and_rendered_once_in_one_layout(tmp_path):
    """The first frame once more, for the layout; longer labels later do not move the axes."""
    figure, ax = plt.subplots(layout="constrained")
    rendered, places = [], []

    class Counted(mpl.artist.Artist):
        def draw(self, renderer):
            rendered.append(renderer)
            places.append(ax.get_position().bounds)

    def draw(index, ax):
        ax.set_ylabel("label\n" * (1 + index))
        ax.add_artist(Counted())

    canvas = figure.canvas
    plot.save_animation(plot.animate(draw, 4, figure=figure), tmp_path / "moving.gif")
    assert len(places) <= 4 + 2  # two passes of the constrained layout
    assert len(set(places[-4:])) == 1
    assert figure.canvas is canvas


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("moving.avi", r"must end in \.gif or \.mp4"),
        ("nowhere/moving.mp4", "the folder .* does not exist"),
        ("nowhere/moving.gif", "the folder .* does not exist"),
        ("taken.gif", "is a directory"),
    ],
)
def test_animation_is_not_written_to(path, message, tmp_path):
    (tmp_path / "taken.gif").mkdir()
    animation = plot.animate(draw_nothing, 1)
    plot.save_animation(animation, tmp_path / "moving.gif")
    with pytest.raises(dqm.InputError, match=message):
        plot.save_animation(animation, tmp_path / path)


def test_animation_that_fails_leaves_the_former_one(tmp_path):
    path = tmp_path / "moving.gif"
    plot.save_animation(plot.animate(draw_nothing, 1), path)
    before = path.read_bytes()

    def fails(frame, ax):
        if frame:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        plot.save_animation(plot.animate(fails, 2), path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["moving.gif"]


def test_work_precision_draws_seconds_against_error():
    (drawn,) = plot.work_precision({"strang": (np.array([1e-8, 1e-2]), np.array([1.0, 0.1]))})
    np.testing.assert_allclose(drawn.get_ydata(), [1.0, 0.1])
    plot.work_precision({"other": (np.array([1e-4]), np.array([1.0]))})
    assert plt.gca().xaxis_inverted()  # after a second call, too


POINTS = np.ones((4, 2))
LINE = dqm.Grid((-1.0,), (1.0,), (8,))
SPACE = dqm.Grid((-1.0,) * 3, (1.0,) * 3, (4,) * 3)
ONE, CUBE = np.ones(8), np.ones((4, 4, 4))
BAD = {
    "values of another length": (
        lambda: plot.phase_space_map(POINTS, np.ones(3)),
        r"`values` must have shape \(4,\), but has \(3,\)",
    ),
    "complex values": (
        lambda: plot.phase_space_map(POINTS, np.ones(4) + 1j),
        "`values` must be real",
    ),
    "maps of other times": (
        lambda: plot.phase_space_maps(POINTS, np.ones((3, 4)), np.arange(2.0)),
        r"`values` must have shape \(2, 4\)",
    ),
    "maps of no time": (
        lambda: plot.phase_space_maps(POINTS, np.ones((0, 4)), np.ones(0)),
        "`t` must be real numbers, one or more",
    ),
    "complex maps": (
        lambda: plot.phase_space_maps(POINTS, np.ones((1, 4)) + 1j, np.ones(1)),
        "`values` must be real",
    ),
    "drift of other points": (
        lambda: plot.drift_and_diffusion(POINTS, np.ones((3, 2)), np.ones((4, 2, 2))),
        r"`drift` must have shape \(4, 2\)",
    ),
    "complex diffusion": (
        lambda: plot.drift_and_diffusion(POINTS, POINTS, 1j * np.ones((4, 2, 2))),
        "`diffusion` must be real",
    ),
    "coefficients that are no square": (
        lambda: plot.fock_weights(np.ones((3, 2))),
        r"`coefficients` must have shape \(3, 3\)",
    ),
    "rho of another shape": (
        lambda: plot.density_and_action(LINE, np.ones(7), ONE),
        r"`rho` must have shape \(8,\)",
    ),
    "complex S": (lambda: plot.density_and_action(LINE, ONE, 1j * ONE), "`S` must be real"),
    "no density": (
        lambda: plot.density_and_action(LINE, 0 * ONE, ONE),
        "`rho` must be positive somewhere",
    ),
    "peak 0": (
        lambda: plot.density_and_action(LINE, ONE, ONE, peak=0.0),
        "`peak` must be positive",
    ),
    "three dimensions": (
        lambda: plot.density_and_action(SPACE, CUBE, CUBE),
        "must have one or two dimensions, but has 3",
    ),
    "fields in space": (
        lambda: plot.fields(SPACE, CUBE, {"$v$": CUBE}),
        "`grid` must have one dimension, but has 3",
    ),
    "no field": (lambda: plot.fields(LINE, ONE, {}), "`curves` must have at least one"),
    "field of another shape": (
        lambda: plot.fields(LINE, ONE, {"$v$": np.ones(7)}),
        r"must have shape \(8,\)",
    ),
    "fields without density": (
        lambda: plot.fields(LINE, 0 * ONE, {"$v$": ONE}),
        "`rho` must be positive somewhere",
    ),
    "no energy": (lambda: plot.energy_ledger(ONE, {}), "`parts` must have at least one"),
    "energy of other times": (
        lambda: plot.energy_ledger(np.arange(3.0), {"rest": np.ones(2)}),
        r"`parts\['rest'\]` must have shape \(3,\)",
    ),
    "complex energy": (
        lambda: plot.energy_ledger(ONE, {"rest": 1j * ONE}),
        r"`parts\['rest'\]` must be real",
    ),
    "no frame": (lambda: plot.animate(draw_nothing, 0), "`count` must be an integer of at least 1"),
    "no speed": (lambda: plot.animate(draw_nothing, 1, fps=0), "`fps` must be positive"),
    "errors that are not positive": (
        lambda: plot.work_precision({"strang": (np.array([0.0]), np.array([1.0]))}),
        r"`runs\['strang'\]` must have as many positive errors",
    ),
    "no run": (lambda: plot.work_precision({}), "`runs` must have at least one entry"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_rejected(case):
    call, message = BAD[case]
    with pytest.raises(dqm.InputError, match=message):
        call()


def test_snapshots_of_two_modes_are_rejected(clean):
    two = dataclasses.replace(clean, points=np.tile(clean.points, 2), ell=np.ones(2))
    with pytest.raises(dqm.InputError, match="`data` must have one mode, but has 2"):
        plot.snapshots(two, clean.density)


@pytest.mark.parametrize("name", plot.__all__)
def test_help_is_short(name):
    signature = str(inspect.signature(getattr(plot, name)))
    assert len(signature) < 260
    assert "numpy." not in signature


def test_plot_is_an_attribute_of_the_package():
    assert dqm.__getattr__("plot") is plot


def test_unknown_attributes_are_rejected():
    with pytest.raises(AttributeError, match="no attribute 'plots'"):
        dqm.plots  # noqa: B018
