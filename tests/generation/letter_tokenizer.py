"""A tokenizer with a token for every letter."""

from __future__ import annotations

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

SPECIAL = ("<PAD>", "<UNK>", "<START>", "<END>")
START, END = 2, 3
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def build_tokenizer(letters=LETTERS):
    """A token for every letter: `a` is 4, `b` is 5, and so on."""
    tokens = (*SPECIAL, *letters)
    vocabulary = {token: position for position, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<UNK>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.encode_special_tokens = True
    return tokenizer
