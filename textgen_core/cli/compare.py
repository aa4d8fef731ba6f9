"""`textgen compare`: which of several runs or recipes is better, on one fair score."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgen_core.cli.completing import complete_run_or_recipe
from textgen_core.cli.following import watch
from textgen_core.cli.options import (
    Json,
    Quiet,
    Samplers,
    announce_stdin,
    as_text,
    check_place,
    open_for,
    warn_of_cache,
)
from textgen_core.cli.output import note, print_json, show_line, warn
from textgen_core.errors import RunDirectoryError, UsageError
from textgen_core.formatting import expand_home

if TYPE_CHECKING:
    from textgen_core.pipeline.comparison import Comparison


def compare(
    entries: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN|RECIPE...",
            help="Two or more: runs, and recipes, by name or as TOML files, to train first.",
            autocompletion=complete_run_or_recipe,
        ),
    ],
    text: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="A text that none was trained on; default: their held-out text."
        ),
    ] = None,
    corpus: Annotated[
        list[str] | None,
        typer.Option(
            "--corpus",
            metavar="PATH",
            help="What recipes are trained on; may be repeated; default: the built-in corpus.",
            show_default=False,
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(metavar="M", help="How long each recipe is trained; default: as it says."),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(metavar="N", help="How many runs of each recipe; default: 3.")
    ] = None,
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT", help="What all write after, beside prompts from the text; repeatable."
        ),
    ] = None,
    sampler: Samplers = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            parser=expand_home,
            help="The page to write; default: runs/comparison-<time>.html.",
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find out which of several runs or recipes predicts text best, and what may be chance."""
    from textgen_core.pipeline.entries import find_entries

    trains = bool(corpus) or minutes is not None or seeds is not None
    named = find_entries(entries, trains=trains)
    if all(not isinstance(each, str) for each in named):
        _refuse_training(corpus=corpus, minutes=minutes, seeds=seeds)
    if out is not None:
        check_place(out, "The comparison")
    from textgen_core.pipeline.comparing import carry_out, check_request

    request = check_request(
        [each if isinstance(each, str) else each.path for each in named],
        corpus=corpus or (),
        minutes=minutes,
        seeds=seeds,
        sampler=sampler or None,
        open_it=lambda run: open_for(str(run.path), "sampler"),
    )
    announce_stdin(text)
    from textgen_core.cli.startup import import_tensorflow

    import_tensorflow()
    prompts = [as_text(each) for each in prompt or ()]
    compared = watch(
        lambda callback: carry_out(request, text=text, prompt=prompts, callback=callback),
        quiet=quiet,
    )
    warn_of_cache()
    page: Path | None = out or _free_page()
    try:
        compared.report(str(page))
    except RunDirectoryError as error:  # what was computed is shown all the same
        warn(f"There is no page: {error.problem}")
        page = None
    if as_json:
        print_json({**compared.as_json(), "page": page and str(page)})
        return
    _show(compared, page)


def _refuse_training(**given: Any) -> None:
    """Raise UsageError for what only recipes need, where runs alone are compared."""
    useless = [f"--{name}" for name, value in given.items() if value is not None]
    if useless:
        raise UsageError(
            f"{', '.join(useless)}: all that is compared is trained already.",
            "Allowed beside recipes, which are trained first.",
            "Leave it out; to say where a run's corpus is now: textgen evaluate RUN --corpus FILE",
        )


def _free_page() -> Path:
    """Return where a page is written that nobody named."""
    from textgen_core.runs.directory import COMPARISON_PAGES, RUNS, timestamp

    folder = RUNS if RUNS.is_dir() else Path()
    return folder / COMPARISON_PAGES.replace("*", timestamp())


def _show(compared: Comparison, page: Path | None) -> None:
    first, *others = str(compared).split("\n")
    show_line(first, "bold")
    for line in others:
        show_line(line)
    if page is not None:
        note(f"Texts side by side: {page}")
