"""A disk that is too small is said before training, and nothing is left behind."""

import errno
import os
import shutil
from typing import NamedTuple

import pytest
from data.letters import letter_tokenizer

from textgen_core.data.token_files import tokenize_documents
from textgen_core.errors import DiskTooSmall, RunDirectoryError
from textgen_core.pipeline.api import run
from textgen_core.runs.files import check_space, file_errors


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def small_disk(monkeypatch, free):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9 - free, free))


def test_what_fits_is_let_through_and_what_does_not_names_both_sizes(monkeypatch, tmp_path):
    small_disk(monkeypatch, 5_000_000)
    check_space(tmp_path / "not" / "there" / "yet", 5_000_000, "These files", "Make room.")
    with pytest.raises(DiskTooSmall, match=r"These files need about 7.0 MB, and 5.0 MB are free"):
        check_space(tmp_path, 7_000_000, "These files", "Make room.")


def test_a_disk_that_tells_nothing_refuses_nothing(monkeypatch, tmp_path):
    def refuse(path):
        raise OSError("not told")

    monkeypatch.setattr(shutil, "disk_usage", refuse)
    check_space(tmp_path, 10**18, "These files", "Make room.")


def test_tokens_that_do_not_fit_are_refused_before_any_is_written(monkeypatch, tmp_path):
    small_disk(monkeypatch, 1_000)
    with pytest.raises(DiskTooSmall, match="TEXTGEN_CACHE"):
        tokenize_documents(["ab " * 2_000], letter_tokenizer(), "train", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_checkpoints_that_do_not_fit_are_refused_before_training(monkeypatch, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("a sentence of some words.\n" * 400)
    small_disk(monkeypatch, 200_000)
    with pytest.raises(DiskTooSmall, match="checkpoints"):
        run(text, recipe="first", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert DiskTooSmall.exit_code == 1


def test_advice_after_a_failed_file_suits_its_reason(tmp_path):
    cases = [
        ("written", errno.ENOSPC, "Free some space on its disk."),
        ("written", errno.EDQUOT, "Free some space on its disk."),
        ("written", errno.EROFS, "cp -r RUN COPY"),
        ("written", errno.EACCES, "cp -r RUN COPY"),
        ("read", errno.EACCES, "chmod -R a+rX RUN"),
        ("read", errno.EIO, ""),
    ]
    for done, number, advice in cases:
        with pytest.raises(RunDirectoryError) as refused, file_errors(tmp_path / "x", done):
            raise OSError(number, os.strerror(number))
        assert refused.value.problem == f"{tmp_path / 'x'} cannot be {done}: {os.strerror(number)}."
        assert refused.value.advice.endswith(advice)
        assert bool(refused.value.advice) == bool(advice)
