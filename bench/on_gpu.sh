#!/usr/bin/env bash
# Measures everything on a GPU in less than nine minutes; results stand next to the predictions.
#
#     bash bench/on_gpu.sh [PYTHON]
#
# PYTHON has dqmjax with JAX for CUDA: pip install -e '.[cuda12]' or '.[cuda13]'. Writes
# bench/results/machine_gpu.json and bench/results/measured_gpu.json.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-.venv/bin/python}
results=bench/results

"$python" -m dqmjax.cli info
"$python" -c 'import jax; assert jax.devices()[0].platform == "gpu", "JAX finds no GPU"'
export XLA_PYTHON_CLIENT_PREALLOCATE=false
timeout 420 "$python" bench/measured.py --target h100 --seconds 330
timeout 120 "$python" -m dqmjax.cli bench --quick --device gpu --out "$results/gpu"
mv "$results/gpu/bench.json" "$results/machine_gpu.json" && rmdir "$results/gpu"
