"""Which columns there are, by the first records of a table, and which of them hold text.

So a message can name the columns, and suggest one; and the only one that holds text is taken.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from textgen_core.corpus.reading.files import listed
from textgen_core.corpus.reading.json_records import Record
from textgen_core.corpus.reading.values import NoText, text_of
from textgen_core.errors import CorpusError
from textgen_core.formatting import shell_word

MOST_RECORDS, MOST_CHARACTERS = 1000, 1 << 20  # that are looked at
DEEPEST = 4  # keys within keys
SHOWN_COLUMNS, SHOWN = 8, 30
SPEAKERS = ("from", "speaker", "role", "author", "sender", "user", "username", "name", "nick")


class Survey:
    """The columns of a table's first records, and how many characters of text each has."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self.texts: dict[str, int] = dict.fromkeys(names, 0)
        self.holds_bare_texts = False  # its records are texts themselves
        self.messages: dict[str, Survey] = {}  # of columns that hold lists of objects

    def look_at(self, records: Iterable[Record]) -> Iterator[Record]:
        """Return all the records, after a look at the first ones."""
        seen, rest, characters = list[Record](), iter(records), 0
        while len(seen) < MOST_RECORDS and characters < MOST_CHARACTERS:
            record = next(rest, None)
            if record is None:
                break
            seen.append(record)
            characters += self.add(record.value)
        self.holds_bare_texts = bool(seen) and all(isinstance(each.value, str) for each in seen)
        return chain(seen, rest)

    def add(self, value: Any, path: str = "", depth: int = 0) -> int:
        """Take one value, at a path; return how many characters of text it holds."""
        if isinstance(value, dict) and depth < DEEPEST:
            before = f"{path}." if path else ""
            return sum(self.add(each, before + key, depth + 1) for key, each in value.items())
        if not path:
            return 0
        self.texts.setdefault(path, 0)
        if isinstance(value, list) and any(isinstance(each, dict) for each in value):
            within = self.messages.setdefault(path, Survey())
            for each in value:
                within.add(each)
        try:
            text = text_of(value, path)
        except NoText:
            return 0
        self.texts[path] += len(text) * _is_prose(text)
        return len(text)

    def with_text(self) -> list[str]:
        """Return the columns that hold text, the one with the most first."""
        named = (name for name, size in self.texts.items() if size)
        return sorted(named, key=lambda name: -self.texts[name])

    def only_candidate(self, but: str | None = None) -> str | None:
        """Return the only column there is, or the only one that holds text; None if several do."""
        for names in (list(self.texts), self.with_text()):
            found = [name for name in names if name != but]
            if len(found) == 1 and not self.messages:
                return found[0]
        return None

    def columns(self) -> str:
        """Return a sentence that names the columns, those with text first."""
        names = [*self.with_text(), *(name for name, size in self.texts.items() if not size)]
        if not names:
            return "Allowed: records that are JSON objects, with a text in them."
        return f"Its columns: {listed([shown_column(each) for each in names], SHOWN_COLUMNS)}."

    def missing(self, key: str, problem: str, setting: str) -> CorpusError:
        """Return the error for a key that is not there, or holds no text; `setting` names it."""
        near = [] if key in self.texts else difflib.get_close_matches(key, self.texts, n=1)
        if setting == "column":
            return CorpusError(problem, self.columns(), self.advice(near))
        advice = f"Name one: {_set('group_by', near[0] if near else '...')}"
        if setting == "template":
            advice = f"Name them in braces: {_set('template', self.template())}"
        return CorpusError(problem, self.columns(), advice)

    def advice(self, near: Sequence[str] = ()) -> str:
        """Return how the text is named: by `near`, else by the column with the most text."""
        best = next(iter((*near, *self.with_text())), "")
        for name, within in self.messages.items():
            if not near and sum(within.texts.values()) > self.texts.get(best, 0):
                return f"Name both: {_set('column', name)} {_set('template', within.template())}"
        advice = f"Name one that holds text: {_set('column', best or 'text')}"
        if not near and self._speaker() not in ("", best):
            advice += f"; of a chat: {_set('template', self.template())}"
        return advice

    def template(self) -> str:
        """Return a template of who speaks, where that is known, and the column with most text."""
        text = next((name for name in self.with_text() if name != self._speaker()), "text")
        names = [name for name in (self._speaker(), text) if name]
        return ": ".join(f"{{{name}}}" for name in names)

    def _speaker(self) -> str:
        return next((name for name in SPEAKERS if name in self.texts), "")


def shown_column(column: str) -> str:
    """Return a column's name, short and printable."""
    short = column if len(column) <= SHOWN else column[: SHOWN - 1] + "…"
    return short if short.isprintable() and short.strip() == short and short else repr(short)


def _set(key: str, value: str) -> str:
    return f"--set {shell_word(f'corpus.{key}={value}')}"


def _is_prose(text: str) -> bool:
    """Return whether a text may be one to train on: letters, and no mere name, date or address."""
    has_letters = any(map(str.isalpha, text[:1000]))
    words = text.split(maxsplit=1)
    is_code = len(words) == 1 and not words[0].strip(".,;:!?…\"'()").isalpha() and text.isascii()
    return has_letters and not is_code
