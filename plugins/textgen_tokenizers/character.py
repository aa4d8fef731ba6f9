"""`character`: one token for every character of the training text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from textgen_core import TokenizerTrainer
from textgen_tokenizers.special_tokens import UNKNOWN, declare_special_tokens, number_tokens

if TYPE_CHECKING:
    import tokenizers


@attrs.frozen(kw_only=True)
class CharacterTokenizerTrainer(TokenizerTrainer):
    """One token for every character of the training text.

    A character is a Unicode code point. Decoding is exact, but for characters that the training
    text never showed: they are `<UNK>`.
    """

    def train(self, texts: Iterable[str]) -> tokenizers.Tokenizer:
        """Return a tokenizer with the characters of `texts`, in the order of their code points."""
        from tokenizers import Tokenizer, decoders, models

        characters: set[str] = set()
        for text in texts:
            characters.update(text)
        # Byte pair encoding without a single merge: unlike a word model behind a splitter, it
        # makes no string for every character, and is three times as fast.
        vocabulary = number_tokens(sorted(characters))
        tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token=UNKNOWN))
        tokenizer.decoder = decoders.Fuse()
        return declare_special_tokens(tokenizer)
