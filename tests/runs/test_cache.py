"""Where what can be rebuilt is kept: without a home, with one that cannot be written, or shared."""

import os
import pwd
import stat

import pytest
from data.letters import letter_tokenizer

from textgen_core.data.token_files import tokenize_documents
from textgen_core.errors import ConfigurationError
from textgen_core.runs import cache
from textgen_core.runs.cache import (
    cache_directory,
    cache_note,
    open_own,
    private_folder,
    usable_cache,
)

ANOTHER = 12_345  # a user's id


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """The temporary folder of the process, of which nothing is said yet."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(cache, "_make_temporary", lambda: folder)
    monkeypatch.setattr(cache, "_said", set())
    monkeypatch.setattr(cache, "_unsaid", [])
    for variable in ("TEXTGEN_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    return folder


def nobody(monkeypatch):
    """Be a user whom the system does not know, and for whom there is no HOME."""

    def unknown(_):
        raise KeyError("no such user")

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


def hand_over(path, monkeypatch):
    """Let a file be another user's."""
    if os.getuid() == 0:
        os.chown(path, ANOTHER, ANOTHER)
    else:
        monkeypatch.setattr(os, "getuid", lambda: ANOTHER)


def test_without_a_home_a_temporary_folder_serves_which_is_said_once(monkeypatch, temporary):
    nobody(monkeypatch)
    assert cache_directory() is None
    assert usable_cache() == usable_cache() == temporary
    note = cache_note()
    assert "no home directory" in note
    assert str(temporary) in note
    assert cache_note() == ""


@pytest.mark.parametrize("home", ["/proc/nobody", "/dev/null"])
def test_a_home_that_cannot_be_written_makes_no_folder_elsewhere(
    home, tmp_path, monkeypatch, temporary
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", home)
    assert usable_cache() == temporary
    assert [each.name for each in tmp_path.iterdir()] == ["temporary"]
    assert cache_note()


def test_a_folder_that_was_named_is_used_or_refused(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(ConfigurationError, match="TEXTGEN_CACHE"):
        usable_cache()
    monkeypatch.setenv("TEXTGEN_CACHE", "~/mine")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert usable_cache() == tmp_path / "mine"
    assert cache_note() == ""


def test_where_no_folder_can_be_made_the_error_names_the_way_out(monkeypatch):
    def refuse():
        raise FileNotFoundError(2, "no usable temporary directory")

    nobody(monkeypatch)
    monkeypatch.setattr(cache, "_make_temporary", refuse)
    with pytest.raises(ConfigurationError, match="nor can a temporary one") as refused:
        usable_cache()
    assert "TEXTGEN_CACHE" in refused.value.advice


def test_anothers_token_files_are_neither_used_nor_in_the_way(tmp_path, monkeypatch):
    shared = tmp_path / "shared"
    first = tokenize_documents(["ab"], letter_tokenizer(), "train", shared)
    for path in (first.path, first.path.with_suffix(".json")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o044 == 0o044  # for who may trust them
    planted = first.token_ids[::-1].tobytes()
    first.path.write_bytes(planted)
    hand_over(first.path, monkeypatch)
    with pytest.raises(PermissionError):
        open_own(first.path)
    second = tokenize_documents(["ab"], letter_tokenizer(), "train", shared)
    assert second.path != first.path
    assert list(second.token_ids) == list(first.token_ids[::-1])
    assert first.path.read_bytes() == planted
    again = tokenize_documents(["ab"], letter_tokenizer(), "train", shared)
    assert again.path == second.path


def test_a_private_folder_is_of_this_user_alone_and_no_link(tmp_path, monkeypatch, temporary):
    own = private_folder(tmp_path)
    assert own == tmp_path / f"of-{os.getuid()}"
    assert stat.S_IMODE(own.stat().st_mode) == 0o700
    assert private_folder(tmp_path) == own
    own.chmod(0o777)
    assert private_folder(tmp_path) == temporary
    own.rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    own.symlink_to(tmp_path / "elsewhere")
    assert private_folder(tmp_path) == temporary
    assert "belongs to other users" in cache_note()


def test_a_pipe_in_the_cache_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PermissionError):
        open_own(tmp_path / "pipe")
