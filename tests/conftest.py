import os

# the tests' time is that of compiling many small programs
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_backend_optimization_level=1"

import jax
import pytest
from systems import kerr_snapshots

jax.config.update("jax_enable_x64", True)


@pytest.fixture(scope="session")
def clean():
    """Noise-free Kerr snapshots from QuTiP, small enough for tests."""
    return kerr_snapshots()
