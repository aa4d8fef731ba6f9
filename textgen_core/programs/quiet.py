"""Remarks that a library in C++ makes on standard error, past Python's `sys.stderr`, left out."""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

_LOCK = threading.RLock()


@contextmanager
def without_remarks(remark: re.Pattern[bytes]) -> Iterator[None]:
    """Leave out the lines that begin with `remark`, and what is written when the block raises.

    Whatever else is written meanwhile, by any thread, is written after it.
    """
    with _LOCK, tempfile.TemporaryFile() as held:
        try:
            before = os.dup(2)
        except OSError:  # there is no standard error
            yield
            return
        os.dup2(held.fileno(), 2)
        try:
            yield
            _write_again(held, before, remark)
        finally:
            os.dup2(before, 2)
            os.close(before)


def _write_again(held: IO[bytes], to: int, remark: re.Pattern[bytes]) -> None:
    held.seek(0)
    kept = b"".join(line for line in held if not remark.match(line))
    while kept:
        kept = kept[os.write(to, kept) :]
