"""`textgen runs`: the runs here, what each one is, and removing, packing and unpacking them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from textgen_core.cli.completing import complete_run
from textgen_core.cli.options import Json, RunArgument, find_directory
from textgen_core.cli.output import note, print_json, show_line, show_text
from textgen_core.cli.unknown_command import Group
from textgen_core.errors import UsageError
from textgen_core.formatting import expand_home, format_count, format_list, format_size, shell_word

JSON_VERSION = 1

app = typer.Typer(
    cls=Group,
    help="List the runs here, show one, remove some, or pack one into a small file.",
    rich_markup_mode=None,
)

Corpus = Annotated[
    str | None,
    typer.Option(
        "--corpus",
        metavar="FILE|TEXT",
        help="Only runs trained on this file, or on a text with this in its name.",
    ),
]
Runs = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN...",
        help="A run's directory, or the beginning of its name under runs/.",
        show_default=False,
        autocompletion=complete_run,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Remove them without asking.")]


@app.callback(invoke_without_command=True)
def _default(context: typer.Context, corpus: Corpus = None, as_json: Json = False) -> None:
    if context.invoked_subcommand is None:
        list_runs(corpus, as_json)
    elif corpus or as_json:
        raise UsageError(
            f"An option is given before {context.invoked_subcommand!r}, which ignores it.",
            f"Allowed: textgen runs {context.invoked_subcommand} with its options after it.",
        )


@app.command("list")
def list_runs(corpus: Corpus = None, as_json: Json = False) -> None:
    """List the runs under runs/, the newest first: score, size, age and state."""
    from textgen_core.cli.runs_output import show_runs
    from textgen_core.runs.directory import list_folders
    from textgen_core.runs.listing import runs
    from textgen_core.runs.showing import as_row

    rows, others = [as_row(each) for each in runs(corpus)], list_folders()[1]
    if as_json:
        print_json({"version": JSON_VERSION, "runs": rows, "others": others})
        return
    show_runs(rows, corpus)
    if others:
        note(f"Not runs, under runs/: {format_list(others, 5)}", "dim")


@app.command("show")
def show(run: RunArgument = None, as_json: Json = False) -> None:
    """Show what a run is: model, text, scores, what it began with, and what it takes on disk."""
    from textgen_core.cli.runs_output import show_run
    from textgen_core.runs.showing import show as describe

    found = describe(find_directory(run).path)
    if as_json:
        print_json({"version": JSON_VERSION, **found})
    else:
        show_run(found)


@app.command("remove")
def remove(
    run: Runs,
    checkpoints: Annotated[
        bool,
        typer.Option("--checkpoints", help="Only the weights; figures, texts and report stay."),
    ] = False,
    yes: Yes = False,
) -> None:
    """Remove runs, or only their checkpoints; asks first. What textgen did not write stays."""
    from textgen_core.runs.directory import find_run
    from textgen_core.runs.removing import remove as remove_one
    from textgen_core.runs.standing import disk_size

    found = {each.path.resolve(): each for each in map(find_run, run)}
    sizes = {
        each.path: disk_size(each.checkpoints if checkpoints else each.path)
        for each in found.values()
    }
    for path, size in sizes.items():
        note(f"  {path}  {format_size(size)}")
    of_what = "the checkpoints of " if checkpoints else ""
    what = f"{of_what}{format_count(len(sizes), 'run')}, {format_size(sum(sizes.values()))}"
    if not yes:
        _ask(what)
    removed = [remove_one(path, checkpoints=checkpoints) for path in sizes]
    for each in removed:
        if each.left:
            names = format_list([shell_word(name) for name in each.left])
            note(f"Left in {each.path}, since no run writes it: {names}")
    show_line(
        f"Removed: {of_what}{format_count(len(removed), 'run')}, "
        f"{format_size(sum(each.bytes for each in removed))}."
    )


def _ask(what: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            f"Nobody can be asked whether to remove {what}.",
            "Allowed without a terminal: --yes.",
        )
    note(f"Remove {what}? This cannot be undone. Type yes:")
    if sys.stdin.readline().strip().lower() not in ("yes", "y"):
        raise typer.Abort


@app.command("pack")
def pack(
    run: RunArgument = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            parser=expand_home,
            help="What is written; default: the run's name and .run.zip, in the current folder.",
        ),
    ] = None,
    with_corpus: Annotated[
        bool,
        typer.Option("--with-corpus", help="Take its texts along, which evaluating it needs."),
    ] = False,
    corpus: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH",
            help="Take them from here, if they were moved or the run was made elsewhere.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Pack a run into one small file that writes the same text elsewhere."""
    from textgen_core.runs.packing import pack as write

    packed = write(find_directory(run).path, out, corpus=corpus or with_corpus, force=force)
    if as_json:
        keys = {"path": str(packed.path), "bytes": packed.bytes, "text_bytes": packed.texts}
        print_json({"version": JSON_VERSION, **keys})
        return
    show_text(str(packed.path), end="\n")
    texts = f", with {format_size(packed.texts)} of text" if packed.texts else ", without its texts"
    note(f"{format_size(packed.bytes)}{texts}: one checkpoint, no optimizer.")
    note(f"Use it elsewhere:  textgen runs unpack {shell_word(packed.path.name)}")
    kept = "Its counts of n-grams and its weights hold" if packed.has_counts else "Its weights hold"
    note(f"{kept} parts of the training text: pass it on only if you may pass on that.")


@app.command("unpack")
def unpack(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", parser=expand_home, help="What textgen runs pack wrote."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            parser=expand_home,
            help="The new run directory; default: runs/ and the name that it had.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a run of a packed one. Nothing in it is executed, and all of it is checked."""
    from textgen_core.runs.showing import as_row
    from textgen_core.runs.unpacking import unpack as read

    summary = read(file, out)
    if as_json:
        print_json({"version": JSON_VERSION, **as_row(summary)})
        return
    show_text(str(summary.path), end="\n")
    note(f"{', '.join(summary.facts())}; {format_size(summary.size)}.")
    note(f"Write with it:  textgen generate {shell_word(summary.path)}")
    note(f"Train on:       textgen run CORPUS --from {shell_word(summary.path)}")
