"""What a line that begins with a slash does while a text is written in turns."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from textgen_core.cli.interrupts import interrupts_ignored
from textgen_core.cli.output import note, show_line
from textgen_core.errors import UsageError
from textgen_core.formatting import expand_home, visible

if TYPE_CHECKING:
    from textgen_core.cli.interactive import Session


@attrs.frozen
class Command:
    """A command: what it does, in words and in code; value: what may follow its name."""

    execute: Callable[[Session, str], None]
    help: str
    value: str = ""


def execute(session: Session, line: str) -> None:
    """Execute a line that begins with a slash.

    Raises:
        UsageError: there is no such command, or it does not take what follows.
    """
    name, _, value = line[1:].partition(" ")
    value = value.strip()
    found = [name] if name in COMMANDS else [each for each in COMMANDS if each.startswith(name)]
    if not name or not found:
        raise UsageError(
            f"/{visible(name[:80])} is no command.",
            f"Allowed: {', '.join(f'/{each}' for each in COMMANDS)}.",
            "A text that begins with a slash is written with two: //",
        )
    command = COMMANDS[found[0]]
    if value and not command.value:
        raise UsageError(f"/{found[0]} takes nothing, and has {value[:80]!r}.")
    command.execute(session, value)


def save(session: Session, name: str, *, replaces: bool = False) -> None:
    """Write the text to a file, exactly as it is; one that is there only if it may be replaced.

    Raises:
        UsageError: it is there, or cannot be written.
    """
    from textgen_core.runs.files import atomic_write

    path, text = expand_home(name), session.draft.text
    try:
        if os.path.lexists(path) and not replaces:
            raise UsageError(
                f"{path} is there already.",
                f"Allowed: another name, or /save! {path} to replace it.",
            )
        with atomic_write(path) as file:
            file.write(text.encode("utf-8", errors="replace"))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"The text cannot be saved to {path}: {getattr(error, 'strerror', None) or error}.",
            "Allowed: a file in a folder that exists and can be written to.",
        ) from error
    session.file, session.saved = name, text
    note(f"Saved to {path}")


# ---- what the model writes ----------------------------------------------------------------------


def _retry(session: Session, _: str) -> None:
    writing = session.draft.retry()
    if session.is_typed:
        show_line(f"(seed {writing.seed})", "dim")
    session.show.end_of(writing.before)
    session.write(writing)


def _sampler(session: Session, value: str) -> None:
    if value:
        try:
            specs = shlex.split(value)
        except ValueError as error:  # a quote without another
            raise UsageError(f"{value!r} cannot be read: {error}.") from error
        with interrupts_ignored():  # an import that is interrupted cannot be made up for
            session.draft.choose_samplers(specs)
    _tell_settings(session)


def _length(session: Session, value: str) -> None:
    if value:
        session.draft.max_new_tokens = _whole_number(value, "/length")
    _tell_settings(session)


def _seed(session: Session, value: str) -> None:
    if value:
        session.draft.seed = _whole_number(value, "/seed")
    _tell_settings(session)


def _whole_number(value: str, name: str) -> int:
    try:
        return int(value)
    except ValueError as error:
        allowed = f"Allowed: a whole number, such as {name} 100"
        raise UsageError(f"{name} has {value[:80]!r}.", allowed) from error


def _tell_settings(session: Session) -> None:
    draft = session.draft
    chain = " ".join(each.label for each in draft.samplers) or "none"
    stop = "".join(f', and before "{visible(each)}"' for each in draft.stop)
    length = f"Up to {draft.max_new_tokens:,} tokens{stop}"
    note(f"Samplers: {chain}. {length}. The next seed: {draft.seed}.")


# ---- the text -----------------------------------------------------------------------------------


def _undo(session: Session, _: str) -> None:
    if not session.draft.undo():
        raise UsageError("There is nothing to undo.")
    session.show.changed(session.draft.text)


def _redo(session: Session, _: str) -> None:
    if not session.draft.redo():
        raise UsageError("There is nothing to redo.")
    session.show.changed(session.draft.text)


def _edit(session: Session, _: str) -> None:
    from textgen_core.cli.editor import edit

    session.draft.replace(edit(session.draft.text, is_terminal=session.is_typed))
    session.show.changed(session.draft.text)


def _new(session: Session, _: str) -> None:
    session.draft.replace(session.draft.first_text)
    session.show.changed(session.draft.text)


def _show(session: Session, _: str) -> None:
    session.show.whole(session.draft.text)


def _lines(session: Session, _: str) -> None:
    session.are_own_lines = not session.are_own_lines
    if session.are_own_lines:
        note("What you type is a line of its own from now on. /lines ends that.")
    else:
        note("What you type goes on right after the text from now on.")


# ---- the session --------------------------------------------------------------------------------


def _save(session: Session, value: str) -> None:
    if not value and session.file is None:
        raise UsageError("/save needs a file.", "Allowed: /save FILE")
    save(session, value or str(session.file), replaces=not value)


def _save_over(session: Session, value: str) -> None:
    if not value:
        raise UsageError("/save! needs a file.", "Allowed: /save! FILE")
    save(session, value, replaces=True)


def _help(session: Session, _: str) -> None:
    rows = [(f"/{name} {each.value}".rstrip(), each.help) for name, each in COMMANDS.items()]
    note("\n".join([_LINES, *(f"  {name:16} {text}" for name, text in rows), ""]))
    note(_ESCAPES if session.has_escapes else _NO_ESCAPES)
    _tell_settings(session)


def _quit(session: Session, _: str) -> None:
    session.is_over = True


_LINES = """\
A line goes on right after the text, with its spaces and without its line end; then the model goes
on from the whole text. Enter alone lets it go on. To keep what it wrote, just write on.
Ctrl-C stops the model, and what it wrote by then stays. Commands, of which the beginning is enough:
"""
_ESCAPES = "In a line, \\n is a line end and \\t a tab. A text that begins with / is written //"
_NO_ESCAPES = (
    "In a line, \\n stays as it is, since the training text has such pairs: /lines and /edit make\n"
    "line ends. A text that begins with / is written //"
)
COMMANDS = {  # of two with one beginning, the first is meant by it
    "retry": Command(_retry, "write anew what the model wrote last, with the next seed"),
    "undo": Command(_undo, "take back the last change, yours or the model's"),
    "redo": Command(_redo, "bring back what was undone"),
    "edit": Command(_edit, "change the whole text in your editor (VISUAL or EDITOR)"),
    "new": Command(_new, "begin again; /undo brings the text back"),
    "show": Command(_show, "show the whole text"),
    "lines": Command(_lines, "what you type is a line of its own, as in verse; or no more"),
    "length": Command(_length, "how many tokens the model writes at most", "N"),
    "sampler": Command(_sampler, "other samplers, in their order", "SPEC..."),
    "seed": Command(_seed, "the seed of the next turn; each turn after it has the next seed", "N"),
    "save": Command(_save, "save the text; without FILE where it was saved last", "FILE"),
    "save!": Command(_save_over, "the same, and replace a file that is there", "FILE"),
    "help": Command(_help, "show this"),
    "quit": Command(_quit, "leave, as Ctrl-D does"),
}
