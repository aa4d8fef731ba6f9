"""Removing runs: what textgen wrote goes, all else stays."""

from __future__ import annotations

import pytest
from runs.fabricated import fabricate

from textgen_core.errors import RunDirectoryError
from textgen_core.runs import remove
from textgen_core.runs.listing import summarise
from textgen_core.runs.lock import writing


@pytest.fixture
def run(tmp_path):
    return fabricate(tmp_path / "mine")


def test_a_run_is_removed_whole(run):
    (run.path / "tensorboard").mkdir()
    (run.path / "tensorboard" / "events").write_text("x" * 100)
    (run.path / ".metrics.jsonl.0123").write_text("half-written")
    removed = remove(run.path)
    assert not run.path.exists()
    assert removed.bytes > 12_000
    assert removed.left == ()


def test_checkpoints_go_alone_and_the_figures_stay(run):
    remove(run.path, checkpoints=True)
    summary = summarise(run.path)
    assert (summary.state, summary.bits_per_byte, summary.step) == ("no weights", 2.5, None)
    assert not run.checkpoints.exists()
    assert run.report.exists()


def test_what_textgen_did_not_write_stays(run):
    (run.path / "letter.txt").write_text("dear")
    (run.path / "photos").mkdir()
    removed = remove(run.path)
    assert removed.left == ("letter.txt", "photos")
    assert sorted(each.name for each in run.path.iterdir()) == ["letter.txt", "photos"]


def test_no_link_is_followed(run, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("x")
    (run.path / "tensorboard").symlink_to(tmp_path / "precious")
    (tmp_path / "link").symlink_to(run.path)
    with pytest.raises(RunDirectoryError, match="is a link"):
        remove(tmp_path / "link")
    remove(run.path)
    assert (tmp_path / "precious" / "file").exists()


def test_a_run_that_is_being_written_stays(run):
    with writing(run, lambda _: None), pytest.raises(RunDirectoryError, match="being written"):
        remove(run.path)
    assert run.manifest.exists()


def test_a_folder_that_is_no_run_stays(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunDirectoryError, match="is no run"):
        remove(tmp_path)
    assert (tmp_path / "file").exists()


def test_a_run_without_anything_but_its_configuration_is_removed(tmp_path):
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "run.toml").write_text("[broken")
    remove(tmp_path / "half")
    assert not (tmp_path / "half").exists()
