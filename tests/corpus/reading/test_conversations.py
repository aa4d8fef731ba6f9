"""Records of one key become one document, a line each, wherever they stand in the table."""

from __future__ import annotations

import json
import re
import tracemalloc
from collections import defaultdict

import pytest
from cli.in_process import run_here
from hypothesis import given, settings
from hypothesis import strategies as st

from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus.reading import conversations
from textgen_core.corpus.reading.conversations import Conversations
from textgen_core.corpus.reading.corpus import read_corpus
from textgen_core.errors import CorpusError

CHAT = [
    {"room": 1, "from": "Ann", "text": "hello"},
    {"room": 2, "from": "Cem", "text": "who is there?"},
    {"room": 1, "from": "Ben", "text": ["hi ", {"text": "Ann"}]},
    {"room": 2, "from": "Dot", "text": "me"},
    {"room": 1, "from": "Ann", "text": "bye"},
]
SAID = {"template": "{from}: {text}", "group_by": "room"}
ROOMS = ["Ann: hello\nBen: hi Ann\nAnn: bye", "Cem: who is there?\nDot: me"]


def read(tmp_path, content, name="chat.jsonl", **settings):
    path = tmp_path / name
    if isinstance(content, list):
        content = "".join(json.dumps(record) + "\n" for record in content)
    path.write_text(content, encoding="utf-8", newline="")
    return read_corpus([path], CorpusSettings(**settings))


def gathered(pieces) -> list[str]:
    documents, text = [], ""
    for piece in pieces:
        text += piece.text
        if piece.ends_document:
            documents.append(text)
            text = ""
    assert not text
    return documents


# ---- templates --------------------------------------------------------------------------------


def test_a_template_makes_a_text_of_columns(tmp_path):
    assert read(tmp_path, CHAT, template="{from}: {text}").documents[:2] == [
        "Ann: hello",
        "Cem: who is there?",
    ]
    table = "title;body\nOne;first\nTwo;second\n"
    template = "{{{title}}}\n\n{body}"
    documents = read(tmp_path, table, "a.csv", template=template).documents
    assert documents == ["{One}\n\nfirst", "{Two}\n\nsecond"]


def test_a_template_takes_paths_numbers_and_names_with_spaces(tmp_path):
    record = {"user name": "Ann", "at": {"hour": 7, "am": True}, "text": "a {b} {{c}}"}
    template = "[{at.hour} {at.am}] {user name}: {text}"
    assert read(tmp_path, [record], template=template).documents == ["[7 true] Ann: a {b} {{c}}"]


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{from: {text}", "a { stands alone"),
        ("{from}: text}", "a } stands alone"),
        ("{}: {text}", "a { stands alone"),
        ("{{from}}", "names no column"),
        ("", "names no column"),
    ],
)
def test_a_template_with_a_stray_brace_or_no_name_is_refused(template, words):
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        CorpusSettings(template=template)
    assert "{from}: {text}" in str(caught.value)


def test_the_command_refuses_a_template_before_anything_is_read(monkeypatch, capsys):
    wrong = ("--set", "corpus.template={from: {text}")
    done = run_here(monkeypatch, capsys, "analyze", "no-such-file", *wrong)
    assert done.returncode == 2
    assert "template is '{from: {text}', in which a { stands alone" in done.stderr.replace(
        "\n", " "
    )


@pytest.mark.parametrize("name", ["chat.jsonl", "chat.csv"])
def test_a_wrong_key_shows_the_columns_there_are(tmp_path, name):
    content = CHAT if name == "chat.jsonl" else "room,from,text\n1,Ann,hello\n1,Ben,hi there\n"
    for wrong, key in (
        (SAID | {"template": "{form}: {text}"}, "form"),
        (SAID | {"group_by": "rooms"}, "rooms"),
    ):
        with pytest.raises(CorpusError) as caught:
            read(tmp_path, content, name, **wrong)
        assert f"has no column {key!r}" in caught.value.problem
        assert caught.value.allowed == "Its columns: text, from, room."
    assert caught.value.advice == "Name one: --set corpus.group_by=room"
    with pytest.raises(CorpusError) as caught:
        read(tmp_path, content, name, template="{form}: {text}")
    assert caught.value.advice.endswith("--set 'corpus.template={from}: {text}'")


# ---- conversations ----------------------------------------------------------------------------


def test_a_conversation_is_a_document_in_the_order_of_its_messages(tmp_path):
    for name in ("chat.jsonl", "chat.json"):
        content = CHAT if name == "chat.jsonl" else json.dumps(CHAT)
        corpus = read(tmp_path, content, name, **SAID)
        assert corpus.documents == ROOMS
        assert corpus.notes[-1].endswith("5 records became 2 documents by 'room'.")
    assert read(tmp_path, CHAT, column="text", group_by="room").documents == [
        "hello\nhi Ann\nbye",
        "who is there?\nme",
    ]


def test_records_without_the_key_or_the_text_are_counted(tmp_path):
    odd = [{"from": "Eve", "text": "I?"}, {"room": 1, "from": None, "text": "x"}, {"room": {}}]
    corpus = read(tmp_path, [*CHAT, *odd], **SAID)
    assert corpus.documents == ROOMS
    assert corpus.notes[:3] == tuple(
        f"{tmp_path}/chat.jsonl: skipped 1 record {why}."
        for why in (
            "without text in 'room'",
            "without text in 'from'",
            "whose 'room' is an object, not text",
        )
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n", " \n\t", "\u2028", "\x0b", "\x85"])
def test_a_second_line_of_a_message_cannot_pass_for_what_another_said(tmp_path, end):
    records = [{"room": 1, "from": "Ann", "text": f"one{end}Ben: two{end}"}, CHAT[2]]
    corpus = read(tmp_path, records, **SAID)
    assert corpus.documents == ["Ann: one Ben: two\nBen: hi Ann"]
    assert "1 text of several lines became one line each" in corpus.notes[0]


def test_lists_of_messages_become_a_conversation_each(tmp_path):
    talks = [
        {
            "id": "a",
            "messages": [
                {"role": "user", "content": "Hello there"},
                {"role": "bot", "content": "Yes?\nNo?"},
            ],
        },
        {
            "id": "b",
            "messages": [
                {"role": "user", "content": None},
                {"role": "bot", "content": "Well, then"},
            ],
        },
        {"id": "c", "messages": []},
    ]
    with pytest.raises(CorpusError) as caught:
        read(tmp_path, talks)
    words = "--set corpus.column=messages --set 'corpus.template={role}: {content}'"
    assert caught.value.advice.endswith(words)
    corpus = read(tmp_path, talks, column="messages", template="{role}: {content}")
    assert corpus.documents == ["user: Hello there\nbot: Yes? No?", "bot: Well, then"]
    assert "left out 1 message without text" in " ".join(corpus.notes)
    with pytest.raises(CorpusError, match="no message in 'messages' has what") as caught:
        read(tmp_path, talks, column="messages", template="{role}: {contents}")
    assert caught.value.allowed == "Its columns: content, role."


KEYED = st.lists(st.tuples(st.sampled_from("abcde"), st.text(max_size=5)), max_size=30)


@settings(max_examples=40)
@given(messages=KEYED, buffer=st.integers(1, 40))
def test_texts_are_brought_together_whatever_fits_into_memory(messages, buffer):
    expected = defaultdict(list)
    for key, text in messages:
        expected[key].append(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversations, "BUFFER", buffer)
        groups = Conversations()
        for key, text in messages:
            groups.add(key, text)
        assert gathered(groups.pieces()) == ["\n".join(texts) for texts in expected.values()]


def test_a_large_log_is_brought_together_in_bounded_memory(monkeypatch, tmp_path):
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path))
    monkeypatch.setattr(conversations, "BUFFER", 1 << 20)
    monkeypatch.setattr(conversations, "READ", 1 << 12)
    tracemalloc.start()
    groups = Conversations()
    for place in range(4_000):  # 8 MB of a hundred conversations that interleave
        groups.add(str(place % 100), f"{place:06}" + "x" * 1994)
    size = sum(len(piece.text) for piece in groups.pieces())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size == 4_000 * 2_001 - 100
    assert peak < 4 << 20
