"""Reads the sections of a docstring in Google's style, such as Args and Returns."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass

_TITLE = re.compile(r"^(Args|Attributes|Returns|Yields|Raises):$", re.MULTILINE)
_ENTRY = re.compile(r"^(\w+): ", re.MULTILINE)
_ARE_LISTS = ("Args", "Attributes", "Raises")


@dataclass(frozen=True)
class Section:
    """One section: its title, its entries by name where it is a list, and else its text."""

    title: str
    entries: dict[str, str]
    text: str = ""


@dataclass(frozen=True)
class Docstring:
    """A docstring taken apart."""

    summary: str
    sections: tuple[Section, ...]

    def section(self, *titles: str) -> Section | None:
        """Return the first section with one of these titles."""
        return next((each for each in self.sections if each.title in titles), None)


def read_docstring(docstring: str) -> Docstring:
    """Return the text before the sections of a cleaned docstring, and its sections."""
    summary, *parts = _TITLE.split(docstring)
    sections = (
        _section(title, inspect.cleandoc("\n" + body))
        for title, body in zip(parts[::2], parts[1::2], strict=True)
    )
    return Docstring(summary=summary.strip(), sections=tuple(sections))


def _section(title: str, body: str) -> Section:
    if title not in _ARE_LISTS:
        return Section(title=title, entries={}, text=body)
    _, *parts = _ENTRY.split(body)
    texts = (inspect.cleandoc("    " + text) for text in parts[1::2])
    return Section(title=title, entries=dict(zip(parts[::2], texts, strict=True)))


def as_markdown(docstring: str) -> Iterator[str]:
    """Yield the parts of a docstring, a list for the entries of each section."""
    read = read_docstring(docstring)
    yield read.summary
    for section in read.sections:
        if section.text:
            yield f"**{section.title}:** {section.text}"
        else:
            entries = (_item(name, text) for name, text in section.entries.items())
            yield "\n".join([f"**{section.title}:**", "", *entries])


def _item(name: str, text: str) -> str:
    """Return an item of a list, whose further lines are indented under it."""
    return f"- `{name}`: " + text.replace("\n", "\n  ")
