"""`textgen plan`: what a text comes to in some minutes, and which size of model to train."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgen_core.cli.options import (
    CorpusArgument,
    Json,
    announce_stdin,
    discover_plugins,
    setting_flag,
    warn_of_cache,
    warn_of_unread_stdin,
)
from textgen_core.cli.output import note, print_json, show_line
from textgen_core.formatting import shell_word

if TYPE_CHECKING:
    from textgen_core.config.resolve import Configuration
    from textgen_core.corpus import Texts
    from textgen_core.pipeline.planning.plan import Plan
    from textgen_core.pipeline.planning.sizes import Size


def plan(
    corpus: CorpusArgument = None,
    minutes: Annotated[
        str | None,
        typer.Option(
            metavar="M", help="How long training may take; default: 1, 3, 10 and 30 minutes."
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        setting_flag("A setting, as the run will have it; may be repeated."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Forecast how good a model will get, by its size and training time; nothing is trained."""
    warn_of_unread_stdin(corpus or [])
    configurations = _configurations(corpus, minutes, settings or ())
    from textgen_core.corpus import read_texts

    announce_stdin(*(corpus or ()))
    first = next(iter(configurations.values()))
    made = _make(configurations, read_texts(first.corpus), minutes)
    warn_of_cache()
    commands = {m: _command(corpus or (), settings or (), made, m) for m in made.minutes}
    if as_json:
        found = made.as_json()
        for each in found["recommended"]:
            each["command"] = commands[each["minutes"]]
        print_json(found)
        return
    _show(made, commands)


def _configurations(
    corpus: Sequence[str] | None, minutes: str | None, settings: Sequence[str]
) -> dict[Size, Configuration]:
    """Return the configuration of a run of each size of model, by the recipe `fast`."""
    from textgen_core.config.auto import check_forecast
    from textgen_core.config.resolve import configure
    from textgen_core.pipeline.planning.sizes import SIZES

    registry = discover_plugins()
    given: dict[str, Any] = {"corpus": corpus or None, "minutes": minutes}
    found = {
        size: configure(
            {**given, "model": size.spec}, registry, recipe="fast", settings=settings, flags=True
        )
        for size in SIZES
    }
    for each in found.values():
        check_forecast(each, "A plan")
    return found


def _make(configurations: dict[Size, Configuration], texts: Texts, minutes: str | None) -> Plan:
    from textgen_core.cli.startup import import_tensorflow
    from textgen_core.cli.terminal import TerminalCallback
    from textgen_core.runs.cache import usable_cache

    usable_cache()
    import_tensorflow()
    from textgen_core.pipeline.planning.planning import MINUTES, make_plan

    first = next(iter(configurations.values()))
    asked = first.training.minutes if minutes is not None else None
    times = MINUTES if asked is None else (asked,)
    with closing(TerminalCallback(results=False)) as callback:
        return make_plan(configurations, texts, times, callback.on_progress)


def _command(corpus: Sequence[str], settings: Sequence[str], made: Plan, minutes: float) -> str:
    from textgen_core.pipeline.planning.words import options_of_run

    options = [*options_of_run(made.recommended(minutes))]
    for setting in settings:
        options += ["--set", shlex.quote(setting)]
    return " ".join(["textgen run", *map(shell_word, corpus), *options])


def _show(made: Plan, commands: dict[float, str]) -> None:
    from textgen_core.pipeline.planning.words import expect, format_text, table_of

    for line in format_text(made):
        show_line(line)
    show_line()
    rows = table_of(made)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        name, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        show_line("  ".join([row[0].ljust(len(name)), *others]).rstrip(), "" if number else "bold")
    show_line()
    show_line(
        "Bits per byte of held-out text, four runs out of five within ±; * is recommended.",
        "dim",
    )
    show_line()
    for minutes, command in commands.items():
        show_line(expect(made, minutes))
        show_line(f"    {command}")
    note("Nothing was trained. Forecasts assume that the machine stays as idle as it is now.")
