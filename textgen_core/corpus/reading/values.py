"""What a record says: the value at a key, the text in a value, and a record as one text."""

from __future__ import annotations

import json
import re
from typing import Any

import attrs

from textgen_core.config.settings import CorpusSettings
from textgen_core.config.template import Part, parse_template
from textgen_core.corpus.text import is_blank

MISSING = object()  # no such key; null is None
KINDS = dict.fromkeys((int, float), "a number")
KINDS |= {bool: "true or false", list: "a list", dict: "an object", str: "a text"}
# Whatever a reader of the text could take for the end of a line.
LINE_BREAK = r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]"
HAS_LINE_BREAK, LINE_BREAKS = re.compile(LINE_BREAK), re.compile(rf"\s*{LINE_BREAK}\s*")


class NoText(Exception):
    """A record without text: `key` is where it lacks, `kind` what is there instead, or ""."""

    def __init__(self, key: str, kind: str = "") -> None:
        super().__init__(key, kind)
        self.key, self.kind = key, kind


@attrs.frozen(kw_only=True)
class Layout:
    """How a record becomes a text: from one column, or from several by a template.

    With both, the column holds a list of messages, and the template makes a line of each.
    """

    column: str | None = None
    template: tuple[Part, ...] = ()
    group_by: str | None = None
    take_only_column: bool = True  # where nothing is named, and one column holds text

    @classmethod
    def of(cls, settings: CorpusSettings) -> Layout:
        """Return the layout that the settings name; of no text, if they name none."""
        template = parse_template(settings.template) if settings.template is not None else ()
        return cls(column=settings.column, template=template, group_by=settings.group_by)

    @property
    def text_keys(self) -> tuple[str, ...]:
        """The keys of a record that its text is made of; none if nothing says which."""
        if self.column is not None:
            return (self.column,)
        return tuple(dict.fromkeys(part.key for part in self.template if part.key))

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that a record needs."""
        return (*self.text_keys, *([] if self.group_by is None else [self.group_by]))

    def setting_of(self, key: str) -> str:
        """Return the setting that names a key."""
        if key in self.text_keys:
            return "template" if self.column is None else "column"
        return "group_by"

    @property
    def holds_messages(self) -> bool:
        """Whether a record holds a list of messages."""
        return self.column is not None and bool(self.template)

    @property
    def makes_lines(self) -> bool:
        """Whether several texts become one document, in which a line break would pass for an end.

        So a second line of a message cannot look like what somebody else said.
        """
        return self.holds_messages or self.group_by is not None


@attrs.define
class RecordTexts:
    """Makes texts of records, and counts what it left out or changed."""

    layout: Layout
    folded: int = 0  # texts of several lines
    left_out: int = 0  # messages without text, of records that hold several

    def text(self, record: Any) -> str:
        """Return the text of a record; raises NoText."""
        layout = self.layout
        if isinstance(record, str):
            return text_of(record, "text")
        if not layout.text_keys:
            raise NoText("text")
        if layout.column is None:
            return self._fill(record)
        value = value_at(record, layout.column)
        if not layout.template:
            text = text_of(value, layout.column)
            return self._one_line(text) if layout.makes_lines else text
        if not isinstance(value, list):
            raise NoText(layout.column, "" if value in (None, MISSING) else kind_of(value))
        if messages := self._messages(value):
            return "\n".join(messages)
        raise NoText(layout.column)

    def group(self, record: Any) -> str | None:
        """Return what tells the document of a record, None if nothing does; raises NoText."""
        if self.layout.group_by is None:
            return None
        value = value_at(record, self.layout.group_by)
        if isinstance(value, (str, int, float)) and value != "":
            return str(value)
        raise NoText(self.layout.group_by, "" if value in (None, MISSING, "") else kind_of(value))

    def _messages(self, values: list[Any]) -> list[str]:
        texts = []
        for value in values:
            try:
                texts.append(self._fill(value))
            except NoText:
                self.left_out += 1
        return texts

    def _fill(self, record: Any) -> str:
        """Return the template with its names replaced by what they stand for in a record."""
        texts = [
            _shown_value(value_at(record, part.key), part.key) if part.key else ""
            for part in self.layout.template
        ]
        if self.layout.makes_lines:
            texts = list(map(self._one_line, texts))
        parts = zip(self.layout.template, texts, strict=True)
        return "".join(part.literal + text for part, text in parts)

    def _one_line(self, text: str) -> str:
        line = text.strip()
        if not HAS_LINE_BREAK.search(line):
            return line
        self.folded += 1
        return LINE_BREAKS.sub(" ", line)


def value_at(record: Any, path: str) -> Any:
    """Return what stands at a key, or at a path such as `message.text`, or MISSING.

    A key that holds a dot itself goes first; in a list a number is a place. Null anywhere on the
    way is null.
    """
    if record is None:
        return None
    if isinstance(record, list):
        head, _, rest = path.partition(".")
        if not (head.isdecimal() and len(head) < 9 and int(head) < len(record)):
            return MISSING
        return value_at(record[int(head)], rest) if rest else record[int(head)]
    if not isinstance(record, dict):
        return MISSING
    if path in record:
        return record[path]
    for dot in (place for place, letter in enumerate(path) if letter == "."):
        if path[:dot] in record:
            found = value_at(record[path[:dot]], path[dot + 1 :])
            if found is not MISSING:
                return found
    return MISSING


def text_of(value: Any, key: str) -> str:
    """Return a text, or the parts of one joined; raises NoText for anything else and for blanks."""
    text = value
    if isinstance(value, list):
        text = "".join(map(_part, value)) or value
    if not isinstance(text, str):
        raise NoText(key, "" if value is None or value is MISSING else kind_of(value))
    if is_blank(text):
        raise NoText(key)
    return text


def kind_of(value: Any) -> str:
    """Return what a value is, in words."""
    return KINDS.get(type(value), "null")


def _part(value: Any) -> str:
    """Return one part of a text: as it is, or under the key `text`; other parts hold none."""
    part = value.get("text") if isinstance(value, dict) else value
    return part if isinstance(part, str) else ""


def _shown_value(value: Any, key: str) -> str:
    return json.dumps(value) if isinstance(value, (bool, int, float)) else text_of(value, key)
