"""The README's Python blocks run, and print what they say they print."""

import contextlib
import io
import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"```python\n(.*?)```\n+(?:```text\n(.*?)```)?", re.DOTALL)


def test_readme_blocks():
    blocks = BLOCK.findall(README.read_text())
    assert any(expected for _, expected in blocks)
    names = {}
    for code, expected in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), names)
        assert printed.getvalue().split() == expected.split()
