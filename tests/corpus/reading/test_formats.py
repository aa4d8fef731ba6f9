"""A format is recognized by its content, whatever the file is called; prose is never one."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus.reading.corpus import read_corpus
from textgen_core.errors import CorpusError

RECORDS = [{"from": "Ann", "text": f"message number {place}"} for place in range(20)]
LINES = "".join(json.dumps(each) + "\n" for each in RECORDS)
SUBTITLES = "".join(
    f"{place}\r\n00:00:{place:02},000 --> 00:00:{place:02},900\r\nline {place} of it\r\n\r\n"
    for place in range(1, 9)
)
TABLES = {
    "JSON lines": LINES,
    "JSON lines after blank ones": "\n\n" + LINES,
    "one JSON line": json.dumps(RECORDS[0] | {"text": "long " * 50_000}),
    "a JSON array": json.dumps(RECORDS),
    "an indented JSON array": json.dumps(RECORDS, indent=2),
}
WRAPPED = {
    "an HTML page": "\n<!DOCTYPE html>\n<html><body><p>Hello</p></body></html>\n",
    "an HTML page ": "<!-- saved --><HTML lang=en><body>Hello</body></HTML>",
    "an HTML page  ": '<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "x">\n<html></html>',
    "an XML document": '<?xml version="1.0"?>\n<FictionBook>Hello</FictionBook>',
    "an RTF document": "{\\rtf1\\ansi Hello}",
    "a file of subtitles (SubRip)": SUBTITLES,
    "a file of subtitles (WebVTT)": "WEBVTT - title\n\n00:01.000 --> 00:02.000\nHello\n",
    "a JSON document": json.dumps({"name": "x", "messages": RECORDS}, indent=1),
}
PROSE = {
    "a poem in braces": "{ silence }\n\nsnow falls\n{ silence }\n",
    "LaTeX": "{\\bf The beginning}\nwas the word\n",
    "a template": "{{ title }}\n{% for x in y %}\n",
    "a block of C": "{\n  int x = 0;\n}\n",
    "a dictionary of Python": '{"a": 1}\n\nprint("hello")\n',
    "a list of Python": '["a", *others]\n',
    "a quotation": '["Come in," he said.]\n["No," she said.]\n',
    "a footnote": "[1] The first.\n[2] The second.\n",
    "a stage direction": '["Enter Ann"]\nANN. Hello.\n',
    "Markdown with HTML": "<h1 align=center>Title</h1>\n\nText\n",
    "a tag in prose": "<html is a word with which no page begins\n",
    "an email": "<ann@example.org> wrote:\n> Hello\n",
    "a list of years": "1\n1984: the year\n2\n1985: the next\n",
    "an arrow": "1\n00:00 --> 00:01\n",
    "a word": "WEBVTTs are subtitles.\n",
    "JavaScript": "{ a: 1 }\n",
    "numbers": "[1, 2, 3]\n[4, 5, 6]\n",
}


def as_stdin(monkeypatch, data: bytes):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    return "-"


def doors(tmp_path: Path, monkeypatch, content: str, *suffixes: str):
    """Yield the ways by which a text may come."""
    data = content.encode()
    for suffix in (*suffixes, ".txt", ""):
        for name, packed in (f"a{suffix}", data), (f"a{suffix}.gz", gzip.compress(data)):
            (tmp_path / name).write_bytes(packed)
            yield tmp_path / name
    yield as_stdin(monkeypatch, data)


@pytest.mark.parametrize("kind", TABLES)
def test_records_are_asked_for_their_column_however_they_come(tmp_path, monkeypatch, kind):
    suffixes = [".json", ".jsonl"]
    for path in doors(tmp_path, monkeypatch, TABLES[kind], *suffixes):
        with pytest.raises(CorpusError, match="no column of it is named") as caught:
            read_corpus([path], CorpusSettings())
        assert caught.value.allowed == "Its columns: text, from."
    for path in doors(tmp_path, monkeypatch, TABLES[kind], *suffixes):
        corpus = read_corpus([path], CorpusSettings(column="text"))
        assert len(corpus.documents) == (1 if kind == "one JSON line" else 20)
    for path in doors(tmp_path, monkeypatch, TABLES[kind]):
        corpus = read_corpus([path], CorpusSettings(format="text"))
        assert "".join(corpus.documents) == TABLES[kind]


@pytest.mark.parametrize("kind", WRAPPED)
def test_a_text_in_another_format_is_named_for_what_it_is(tmp_path, monkeypatch, kind):
    content = WRAPPED[kind]
    for path in doors(tmp_path, monkeypatch, content, ".html", ".json", ".srt"):
        with pytest.raises(CorpusError) as caught:
            read_corpus([path], CorpusSettings())
        assert f" is {kind.strip()}" in caught.value.problem
        assert "--set corpus.format=text" in caught.value.allowed
        assert len(str(caught.value).splitlines()) == 3
    for path in doors(tmp_path, monkeypatch, content):
        assert read_corpus([path], CorpusSettings(format="text")).documents == [content]


@pytest.mark.parametrize("kind", PROSE)
def test_prose_and_programs_are_plain_text_whatever_they_begin_with(tmp_path, monkeypatch, kind):
    for path in doors(tmp_path, monkeypatch, PROSE[kind], ".md", ".py"):
        corpus = read_corpus([path], CorpusSettings())
        assert corpus.documents == [PROSE[kind]]
        assert corpus.notes == ()


def test_a_part_of_a_page_is_one_where_its_name_says_so(tmp_path):
    (tmp_path / "a.html").write_text("<p>Hello</p>\n")
    (tmp_path / "b.htm").write_text("No tag here.\n")
    (tmp_path / "c.txt").write_text("<p>Hello</p>\n")
    with pytest.raises(CorpusError, match=r"a\.html is an HTML page"):
        read_corpus([tmp_path / "a.html"], CorpusSettings())
    assert read_corpus([tmp_path], CorpusSettings()).documents == [
        "No tag here.\n",
        "<p>Hello</p>\n",
    ]


def test_the_files_of_a_project_are_plain_text():
    """Neither code nor prose that happens to be at hand is taken for anything else."""
    root = Path(__file__).resolve().parents[3]
    files = [*root.glob("textgen_core/*/*.py"), *root.glob("docs/**/*.md"), root / "README.md"]
    assert len(files) > 100
    corpus = read_corpus(files, CorpusSettings())
    assert len(corpus.files) == len([each for each in files if each.stat().st_size])


def test_in_a_folder_other_formats_are_skipped_and_named_but_not_those_that_promise_text(tmp_path):
    (tmp_path / "a.txt").write_text("text\n")
    (tmp_path / "b.html").write_text(WRAPPED["an HTML page"])
    (tmp_path / "c.json").write_text(TABLES["a JSON array"])
    corpus = read_corpus([tmp_path], CorpusSettings())
    assert corpus.documents == ["text\n"]
    assert "b.html: an HTML page." in corpus.notes[0]
    assert "c.json: a table, and corpus.column names no column of it." in corpus.notes[1]
    assert len(read_corpus([tmp_path], CorpusSettings(column="text")).documents) == 21
    (tmp_path / "d.txt").write_text(WRAPPED["an HTML page"])
    with pytest.raises(CorpusError, match=r"d\.txt is an HTML page"):
        read_corpus([tmp_path], CorpusSettings())


@pytest.mark.parametrize(
    ("document", "program"),
    [
        ({"name": "x", "messages": RECORDS}, "'.messages[]'"),
        ({"chats": {"list": [{"id": 1, "messages": RECORDS}]}}, "'.chats.list[].messages[]'"),
        (
            {
                "about": [{"a": 1}],
                "messages": [r | {"parts": [{"t": 1}, {"t": 2}]} for r in RECORDS],
            },
            "'.messages[]'",
        ),
        ({"a": {"b": [1, 2]}, "text": "[{"}, "."),
        ({"it's": RECORDS}, "."),
    ],
)
def test_of_a_json_document_the_way_to_its_records_is_shown(tmp_path, document, program):
    for indent in (1, None) if program != "." else (1,):  # in one line it may be a record
        (tmp_path / "a.json").write_text(json.dumps(document, indent=indent))
        with pytest.raises(CorpusError, match="is a JSON document") as caught:
            read_corpus([tmp_path / "a.json"], CorpusSettings())
        assert f"jq -c {program} FILE | textgen run -" in caught.value.advice
    (tmp_path / "a.json").rename(tmp_path / "a.jsonl")
    with pytest.raises(CorpusError, match=r"a\.jsonl(, line 1 is not JSON| is a table)"):
        read_corpus([tmp_path / "a.jsonl"], CorpusSettings())


def test_the_way_out_of_subtitles_leaves_their_text(tmp_path, monkeypatch):
    (tmp_path / "a.srt").write_bytes(SUBTITLES.encode())
    with pytest.raises(CorpusError) as caught:
        read_corpus([tmp_path / "a.srt"], CorpusSettings())
    command = caught.value.advice.partition(": ")[2].partition(" | textgen")[0]
    done = subprocess.run(
        ["bash", "-c", command.replace("FILE", "a.srt")],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    corpus = read_corpus([as_stdin(monkeypatch, done.stdout)], CorpusSettings())
    assert corpus.documents[0].split() == " ".join(f"line {n} of it" for n in range(1, 9)).split()
