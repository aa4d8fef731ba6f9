"""What tokens add to a text: quickly for a large vocabulary, and the same as one by one."""

import numpy as np
import pytest
from data.letters import byte_tokenizer, letter_tokenizer, word_tokenizer
from tokenizers import Tokenizer, decoders, models

from textgen_core.data.token_bytes import (
    _BYTES,
    READY,
    REFUSED,
    UTF8_STATES,
    TokenBytes,
    _bytes_of_names,
    utf8_state,
)
from textgen_core.data.tokenizer import SPECIAL_TOKENS


def fallback_tokenizer():
    """Letters, and bytes for all else."""
    tokens = (*SPECIAL_TOKENS, "a", "é", *(f"<0x{byte:02X}>" for byte in range(256)))
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<UNK>", byte_fallback=True))
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    return tokenizer


@pytest.mark.parametrize(
    "names",
    [
        ["a", "", "Ġthe", "âĤ¬", "Ċ"],
        ["a", "日本", "Ġb", "x y", ""],
        ["日"],
        [],
    ],
)
def test_names_of_byte_level_tokens_are_their_bytes_and_others_stand_for_themselves(names):
    def alone(name):
        is_bytes = all(each in _BYTES for each in name)
        return bytes(_BYTES[each] for each in name) if is_bytes else name.encode()

    assert _bytes_of_names(names) == list(map(alone, names))


@pytest.mark.parametrize("tokenizer", [byte_tokenizer, fallback_tokenizer])
def test_where_each_token_leads_is_what_its_bytes_say_one_by_one(tokenizer):
    token_bytes = TokenBytes(tokenizer())
    assert token_bytes.are_bytes
    added = token_bytes.after(()).added
    expected = [[utf8_state(data, state) for data in added] for state in range(UTF8_STATES)]
    np.testing.assert_array_equal(token_bytes.utf8_follows(), expected)
    assert {READY, REFUSED} < set(np.unique(expected))


def test_whole_characters_have_one_state():
    follows = TokenBytes(letter_tokenizer()).utf8_follows()
    np.testing.assert_array_equal(follows, np.zeros((1, 32), np.int32))


def test_whether_tokens_have_several_characters_is_told_by_all_of_them():
    many = [chr(0x4E00 + number) for number in range(500)]
    assert not TokenBytes(letter_tokenizer()).have_several_characters
    assert not TokenBytes(byte_tokenizer()).have_several_characters
    assert not TokenBytes(letter_tokenizer(many)).have_several_characters
    assert TokenBytes(letter_tokenizer([*many[:7], "ab", *many[7:]])).have_several_characters
    assert TokenBytes(word_tokenizer(["one", "two"])).have_several_characters
