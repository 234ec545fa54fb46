"""The site. Its source is the root of the repository, so that links work here and in a checkout.

Run `sphinx-build -W -c docs . docs/_build/html`.
"""

import importlib.metadata
import re

project = author = "dqmjax"
project_copyright = "The dqmjax authors"
version = release = importlib.metadata.version("dqmjax")

root_doc = "docs/index"
include_patterns = [
    *("docs/*.md", "docs/api/*.md", "dqmjax/notebooks/*.ipynb"),
    *("CHANGELOG.md", "CONTRIBUTING.md", "bench/NOTES.md"),
]
exclude_patterns = [".*", "docs/_build"]
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
]

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True

html_theme = "furo"
html_title = f"dqmjax {version}"
html_extra_path = ["site", "_build/explorer.html"]
copybutton_prompt_text = ">>> "

CODE = re.compile(r"(`[^`]+`)")
MARKUP = re.compile(r"[|*]|_(?=\W|$)")  # of reStructuredText, which docstrings do not use


def _plain_text(app, what, name, value, options, lines: list[str]):
    """In docstrings `…` is code, and nothing else is markup."""
    text, start, example = "\n".join(lines).partition("Example:\n")
    parts = CODE.split(text)
    parts[::2] = [MARKUP.sub(r"\\\g<0>", part) for part in parts[::2]]
    parts[1::2] = ["`" + " ".join(part.split()) + "`" for part in parts[1::2]]
    lines[:] = ("".join(parts) + start + example).splitlines()


def _short_names(app, page: str, template: str, context: dict, doctree):
    """`Array` by its public name."""
    for private in ("jax.jaxlib._jax.Array", "jaxlib._jax.Array"):
        context["body"] = context.get("body", "").replace(private, "Array")


def setup(app):
    app.connect("html-page-context", _short_names)
    app.connect("autodoc-process-docstring", _plain_text, priority=100)  # before napoleon
