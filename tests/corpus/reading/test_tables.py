"""Tables of texts: each record's column is a document, or an error that names the line."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus.cleaning.clean import clean_corpus
from textgen_core.corpus.reading import csv_records, lines
from textgen_core.corpus.reading.corpus import read_corpus
from textgen_core.corpus.reading.formats import JSON_ARRAY, SUFFIXES
from textgen_core.corpus.reading.tables import read_records
from textgen_core.corpus.reading.values import Layout
from textgen_core.errors import CorpusError

TEXT = CorpusSettings(column="text")


def values(content: str, suffix: str, column: str | None = "text", size: int = 1 << 20, **others):
    notes: list[str] = []
    texts = (content[start : start + size] for start in range(0, len(content), size))
    layout = Layout.of(CorpusSettings(column=column, **others))
    form = JSON_ARRAY if suffix == ".json" else SUFFIXES[suffix]
    documents, text = [], ""
    for piece in read_records(texts, form, layout, "table" + suffix, notes):
        text += piece.text
        if piece.ends_document:
            documents.append(text)
            text = ""
    assert not text
    return documents, notes


def fault(content: str, suffix: str, column: str | None = "text") -> CorpusError:
    with pytest.raises(CorpusError) as caught:
        values(content, suffix, column)
    assert len(str(caught.value).splitlines()) == 3
    return caught.value


@pytest.mark.parametrize("delimiter", ",;\t|")
def test_a_csv_may_have_any_usual_delimiter(delimiter):
    content = f"id{delimiter}text\n1{delimiter}one\n2{delimiter}two\n"
    assert values(content, ".csv")[0] == ["one", "two"]


def test_a_tsv_has_tabs_whatever_else_is_in_it():
    assert values("a, b, c\ttext\n1\tone, two\n", ".tsv")[0] == ["one, two"]


TEXTS = st.lists(st.text(alphabet='ab ,;"\n\r\té\x0b\u2028', max_size=9), max_size=6)


@given(texts=TEXTS, size=st.integers(1, 9))
def test_what_csv_writes_is_read_to_the_last_character(texts, size):
    buffer = io.StringIO(newline="")
    table = csv.writer(buffer)
    table.writerow(["id", "text", "more, or less"])
    table.writerows([str(place), text, "x"] for place, text in enumerate(texts))
    assert values(buffer.getvalue(), ".csv", size=size)[0] == [t for t in texts if t.strip()]


@given(texts=TEXTS, size=st.integers(1, 9))
def test_what_json_writes_is_read_to_the_last_character(texts, size):
    lines = [json.dumps({"text": text, "n": 1}, ensure_ascii=False) for text in texts]
    for end in ("\n", "\r\n"):
        content = "".join(line + end for line in lines)
        assert values(content, ".jsonl", size=size)[0] == [t for t in texts if t.strip()]
        array = "[\n " + f",{end}".join(lines) + f"{end}]{end}"
        assert values(array, ".json", size=size)[0] == [t for t in texts if t.strip()]


def test_records_without_text_are_skipped_and_counted():
    content = '{"text": null}\n\n{"text": ""}\n{"text": "a"}\n{"text": " \\n"}\n'
    assert values(content, ".ndjson") == (
        ["a"],
        ["table.ndjson: skipped 3 records without text in 'text'."],
    )
    assert values("id,text\n1,\n2,a\n\n", ".csv") == (
        ["a"],
        ["table.csv: skipped 1 record without text in 'text'."],
    )


def test_a_table_of_no_column_that_is_named_names_its_columns_and_the_flag():
    error = fault("id,body,title\n1,a,b\n", ".csv", None)
    assert error.problem == "table.csv is a table, and no column of it is named."
    assert error.allowed == "Its columns: body, title, id."
    assert "--set corpus.column=" in error.advice
    error = fault('{"id": "b", "text": "a longer one"}\n', ".jsonl", None)
    assert error.allowed == "Its columns: text, id."
    assert error.advice.endswith("--set corpus.column=text")


def test_a_missing_column_is_told_with_those_there_are():
    error = fault("id,tekst\n1,a\n", ".csv")
    assert error.problem == "table.csv has no column 'text'."
    assert error.advice.endswith("--set corpus.column=tekst")
    error = fault('{"id": 1}\n{"body": "b", "tags": []}\n', ".jsonl")
    assert error.problem == "table.jsonl has no column 'text' in any of 2 records."
    assert error.allowed == "Its columns: body, id, tags."
    assert error.advice.endswith("--set corpus.column=body")
    assert "two columns 'text'" in fault("text,text\na,b\n", ".csv").problem


def test_names_of_columns_are_shown_few_short_and_printable():
    names = ["a\nb", "x" * 50, *(f"c{place}" for place in range(20))]
    error = fault(json.dumps(dict.fromkeys(names)), ".jsonl")
    assert r"'a\nb'" in error.allowed
    assert "and 14 more" in error.allowed
    assert len(error.allowed) < 150


@pytest.mark.parametrize("line", ['{"text": "a"', "[" * 100_000, "1" * 5000, '{"text" "a"}'])
@pytest.mark.parametrize("end", ["\n", '\n{"text": "b"}', "\n\n{"])
def test_a_broken_line_of_json_is_told_with_its_number(line, end):
    error = fault('\n{"text": "a"}\n' + line + end, ".jsonl")
    assert "table.jsonl, line 3 is not JSON" in error.problem
    assert "jq -cR" in error.advice


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("id,text\n1,a\n2,b,c\n", "line 3 has 3 fields, its header 2"),
        ("id,text\n1\n", "line 2 has 1 field, its header 2"),
        ('id,text\n1,"a\n2,b\n', "the record in lines 2 to 3: unexpected end of data"),
        ('id,text\n1,"a"b\n', "line 2: ',' expected after '\"'"),
    ],
)
def test_a_broken_record_is_told_with_its_line(content, words):
    assert words in fault(content, ".csv").problem


def test_a_record_without_end_is_not_gathered_for_ever(monkeypatch):
    for module in (lines, csv_records):
        monkeypatch.setattr(module, "RECORD", 1000)
    assert "field larger" in fault('text\n"' + "a\n" * 1000, ".csv").problem
    with pytest.raises(CorpusError, match="a line of more than 1,000 characters"):
        values("text\n" + "a" * 2000, ".csv", size=100)
    assert csv.field_size_limit() == 131072


def test_long_fields_are_read():
    long = "word " * 100_000
    assert values(f"text\n{long}\n", ".csv")[0] == [long]


def test_each_record_is_a_document_of_the_corpus_whatever_documents_are(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "one\\n\\ntwo"}\n{"text": "three"}\n')
    for documents in ("file", "blank-line", "record"):
        corpus = read_corpus([path], CorpusSettings(column="text", documents=documents))
        assert corpus.documents == ("one\n\ntwo", "three")
    assert len(corpus.files) == 1


@pytest.mark.parametrize("name", ["a.csv.gz", "a.CSV", "a.csv"])
def test_a_table_may_be_compressed(tmp_path, name):
    data = b"id,text\n1,one\n2,two\n"
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    assert read_corpus([tmp_path / name], TEXT).documents == ("one", "two")


def test_a_table_called_txt_is_plain_text(tmp_path):
    (tmp_path / "a.txt").write_text("id,text\n1,one\n")
    for settings in (CorpusSettings(), TEXT):
        assert read_corpus([tmp_path / "a.txt"], settings).documents == ("id,text\n1,one\n",)


def test_a_column_that_no_file_has_any_use_for_is_said(tmp_path):
    (tmp_path / "a.txt").write_text("one")
    assert "corpus.column is not used" in read_corpus([tmp_path / "a.txt"], TEXT).notes[0]
    assert read_corpus([tmp_path / "a.txt"], CorpusSettings()).notes == ()


@pytest.mark.parametrize(
    "data", [b'{"text": "one"}\n{"text": "two"}\n', b"id,text\n1,one\n2,two\n"]
)
def test_standard_input_is_a_table_where_a_column_is_named(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    assert read_corpus(["-"], TEXT).documents == ("one", "two")


@pytest.mark.parametrize("content", ["", "\n", "id,text\n", "id,text\n1,\n"])
def test_a_table_without_text_is_an_error(tmp_path, content):
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(CorpusError, match=r"a\.csv (is empty|holds no text in its column)"):
        read_corpus([tmp_path / "a.csv"], TEXT)


def test_a_folder_passes_over_tables_of_which_no_column_is_named(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    (tmp_path / "b.csv").write_text("id,text\n1,one\n")
    corpus = read_corpus([tmp_path], CorpusSettings())
    assert corpus.documents == ("text",)
    assert "b.csv: a table, and corpus.column names no column of it." in corpus.notes[0]
    assert read_corpus([tmp_path], TEXT).documents == ("text", "one")


def test_a_folder_of_such_tables_alone_is_read_or_names_the_columns(tmp_path):
    (tmp_path / "b.csv").write_text("id,text\n1,one\n")
    corpus = read_corpus([tmp_path], CorpusSettings())
    assert corpus.documents == ("one",)
    assert "took the column text, the only one that holds text" in corpus.notes[0]
    (tmp_path / "c.csv").write_text("title,text\nfirst,one\n")
    with pytest.raises(CorpusError, match=r"c\.csv is a table, and no column") as caught:
        read_corpus([tmp_path], CorpusSettings())
    assert caught.value.allowed == "Its columns: title, text."


def test_a_fault_late_in_a_table_leaves_none_of_its_documents(tmp_path):
    (tmp_path / "data.jsonl").write_text('{"text": "a"}\n' * 100 + "{\n")
    with pytest.raises(CorpusError, match="line 101"):
        read_corpus([tmp_path], TEXT)


def test_a_lone_surrogate_is_replaced_by_cleaning(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a\\ud800b \\ud83d\\ude00"}\n')
    corpus = clean_corpus(read_corpus([tmp_path / "a.jsonl"], TEXT), TEXT)
    assert corpus.documents == ("a\ufffdb 😀",)
    assert corpus.notes == ("Surrogates: 1 lone surrogate replaced by U+FFFD.",)
