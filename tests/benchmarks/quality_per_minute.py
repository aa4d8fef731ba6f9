"""How good a text model gets in some minutes, beside published figures.

    python tests/benchmarks/quality_per_minute.py CORPUS [--minutes 3] [--model transformer]
        [--recipe fast] [--set SECTION.KEY=VALUE]... [--out DIR]

CORPUS is the tiny-Shakespeare text where it is compared with the published figures. It is split
90/10, and the validation split is scored whole, in windows that do not overlap, each starting
without context: as the published figures are.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from finished_run import RunFigures, run_and_read
from machine import describe_machine, installed
from text_table import render_table

NO_OVERLAP = "evaluation.stride=1000000"  # more than any window
COLUMNS = ("model", "seconds", "tokens trained", "parameters", "validation nats a character")
PUBLISHED = (
    ("nanoGPT's README, GPU recipe, one A100", "180", "", "10,600,000", "1.470"),
    ("nanoGPT's CPU recipe, 2 cores", "88", "1,536,000", "800,000", "1.886"),
)


def main() -> None:
    """Train once, and print the table."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="textgen-benchmark-") as folder:
        directory = arguments.out or Path(folder) / "run"
        figures = run_and_read(_command(arguments), directory)
    name = f"textgen, {arguments.model}, {arguments.recipe}"
    rows = [_row(name, figures), *PUBLISHED]
    versions = installed("textgen-core", "tensorflow", "keras")
    print("\n".join([*describe_machine(versions), "", render_table(COLUMNS, rows), ""]))
    print("\n".join(_notes(arguments, figures)))


def _command(arguments: argparse.Namespace) -> list[str]:
    command = [str(arguments.corpus), "--tokenizer", "character", "--split", "90,10,0"]
    command += ["--recipe", arguments.recipe, "--model", arguments.model]
    command += ["--minutes", str(arguments.minutes), "--set", NO_OVERLAP, "--quiet"]
    for setting in arguments.settings:
        command += ["--set", setting]
    return command


def _row(name: str, figures: RunFigures) -> tuple[str, ...]:
    return (
        name,
        f"{figures.training_seconds:.0f}",
        f"{figures.training_tokens:,}",
        f"{figures.parameters:,}",
        f"{figures.loss:.3f}",
    )


def _notes(arguments: argparse.Namespace, figures: RunFigures) -> list[str]:
    promised = arguments.minutes * 60
    return [
        f"Trained for {figures.training_seconds:.1f} s of {promised:g} s "
        f"({figures.training_seconds / promised - 1:+.1%}), compilation and validations included; "
        f"the whole command took {figures.seconds:.0f} s.",
        f"{figures.steps:,} steps; scored: {figures.scored_tokens:,} characters of the "
        f"{figures.split} split; {figures.bits_per_byte:.3f} bits per byte.",
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--model", default="transformer")
    parser.add_argument("--recipe", default="fast")
    parser.add_argument("--set", dest="settings", action="append", default=[])
    parser.add_argument("--out", type=Path, default=None)
    return parser.parse_args()


if __name__ == "__main__":
    main()
