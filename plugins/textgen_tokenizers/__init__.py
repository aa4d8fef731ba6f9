"""The bundled tokenizers: characters, words, and byte pair encoding.

The `tokenizers` library is not imported here: a trainer imports it when it trains.
"""

from __future__ import annotations

from collections.abc import Mapping

from textgen_core import TokenizerTrainer, hookimpl
from textgen_tokenizers.bpe import BPETokenizerTrainer
from textgen_tokenizers.character import CharacterTokenizerTrainer
from textgen_tokenizers.word import WordTokenizerTrainer


@hookimpl
def textgen_tokenizers() -> Mapping[str, type[TokenizerTrainer]]:
    """Return the bundled tokenizers by name."""
    return {
        "character": CharacterTokenizerTrainer,
        "word": WordTokenizerTrainer,
        "bpe": BPETokenizerTrainer,
    }
