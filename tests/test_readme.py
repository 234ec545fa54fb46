"""The Python blocks of the README and the guides run, and print what they say they print."""

import contextlib
import importlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"```python\n(.*?)```\n+(?:```text\n(.*?)```)?", re.DOTALL)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where they write
    names = {}
    for code, expected in BLOCK.findall(page.read_text()):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, page.name, "exec"), names)
        assert printed.getvalue().split() == expected.split()


def test_the_readme_prints_something():
    assert any(expected for _, expected in BLOCK.findall(PAGES[0].read_text()))


def test_the_tables_are_those_of_the_results(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    page = PAGES[0].read_text()
    assert importlib.import_module("tables").written(page) == page
