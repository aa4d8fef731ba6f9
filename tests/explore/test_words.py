"""A word is looked up as the bundled tokenizers cut it, and a token is shown harmlessly."""

from __future__ import annotations

import pytest

from textgen_core.data.text_input import TextInput
from textgen_core.data.tokenizer import train_tokenizer
from textgen_core.errors import UsageError
from textgen_core.explore.words import find_word, quoted
from textgen_tokenizers.bpe import BPETokenizerTrainer
from textgen_tokenizers.character import CharacterTokenizerTrainer
from textgen_tokenizers.word import WordTokenizerTrainer

TEXT = "The mill turns, and the mill grinds. Größe 東京!\n" * 60


def test_a_word_tokenizer_finds_a_word_as_one_token_and_no_space_is_added():
    tokenizer = train_tokenizer(WordTokenizerTrainer(), [TEXT])
    found = find_word(TextInput(tokenizer), "mill")
    assert found.tokens == ("mill",)
    assert not found.after_space
    assert not found.of_pieces
    assert len(find_word(TextInput(tokenizer), "the mill").token_ids) == 2


def test_with_merged_bytes_a_word_is_taken_after_a_space_where_that_is_fewer_tokens():
    tokenizer = train_tokenizer(BPETokenizerTrainer(vocabulary_size=300), [TEXT])
    found = find_word(TextInput(tokenizer), "mill")
    assert found.tokens == (" mill",)
    assert found.after_space
    assert found.of_pieces
    asked = find_word(TextInput(tokenizer), " mill")
    assert asked.token_ids == found.token_ids
    assert not asked.after_space
    assert not find_word(TextInput(tokenizer), "The").after_space


def test_characters_are_as_many_tokens_as_the_word_has():
    tokenizer = train_tokenizer(CharacterTokenizerTrainer(), [TEXT])
    assert find_word(TextInput(tokenizer), "mill").tokens == ("m", "i", "l", "l")
    assert find_word(TextInput(tokenizer), "東").tokens == ("東",)


def test_an_unknown_word_brings_the_nearest_that_is_known():
    tokenizer = train_tokenizer(WordTokenizerTrainer(), [TEXT])
    with pytest.raises(UsageError, match=r"never seen 'Turn'\. Did you mean 'turns'\?"):
        find_word(TextInput(tokenizer), "Turn")
    with pytest.raises(UsageError, match=r"never seen 'xyzzy'\.\n"):
        find_word(TextInput(tokenizer), "xyzzy")
    with pytest.raises(UsageError, match="never seen"):
        find_word(TextInput(tokenizer), "mill xyzzy")


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        (" king", '" king"'),
        ("\n", r'"\n"'),
        ('"\\', r'"\"\\"'),
        ("\x1b[2J", r'"\x1b[2J"'),
        ("\x9b", r'"\x9b"'),
        ("\u202e", r'"\u202e"'),
        ("\udcff", r'"\udcff"'),
        ("\U000e0001", r'"\U000e0001"'),
        ("東京", '"東京"'),
        ("", '""'),
    ],
)
def test_a_token_is_shown_with_its_spaces_and_without_what_moves_a_terminal(token, shown):
    assert quoted(token) == shown
