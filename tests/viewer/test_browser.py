"""The pages in a browser: Debian's Chromium without a window."""

import contextlib
import dataclasses
import os
import shutil

import explorer
import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.experiments.examples import example
from dqmjax.plot.phase_colours import colours
from dqmjax.viewer.page import Axis, Scene, Time, Wave, page
from dqmjax.viewer.report import report

pytestmark = pytest.mark.slow

X, Y = Axis("x", "x", 0.0, 3.0), Axis("y", "y", 0.0, 1.0)
PHASES, PARTS = np.array([0.3, 2.0, -1.5]), np.array([1.0, 0.25, 0.04])  # of a page with 3 blocks


@pytest.fixture(scope="module")
def browser():
    """It may be absent from a machine of a developer, not from that of the tests (`CI`)."""
    chromium = shutil.which("chromium")
    if not os.environ.get("CI"):
        pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
        if chromium is None:
            pytest.skip("chromium is not installed")
    from playwright import sync_api

    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def file(folder):
    """Scenes of the explorer, coarse."""
    makes = (explorer.kerr, explorer.amplifier, explorer.slits)
    return written(folder, "explorer", page("Explorer", [make(explorer.SMALL) for make in makes]))


@pytest.fixture(scope="module")
def report_file(folder):
    """The report of a fit to three snapshots."""
    data = example("snapshots")
    data = dataclasses.replace(data, t=data.t[:3], density=data.density[:3])
    result = dqm.recover(data, "omega*n", start={"omega": 0.7}, cutoff=20)
    return written(folder, "report", report(result, "dqmjax recover"))


def written(folder, name: str, text: str):
    path = folder / f"{name}.html"
    path.write_text(text, encoding="utf-8")
    return path


@contextlib.contextmanager
def opened(browser, file, *, forbids: bool = False, **screen):
    """The open page. It must have no errors and load nothing; or forbid something, and say so."""
    context = browser.new_context(**screen)
    shown, errors = context.new_page(), []
    shown.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    shown.on("pageerror", lambda error: errors.append(str(error)))
    shown.on("request", lambda r: errors.append(r.url) if r.url.startswith("http") else None)
    shown.goto(file.as_uri())
    shown.wait_for_selector("body[data-ready]", state="attached")
    yield shown
    context.close()
    forbidden = [error for error in errors if "Content Security Policy" in error]
    assert bool(forbidden) == forbids
    assert len(errors) == len(forbidden), errors


@pytest.fixture
def shown(browser, file):
    """The explorer on the screen of a phone."""
    with opened(browser, file, viewport={"width": 360, "height": 780}, has_touch=True) as found:
        yield found


def pixels(shown) -> str:
    """The first figure."""
    return shown.evaluate("document.querySelector('canvas').toDataURL()")


def slide(shown, name: str, value: int):
    shown.evaluate(
        "([id, value]) => { const s = document.getElementById(id); s.value = value;"
        " s.dispatchEvent(new Event('input')); }",
        [name, value],
    )


def wait(shown, expression: str):
    """Until it holds; the page forbids `eval`, so that playwright cannot do it inside."""
    for _ in range(100):
        if shown.evaluate(expression):
            return
        shown.wait_for_timeout(50)
    raise AssertionError(expression)


def state(shown) -> dict[str, str]:
    return dict(part.split("=") for part in shown.evaluate("location.hash.slice(1)").split("&"))


def test_sliders_change_the_figure(shown):
    first = pixels(shown)
    slide(shown, "time", 4)
    second = pixels(shown)
    slide(shown, "parameter", 0)
    assert len({first, second, pixels(shown)}) == 3
    assert state(shown) == {"scene": "kerr", "t": "4", "p": "0"}
    assert "Liouville" in shown.inner_text("#note")


@pytest.mark.parametrize("place", ["body", "#time", "#overlays input"])
def test_keys_step_and_play_from_anywhere(shown, place):
    slide(shown, "time", 0)
    shown.focus(place)
    shown.keyboard.press("ArrowRight")
    before = state(shown)
    shown.keyboard.press("ArrowUp")
    after = state(shown)
    assert before["t"] == after["t"] == "1"
    assert int(after["p"]) == int(before["p"]) + 1
    shown.keyboard.press("ArrowDown")
    assert state(shown) == before
    if place == "#overlays input":
        shown.focus("#play")  # there and here space is for the control
    shown.keyboard.press("Space")
    wait(shown, "location.hash.includes('t=3')")
    shown.keyboard.press("Space")
    assert shown.get_attribute("#play", "aria-label") == "Play"


def test_keys_on_the_slider_of_the_parameter(shown):
    slide(shown, "time", 0)
    shown.focus("#parameter")
    before = int(state(shown)["p"])
    shown.keyboard.press("ArrowLeft")
    assert int(state(shown)["p"]) == before - 1
    shown.keyboard.press("ArrowUp")
    assert int(state(shown)["p"]) == before
    shown.keyboard.press("Space")
    wait(shown, "location.hash.includes('t=3')")


def test_a_pause_ends_the_film(shown):
    """Two films at a time would go on while one waits at the end, which is at t = 4."""
    slide(shown, "time", 0)
    shown.evaluate("play(); play(); play();")
    assert state(shown)["t"] == "2"
    wait(shown, "location.hash.includes('t=4')")
    shown.wait_for_timeout(400)
    assert state(shown)["t"] == "4"


def test_tabs_and_the_address_keep_the_scene(shown):
    first = pixels(shown)
    shown.focus("#tab-0")
    shown.keyboard.press("ArrowRight")
    wait(shown, "location.hash.includes('scene=amplifier')")
    assert shown.get_attribute("#tab-1", "aria-selected") == "true"
    assert pixels(shown) != first
    shown.evaluate("location.hash = '#scene=kerr&t=2&p=3'")
    wait(shown, "document.getElementById('time').value === '2'")
    assert shown.input_value("#parameter") == "3"


def test_touch_reads_values_and_switches_overlays(shown):
    shown.locator("canvas").first.scroll_into_view_if_needed()
    box = shown.locator("canvas").first.bounding_box()
    shown.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert "q = " in shown.locator("output.value").first.inner_text()
    assert "ρ = " in shown.locator("output.value").first.inner_text()
    before = pixels(shown)
    shown.locator("#overlays label", has_text="drift").tap()
    assert pixels(shown) != before


def test_the_end_of_a_solution_is_told(shown):
    last = len(explorer.GAIN_C) - 1
    shown.evaluate(f"location.hash = '#scene=amplifier&t=4&p={last}'")
    label = "document.querySelector('canvas').getAttribute('aria-label')"
    wait(shown, f"{label}.includes('Not valid after gt = 0.549.')")  # ln(C/(C − 2))/2, C = 3
    assert set(shown.locator("dd").all_inner_texts()) == {"–"}


def test_waves_have_outlines_particles_and_values(shown):
    shown.evaluate("location.hash = '#scene=slits&t=1&p=1'")
    wait(shown, "document.getElementById('text').textContent.includes('slits')")
    figures = {pixels(shown)}
    for name in ("V, at half its height", "Bohm’s trajectories"):
        shown.locator("#overlays label", has_text=name).tap()
        figures.add(pixels(shown))
    slide(shown, "time", 2)
    figures.add(pixels(shown))
    assert len(figures) == 4
    assert "S/ħ = " in value_at(shown, *brightest(shown))
    dark = value_at(shown, 0.99, 0.01)
    assert "ρ < " in dark
    assert "S/ħ" not in dark


def brightest(shown) -> list[float]:
    """Where the density is largest, as parts of the width and of the height."""
    return shown.evaluate(
        "(() => { const of = figures[0].panel.density, bytes = part(of), [ny, nx] = "
        "of.shape.slice(2), at = bytes.indexOf(Math.max(...bytes)); "
        "return [(at % nx + 0.5) / nx, 1 - (Math.floor(at / nx) + 0.5) / ny]; })()"
    )


def value_at(shown, across: float, down: float) -> str:
    """What a tap on the first figure reads."""
    shown.locator("canvas").first.scroll_into_view_if_needed()
    place = shown.locator("canvas").first.bounding_box()
    box = shown.evaluate("figures[0].box")
    x, y = box["x"] + across * box["w"], box["y"] + down * box["h"]
    shown.touchscreen.tap(place["x"] + x, place["y"] + y)
    return shown.locator("output.value").first.inner_text()


def test_waves_have_the_colours_of_the_figures(browser, folder):
    """Of `plot.density_and_action`; the page keeps √ρ and S in 256 levels."""
    blocks = np.ones((1, 1, 8, 1)) * np.repeat([PARTS, PHASES], 8, axis=1)[:, None, None, None]
    wave = Wave.of("W", X, Y, *blocks, peak=1.0)
    file = written(folder, "wave", page("W", [Scene("w", "W", "", Time(np.zeros(1)), [wave])]))
    with opened(browser, file, viewport={"width": 600, "height": 600}) as shown:
        found = shown.evaluate(
            "[1, 3, 5].map((i) => { const { box, canvas } = figures[0], ratio = devicePixelRatio;"
            " return [...canvas.getContext('2d').getImageData((box.x + i * box.w / 6) * ratio,"
            " (box.y + box.h / 2) * ratio, 1, 1).data].slice(0, 3); })"
        )
    np.testing.assert_allclose(found, 255 * colours(PHASES, PARTS), atol=3)


def test_a_report_is_drawn(browser, report_file):
    with opened(browser, report_file, viewport={"width": 1280, "height": 900}) as shown:
        assert shown.locator("canvas").count() == 3
        first = pixels(shown)
        slide(shown, "time", 2)
        assert pixels(shown) != first
        drawn = shown.evaluate(
            "figures.map(({ canvas }) => new Set(canvas.getContext('2d').getImageData(0, 0,"
            " canvas.width, canvas.height).data).size)"
        )
        assert min(drawn) > 100  # different bytes
        assert "The model" in shown.inner_text(".verdict")
        assert shown.evaluate("document.documentElement.scrollWidth") == 1280


def test_other_scripts_do_not_run(browser, folder):
    """Neither those in the file nor those that are added later."""
    evil = "<script>window.intruder = 1</script><img src='x' onerror='window.intruder = 2'>"
    wave = Wave.of("W", X, Y, np.ones((1, 1, 2, 2)), np.ones((1, 1, 2, 2)), peak=1.0)
    one = Scene("w", "W", "", Time(np.zeros(1)), [wave])
    file = written(folder, "evil", page("W", [one], above=evil))
    with opened(browser, file, forbids=True) as shown:
        shown.evaluate(
            "const added = document.createElement('script'); added.text = 'window.intruder = 3';"
            " document.body.append(added);"
        )
        assert shown.evaluate("window.intruder === undefined")
        assert shown.locator("canvas").count() == 1


def test_no_part_is_wider_than_a_narrow_screen(shown):
    assert shown.evaluate("document.documentElement.scrollWidth") == 360


def test_wide_dark_screen(browser, file):
    screen = {"viewport": {"width": 1600, "height": 900}, "color_scheme": "dark"}
    with opened(browser, file, **screen) as shown:
        colour = shown.evaluate("getComputedStyle(document.body).backgroundColor")
        assert colour == "rgb(19, 23, 27)"
        assert shown.evaluate("document.documentElement.scrollWidth") == 1600
