"""Tables of texts: CSV, TSV and JSON lines, of which one column, or key, holds the documents.

Records are read one at a time, strictly: nothing is guessed but the delimiter of a `.csv`. This
module knows nothing about encodings or compression.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from textgen_core.corpus.reading.documents import count_of, is_blank
from textgen_core.corpus.reading.files import listed
from textgen_core.corpus.reading.unpack import PACKED_SUFFIXES
from textgen_core.errors import CorpusError

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson")
JSON_SUFFIXES = (".jsonl", ".ndjson")
DELIMITERS = ",;\t|"
RECORD = 1 << 24  # characters of a line or a field; a quote that is never closed goes on for ever
SHOWN_COLUMNS, SHOWN = 8, 30
OTHER_WAY = "Or take its lines as text: rename it to .txt"


def table_suffix(path: Path) -> str:
    """Return the suffix by which a file is a table, compressed or not, or nothing."""
    name = path.name.lower()
    for suffix in PACKED_SUFFIXES:
        name = name.removesuffix(suffix)
    return next((suffix for suffix in TABLE_SUFFIXES if name.endswith(suffix)), "")


def read_records(
    texts: Iterable[str], suffix: str, column: str | None, name: str, notes: list[str]
) -> Iterator[str]:
    """Yield the text of `column` in each record of a table; empty ones are counted in `notes`.

    suffix: how the table's name ends; nothing: a line that begins with `{` is one of JSON. Raises
    CorpusError, naming the line, for a record that is broken or whose column holds no text, and
    for a column that is missing or not named.
    """
    lines = _Lines(texts, name)
    if suffix in JSON_SUFFIXES or (not suffix and lines.first.lstrip().startswith("{")):
        values = _json_values(lines, column, name)
    else:
        delimiter = "\t" if suffix == ".tsv" else _delimiter_of(lines.first)
        values = _csv_values(lines, column, name, delimiter)
    blank = 0
    for text in values:
        if is_blank(text):
            blank += 1
        else:
            yield text
    if blank:
        notes.append(f"{name}: skipped {count_of(blank, 'record')} without text in {column!r}.")


class _Lines:
    """The lines of a table with their ends, from its first that is not blank, and their number."""

    def __init__(self, texts: Iterable[str], name: str) -> None:
        self.number = 0
        self._lines = _lines(texts, name)
        self.first = ""
        while is_blank(self.first) and (line := next(self._lines, "")):
            self.first = line
            self.number += 1
        self._waiting = not is_blank(self.first)

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self._waiting:
            self._waiting = False
            return self.first
        line = next(self._lines)
        self.number += 1
        return line


def _csv_values(lines: _Lines, column: str | None, name: str, delimiter: str) -> Iterator[str]:
    """Yield the column's fields of a table as RFC 4180 has it, its first record the header."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    rows = _rows(reader, lines, name)
    header = next(rows, None)
    if header is None:
        return
    place = _place_of(column, header, name)
    for row in rows:
        if len(row) == len(header):
            yield row[place]
        elif row:
            raise CorpusError(
                f"{name} is damaged: the record that ends in line {lines.number} has "
                f"{count_of(len(row), 'field')}, its header {len(header)}.",
                "Allowed: records of as many fields as the header; a field that holds the "
                "delimiter stands in quotes.",
                OTHER_WAY,
            )


def _rows(reader: Any, lines: _Lines, name: str) -> Iterator[list[str]]:
    while True:
        former = csv.field_size_limit(RECORD)  # the limit is one for all readers
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise CorpusError(
                f"{name} is damaged: line {lines.number}: {error}.",
                'Allowed: fields that hold a quote stand in quotes, and double it: "a ""b"" c".',
                OTHER_WAY,
            ) from error
        finally:
            csv.field_size_limit(former)
        if row is None:
            return
        yield row


def _json_values(lines: _Lines, column: str | None, name: str) -> Iterator[str]:
    """Yield the key's value in each line, an object; null is an empty text."""
    for line in lines:
        if is_blank(line):
            continue
        number = lines.number
        record = _object(line, number, name)
        _place_of(column, list(record), name, number)
        value = record[column or ""]
        if not (value is None or isinstance(value, str)):
            raise CorpusError(
                f"{name}, line {number}: {column!r} is {_kind(value)}, not text.",
                "Allowed: a text, or null, which is skipped.",
                "Name a column of texts: --set corpus.column=...",
            )
        yield value or ""


def _object(line: str, number: int, name: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "it cannot be read"
        raise CorpusError(
            f"{name}, line {number} is not JSON: {reason}.",
            "Allowed: one JSON object a line.",
            "Mend the line, or take the file's lines as text: rename it to .txt",
        ) from error
    if isinstance(record, dict):
        return record
    raise CorpusError(
        f"{name}, line {number} is {_kind(record)}, not an object.",
        'Allowed: one JSON object a line, such as {"text": "..."}.',
        OTHER_WAY,
    )


def _place_of(column: str | None, names: Sequence[str], name: str, line: int = 0) -> int:
    """Return where `column` stands among `names`; raise CorpusError unless it is there once."""
    if column is not None and names.count(column) == 1:
        return names.index(column)
    columns = f"Its columns: {listed([_shown(each) for each in names], SHOWN_COLUMNS)}."
    where = f"{name}, line {line}," if line > 1 else name
    near = difflib.get_close_matches(column or "text", names, n=1) or list(names[:1]) or ["text"]
    if column is None:
        raise CorpusError(
            f"{name} is a table, and no column of it is named.",
            columns,
            f"Name the one that holds the text: --set corpus.column={_shown(near[0])}",
        )
    fault = "has two columns" if column in names else "has no column"
    raise CorpusError(
        f"{where} {fault} {column!r}.",
        columns,
        f"Name one that holds text: --set corpus.column={_shown(near[0])}",
    )


def _delimiter_of(header: str) -> str:
    """Return the delimiter that makes most columns of a header; a comma where none does."""

    def columns(delimiter: str) -> int:
        try:
            return len(next(csv.reader([header], delimiter=delimiter), []))
        except csv.Error:
            return 0

    return max(DELIMITERS, key=columns)


def _lines(texts: Iterable[str], name: str) -> Iterator[str]:
    """Yield lines with their ends (LF, CRLF or CR), wherever the pieces of the text end."""
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
                OTHER_WAY,
            )
    yield from io.StringIO(rest, newline="")


def _kind(value: Any) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a number", list: "a list"}
    return {**kinds, dict: "an object", str: "a text"}.get(type(value), "null")


def _shown(column: str) -> str:
    short = column if len(column) <= SHOWN else column[: SHOWN - 1] + "…"
    return short if short.isprintable() and short.strip() == short and short else repr(short)
