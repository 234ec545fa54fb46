"""What the command line hands to the report, and which notebooks it copies."""

import sys

import pytest

from dqmjax import cli


@pytest.mark.parametrize("from_process", [True, False])
def test_the_report_gets_the_command(from_process, monkeypatch):
    arguments, seen = ["demo", "--quiet", "--out", "my folder"], []

    def reported(data, options, **problem):
        seen.append(options.command)
        return 0

    monkeypatch.setattr(cli, "_report", reported)
    monkeypatch.setattr(sys, "argv", ["anything", *arguments])
    cli.main(None if from_process else arguments)
    assert seen == ["dqmjax demo --quiet --out 'my folder'"]


def test_only_notebooks_are_copied(tmp_path, monkeypatch, capsys):
    books = tmp_path / "package" / "notebooks"
    (books / ".ipynb_checkpoints").mkdir(parents=True)
    (books / "01_a.ipynb").write_text("{}")
    monkeypatch.setattr(cli.importlib.resources, "files", lambda _: tmp_path / "package")
    assert cli.main(["notebooks", str(tmp_path / "out")]) == 0
    assert "Wrote 1 notebooks" in capsys.readouterr().out
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == ["01_a.ipynb"]
