"""Bad input for the benchmarks: reports and devices."""

from dqmjax import benchmark
from dqmjax.benchmark import prediction

from . import NAN, OBJECT, Entry

REPORT = {
    "machine": {"device": "cpu: x"},
    "kernels": [{"kernel": "k", "min_s": 1.0, "error": 0.0}],
    "growth": [],
}
REPORTS = [
    *OBJECT,
    [REPORT],
    *[{key: part for key, part in REPORT.items() if key != name} for name in REPORT],
    REPORT | {"kernels": [1]},
    REPORT | {"kernels": [{"kernel": "k", "min_s": "fast", "error": 0.0}]},
    REPORT | {"kernels": [{"kernel": "k", "min_s": 1.0}]},
    REPORT | {"kernels": None},
    REPORT | {"growth": [1]},
    REPORT | {"growth": [{}]},
    REPORT | {"machine": []},
    REPORT | {"machine": None},
]

ENTRIES = [
    Entry(
        "benchmark.compare",
        benchmark.compare,
        {"old": REPORT, "new": REPORT},
        {"old": REPORTS, "new": REPORTS},
    ),
    Entry(
        "benchmark.run",
        lambda **given: given and benchmark.run(**({"quick": True} | given)),
        {},
        {
            "device": ["abacus", "", b"cpu", 1, NAN, object(), ["cpu"]],
            "quick": ["text", None, 1, 1.0, object()],
            "say": ["text", b"bytes", 1.0, object(), {"a": 1}],
        },
    ),
    Entry(
        "benchmark.read",
        lambda **given: given and benchmark.read(**given),
        {},
        {"path": [None, 1, 1.5, b"bytes", object(), {}, []]},
    ),
    Entry(
        "benchmark.prediction.predict",
        lambda **given: given and prediction.predict(**({"target": "h100"} | given)),
        {},
        {
            "target": ["abacus", "", b"h100", 1, None, object(), ["h100"]],
            "say": ["text", b"bytes", 1.0, object(), {"a": 1}],
        },
    ),
]
