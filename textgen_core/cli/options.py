"""The options that several commands share, and what they all do with stdin and JSON."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

RunArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[RUN]",
        help="A run's directory, or the beginning of its name under runs/; default: the newest.",
        show_default=False,
    ),
]
CorpusArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[CORPUS]...",
        help="Text files or folders, - for stdin; default: a built-in corpus.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON value on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show results and warnings only.")]
Samplers = Annotated[
    list[str] | None,
    typer.Option(
        "--sampler",
        metavar="SPEC",
        help="A sampler, such as nucleus:0.9; repeat it for a chain, in order.",
        show_default=False,
    ),
]


def warn(text: str) -> None:
    """Write a warning to stderr."""
    typer.secho("Warning: ", fg="yellow", err=True, nl=False)
    typer.echo(text, err=True)


def print_json(value: Any) -> None:
    """Print one JSON value on stdout; numbers that are not finite become null."""
    from textgen_core.run_directory import finite

    typer.echo(json.dumps(finite(value), ensure_ascii=False, indent=2))


def warn_of_unread_stdin(named: Sequence[str]) -> None:
    """Warn where a pipe comes in on stdin and nobody named `-`."""
    if "-" in named:
        return
    try:
        piped = stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode)
    except (OSError, ValueError, AttributeError):  # there is no stdin
        return
    if piped:
        warn("stdin is a pipe, and is not read: name - to read it.")
