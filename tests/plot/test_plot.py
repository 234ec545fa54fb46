import dataclasses
import inspect

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
    titles = [ax.get_title() for ax in plot.posterior(result).axes]
    assert [title.split("\n")[0] for title in titles if title] == ["rate"]


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
    assert image.get_extent() == [-1, 1, -2, 2]
    assert image.get_array().shape == (16, 8)  # y upwards
    np.testing.assert_allclose(image.get_alpha(), 0.5)  # √(1/4)


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


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("moving.mp4", r"must end in \.gif"),
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
