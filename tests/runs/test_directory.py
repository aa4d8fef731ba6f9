"""The files of a run: whole or absent, found by name, and read again without surprises."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from textgen_core.errors import RunDirectoryError
from textgen_core.runs import directory
from textgen_core.runs.directory import (
    InRun,
    RunDirectory,
    check_free,
    create_default_directory,
    create_run_directory,
    find_run,
    list_folders,
)
from textgen_core.runs.files import (
    append_row,
    drop_rows_after,
    finite,
    read_json,
    read_rows,
    remove_folder,
    write_json,
    write_text,
    write_toml,
)


def make_runs(folder: Path, *names: str) -> None:
    for number, name in enumerate(names):
        path = folder / "runs" / name
        path.mkdir(parents=True)
        (path / "run.toml").write_text("")
        os.utime(path / "run.toml", (number, number))


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


# ---- names ------------------------------------------------------------------------------------


def test_the_files_have_the_names_that_the_format_promises() -> None:
    run = RunDirectory(Path("r"))
    found = {
        name: getattr(run, name).name
        for name, attribute in vars(RunDirectory).items()
        if isinstance(attribute, InRun)
    }
    assert found == {
        "lock": ".lock",
        "configuration": "run.toml",
        "manifest": "manifest.json",
        "analysis": "analysis.json",
        "tokenizer": "tokenizer.json",
        "counts": "counts.safetensors",
        "mixture": "mixture.json",
        "checkpoints": "checkpoints",
        "best": "best.json",
        "metrics": "metrics.jsonl",
        "samples": "samples.jsonl",
        "evaluation": "evaluation.json",
        "texts": "texts.json",
        "ratings": "ratings.json",
        "report": "report.html",
        "builtin": "corpus.txt.gz",
        "earlier": "earlier.safetensors",
        "pack": "pack.json",
    }
    assert run.checkpoint(1200) == Path("r/checkpoints/step-00001200")


def test_the_name_of_a_run_is_that_of_its_directory_however_it_is_reached(tmp_path: Path) -> None:
    assert RunDirectory(Path()).name == tmp_path.name


def test_saved_steps_are_the_whole_checkpoints_in_rising_order(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    assert run.saved_steps() == []
    for name in ("step-00000020", "step-00000003", ".step-00000050.7", "step-new", "other"):
        (run.checkpoints / name).mkdir(parents=True)
    (run.checkpoints / "step-00000060").write_text("a file")
    assert run.saved_steps() == [3, 20]


# ---- a place for a new run --------------------------------------------------------------------


def test_a_new_run_goes_to_a_new_or_an_empty_directory(tmp_path: Path) -> None:
    assert create_run_directory(tmp_path / "a" / "b").path.is_dir()
    assert create_run_directory(tmp_path / "a" / "b").path.is_dir()


def test_a_directory_that_is_not_empty_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(RunDirectoryError, match="is not empty") as caught:
        create_run_directory(tmp_path)
    assert "textgen resume" in caught.value.advice


@pytest.mark.parametrize("below", [".", "below", "below/further"])
def test_a_file_is_no_place_for_a_run(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(RunDirectoryError):
        check_free(tmp_path / "file" / below)
    assert (tmp_path / "file").read_text() == "precious"


def test_a_link_to_nowhere_is_no_place_for_a_run(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(RunDirectoryError, match="cannot be written"):
        create_run_directory(tmp_path / "link")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_cannot_be_written_is_known_beforehand(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RunDirectoryError, match="permission denied"):
        check_free(tmp_path / "new" / "run")
    tmp_path.chmod(0o700)


def test_checking_a_place_writes_nothing(tmp_path: Path) -> None:
    check_free(tmp_path / "new" / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_is_too_long_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match="cannot be written"):
        check_free(tmp_path / ("x" * 5000))
    with pytest.raises(RunDirectoryError, match="cannot be read"):
        find_run("x" * 5000)


# ---- finding a run ----------------------------------------------------------------------------


def test_without_a_name_the_newest_run_is_meant(tmp_path: Path) -> None:
    make_runs(tmp_path, "b-old", "a-new")
    (tmp_path / "runs" / "zzz-no-run").mkdir()
    assert find_run(None).name == "a-new"


def test_without_any_run_the_command_that_makes_one_is_told() -> None:
    with pytest.raises(RunDirectoryError, match="There is no run under runs/") as caught:
        find_run(None)
    assert "textgen run" in caught.value.advice


def test_a_run_is_found_by_its_path_or_by_a_unique_prefix(tmp_path: Path) -> None:
    make_runs(tmp_path, "2024-01-net", "2024-02-net")
    for reference in ("runs/2024-01-net", "2024-01", tmp_path / "runs" / "2024-01-net"):
        assert find_run(reference).name == "2024-01-net"


def test_a_prefix_of_several_runs_is_refused_with_their_names(tmp_path: Path) -> None:
    make_runs(tmp_path, "2024-01-net", "2024-02-net")
    with pytest.raises(RunDirectoryError, match="several runs: 2024-01-net, 2024-02-net"):
        find_run("2024")


def test_a_whole_name_means_its_run_though_others_begin_with_it(tmp_path: Path) -> None:
    make_runs(tmp_path, "2024-net", "2024-net-2")
    assert find_run("2024-net").name == "2024-net"


def test_a_folder_of_that_name_here_does_not_hide_a_run(tmp_path: Path) -> None:
    make_runs(tmp_path, "net-1")
    (tmp_path / "net").mkdir()
    assert find_run("net").name == "net-1"


@pytest.mark.parametrize(
    ("reference", "problem"), [("nothing", "There is no run 'nothing'"), ("folder", "is no run")]
)
def test_what_is_no_run_is_refused(tmp_path: Path, reference: str, problem: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(RunDirectoryError, match=problem):
        find_run(reference)


def test_the_runs_that_there_are_are_named_beside_one_that_is_not(tmp_path: Path) -> None:
    make_runs(tmp_path, "a", "b")
    with pytest.raises(RunDirectoryError, match=r"There is no run 'c'") as caught:
        find_run("c")
    assert "(a, b)" in str(caught.value.allowed)


# ---- files ------------------------------------------------------------------------------------


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert read_json(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    for write in (lambda path: write_text(path, ""), lambda path: append_row(path, {})):
        with pytest.raises(RunDirectoryError, match="cannot be written"):
            write(tmp_path / "gone" / "file")


def test_numbers_that_are_not_finite_become_null(tmp_path: Path) -> None:
    value = {"a": float("nan"), "b": [float("inf"), 1.5, (float("-inf"),)], "c": {"d": None}}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == {"a": None, "b": [None, 1.5, [None]], "c": {"d": None}}
    assert finite(True) is True


@pytest.mark.parametrize("text", ["é \u2028 \U0001f600", "caf\udce9", "\ud800", '\\ " \x00 \n'])
def test_any_text_is_written_as_valid_utf8_and_read_again(tmp_path: Path, text: str) -> None:
    write_json(tmp_path / "a.json", {"text": text})
    append_row(tmp_path / "a.jsonl", {"text": text})
    (tmp_path / "a.json").read_bytes().decode("utf-8")
    assert read_json(tmp_path / "a.json") == {"text": text}
    assert list(read_rows(tmp_path / "a.jsonl")) == [{"text": text}]
    drop_rows_after(tmp_path / "a.jsonl", 0)
    assert list(read_rows(tmp_path / "a.jsonl")) == [{"text": text}]


def test_json_keeps_letters_readable(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", "é")
    assert "é" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_toml_ends_lines_alike_everywhere(tmp_path: Path) -> None:
    write_toml(tmp_path / "a.toml", {"a": 1, "b": {"c": [1]}})
    assert b"\r" not in (tmp_path / "a.toml").read_bytes()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
def test_json_that_is_damaged_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(RunDirectoryError, match="cannot be read"):
        read_json(tmp_path / "a.json")


def test_json_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match="is missing"):
        read_json(tmp_path / "a.json")


# ---- logs -------------------------------------------------------------------------------------


def written(path: Path, *lines: bytes) -> Path:
    path.write_bytes(b"\n".join(lines))
    return path


def rows(*steps: int) -> list[dict[str, Any]]:
    return [{"step": step} for step in steps]


def test_rows_come_back_in_their_order(tmp_path: Path) -> None:
    for row in rows(1, 2):
        append_row(tmp_path / "log", row)
    assert list(read_rows(tmp_path / "log")) == rows(1, 2)


def test_a_log_that_is_not_there_has_no_rows(tmp_path: Path) -> None:
    assert list(read_rows(tmp_path / "log")) == []
    drop_rows_after(tmp_path / "log", 1)
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize("tail", [b'{"st', b'{"text": "caf\xc3', b'{"step": 2', b"\xff"])
def test_a_last_line_that_was_cut_is_passed_over(tmp_path: Path, tail: bytes) -> None:
    path = written(tmp_path / "log", b'{"step": 1}', tail)
    assert list(read_rows(path)) == rows(1)


@pytest.mark.parametrize("line", [b'{"st', b"\xff", b"5", b"[]", b"null"])
def test_a_damaged_line_before_the_last_is_told_with_its_number(
    tmp_path: Path, line: bytes
) -> None:
    path = written(tmp_path / "log", b'{"step": 1}', line, b'{"step": 2}', b"")
    with pytest.raises(RunDirectoryError, match="line 2, is damaged"):
        list(read_rows(path))


def test_rows_after_a_step_are_dropped_and_a_cut_line_with_them(tmp_path: Path) -> None:
    path = written(tmp_path / "log", *(json.dumps(row).encode() for row in rows(1, 2, 3)), b'{"s')
    drop_rows_after(path, 2)
    append_row(path, {"step": 3})
    assert list(read_rows(path)) == rows(1, 2, 3)
    assert len(path.read_text().splitlines()) == 3


def test_a_removed_folder_is_gone(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    remove_folder(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_runs_that_begin_in_the_same_second_have_directories_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    taken, free = Path("runs/1-lstm"), Path("runs/1-lstm-2")
    found = iter([taken, free])  # the first was free when it was looked for
    taken.mkdir(parents=True)
    monkeypatch.setattr(directory, "_unused", lambda name: next(found))
    assert create_default_directory("lstm").path == free
    assert free.is_dir()


def test_the_default_path_is_free_and_names_time_and_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = create_default_directory("lstm").path, create_default_directory("lstm").path
    assert first.parent.name == "runs"
    assert first.name.endswith("-lstm")
    assert second != first


def test_an_empty_name_names_no_run_though_there_is_only_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs/only").mkdir(parents=True)
    (tmp_path / "runs/only/run.toml").touch()
    with pytest.raises(RunDirectoryError, match="The name of a run is empty"):
        find_run("")


def test_what_is_no_run_is_told_with_the_reason_and_pages_of_comparisons_are_not(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for name in ("run/run.toml", "study/study.toml", "other/notes.txt"):
        path = tmp_path / "runs" / name
        path.parent.mkdir(parents=True)
        path.touch()
    for name in ("comparison-2026-11-30-101010.html", "notes.txt", ".hidden"):
        (tmp_path / "runs" / name).touch()
    runs, others = list_folders()
    assert [each.name for each in runs] == ["run"]
    assert others == ["notes.txt (a file)", "other (no run.toml)", "study (a study of tune)"]
