import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from textgen_core.runs.making import making

MAKER = """
import sys, time
from pathlib import Path
from textgen_core.runs.making import making
path = Path(sys.argv[1])
with making(path):
    print("held", flush=True)
    sys.stdin.readline()
    path.write_text("made by the other")
"""


@pytest.fixture
def maker(tmp_path):
    """Return a process that makes a file, and will have made it once it is sent a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", MAKER, str(tmp_path / "file")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_nothing_is_left_of_a_file_that_was_made(tmp_path):
    with making(tmp_path / "file"):
        assert [path.name for path in tmp_path.iterdir()] == [".file.lock"]
    assert list(tmp_path.iterdir()) == []


def test_who_waits_finds_the_file_made(tmp_path, maker):
    seen = []

    def wait():
        with making(tmp_path / "file"):
            seen.append((tmp_path / "file").read_text())

    waiting = threading.Thread(target=wait)
    waiting.start()
    waiting.join(0.3)
    assert seen == []
    maker.stdin.write("go\n")
    maker.stdin.flush()
    waiting.join(20)
    assert seen == ["made by the other"]


def test_nobody_waits_for_a_process_that_was_killed(tmp_path, maker):
    maker.kill()
    maker.wait()
    with making(tmp_path / "file", silent=60):
        assert not (tmp_path / "file").exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no process can be stopped here")
def test_nobody_waits_for_ever_for_a_process_that_was_stopped(tmp_path, maker):
    os.kill(maker.pid, signal.SIGSTOP)
    began = time.monotonic()
    with making(tmp_path / "file", silent=0.5):
        assert time.monotonic() - began >= 0.5
    assert (tmp_path / ".file.lock").exists()  # it is the stopped one's


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can give files away")
def test_the_lock_of_a_stranger_is_not_waited_for(tmp_path, maker):
    os.chown(tmp_path / ".file.lock", 12345, 12345)
    with making(tmp_path / "file", silent=60):
        pass


def test_without_locks_the_file_is_made_all_the_same(tmp_path, monkeypatch):
    def refuse(descriptor):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("textgen_core.runs.making.try_lock", refuse)
    with making(tmp_path / "file"):
        (tmp_path / "file").write_text("made")
    assert (tmp_path / "file").read_text() == "made"
