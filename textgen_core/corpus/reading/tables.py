"""Tables of texts: CSV, TSV and JSON lines, of which one column, or key, holds the documents.

Records are read one at a time, strictly: nothing is guessed but the delimiter of a `.csv`.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from textgen_core.corpus.reading.files import listed, unpacked_name
from textgen_core.corpus.text import is_blank
from textgen_core.errors import CorpusError
from textgen_core.formatting import format_count

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson")
JSON_SUFFIXES = (".jsonl", ".ndjson")
DELIMITERS = ",;\t|"
RECORD = 1 << 24  # characters of a line or a field; a quote that is never closed would not end
SHOWN_COLUMNS, SHOWN = 8, 30
OTHER_WAY = "Or take its lines as text: rename it to .txt"
KINDS = dict.fromkeys((int, float), "a number")
KINDS |= {bool: "true or false", list: "a list", dict: "an object", str: "a text"}


def table_suffix(path: Path) -> str:
    """Return the suffix by which a file is a table, compressed or not, or ""."""
    name = unpacked_name(path)
    return next((suffix for suffix in TABLE_SUFFIXES if name.endswith(suffix)), "")


def read_records(
    texts: Iterable[str], suffix: str, column: str | None, name: str, notes: list[str]
) -> Iterator[str]:
    """Yield the text of `column` in each record of a table; empty ones are counted in `notes`.

    suffix: how the table's name ends; "": a line that begins with `{` is one of JSON. Raises
    CorpusError, naming the line, for a record that is broken or whose column holds no text, and
    for a column that is missing or not named.
    """
    lines = enumerate(_lines(texts, name), start=1)
    number, first = next((line for line in lines if not is_blank(line[1])), (1, ""))
    numbered = chain([(number, first)], lines)
    if suffix in JSON_SUFFIXES or (not suffix and first.lstrip().startswith("{")):
        values = _json_values(numbered, column, name)
    else:
        delimiter = "\t" if suffix == ".tsv" else _delimiter_of(first)
        reader = csv.reader((line for _, line in numbered), delimiter=delimiter, strict=True)
        values = _csv_values(reader, number - 1, column, name)
    blank = 0
    for text in values:
        if is_blank(text):
            blank += 1
        else:
            yield text
    if blank:
        notes.append(f"{name}: skipped {format_count(blank, 'record')} without text in {column!r}.")


def _csv_values(reader: Any, lines_before: int, column: str | None, name: str) -> Iterator[str]:
    """Yield the column's fields of a table as RFC 4180 has it, its first record the header."""
    header, place = list[str](), 0
    while (row := _next_row(reader, lines_before, name)) is not None:
        if not header:
            header, place = row, _place_of(column, row, name) if row else 0
        elif len(row) == len(header):
            yield row[place]
        elif row:
            line, fields = lines_before + reader.line_num, format_count(len(row), "field")
            raise CorpusError(
                f"{name} is damaged: the record that ends in line {line} has {fields}, its header "
                f"{len(header)}.",
                "Allowed: as many fields as the header; one that holds the delimiter is quoted.",
                OTHER_WAY,
            )


def _next_row(reader: Any, lines_before: int, name: str) -> list[str] | None:
    former = csv.field_size_limit(RECORD)  # the limit is one for all readers
    try:
        return next(reader, None)
    except csv.Error as error:
        raise CorpusError(
            f"{name} is damaged: line {lines_before + reader.line_num}: {error}.",
            'Allowed: fields that hold a quote stand in quotes, and double it: "a ""b"" c".',
            OTHER_WAY,
        ) from error
    finally:
        csv.field_size_limit(former)


def _json_values(lines: Iterable[tuple[int, str]], column: str | None, name: str) -> Iterator[str]:
    """Yield the key's value in each line, an object; null is an empty text."""
    for number, line in lines:
        if is_blank(line):
            continue
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
            "Fix the line, or take the file's lines as text: rename it to .txt",
        ) from error
    if isinstance(record, dict):
        return record
    problem = f"{name}, line {number} is {_kind(record)}, not an object."
    allowed = 'Allowed: one JSON object a line, such as {"text": "..."}.'
    raise CorpusError(problem, allowed, OTHER_WAY)


def _place_of(column: str | None, names: Sequence[str], name: str, line: int = 0) -> int:
    """Return where `column` stands among `names`; raise CorpusError unless it is there once."""
    if column is not None and names.count(column) == 1:
        return names.index(column)
    columns = f"Its columns: {listed([_shown(each) for each in names], SHOWN_COLUMNS)}."
    near = difflib.get_close_matches(column or "text", names, n=1) or [*names[:1], "text"]
    problem = f"{name} is a table, and no column of it is named."
    if column is not None:
        where = f"{name}, line {line}," if line > 1 else name
        problem = f"{where} has {'two columns' if column in names else 'no column'} {column!r}."
    advice = f"Name one that holds text: --set corpus.column={_shown(near[0])}"
    raise CorpusError(problem, columns, advice)


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
            problem = f"{name} has a line of more than {RECORD:,} characters."
            raise CorpusError(problem, "Allowed: a table of shorter records.", OTHER_WAY)
    yield from io.StringIO(rest, newline="")


def _kind(value: Any) -> str:
    return KINDS.get(type(value), "null")


def _shown(column: str) -> str:
    short = column if len(column) <= SHOWN else column[: SHOWN - 1] + "…"
    return short if short.isprintable() and short.strip() == short and short else repr(short)
