"""`textgen plugins new`: a plugin package to start from."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from textgen_core.cli.completing import complete_kind
from textgen_core.cli.options import JSON_VERSION, Json, print_json


def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The name of the component, such as epsilon.")
    ],
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            metavar="KIND",
            help="Its kind: tokenizer, model, sampler, metric, tracker.",
            show_default=False,
            autocompletion=complete_kind,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FOLDER",
            help="The folder of the package, new or empty; default: textgen-NAME.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a small plugin package: one component, its tests, and what installs it."""
    from textgen_core.scaffold import name_plugin, write_plugin

    names = name_plugin(name, kind)
    folder = Path(names.distribution) if out is None else out
    files = write_plugin(name, kind, folder)
    if as_json:
        print_json(
            {
                "version": JSON_VERSION,
                "kind": names.kind,
                "component": names.component,
                "distribution": names.distribution,
                "folder": str(folder),
                "files": [str(path) for path in files],
            }
        )
        return
    typer.echo(f"{names.distribution}, a plugin with the {kind} {names.component}:")
    for path in files:
        typer.echo(f"  {path}")
    typer.echo("\nIt works as it is. Install it and run its tests:")
    if folder.resolve() != Path.cwd():
        typer.echo(f"  cd {shlex.quote(str(folder))}")
    typer.echo('  pip install -e ".[tests]"')
    typer.echo("  pytest")
    use = f"textgen run --recipe first --minutes 0.5 --{kind} {names.component}"
    typer.echo(f"Then use it:\n  {use}")
