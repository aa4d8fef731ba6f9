"""The user's own editor, with a text in it."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from textgen_core.cli.interrupts import interrupts_ignored
from textgen_core.errors import UsageError

_ALLOWED = "Allowed: a program in VISUAL or EDITOR, such as EDITOR=nano textgen generate ..."


def edit(text: str, *, is_terminal: bool) -> str:
    """Return a text as a person left it in the program that VISUAL or EDITOR names.

    Editors end the last line of a file, so that one line end more than the text has is written,
    and taken away again. is_terminal: whether the editor may read the keyboard.

    Raises:
        UsageError: there is no such program, or it failed.
    """
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not command:
        raise UsageError("No editor is set.", _ALLOWED)
    with tempfile.TemporaryDirectory(prefix="textgen-") as folder:
        path = Path(folder) / "text.txt"
        path.write_text(text + "\n", encoding="utf-8", errors="replace", newline="\n")
        try:
            words = shlex.split(command, posix=os.name != "nt")
            with interrupts_ignored():
                stdin = None if is_terminal else subprocess.DEVNULL
                status = subprocess.run([*words, path], stdin=stdin, check=False).returncode
            edited = path.read_text(encoding="utf-8", errors="replace")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(f"The editor {command!r} failed: {reason}.", _ALLOWED) from error
    if status:
        raise UsageError(f"The editor {command!r} ended with status {status}.", "Nothing changed.")
    return edited.removesuffix("\n")
