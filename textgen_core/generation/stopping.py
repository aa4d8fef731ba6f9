"""Stop strings in a text that arrives in pieces.

Text that may be the beginning of a stop string is held back until it is known not to be. A stop
string may begin in one token and end in another.
"""

from __future__ import annotations

from collections.abc import Sequence


class StopStrings:
    """Lets one text through up to the first stop string, which itself is left out."""

    def __init__(self, stop: Sequence[str]) -> None:
        """Watch for any of `stop`, none of them empty."""
        self._stop = tuple(stop)
        self._held = ""
        self.found = False

    def push(self, text: str) -> str:
        """Return what may be shown, now that `text` has arrived; nothing after a stop string."""
        if self.found:
            return ""
        self._held += text
        places = [place for stop in self._stop if (place := self._held.find(stop)) >= 0]
        self.found = bool(places)
        ready = min(places) if places else len(self._held) - self._undecided()
        shown, self._held = self._held[:ready], self._held[ready:]
        return shown

    def finish(self) -> str:
        """Return what is still held back, now that the text has ended."""
        held, self._held = self._held, ""
        return "" if self.found else held

    def _undecided(self) -> int:
        """Return how many characters at the end may begin a stop string."""
        longest = max((len(stop) for stop in self._stop), default=1) - 1
        for length in range(min(longest, len(self._held)), 0, -1):
            if any(stop.startswith(self._held[-length:]) for stop in self._stop):
                return length
        return 0
