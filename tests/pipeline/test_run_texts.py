"""An opened run reads the texts that its user named on this machine, and no others."""

from __future__ import annotations

import gzip
import hashlib
import os
import tracemalloc
from types import SimpleNamespace

import attrs
import pytest

from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus import BUILTIN_PATH, keep_streams, read_texts
from textgen_core.errors import CorpusError, RunDirectoryError
from textgen_core.pipeline.places import Places
from textgen_core.pipeline.run_texts import find_texts, keep_builtin, remember
from textgen_core.runs import RunDirectory, write_json
from textgen_core.runs.made_here import read_note

TEXT = "The miller feeds the river.\n"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with two texts, and a home and a cache of its own."""
    monkeypatch.setenv("TEXTGEN_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))
    for name, text in (("book.txt", TEXT), ("held.txt", "Held out.\n"), ("diary.txt", "Dear me.")):
        (tmp_path / name).write_text(text)
    return tmp_path


def configured(**settings):
    return SimpleNamespace(corpus=CorpusSettings(**settings))


def made(folder, *, known=True, manifest=True, **settings):
    """Return a run and the configuration in its run.toml; known: whether it was made here."""
    run = RunDirectory(folder / "run")
    run.path.mkdir()
    configuration = configured(**settings)
    texts = read_texts(keep_streams(configuration.corpus))
    run.configuration.write_text(f"# {settings}")
    if manifest:
        write_json(run.manifest, {"corpus": texts.files})
    if not configuration.corpus.files:
        keep_builtin(run, texts)
    if known:
        assert remember(run, texts, [])
    return run, configuration


def text_of(texts):
    return "".join(texts.corpus.documents)


def test_a_run_made_here_finds_its_texts_whatever_its_run_toml_names_now(place):
    run, _ = made(place, files=(str(place / "book.txt"),), validation=place / "held.txt")
    forged = configured(files=(str(place / "diary.txt"),), validation=place / "held.txt")
    assert text_of(find_texts(run, forged, Places(), "evaluate")) == TEXT


@pytest.mark.parametrize("has_manifest", [True, False])
@pytest.mark.parametrize("named", ["diary.txt", "pipe", "/proc/kmsg", "/dev/zero", "/usr"])
def test_no_path_of_a_strangers_run_is_opened(place, named, has_manifest):
    run, _ = made(place, files=(str(place / "book.txt"),), known=False, manifest=has_manifest)
    os.mkfifo(place / "pipe")
    for settings in ({"files": (str(place / named),)}, {"validation": place / named}):
        with pytest.raises(RunDirectoryError) as caught:
            find_texts(run, configured(**settings), Places(), "resume")
        option = "--corpus" if "files" in settings else "--validation"
        assert f"{run.path} was not made on this machine" in caught.value.problem
        assert str(place / named) in caught.value.problem
        assert caught.value.advice.endswith(f"textgen resume {run.path} {option} FILE")


def test_its_user_says_where_the_texts_are_and_is_not_asked_again(place):
    run, configuration = made(
        place,
        known=False,
        files=(str(place / "book.txt"),),
        validation=place / "held.txt",
    )
    with pytest.raises(RunDirectoryError, match=r"--validation FILE"):
        find_texts(run, configuration, Places(corpus=[place / "book.txt"]), "evaluate")
    assert read_note(run) is None
    said = Places(corpus=[place / "book.txt"], validation=place / "held.txt")
    assert text_of(find_texts(run, configuration, said, "evaluate")) == TEXT
    assert text_of(find_texts(run, configuration, Places(), "evaluate")) == TEXT
    assert read_note(run).trackers == []  # what follows the run was not asked for


def test_another_text_than_that_of_the_run_is_named(place):
    run, configuration = made(place, files=(str(place / "book.txt"), str(place / "held.txt")))
    (place / "moved").mkdir()
    moved = [(place / name).rename(place / "moved" / name) for name in ("book.txt", "held.txt")]
    with pytest.raises(CorpusError, match=r"no longer there: .*book\.txt"):
        find_texts(run, configuration, Places(), "evaluate")
    for corpus in ([place / "diary.txt"], moved[:1], moved[::-1]):
        with pytest.raises(RunDirectoryError, match="is not the text that") as caught:
            find_texts(run, configuration, Places(corpus=corpus), "evaluate")
        assert f"textgen evaluate {run.path} --corpus FILE" in caught.value.advice
    find_texts(run, configuration, Places(corpus=[place / "moved"]), "evaluate")  # as a folder
    find_texts(run, configuration, Places(), "evaluate")


def test_a_pipe_is_read_again_from_what_was_kept_and_never_itself(place, monkeypatch):
    pipe = place / "pipe"
    os.mkfifo(pipe)
    descriptor = os.open(pipe, os.O_RDWR)  # both ends, so that opening it does not wait
    os.write(descriptor, TEXT.encode())
    kept = place / "cache" / "texts" / f"{hashlib.sha256(TEXT.encode()).hexdigest()}.pipe.gz"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(gzip.compress(TEXT.encode()))
    os.close(descriptor)
    run, _ = made(place, files=(str(kept),))
    configuration = configured(files=(str(pipe),))
    assert text_of(find_texts(run, configuration, Places(), "evaluate")) == TEXT
    kept.unlink()
    with pytest.raises(CorpusError, match="no longer there: a pipe") as caught:
        find_texts(run, configuration, Places(), "evaluate")
    assert caught.value.advice == f"Say where: textgen evaluate {run.path} --corpus FILE"
    find_texts(run, configuration, Places(corpus=[place / "book.txt"]), "evaluate")


def test_a_run_on_the_built_in_corpus_keeps_it_for_another_python(place, monkeypatch):
    run, configuration = made(place, known=False)
    as_made = text_of(find_texts(run, configuration, Places(), "evaluate"))
    other = {"if": "Another text.\n", "try": "In another version of Python.\n"}
    monkeypatch.setattr("textgen_core.corpus.reading.builtin._topics", lambda: other)
    found = find_texts(run, configuration, Places(), "evaluate")
    assert text_of(found) == as_made and found.files[0]["path"] == BUILTIN_PATH
    for damage in (b"", b"no gzip", gzip.compress(b"A stranger's text.")):
        run.builtin.write_bytes(damage)
        with pytest.raises(RunDirectoryError, match="is not the text that"):
            find_texts(run, configuration, Places(), "evaluate")


def test_no_more_is_unpacked_than_the_manifest_says(place):
    run, configuration = made(place, known=False)
    run.builtin.write_bytes(gzip.compress(bytes(1 << 26)))
    tracemalloc.start()
    try:
        find_texts(run, configuration, Places(), "evaluate")  # that of this Python is the same
        assert tracemalloc.get_traced_memory()[1] < 1 << 25
    finally:
        tracemalloc.stop()


def test_what_cannot_be_read_again_is_not_promised(place):
    run, configuration = made(place, files=(str(place / "book.txt"),))
    texts = read_texts(configuration.corpus)
    stream = attrs.evolve(texts, settings=attrs.evolve(texts.settings, files=("-",)))
    assert not remember(run, stream, [])
    with pytest.raises(CorpusError, match="no longer there: standard input"):
        find_texts(run, configuration, Places(), "evaluate")


def test_a_run_on_a_book_of_the_course_finds_it_in_the_package_wherever_it_was_made(place):
    run, configuration = made(place, known=False, files=("course:en",))
    as_made = text_of(find_texts(run, configuration, Places(), "evaluate"))
    assert as_made.startswith("THE FERRY BOOK")
    with pytest.raises(RunDirectoryError, match="is not the text that"):
        find_texts(run, configured(files=("course:es",)), Places(), "evaluate")
    with pytest.raises(RunDirectoryError, match="was not made on this machine"):
        mixed = configured(files=("course:en", str(place / "diary.txt")))
        find_texts(run, mixed, Places(), "evaluate")


def test_a_run_on_a_book_made_here_notes_its_name_and_no_path(place):
    run, configuration = made(place, files=("course:en",))
    assert list(read_note(run).paths) == ["course:en"]
    assert find_texts(run, configuration, Places(), "evaluate").files[0]["path"] == "course:en"
