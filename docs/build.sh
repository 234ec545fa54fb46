#!/usr/bin/env bash
# Tests the pages and the reference, then builds the site in docs/_build/html; any warning is an error.
# Notebooks run in full; with DQMJAX_SMALL=1 in the size of the tests.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"

rm -rf docs/_build/html  # pages that are no more
pytest -q tests/docs
python docs/explorer.py docs/_build/explorer.html
sphinx-build -q -W --keep-going -c docs . docs/_build/html
echo "Built docs/_build/html/index.html"
