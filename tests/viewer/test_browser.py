"""The pages in a browser: Debian's Chromium without a window."""

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

from dqmjax.viewer.page import page

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
EXPLORER = Path(__file__).parents[2] / "docs" / "explorer.py"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]


@pytest.fixture(scope="module")
def explorer():
    """`docs/explorer.py`."""
    spec = importlib.util.spec_from_file_location("explorer", EXPLORER)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["explorer"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["explorer"]


@pytest.fixture(scope="module")
def file(explorer, tmp_path_factory):
    """Two scenes of the explorer, coarse."""
    path = tmp_path_factory.mktemp("page") / "explorer.html"
    scenes = [make(explorer.SMALL) for make in (explorer.kerr, explorer.amplifier)]
    path.write_text(page("Explorer", scenes), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def shown(browser, file):
    """The open page on a screen of a phone, and its errors, of which there must be none."""
    context = browser.new_context(viewport={"width": 360, "height": 780}, has_touch=True)
    opened, errors = context.new_page(), []
    opened.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("request", lambda r: errors.append(r.url) if r.url.startswith("http") else None)
    opened.goto(file.as_uri())
    opened.wait_for_selector("body[data-ready]", state="attached")
    yield opened
    context.close()
    assert errors == []


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


def test_keys_step_and_play_from_anywhere(shown):
    slide(shown, "time", 0)
    shown.keyboard.press("ArrowRight")
    shown.keyboard.press("ArrowUp")
    assert state(shown)["t"] == "1"
    before = int(state(shown)["p"])
    shown.keyboard.press("ArrowDown")
    assert int(state(shown)["p"]) == before - 1
    shown.keyboard.press("Space")
    wait(shown, "location.hash.includes('t=3')")
    shown.keyboard.press("Space")
    assert shown.get_attribute("#play", "aria-label") == "Play"


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


def test_nothing_is_shown_where_no_solution_exists(shown, explorer):
    last = len(explorer.GAIN_C) - 1
    shown.evaluate(f"location.hash = '#scene=amplifier&t=4&p={last}'")
    label = "document.querySelector('canvas').getAttribute('aria-label')"
    wait(shown, f"{label}.includes('Not valid after gt = 0.3')")
    assert set(shown.locator("dd").all_inner_texts()) == {"–"}


def test_no_part_is_wider_than_a_narrow_screen(shown):
    assert shown.evaluate("document.documentElement.scrollWidth") == 360


def test_wide_dark_screen(browser, file):
    context = browser.new_context(viewport={"width": 1600, "height": 900}, color_scheme="dark")
    opened = context.new_page()
    opened.goto(file.as_uri())
    opened.wait_for_selector("body[data-ready]", state="attached")
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(19, 23, 27)"
    assert opened.evaluate("document.documentElement.scrollWidth") == 1600
    context.close()
