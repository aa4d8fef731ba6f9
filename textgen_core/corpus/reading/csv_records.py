"""CSV and TSV as records: the first row names the columns, and nothing is guessed but a delimiter.

CSV has quotes as in RFC 4180. In tab-separated values a quote is a letter like any other.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Literal

from textgen_core.corpus.reading.json_records import Record
from textgen_core.corpus.reading.lines import OTHER_WAY, RECORD, numbered_lines
from textgen_core.corpus.text import is_blank
from textgen_core.errors import CorpusError
from textgen_core.formatting import format_count

DELIMITERS = ",;\t|"
NAMED_DELIMITER = re.compile(r"\ufeff?sep=(.)\s*", re.IGNORECASE)  # a first line of spreadsheets
QUOTED_TSV = "If fields are quoted as in CSV: --set corpus.format=csv; as text: corpus.format=text"


class CsvTable:
    """A table whose `header` is read, and whose records come once."""

    def __init__(
        self, texts: Iterable[str], name: str, notes: list[str], *, has_quotes: bool
    ) -> None:
        self._name, self._notes = name, notes
        lines = numbered_lines(texts, name)
        blank = (1, "")
        number, first = next((line for line in lines if not is_blank(line[1])), blank)
        # A header that is quoted throughout says that quotes are not letters here.
        has_quotes = has_quotes or all(map(_is_quoted, first.strip().split("\t")))
        self._has_quotes = has_quotes
        named = NAMED_DELIMITER.fullmatch(first) if has_quotes else None
        if named:
            number, first = next(lines, blank)
        delimiter = (named[1] if named else _delimiter_of(first)) if has_quotes else "\t"
        self._lines_before = number - 1
        rows = chain((first,), (line for _, line in lines))
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if has_quotes else csv.QUOTE_NONE
        self._reader = csv.reader(rows, delimiter=delimiter, quoting=quoting, strict=True)
        self.header = self._next_row() or []

    def records(self) -> Iterator[Record]:
        """Yield each row by the names of its fields; raises CorpusError for a damaged one."""
        several, longest, longest_at, quoted = 0, 1, 0, 0
        before = self._line
        while (row := self._next_row()) is not None:
            lines, first, before = self._line - before, before + 1, self._line
            if len(row) == len(self.header):
                yield Record(first, dict(zip(self.header, row, strict=True)))
            elif row:
                raise self._ragged(len(row))
            several += lines > 1
            quoted += not self._has_quotes and any(map(_is_quoted, row))
            if lines > longest:
                longest, longest_at = lines, first
        if several:
            self._notes.append(
                f"{self._name}: {format_count(several, 'record')} with a quoted field over several "
                f"lines; the longest, of {longest:,} lines, begins in line {longest_at}."
            )
        if quoted:
            self._notes.append(
                f"{self._name}: the quotes around fields of {format_count(quoted, 'record')} are "
                "letters, as in all tab-separated values; corpus.format=csv takes them away."
            )

    @property
    def _line(self) -> int:
        return self._lines_before + int(self._reader.line_num)

    def _next_row(self) -> list[str] | None:
        former = csv.field_size_limit(RECORD)  # the limit is one for all readers
        begins = self._line + 1
        try:
            return next(self._reader, None)
        except csv.Error as error:
            ends = self._line
            where = f"line {ends}" if ends <= begins else f"the record in lines {begins} to {ends}"
            raise CorpusError(
                f"{self._name} is damaged: {where}: {error}.",
                'Allowed: fields that hold a quote stand in quotes, and double it: "a ""b"" c".',
                OTHER_WAY,
            ) from error
        finally:
            csv.field_size_limit(former)

    def _ragged(self, fields: int) -> CorpusError:
        return CorpusError(
            f"{self._name} is damaged: the record that ends in line {self._line} has "
            f"{format_count(fields, 'field')}, its header {len(self.header)}.",
            "Allowed: as many fields as the header; in CSV one that holds a delimiter is quoted.",
            OTHER_WAY if self._has_quotes else QUOTED_TSV,
        )


def _is_quoted(field: str) -> bool:
    return len(field) > 1 and field[0] == field[-1] == '"'


def _delimiter_of(header: str) -> str:
    """Return the delimiter that makes most columns of a header; a comma where none does."""

    def columns(delimiter: str) -> int:
        try:
            return len(next(csv.reader([header], delimiter=delimiter), []))
        except csv.Error:
            return 0

    return max(DELIMITERS, key=columns)
