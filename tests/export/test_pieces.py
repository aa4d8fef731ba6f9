"""The pieces of an export joined are what its tokenizer makes of the tokens."""

from __future__ import annotations

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models

from textgen_core.data.tokenizer import SPECIAL_TOKENS
from textgen_core.export.pieces import decode, describe_pieces
from textgen_tokenizers.bpe import BPETokenizerTrainer
from textgen_tokenizers.character import CharacterTokenizerTrainer
from textgen_tokenizers.word import WordTokenizerTrainer

TEXT = "“Nào,” she said (twice), \\1 times: naïve—\n\nwell \u2060 done 日本 🎈!  Two  spaces.\n" * 9
TRAINERS = {
    "character": CharacterTokenizerTrainer(),
    "words": WordTokenizerTrainer(),
    "whitespace": WordTokenizerTrainer(split="whitespace"),
    "bytes": BPETokenizerTrainer(vocabulary_size=300, minimum_frequency=2),
    "characters": BPETokenizerTrainer(vocabulary_size=90, units="characters", minimum_frequency=2),
}


@pytest.mark.parametrize("name", TRAINERS)
def test_texts_and_random_tokens_are_joined_as_the_tokenizer_does(name):
    tokenizer = TRAINERS[name].train([TEXT])
    found = describe_pieces(tokenizer)
    assert found["pieces"] is not None
    assert found["are_bytes"] == (name == "bytes")
    assert found["are_characters"] == (name == "character")
    token_ids = tokenizer.encode(TEXT, add_special_tokens=False).ids
    for ids in (token_ids, token_ids[1:], [2, *token_ids[:7], 3]):
        assert decode(found, ids) == tokenizer.decode(ids, skip_special_tokens=True)
    if name != "bytes":  # of which random ones are no characters
        size = tokenizer.get_vocab_size(with_added_tokens=True)
        for seed in range(20):
            ids = np.random.default_rng(seed).integers(0, size, 30).tolist()
            assert decode(found, ids) == tokenizer.decode(ids, skip_special_tokens=True)


def test_tokens_that_are_joined_in_another_way_have_no_pieces():
    vocabulary = {token: place for place, token in enumerate((*SPECIAL_TOKENS, "▁a", "b"))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<UNK>"))
    assert describe_pieces(tokenizer)["pieces"] is None
    for decoder in (decoders.Metaspace(), decoders.WordPiece(), decoders.ByteFallback()):
        tokenizer.decoder = decoder
        assert describe_pieces(tokenizer)["pieces"] is None
