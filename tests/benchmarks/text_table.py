"""A table as aligned Markdown, so that it reads well in a terminal and can be pasted into docs."""

from __future__ import annotations

from collections.abc import Sequence


def render_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the table; every row has a text for each column."""
    lines = [columns, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(columns))]
    rendered = [
        "| " + " | ".join(f"{text:<{width}}" for text, width in zip(line, widths)) + " |"
        for line in lines
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([rendered[0], rule, *rendered[1:]])
