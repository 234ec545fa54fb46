"""The site: its reference is complete, and its notebooks are those of the scripts."""

import re
from pathlib import Path

from test_docstrings import PUBLIC

import notebooks

ROOT = Path(__file__).parents[2]
ENTRY = re.compile(r"^\.\. auto(?:class|function):: dqmjax\.([\w.]+)$", re.MULTILINE)


def test_the_reference_has_every_public_name_once():
    pages = sorted((ROOT / "docs" / "api").glob("*.md"))
    entries = [name for page in pages for name in ENTRY.findall(page.read_text())]
    assert sorted(entries) == sorted(PUBLIC)


def test_notebooks_of_the_package_are_those_of_the_scripts():
    for script in notebooks.SCRIPTS:
        assert notebooks.target(script).read_text() == notebooks.converted(script), script.stem
    assert len(list((ROOT / "dqmjax" / "notebooks").iterdir())) == len(notebooks.SCRIPTS)
