"""What commands share: options, opening a run, reading stdin."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from textgen_core.cli.completing import (
    complete_recipe,
    complete_reference,
    complete_run,
    complete_setting,
    complete_spec,
)
from textgen_core.cli.output import note, stdout_for_json, warn
from textgen_core.errors import UsageError
from textgen_core.formatting import expand_home, format_count, visible

if TYPE_CHECKING:
    from textgen_core.pipeline.earlier_run import EarlierRun
    from textgen_core.pipeline.opened_run import Run
    from textgen_core.pipeline.run_runtime import Computing
    from textgen_core.registry import Component, Registry
    from textgen_core.runs.directory import RunDirectory

JSON_VERSION = 1  # of what `plugins` prints: raised when a key is removed or changes its meaning
RUN_HELP = "A run's directory, or the beginning of its name under runs/; default: the newest."
RunArgument = Annotated[
    str | None,
    typer.Argument(metavar="[RUN]", help=RUN_HELP, show_default=False, autocompletion=complete_run),
]
CorpusArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[CORPUS]...",
        help="Text files or folders, - for stdin, course:en, course:es; default: a built-in one.",
        show_default=False,
    ),
]
_NOW = "Where the run's {} is now, if it was moved or the run was made elsewhere."
TextNow = Annotated[
    list[str] | None,
    typer.Option("--corpus", metavar="PATH", help=_NOW.format("corpus"), show_default=False),
]
ValidationNow = Annotated[
    str | None, typer.Option(metavar="FILE", help=_NOW.format("ready-made validation text"))
]
TestNow = Annotated[
    str | None, typer.Option(metavar="FILE", help=_NOW.format("ready-made test text"))
]
ReferenceArgument = Annotated[
    str,
    typer.Argument(
        metavar="REF",
        help="KIND/NAME or KIND/DISTRIBUTION/NAME.",
        autocompletion=complete_reference,
    ),
]


def _keep_stdout(context: typer.Context, wanted: bool) -> bool:
    """Send what components print to stderr for as long as a command with `--json` runs."""
    # A group's command has a flag of its own.
    if wanted and not context.resilient_parsing and not hasattr(context.command, "commands"):
        context.with_resource(stdout_for_json())
    return wanted


Json = Annotated[
    bool,
    typer.Option("--json", help="Print exactly one JSON value on stdout.", callback=_keep_stdout),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show results and warnings only.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Show technical findings and figures too.")
]
Runtime = Annotated[
    Literal["auto", "program", "tensorflow"],
    typer.Option(help="What computes; auto: programs, where there can be some."),
]
Samplers = Annotated[
    list[str] | None,
    typer.Option(
        "--sampler",
        metavar="SPEC",
        help="A sampler, such as nucleus:0.9; repeat it for a chain, in order.",
        show_default=False,
        autocompletion=complete_spec("sampler"),
    ),
]


ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", parser=expand_home, help="A TOML file of settings."),
]


def recipe_flag(about: str) -> Any:
    """Return the option `--recipe`."""
    return typer.Option("--recipe", metavar="NAME|FILE", help=about, autocompletion=complete_recipe)


def setting_flag(about: str) -> Any:
    """Return the option `--set`."""
    return typer.Option(
        "--set", metavar="SECTION.KEY=VALUE", help=about, autocompletion=complete_setting
    )


def discover_plugins() -> Registry:
    """Return the installed plugins; those that failed, or took long, are warned about."""
    from textgen_core.registry import discover

    registry = discover()
    for text in registry.complaints:
        warn(text)
    return registry


def find_component(reference: str) -> Component:
    """Return the component that a REF on the command line means."""
    from textgen_core.registry.registry import parse_reference

    kind, name = parse_reference(reference)
    return discover_plugins().find(kind, name, place="REF")


def find_directory(reference: str | None, *, trained: bool = False) -> RunDirectory:
    """Return the run that a command line names; of one that it does not name, say which it is.

    trained: of those not named, rather one that has a checkpoint.
    """
    from textgen_core.runs.directory import find_run, newest_run

    directory = find_run(reference, trained=trained)
    if reference is None:
        newest = newest_run()
        left_out = "" if newest == directory else f"; {newest.name} has no checkpoint yet"
        note(f"The newest run: {directory.path}{left_out}", "dim")
    return directory


def open_for(
    reference: str | None,
    *used: str,
    corpus: Sequence[str] = (),
    validation: str | None = None,
    test: str | None = None,
    computing: Computing | None = None,
) -> Run:
    """Return the run that a command line names: its faults first, then warnings.

    used: the kinds of components that the command needs beside tokenizer and model. corpus,
    validation, test: where its texts are now. computing: what writes with it. TensorFlow is
    imported when it is first needed.
    """
    from textgen_core.runs.manifest import load_configuration

    directory = find_directory(reference, trained=True)
    configuration, warnings = load_configuration(directory, discover_plugins(), used)
    for warning in warnings:
        warn(warning)
    from textgen_core.pipeline.opened_run import Run
    from textgen_core.pipeline.places import Places

    places = Places(corpus=corpus, validation=validation, test=test)
    computing = computing or computing_here()
    return Run(directory, configuration, places=places, warnings=warnings, computing=computing)


def open_earlier_for(reference: str | None, workers: int | None) -> EarlierRun | None:
    """Return the run that a new one begins with, if any; what differs here is warned about."""
    if reference is None:
        return None
    from textgen_core.pipeline.earlier_run import open_earlier

    earlier = open_earlier(reference, workers)
    for each in earlier.warnings:
        warn(each)
    return earlier


def computing_here(
    runtime: Literal["auto", "program", "tensorflow"] = "auto", *, short_texts: bool = False
) -> Computing:
    """Return what writes for a command, which says what it waits for.

    short_texts: whether TensorFlow is to begin early rather than to write fast.
    """
    from textgen_core.cli.startup import import_tensorflow
    from textgen_core.pipeline.run_runtime import Computing

    def before_tensorflow() -> None:
        import_tensorflow()
        if short_texts:
            from textgen_core.models.devices import run_graphs_as_they_are

            run_graphs_as_they_are()

    return Computing(runtime=runtime, on_wait=note, before_tensorflow=before_tensorflow)


def announce_stdin(*named: str | None) -> None:
    """If a terminal is about to be read, say so, and how its text ends."""
    from textgen_core.corpus.reading.kept import is_stdin

    if sys.stdin is not None and sys.stdin.isatty() and any(map(is_stdin, filter(None, named))):
        end = "Ctrl-Z and Enter" if sys.platform == "win32" else "Ctrl-D"
        note(f"Type or paste the text; {end} at the start of a line ends it.")


def warn_of_cache() -> None:
    """Write to stderr that a temporary cache is used, where it is and has not been said yet."""
    from textgen_core.runs.cache import cache_note

    if note := cache_note():
        warn(note)


def warn_of_unread_stdin(named: Sequence[str]) -> None:
    """Warn if stdin is a pipe and none of the named files is `-`, or another name of it."""
    try:
        piped = stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode)
    except (OSError, ValueError, AttributeError):  # there is no stdin
        return
    if not piped:
        return
    from textgen_core.corpus.reading.kept import is_stdin

    if not any(map(is_stdin, named)):
        warn("stdin is a pipe, and is not read: name - to read it.")


def as_text(argument: str) -> str:
    """Return an argument as text: bytes that are not UTF-8 become the replacement character."""
    return argument.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace")


def text_or_stdin(argument: str) -> str:
    """Return an argument as text, and all of stdin for `-`; say what of it is not UTF-8."""
    data = os.fsencode(argument)
    name = "The text"
    if argument == "-":
        announce_stdin(argument)
        data, name = sys.stdin.buffer.read(longest_text() + 1), "stdin"
    if len(data) > longest_text():
        allowed = f"Allowed: up to {longest_text() // 4:,} characters."
        raise UsageError(f"{name} is too long.", allowed)
    return decode(data, name)


def longest_text() -> int:
    """Return how many bytes a text may have that is no file: 4 a character at most."""
    from textgen_core.config.settings import LONGEST_PROMPT

    return 4 * LONGEST_PROMPT


def decode(data: bytes, name: str) -> str:
    """Return bytes as text, and warn of those that are not UTF-8."""
    wrong = len(re.findall("[\udc80-\udcff]", data.decode("utf-8", errors="surrogateescape")))
    if wrong:
        count = format_count(wrong, "byte")
        warn(f"{name} holds {count} that {'is' if wrong == 1 else 'are'} not UTF-8, U+FFFD now.")
    return data.decode("utf-8", errors="replace")


def warn_of_text(unknown: Sequence[str], notes: Sequence[str], what: str) -> None:
    """Say what there is to know of a text, and warn of what of it the tokenizer does not know."""
    for each in notes:
        note(each)
    if unknown:
        shown = " ".join(f'"{visible(each)}"' for each in unknown[:20])
        warn(f"The tokenizer has never seen these of the {what}: {shown}")


def check_place(path: Path, what: str) -> None:
    """Raise UsageError if a file cannot be written there, before its content is computed."""
    if path.is_dir() or not path.parent.is_dir():
        problem = "it is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        allowed = "Allowed: a file in a folder that exists."
        raise UsageError(f"{what} cannot be written to {path}: {problem}.", allowed)
