"""Remarks that a library in C++ makes on standard error, past Python's `sys.stderr`, left out."""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO

_LOCK = threading.RLock()


@contextmanager
def without_remarks(remark: re.Pattern[bytes]) -> Iterator[None]:
    """Leave out the lines that begin with `remark`, and what is written if the block raises.

    Whatever else is written meanwhile, by any thread, is written after it. Without a standard error
    to write to, or a temporary file to hold lines back in, nothing is left out.
    """
    with _LOCK, ExitStack() as stack:
        held = before = None
        try:
            before = os.dup(2)
            stack.callback(os.close, before)
            held = stack.enter_context(tempfile.TemporaryFile())
            os.dup2(held.fileno(), 2)
            stack.callback(os.dup2, before, 2)
        except OSError:
            held = None
        yield
        if held is not None and before is not None:
            _write_again(held, before, remark)


def _write_again(held: IO[bytes], to: int, remark: re.Pattern[bytes]) -> None:
    held.seek(0)
    kept = b"".join(line for line in held if not remark.match(line))
    while kept:
        kept = kept[os.write(to, kept) :]
