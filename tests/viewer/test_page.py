"""The file that `page` writes: its arrays, and what it must not contain."""

import base64
import hashlib
import json
import re
import zlib

import numpy as np
import pytest

from dqmjax.plot.tables import colour_table, phase_table
from dqmjax.viewer.page import (
    Axis,
    Chart,
    Field,
    Parameter,
    Paths,
    Quantised,
    Readout,
    Scene,
    Series,
    Time,
    Wave,
    page,
    raster,
)

EVIL = "</script><img src=x onerror=alert(1)>&\u2028"
RANDOM = np.random.default_rng(0)
X, Y = Axis("q", "q", -1.0, 1.0), Axis("p", "p", -1.0, 1.0)


def scene(name="one", title="One", times=4) -> Scene:
    values = RANDOM.normal(size=(2, times, 5, 6))
    values[0, 0, 0, 0] = np.nan
    paths = RANDOM.normal(size=(2, times, 3, 2))
    t = np.linspace(0, 1, times)
    return Scene(
        name,
        title,
        "Some words.",
        Time(t),
        [
            Field("F", X, Y, "ρ", "ρ", Quantised(values, -4.0, 4.0), overlays=[Paths("P", paths)]),
            Wave.of("W", X, Y, values[:, :, 1:] ** 2, values[:, :, 1:], peak=9.0),
            Chart("C", X, Y, [Series("s", t[None, None], values[:, :, 1, :4])], cursor=True),
        ],
        Parameter("C", ["0", "1"], ["a", "b"]),
        [Readout("n", values[:, :, 2, 2])],
        until=[0.5, np.inf],
    )


def parts(text: str):
    """The description and the bytes of each scene."""
    found = re.search(r'<script id="page" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    packed = re.findall(r'id="data-\d+">(.*?)</script>', text)
    return json.loads(found[1]), [zlib.decompress(base64.b64decode(p)) for p in packed]


def array(reference, raw: bytes) -> np.ndarray:
    kind = np.dtype(f"<{reference['type']}")
    size = int(np.prod(reference["shape"])) * kind.itemsize
    flat = np.frombuffer(raw[reference["at"] : reference["at"] + size], kind)
    return flat.reshape(reference["shape"])


def test_arrays_survive():
    one = scene()
    described, (raw,) = parts(page("Title", [one]))
    found = described["scenes"][0]
    assert found["until"] == [0.5, None]
    field, wave, chart = found["panels"]
    values = one.panels[0].values
    stored = array(field["values"], raw)
    assert (stored == 0).sum() == 1  # the NaN
    back = -4 + 8 * (stored.astype(float) - 1) / 254
    inside = np.isfinite(values.values) & (np.abs(values.values) < 4)
    assert np.abs(back - values.values)[inside].max() <= 4 / 254 + 1e-12  # half a step
    paths = array(field["overlays"][0]["positions"], raw)
    np.testing.assert_array_equal(paths, one.panels[0].overlays[0].positions.astype("f4"))
    assert all(place["at"] % 4 == 0 for place in (field["values"], wave["phase"]))
    density = array(wave["density"], raw) / 255.0
    np.testing.assert_allclose(
        density**2 * 9, np.clip(values.values[:, :, 1:] ** 2, 0, 9), atol=0.04
    )
    np.testing.assert_allclose(
        array(chart["series"][0]["y"], raw), values.values[:, :, 1, :4].astype("f4"), equal_nan=True
    )


def test_foreign_text_cannot_become_markup():
    text = page(EVIL, [scene(EVIL, EVIL)])
    assert "<img" not in text
    assert text.count("</script>") == 3  # page, data, script
    described, _ = parts(text)
    assert described["scenes"][0]["title"] == EVIL


def test_the_page_loads_nothing():
    text = page("Title", [scene()])
    assert not re.search(
        r"(src|href)\s*=\s*[\"']?(https?:)?//|@import|url\(|fetch\(|import\(", text
    )
    assert "default-src 'none'" in text
    assert len(text) < 100_000


def test_only_the_script_of_the_page_may_run():
    text = page("Title", [scene()])
    script = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)[0]
    of = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{of}';" in text
    assert "base-uri 'none'; form-action 'none'" in text


def test_dark_places_have_no_phase():
    rho = np.array([1.0, 1e-3, 1e-4, 5e-5]).reshape(1, 1, 2, 2)  # 255 √ρ = 255, 8.1, 2.6, 1.8
    one = Wave.of("W", X, Y, rho, np.ones(rho.shape), peak=1.0)
    np.testing.assert_array_equal(one.density.ravel(), [255, 8, 3, 0])
    np.testing.assert_array_equal(one.phase.ravel(), [41, 41, 41, 0])


def test_markers_in_text_are_not_replaced():
    assert "<!--css-->" not in page("Title", [scene()])
    assert (
        parts(page("<!--css-->", [scene("a", "<!--data-->")]))[0]["scenes"][0]["title"]
        == "<!--data-->"
    )


@pytest.mark.parametrize("name", ["positive", "signed", "density"])
def test_colour_tables_have_a_colour_for_every_level(name):
    table = np.array(colour_table(name, 255))
    assert table.shape == (255, 3)
    assert table.min() >= 0
    assert table.max() <= 255
    if name == "density":  # red below 0, dark at 0
        assert table[0, 0] > 200
        assert table[51].sum() < 200


def test_phases_have_the_colours_of_the_figures():
    from dqmjax.plot.phase_colours import colours

    found = np.array(phase_table())
    np.testing.assert_allclose(found[64], colours(np.array(np.pi / 2), 1.0), atol=1e-4)


def test_raster_is_linear_between_points_and_empty_outside():
    points = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
    values, ends = raster(points, (points @ [1.0, 3.0])[None], 40)
    assert ends == {"x": (0.0, 2.0), "y": (0.0, 2.0)}
    middles = (np.arange(40) + 0.5) / 20
    x, y = np.meshgrid(middles, middles)
    inside = x + y < 2 - 1e-9
    np.testing.assert_allclose(values[0][inside], (x + 3 * y)[inside], atol=1e-12)
    assert np.isnan(values[0][x + y > 2 + 1e-9]).all()
