"""Ctrl-C where it must not break off what is under way."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def interrupts_ignored() -> Iterator[None]:
    """Take no notice of Ctrl-C in the block; a program that it starts does."""
    before = signal.signal(signal.SIGINT, lambda *_: None)  # SIG_IGN would be passed on to it
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def interrupts_noticed() -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether Ctrl-C came in the block; a second one interrupts it."""
    count = 0

    def notice(*_: object) -> None:
        nonlocal count
        count += 1
        if count > 1:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, notice)
    try:
        yield lambda: count > 0
    finally:
        signal.signal(signal.SIGINT, before)
