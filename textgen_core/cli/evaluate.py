"""`textgen evaluate`: score a run on its own test split or other text, or have it rated by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from textgen_core.cli.options import (
    Json,
    RunArgument,
    TestNow,
    TextNow,
    ValidationNow,
    announce_stdin,
    find_directory,
    open_for,
    warn_of_cache,
)
from textgen_core.cli.output import note, print_json, show_line, warn
from textgen_core.errors import RunDirectoryError
from textgen_core.formatting import expand_home, shell_word


def evaluate(
    run: RunArgument = None,
    text: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Another text; default: the run's own test split."),
    ] = None,
    review: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            parser=expand_home,
            help="Write a sheet (CSV) of texts to rate by hand; if it exists: show its ratings.",
        ),
    ] = None,
    corpus: TextNow = None,
    validation: ValidationNow = None,
    test: TestNow = None,
    as_json: Json = False,
) -> None:
    """Score a run: perplexity, bits per byte, metrics and a diagnosis."""
    places: dict[str, Any] = {"corpus": corpus or (), "validation": validation, "test": test}
    announce_stdin(text, *(corpus or ()), validation, test)
    if review is not None:
        _review(run, review, text, places, as_json)
        return
    opened = open_for(run, "sampler", "metric", **places)
    known = len(opened.warnings)
    evaluation = opened.evaluate(text)
    warn_of_cache()
    for warning in opened.warnings[known:]:
        warn(warning)
    for each in evaluation.notes:
        note(each)
    if as_json:
        print_json(evaluation.as_json())
        return
    from textgen_core.pipeline.messages import format_evaluation

    for line in format_evaluation(evaluation, opened.language_model.vocabulary_size):
        show_line(line)
    for sentence in ("", *evaluation.verdict.sentences(shell_word(opened.directory))):
        show_line(sentence)


def _review(
    run: str | None, sheet: Path, text: str | None, places: Mapping[str, Any], as_json: bool
) -> None:
    """Print the ratings of a sheet, or write it if it does not exist."""
    import attrs

    from textgen_core.evaluation.review import format_ratings, key_of, read_ratings

    if sheet.exists():
        ratings = read_ratings(sheet)
        _keep(run, sheet, ratings)
        if as_json:
            tables = {
                question: {source: attrs.asdict(rating) for source, rating in given.items()}
                for question, given in ratings.items()
            }
            print_json(tables)
        else:
            show_line("\n".join(format_ratings(ratings)))
        return
    texts, key = open_for(run, "sampler", **places).review(sheet, text), key_of(sheet)
    if as_json:
        print_json({"sheet": str(sheet), "key": str(key), "texts": texts})
    else:
        show_line(f"{sheet}: {texts} texts to rate from 1 (bad) to 5 (good).")
        show_line(f"{key} tells which are the model's: look there last.")
        show_line(f"When it is filled in: textgen evaluate --review {shell_word(sheet)}")


def _keep(run: str | None, sheet: Path, ratings: Mapping[str, Mapping[str, Any]]) -> None:
    """Keep ratings in the run that is named, or whose texts were rated, for its report."""
    from textgen_core.pipeline.kept_results import keep_ratings, rated_run

    rated = rated_run(sheet) if run is None else find_directory(run)
    if not ratings:
        return
    if rated is None:
        note("The ratings are not kept: name the run for that, before --review.")
        return
    try:
        keep_ratings(rated, sheet, ratings)
    except RunDirectoryError as error:
        warn(f"The ratings are not kept: {error.problem}")
