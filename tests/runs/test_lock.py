"""One writer at a time: who holds the lock of a run directory, and what releases it."""

import errno
import fcntl
import json
import os
import platform
import signal
import subprocess
import sys

import pytest

from textgen_core.errors import RunDirectoryError
from textgen_core.runs.directory import RunDirectory, check_free
from textgen_core.runs.lock import check_writable, writing

HOLD = """
import sys, time
from pathlib import Path
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.lock import writing
sys.argv = ["/usr/bin/textgen", "resume", "my run"]
with writing(RunDirectory(Path(sys.stdin.readline().strip())), print):
    print("held", flush=True)
    time.sleep(60)
"""


def refuse(note):
    raise AssertionError(f"nothing is to be noted here: {note}")


@pytest.fixture
def run(tmp_path):
    return RunDirectory(tmp_path)


@pytest.fixture
def holder(run):
    """Another process that writes the run, until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    process.stdin.write(f"{run.path}\n")
    process.stdin.flush()
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_writer_is_told_who_the_first_is_until_that_one_dies(run, holder):
    with pytest.raises(RunDirectoryError) as refused:
        check_writable(run)
    problem, allowed, advice = str(refused.value).splitlines()
    start = f"{run.path} is being written by another process, {holder.pid} on {platform.node()}"
    assert problem.startswith(f"{start}, since 20")
    assert problem.endswith("(textgen resume 'my run').")
    assert allowed.startswith("Allowed: one writer at a time")
    assert advice.endswith(f"kill -INT {holder.pid}")
    assert refused.value.exit_code == 4

    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert run.lock.exists()  # nobody could remove it
    check_free(run.path)  # nor is it in the way of a new run
    with writing(run, refuse):
        assert json.loads(run.lock.read_text())["pid"] == os.getpid()
    assert not run.lock.exists()


def test_two_calls_in_one_process_are_two_writers(run):
    with writing(run, refuse), pytest.raises(RunDirectoryError, match="being written"):
        check_writable(run)
    check_writable(run)


def test_what_the_holder_says_of_itself_cannot_act_on_a_terminal(run):
    for text in ("", "[" * 3000, "3", '{"pid": "1; rm -rf ~", "host": "\\u001b[2J"}'):
        with writing(run, refuse):
            run.lock.write_text(text)
            with pytest.raises(RunDirectoryError) as refused:
                check_writable(run)
            assert "by another process." in refused.value.problem
            assert refused.value.advice.endswith("Ctrl-C there")


def test_a_lock_that_its_holder_removed_meanwhile_holds_nothing(run, monkeypatch):
    locked = fcntl.flock
    stale = []

    def removed_before(descriptor, operation):
        if not stale:
            stale.append(run.lock.unlink())
        locked(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", removed_before)
    with writing(run, refuse):
        monkeypatch.undo()
        assert stale
        with pytest.raises(RunDirectoryError, match="being written"):
            check_writable(run)


def test_without_locks_or_flushing_the_run_goes_on_with_a_note_of_each(run, monkeypatch):
    def cannot(*_):
        raise OSError(errno.EINVAL, "invalid argument")

    notes = []
    monkeypatch.setattr(fcntl, "flock", cannot)
    monkeypatch.setattr(os, "fsync", cannot)
    with writing(run, notes.append):
        assert [note.partition(f" {run.path} ")[2].partition(":")[0] for note in notes] == [
            "has no locks",
            "cannot be told to keep what was written",
        ]


def test_what_lies_in_the_place_of_the_lock_is_neither_followed_nor_waited_for(run, tmp_path):
    for make in (
        lambda: run.lock.symlink_to(tmp_path / "planted"),
        lambda: os.mkfifo(run.lock),
    ):
        make()
        with pytest.raises(RunDirectoryError, match="no regular file") as refused:
            check_writable(run)
        assert refused.value.advice == f"Remove it: rm {run.lock}"
        run.lock.unlink()
    assert not (tmp_path / "planted").exists()
