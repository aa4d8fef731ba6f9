import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from data.letters import LETTERS, letter_tokenizer

from textgen_core.data import token_files as tokens
from textgen_core.data.token_files import tokenize_documents
from textgen_core.data.tokenizer import END, START, UNK
from textgen_core.errors import ConfigurationError
from textgen_core.runs.cache import cache_directory

A, B, C = (LETTERS.index(letter) + 4 for letter in "abc")


def contents(folder):
    return sorted(path.name for path in folder.iterdir())


def test_documents_lie_between_start_and_no_end(tmp_path):
    file = tokenize_documents(["ab", "", "c"], letter_tokenizer(), "train", tmp_path)
    assert file.token_ids.tolist() == [START, A, B, END, END, C]


def test_no_text_is_a_start_alone(tmp_path):
    file = tokenize_documents([], letter_tokenizer(), "test", tmp_path)
    assert file.token_ids.tolist() == [START]
    assert file.text_bytes == 0


def test_the_file_counts_bytes_and_what_is_unknown(tmp_path):
    file = tokenize_documents(["a€", "b✓✓"], letter_tokenizer(), "test", tmp_path)
    assert file.token_ids.tolist() == [START, A, UNK, END, B, UNK, UNK]
    assert (file.text_bytes, file.unknown_tokens, file.unknown_bytes) == (11, 3, 9)
    assert file.unknown == (("✓", 2), ("€", 1))


def test_tokens_are_memory_mapped_in_two_bytes(tmp_path):
    file = tokenize_documents(["ab"], letter_tokenizer(), "train", tmp_path)
    assert isinstance(file.token_ids, np.memmap)
    assert file.token_ids.dtype == np.dtype("<u2")
    assert file.path.stat().st_size == 2 * 3


def test_a_large_vocabulary_takes_four_bytes(tmp_path):
    many = [chr(number) for number in range(0x4E00, 0x4E00 + 20_000)]
    many += [chr(number) for number in range(0x20000, 0x20000 + 50_000)]
    file = tokenize_documents([many[-1]], letter_tokenizer(many), "train", tmp_path)
    assert file.token_ids.tolist() == [START, 70_003]
    assert file.token_ids.dtype == np.dtype("<u4")


def test_a_second_call_reads_the_cache(tmp_path, monkeypatch):
    first = tokenize_documents(["ab"], letter_tokenizer(), "train", tmp_path)
    monkeypatch.setattr(tokens, "encode_in_pieces", lambda *_: pytest.fail("encoded again"))
    second = tokenize_documents(["ab"], letter_tokenizer(), "train", tmp_path)
    assert second.path == first.path
    assert second.token_ids.tolist() == first.token_ids.tolist()
    assert (second.text_bytes, second.unknown_bytes) == (first.text_bytes, first.unknown_bytes)


@pytest.mark.parametrize(
    ("documents", "alphabet"),
    [(["ba"], LETTERS), (["a", "b"], LETTERS), (["ab", ""], LETTERS), (["ab"], LETTERS[::-1])],
    ids=["text", "borders of documents", "an empty document", "tokenizer"],
)
def test_other_text_or_another_tokenizer_is_another_file(tmp_path, documents, alphabet):
    first = tokenize_documents(["ab"], letter_tokenizer(), "train", tmp_path)
    second = tokenize_documents(documents, letter_tokenizer(alphabet), "train", tmp_path)
    assert first.path != second.path


def test_another_format_is_another_file(tmp_path, monkeypatch):
    first = tokenize_documents(["ab"], letter_tokenizer(), "train", tmp_path)
    monkeypatch.setattr(tokens, "FORMAT_VERSION", tokens.FORMAT_VERSION + 1)
    assert tokenize_documents(["ab"], letter_tokenizer(), "train", tmp_path).path != first.path


def test_the_file_has_the_same_name_in_every_process(tmp_path):
    program = (
        "import sys; from pathlib import Path\n"
        "from data.letters import letter_tokenizer\n"
        "from textgen_core.data.token_files import tokenize_documents\n"
        "print(tokenize_documents(['ab'], letter_tokenizer(), 'x', Path(sys.argv[1])).path.name)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONHASHSEED": "7"}
    result = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "other")],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    here = tokenize_documents(["ab"], letter_tokenizer(), "x", tmp_path)
    assert result.stdout.strip() == here.path.name


def damage_length(path):
    path.write_bytes(path.read_bytes()[:-1])


def damage_a_byte(path):
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")


def empty(path):
    path.write_bytes(b"")


def remove(path):
    path.unlink()


def remove_facts(path):
    path.with_suffix(".json").unlink()


def damage_facts(path):
    path.with_suffix(".json").write_text("[1]")


def shorten_facts(path):
    facts = json.loads(path.with_suffix(".json").read_text())
    del facts["text_bytes"]
    path.with_suffix(".json").write_text(json.dumps(facts))


@pytest.mark.parametrize(
    "damage",
    [damage_length, damage_a_byte, empty, remove, remove_facts, damage_facts, shorten_facts],
)
def test_what_is_damaged_is_made_again(tmp_path, damage):
    path = tokenize_documents(["abc"], letter_tokenizer(), "train", tmp_path).path
    damage(path)
    file = tokenize_documents(["abc"], letter_tokenizer(), "train", tmp_path)
    assert file.token_ids.tolist() == [START, A, B, C]
    assert file.text_bytes == 3


def test_an_interrupted_writing_leaves_nothing_behind(tmp_path):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tokenize_documents(["abc"], letter_tokenizer(), "train", tmp_path, interrupt)
    assert contents(tmp_path) == []


def test_progress_counts_characters_up_to_all(tmp_path):
    seen = []
    tokenize_documents(
        ["abc", "de"], letter_tokenizer(), "train", tmp_path, lambda *each: seen.append(each)
    )
    assert seen == [(3, 5), (5, 5)]


def test_the_cache_is_where_the_variable_says(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "here"))
    file = tokenize_documents(["ab"], letter_tokenizer(), "train")
    assert file.path.parent == tmp_path / "here"
    assert file.path.name.startswith("train-")


def test_without_the_variable_the_cache_is_the_users(monkeypatch):
    monkeypatch.delenv("TEXTGEN_CACHE", raising=False)
    assert cache_directory().name in ("textgen", "Cache")


def test_a_cache_that_cannot_be_a_folder_names_the_way_out(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="TEXTGEN_CACHE"):
        tokenize_documents(["ab"], letter_tokenizer(), "train", tmp_path / "file" / "cache")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_cache_that_cannot_be_written_names_the_way_out(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(ConfigurationError, match="TEXTGEN_CACHE"):
        tokenize_documents(["ab"], letter_tokenizer(), "train", tmp_path)


def test_of_several_processes_one_makes_the_file_and_the_others_wait(tmp_path):
    program = (
        "import sys, time; from pathlib import Path\n"
        "from data.letters import letter_tokenizer\n"
        "from textgen_core.data.token_files import tokenize_documents\n"
        "folder, go = Path(sys.argv[1]), Path(sys.argv[2])\n"
        "def making(done, total):\n"
        "    print('making', flush=True)\n"
        "    while not go.exists(): time.sleep(0.01)\n"
        "print('begun', flush=True)\n"
        "file = tokenize_documents(['abc'], letter_tokenizer(), 'x', folder, making)\n"
        "print(file.token_ids.tolist())\n"
    )
    go = tmp_path / "go"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", program, str(tmp_path / "cache"), str(go)]
    several = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [each.stdout.readline() for each in several] == ["begun\n"] * 3
    time.sleep(0.5)  # in which the others would begin to make it too
    go.touch()
    printed = [each.communicate()[0] for each in several]
    tokens = f"{[START, A, B, C]}\n"
    assert sorted(printed) == sorted([f"making\n{tokens}", tokens, tokens])
