"""What is left out on standard error, and what is not."""

from __future__ import annotations

import os
import re
import tempfile

import pytest

from textgen_core.registry.quiet import without_remarks

REMARK = re.compile(b"INFO: ")
WRITTEN = b"INFO: a remark\na word\nno INFO: here\n"


def test_only_remarks_are_left_out(capfd):
    with without_remarks(REMARK):
        os.write(2, WRITTEN)
    os.write(2, b"INFO: after it\n")
    assert capfd.readouterr().err == "a word\nno INFO: here\nINFO: after it\n"


def test_of_what_fails_the_error_alone_is_left(capfd):
    with pytest.raises(KeyError), without_remarks(REMARK):
        os.write(2, WRITTEN)
        raise KeyError
    os.write(2, b"after it\n")
    assert capfd.readouterr().err == "after it\n"


def test_where_no_line_can_be_held_back_all_are_written(capfd, monkeypatch):
    def full(*arguments):
        raise OSError("no space left")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with without_remarks(REMARK):
        os.write(2, WRITTEN)
    assert capfd.readouterr().err.encode() == WRITTEN


def test_without_a_standard_error_the_block_runs(capfd):
    kept = os.dup(2)
    os.close(2)
    try:
        with without_remarks(REMARK):
            done = True
    finally:
        os.dup2(kept, 2)
        os.close(kept)
    assert done
