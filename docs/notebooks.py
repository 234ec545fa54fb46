"""Writes the notebooks of the package from the scripts in notebooks/.

Run `python docs/notebooks.py`. Each gets a link that opens it on Colab, and a cell that installs
dqmjax there.
"""

import importlib.metadata
import sys
from pathlib import Path

import jupytext
import nbformat

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "notebooks").glob("*.py"))
HERE = "dqmjax/notebooks"
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
INSTALL = """import sys

if "google.colab" in sys.modules:
    %pip install -q git+{address}"""


def repository() -> str:
    """Its address, `Repository` in pyproject.toml."""
    named = (
        entry.split(", ") for entry in importlib.metadata.metadata("dqmjax").get_all("Project-URL")
    )
    return dict(named)["Repository"]


def badge(stem: str) -> str:
    """A link that opens a notebook on Colab."""
    address = (
        f"https://colab.research.google.com/github/{repository()}/blob/main/{HERE}/{stem}.ipynb"
    )
    return f"[![Open in Colab]({BADGE})]({address})"


def converted(script: Path) -> str:
    """The text of an .ipynb file, always the same for the same script."""
    book = jupytext.reads(script.read_text(), fmt="py:percent")
    first = nbformat.v4.new_markdown_cell(badge(script.stem))
    install = nbformat.v4.new_code_cell(
        INSTALL.format(address=repository()), metadata={"tags": ["remove-cell"]}
    )  # in the site
    book.cells[:0] = [first, install]
    for number, cell in enumerate(book.cells):
        cell["id"] = f"cell-{number}"
    book.metadata.pop("jupytext", None)
    return nbformat.writes(book) + "\n"


def target(script: Path) -> Path:
    return ROOT / HERE / f"{script.stem}.ipynb"


def main() -> int:
    target(SCRIPTS[0]).parent.mkdir(exist_ok=True)
    for script in SCRIPTS:
        target(script).write_text(converted(script))
    return 0


if __name__ == "__main__":
    sys.exit(main())
