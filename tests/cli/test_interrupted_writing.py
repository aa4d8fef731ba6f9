"""Ctrl-C while text is streamed: what was written stays, and the line ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

# Greedy, since a tiny model would draw <END> soon.
ENDLESS = ["--max-new-tokens", "1000000", "--prompt", "the ", "--sampler", "greedy"]


def start(run, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "textgen_core", "generate", run, *ENDLESS, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "NO_COLOR": "1"},
        # A job in a script's background is told to ignore it, and so are its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to a child")
def test_an_interrupted_stream_ends_with_its_line_and_no_trace(finished_run):
    process = start(finished_run)
    try:
        first = process.stdout.read(12)  # text is coming
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert first.startswith(b"the ")
    assert rest.endswith(b"\n")
    assert b"Traceback" not in errors
    assert errors.decode().strip().endswith("Interrupted.")
