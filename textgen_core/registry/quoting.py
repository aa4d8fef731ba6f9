"""Lists and single quotes in the text of an option.

A quote opens at the start of a value and closes at its end, so apostrophes are no quotes.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

# A quoted value (after `=`, a comma or the start, before a comma or the end), or a comma.
_QUOTED_OR_COMMA = re.compile(r"(?:(?<=[=,])|^)\s*'.*?'(?=\s*(?:,|$))|,", re.DOTALL)


class SpecText(str):
    """The text of an option in a spec, where single quotes protect commas; elsewhere they stay."""

    __slots__ = ()


def plain_text(value: Any) -> Any:
    """Return a text without the quotes that protected it in a spec; other values as they are."""
    return str(unquote(value)) if isinstance(value, SpecText) else value


def split_list(text: str) -> list[str]:
    """Split a list's text at its commas, outside single quotes, and drop the quotes."""
    if not text.strip():
        return []
    borders = [-1, *unquoted_commas(text), len(text)]
    return [unquote(text[start + 1 : end]) for start, end in pairwise(borders)]


def unquoted_commas(text: str) -> list[int]:
    """Return where the commas are that no pair of single quotes protects."""
    return [match.start() for match in _QUOTED_OR_COMMA.finditer(text) if match.group() == ","]


def unquote(text: str) -> str:
    """Return a text without the pair of single quotes around it, if there is one."""
    bare = text.strip()
    return bare[1:-1] if len(bare) > 1 and bare[0] == bare[-1] == "'" else text
