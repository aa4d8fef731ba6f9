"""How long a shell waits for the first text of `textgen generate RUN`, and what memory that takes.

    python tests/benchmarks/first_text.py [RUN] [--rounds 7]

Beside it, in turns: `python -c "import tensorflow"`, which no program that writes with TensorFlow
can do without; the same command with an empty cache, where the program is made first; and with
`--runtime tensorflow`. Without RUN two small ones are trained first: one with the LSTM of the
recipe `fast` and one with its Transformer.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import attrs
from machine import describe_machine, installed
from text_table import render_table

COLUMNS = ("command", "seconds, median", "lowest to highest", "of the import", "peak memory")
ONE_TOKEN = ("--prompt", "", "--max-new-tokens", "1")


@attrs.frozen
class Command:
    """What is started; cache: a folder for TEXTGEN_CACHE, "" for a new one each time."""

    words: list[str]
    cache: str


def main() -> None:
    """Measure, and print the table."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="textgen-benchmark-") as folder:
        cache = str(Path(folder) / "cache")
        runs = [arguments.run] if arguments.run else _train(Path(folder), cache)
        commands = _commands(runs, cache)
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(arguments.rounds + 1):  # the first round fills the system's caches
            for name, command in commands.items():
                with tempfile.TemporaryDirectory(dir=folder) as empty:
                    taken[name].append(_measure(command.words, command.cache or empty))
    baseline, *_ = ([seconds for seconds, _ in each[1:]] for each in taken.values())
    rows = [_row(name, each[1:], baseline) for name, each in taken.items()]
    machine = describe_machine(installed("textgen-core", "tensorflow", "keras", "ai-edge-litert"))
    print("\n".join([*machine, "", render_table(COLUMNS, rows)]))


def _commands(runs: list[Path], cache: str) -> Mapping[str, Command]:
    python = [sys.executable, "-c", "import tensorflow; print('imported', flush=True)"]
    commands = {"python -c 'import tensorflow'": Command(python, cache)}
    for run in runs:
        words = [sys.executable, "-m", "textgen_core", "generate", str(run), *ONE_TOKEN]
        commands[f"textgen generate ({run.name})"] = Command(words, cache)
        commands["  its cache empty"] = Command(words, "")
        commands["  --runtime tensorflow"] = Command([*words, "--runtime", "tensorflow"], cache)
        commands = {f"{name} " if name[0] == " " else name: each for name, each in commands.items()}
    return commands


def _row(name: str, taken: list[tuple[float, float]], baseline: list[float]) -> list[str]:
    seconds = [each for each, _ in taken]
    share = statistics.median(one / other for one, other in zip(seconds, baseline, strict=True))
    return [
        name.rstrip(),
        f"{statistics.median(seconds):.2f}",
        f"{min(seconds):.2f} to {max(seconds):.2f}",
        f"{share:.0%}",
        f"{max(memory for _, memory in taken):,.0f} MB",
    ]


def _measure(command: list[str], cache: str) -> tuple[float, float]:
    """Return the seconds from the start of a process to its first byte, and its peak memory."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TEXTGEN_CACHE": cache},
    )
    assert process.stdout is not None
    first = process.stdout.read(1)
    passed = time.perf_counter() - began
    process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or not first:
        raise SystemExit(f"{' '.join(command)} failed")
    return passed, usage.ru_maxrss / 1000


def _train(folder: Path, cache: str) -> list[Path]:
    runs = []
    for model in ("lstm", "transformer"):
        print(f"training a small {model}", file=sys.stderr, flush=True)
        run = folder / model
        command = [sys.executable, "-m", "textgen_core", "run", "--model", model, "--quiet"]
        command += ["--minutes", "0.3", "--out", str(run)]
        environment = {**os.environ, "TEXTGEN_CACHE": cache}
        subprocess.run(command, check=True, stdout=sys.stderr, env=environment)
        runs.append(run)
    return runs


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, nargs="?", default=None)
    parser.add_argument("--rounds", type=int, default=7)
    return parser.parse_args()


if __name__ == "__main__":
    main()
