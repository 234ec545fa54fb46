"""What XLA compiles of every program for an H100 or a TPU v5e.

    JAX_PLATFORMS=cpu python bench/programs.py [h100|v5e]

No GPU or TPU is needed, and nothing runs; the packages that are needed are named in
`dqmjax.benchmark.topologies`. Writes bench/results/programs_h100.json or programs_v5e.json.
"""

import argparse
import json
import pathlib

from dqmjax.benchmark.prediction import predict, table
from dqmjax.benchmark.topologies import TARGETS

RESULTS = pathlib.Path(__file__).parent / "results"


def main():
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("target", nargs="?", default="h100", choices=TARGETS)
    target = parser.parse_args().target
    report = predict(target, lambda line: print(line, flush=True))
    path = RESULTS / f"programs_{target}.json"
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    print(table(report))


if __name__ == "__main__":
    main()
