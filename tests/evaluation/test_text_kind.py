"""What a text that somebody gave is to the text that a model was trained on."""

from __future__ import annotations

import random

import pytest
from evaluation.languages import TEXTS

from textgen_core.components.words import split_words
from textgen_core.evaluation.evidence import TrainingData
from textgen_core.evaluation.text_kind import find_other_kind, find_seen

# In an order of its own, so that nothing of the texts stands in it word for word.
WORDS = {language: text.split() for language, text in TEXTS.items()}
WORDS |= {language: split_words(TEXTS[language]) for language in ("zh", "ja")}
SHUFFLED = {
    language: ("" if language in ("zh", "ja") else " ").join(
        random.Random(1).sample(words, len(words))
    )
    for language, words in WORDS.items()
}
ROWS = [{"step": 9, "loss": 1.0}, *({"validation_bits_per_byte": bits} for bits in (2.5, 2.0))]


def trained_on(*documents):
    return TrainingData(documents=documents, rows=ROWS)


def other_kind(text, training, bits_per_byte=2.1, unknown=0.0):
    return find_other_kind([text], training, bits_per_byte=bits_per_byte, unknown=unknown)


def test_a_text_that_was_trained_on_is_known_as_that_in_any_language():
    training = trained_on(*(text * 3 for text in TEXTS.values()))
    for language, text in TEXTS.items():
        assert find_seen([text[20:400]], training).startswith("100 % of this text"), language
        longer = find_seen([f"{text} {SHUFFLED[language]}"[: len(text) * 5 // 4]], training)
        assert "stands in the training text, word for word" in longer, language
        assert find_seen([SHUFFLED[language] * 2], trained_on(text)) == "", language


def test_a_text_of_which_less_than_half_was_trained_on_is_new():
    assert find_seen([TEXTS["en"] + SHUFFLED["en"] * 2], trained_on(TEXTS["en"])) == ""
    assert find_seen(["too short"], trained_on("too short " * 9)) == ""
    assert find_seen([""], trained_on(TEXTS["en"])) == ""
    assert find_seen([TEXTS["en"]], TrainingData()) == ""


def test_another_language_or_script_is_found_and_the_same_one_is_not():
    for trained, text in TEXTS.items():
        training = trained_on(text * 3)
        for scored, other in SHUFFLED.items():
            found = other_kind(other, training)
            assert bool(found) == (trained != scored), (trained, scored, found)
    assert other_kind(TEXTS["de"], trained_on(TEXTS["en"])).startswith(
        "The text is in another language (de) than the training text (en). "
    )
    found = other_kind(TEXTS["ja"], trained_on(TEXTS["en"]), bits_per_byte=6.25)
    assert "another script (Japanese) than the training text (Latin)" in found
    assert "of its characters do not occur in training, such as “" in found
    assert found.endswith("It costs 6.25 bits per byte; the run's validation text cost 2.00.")


def test_characters_that_training_lacks_make_another_kind_of_text():
    code = "if x[0] == {y}: return (x ** 2)\n" * 20
    assert "such as “" in other_kind(code, trained_on(TEXTS["en"] * 3))
    assert other_kind(TEXTS["en"] + " [1]", trained_on(TEXTS["en"] * 3)) == ""


@pytest.mark.parametrize("training", [TrainingData(rows=ROWS), trained_on(TEXTS["en"])])
def test_a_text_that_costs_far_more_than_validation_did_is_another_kind(training):
    assert other_kind(SHUFFLED["en"], training, bits_per_byte=2.9) == ""
    found = other_kind(SHUFFLED["en"], training, bits_per_byte=3.1)
    assert found == "It costs 3.10 bits per byte; the run's validation text cost 2.00."


def test_without_its_corpus_a_run_still_knows_tokens_that_are_unknown():
    found = other_kind(TEXTS["ko"], TrainingData(), unknown=0.4)
    assert found == "40.0 % of its tokens are unknown to the tokenizer."
    assert other_kind(TEXTS["ko"], TrainingData()) == ""
    assert other_kind("", trained_on("")) == ""
