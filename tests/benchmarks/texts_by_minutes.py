"""How good a model gets on several texts, in several times: what a recipe that fits has to show.

    python tests/benchmarks/texts_by_minutes.py TEXT... [--minutes 0.5,1,3] [--bytes 20000,370000]
        [--model NAME] [--seed 1] [--set SECTION.KEY=VALUE]...

Each run is scored on its test split, in bits per byte: the mixture, its network and counts alone,
and xz. "end" is how much worse the last validation is than the best one, in nats a token. With
--bytes only the beginnings of the texts are used, of each of these lengths. Exits with 1 where a
mixture is worse than the better of its parts by more than 0.005 nats, or the end by more than 0.01
than the best validation, or more minutes make it worse.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from finished_run import run_and_read
from machine import describe_machine, installed
from text_table import render_table

COLUMNS = (
    *("text", "bytes", "minutes", "passes", "steps", "chosen"),
    *("mixture", "network", "counts", "xz", "end"),
)
WORSE_THAN_PARTS, WORSE_THAN_BEST = 0.005, 0.01  # nats a token


@dataclass(frozen=True, kw_only=True)
class Row:
    """One run: what it was, and bits per byte; `nats` is what a bit per byte is in nats a token."""

    cells: tuple[str, ...]
    mixture: float
    better_part: float
    end: float
    nats: float

    @property
    def faults(self) -> str:
        """What a recipe that fits does not show."""
        found = []
        if (self.mixture - self.better_part) * self.nats > WORSE_THAN_PARTS:
            found.append("worse than a part")
        if self.end > WORSE_THAN_BEST:
            found.append("worse than its best")
        return ", ".join(found)


def main() -> None:
    """Run all of them, and print the table as it grows."""
    arguments = _arguments()
    print("\n".join([*describe_machine(installed("textgen-core", "tensorflow", "keras")), ""]))
    rows: list[Row] = []
    faults = []
    with tempfile.TemporaryDirectory(prefix="textgen-benchmark-") as folder:
        for text in arguments.texts:
            for size in arguments.bytes or [text.stat().st_size]:
                before = math.inf
                for minutes in arguments.minutes:
                    row = _run(arguments, text, size, minutes, Path(folder))
                    rows.append(row)
                    print(" | ".join(row.cells), flush=True)
                    fault = row.faults
                    if row.mixture > before:
                        fault += ", worse than in less time"
                    before = row.mixture
                    if fault:
                        faults.append(f"{text.name}, {size:,} bytes, {minutes:g} min: {fault}")
    print("\n" + render_table(COLUMNS, [row.cells for row in rows]))
    print("\n".join(faults) or "All of them hold.")
    sys.exit(bool(faults))


def _run(arguments: argparse.Namespace, text: Path, size: int, minutes: float, folder: Path) -> Row:
    beginning = folder / text.name
    beginning.write_bytes(text.read_bytes()[:size].decode("utf-8", "ignore").encode())
    run = folder / f"{text.stem}-{size}-{minutes:g}"
    command = [str(beginning), "--minutes", str(minutes), "--seed", str(arguments.seed), "--quiet"]
    command += ["--model", arguments.model] if arguments.model else []
    for setting in arguments.settings:
        command += ["--set", setting]
    figures = run_and_read(command, run)
    evaluation = json.loads((run / "evaluation.json").read_text())
    parts = {name: part["bits_per_byte"] for name, part in evaluation["parts"].items()}
    logged = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    validated = [row["validation_loss"] for row in logged if "validation_loss" in row]
    passes = max((row["epoch"] for row in logged if "epoch" in row), default=0)
    cells = (
        *(text.stem, f"{size:,}", f"{minutes:g}", f"{passes}", f"{figures.steps:,}"),
        _chosen(run),
        *(f"{each:.3f}" for each in (figures.bits_per_byte, parts["network"], parts["counts"])),
        f"{evaluation['baselines']['xz']['bits_per_byte']:.3f}",
        f"{validated[-1] - min(validated):.3f}",
    )
    return Row(
        cells=cells,
        mixture=figures.bits_per_byte,
        better_part=min(parts.values()),
        end=validated[-1] - min(validated),
        nats=figures.loss / figures.bits_per_byte,
    )


def _chosen(run: Path) -> str:
    settings = tomllib.loads((run / "run.toml").read_text())
    model = settings["model"]
    size = model.get("units", model.get("layers", ""))
    return f"{model['name']} {size} dropout {model.get('dropout', '')}"


def _numbers(text: str) -> list[float]:
    return [float(each) for each in text.split(",")]


def _sizes(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", type=Path, nargs="+")
    parser.add_argument("--minutes", type=_numbers, default=[0.5, 1, 3])
    parser.add_argument("--bytes", type=_sizes, default=[])
    parser.add_argument("--model", default="")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--set", dest="settings", action="append", default=[])
    return parser.parse_args()


if __name__ == "__main__":
    main()
