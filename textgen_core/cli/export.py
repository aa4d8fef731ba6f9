"""`textgen export`: the trained model as a file for somebody else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textgen_core.cli.options import Json, RunArgument, as_text, open_for, warn_of_cache
from textgen_core.cli.output import note, print_json, show_line, show_text
from textgen_core.cli.startup import import_numpy
from textgen_core.errors import UsageError
from textgen_core.formatting import expand_home, format_size, shell_word

if TYPE_CHECKING:
    from textgen_core.export.exporters import Exported


def export(
    run: RunArgument = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="FORMAT", help="The format; --list shows all of them."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            parser=expand_home,
            help="What is written; default: the run's name in the current folder.",
        ),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            metavar="float32|float16|int8",
            help="How weights are kept; --list shows the default of each format.",
        ),
    ] = None,
    title: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What it is called; default: the run's name.")
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="What its texts begin with at first; default: the run's own prompt.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an export that is there already.")
    ] = False,
    list_formats: Annotated[
        bool, typer.Option("--list", help="Show the formats and exit.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a run's model as a file that needs no textgen, to pass on or to use elsewhere."""
    from textgen_core.export.exporters import EXPORTERS, find_exporter
    from textgen_core.export.exporters import export as write

    if list_formats:
        _show_formats(as_json=as_json)
        return
    if to is None:
        raise UsageError(
            "export needs a format.",
            f"Allowed: {', '.join(EXPORTERS)}.",
            "See: textgen export --list",
        )
    find_exporter(to)  # before a run is opened
    import_numpy()
    exported = write(
        open_for(run, "sampler"),
        to,
        out,
        precision=precision,
        title=None if title is None else as_text(title),
        prompt=None if prompt is None else as_text(prompt),
        force=force,
    )
    warn_of_cache()
    _show(exported, as_json=as_json)


def _show_formats(*, as_json: bool) -> None:
    from textgen_core.export.exporters import EXPORTERS

    if as_json:
        print_json(
            [
                {"name": each.name, "summary": each.summary, "precisions": list(each.precisions)}
                for each in EXPORTERS.values()
            ]
        )
        return
    for each in EXPORTERS.values():
        default, *others = each.precisions
        also = f"; also {', '.join(others)}" if others else ""
        show_line(f"{each.name:<8}{each.summary}")
        show_line(f"{'':<8}weights as {default}{also}", "dim")


def _show(exported: Exported, *, as_json: bool) -> None:
    usage = exported.usage.format(path=shell_word(exported.path))
    if as_json:
        print_json(
            {
                "format": exported.format,
                "path": str(exported.path),
                "precision": exported.precision,
                "bytes": exported.size,
                "files": dict(exported.files),
                "usage": usage,
            }
        )
        return
    show_text(str(exported.path), end="\n")
    several = f" in {len(exported.files)} files" if len(exported.files) > 1 else ""
    note(f"{format_size(exported.size)}{several}, weights as {exported.precision}.")
    note(f"Use it:  {usage}")
    note("A model holds parts of its training text: pass it on only if you may pass on that.")
