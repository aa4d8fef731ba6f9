"""What fifty installed plugin packages cost `textgen plugins`.

    python tests/benchmarks/many_plugins.py [--plugins 50] [--rounds 15]

In turns with the same command without them. What the plugins' own imports take, which the command
itself tells, is shown apart: the rest is what textgen spends on finding, checking and listing them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import describe_machine, installed
from text_table import render_table

COLUMNS = ("plugin packages", "seconds, median", "lowest to highest", "own imports", "the rest")
COMMAND = [sys.executable, "-m", "textgen_core", "plugins", "--json"]
MODULE = '''
from typing import Any

import attrs

from textgen_core import History, Sampler, hookimpl, option


@attrs.frozen(kw_only=True)
class Cold(Sampler):
    """Divide the logits."""

    t: float = option(0.5, help="the divisor", above=0)

    def transform(self, logits: Any, history: History) -> Any:
        return logits / self.t


@hookimpl
def textgen_samplers() -> dict[str, type[Sampler]]:
    return {"cold-NUMBER": Cold}
'''
METADATA = """Metadata-Version: 2.1
Name: textgen-cold-NUMBER
Version: 1.0
Requires-Dist: textgen-core>=0.1
Requires-Dist: numpy>=2.0
"""


def main() -> None:
    """Measure, and print the table."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="textgen-benchmark-") as folder:
        for number in range(arguments.plugins):
            _install(Path(folder), f"{number:03}")
        taken: dict[int, list[tuple[float, float]]] = {0: [], arguments.plugins: []}
        for _ in range(arguments.rounds + 1):  # the first round fills the system's caches
            for count, path in ((0, ""), (arguments.plugins, folder)):
                taken[count].append(_measured(path, count))
    without = [seconds for seconds, _ in taken[0][1:]]
    rows = [_row(count, rounds[1:], without) for count, rounds in taken.items()]
    print(
        "\n".join([*describe_machine(installed("textgen-core")), "", render_table(COLUMNS, rows)])
    )


def _install(folder: Path, number: str) -> None:
    """Write a distribution of one module as an installer leaves it."""
    (folder / f"cold_{number}.py").write_text(MODULE.replace("NUMBER", number))
    written = folder / f"textgen_cold_{number}-1.0.dist-info"
    written.mkdir()
    (written / "METADATA").write_text(METADATA.replace("NUMBER", number))
    (written / "entry_points.txt").write_text(f"[textgen]\nmain = cold_{number}\n")


def _measured(path: str, count: int) -> tuple[float, float]:
    """Return the seconds of the whole process, and those of the plugins' own imports."""
    began = time.perf_counter()
    done = subprocess.run(
        COMMAND, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    seconds = time.perf_counter() - began
    plugins = json.loads(done.stdout)["plugins"]
    found = [each["import_seconds"] for each in plugins if each["distribution"] != "textgen-core"]
    if len(found) != count:
        raise SystemExit(f"{len(found)} of {count} plugins were found")
    return seconds, sum(found)


def _row(count: int, rounds: list[tuple[float, float]], without: list[float]) -> list[str]:
    seconds = [each for each, _ in rounds]
    imports = statistics.median(each for _, each in rounds)
    more = statistics.median(
        whole - own - other for (whole, own), other in zip(rounds, without, strict=True)
    )
    return [
        str(count),
        f"{statistics.median(seconds):.3f}",
        f"{min(seconds):.3f} to {max(seconds):.3f}",
        f"{imports:.3f}",
        f"{more:+.3f} s" if count else "",
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--plugins", type=int, default=50, help="how many packages")
    parser.add_argument("--rounds", type=int, default=15, help="how many turns are counted")
    return parser.parse_args()


if __name__ == "__main__":
    main()
