"""One sample in the making: its tokens, its text, and why it ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import attrs
import tokenizers

from textgen_core.data.tokenizer import END
from textgen_core.generation.options import GenerationOptions
from textgen_core.generation.stopping import StopStrings
from textgen_core.generation.text_stream import TextStream


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


class SampleWriter:
    """Turns the tokens of one sample into text, as they come."""

    def __init__(
        self,
        prompt: str,
        prompt_token_ids: Sequence[int],
        tokenizer: tokenizers.Tokenizer,
        options: GenerationOptions,
    ) -> None:
        """Begin a sample; tokens after the last allowed, a stop string or <END> are ignored."""
        self.prompt = prompt
        self.prompt_token_ids = prompt_token_ids
        self._text = TextStream(tokenizer, prompt_token_ids)
        self._stop = StopStrings(options.stop)
        self._max_new_tokens = options.max_new_tokens
        # Only stop strings need to know which token brought which character.
        self._stride = 1 if options.stop else options.max_new_tokens
        self._pieces: list[str] = []
        self._token_ids: list[int] = []
        self._log_probabilities: list[float] = []
        self._stopped_by: Literal["length", "stop", "end"] = "length"
        self.is_open = True

    def push(self, token_ids: Sequence[int], log_probabilities: Sequence[float]) -> str:
        """Take in the tokens that were drawn, and return the text that can be shown now."""
        pieces = []
        for start in range(0, len(token_ids), self._stride):
            if not self.is_open:
                break
            part = slice(start, start + self._stride)
            pieces.append(self._push(token_ids[part], log_probabilities[part]))
        self._pieces += pieces
        return "".join(pieces)

    def sample(self) -> Sample:
        """Return the sample as it stands."""
        return Sample(
            prompt=self.prompt,
            text="".join(self._pieces),
            token_ids=tuple(self._token_ids),
            log_probabilities=tuple(self._log_probabilities),
            stopped_by=self._stopped_by,
        )

    def _push(self, token_ids: Sequence[int], log_probabilities: Sequence[float]) -> str:
        kept = list(token_ids[: self._max_new_tokens - len(self._token_ids)])
        has_ended = END in kept
        if has_ended:
            kept = kept[: kept.index(END) + 1]
        self._token_ids += kept
        self._log_probabilities += log_probabilities[: len(kept)]
        shown = self._stop.push(self._text.push(kept[:-1] if has_ended else kept))
        is_last = has_ended or len(self._token_ids) >= self._max_new_tokens
        if is_last and not self._stop.found:
            shown += self._stop.push(self._text.finish()) + self._stop.finish()
        if self._stop.found:
            self._stopped_by = "stop"
        elif has_ended:
            self._stopped_by = "end"
        self.is_open = not (is_last or self._stop.found)
        return shown
