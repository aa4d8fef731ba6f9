"""Texts from standard input or a pipe are kept as they came, and read again as they were."""

from __future__ import annotations

import gzip
import io
import os
import sys
import threading
from pathlib import Path

import attrs
import pytest

from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus import is_read_once, is_stdin, keep_streams, read_texts
from textgen_core.errors import CorpusError

TEXT = "Señora Dalloway said\nshe would buy the flowers herself.\n"
SETTINGS = CorpusSettings()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def give(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))


@pytest.mark.parametrize("name", ["-", "/dev/stdin", "/dev/fd/0"])
def test_standard_input_is_kept_once_under_whatever_name(monkeypatch, name):
    give(monkeypatch, TEXT.encode())
    settings = keep_streams(attrs.evolve(SETTINGS, files=(name, "-")))
    first, second = settings.files
    assert first == second and gzip.decompress(Path(first).read_bytes()).decode() == TEXT
    for _ in range(2):  # it may be read again and again
        texts = read_texts(settings)
        assert "".join(texts.corpus.documents) == TEXT
        (file,) = texts.files
        assert (file["path"], file["bytes"]) == ("standard input", len(TEXT.encode()))
        assert texts.settings is settings


def test_a_pipe_is_kept_as_validation_text_too(tmp_path):
    pipe, book = tmp_path / "pipe", tmp_path / "book.txt"
    book.write_text(TEXT)
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"Held out.",))
    writer.start()
    settings = keep_streams(attrs.evolve(SETTINGS, files=(str(book),), validation=pipe))
    writer.join()
    assert settings.files == (str(book),)  # what can be read again stays where it is
    assert settings.validation != pipe
    pipe.unlink()
    _, held_out = read_texts(settings).files
    assert (held_out["path"], held_out["bytes"]) == ("a pipe", 9)


def test_what_was_kept_is_read_as_the_stream_was(monkeypatch):
    records = b'{"text": "One."}\n{"text": "Two."}\n'
    for packed in (records, gzip.compress(records)):
        give(monkeypatch, packed)
        settings = keep_streams(attrs.evolve(SETTINGS, files=("-",), column="text"))
        assert list(read_texts(settings).corpus.documents) == ["One.", "Two."]
    give(monkeypatch, TEXT.encode("cp1252"))
    settings = keep_streams(attrs.evolve(SETTINGS, files=("-",), encoding="auto"))
    assert list(read_texts(settings).corpus.documents) == [TEXT]


def test_a_kept_text_that_is_damaged_is_an_error_and_an_empty_stream_is_named(monkeypatch):
    give(monkeypatch, TEXT.encode())
    settings = keep_streams(attrs.evolve(SETTINGS, files=("-",)))
    with Path(settings.files[0]).open("r+b") as file:
        file.truncate(20)
    with pytest.raises(CorpusError, match="standard input cannot be read"):
        read_texts(settings)
    give(monkeypatch, b"")
    with pytest.raises(CorpusError, match="standard input is empty"):
        read_texts(keep_streams(attrs.evolve(SETTINGS, files=("-",))))


def test_without_a_cache_a_stream_stays_a_stream(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "file" / "cache"))
    give(monkeypatch, TEXT.encode())
    assert keep_streams(attrs.evolve(SETTINGS, files=("-",))).files == ("-",)
    assert sys.stdin.buffer.read() == TEXT.encode()  # nothing was taken from it


def test_what_can_be_read_once_is_told_from_files(tmp_path):
    (tmp_path / "book.txt").touch()
    os.mkfifo(tmp_path / "pipe")
    once = ["-", "/dev/stdin", "/dev/fd/63", "/proc/self/fd/11", tmp_path / "pipe"]
    assert all(map(is_read_once, once))
    assert not any(map(is_read_once, [tmp_path, tmp_path / "book.txt", tmp_path / "gone"]))
    assert not is_stdin("/dev/fd/63")
