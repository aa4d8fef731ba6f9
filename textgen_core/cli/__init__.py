"""The command `textgen`: a thin face over the Python API, and the only place that prints.

Each command has a file, which is imported where it is called or listed. Heavy imports are inside
the commands, after their arguments were checked: `textgen --help` imports no plugin, and no mistake
waits for TensorFlow.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from importlib import import_module
from typing import Any

import typer

from textgen_core.cli.completing import INSTRUCTION, rejoin_words
from textgen_core.cli.output import (
    ReaderGone,
    debug_messages,
    fail,
    guarded_streams,
    note,
    show_line,
    show_trace,
)
from textgen_core.cli.plain_values import take_plain_values
from textgen_core.cli.unknown_command import Group
from textgen_core.errors import Interrupted, TextgenError

COMMANDS = (
    *("run", "resume", "generate", "score", "evaluate", "explore"),
    *("compare", "plan", "tune"),
    *("serve", "export", "analyze", "report", "runs", "plugins", "recipes"),
)
_SHOW_TRACES = "--debug"
_SETS_UP_COMPLETION = frozenset({"--install-completion", "--show-completion"})


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version as version_of

        show_line(f"textgen {version_of('textgen-core')}")
        raise typer.Exit


def _options(
    version: bool = typer.Option(
        False,
        "--version",
        help="Print the version and exit.",
        callback=_show_version,
        is_eager=True,  # before the missing command is noticed
    ),
    debug: bool = typer.Option(
        False, _SHOW_TRACES, help="Show the full traceback of an error, and what computes."
    ),
) -> None:
    del version, debug  # `_show_version` has handled the one, and `main` the other


def build_app(names: Sequence[str] = COMMANDS) -> typer.Typer:
    """Return the command with these of its subcommands, whose modules are imported for it."""
    app = typer.Typer(
        cls=Group,
        name="textgen",
        help="Train a small language model on your own text, and write with it.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for name in names:
        module = import_module(f"{__name__}.{name}")
        if isinstance(group := getattr(module, "app", None), typer.Typer):
            app.add_typer(group, name=name)
        else:
            app.command(name)(getattr(module, name))
    return app


def __getattr__(name: str) -> Any:
    if name == "app":  # all of it, for completion and the reference
        return build_app()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def main() -> None:
    """Run the command, and turn every error into three lines and an exit code."""
    arguments, show_traces = take_out_debug(sys.argv[1:])
    rejoin_words(os.environ)
    with guarded_streams(), debug_messages() if show_traces else nullcontext():
        sys.exit(_run(arguments, show_traces=show_traces))


def take_out_debug(arguments: list[str]) -> tuple[list[str], bool]:
    """Return the arguments without `--debug`, which may stand anywhere but as an option's value."""
    if _SHOW_TRACES not in arguments:
        return arguments, False
    valued = set(_options_with_value(typer.main.get_command(build_app())))
    kept, rest = [], iter(arguments)
    for each in rest:
        if each == "--":
            kept += [each, *rest]
        elif each != _SHOW_TRACES:
            kept.append(each)
            kept += itertools.islice(rest, 1 if each in valued else 0)
    return kept, len(kept) < len(arguments)


def _options_with_value(command: Any) -> Iterator[str]:
    for each in command.params:
        if each.param_type_name == "option" and not each.is_flag:
            yield from each.opts
    for inner in getattr(command, "commands", {}).values():
        yield from _options_with_value(inner)


def _run(arguments: list[str], *, show_traces: bool) -> int:
    """Run the command and return its exit code, which is the same with and without a trace."""
    try:
        try:
            command = typer.main.get_command(build_app(_named(arguments)))
            take_plain_values(command)
            code = command(arguments, prog_name="textgen", standalone_mode=False)
            sys.stdout.flush()
        except Exception:
            if show_traces:
                show_trace()
            raise
    except ReaderGone:
        return 0
    except Interrupted as error:
        return _end_interrupted(str(error))
    except TextgenError as error:
        return _fail(str(error), error.exit_code)
    except typer.TyperException as error:
        return _fail_usage(error)
    except typer.Abort:
        return _end_interrupted()
    except SystemExit as error:
        if INSTRUCTION in os.environ or _SETS_UP_COMPLETION.intersection(arguments[:1]):
            raise  # Typer's own, when completion has been set up or answered
        return _fail(f"A plugin, or a library, ended the command (status {error.code}).", 1)
    except MemoryError:
        return _fail(
            "There is not enough memory for this.\n"
            "Try a smaller --batch-size, data.sequence_length, vocabulary or model.",
            1,
        )
    except Exception as error:
        return _fail(_unexpected(error), 1)
    return _end_interrupted() if code == Interrupted.exit_code else int(code or 0)


def _named(arguments: Sequence[str]) -> Sequence[str]:
    """Return the subcommand that is called, or all of them for whatever lists them."""
    is_named = arguments and arguments[0] in COMMANDS and INSTRUCTION not in os.environ
    return arguments[:1] if is_named else COMMANDS


def _unexpected(error: Exception) -> str:
    """Return what to say of an exception that nothing foresaw."""
    cause = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    if isinstance(error, ImportError) and not (error.name or "").startswith("textgen"):
        return (
            f"A package that textgen needs cannot be imported: {cause}\n"
            "Reinstall textgen with all that it needs: pip install --force-reinstall textgen-core"
        )
    return (
        f"An error in textgen itself: {cause}\n"
        f"Please report it, with the trace that {_SHOW_TRACES} shows."
    )


def _fail_usage(error: typer.TyperException) -> int:
    """Show a mistake on the command line; no arguments at all bring the help instead."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        note(error.format_message())
        return error.exit_code
    command = context.command_path if context is not None else "textgen"
    return _fail(f"{error.format_message()}\nSee: {command} --help", error.exit_code)


def _fail(message: str, code: int) -> int:
    fail(message)
    return code


def _end_interrupted(message: str = "Interrupted.") -> int:
    """Say what was stopped: the user did it, so it is no error."""
    if message:
        note(message)
    return Interrupted.exit_code
