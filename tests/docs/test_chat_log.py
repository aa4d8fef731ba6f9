"""The guide on chats: its commands run, and a conversation goes on with the right names."""

from __future__ import annotations

import json
import random
import re
import shlex
from itertools import pairwise, zip_longest
from pathlib import Path

import pytest
from cli.commands import Result, run_lines
from pages import DOCS, FENCE, captioned

from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus.reading.corpus import read_corpus

PAGE = DOCS / "guides" / "chat-log.md"
PAIRS = (("Ann", "Ben"), ("Cem", "Dot"), ("Eva", "Fay"), ("Gus", "Hal"))
PARTNERS = {a: b for pair in PAIRS for a, b in (pair, pair[::-1])}
WORDS = ("yes", "no", "well", "later", "today", "never")
ANSI_C = re.compile(r"\$'(?P<text>[^']*)'")

# What takes the place of minutes: a model that sees far enough, trained for some seconds.
BRIEFLY = [
    *("--recipe", "none", "--tokenizer", "word"),
    *("--model", "lstm:layers=1,units=64,embedding=32,dropout=0", "--epochs", "14"),
    *("--batch-size", "16", "--learning-rate", "0.005"),
    *("--set", "data.sequence_length=32", "--set", "data.stride=32"),
    *("--set", "training.compile=graph", "--set", "training.schedule=constant"),
    *("--set", "training.patience=none", "--set", "evaluation.prompts=2"),
    *("--set", "generation.max_new_tokens=8", "--set", "generation.samples=1"),
]
PROMPTS = ["Ann: yes\nBen:", "Hal: well no\n", "Dot:"]


def commands() -> list[list[str]]:
    """Return the commands of the page, without the programs before a pipe."""
    found = []
    for block in FENCE.finditer(PAGE.read_text(encoding="utf-8")):
        if block["info"] != "bash":
            continue
        for line in block["body"].replace("\\\n", " ").splitlines():
            told = ANSI_C.sub(lambda text: shlex.quote(text["text"].replace("\\n", "\n")), line)
            words = shlex.split(told.rpartition("| ")[2])
            assert words[0] == "textgen"
            found.append(words[1:])
    return found


def briefly(words: list[str]) -> list[str]:
    """Return a command that trains for seconds, and reads the file that a pipe would bring."""
    if words[0] == "run":
        at = words.index("--minutes")
        return [*words[:at], *words[at + 2 :], *BRIEFLY]
    return ["messages.jsonl" if word == "-" else word for word in words]


def conversation(draw: random.Random, room: int) -> list[dict]:
    speakers = draw.choice(list(PARTNERS.items()))
    return [
        {
            "room": room,
            "from": speakers[place % 2],
            "text": " ".join(draw.choices(WORDS, k=draw.randint(1, 2))),
        }
        for place in range(draw.randint(3, 8))
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files that the page names, the log with rooms that interleave."""
    folder = tmp_path_factory.mktemp("chat")
    draw = random.Random(1)
    rows = []
    for room in range(0, 1500, 3):
        talks = [conversation(draw, room + each) for each in range(3)]
        rows += [row for at_once in zip_longest(*talks) for row in at_once if row]
    log = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "chat.jsonl").write_text(log)
    (folder / "messages.jsonl").write_text(log)
    table = "".join(f"{row['room']},{row['from']},{row['text']}\n" for row in rows)
    (folder / "chat.csv").write_text("room,from,text\n" + table)
    (folder / "talks.jsonl").write_text(captioned(PAGE)["talks.jsonl"])
    return folder


def test_the_log_of_the_page_becomes_the_document_that_it_shows(tmp_path: Path) -> None:
    (tmp_path / "chat.jsonl").write_text(captioned(PAGE)["chat.jsonl"])
    settings = CorpusSettings(template="{from}: {text}", group_by="room")
    first = read_corpus([tmp_path / "chat.jsonl"], settings).documents[0]
    shown = next(each for each in FENCE.finditer(PAGE.read_text("utf-8")) if each["info"] == "text")
    assert first + "\n" == shown["body"]


@pytest.fixture(scope="module")
def results(folder: Path) -> list[Result]:
    """Return what the page's commands gave, and then what was written after each prompt."""
    write = ["generate", "runs/chat", "--samples", "30", "--json", "--max-new-tokens", "60"]
    lines = [briefly(words) for words in commands()]
    lines += [[*write, "--prompt", prompt] for prompt in PROMPTS]
    lines.append([*write, "--prompt", PROMPTS[0], "--stop", "\n"])
    return run_lines(lines, folder)


def test_every_command_of_the_page_runs(results: list[Result]) -> None:
    done = list(zip(commands(), results, strict=False))
    assert {words[0] for words, _ in done} == {"analyze", "run", "generate"}
    faults = [f"{words}\n{told.stderr[-600:]}" for words, told in done if told.returncode]
    assert not faults, "\n\n".join(faults)


def test_a_conversation_continues_with_the_names_of_its_speakers(results: list[Result]) -> None:
    right, turns, ended, samples = 0, 0, 0, 0
    for prompt, told in zip(PROMPTS, results[-4:-1], strict=True):
        for sample in json.loads(told.stdout)["samples"]:
            lines = (prompt + sample["text"]).split("\n")
            names = [line.partition(":")[0] for line in lines]
            for before, after in pairwise(names):
                turns += 1
                right += PARTNERS.get(before) == after
            samples += 1
            ended += len(sample["token_ids"]) < 60
    assert samples == 90
    assert turns > 150
    assert right > 0.8 * turns  # by chance one of eight
    assert ended > 0.8 * samples  # at <END>


def test_a_newline_stops_after_one_message(results: list[Result]) -> None:
    texts = [sample["text"] for sample in json.loads(results[-1].stdout)["samples"]]
    assert len(texts) == 30
    assert all({*text.split()} <= {*WORDS} for text in texts)
    assert sum(len(text.split()) in (1, 2) for text in texts) > 25
