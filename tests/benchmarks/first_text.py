"""How long a shell waits for the first text of `textgen generate RUN`.

    python tests/benchmarks/first_text.py [RUN] [--rounds 7]

Beside it, in turns: `python -c "import tensorflow"`, which no program that writes with TensorFlow
can do without. Without RUN two small ones are trained first: one with the LSTM of the recipe `fast`
and one with its Transformer.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import describe_machine, installed
from text_table import render_table

COLUMNS = ("command", "seconds, median", "lowest to highest", "more than the import")
IMPORT = [sys.executable, "-c", "import tensorflow; print('imported', flush=True)"]


def main() -> None:
    """Measure, and print the table."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="textgen-benchmark-") as folder:
        runs = [arguments.run] if arguments.run else _train(Path(folder))
        commands = {"python -c 'import tensorflow'": IMPORT}
        commands |= {f"textgen generate ({run.name})": _generate(run) for run in runs}
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(arguments.rounds + 1):  # the first round fills the system's caches
            for name, command in commands.items():
                taken[name].append(_seconds_to_first_byte(command))
    baseline, *_ = (seconds[1:] for seconds in taken.values())
    rows = [_row(name, seconds[1:], baseline) for name, seconds in taken.items()]
    machine = describe_machine(installed("textgen-core", "tensorflow", "keras"))
    print("\n".join([*machine, "", render_table(COLUMNS, rows)]))


def _row(name: str, seconds: list[float], baseline: list[float]) -> list[str]:
    more = statistics.median(one - other for one, other in zip(seconds, baseline, strict=True))
    return [
        name,
        f"{statistics.median(seconds):.2f}",
        f"{min(seconds):.2f} to {max(seconds):.2f}",
        f"{more:+.2f} s",
    ]


def _seconds_to_first_byte(command: list[str]) -> float:
    """Return the time from the start of a process to what it writes first; end it then."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert process.stdout is not None
    first = process.stdout.read(1)
    passed = time.perf_counter() - began
    process.stdout.read()
    if process.wait() or not first:
        raise SystemExit(f"{' '.join(command)} failed")
    return passed


def _generate(run: Path) -> list[str]:
    # An empty prompt, so that what comes first is drawn by the model.
    return [sys.executable, "-m", "textgen_core", "generate", str(run), "--prompt", ""]


def _train(folder: Path) -> list[Path]:
    runs = []
    for model in ("lstm", "transformer"):
        print(f"training a small {model}", file=sys.stderr, flush=True)
        run = folder / model
        command = [sys.executable, "-m", "textgen_core", "run", "--model", model, "--quiet"]
        command += ["--minutes", "0.3", "--out", str(run)]
        subprocess.run(command, check=True, stdout=sys.stderr)
        runs.append(run)
    return runs


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, nargs="?", default=None)
    parser.add_argument("--rounds", type=int, default=7)
    return parser.parse_args()


if __name__ == "__main__":
    main()
