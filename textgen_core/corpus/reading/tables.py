"""Tables of texts: CSV, TSV, JSON lines and JSON arrays, whose records become documents.

A record without text is skipped and counted; what is damaged is an error that names the line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import attrs

from textgen_core.corpus.documents import Piece
from textgen_core.corpus.reading.conversations import Conversations
from textgen_core.corpus.reading.csv_records import CsvTable
from textgen_core.corpus.reading.formats import CSV, JSON_ARRAY, TSV
from textgen_core.corpus.reading.json_records import Record, json_array, json_lines
from textgen_core.corpus.reading.lines import OTHER_WAY
from textgen_core.corpus.reading.survey import Survey, shown_column
from textgen_core.corpus.reading.values import MISSING, Layout, NoText, RecordTexts, value_at
from textgen_core.errors import CorpusError
from textgen_core.formatting import format_count


class UnnamedColumn(CorpusError):
    """A table of which no column is named, though several could be."""


def read_records(
    texts: Iterable[str], format: str, layout: Layout, name: str, notes: list[str]
) -> Iterator[Piece]:
    """Yield the documents of a table, in pieces; what there is to say about it goes to `notes`.

    Raises CorpusError for a table that is damaged, for a column that is missing or not named, and
    for one in which no record holds text.
    """
    table: CsvTable | None = None
    if format in (CSV, TSV):
        table = CsvTable(texts, name, notes, has_quotes=format == CSV)
        records = table.records()
    else:
        records = (json_array if format == JSON_ARRAY else json_lines)(texts, name, notes)
    survey = Survey(table.header if table else ())
    all_records = survey.look_at(records)
    if not layout.text_keys:
        layout = _with_only_candidate(layout, survey, name, notes)
    if table and table.header:
        _check_header(table.header, layout, survey, name)
    reading = _Reading(name, layout, survey)
    yield from reading.documents(all_records)
    notes += reading.notes()
    if not reading.used:
        reading.refuse()


def _with_only_candidate(layout: Layout, survey: Survey, name: str, notes: list[str]) -> Layout:
    if survey.holds_bare_texts or not survey.texts:
        return layout
    column = survey.only_candidate(but=layout.group_by)
    if column is None or not layout.take_only_column:
        problem = f"{name} is a table, and no column of it is named."
        raise UnnamedColumn(problem, survey.columns(), survey.advice())
    notes.append(f"{name}: took the column {shown_column(column)}, the only one that holds text.")
    return attrs.evolve(layout, column=column)


def _check_header(header: list[str], layout: Layout, survey: Survey, name: str) -> None:
    for key in layout.keys:
        if header.count(key) != 1:
            problem = f"{name} has {'two columns' if key in header else 'no column'} {key!r}."
            raise survey.missing(key, problem, layout.setting_of(key))


class _Reading:
    """The records of a table that have become text, and those that have not."""

    def __init__(self, name: str, layout: Layout, survey: Survey) -> None:
        self._name, self._layout, self._survey = name, layout, survey
        self._texts = RecordTexts(layout)
        self._lacks: Counter[tuple[str, str]] = Counter()  # by key, and by what was there instead
        self._found: set[str] = set()  # keys
        self._no_objects = self._first_no_object = 0
        self.used = 0
        self._documents = 0

    def documents(self, records: Iterable[Record]) -> Iterator[Piece]:
        """Yield the documents of records, in pieces."""
        groups = Conversations()
        for record in records:
            found = self._text(record)
            if found is None:
                continue
            self.used += 1
            group, text = found
            if group is None:
                yield Piece(text, True)
            else:
                groups.add(group, text)
        self._documents = len(groups)
        yield from groups.pieces()

    def notes(self) -> Iterator[str]:
        """Yield a sentence on each thing that was left out or changed."""
        name, texts = self._name, self._texts
        for (key, kind), count in self._lacks.items():
            why = f"whose {key!r} is {kind}, not text" if kind else f"without text in {key!r}"
            yield f"{name}: skipped {format_count(count, 'record')} {why}."
        if self._no_objects:
            records, line = format_count(self._no_objects, "record"), self._first_no_object
            yield f"{name}: skipped {records} that are no objects, the first in line {line}."
        if self._skipped > self.used and len(self._survey.with_text()) > 1:
            yield f"{name}: more records were skipped than used. {self._survey.columns()}"
        if texts.left_out:
            yield f"{name}: left out {format_count(texts.left_out, 'message')} without text."
        if texts.folded:
            folded = format_count(texts.folded, "text")
            yield f"{name}: {folded} of several lines became one line each."
        if self._documents:
            messages = format_count(self.used, "record")
            documents = format_count(self._documents, "document")
            yield f"{name}: {messages} became {documents} by {self._layout.group_by!r}."

    def refuse(self) -> None:
        """Raise CorpusError for a table without text, unless its texts are merely empty."""
        records = format_count(self._skipped, "record")
        for key, kind in self._lacks:
            if key not in self._found:
                problem = f"{self._name} has no column {key!r} in any of {records}."
            elif kind:
                count = self._lacks[key, kind]
                problem = f"{self._name}: {key!r} is {kind}, not text, in {count:,} of {records}."
            elif key == self._layout.column and self._layout.holds_messages:
                problem = f"{self._name}: no message in {key!r} has what the template names."
                survey = self._survey.messages.get(key, self._survey)
                raise survey.missing(key, problem, "template")
            else:
                continue
            raise self._survey.missing(key, problem, self._layout.setting_of(key))
        if self._no_objects and not self._lacks:
            problem = f"{self._name} holds no JSON object in any of {records}."
            raise CorpusError(problem, 'Allowed: objects such as {"text": "..."}.', OTHER_WAY)

    @property
    def _skipped(self) -> int:
        return sum(self._lacks.values()) + self._no_objects

    def _text(self, record: Record) -> tuple[str | None, str] | None:
        """Return the group and the text of a record; None if it lacks one of them."""
        is_text = isinstance(record.value, str) and not self._layout.keys
        if not (is_text or isinstance(record.value, dict)):
            self._first_no_object = self._first_no_object or record.line
            self._no_objects += 1
            return None
        try:
            return self._texts.group(record.value), self._texts.text(record.value)
        except NoText as lack:
            has = (key for key in self._layout.keys if value_at(record.value, key) is not MISSING)
            self._found.update(has)
            self._lacks[lack.key, lack.kind] += 1
            return None
