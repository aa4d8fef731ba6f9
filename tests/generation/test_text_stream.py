from __future__ import annotations

import random

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from textgen_core.generation.sample import TextStream

TEXT = "Grüße, 世界! 😀👩‍👩‍👧 naïve café — “quoted”, and plain words at the end."


def build_byte_tokenizer():
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {character: position for position, character in enumerate(alphabet)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def build_word_tokenizer():
    vocabulary = {word: position for position, word in enumerate(["<UNK>", "▁red", "▁hot", "s"])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<UNK>"))
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


def build_fallback_tokenizer():
    vocabulary = {f"<0x{byte:02X}>": byte for byte in range(256)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<0x00>"))
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    return tokenizer


def stream(tokenizer, prompt, token_ids, size):
    text = TextStream(tokenizer, prompt)
    parts = [token_ids[start : start + size] for start in range(0, len(token_ids), size)]
    return [*(text.push(part) for part in parts), text.finish()]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_pieces_joined_are_the_whole_text(size):
    tokenizer = build_byte_tokenizer()
    token_ids = tokenizer.encode(TEXT).ids
    pieces = stream(tokenizer, [], token_ids, size)
    assert "".join(pieces) == TEXT
    assert not any("\ufffd" in piece for piece in pieces)


def test_text_is_not_held_back_longer_than_a_character():
    tokenizer = build_byte_tokenizer()
    assert stream(tokenizer, [], tokenizer.encode("aü!").ids, 1) == ["a", "", "ü", "!", ""]


@pytest.mark.parametrize("size", [1, 5, 64])
def test_bytes_that_are_no_character_are_shown_as_the_decoder_shows_them(size):
    tokenizer = build_byte_tokenizer()
    token_ids = tokenizer.encode(TEXT).ids
    random.Random(0).shuffle(token_ids)
    assert "".join(stream(tokenizer, [], token_ids, size)) == tokenizer.decode(token_ids)


@pytest.mark.parametrize("build", [build_byte_tokenizer, build_fallback_tokenizer])
@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_character_that_never_becomes_complete_is_left_out(build, missing):
    tokenizer = build()
    token_ids = build_fallback_ids(tokenizer, "a😀")[:-missing]
    assert "".join(stream(tokenizer, [], token_ids, 1)) == "a"


def build_fallback_ids(tokenizer, text):
    return tokenizer.encode(text).ids if tokenizer.pre_tokenizer else list(text.encode())


def test_a_replacement_character_that_was_drawn_stays():
    tokenizer = build_byte_tokenizer()
    assert "".join(stream(tokenizer, [], tokenizer.encode("a\ufffd").ids, 1)) == "a\ufffd"


def test_characters_from_single_bytes_are_held_back_until_complete():
    tokenizer = build_fallback_tokenizer()
    pieces = stream(tokenizer, [], list("a世".encode()), 1)
    assert pieces == ["a", "", "", "世", ""]


def test_a_word_after_the_prompt_is_joined_with_a_space():
    tokenizer = build_word_tokenizer()
    assert tokenizer.decode([1, 2]) == "red hot"
    assert stream(tokenizer, [1], [2, 3, 1], 1) == [" hot", "s", " red", ""]
    assert stream(tokenizer, [], [2, 3, 1], 1) == ["hot", "s", " red", ""]


def test_long_texts_are_decoded_a_window_at_a_time():
    tokenizer = build_byte_tokenizer()
    text = TEXT * 40
    assert "".join(stream(tokenizer, [5] * 100, tokenizer.encode(text).ids, 11)) == text
