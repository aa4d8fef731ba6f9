"""`textgen evaluate`: score a run on its own test split, or on other text."""

from __future__ import annotations

from typing import Annotated

import typer

from textgen_core.cli.options import Json, RunArgument, print_json


def evaluate(
    run: RunArgument = None,
    text: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Another text; default: the run's own test split."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Score a run: perplexity, bits per byte, metrics and a diagnosis."""
    from textgen_core.cli.opening import open_for
    from textgen_core.cli.terminal import stdout

    opened = open_for(run)
    evaluation = opened.evaluate(text)
    if as_json:
        print_json(evaluation.as_json())
        return
    from textgen_core.narration import tell_evaluation

    for line in tell_evaluation(evaluation, opened.language_model.vocabulary_size):
        stdout().print(line)
