"""Lines and texts laid out for a console: as wide as a terminal is, as they are elsewhere.

A finding that is too long hangs below its beginning. A text that a model wrote stands behind a bar,
so that nobody takes it for a line of the log; its own line breaks and indentation stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.text import Text

from textgen_core.cli.console import Console
from textgen_core.formatting import printable

_NAME = re.compile(r" *(?:\S+(?: \S+)*  +)?")  # of a finding in two columns, or an indent
_NARROWEST = 24  # columns that are left to the text of a finding


def show_finding(console: Console, line: str, style: str = "", *, head: str = "  ") -> None:
    """Print a line; what a terminal is too narrow for hangs below its beginning, between words.

    head: what stands before it; what follows is indented as far.
    """
    name = _NAME.match(line)
    indent = len(head) + (name.end() if name else 0)
    if not console.is_terminal or not line:
        console.print(Text(head + line if line else "", style=style))
        return
    if console.width - indent < _NARROWEST:
        indent = len(head)
    whole = Text(line[indent - len(head) :], style=style)
    for number, part in enumerate(whole.wrap(console, console.width - indent)):
        part.rstrip()
        before = head + line[: indent - len(head)] if number == 0 else " " * indent
        console.print(Text(before, style=style) + part)


def show_written(
    console: Console, text: str, *, style: str = "", bar: str = "dim", most: int | None = None
) -> None:
    """Print a text behind a bar, without the empty lines around it.

    bar: the style of the bar. most: how many lines are shown at most.
    """
    lines = list(_lines(console, printable(text).strip("\n")))
    for line in lines:
        line.rstrip()
    if most is not None and len(lines) > most:
        del lines[most:]
        while len(lines) > 1 and not lines[-1].plain:
            lines.pop()
        lines[-1].append(" …")
    for line in lines:
        shown = Text.assemble(("  " + _bar(console), bar), line)
        shown.stylize(style, 4)
        console.print(shown)


def _lines(console: Console, text: str) -> Iterator[Text]:
    """Yield the lines of a text, cut to the width that the bar leaves of a terminal."""
    for line in text.expandtabs(4).split("\n"):
        if console.is_terminal and line.strip():
            yield from Text(line).wrap(console, max(1, console.width - 6))
        else:
            yield Text(line)


def _bar(console: Console) -> str:
    """Return the bar, in what the stream can encode."""
    try:
        "│".encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        return "| "
    return "│ "
