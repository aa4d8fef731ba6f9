"""A training outlives the reader of its output, and ends with a checkpoint when it is told to."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
from cli.commands import TINY, run_lines
from training.resuming import last_step

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and signals of POSIX")


def test_a_run_whose_reader_leaves_is_finished(corpus, tmp_path):
    command = [sys.executable, "-m", "textgen_core", "run", corpus, *TINY, "--out", tmp_path / "r"]
    own = {"TEXTGEN_CACHE": str(tmp_path / "cache")}
    with (tmp_path / "errors").open("w+") as errors:
        run = subprocess.Popen(
            command, env={**os.environ, **own}, stdout=subprocess.PIPE, stderr=errors
        )
        run.stdout.read(20)  # it has begun
        run.stdout.close()
        assert run.wait(timeout=300) == 0
        errors.seek(0)
        shown = errors.read()
    assert "Error" not in shown
    assert "Traceback" not in shown
    assert (tmp_path / "r" / "report.html").is_file()
    assert (tmp_path / "r" / "evaluation.json").is_file()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
def test_a_terminal_that_is_hung_up_leaves_a_checkpoint(corpus, tmp_path, number):
    import pty

    controls, terminal = pty.openpty()
    out = tmp_path / "out"
    endless = ["--epochs", "100000", "--set", "training.patience=none"]
    run = subprocess.Popen(
        [sys.executable, "-m", "textgen_core", "run", corpus, *TINY, *endless, "--out", out],
        env={**os.environ, "TEXTGEN_CACHE": str(tmp_path / "cache")},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    try:
        while last_step(out) < 20:
            os.read(controls, 1 << 16)
            assert run.poll() is None
        if number == signal.SIGHUP:
            os.close(controls)  # what it writes fails from here on
        run.send_signal(number)
        run.send_signal(number)
        if number != signal.SIGHUP:
            while run.poll() is None:
                try:
                    os.read(controls, 1 << 16)
                except OSError:
                    break
        assert run.wait(timeout=300) == 130
    finally:
        run.kill()
    steps = sorted((out / "checkpoints").glob("step-*"))
    assert steps
    assert int(steps[-1].name[5:]) >= 20


def test_a_resumption_that_brings_nothing_says_so(finished_run, tmp_path):
    shutil.copytree(finished_run, tmp_path / "again")
    (checkpoint,) = (tmp_path / "again" / "checkpoints").glob(f"step-*{last_step(finished_run)}")
    state = json.loads((checkpoint / "state.json").read_text())
    state["best_loss"] = 0.01  # no training gets there
    (checkpoint / "state.json").write_text(json.dumps(state))
    (resumed,) = run_lines([["resume", "again", "--minutes", "0.00001"]], tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    told = f"1 more step gave no lower validation loss than step {state['best_step']:,} has"
    assert told in " ".join(resumed.stderr.split())
