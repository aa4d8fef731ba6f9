"""The course's two books: found by their names, clean, and much alike from end to end."""

from __future__ import annotations

import json
import re

import pytest
from cli.in_process import run_here

from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus import read_texts
from textgen_core.corpus.reading.course import course_name, course_names
from textgen_core.errors import CorpusError

LETTERS = {
    "course:en": re.compile(r"[A-Za-z0-9 \n.,:;!?'\"()-]*"),
    "course:es": re.compile(r"[A-Za-z0-9ÁÉÍÓÚÑáéíóúñü \n.,:;!?¡¿«»()—]*"),
}


def text_of(*names: str) -> str:
    return "".join(read_texts(CorpusSettings(files=names)).corpus.documents)


def test_both_languages_have_a_book_of_some_length() -> None:
    assert course_names() == tuple(LETTERS)
    assert all(70_000 < len(text_of(name).encode()) < 100_000 for name in course_names())


@pytest.mark.parametrize("name", LETTERS)
def test_a_book_holds_prose_and_no_stray_character(name: str) -> None:
    text = text_of(name)
    (stray,) = {LETTERS[name].sub("", text)}
    assert stray == ""
    assert "  " not in text and "\n\n\n" not in text and " \n" not in text


@pytest.mark.parametrize("name", LETTERS)
def test_no_paragraph_of_a_book_is_said_twice(name: str) -> None:
    long = [part for part in text_of(name).split("\n\n") if len(part) > 80]
    assert len(long) > 200
    assert len({*long}) == len(long)


def test_the_command_names_a_book_as_it_does_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run_here(monkeypatch, capsys, "analyze", "course:es", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["characters"] == len(text_of("course:es"))


def test_two_books_are_a_corpus_and_a_book_is_read_once() -> None:
    both = read_texts(CorpusSettings(files=("course:en", "course:es", "course:en")))
    assert [file["path"] for file in both.files] == ["course:en", "course:es"]
    assert any("already in the corpus" in note for note in both.notes)


def test_an_unknown_book_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(CorpusError, match="There is no file course:fr") as caught:
        text_of("course:fr")
    assert "course:en, course:es" in str(caught.value)


def test_only_the_file_in_the_package_has_the_name(tmp_path) -> None:
    (tmp_path / "en.txt").write_text("Another text.\n")
    assert course_name(tmp_path / "en.txt") is None
    assert text_of(str(tmp_path / "en.txt")) == "Another text.\n"
