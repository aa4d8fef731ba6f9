"""Undoes what third-party code does to the process while it is imported."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def isolated() -> Iterator[None]:
    """Send whatever is printed to stderr, and return to the working directory afterwards.

    What is printed would get into a command's output, and paths on its command line are relative to
    the working directory. The file descriptor is redirected too, for libraries in C and programs
    that a plugin starts.
    """
    has_stderr = not getattr(sys.stderr, "closed", sys.stderr is None)
    stderr = sys.stderr if has_stderr else io.StringIO()
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # the folder may be gone already
            stack.callback(_change_back, Path.cwd())
        with contextlib.suppress(OSError):  # a descriptor may be closed, and then nothing prints
            stderr.flush()
            saved = os.dup(1)
            stack.callback(os.close, saved)
            os.dup2(2, 1)
            stack.callback(os.dup2, saved, 1)
        borrowed: Any = _BorrowedStream(stderr)
        stack.enter_context(contextlib.redirect_stdout(borrowed))
        stack.enter_context(contextlib.redirect_stderr(borrowed))
        yield


class _BorrowedStream:
    """A stream that a plugin may close, detach or wrap without closing it for other code."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @property
    def buffer(self) -> Any:
        """The stream of bytes; a wrapper around it closes it when it is collected."""
        return _BorrowedStream(self._stream.buffer)

    def detach(self) -> Any:
        return self.buffer

    def close(self) -> None:
        self._stream.flush()


def _change_back(folder: Path) -> None:
    with contextlib.suppress(OSError):
        os.chdir(folder)
