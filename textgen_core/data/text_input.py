"""The one door for text that meets a model: cleaned as its corpus was, then encoded.

Prompts, texts to score or to look into, and what a metric or a report has scored come through
`TextInput`; a split, which is cleaned already and may be larger than memory, through
`windowed_encoding`. A test holds that nothing else encodes text.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import tokenizers

from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus.cleaning.clean import clean_text
from textgen_core.corpus.text import replace_surrogates
from textgen_core.data.tokenizer import UNK, encode_with_spans


@attrs.frozen(kw_only=True)
class ReadText:
    """A text as a model meets it.

    text: the cleaned one; spans: where in it each token stands; notes: what cleaning changed.
    """

    text: str
    token_ids: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    notes: tuple[str, ...]

    @property
    def unknown(self) -> tuple[str, ...]:
        """The parts that the tokenizer can only encode as `<UNK>`, each once."""
        return self.unknown_before(len(self.token_ids))

    def unknown_before(self, stop: int) -> tuple[str, ...]:
        """Return the unknown parts among the first `stop` tokens."""
        pairs = zip(self.token_ids[:stop], self.spans[:stop], strict=True)
        parts = (self.text[start:end] for token, (start, end) in pairs if token == UNK)
        return tuple(dict.fromkeys(parts))


@attrs.frozen
class TextInput:
    """Reads texts for a model; without the settings of its corpus only surrogates are replaced."""

    tokenizer: tokenizers.Tokenizer
    settings: CorpusSettings | None = None

    def read(self, text: str) -> ReadText:
        """Return a text cleaned and encoded.

        Args:
            text: whatever a person gave; it may go on, so that a space at its end stays.
        """
        cleaned, notes = replace_surrogates(text)[0], tuple[str, ...]()
        if self.settings is not None:
            cleaned, notes = clean_text(text, self.settings)
        token_ids, spans = encode_with_spans(self.tokenizer, cleaned)
        return ReadText(text=cleaned, token_ids=token_ids, spans=spans, notes=notes)


def unknown_parts(tokenizer: tokenizers.Tokenizer, texts: Iterable[str]) -> tuple[str, ...]:
    """Return the parts of texts that a tokenizer can only encode as `<UNK>`, each once.

    Single characters with a character tokenizer, whole words with a word tokenizer.
    """
    door = TextInput(tokenizer)
    return tuple(dict.fromkeys(part for text in texts for part in door.read(text).unknown))
