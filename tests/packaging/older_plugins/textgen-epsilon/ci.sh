#!/usr/bin/env bash
# What must hold before a change lands: the tests, lint, types, and a wheel that builds.
#
#   ./ci.sh                   in the virtual environment that is active, else in .venv
#   PYTHON=python3 ./ci.sh    with that Python and what is installed there
set -euo pipefail
cd "$(dirname "$0")"

if [ -n "${PYTHON:-}" ]; then
    python=$PYTHON
else
    if [ -n "${VIRTUAL_ENV:-}" ]; then
        python=$VIRTUAL_ENV/bin/python
    else
        python=.venv/bin/python
        [ -x "$python" ] || python3 -m venv .venv
    fi
    "$python" -m pip install --quiet --editable ".[tests,lint]"
fi

set -x
"$python" -m pytest
"$python" -m ruff check .
"$python" -m ruff format --check .
"$python" -m mypy
"$python" -m pip wheel --quiet --no-deps --wheel-dir dist .
