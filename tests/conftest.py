import contextlib
import gc
import importlib.metadata
import os
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # each process has a core; idle threads spin
# the tests' time is that of compiling many small programs: quickly, and once for all processes
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_backend_optimization_level=0"
os.environ["XLA_FLAGS"] += (  # later ones do not know all of these flags
    " --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
    if importlib.metadata.version("jaxlib").startswith("0.10.")
    else ""
)
os.environ["XLA_FLAGS"] += " --xla_force_host_platform_device_count=4"  # to test sharding
os.environ["JAX_COMPILATION_CACHE_DIR"] = str(  # outside the checkout
    Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "dqmjax-tests"
)
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

import jax
import pytest
from systems import kerr_snapshots

from dqmjax.runs import run as runs

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_include_full_tracebacks_in_locations", False)  # a twentieth of the time
gc.set_threshold(100_000)  # from 700: a tenth of the time went into looking through traces


MAPS = Path("/proc/self/maps")  # of memory; Linux allows 65,530, and a compiled program needs some
MOST_MAPS = 30_000


def pytest_addoption(parser):
    parser.addoption("--every", type=int, default=1, help="run every n-th of the chosen tests only")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """A sample of the tests, for an interpreter that is not the first one."""
    chosen = items[:: config.getoption("every")]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    items[:] = chosen


@pytest.fixture(scope="module", autouse=True)
def few_programs():
    """Forgets compiled programs before there are so many that the process crashes."""
    yield
    if MAPS.exists() and MAPS.read_text().count("\n") > MOST_MAPS:
        jax.clear_caches()


@pytest.fixture
def interrupted_after(monkeypatch):
    """Ctrl-C during a `run`, after some calls of its program, each of one piece."""

    @contextlib.contextmanager
    def interrupted(calls: int):
        class Pressed:
            count = 0

            @property
            def pressed(self):
                self.count += 1
                return self.count >= calls

        with monkeypatch.context() as patch:
            patch.setattr(runs, "interruptible", lambda: contextlib.nullcontext(Pressed()))
            patch.setattr(runs, "next_size", lambda size, seconds: 1)
            yield

    return interrupted


@pytest.fixture(scope="session")
def clean():
    """Noise-free Kerr snapshots from QuTiP, small enough for tests."""
    return kerr_snapshots()
