"""What the checks give to a component: small texts, and a tokenizer with few tokens."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tokenizers

SPECIAL = "<PAD> <UNK> <START> <END> <unk> <|endoftext|>"

# A text to train on, long enough that pairs and words come again and again.
_SENTENCES = (
    "The keeper lights the lamp, and the ships turn home.",
    "“What day is it?” asked the miller's son; he did not know.",
    "In 1871 the river froze, from bridge to bridge.",
    "Größe, naïveté, Привет, 東京: words from far away.",
    f"Somebody typed {SPECIAL} into a book.",
)
TRAINING_TEXTS = tuple(f"{sentence}\n" * 20 for sentence in _SENTENCES)

# Texts that a tokenizer has never seen, each of them awkward in its own way.
AWKWARD_TEXTS = (
    "",
    " ",
    "  two  spaces \t tab\n\n\nlines\n ",
    "carriage\r\nreturn\r",
    SPECIAL,
    "<START>glued<END><PAD>",
    "e\u0301 \u00e9 \ufb01 \u00bd",  # composed, decomposed, compatible: none may be normalised
    "👩‍👩‍👧 🇩🇪 👍🏽",
    "שלום עולם مرحبا हिन्दी ไทย 日本語",
    "\u200b\u00a0\u2028\ufeff\x00\x07",
    "don't 3.14159 C++ [CLS] ##piece Ġword ▁word </w>",
    "x" * 300,
)

# Every kind of character that there is, most of them in no text that a tokenizer has seen.
UNICODE_TEXTS = (
    "𐍈𐌰𐌹 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝒳🜁🀄",  # beyond the first 65,536
    "Z\u0351\u036b\u0343a\u0328\u0300\u0301l\u0334g\u0321o\u0327 \u0301",  # marks alone
    "ꦗꦮ ᠮᠣᠩᠭᠣᠯ ᜊᜌ᜔ᜊᜌᜒᜈ᜔ ⴰⵎⴰⵣⵉⵖ ᚠᚢᚦ",
    "\U0010ffff\ue000\ufffe\ufffd\ud7ff",  # the last of all, private, unassigned, replaced
    "\u202eleft\u202c \u2066right\u2069 \u061c",
    "ﷺ ﬀ ǆ ℵ ① Ⅷ ß İ ŉ",  # one character that other forms make several of
)

ALL_TEXTS = (*TRAINING_TEXTS, *AWKWARD_TEXTS, *UNICODE_TEXTS)

# Words that the training text has again and again.
KNOWN_WORDS = ("keeper", "lights", "ships", "turn", "home", "river", "bridge", "book")

LETTERS = "abcdefghijklmnopqrst"


def training_pieces() -> Iterator[str]:
    """Yield the pieces of the training text, once, as a trainer is given them."""
    yield from TRAINING_TEXTS


def letter_tokenizer(letters: str = LETTERS) -> tokenizers.Tokenizer:
    """Return a tokenizer of the special tokens, ids 0 to 3, and of single letters after them."""
    from tokenizers import Tokenizer, decoders, models

    from textgen_core.data.tokenizer import SPECIAL_TOKENS

    vocabulary = {token: number for number, token in enumerate((*SPECIAL_TOKENS, *letters))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<UNK>"))
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.encode_special_tokens = True
    return tokenizer


def letter_text(length: int, seed: int, letters: str = LETTERS) -> str:
    """Return a text of random letters, the same for the same seed."""
    return "".join(random.Random(seed).choices(letters, k=length))
