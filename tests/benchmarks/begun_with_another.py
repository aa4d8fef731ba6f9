"""What it is worth to begin with a trained run: a short text after some minutes, with and without.

    python tests/benchmarks/begun_with_another.py RUN TEXT [--bytes 20000] [--minutes 3]
        [--seeds 1,2,3] [--rates 0.25,0.5,1]

Each seed trains on the beginning of the text three times: from RUN, from nothing with its kinds of
tokenizer and model, and from nothing as the recipe has it. All are scored on the same held-out
text, in bits per byte. "forgotten" is what held-out text of RUN costs more than before. With
--rates the first is done for each of these shares of RUN's learning rate.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import tomllib
from pathlib import Path

from finished_run import run_and_read
from machine import describe_machine, installed
from text_table import render_table

COLUMNS = ("seed", "begins with", "bits per byte", "network", "counts", "steps", "forgotten")


def main() -> None:
    """Train all of them, and print the table as it grows."""
    arguments = _arguments()
    print("\n".join([*describe_machine(installed("textgen-core", "tensorflow", "keras")), ""]))
    rows, found = [], {}
    with tempfile.TemporaryDirectory(prefix="textgen-benchmark-") as folder:
        text = Path(folder) / "text.txt"
        data = arguments.text.read_bytes()[: arguments.bytes]
        text.write_bytes(data.decode("utf-8", "ignore").encode())
        for seed in arguments.seeds:
            for name, more in _ways(arguments):
                run = Path(folder) / f"{len(rows)}"
                command = [str(text), "--minutes", str(arguments.minutes), "--seed", str(seed)]
                figures = run_and_read([*command, "--quiet", *more], run)
                rows.append((str(seed), name, *_cells(run, figures)))
                found.setdefault(name, []).append(figures.bits_per_byte)
                print(" | ".join(rows[-1]), flush=True)
    print("\n" + render_table(COLUMNS, rows))
    for name, bits in found.items():
        spread = statistics.stdev(bits) if len(bits) > 1 else 0.0
        print(f"{name}: {statistics.mean(bits):.3f}, spread {spread:.3f}")


def _ways(arguments: argparse.Namespace) -> list[tuple[str, list[str]]]:
    settings = tomllib.loads((arguments.run / "run.toml").read_text())
    begins = ["--from", str(arguments.run)]
    rate = settings["training"]["learning_rate"]
    ways = [("RUN", begins)] if not arguments.rates else []
    for share in arguments.rates:
        ways.append((f"RUN, rate x {share:g}", [*begins, "--learning-rate", str(rate * share)]))
    names = [settings[kind]["name"] for kind in ("tokenizer", "model")]
    ways.append(("nothing", ["--tokenizer", names[0], "--model", names[1]]))
    return [*ways, ("nothing, as the recipe has it", [])]


def _cells(run: Path, figures: object) -> tuple[str, ...]:
    evaluation = json.loads((run / "evaluation.json").read_text())
    parts = evaluation.get("parts", {})
    alone = [
        f"{parts[name]['bits_per_byte']:.3f}" if parts else "" for name in ("network", "counts")
    ]
    forgotten = ""
    if kept := evaluation.get("forgetting"):
        before, after = (kept[when]["bits_per_byte"] for when in ("before", "after"))
        forgotten = f"{after - before:+.3f}"
    return (f"{evaluation['bits_per_byte']:.3f}", *alone, f"{figures.steps:,}", forgotten)


def _numbers(text: str) -> list[float]:
    return [float(each) for each in text.split(",")]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("--bytes", type=int, default=20_000)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument(
        "--seeds", type=lambda text: [int(each) for each in text.split(",")], default=[1]
    )
    parser.add_argument("--rates", type=_numbers, default=[])
    return parser.parse_args()


if __name__ == "__main__":
    main()
