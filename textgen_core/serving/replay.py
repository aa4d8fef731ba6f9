"""A part of a request that is computed again, since its process has gone, repeats nothing.

The same request brings the same texts, but perhaps in other pieces.
"""

from __future__ import annotations

import attrs

from textgen_core.serving.parts import Event, Opened, Written


@attrs.define(kw_only=True)
class _Place:
    """How far a text has come."""

    characters: int = 0
    tokens: int = 0
    is_whole: bool = False


class Replay:
    """Lets through what is new of the events that a part of a request brings."""

    def __init__(self) -> None:
        self._said: dict[int, _Place] = {}  # of each row, before it was computed again
        self._now: dict[int, _Place] = {}
        self._scored: set[int] = set()
        self._is_opened = False

    def begin_again(self) -> None:
        """Expect all of it once more."""
        for row, place in self._now.items():
            said = self._said.setdefault(row, _Place())
            said.characters = max(said.characters, place.characters)
            said.tokens = max(said.tokens, place.tokens)
            said.is_whole |= place.is_whole
        self._now = {}

    def new_of(self, event: Event) -> Event | None:
        """Return what of an event has not been said yet, None if all has."""
        if isinstance(event, Written):
            return self._new_text(event)
        if isinstance(event, Opened):
            is_new, self._is_opened = not self._is_opened, True
        else:
            is_new = event.prompt not in self._scored
            self._scored.add(event.prompt)
        return event if is_new else None

    def _new_text(self, written: Written) -> Written | None:
        now = self._now.setdefault(written.row, _Place())
        said = self._said.get(written.row)
        characters, tokens = now.characters, now.tokens
        now.characters += len(written.text)
        now.tokens += len(written.tokens)
        now.is_whole = written.finish_reason is not None
        if said is None:
            return written
        if said.is_whole:
            return None
        new = attrs.evolve(
            written,
            text=written.text[max(0, said.characters - characters) :],
            tokens=written.tokens[max(0, said.tokens - tokens) :],
            prompt_token_ids=None if said.tokens else written.prompt_token_ids,
        )
        return new if new.text or new.tokens or new.finish_reason else None
