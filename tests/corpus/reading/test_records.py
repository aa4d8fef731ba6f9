"""Records with gaps: those without text are counted, parts are joined, and nothing else stops."""

from __future__ import annotations

import json
import shlex

import pytest

from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus.reading import lines
from textgen_core.corpus.reading.corpus import read_corpus
from textgen_core.corpus.reading.values import MISSING, value_at
from textgen_core.errors import CorpusError

TEXTS = [{"id": f"r{place}", "text": f"message number {place}"} for place in range(100)]


def as_lines(records: list) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def read(tmp_path, content: str, name: str = "chat.jsonl", **settings):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8", newline="")
    return read_corpus([path], CorpusSettings(**{"column": "text"} | settings))


def refusal(tmp_path, content: str, name: str = "chat.jsonl", **settings) -> CorpusError:
    with pytest.raises(CorpusError) as caught:
        read(tmp_path, content, name, **settings)
    assert len(str(caught.value).splitlines()) == 3
    return caught.value


@pytest.mark.parametrize(
    ("odd", "note"),
    [
        ({"id": "r"}, "skipped 3 records without text in 'text'"),
        ({"id": "r", "text": None}, "skipped 3 records without text in 'text'"),
        ({"id": "r", "text": []}, "skipped 3 records whose 'text' is a list, not text"),
        ({"id": "r", "text": [1, {"url": "x"}]}, "whose 'text' is a list, not text"),
        ({"id": "r", "text": 7}, "skipped 3 records whose 'text' is a number, not text"),
        ({"id": "r", "text": True}, "skipped 3 records whose 'text' is true or false, not text"),
        ({"id": "r", "text": {"a": "b"}}, "skipped 3 records whose 'text' is an object, not text"),
        ({"type": "header", "version": 2}, "skipped 3 records without text in 'text'"),
        (42, "skipped 3 records that are no objects, the first in line 1"),
        (["a"], "skipped 3 records that are no objects, the first in line 1"),
        ("a", "skipped 3 records that are no objects, the first in line 1"),
        (None, "skipped 3 records that are no objects, the first in line 1"),
    ],
)
def test_a_record_without_text_is_skipped_and_counted_wherever_it_stands(tmp_path, odd, note):
    records = [odd, *TEXTS[:50], odd, *TEXTS[50:], odd]
    for name, content in ("a.jsonl", as_lines(records)), ("a.json", json.dumps(records)):
        corpus = read(tmp_path, content, name)
        assert corpus.documents == [each["text"] for each in TEXTS]
        assert len(corpus.notes) == 1
        assert note in corpus.notes[0]


def test_the_parts_of_a_text_are_joined_as_they_stand(tmp_path):
    parts = ["a ", {"type": "bold", "text": "b"}, {"type": "image", "url": "x"}, None, " c"]
    assert read(tmp_path, as_lines([{"text": parts}])).documents == ["a b c"]


@pytest.mark.parametrize("cut", [1, 2, 5, 14, 20, 30])
@pytest.mark.parametrize("is_array", [False, True])
def test_a_last_record_that_is_cut_off_is_left_out_and_said(tmp_path, cut, is_array):
    records = [*TEXTS[:5], {"text": 'é "quoted" \\ and \n more', "n": [1.5e3, True, None]}]
    content = json.dumps(records, indent=1) if is_array else as_lines(records)
    end = len(content.rstrip("]\n }"))
    corpus = read(tmp_path, content[: end - cut])
    assert corpus.documents == [each["text"] for each in TEXTS[:5]]
    line = content[:end].count("\n", 0, content.rindex('{"' if not is_array else "{")) + 1
    assert f"left out its last record, in line {line}, which is cut off." in corpus.notes[0]


def test_a_broken_record_within_an_array_is_an_error_that_names_its_line(tmp_path):
    content = json.dumps(TEXTS, indent=1).replace('"r70",', '"r70"')
    error = refusal(tmp_path, content, "chat.json")
    assert "the record that begins in line 282 is not JSON" in error.problem
    assert "text follows its array" in refusal(tmp_path, '[{"text": "a"}]\nend', "a.json").problem


def test_a_path_leads_into_objects_and_lists_and_null_on_the_way_is_null():
    record = {"a": {"b": [{"c": "d"}], "e.f": 1}, "a.b": {"e": 2}, "none": None}
    assert value_at(record, "a.b") == {"e": 2}  # the key that holds a dot goes first
    assert value_at(record, "a.b.e") == 2
    assert value_at(record, "a.b.0.c") == "d"
    assert value_at(record, "a.e.f") == 1
    assert value_at({"a": {"b": [{"c": "d"}]}}, "a.b.0.c") == "d"
    assert value_at({"a": {"b": []}}, "a.b.0.c") is MISSING
    assert value_at(record, "none.b.c") is None
    assert value_at({"a": "text"}, "a.b") is MISSING
    assert value_at(record, "x.y") is MISSING


def test_null_in_the_middle_of_a_path_is_a_record_without_text(tmp_path):
    records = [{"message": {"text": each["text"]}} for each in TEXTS]
    corpus = read(tmp_path, as_lines([{"message": None}, *records]), column="message.text")
    assert len(corpus.documents) == 100
    assert "skipped 1 record without text in 'message.text'" in corpus.notes[0]


def test_the_column_suggested_is_the_one_with_the_most_text(tmp_path):
    records = [{"type": "header", "title": "A long title of all of it"}] + [
        {"id": f"a{place}", "type": "message", "body": {"text": "some words " * 5}}
        for place in range(50)
    ]
    for column in (None, "reviews"):
        error = refusal(tmp_path, as_lines(records), column=column)
        assert error.allowed == "Its columns: body.text, type, title, id."
        assert error.advice == "Name one that holds text: --set corpus.column=body.text"
    error = refusal(tmp_path, as_lines(records), column="tilte")
    assert error.problem.endswith("has no column 'tilte' in any of 51 records.")
    assert error.advice.endswith("--set corpus.column=title")
    error = refusal(tmp_path, as_lines(records), column="body")
    assert "'body' is an object, not text, in 50 of 51 records" in error.problem
    assert error.advice.endswith("--set corpus.column=body.text")


def test_a_name_that_is_suggested_can_be_pasted_into_a_shell(tmp_path):
    records = [{"user": "Ann B", "what's said": "some words of a long message"}]
    advice = refusal(tmp_path, as_lines(records), column=None).advice
    words = shlex.split(advice.replace(";", ""))
    assert "corpus.column=what's said" in words
    assert "corpus.template={user}: {what's said}" in words


def test_a_document_in_one_long_line_is_told_how_its_records_are_taken_out(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "RECORD", 1000)
    content = json.dumps({"messages": TEXTS})
    assert "jq -c '.messages[]'" in refusal(tmp_path, content, "a.json").advice


@pytest.mark.parametrize(
    ("name", "content", "column"),
    [
        ("a.jsonl", as_lines([{"id": "x1", "at": "2026-01-02T03:04", "t": "some text"}]), "t"),
        ("a.json", json.dumps([{"n": 3, "message": {"text": ["some", " text"]}}]), "message.text"),
        ("a.csv", "id,t\n1,some text\n", "t"),
        ("a.tsv", "word\nsome text\n", "word"),
    ],
)
def test_the_only_column_with_text_is_taken_and_said(tmp_path, name, content, column):
    corpus = read(tmp_path, content, name, column=None)
    assert corpus.documents == ["some text"]
    assert corpus.notes[0].endswith(f"took the column {column}, the only one that holds text.")


def test_an_array_of_texts_needs_no_column(tmp_path):
    corpus = read(tmp_path, '["one", "two words", ""]', "a.json", column=None)
    assert corpus.documents == ["one", "two words"]


def test_a_table_of_which_most_is_skipped_names_its_other_columns(tmp_path):
    records = [{"text": "one"}, *({"body": "two words"} for _ in range(3))]
    notes = read(tmp_path, as_lines(records)).notes
    assert notes[1].endswith("more records were skipped than used. Its columns: body, text.")


# ---- CSV and TSV ------------------------------------------------------------------------------


def quoted_dialogue(delimiter: str) -> str:
    rows = [f"{place}{delimiter}line of text {place}" for place in range(2000)]
    rows[500] = f'500{delimiter}"Come in'
    rows[503] = f'503{delimiter}he said"'
    return f"id{delimiter}text\n" + "".join(row + "\n" for row in rows)


def test_in_tab_separated_values_a_quote_is_a_letter(tmp_path):
    corpus = read(tmp_path, quoted_dialogue("\t"), "a.tsv")
    assert len(corpus.documents) == 2000
    assert corpus.documents[500] == '"Come in'
    assert corpus.notes == ()
    content = 'id\ttext\n1\t"Come in" he said\n2\t"Come in"\n'
    corpus = read(tmp_path, content, "a.tsv")
    assert corpus.documents == ['"Come in" he said', '"Come in"']
    assert "the quotes around fields of 1 record are letters" in corpus.notes[0]
    assert "corpus.format=csv" in corpus.notes[0]


def test_a_tsv_that_is_quoted_as_csv_is_read_so_where_it_says_so(tmp_path):
    quoted = '"id"\t"text"\n"1"\t"a ""b""\nc"\n'
    assert read(tmp_path, quoted, "a.tsv").documents == ['a "b"\nc']
    half = 'id\ttext\n1\t"a ""b""\nc"\n'
    assert "--set corpus.format=csv" in refusal(tmp_path, half, "a.tsv").advice
    assert read(tmp_path, half, "a.tsv", format="csv").documents == ['a "b"\nc']


def test_a_csv_field_over_several_lines_is_noted_with_its_first_line(tmp_path):
    corpus = read(tmp_path, quoted_dialogue(","), "a.csv")
    assert len(corpus.documents) == 1997
    note = "1 record with a quoted field over several lines; the longest, of 4 lines, begins in "
    assert note + "line 502." in corpus.notes[0]


def test_a_quote_inside_a_field_that_is_not_quoted_is_a_letter(tmp_path):
    content = 'id;text\r\n1;the "old" house, and\r\n2;5" wide\r\n'
    assert read(tmp_path, content, "a.csv").documents == ['the "old" house, and', '5" wide']


def test_the_line_by_which_a_spreadsheet_names_its_delimiter_is_understood(tmp_path):
    content = "\ufeffsep=;\r\nid;text, all\r\n1;one, two\r\n"
    corpus = read(tmp_path, content, "a.csv", column="text, all")
    assert corpus.documents == ["one, two"]


def test_nul_characters_in_a_table_are_dropped_and_said(tmp_path):
    rows = "".join(f"{place},row number {place} of all\n" for place in range(100))
    corpus = read(tmp_path, "id,text\n" + rows + "100,on\0e\n", "a.csv")
    assert corpus.documents[-1] == "one"
    assert "dropped 1 NUL character" in corpus.notes[0]


def test_what_a_pipe_or_a_text_file_holds_may_be_said(tmp_path):
    content = "id,text\n1,one\n2,two\n"
    assert read(tmp_path, content, "a.txt", format="csv").documents == ["one", "two"]
    assert "corpus.format=csv" in read(tmp_path, content, "a.txt").notes[0]
    content = as_lines(TEXTS)
    for name in ("a.txt", "a.jsonl"):
        assert read(tmp_path, content, name, format="text", column=None).documents == [content]
