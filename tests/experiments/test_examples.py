"""Example files: every kind in every format, read back unchanged."""

import numpy as np
import pytest

import dqmjax as dqm
from dqmjax.cli import main
from dqmjax.experiments.examples import KINDS, example


@pytest.fixture(scope="module")
def examples():
    return {kind: example(kind) for kind in KINDS}


@pytest.mark.parametrize("suffix", ["csv", "npz", "h5", "nc"])
@pytest.mark.parametrize("kind", KINDS)
def test_files_are_read_as_they_were_written(kind, suffix, examples, tmp_path):
    data, path = examples[kind], tmp_path / f"example.{suffix}"
    dqm.write_data(data, path)
    read = dqm.read_data(path)
    assert type(read) is type(data)
    assert read.time_unit == data.time_unit
    for name in ("t", "points", "density", "counts", "shots", "even", "values", "sigma", "ell"):
        if (value := getattr(data, name, None)) is not None:
            assert np.allclose(getattr(read, name), value, rtol=1e-15), name


def test_no_file_is_replaced(examples, tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("mine")
    with pytest.raises(dqm.InputError, match="exists"):
        dqm.write_data(examples["samples"], path)
    assert path.read_text() == "mine"
    with pytest.raises(dqm.InputError, match=r"must end in one of \.csv"):
        dqm.write_data(examples["samples"], tmp_path / "data.xls")
    with pytest.raises(dqm.InputError, match="have no table"):
        dqm.write_data(dqm.Lines([1.0, 2.0]), tmp_path / "lines.csv")
    assert sorted(tmp_path.iterdir()) == [path]
    with pytest.raises(dqm.InputError, match="`kind` must be one of samples"):
        example("sample")


@pytest.mark.slow
def test_the_command_line_reads_its_examples(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["example", "samples", "run.csv"]) == 0
    assert "U = 2 and omega = 0.7 per us, alpha = 1.5" in capsys.readouterr().out
    model = ["--hamiltonian", "omega*n + U/2*n*(n-1)", "--fix", "C=1", "--quiet"]
    options = ["--start", "omega=2*pi*0.1 MHz", "--state", "squeezed", "--detector", "efficiency=1"]
    assert main(["recover", "run.csv", *model, *options, "--out", "out"]) == 0
    printed = capsys.readouterr().out
    assert "U = 2π × (0.3" in printed
    assert "\nxi_re  " in printed
    assert "efficiency  " not in printed
    for options, message in [
        (["--units", "ns"], "`time_unit` is us in the file, but ns was given"),
        (["--detector", "loss=1"], "`--detector` must give efficiency"),
        (["--column", "q=I"], "the column 'I' is missing"),
        (["--start", "omega=2 kg"], "must be a frequency"),
    ]:
        assert main(["recover", "run.csv", *model, *options, "--out", "bad"]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    assert not (tmp_path / "bad").exists()
