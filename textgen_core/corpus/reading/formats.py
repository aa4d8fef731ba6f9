"""What a text is by its first characters: plain, or one of the formats that wrap text.

A name may be missing (a pipe) or wrong, so the content decides. Only what cannot be prose or a
program is recognized; for the rest, and to overrule it, there is `corpus.format`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from textgen_core.corpus.reading.files import unpacked_name
from textgen_core.errors import CorpusError

PLAIN, CSV, TSV, JSON_LINES = "text", "csv", "tsv", "jsonl"
HTML = "an HTML page"
JSON, JSON_ARRAY, JSON_DOCUMENT = "json", "a JSON array", "a JSON document"
TABLES = (CSV, TSV, JSON_LINES, JSON_ARRAY)
SUFFIXES = {".csv": CSV, ".tsv": TSV, ".jsonl": JSON_LINES, ".ndjson": JSON_LINES}
SUFFIXES |= {".json": JSON}  # its content says which kind
SUFFIXES |= dict.fromkeys((".html", ".htm", ".xhtml"), HTML)  # if there is a tag at its start
TABLE_NAMES = ".csv, .tsv, .jsonl, .ndjson, a JSON array"

STRING = r'"(?:[^"\\\n]|\\.)*+"'
OBJECT = rf'\{{\s*{STRING}\s*:\s*(?:["\[{{\d-]|true|false|null)'
OBJECTS = re.compile(OBJECT)
TOKENS = re.compile(rf'"(?P<key>(?:[^"\\\n]|\\.)*+)"\s*:|{STRING}|[{{}}\[\]]')
SIMPLE_PLACE = re.compile(r"(?:\.[A-Za-z_][A-Za-z_0-9]*|\[\])+")
ARRAY = re.compile(rf"\[\s*(?:{OBJECT}|{STRING}\s*(?:,\s*{STRING}\s*[,\]]|\]\s*\Z))")
COMMENTS = r"(?:\s*<!--.*?-->)*+\s*"
FROM_SUBTITLES = (
    r"Take out the lines: grep -vE '^[0-9]+[[:space:]]*$|-->|^WEBVTT' FILE | textgen run -"
)
FROM_MARKUP = "Take out its text: pandoc -t plain FILE | textgen run -"
# What marks a text in another format, what that is, and how to come by its text.
MARKS = (
    (r"\{\\rtf\d?\\", "an RTF document", "Save it as plain text from the program that opens it."),
    (
        rf"(?:<\?xml[^>]*>)?{COMMENTS}(?:<!doctype\s+html\b|<html(?:\s[^<>]*)?>)",
        HTML,
        FROM_MARKUP,
    ),
    (r"<\?xml\s", "an XML document", FROM_MARKUP),
    (r"WEBVTT(?:[ \t].*)?[\r\n]", "a file of subtitles (WebVTT)", FROM_SUBTITLES),
    (
        r"\d+[ \t]*[\r\n]+\d+:\d\d:\d\d[,.]\d{1,3} +--> +\d",
        "a file of subtitles (SubRip)",
        FROM_SUBTITLES,
    ),
)
PATTERNS = tuple((re.compile(mark, re.IGNORECASE), kind, advice) for mark, kind, advice in MARKS)


class Wrapped(CorpusError):
    """Text in a format from which it has to be taken out; `kind` says which."""

    def __init__(self, name: str, kind: str, advice: str) -> None:
        super().__init__(
            f"{name} is {kind}.",
            "Allowed: plain text; or take it as it is, marks and all: --set corpus.format=text",
            advice,
        )
        self.kind = kind


def format_by_name(path: Path) -> str:
    """Return the format that a file's name says, compressed or not; plain text if it says none."""
    suffix = Path(unpacked_name(path)).suffix
    return SUFFIXES.get(suffix, PLAIN)


def format_of(head: str, named: str, name: str, has_layout: bool) -> str:
    """Return the format of a text that begins with `head`, in a file of the format `named`.

    has_layout: whether columns of records are named, which one record in one line may have.
    Raises `Wrapped` for one that is neither plain text nor a table.
    """
    if named in (CSV, TSV):
        return named
    start = head.lstrip()
    for pattern, kind, advice in PATTERNS:
        if pattern.match(start):
            raise Wrapped(name, kind, advice)
    if named == HTML and start.startswith("<"):
        raise Wrapped(name, HTML, FROM_MARKUP)
    is_array = named == JSON and start.startswith("[")
    found = JSON_ARRAY if is_array else _json_format(start)
    if found == JSON_LINES and not has_layout and _is_one_line_of_lists(start):
        found = JSON_DOCUMENT
    if found == JSON_DOCUMENT and named != JSON_LINES:
        raise Wrapped(name, f"{JSON_DOCUMENT}, not a table of records", _ways_into(start))
    if named == JSON_LINES and found in (PLAIN, JSON_DOCUMENT):
        return JSON_LINES
    return found


def _json_format(start: str) -> str:
    """Return which kind of JSON a text is that begins so, or plain text."""
    if ARRAY.match(start):
        return JSON_ARRAY
    if not OBJECTS.match(start):
        return PLAIN
    first, _, rest = start.partition("\n")
    second = rest.lstrip().partition("\n")[0]
    if not second:
        return JSON_LINES  # one line, perhaps longer than what is known of it
    if _is_object(first):
        return JSON_LINES if second.startswith("{") else PLAIN
    return JSON_LINES if OBJECTS.match(second) else JSON_DOCUMENT


def _is_one_line_of_lists(start: str) -> bool:
    """Return whether a text is one object in one line, of which a list holds the records."""
    return not start.partition("\n")[2].strip() and bool(_longest_list(start))


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _ways_into(start: str) -> str:
    """Return the command that takes the records out of a JSON document, by how it begins."""
    path = _longest_list(start)
    program = f"'{path}'" if path else "."
    return f"Take out its records, one a line: jq -c {program} FILE | textgen run -"


def _longest_list(start: str) -> str:
    """Return the place of the longest list of objects in a JSON text, as jq names it, or ""."""
    open_values: list[tuple[str, int]] = []  # the place of each, and -1 or how many objects
    found: dict[str, int] = {}
    key = ""
    for token in TOKENS.finditer(start):
        if token[0] in "}]":
            if open_values:
                open_values.pop()
        elif token[0] in "{[":
            place, objects = open_values[-1] if open_values else ("", -1)
            if objects >= 0:
                open_values[-1] = place, objects + 1
                found[place] = max(found.get(place, 0), objects + (token[0] == "{"))
            else:
                place += f".{key}" if open_values else ""
            is_list = token[0] == "["
            open_values.append((place + "[]" * is_list, 0 if is_list else -1))
        elif token["key"] is not None:
            key = token["key"]
    best = max(found, key=lambda place: found[place], default="")
    return best if SIMPLE_PLACE.fullmatch(best) else ""
