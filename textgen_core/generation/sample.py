"""One sample in the making: its tokens, its text, where it is to stop, and why it ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import attrs
import tokenizers

from textgen_core.data.token_bytes import TokenBytes, open_bytes
from textgen_core.data.tokenizer import END
from textgen_core.generation.guide import Guide
from textgen_core.generation.options import GenerationOptions
from textgen_core.generation.tokens import WaitingTokens, WrittenToken

INCOMPLETE = "\N{REPLACEMENT CHARACTER}"  # what decoders write for bytes that are no character yet
CONTEXT = 16  # tokens decoded along with the new ones, so that words are joined rightly


@attrs.frozen(kw_only=True)
class Sample:
    """A finished text.

    text: what was written after the prompt, without a stop string or anything behind it.
    token_ids: the new tokens, the one that ended the text included; log_probabilities: the model's
    own for each of them in nats, before samplers and before any token was excluded.
    stopped_by: what ended it; an unfinished sample says "length".
    """

    prompt: str
    text: str
    token_ids: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    stopped_by: Literal["length", "stop", "end"]


class Healing:
    """Follows a prompt's last tokens while they are written again; `tail` is their text."""

    def __init__(self, tail: str, guide: Guide, state: int) -> None:
        """Begin in the guide's state after the tokens that are fed."""
        self.tail = tail
        self._guide, self._state = guide, state

    def take(self, token_ids: Sequence[int]) -> int:
        """Return how many of the next tokens lie within the prompt."""
        for place, token_id in enumerate(token_ids):
            if self._state <= self._guide.consumed:
                return place
            self._state = int(self._guide.follows[self._state, token_id])
            if self._state < self._guide.consumed:
                return place
        return len(token_ids)


class SampleWriter:
    """Turns the tokens of one sample into text, as they come."""

    def __init__(
        self,
        prompt: str,
        prompt_token_ids: Sequence[int],
        tokenizer: tokenizers.Tokenizer,
        options: GenerationOptions,
        healing: Healing | None = None,
    ) -> None:
        """Begin a sample; tokens after the last allowed, a stop string or <END> are ignored.

        prompt_token_ids: those that were fed, `<START>` first. healing: where the end of the prompt
        is written again, which is no part of the sample.
        """
        self.prompt = prompt
        self.prompt_token_ids = list(prompt_token_ids)
        self._healing = healing
        left_out = len(healing.tail) if healing else 0
        self._text = TextStream(tokenizer, prompt_token_ids, left_out)
        self._stop = StopStrings(options.stop)
        self._max_new_tokens = options.max_new_tokens
        self._tokens = WaitingTokens() if options.carries_tokens else None
        self._released: list[WrittenToken] = []
        self._shown = 0  # characters
        # Nobody else needs to know which token brought which character.
        is_followed = options.stop or options.carries_tokens
        self._stride = 1 if is_followed else options.max_new_tokens
        self._pieces: list[str] = []
        self._token_ids: list[int] = []
        self._log_probabilities: list[float] = []
        self._stopped_by: Literal["length", "stop", "end"] = "length"
        self.is_open = True

    def push(self, token_ids: Sequence[int], log_probabilities: Sequence[float]) -> str:
        """Take in the tokens that were drawn, and return the text that can be shown now."""
        pieces = []
        if self._healing is not None:
            count = self._healing.take(token_ids)
            self.prompt_token_ids += token_ids[:count]
            self._text.push(token_ids[:count])
            token_ids, log_probabilities = token_ids[count:], log_probabilities[count:]
        for start in range(0, len(token_ids), self._stride):
            if not self.is_open:
                break
            part = slice(start, start + self._stride)
            pieces.append(self._push(token_ids[part], log_probabilities[part]))
        self._pieces += pieces
        return "".join(pieces)

    def take_tokens(self) -> list[WrittenToken]:
        """Return the tokens of the text that was shown since the last call, if they are carried."""
        taken, self._released = self._released, []
        return taken

    def sample(self) -> Sample:
        """Return the sample as it stands."""
        return Sample(
            prompt=self.prompt,
            text="".join(self._pieces),
            token_ids=tuple(self._token_ids),
            log_probabilities=tuple(self._log_probabilities),
            stopped_by=self._stopped_by,
        )

    @property
    def stopped_by(self) -> Literal["length", "stop", "end"]:
        """What ended it; an unfinished sample says "length"."""
        return self._stopped_by

    @property
    def new_tokens(self) -> int:
        """How many tokens it has."""
        return len(self._token_ids)

    def _push(self, token_ids: Sequence[int], log_probabilities: Sequence[float]) -> str:
        kept = list(token_ids[: self._max_new_tokens - len(self._token_ids)])
        has_ended = END in kept
        if has_ended:
            kept = kept[: kept.index(END) + 1]
        self._token_ids += kept
        self._log_probabilities += log_probabilities[: len(kept)]
        text, rest = self._text.push(kept[:-1] if has_ended else kept), ""
        shown = self._stop.push(text)
        is_last = has_ended or len(self._token_ids) >= self._max_new_tokens
        if is_last and not self._stop.found:
            rest = self._text.finish()
            shown += self._stop.push(rest) + self._stop.finish()
        if self._stop.found:
            self._stopped_by = "stop"
        elif has_ended:
            self._stopped_by = "end"
        self.is_open = not (is_last or self._stop.found)
        self._shown += len(shown)
        if self._tokens is not None:
            self._tokens.add(kept[0], text, log_probabilities[0])
            self._tokens.complete(rest)
            ready = self._ready_tokens(self._tokens)
            self._released += ready
            return "".join(token.text for token in ready)  # a text comes with its tokens
        return shown

    def _ready_tokens(self, tokens: WaitingTokens) -> list[WrittenToken]:
        if self._stop.found:
            return tokens.take_cut(self._shown)
        return tokens.take(self._shown) if self.is_open else tokens.take_all()


class TextStream:
    """Decodes what follows a prompt, piece by piece; the pieces joined are the whole text.

    A character whose bytes are spread over tokens is held back until it is complete, and left out
    if it never is; a decoder that puts spaces between words sees the tokens before.
    """

    def __init__(
        self,
        tokenizer: tokenizers.Tokenizer,
        prompt_token_ids: Sequence[int],
        left_out: int = 0,
    ) -> None:
        """Begin after a prompt, whose own text is never returned; leave out so many characters."""
        self._tokenizer = tokenizer
        self._left_out = left_out
        self._window = list(prompt_token_ids[-CONTEXT:])
        text = self._decode()
        # Characters of the window's text that are done with: all but one that was begun.
        self._shown = len(text) - (self._begun() if text.endswith(INCOMPLETE) else 0)

    def push(self, token_ids: Sequence[int]) -> str:
        """Return the text that is complete, now that these tokens have arrived."""
        self._window += token_ids
        text = self._decode()
        ready = len(text.rstrip(INCOMPLETE))
        piece = text[self._shown : ready]
        self._shown = max(self._shown, ready)
        if ready == len(text):
            self._window = self._window[-CONTEXT:]
            self._shown = len(self._decode())
        return self._after_prompt(piece)

    def finish(self) -> str:
        """Return the rest, now that no more tokens come, without a character that was begun."""
        text = self._decode()
        if text.endswith(INCOMPLETE):
            text = text.removesuffix(INCOMPLETE * self._begun())
        piece = text[self._shown :]
        self._shown = max(self._shown, len(text))
        return self._after_prompt(piece)

    def _begun(self) -> int:
        """Return how many replacement characters stand for a character that was begun."""
        token_bytes = TokenBytes(self._tokenizer)
        if not token_bytes.are_bytes:
            return 0
        added = token_bytes.after(self._window).added
        count = open_bytes(b"".join(added[token_id] for token_id in self._window))
        return min(count, 1) if token_bytes.is_byte_level else count

    def _after_prompt(self, piece: str) -> str:
        shown = piece[self._left_out :]
        self._left_out -= len(piece) - len(shown)
        return shown

    def _decode(self) -> str:
        return str(self._tokenizer.decode(self._window, skip_special_tokens=True))


class StopStrings:
    """Lets one text through up to the first stop string, which itself is left out.

    What may be the beginning of a stop string, which may end in another token, is held back.
    """

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
