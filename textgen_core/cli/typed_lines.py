"""The lines that a person types, or that a script brings through a pipe."""

from __future__ import annotations

import sys
from contextlib import suppress

from textgen_core.cli.options import decode, longest_text
from textgen_core.cli.output import is_terminal
from textgen_core.errors import UsageError


class TypedLines:
    """Lines of stdin: with a prompt and line editing, if it and stdout are a terminal."""

    def __init__(self) -> None:
        self.are_typed = is_terminal() and sys.stdin.isatty()
        if self.are_typed:
            with suppress(ImportError):  # Windows has an editor of its own
                import readline  # noqa: F401 - `input` uses it once it is there
            with suppress(AttributeError):
                sys.stdin.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]

    def read(self, prompt: str) -> str | None:
        """Return the next line without its end, None after the last.

        Raises:
            UsageError: it is too long, or cannot be read.
            KeyboardInterrupt: Ctrl-C cleared it.
        """
        if self.are_typed:
            try:
                line = input(prompt)
            except (EOFError, OSError):  # Ctrl-D, or a terminal that was hung up
                return None
            return decode(line.encode("utf-8", errors="surrogateescape"), "The line")
        try:
            data = sys.stdin.buffer.readline(longest_text() + 3)
        except OSError as error:
            raise UsageError(f"stdin cannot be read: {error.strerror or error}.") from error
        ended = data.removesuffix(b"\n").removesuffix(b"\r")
        if len(ended) > longest_text():
            raise UsageError("A line of stdin is too long.", f"Allowed: {longest_text():,} bytes.")
        return decode(ended, "The line") if data else None
