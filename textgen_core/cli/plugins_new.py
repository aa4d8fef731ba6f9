"""`textgen plugins new`: a plugin package to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textgen_core.cli.completing import complete_kind
from textgen_core.cli.options import JSON_VERSION, Json
from textgen_core.cli.output import print_json, show_line
from textgen_core.formatting import expand_home, shell_word


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
            parser=expand_home,
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
    show_line(f"{names.distribution}, a plugin with the {kind} {names.component}:")
    for path in files:
        show_line(f"  {path}")
    show_line("\nIt works as it is. Install it and run its tests:")
    if folder.resolve() != Path.cwd():
        show_line(f"  cd {shell_word(folder)}")
    show_line('  pip install -e ".[tests]"')
    show_line("  pytest")
    use = f"textgen run --recipe first --minutes 0.5 --{kind} {names.component}"
    show_line(f"Then use it:\n  {use}")
