"""Foreign text as a part of an HTML page: escaped, and nothing in it that no page can show."""

from __future__ import annotations

import html

from textgen_core.formatting.text import printable

_LINE_END = "\n"
# In the colours of the page around it, so that it is read in a light notebook and in a dark one.
_TEXT = (
    "white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate;max-width:46rem;"
    "border-left:3px solid #8886;padding:0.2em 0 0.2em 0.9em;margin:0.4em 0;line-height:1.5"
)


def as_html(text: str) -> str:
    """Return a text as the content of an element or the value of a quoted attribute."""
    return html.escape(printable(text))


def text_block(text: str, prompt: str = "") -> str:
    """Return a text with its line breaks, after the prompt that it follows, which is bold."""
    begun = f"<b>{as_html(prompt)}</b>" if prompt.strip() else ""
    return f'<div style="{_TEXT}">{begun}{as_html(text if begun else text.lstrip(_LINE_END))}</div>'
