"""Perplexity on the Penn Treebank from a recipe in docs/, beside the literature.

    python tests/benchmarks/penn_treebank.py DIRECTORY [--recipe small|best|FILE] [--minutes M]
        [--set SECTION.KEY=VALUE]... [--out DIR]

DIRECTORY holds train.txt, validation.txt and test.txt as Mikolov prepared them: 10,000 words, and
every newline is a token.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from finished_run import RunFigures, run_and_read
from machine import describe_machine, installed
from text_table import render_table

_RECIPES_FOLDER = Path(__file__).parents[2] / "docs" / "recipes"
RECIPES = {"small": "ptb-small.toml", "best": "ptb-lstm.toml"}
TEST_TOKENS = 82_430  # that the literature's figures are means over, newlines counted
COLUMNS = ("model", "minutes", "parameters", "test perplexity")
PUBLISHED = (
    ("Zaremba et al. 2014, small, non-regularised", "", "4,650,000", "114.5"),
    ("Zaremba et al. 2014, medium", "", "19,800,000", "82.7"),
)


def main() -> None:
    """Train once, and print the table."""
    arguments = _arguments()
    recipe = _RECIPES_FOLDER / RECIPES.get(arguments.recipe, arguments.recipe)
    if not recipe.is_file():
        recipe = Path(arguments.recipe)
    with tempfile.TemporaryDirectory(prefix="textgen-benchmark-") as folder:
        directory = arguments.out or Path(folder) / "run"
        figures = run_and_read(_command(arguments, recipe), directory)
    rows = [_row(f"textgen, {recipe.stem}", figures), *PUBLISHED]
    versions = installed("textgen-core", "tensorflow", "keras")
    print("\n".join([*describe_machine(versions), "", render_table(COLUMNS, rows), ""]))
    print("\n".join(notes_on(figures)))


def _command(arguments: argparse.Namespace, recipe: Path) -> list[str]:
    folder = arguments.directory
    command = [str(folder / "train.txt"), "--validation", str(folder / "validation.txt")]
    command += ["--test", str(folder / "test.txt"), "--recipe", str(recipe), "--quiet"]
    if arguments.minutes is not None:
        command += ["--minutes", str(arguments.minutes)]
    for setting in arguments.settings:
        command += ["--set", setting]
    return command


def _row(name: str, figures: RunFigures) -> tuple[str, ...]:
    return (
        name,
        f"{figures.training_seconds / 60:.1f}",
        f"{figures.parameters:,}",
        f"{figures.perplexity:.1f}",
    )


def notes_on(figures: RunFigures) -> list[str]:
    notes = [
        f"{figures.steps:,} steps, {figures.training_tokens:,} tokens; scored: "
        f"{figures.scored_tokens:,} tokens of the {figures.split} split, {figures.loss:.4f} nats.",
    ]
    if figures.split != "test" or figures.scored_tokens != TEST_TOKENS:
        notes.append(
            f"NOT comparable: the literature scores the {TEST_TOKENS:,} tokens of the test split."
        )
    return notes


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--recipe", default="small", help="small, best, or a file")
    parser.add_argument("--minutes", type=float, default=None)
    parser.add_argument("--set", dest="settings", action="append", default=[])
    parser.add_argument("--out", type=Path, default=None)
    return parser.parse_args()


if __name__ == "__main__":
    main()
