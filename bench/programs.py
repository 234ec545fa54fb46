"""What XLA compiles of every program for an H100 or a TPU v5e.

    JAX_PLATFORMS=cpu python bench/programs.py [h100|v5e] [--check]

No GPU or TPU is needed, and nothing runs; the packages that are needed are named in
`dqmjax.benchmark.topologies`. Writes bench/results/programs_h100.json or programs_v5e.json.
`--check` compiles all programs in single precision, which is faster, and writes nothing; the exit
status is 1 if one of them does not compile.
"""

import argparse
import json
import pathlib
import sys

from dqmjax.benchmark.prediction import failed, predict, table
from dqmjax.benchmark.topologies import TARGETS

RESULTS = pathlib.Path(__file__).parent / "results"


def main():
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("target", nargs="?", default="h100", choices=TARGETS)
    parser.add_argument("--check", action="store_true", help="single precision only, no file")
    options = parser.parse_args()
    target, say = options.target, lambda line: print(line, flush=True)
    if options.check:
        wrong = failed(predict(target, say, "single"))
        sys.exit(f"These do not compile: {', '.join(wrong)}." if wrong else 0)
    report = predict(target, say)
    path = RESULTS / f"programs_{target}.json"
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    print(table(report))


if __name__ == "__main__":
    main()
