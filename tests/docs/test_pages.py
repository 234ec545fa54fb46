"""The code of the README and of docs/ runs and prints what the page shows; tables match results."""

import contextlib
import importlib
import io
import re
from pathlib import Path

import pytest
import tables

import dqmjax

ROOT = Path(__file__).parents[2]
README, *GUIDES = PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"```python\n(.*?)```\n+(?:```text\n(.*?)```)?", re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)")
WITH_CODE = [page for page in PAGES if BLOCK.search(page.read_text())]


def title(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", WITH_CODE, ids=title)
def test_code_prints_what_the_page_shows(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # for the files that the code writes
    names = {}
    for code, expected in BLOCK.findall(page.read_text()):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, page.name, "exec"), names)
        assert printed.getvalue().split() == expected.split()


def test_readme_is_short_and_shows_output():
    text = README.read_text()
    assert len(text.split()) <= 1500
    assert sum(bool(expected) for _, expected in BLOCK.findall(text)) >= 4


def test_readme_has_the_test_command_of_ci():
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert next(line for line in lines if line.startswith("python3 -m venv")) in README.read_text()


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_tables_are_those_of_the_results(page):
    assert tables.written(page.read_text()) == page.read_text()


def test_each_table_has_one_place():
    found = [name for page in PAGES for name in tables.names(page.read_text())]
    assert sorted(found) == sorted(tables.TABLES)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=title)
def test_links_lead_to_files(page):
    for target, _ in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), target


def test_all_guides_are_in_the_index():
    index = (ROOT / "docs" / "index.md").read_text()
    for page in (*GUIDES, *(ROOT / "dqmjax" / "notebooks").glob("*.ipynb")):
        assert page.name == "index.md" or f"{page.name})" in index


def test_names_in_the_table_of_equations_exist():
    rows = re.findall(
        r"\| ([^|\n]+) \|$", (ROOT / "docs" / "equations.md").read_text(), re.MULTILINE
    )
    names = {name for cell in rows for name in re.findall(r"`(\w[\w.]*)[(`]", cell)}
    assert len(names) > 60
    for name in names:
        module, _, attribute = name.removeprefix("dqmjax.").rpartition(".")
        place = importlib.import_module(f"dqmjax.{module}") if module else dqmjax
        assert hasattr(place, attribute), name
