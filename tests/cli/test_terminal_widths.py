"""A run at a real terminal: nothing wraps, nothing of the bar stays, and no library chatters."""

from __future__ import annotations

import os
import re
import select
import struct
import subprocess
import sys
import time

import pytest
from cli.commands import TINY
from rich.cells import cell_len

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals of POSIX")

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
MOVES = re.compile(r"(\r\n|\r|\n|\x1b\[2K|\x1b\[1A|\x1b\[\?25[lh])")


def at_terminal(arguments, folder, width):
    """Return what `textgen` writes to a terminal of that width, and its exit code."""
    import fcntl
    import pty
    import termios

    controls, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    left_out = ("TF_CPP_MIN_LOG_LEVEL", "COLUMNS", "NO_COLOR", "JPY_PARENT_PID")
    inherited = {key: os.environ[key] for key in os.environ if key not in left_out}
    own = {"TERM": "xterm", "LC_ALL": "C.UTF-8", "TEXTGEN_CACHE": str(folder / "cache")}
    process = subprocess.Popen(
        [sys.executable, "-m", "textgen_core", *arguments],
        env={**inherited, **own},
        cwd=folder,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    written, until = b"", time.monotonic() + 500
    try:
        while time.monotonic() < until:
            if select.select([controls], [], [], 1)[0]:
                written += os.read(controls, 1 << 16)
    except OSError:  # its end is closed
        pass
    finally:
        if time.monotonic() > until:
            process.kill()
        os.close(controls)
    return written.decode(), process.wait(timeout=60)


def screen_of(written):
    """Return the lines that stay on the screen, after all that was written over another text."""
    lines, row, fresh = [""], 0, False
    for part in MOVES.split(COLOURS.sub("", written)):
        if part in ("\r\n", "\n"):
            row, fresh = row + 1, False
            lines += [""] * (row == len(lines))
        elif part == "\r":
            fresh = True
        elif part == "\x1b[1A":
            row -= 1
        elif part == "\x1b[2K":
            lines[row] = ""
        elif part and not part.startswith("\x1b"):
            lines[row], fresh = ("" if fresh else lines[row]) + part, False
    return [line.rstrip() for line in lines]


@pytest.mark.parametrize("width", [80, 120])
def test_a_run_at_a_terminal_is_as_wide_as_it_and_leaves_no_bar(corpus, width):
    folder = corpus.parent
    arguments = ["run", corpus.name, *TINY, "--out", f"wide-{width}"]
    written, code = at_terminal(arguments, folder, width)
    assert code == 0, written
    lines = screen_of(written)
    assert "━" in written  # there was one
    assert not [line for line in lines if "━" in line or "\x1b" in line]
    assert max(map(cell_len, lines)) <= width
    assert [line for line in lines if line.startswith("  │ ")]
    headings = [line for line in lines if re.match(r"\d [A-Z]", line)]
    assert [heading[0] for heading in headings] == ["1", "2", "3", "4", "5"]
    assert lines[-2].startswith("Train it further: ")
    assert not [line for line in lines if re.search(r"oneDNN|cuda|XLA|WARNING|E0000", line)]
