"""A run that several processes share: one is killed, and another number of them continues."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import dqmjax as dqm

WORKER = Path(__file__).with_name("worker.py")
HEARTBEAT = 10  # seconds


def start(count: int, folder: Path, result: Path) -> list[subprocess.Popen]:
    """Processes that write what they say to files beside the result."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    environment["XLA_FLAGS"] = environment["XLA_FLAGS"].replace("device_count=4", "device_count=1")
    processes = []
    for i in range(count):
        command = [sys.executable, WORKER, str(count), str(i), address, folder, result]
        with said(folder, count, i).open("w") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        processes.append(process)
    return processes


def said(folder: Path, count: int, number: int) -> Path:
    return folder.with_name(f"{count}-{number}.log")


@pytest.mark.slow
def test_after_a_kill_another_number_of_processes_continues(tmp_path):
    folder, result = tmp_path / "run", tmp_path / "result.npz"
    two = start(2, folder, result)
    while not all((folder / f"state-000000{part}.npz").exists() for part in ("", ".1")):
        assert all(p.poll() is None for p in two), said(folder, 2, 0).read_text()
        time.sleep(0.01)
    two[1].kill()
    for process in two:
        assert process.wait(3 * HEARTBEAT) != 0
    text = said(folder, 2, 0).read_text()
    assert "start all of them again" in text or "another task died" in text, text
    assert not result.exists()
    for i, process in enumerate(start(4, folder, result)):
        assert process.wait(300) == 0, said(folder, 4, i).read_text()
    grid = dqm.Grid([-5.0, -5.0], [5.0, 5.0], (16, 16))
    stepper = dqm.SplitStep(dqm.Hamiltonian(dqm.Harmonic(1.0)), grid, dqm.strang)
    psi = jnp.ones(grid.shape) / 10 + 0j
    expected = dqm.solve(stepper, psi, np.linspace(0, 1, 101), substeps=5, throw=False)
    with np.load(result) as got:
        np.testing.assert_allclose(got["final"], expected.final, rtol=0, atol=1e-12)
        np.testing.assert_allclose(got["saved"], 1.0, rtol=0, atol=1e-12)
