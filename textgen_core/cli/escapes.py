r"""`\n` and `\t` in an argument, which a shell passes on as two characters."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from textgen_core.cli.output import note
from textgen_core.errors import TextgenError

if TYPE_CHECKING:
    from textgen_core.pipeline.opened_run import Run

ESCAPES = {"\\n": "\n", "\\t": "\t"}
NAMES = {"\\n": "a line end", "\\t": "a tab"}


def holds_escapes(run: Run) -> bool:
    """Return whether a run's training text holds such pairs, or may hold them for all we know."""
    from textgen_core.runs import RunDirectory, read_json

    try:
        analysis = read_json(RunDirectory(run.directory).analysis)
    except TextgenError:
        return True
    return not isinstance(analysis, dict) or bool(analysis.get("escapes", True))


def read_escapes(text: str, option: str, *, in_text: bool) -> str:
    r"""Return an argument with `\n` and `\t` read as what they stand for elsewhere.

    Args:
        text: the argument.
        option: what the note calls it, such as `--stop`.
        in_text: whether the training text holds such pairs of characters, so that they may be
            meant as they are.

    Returns:
        The text; as it was where the training text holds such pairs. A note says what was done,
        and how to write it for this shell.
    """
    found = [escape for escape in ESCAPES if escape in text]
    if not found:
        return text
    read = replace_escapes(text)
    named = " and ".join(f"{escape} as {NAMES[escape]}" for escape in found)
    written = f"{option} {shell_text(read)}"
    if in_text:
        pairs = " and ".join(found)
        note(f"{option} has {pairs} as two characters, which the training text holds too.")
        note(f"To write {' and '.join(NAMES[each] for each in found)} in this shell: {written}")
        return text
    note(f"{option}: read {named}. In this shell that is {written}")
    return read


def replace_escapes(text: str) -> str:
    """Return a text with each pair in place of which another character stands elsewhere."""
    for escape, character in ESCAPES.items():
        text = text.replace(escape, character)
    return text


def shell_text(text: str) -> str:
    """Return a text with line ends and tabs as it is written for the user's shell."""
    shell = Path(os.environ.get("SHELL", "")).name
    escaped = {"\n": "\\n", "\t": "\\t"}
    if shell == "fish":  # knows escapes outside of quotes alone
        parts = (escaped.get(each, _escaped(each, " '\"\\$()*?<>|&;#~{}[]")) for each in text)
        return "".join(parts)
    if os.name == "nt" and not shell:  # PowerShell; cmd has no way
        ticks = {"\n": "`n", "\t": "`t"}
        return '"' + "".join(ticks.get(each, _escaped(each, '"$`', "`")) for each in text) + '"'
    return "$'" + "".join(escaped.get(each, _escaped(each, "\\'")) for each in text) + "'"


def _escaped(character: str, special: str, mark: str = "\\") -> str:
    return mark + character if character in special else character
