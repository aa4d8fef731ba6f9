"""What belongs to a run is opened in its own folder, and is a file of a size that it can have."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from textgen_core.errors import RunDirectoryError
from textgen_core.runs import RunDirectory, door
from textgen_core.runs.files import (
    append_row,
    drop_rows_after,
    read_json,
    read_rows,
    read_toml,
    write_json,
    write_text,
)
from textgen_core.runs.weights import best_step

READERS = {
    "a.json": read_json,
    "a.toml": read_toml,
    "a.jsonl": lambda path: list(read_rows(path)),
    "cut.jsonl": lambda path: drop_rows_after(path, 3),
    "more.jsonl": lambda path: append_row(path, {"step": 1}),
}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere" / "secret"
    path.parent.mkdir()
    path.write_text("secret", encoding="utf-8")
    return path


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    (tmp_path / "run" / "checkpoints" / "step-00000001").mkdir(parents=True)
    return RunDirectory(tmp_path / "run")


@pytest.mark.parametrize("name", READERS)
def test_no_link_is_followed_be_it_to_read_or_to_write(
    name: str, run: RunDirectory, secret: Path
) -> None:
    path = run.path / name
    for target in (secret, secret.with_name("absent"), secret.parent):
        path.unlink(missing_ok=True)
        path.symlink_to(target)
        with pytest.raises(RunDirectoryError, match="is a symbolic link") as caught:
            READERS[name](path)
        assert name in caught.value.problem
        assert "secret" not in str(caught.value)
    assert [each.name for each in secret.parent.iterdir()] == ["secret"]
    assert secret.read_text(encoding="utf-8") == "secret"


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", ["a named pipe", "a folder", "a socket", "a device"])
def test_what_is_no_regular_file_is_refused_at_once(
    name: str, kind: str, run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = run.path / name
    monkeypatch.chdir(run.path)  # the address of a socket must be short
    if kind == "a named pipe":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
    elif kind == "a socket":
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(name)
    elif os.geteuid() == 0:
        os.mknod(path, 0o20666, os.makedev(1, 5))
    else:
        pytest.skip("only root makes devices")
    with pytest.raises(RunDirectoryError, match=f"{name} is {kind}"):
        READERS[name](path)


def test_a_file_is_written_in_the_place_of_a_link_and_not_through_it(
    run: RunDirectory, secret: Path
) -> None:
    for write in (lambda path: write_text(path, "new"), lambda path: write_json(path, "new")):
        run.report.unlink(missing_ok=True)
        run.report.symlink_to(secret)
        write(run.report)
        assert not run.report.is_symlink()
    assert secret.read_text(encoding="utf-8") == "secret"


@pytest.mark.parametrize("link", ["checkpoints", "checkpoints/step-00000001"])
def test_no_folder_on_the_way_is_a_link(link: str, run: RunDirectory, tmp_path: Path) -> None:
    state = run.checkpoint(1) / "state.json"
    write_json(state, {"step": 1})
    assert read_json(state, run.path) == {"step": 1}
    (run.path / link).rename(tmp_path / "moved")
    (run.path / link).symlink_to(tmp_path / "moved")
    for look in (run.saved_steps, lambda: best_step(run), lambda: read_json(state, run.path)):
        with pytest.raises(RunDirectoryError, match=f"{link} is a symbolic link"):
            look()


def test_the_folder_of_a_run_may_itself_be_reached_through_a_link(
    run: RunDirectory, tmp_path: Path
) -> None:
    write_json(run.checkpoint(1) / "state.json", {"step": 1})
    (tmp_path / "named").symlink_to(run.path)
    named = RunDirectory(tmp_path / "named")
    assert named.saved_steps() == [1]
    assert read_json(named.checkpoint(1) / "state.json", named.path) == {"step": 1}
    append_row(named.metrics, {"step": 1})
    assert list(read_rows(run.metrics)) == [{"step": 1}]


def test_a_link_that_is_planted_after_the_look_is_refused_by_the_system(
    run: RunDirectory, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "_check", lambda *_, **__: None)
    run.manifest.symlink_to(secret)
    (run.path / "open").symlink_to(secret.parent)
    for path in (run.manifest, run.path / "open" / "secret"):
        with pytest.raises(OSError, match=r"[Ll]ink|[Dd]irectory"):
            door.open_to_read(path, run.path)


@pytest.mark.parametrize("name", ["run.toml", "tokenizer.json", "a.json", "best.json", "a.jsonl"])
def test_a_file_larger_than_its_kind_ever_is_is_refused_unread(
    name: str, run: RunDirectory
) -> None:
    largest = door.largest_size(run.path / name)
    assert largest is not None
    with (run.path / name).open("wb") as file:
        file.truncate(largest)
    door.open_to_read(run.path / name).close()
    with (run.path / name).open("ab") as file:
        file.truncate(largest + 1)
    with pytest.raises(RunDirectoryError, match="is too large"):
        door.open_to_read(run.path / name)


def test_what_lies_below_a_run_leads_nowhere_else(run: RunDirectory, secret: Path) -> None:
    (run.path / "wandb" / "run-1").mkdir(parents=True)
    (run.path / "wandb" / "latest-run").symlink_to("run-1")  # as wandb makes it
    door.check_tree(run.path)
    for number, name in enumerate(("tensorboard", "wandb/run-1/files")):
        (run.path / name).symlink_to(secret.parent if number else secret)
        with pytest.raises(RunDirectoryError, match=f"{name} is a symbolic link"):
            door.check_tree(run.path)
        (run.path / name).unlink()
    os.mkfifo(run.path / "wandb" / "textgen.json")
    with pytest.raises(RunDirectoryError, match=r"textgen\.json is a named pipe"):
        door.check_tree(run.path)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("gone")])
def test_whatever_lies_in_the_place_of_a_file_counts_as_that_file(
    make: object, run: RunDirectory
) -> None:
    assert not door.is_there(run.best)
    make(run.best)  # type: ignore[operator]
    assert door.is_there(run.best)
    with pytest.raises(RunDirectoryError, match=r"best\.json"):
        best_step(run)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_of_checkpoints_that_cannot_be_read_is_told(run: RunDirectory) -> None:
    run.checkpoints.chmod(0)
    with pytest.raises(RunDirectoryError, match="checkpoints cannot be read"):
        run.saved_steps()
    run.checkpoints.chmod(0o700)
