"""What is seen of files, connections and processes, and what is left alone."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from textgen_core.testing.watching import watched


def seen(act: Callable[[], object]) -> list[str]:
    """Return in words what an act is seen to do."""
    with watched() as acts:
        act()
    return [each.words for each in acts]


def remove_and_make_again(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


@pytest.mark.parametrize(
    ("act", "event"),
    [
        (lambda path: path.write_text("more"), "open"),
        (lambda path: os.close(os.open(path, os.O_RDWR)), "open"),
        (lambda path: path.rename(path.with_name("b.txt")), "os.rename"),
        (lambda path: path.unlink(), "os.remove"),
        (lambda path: path.chmod(0o600), "os.chmod"),
        (lambda path: os.truncate(path, 0), "os.truncate"),
        (lambda path: os.utime(path), "os.utime"),
        (lambda path: path.with_name("c.txt").symlink_to(path), "os.symlink"),
        (lambda path: path.with_name("d.txt").hardlink_to(path), "os.link"),
        (lambda path: path.with_name("folder").mkdir(), "os.mkdir"),
    ],
)
def test_a_change_of_a_file_that_was_there_before_is_seen(
    tmp_path: Path, act: Callable[[Path], object], event: str
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("some")
    words = seen(lambda: act(path))
    assert words
    assert all(str(tmp_path.resolve()) in each and event in each for each in words)


def test_a_relative_path_and_a_removed_folder_are_named_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").touch()
    words = seen(lambda: remove_and_make_again(Path("folder")))
    assert f"it writes {tmp_path / 'folder'} (os.mkdir)" in words
    assert f"it writes {tmp_path / 'folder' / 'file'} (os.remove)" in words


def use_temporary_files() -> None:
    with tempfile.TemporaryDirectory() as folder:
        inner = Path(folder) / "inner"
        inner.mkdir()
        (inner / "file").write_text("text")
        shutil.move(inner / "file", inner / "moved")
    with tempfile.TemporaryFile() as file:
        file.write(b"text")
    Path(os.devnull).write_text("text")


def test_reading_and_temporary_files_are_no_writes(tmp_path: Path) -> None:
    assert seen(lambda: Path(__file__).read_text(encoding="utf-8")) == []
    assert seen(use_temporary_files) == []


def connect(family: int, address: object) -> None:
    with socket.socket(family) as caller:
        caller.connect_ex(address)  # type: ignore[arg-type]


def test_connections_are_seen_but_for_those_within_the_machine(tmp_path: Path) -> None:
    assert seen(lambda: connect(socket.AF_INET, ("127.0.0.1", 9))) == [
        "it connects to ('127.0.0.1', 9)"
    ]
    assert seen(lambda: socket.getaddrinfo("127.0.0.1", 9)) == ["it looks up '127.0.0.1'"]
    assert seen(lambda: connect(socket.AF_UNIX, str(tmp_path / "nobody"))) == []


def test_a_process_is_seen() -> None:
    words = seen(lambda: subprocess.run([sys.executable, "-S", "-c", "0"], check=True))
    assert any(each.startswith("it starts") for each in words)


def test_other_threads_and_what_comes_after_are_not_watched(tmp_path: Path) -> None:
    with watched() as acts:
        other = threading.Thread(target=(tmp_path / "theirs.txt").touch)
        other.start()
        other.join()
    (tmp_path / "later.txt").touch()
    assert acts == []
