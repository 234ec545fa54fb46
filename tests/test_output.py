import pytest

from dqmjax.cli import whole_directory, write_json
from dqmjax.errors import InputError, InputFileError


def test_directory_is_written_whole_or_not_at_all(tmp_path):
    target = tmp_path / "out"

    def write_half():
        with whole_directory(target) as folder:
            (folder / "a.txt").write_text("half")
            write_json(folder / "b.json", {"x": float("nan")})

    with pytest.raises(ValueError, match="Out of range"):
        write_half()
    assert not target.exists()
    with whole_directory(target) as folder:
        write_json(folder / "b.json", {"x": 1.0})
    assert [p.name for p in target.iterdir()] == ["b.json"]
    with pytest.raises(InputFileError, match="is a directory"), whole_directory(tmp_path) as folder:
        write_json(folder / "out", {})
    with pytest.raises(InputError), whole_directory(tmp_path / "deep" / "er"):
        raise InputError("any")
    assert not (tmp_path / "deep").exists()
    (tmp_path / "file").touch()
    with (
        pytest.raises(InputFileError, match="cannot be written"),
        whole_directory(tmp_path / "file" / "x"),
    ):
        pass
