"""Ctrl-C and termination, honoured between two steps rather than in the middle of one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

# Ctrl-C; what systems and schedulers end a process with; a terminal or connection that is closed;
# processor time that is used up; and what schedulers send some time before the end. Windows has
# but the first two.
SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGXCPU", "SIGUSR1")
    if hasattr(signal, name)
)


class Interruption:
    """Whether the process was told to stop."""

    requested = False

    def request(self, number: int, _frame: FrameType | None) -> None:
        """Note the first signal; a Ctrl-C after it raises KeyboardInterrupt at once.

        The other signals may well come again: a shutdown sends several, and SIGXCPU comes every
        second. They do not ask for more than the first.
        """
        if self.requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.requested = True


@contextmanager
def listening() -> Iterator[Interruption]:
    """Handle the signals while the block runs; only the main thread can.

    One that is ignored stays so: `nohup` and a shell's background jobs ask for that.
    """
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    before: dict[int, Any] = {
        number: signal.signal(number, interruption.request)
        for number in SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            # None is the handler of a library written in C, which cannot be put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
