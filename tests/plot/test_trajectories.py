"""Paths over densities."""

import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.trajectories import Trajectories

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.colors import to_hex

from dqmjax import plot
from dqmjax.plot.style import COLOURS

T = np.linspace(0.0, 1.0, 5)
LINE = dqm.Grid((-4.0,), (4.0,), (16,))
PLANE = dqm.Grid((-4.0,) * 2, (4.0,) * 2, (4, 4))
RHO = np.exp(-(np.asarray(LINE.points[0]) ** 2)) * np.ones((5, 1))
SIDE = np.linspace(-3, 3, 4)
POINTS = np.stack(np.meshgrid(SIDE, SIDE)).reshape(2, -1).T


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def moving(count, dim):
    """Particle i is at `i + t`, along axis a at `10a` more."""
    x = np.arange(count)[:, None] + 10.0 * np.arange(dim) + T[:, None, None]
    return Trajectories(jnp.asarray(T), jnp.asarray(x), jnp.asarray(x))


def segments(collection):
    return np.stack([path.vertices for path in collection.get_paths()])


def test_a_path_is_its_positions_against_time():
    (drawn,) = plot.trajectories(moving(3, 2), axis=1)
    found = segments(drawn)
    np.testing.assert_allclose(found[..., 0], np.tile(T, (3, 1)))
    np.testing.assert_allclose(found[..., 1], 10 + np.arange(3)[:, None] + T)
    assert (plt.gca().get_xlabel(), plt.gca().get_ylabel()) == ("$t$", "$y$")
    assert plt.gca().get_xlim() == (0, 1)


def test_at_most_some_are_drawn_evenly_spread():
    (drawn,) = plot.trajectories(moving(100, 1), most=4)
    np.testing.assert_allclose(segments(drawn)[:, 0, 1], [12, 37, 62, 87])


def test_outcomes_have_colours_and_a_legend():
    outcome = jnp.array([True, False, True])
    left, right = plot.trajectories(moving(3, 1), outcome=outcome, names={0: "left", 1: "right"})
    np.testing.assert_allclose(segments(left)[:, 0, 1], [1])
    np.testing.assert_allclose(segments(right)[:, 0, 1], [0, 2])
    assert [to_hex(some.get_color()[0]) for some in (left, right)] == list(COLOURS[:2])
    assert [text.get_text() for text in plt.gca().get_legend().get_texts()] == ["left", "right"]


@pytest.mark.parametrize("draw", [plot.trajectories, plot.phase_space_paths])
def test_many_outcomes_have_a_colour_bar(draw):
    (drawn,) = draw(moving(6, 2), outcome=np.arange(6) / 5)
    np.testing.assert_allclose(drawn.get_array(), np.arange(6) / 5)
    assert len(plt.gcf().axes) == 2
    assert len(np.unique(drawn.get_color(), axis=0)) == 6


def test_an_outcome_keeps_its_colour_where_few_paths_are_drawn():
    """Of six outcomes only two are among the paths drawn."""
    (drawn,) = plot.trajectories(moving(6, 1), outcome=np.arange(6), most=2)
    assert drawn.get_clim() == (0, 5)
    _, second, third = plot.trajectories(moving(3, 1), outcome=np.arange(3), most=1)
    np.testing.assert_allclose(segments(second)[:, 0, 1], [1])
    assert not third.get_paths()


def test_density_is_a_shade_of_its_root():
    plot.trajectories(moving(3, 1), LINE, RHO, peak=4.0)
    shade = plt.gca().collections[0].get_array()
    assert shade.shape == (16, 5)  # x upwards
    np.testing.assert_allclose(shade, np.sqrt(RHO.T / 4))
    low, high = plt.gca().get_ylim()
    assert low == pytest.approx(-0.3)
    assert high == pytest.approx(3.3)  # of the paths, not of the box


def test_phase_space_paths_are_in_units_of_ell_and_kappa():
    values = np.arange(16.0)
    paths = moving(3, 2)
    one, other = plot.phase_space_paths(paths, POINTS, values, 2.0, 4.0, outcome=[5, 6, 5])
    found = segments(one)
    np.testing.assert_allclose(found[:, 0], [[0, 5], [1, 6]])
    assert "ell" in plt.gca().get_xlabel()
    shade, *_, start, end = plt.gca().collections
    np.testing.assert_allclose(shade.get_array(), values)
    np.testing.assert_allclose(start.get_offsets(), [[0, 5], [1, 6], [0.5, 5.5]])
    np.testing.assert_allclose(end.get_offsets()[2], [1, 6])
    assert to_hex(end.get_facecolors()[2]) == to_hex(other.get_color()[0]) == COLOURS[1]


BAD = {
    "no such axis": (lambda: plot.trajectories(moving(3, 1), axis=1), "`axis` must be below 1"),
    "no path": (lambda: plot.trajectories(moving(3, 1), most=0), "`most` must be an integer"),
    "outcome of others": (
        lambda: plot.trajectories(moving(3, 1), outcome=np.ones(2)),
        r"`outcome` must have shape \(3,\)",
    ),
    "outcome in words": (
        lambda: plot.trajectories(moving(3, 1), outcome=["a", "b", "c"]),
        "`outcome` must be real",
    ),
    "no name": (
        lambda: plot.trajectories(moving(3, 1), outcome=np.arange(3), names={0: "a", 1: "b"}),
        "`names` must have a label for each outcome",
    ),
    "names of nothing": (
        lambda: plot.trajectories(moving(3, 1), names={0: "a"}),
        "`outcome` is not given",
    ),
    "density of other times": (
        lambda: plot.trajectories(moving(3, 1), LINE, RHO[1:]),
        r"`rho` must have shape \(5, 16\)",
    ),
    "no density": (
        lambda: plot.trajectories(moving(3, 1), LINE, 0 * RHO),
        "`rho` must be positive somewhere",
    ),
    "grid alone": (
        lambda: plot.trajectories(moving(3, 1), LINE),
        "`grid` and `rho` must be given together",
    ),
    "a plane": (
        lambda: plot.trajectories(moving(3, 2), PLANE, np.ones((5, 4, 4))),
        "`grid` must have one dimension, but has 2",
    ),
    "peak 0": (
        lambda: plot.trajectories(moving(3, 1), LINE, RHO, peak=0.0),
        "`peak` must be positive",
    ),
    "one axis": (lambda: plot.phase_space_paths(moving(3, 1)), r"with \(q, p\), but have 1 axes"),
    "points alone": (
        lambda: plot.phase_space_paths(moving(3, 2), POINTS),
        "`points` and `values` must be given together",
    ),
    "values of others": (
        lambda: plot.phase_space_paths(moving(3, 2), POINTS, np.ones(3)),
        r"`values` must have shape \(16,\)",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_rejected(case):
    call, message = BAD[case]
    with pytest.raises(dqm.InputError, match=message):
        call()
