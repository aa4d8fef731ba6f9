"""`textgen generate --interactive` at a real terminal: its line editing, Ctrl-C and Ctrl-D."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals of POSIX")

ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")
PROMPT = b"\n> "
# Greedy, since a tiny model would draw <END> soon; without end, until Ctrl-C.
ENDLESS = ["--max-new-tokens", "1000000", "--sampler", "greedy", "--prompt", "the "]


class Terminal:
    """A command at a pseudo-terminal, and what it has shown."""

    def __init__(self, command, folder):
        import fcntl
        import pty
        import termios

        self._controls, terminal = pty.openpty()
        own = {"TERM": "xterm", "NO_COLOR": "1", "LC_ALL": "C.UTF-8", "EDITOR": "", "VISUAL": ""}
        own["TEXTGEN_CACHE"] = str(folder / "cache")
        # What the tests set against TensorFlow's chatter is what brings it back: see `cli/startup`.
        inherited = {key: os.environ[key] for key in os.environ if key != "TF_CPP_MIN_LOG_LEVEL"}
        self.process = subprocess.Popen(
            command,
            env={**inherited, **own},
            cwd=folder,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # Ctrl-C is a signal then
        )
        os.close(terminal)
        self._shown = b""

    def type(self, keys):
        os.write(self._controls, keys)

    def read_until(self, pattern, seconds=120):
        """Return what was shown up to a pattern, without the sequences of line editing."""
        until = time.monotonic() + seconds
        while (found := re.search(pattern, self._shown)) is None:
            assert time.monotonic() < until, self._shown
            if select.select([self._controls], [], [], 1)[0]:
                data = os.read(self._controls, 1 << 16)
                self._shown = ESCAPES.sub(b"", self._shown + data).replace(b"\r\n", b"\n")
        shown, self._shown = self._shown[: found.end()], self._shown[found.end() :]
        return shown.decode()

    def end(self):
        """Return the exit code."""
        try:
            while True:
                os.read(self._controls, 1 << 16)
        except OSError:  # its end is closed
            return self.process.wait(timeout=60)

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self._controls)


@pytest.fixture
def start(finished_run, tmp_path):
    """Return a function that starts a session at a terminal, with further options."""
    started = []

    def start(*options):
        command = [sys.executable, "-m", "textgen_core", "generate", finished_run, "--interactive"]
        started.append(Terminal([*command, *options], tmp_path))
        return started[-1]

    yield start
    for each in started:
        each.close()


def test_a_session_at_a_terminal(start, tmp_path):
    terminal = start(*ENDLESS)
    terminal.read_until(rb"Ctrl-D leaves")
    terminal.read_until(PROMPT)

    terminal.type("é\x7fmill \n".encode())  # Backspace takes the whole character
    terminal.read_until(rb"mill \n")
    terminal.read_until(rb"[\w ]{3}")  # it writes
    terminal.type(b"\x03")
    terminal.read_until(PROMPT)

    terminal.type(b"never added")
    terminal.read_until(rb"never added")
    time.sleep(0.5)  # Python misses a Ctrl-C while it is at a key, until the next one
    terminal.type(b"\x03")
    terminal.read_until(PROMPT)
    terminal.type(b"/undo\n")
    assert "the mill " in terminal.read_until(PROMPT)

    terminal.type(b"/length 3\n")
    terminal.read_until(PROMPT)
    terminal.type(b"\x1b[200~one\ntwo\x1b[201~\n")  # pasted
    terminal.read_until(PROMPT)
    terminal.type(b"/save pasted.txt\n")
    terminal.read_until(PROMPT)
    terminal.type(b"/u\n")
    terminal.read_until(PROMPT)
    terminal.type(b"/u\n")
    terminal.read_until(PROMPT)
    terminal.type(b"/save mill.txt\n\x1b[A")  # and the line before it again
    terminal.read_until(rb"/save mill.txt.*\n(.*\n)*> /save mill.txt")
    terminal.type(b"\x15water\n")
    terminal.read_until(PROMPT)

    terminal.type(b"\x04")
    terminal.read_until(rb"is not saved.*\nfile: ")
    terminal.type("für später.txt\n".encode())
    assert terminal.end() == 0
    assert (tmp_path / "mill.txt").read_text() == "the mill "
    pasted = (tmp_path / "pasted.txt").read_text()
    assert re.fullmatch("the mill one\ntwo.*", pasted, re.DOTALL)
    assert (tmp_path / "für später.txt").read_text().startswith("the mill water")

    terminal = start("--sampler", "min-p:0.3")  # converted anew, while the model need not be
    shown = terminal.read_until(rb"Ctrl-D leaves")
    assert [line for line in shown.splitlines()[:-2] if not line.startswith("Converting")] == []
