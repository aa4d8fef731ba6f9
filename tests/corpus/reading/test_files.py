from __future__ import annotations

import os
import socket

import pytest

from textgen_core.corpus.reading.files import Skipped, find_files, listed, shown
from textgen_core.errors import CorpusError


def find(*paths):
    skipped = Skipped()
    return [path for found in find_files(paths, skipped) for path in found.files], skipped.notes()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "b").mkdir()
    for name in ("c.txt", "a.md", "b/inner.txt", ".hidden.txt"):
        (tmp_path / name).write_text(name)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config.txt").write_text("x")
    return tmp_path


def test_folders_are_walked_in_order_without_hidden_files(folder):
    files, notes = find(folder)
    assert files == [folder / "a.md", folder / "b" / "inner.txt", folder / "c.txt"]
    assert notes == []


def test_a_hidden_file_that_is_named_is_taken(folder):
    assert find(folder / ".hidden.txt")[0] == [folder / ".hidden.txt"]


def test_a_loop_of_links_is_walked_once(folder):
    (folder / "b" / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "self").symlink_to(folder / "self")
    files, notes = find(folder)
    assert len(files) == 3
    assert any("loop: already in the corpus" in note for note in notes)
    assert any("a link that leads nowhere" in note for note in notes)


def test_a_file_is_taken_once_however_often_it_is_given(folder):
    (folder / "link.txt").symlink_to(folder / "c.txt")
    file = folder / "c.txt"
    files, notes = find(file, str(file), folder / "b" / ".." / "c.txt", folder)
    assert files.count(file) == 1
    assert len(files) == 3
    assert "already in the corpus" in notes[0]


def test_two_links_to_one_file_outside_are_one_file(folder):
    for name in ("one.txt", "two.txt"):
        (folder / "b" / name).symlink_to(folder / "c.txt")
    files, notes = find(folder / "b")
    assert files == [folder / "b" / "inner.txt", folder / "b" / "one.txt"]
    assert notes == [f"Skipped {folder / 'b' / 'two.txt'}: already in the corpus."]


def test_a_folder_given_twice_is_walked_once(folder):
    assert len(find(folder, folder)[0]) == 3


def test_standard_input_is_read_once():
    assert [str(path) for path in find("-", "-")[0]] == ["-"]


def test_a_run_of_textgen_inside_a_folder_is_no_corpus(folder):
    run = folder / "runs" / "one"
    run.mkdir(parents=True)
    for name in ("run.toml", "manifest.json", "samples.jsonl"):
        (run / name).write_text("x")
    files, notes = find(folder)
    assert len(files) == 3
    assert notes == [f"Skipped {run}: a run of textgen."]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("run.toml", "manifest.json"), "is a run of textgen, and no text(.|\n)*textgen resume"),
        (("study.toml", "journal.log"), "is a study of textgen, and no(.|\n)*textgen tune --out"),
    ],
)
def test_what_textgen_made_is_no_corpus_though_somebody_names_it(folder, names, told):
    own = folder / "own"
    own.mkdir()
    for name in (*names, "notes.txt"):
        (own / name).write_text("x")
    with pytest.raises(CorpusError, match=told):
        find(own)
    assert len(find(folder)[0]) == 3


def test_a_missing_path_is_told_with_the_nearest_name(folder):
    with pytest.raises(CorpusError, match="There is no file") as caught:
        find(folder / "c.text")
    assert caught.value.advice == f"Did you mean {folder / 'c.txt'}?"


@pytest.mark.parametrize("path", ["", "no/such/folder/a.txt", "a\0b", "x" * 5000])
def test_an_impossible_path_is_a_corpus_error(path):
    with pytest.raises(CorpusError):
        find(path)


def test_a_path_through_a_file_is_missing(folder):
    with pytest.raises(CorpusError, match="There is no file"):
        find(folder / "c.txt" / "d.txt")


def test_a_named_pipe_is_taken_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert find(tmp_path / "pipe") == ([tmp_path / "pipe"], [])


def test_a_named_pipe_in_a_folder_is_skipped(folder):
    os.mkfifo(folder / "pipe.txt")
    files, notes = find(folder)
    assert len(files) == 3
    assert "pipe.txt: not a file" in notes[0]


def test_a_device_is_refused():
    with pytest.raises(CorpusError, match="is a device"):
        find("/dev/null")


def test_a_socket_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
        with pytest.raises(CorpusError, match="is a socket"):
            find("s")


def test_a_folder_without_files_is_refused(tmp_path):
    (tmp_path / ".hidden").write_text("x")
    with pytest.raises(CorpusError, match="holds no text"):
        find(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_folder_is_refused(folder):
    folder.chmod(0)
    try:
        with pytest.raises(CorpusError, match="cannot be read"):
            find(folder)
    finally:
        folder.chmod(0o700)


def test_a_name_of_any_bytes_can_be_shown():
    assert shown("a\nb") == r"'a\nb'"
    assert shown(os.fsdecode(b"caf\xe9.txt")).encode("utf-8")
    assert shown("") == "''"


def test_a_long_list_of_paths_is_cut():
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
    assert listed(["a"]) == "a"
