"""The tokens of a text as it is written: each is handed out with the text that it brings.

A token waits as long as its text does, which may be held back as the beginning of a stop string; a
text that stops inside a token cuts both at the same place.
"""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class TokenChoice:
    """A token that could have come: log_probability is the model's own, in nats.

    text: what it would have added, a special token's name. kept: whether each sampler left it.
    """

    token_id: int
    text: str
    log_probability: float
    kept: tuple[bool, ...]


@attrs.frozen(kw_only=True)
class WrittenToken:
    """A new token of a text.

    text: what it adds, empty where a character goes on in the next token. log_probability: the
    model's own, in nats, before any sampler. alternatives: the likeliest ones, if they were asked
    for.
    """

    token_id: int
    text: str
    log_probability: float
    alternatives: tuple[TokenChoice, ...] = ()


class WaitingTokens:
    """The tokens of one text that are not handed out yet."""

    def __init__(self) -> None:
        self._waiting: list[WrittenToken] = []
        self._handed_out = 0  # characters of the text that tokens were handed out with

    def add(self, token_id: int, text: str, log_probability: float) -> None:
        """Take in the next token, with the text that is complete now."""
        self._waiting.append(
            WrittenToken(token_id=token_id, text=text, log_probability=log_probability)
        )

    def complete(self, text: str) -> None:
        """Add text to the last token: what was held back, now that no more tokens come."""
        if text:
            last = self._waiting.pop()
            self._waiting.append(attrs.evolve(last, text=last.text + text))

    def take(self, shown: int) -> list[WrittenToken]:
        """Hand out the tokens whose text lies within the first `shown` characters of all.

        Those without a text of their own come with the next that has some.
        """
        count, end, ready = 0, self._handed_out, 0
        for place, token in enumerate(self._waiting, start=1):
            end += len(token.text)
            if end > shown:
                break
            if token.text:
                count, ready = place, end
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        self._handed_out = max(self._handed_out, ready)
        return taken

    def take_all(self) -> list[WrittenToken]:
        """Hand out the rest of a text that has ended."""
        taken, self._waiting = self._waiting, []
        return taken

    def take_cut(self, shown: int) -> list[WrittenToken]:
        """Hand out the tokens of the first `shown` characters, at which the text stops."""
        taken = []
        for token in self.take_all():
            if self._handed_out >= shown:
                break
            text = token.text[: shown - self._handed_out]
            self._handed_out += len(text)
            taken.append(attrs.evolve(token, text=text))
        return taken
