"""The consoles of rich: tables, bars and the live view, through the same door as `output`."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment

from textgen_core.formatting import printable


class Console(RichConsole):
    """A console that makes every text harmless: only rich itself controls the terminal."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the segments of what is shown, the text of each made harmless."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else printable(text), style, control)


def stdout() -> Console:
    """Return the console of results."""
    return Console(file=sys.stdout, highlight=False, markup=False, soft_wrap=True)


def stderr() -> Console:
    """Return the console of progress and warnings."""
    return Console(file=sys.stderr, highlight=False, markup=False, soft_wrap=True)
