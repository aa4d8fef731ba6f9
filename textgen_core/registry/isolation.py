"""What a stranger's code may do to the process while it is imported, and what is left of it after.

This module knows nothing about plugins.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def printing_to_stderr() -> Iterator[None]:
    """Let what is printed go to stderr: it must not get into a command's output.

    The descriptor is turned too, for libraries in C and programs that a plugin starts.
    """
    has_stderr = not getattr(sys.stderr, "closed", sys.stderr is None)
    stderr = sys.stderr if has_stderr else io.StringIO()
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # a descriptor may be closed, and then nothing prints
            stderr.flush()
            kept = os.dup(1)
            stack.callback(os.close, kept)
            os.dup2(2, 1)
            stack.callback(os.dup2, kept, 1)
        lent: Any = _Lent(stderr)
        stack.enter_context(contextlib.redirect_stdout(lent))
        stack.enter_context(contextlib.redirect_stderr(lent))
        yield


class _Lent:
    """A stream that a plugin may close, detach or wrap, and that goes on for everybody else."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @property
    def buffer(self) -> Any:
        """The bytes below the text: what wraps them closes them when it goes."""
        return _Lent(self._stream.buffer)

    def detach(self) -> Any:
        """Return the bytes below the text, which keeps them too."""
        return self.buffer

    def close(self) -> None:
        """Write what is left, and close nothing."""
        self._stream.flush()


@contextlib.contextmanager
def kept_folder() -> Iterator[None]:
    """Come back to the current folder, by which paths on the command line are meant."""
    folder: Path | None = None
    with contextlib.suppress(OSError):  # it may be gone already
        folder = Path.cwd()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if folder is not None and Path.cwd() != folder:
                os.chdir(folder)
