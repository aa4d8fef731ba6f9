"""JSON as records: one value a line, or an array of them, read one at a time.

An array is a stream too: its size does not matter, only that of its largest record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from textgen_core.corpus.reading.lines import RECORD, numbered_lines
from textgen_core.corpus.text import is_blank
from textgen_core.errors import CorpusError

BETWEEN = re.compile(r"[\s,]*")
ONE_LONG_LINE = (
    "Take its records out, by the name of their list: jq -c '.messages[]' FILE | textgen run -"
)
LONGEST_ESCAPE = 6  # characters of \u00e9: an error this near to the end may be the end's


class Record(NamedTuple):
    """A value, in a table mostly an object, and the line that it begins in."""

    line: int
    value: Any


def json_lines(texts: Iterable[str], name: str, notes: list[str]) -> Iterator[Record]:
    """Yield the value in each line; a last one that was cut off is noted.

    Raises CorpusError, naming the line, for another one that is not JSON.
    """
    is_first = True
    for number, line in numbered_lines(texts, name, ONE_LONG_LINE):
        if is_blank(line):
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            has_end = line.endswith(("\n", "\r"))
            if is_first or has_end or not _is_cut_off(error, line):
                raise _broken(f"{name}, line {number} is not JSON", error) from error
            notes.append(_last_left_out(name, number))
            return
        is_first = False
        yield Record(number, value)


def json_array(texts: Iterable[str], name: str, notes: list[str]) -> Iterator[Record]:
    """Yield the values of one array; a last one that was cut off is noted.

    Raises CorpusError, naming the line, where it is not JSON, and for a record without end.
    """
    pieces = iter(texts)
    rest, line, is_first = "", 1, True
    while "[" not in rest and (text := next(pieces, None)) is not None:
        rest += text
    at = rest.find("[") + 1
    line += rest.count("\n", 0, at)
    while True:
        start = BETWEEN.match(rest, at).end()  # type: ignore[union-attr]
        line += rest.count("\n", at, start)
        at = start
        if rest.startswith("]", at):
            break
        try:
            value, end = _whole_value(rest, at)
        except (ValueError, RecursionError) as error:
            text = next(pieces, None) if _is_cut_off(error, rest) else None
            if text is not None and len(rest) - at <= RECORD:
                rest, at = rest[at:] + text, 0
                continue
            if is_first or not _is_cut_off(error, rest) or text is not None:
                problem = f"{name}: the record that begins in line {line} is not JSON"
                raise _broken(problem, error) from error
            notes.append(_last_left_out(name, line))
            return
        is_first = False
        yield Record(line, value)
        line += rest.count("\n", at, end)
        at = end
    if any([not is_blank(rest[at + 1 :]), *(not is_blank(text) for text in pieces)]):
        raise _broken(f"{name}: text follows its array, which ends in line {line}", None)


def _whole_value(text: str, at: int) -> tuple[Any, int]:
    """Return the value that begins at `at`, and its end; ValueError if it may go on."""
    value, end = json.JSONDecoder().raw_decode(text, at)
    if end == len(text):
        raise json.JSONDecodeError("it is cut off", text, end)
    return value, end


def _is_cut_off(error: Exception, text: str) -> bool:
    """Return whether `text` is wrong only in that it ends."""
    return isinstance(error, json.JSONDecodeError) and (
        error.msg.startswith("Unterminated string") or error.pos >= len(text) - LONGEST_ESCAPE
    )


def _last_left_out(name: str, line: int) -> str:
    return f"{name}: left out its last record, in line {line}, which is cut off."


def _broken(problem: str, error: Exception | None) -> CorpusError:
    reason = ": it cannot be read" if error is not None else ""
    if isinstance(error, json.JSONDecodeError):
        reason = f": {error.msg}"
    return CorpusError(
        f"{problem}{reason}.",
        "Allowed: one JSON object a line, or one array of objects.",
        "Leave broken lines out: jq -cR 'fromjson? | objects' FILE | textgen run -; "
        "or take them as text: --set corpus.format=text",
    )
