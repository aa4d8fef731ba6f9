"""The lines of a text that comes in pieces, none of them longer than a record may be."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

from textgen_core.errors import CorpusError

OTHER_WAY = "Or take its lines as text: --set corpus.format=text"
RECORD = 1 << 24  # characters of a line or a field; a quote that is never closed would not end


def numbered_lines(
    texts: Iterable[str], name: str, advice: str = OTHER_WAY
) -> Iterator[tuple[int, str]]:
    """Yield lines with their numbers and ends (LF, CRLF or CR), wherever the pieces end.

    advice: what helps where a line is too long for a record.
    """
    return enumerate(_lines(texts, name, advice), start=1)


def _lines(texts: Iterable[str], name: str, advice: str) -> Iterator[str]:
    rest = ""
    for text in texts:
        *whole, rest = [*io.StringIO(rest + text, newline=""), ""]
        if whole and not whole[-1].endswith("\n"):  # it goes on, or its CR is half of an end
            rest = whole.pop()
        yield from whole
        if len(rest) > RECORD:
            raise CorpusError(
                f"{name} has a line of more than {RECORD:,} characters.",
                "Allowed: a table of shorter records.",
                advice,
            )
    yield from io.StringIO(rest, newline="")
