import matplotlib.pyplot as plt
import pytest

WAVE = """title = "A packet in a well"
[model]
picture = "wave"
mass = 1.0
[model.potential]
name = "Harmonic"
[grid]
lower = -8.0
upper = 8.0
points = 32
[state]
name = "coherent"
center = 1.0
[times]
until = 1.0
count = 3
substeps = 2
"""
KERR = """[model]
picture = "husimi"
hamiltonian = "omega*n + U/2*n*(n-1)"
[model.parameters]
omega = 0.0
U = 2.0
[basis]
levels = 20
[state]
name = "coherent"
alpha = [1.0, 0.5]
[times]
until = 3.141592653589793
count = 3
[observe]
names = ["quanta", "energy", "position", "momentum", "purity", "parity", "norm", "state"]
"""


@pytest.fixture
def scenario(tmp_path):
    """Writes a scenario with replaced parts."""

    def write(text=WAVE, *replaced):
        for old, new in replaced:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "scenario.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")
