from __future__ import annotations

import math

import pytest
from evaluation.fabricated_symptoms import WELL, findings, rows_of

from textgen_core.evaluation.diagnosis import (
    Symptoms,
    diagnose,
    find_incoherence,
    find_memorization,
    find_repetition,
    find_unknown_tokens,
)
from textgen_core.evaluation.loops import RepeatedPhrase
from textgen_core.evaluation.training_curve import find_short_memory


def test_a_run_that_went_well_has_no_findings():
    symptoms = Symptoms(
        tokens=1000,
        unknown_tokens=0,
        loss=1.6,
        bits_per_byte=2.3,
        unigram_loss=3.2,
        ngram_loss=1.9,
        xz_bits_per_byte=2.8,
        repetition=0.03,
        copied_eights=(0.1, 0.08),
        longest_copied=(30, 24),
        over_length=[(100 * n, 1.6) for n in range(1, 9)],
        rows=WELL,
    )
    assert diagnose(symptoms) == ()


def test_a_run_of_which_nothing_is_known_has_no_findings():
    nothing = Symptoms(tokens=0, unknown_tokens=0, loss=math.nan, bits_per_byte=math.nan)
    assert diagnose(nothing) == ()


def test_every_issue_is_found_at_once_and_names_a_setting():
    symptoms = Symptoms(
        tokens=100,
        unknown_tokens=20,
        loss=3.1,
        bits_per_byte=4.0,
        unigram_loss=3.2,
        ngram_loss=2.0,
        xz_bits_per_byte=2.8,
        repetition=0.6,
        copied_eights=(0.9, 0.1),
        over_length=[(100 * n, float(n)) for n in range(1, 9)],
        rows=[
            *rows_of((3.0, 3.0), (2.0, 2.9), (1.0, 3.5)),
            {"step": 310, "loss": 2.9, "micro_batches": 2},
        ],
        longer="training.minutes",
    )
    assert [(finding.trouble, finding.setting) for finding in diagnose(symptoms)] == [
        ("divergence", "training.learning_rate"),
        ("undertraining", "training.minutes"),
        ("worse than n-grams", "model.dropout"),  # more training would not help
        ("worse than xz", "model.dropout"),
        ("overfitting", "model.dropout"),
        ("copying", "training.minutes"),
        ("many unknown tokens", "tokenizer.vocabulary_size"),
        ("repetition", "sampler"),
        ("incoherence", "data.sequence_length"),
        ("out of memory", "training.batch_size"),
    ]


@pytest.mark.parametrize(
    ("loss", "trouble"),
    [
        (3.3, "worse than counting tokens"),
        (3.2, "worse than counting tokens"),
        (3.0, "undertraining"),
    ],
)
def test_a_loss_near_that_of_counting_tokens_is_found(loss, trouble):
    (finding,) = findings(loss=loss, unigram_loss=3.2)
    assert finding.trouble == trouble
    assert "3.200" in finding.evidence


def test_a_loss_far_below_that_of_counting_tokens_is_well():
    assert findings(loss=2.5, unigram_loss=3.2) == ()


def test_needing_as_many_bits_as_xz_is_found():
    (finding,) = findings(bits_per_byte=2.5, xz_bits_per_byte=2.5)
    assert finding.trouble == "worse than xz"
    assert findings(bits_per_byte=2.4, xz_bits_per_byte=2.5) == ()


def test_more_than_one_unknown_token_in_a_hundred_is_found():
    (finding,) = findings(unknown_tokens=11)
    assert "11 of 1000" in finding.evidence
    assert "vocabulary_size" in finding.advice
    assert not find_unknown_tokens(1000, 10)
    assert not find_unknown_tokens(0, 0)


def test_samples_that_repeat_a_fifth_of_their_phrases_are_found():
    assert "35 %" in find_repetition(0.35)
    assert not find_repetition(0.2)
    assert not find_repetition(None)


def test_a_loop_is_found_even_where_the_samples_repeat_little_on_average():
    loop = RepeatedPhrase(
        text="I am the\nking, and I am not the queen of all of this", times=7, sample=3
    )
    (finding,) = findings(repetition=0.05, loops=[loop])
    assert finding.trouble == "repetition"
    assert "“I am the king, and I am not the queen o…” occurs 7 times" in finding.evidence
    assert "7 times" in find_repetition(0.5, [loop])
    assert "50 %" in find_repetition(0.5, [loop])
    assert not find_repetition(0.05, [])
    blank = RepeatedPhrase(text=" \n", times=30, sample=0)
    assert "white space occurs 30 times" in find_repetition(None, [blank])


def test_a_loss_no_lower_than_that_of_n_grams_is_found():
    (finding,) = findings(loss=2.0, ngram_loss=2.0)
    assert finding.trouble == "worse than n-grams"
    assert findings(loss=1.99, ngram_loss=2.0) == ()
    assert findings(loss=2.0, ngram_loss=None) == ()


@pytest.mark.parametrize(
    ("eights", "longest", "words"),
    [
        ((0.5, 0.1), (None, None), "50 %"),
        ((0.1, 0.0), (90, 18), "90 char"),
        ((None, None), (100, 20), "100 characters"),
    ],
)
def test_sharing_far_more_with_training_than_held_out_text_is_memorization(eights, longest, words):
    (finding,) = findings(copied_eights=eights, longest_copied=longest)
    assert finding.trouble == "copying"
    assert words in finding.evidence


@pytest.mark.parametrize(
    ("eights", "longest"),
    [
        ((None, None), (None, None)),
        ((0.9, None), (None, None)),
        ((0.9, 0.6), (None, None)),  # text that repeats itself anyhow
        ((None, None), (40, 12)),
    ],
)
def test_sharing_what_held_out_text_shares_is_no_memorization(eights, longest):
    assert not find_memorization(eights, longest)


def test_a_long_sample_that_the_model_predicts_less_and_less_is_incoherent():
    (finding,) = findings(over_length=[(50 * n, 1.0 + 0.1 * n) for n in range(1, 9)])
    assert finding.trouble == "incoherence"
    assert "400 tokens" in finding.evidence
    assert "from 1.150 at the beginning to 1.750 at the end" in finding.evidence
    assert not find_incoherence([(50 * n, 1.0 + 0.01 * n) for n in range(1, 9)])
    assert not find_incoherence([(1, 1.0), (2, 9.0)])


def test_micro_batches_are_told_as_a_lack_of_memory():
    rows = [{"step": 10, "loss": 1.0}, {"step": 20, "micro_batches": 4}]
    assert "4 micro-batches" in find_short_memory(rows)
    assert not find_short_memory([{"step": 10, "loss": 1.0}, {"step": 20, "micro_batches": 1}])


def test_many_empty_samples_are_found_and_a_few_are_not():
    assert findings(samples=50, empty_samples=5) == ()
    (finding,) = findings(samples=50, empty_samples=37)
    assert (finding.trouble, finding.setting) == ("empty samples", "corpus.documents")
    assert finding.evidence.startswith("37 of 50 continuations hold no word")
    assert findings(samples=0, empty_samples=0) == ()


def test_a_run_of_minutes_is_advised_only_on_what_it_has():
    overfitting = rows_of((3.0, 3.0), (2.0, 2.1), (1.0, 2.2), (0.5, 2.6), (0.2, 3.0))
    symptoms = {"rows": overfitting, "ngram_loss": 1.0, "copied_eights": (0.9, 0.1)}
    for longer, other in (("training.epochs", "minutes"), ("training.minutes", "epochs")):
        found = findings(**symptoms, longer=longer)
        assert {each.trouble for each in found} >= {"overfitting", "copying"}
        for each in found:
            assert other not in each.advice
            assert "{" not in each.advice
            stops = "stop earlier" in each.advice.lower()
            assert not stops or longer in each.advice
            assert ("patience" in each.advice) == (stops and longer == "training.epochs")
        assert next(each for each in found if each.trouble == "copying").setting == longer


def test_a_text_that_is_not_the_runs_own_is_no_reason_to_train_longer():
    weak = {
        "unknown_tokens": 300,
        "unigram_loss": 1.5,
        "ngram_loss": 1.0,
        "xz_bits_per_byte": 1.0,
        "rows": rows_of((3.0, 3.0), (2.0, 2.6), (1.8, 2.3), (1.6, 2.0), (1.4, 1.8)),
    }
    assert any("Train longer" in each.advice for each in findings(**weak))
    for name, trouble in (("seen", "trained on this text"), ("other_kind", "another kind of text")):
        (finding,) = findings(**weak, **{name: "It is so."})
        assert (finding.trouble, finding.evidence) == (trouble, "It is so.")
        assert "Train longer" not in finding.advice
        assert finding.setting
    (finding,) = findings(seen="Seen.", other_kind="Another.")
    assert finding.trouble == "trained on this text"
