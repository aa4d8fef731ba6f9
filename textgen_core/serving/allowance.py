"""How much clients can have made: some options of samplers are built into programs.

Making one takes seconds of a core, and room in memory and in the cache.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from textgen_core.errors import TextgenError

MOST_AT_ONCE = 30  # programs
SECONDS_FOR_ONE = 10.0  # after which one more may be made


class TooMuchToMake(TextgenError):
    """More programs are asked for than a server makes; seconds: until it makes one more."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            "So many settings of samplers were asked for that no more are converted for now.",
            f"Allowed: those that were, and one more every {SECONDS_FOR_ONE:.0f} seconds.",
        )
        self.seconds = math.ceil(seconds)


class Allowance:
    """Lets some programs be made at once, and one more every few seconds."""

    def __init__(
        self,
        most: int = MOST_AT_ONCE,
        seconds: float = SECONDS_FOR_ONE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._seconds, self._clock = most, seconds, clock
        self._left, self._then = float(most), clock()

    def take(self) -> None:
        """Take one; raises TooMuchToMake where there is none."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._then) / self._seconds)
        self._then = now
        if self._left < 1:
            raise TooMuchToMake((1 - self._left) * self._seconds)
        self._left -= 1
