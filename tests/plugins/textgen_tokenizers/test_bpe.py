import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textgen_tokenizers.bpe import BPETokenizerTrainer, suitable_merges

TEXT = "the cat sat on the mat, and the cat sat on the hat.\n" * 30
BYTES = BPETokenizerTrainer(minimum_frequency=2).train([TEXT])


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_bytes_give_any_text_back(text):
    assert BYTES.decode(BYTES.encode(text).ids) == text


def test_bytes_leave_nothing_unknown():
    every_code_point = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x11000)]))
    assert 1 not in BYTES.encode(every_code_point).ids


def test_frequent_words_are_one_token_with_their_space():
    assert BYTES.encode("on the cat").tokens == ["on", "Ġthe", "Ġcat"]


def test_vocabulary_size_does_not_count_special_tokens():
    trainer = BPETokenizerTrainer(vocabulary_size=260, minimum_frequency=1)
    assert trainer.train([TEXT]).get_vocab_size() == 4 + 260


def test_rare_pairs_are_not_merged():
    def vocabulary_size(minimum_frequency):
        trainer = BPETokenizerTrainer(minimum_frequency=minimum_frequency)
        return trainer.train([TEXT]).get_vocab_size()

    assert vocabulary_size(10_000) == 4 + 256
    assert vocabulary_size(10_000) < vocabulary_size(60) < vocabulary_size(1)


def test_bytes_need_room_for_every_byte():
    with pytest.raises(ValueError, match="at least 256"):
        BPETokenizerTrainer(vocabulary_size=255)
    BPETokenizerTrainer(vocabulary_size=255, units="characters")


def test_only_bytes_are_lossless():
    assert BPETokenizerTrainer().lossless is True
    assert BPETokenizerTrainer(units="characters").lossless is False


def test_characters_that_training_never_showed_are_unknown():
    tokenizer = BPETokenizerTrainer(units="characters", minimum_frequency=2).train([TEXT])
    assert tokenizer.encode("the ✓✓").ids[-2:] == [1, 1]
    assert tokenizer.decode(tokenizer.encode(TEXT).ids) == TEXT


def test_a_small_vocabulary_of_characters_keeps_the_most_frequent():
    trainer = BPETokenizerTrainer(units="characters", vocabulary_size=2)
    tokenizer = trainer.train(["aaa bbb bbb c d e f"])
    assert tokenizer.get_vocab_size() == 4 + 2
    assert tokenizer.encode("c b").tokens == ["<UNK>", " ", "b"]


def test_letters_with_marks_are_one_word():
    text = "हिन्दी हिन्दी हिन्दी"
    tokenizer = BPETokenizerTrainer(units="characters", minimum_frequency=2).train([text])
    assert len(tokenizer.encode(text).ids) <= 4


@pytest.mark.parametrize("unit", ["a", " ", "-", "a'"])
def test_a_run_longer_than_any_word_is_parted_and_comes_back_whole(unit):
    text = unit * 200_000
    tokenizer = BPETokenizerTrainer(vocabulary_size=400).train([text])
    encoded = tokenizer.encode(text)
    assert max(len(token) for token in encoded.tokens) <= 2_400  # nine words and their apostrophes
    assert tokenizer.decode(encoded.ids) == text


def test_a_vocabulary_grows_with_the_text_where_nobody_says_how_large_it_is():
    draw = random.Random(1)
    words = ["".join(draw.choices("abcdefghijklm", k=draw.randint(2, 9))) for _ in range(3000)]
    text = " ".join(draw.choices(words, k=200_000))
    assert BPETokenizerTrainer().vocabulary_size is None
    for share, size in ((0.1, 500), (1.0, round(600 * len(text) / 1e6))):
        part = text[: int(share * len(text))]
        chunks = iter([part[: len(part) // 2], part[len(part) // 2 :]])  # iterated once
        assert BPETokenizerTrainer().train(chunks).get_vocab_size() == 4 + size
    assert suitable_merges(["é" * 2_000_000]) == 2400 - 256  # by bytes


def test_over_characters_such_a_vocabulary_has_all_of_them_and_as_many_merges():
    rare = "".join(map(chr, range(0x4E00, 0x4E00 + 900)))
    tokenizer = BPETokenizerTrainer(units="characters").train([rare, "ab cd ef " * 9000])
    assert 1 not in tokenizer.encode(rare).ids
    assert 4 + 907 < tokenizer.get_vocab_size() <= 4 + 907 + 244
