from __future__ import annotations

import math

import pytest

from textgen_core.evaluation.diagnosis import (
    Symptoms,
    diagnose,
    find_incoherence,
    find_memorization,
    find_repetition,
    find_unknown_tokens,
)
from textgen_core.evaluation.loops import RepeatedPhrase
from textgen_core.evaluation.training_curve import (
    find_divergence,
    find_overfitting,
    find_short_memory,
    find_undertraining,
    pair_losses,
)


def rows_of(*losses):
    """Rows of metrics.jsonl: two training rows and a validation row every hundred steps."""
    rows = []
    for number, (training, validation) in enumerate(losses, 1):
        rows += [
            {"step": 100 * number - 50, "loss": training + 0.1},
            {"step": 100 * number, "loss": training - 0.1},
            {"step": 100 * number, "validation_loss": validation},
        ]
    return rows


def findings(**figures):
    """What is found in a run of which these figures are known."""
    nothing = {"tokens": 1000, "unknown_tokens": 0, "loss": 2.0, "bits_per_byte": 2.0}
    return diagnose(Symptoms(**{**nothing, **figures}))


WELL = rows_of((3.0, 3.0), (2.0, 2.1), (1.6, 1.7), (1.5, 1.62), (1.48, 1.61), (1.47, 1.605))


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


def test_the_training_loss_of_a_validation_is_the_mean_since_the_one_before():
    assert pair_losses(WELL)[1] == pytest.approx((200, 2.0, 2.1))


def test_a_validation_without_training_rows_before_it_is_left_out():
    assert pair_losses([{"step": 0, "validation_loss": 4.0}, *rows_of((2.0, 2.0))]) == [
        pytest.approx((100, 2.0, 2.0))
    ]


def test_a_rising_validation_loss_is_overfitting():
    rows = rows_of((3.0, 3.0), (2.0, 2.5), (1.5, 2.6), (1.0, 2.9))
    (finding,) = findings(rows=rows)
    assert finding.trouble == "overfitting"
    assert "from 2.000 to 1.000" in finding.evidence
    assert "from 2.500 to 2.900" in finding.evidence
    assert "training.patience" in finding.advice


def test_a_gap_that_grows_while_validation_hardly_rises_is_overfitting():
    assert find_overfitting(rows_of((3.0, 3.0), (2.0, 2.5), (1.8, 2.49), (1.5, 2.51)))


# Rises as at the ends of runs of `fast`: 0.002 nats on the built-in text; 0.03 on 370 kB, where too
# little was dropped.
@pytest.mark.parametrize(
    ("best", "last", "is_worse"), [(2.342, 2.344, False), (2.342, 2.372, True)]
)
def test_a_rise_within_the_chance_of_validation_is_not_overfitting(best, last, is_worse):
    rows = rows_of((3.0, 3.1), (2.2, 2.4), (2.05, best), (1.85, last))
    assert bool(find_overfitting(rows)) == is_worse


# As in a run of `fast` on the built-in corpus: each validation was better than all before it.
GAINING = ((3.0, 3.1), (2.3, 2.5), (2.057, 2.409), (1.8, 2.392), (1.713, 2.386))


@pytest.mark.parametrize("last", [(), ((1.70, 2.387),)], ids=["best at the end", "best before it"])
def test_a_gap_that_grew_up_to_the_best_validation_is_not_overfitting(last):
    assert not find_overfitting(rows_of(*GAINING, *last))
    assert findings(rows=rows_of(*GAINING, *last), ngram_loss=2.5, xz_bits_per_byte=2.5) == ()


def test_a_last_validation_that_equals_the_best_one_is_not_overfitting():
    # As at the end of a run of `fast`, whose schedule lets the rate go to zero.
    assert not find_overfitting(rows_of(*GAINING, (1.561, 2.31705), (1.438, 2.31710)))


def test_a_gap_that_grows_on_after_the_best_validation_is_overfitting():
    evidence = find_overfitting(rows_of(*GAINING, (1.6, 2.388), (1.5, 2.4)))
    assert evidence == (
        "Since step 500 the training loss went from 1.713 to 1.500, the validation loss from "
        "2.386 to 2.400."
    )


def test_a_weak_run_whose_gap_grows_at_little_gain_is_not_told_to_train_longer():
    (finding,) = findings(rows=rows_of(*GAINING), ngram_loss=1.9)
    assert (finding.trouble, finding.setting) == ("worse than n-grams", "model.dropout")
    (finding,) = findings(rows=rows_of(*GAINING[:3], (2.0, 2.39)), ngram_loss=1.9)
    assert "Train longer" in finding.advice


def test_without_validation_a_training_loss_far_below_the_held_out_one_is_overfitting():
    rows = [{"step": 10, "loss": 3.0}, {"step": 20, "loss": 0.5}]
    assert "0.500 at the end" in find_overfitting(rows, 4.0)
    assert not find_overfitting(rows, 0.6)
    assert not find_overfitting(rows)
    validated = [*rows, {"step": 20, "validation_loss": 4.0}]
    assert not find_overfitting(validated, 4.0)  # the best weights are those that count
    assert not find_overfitting([{"step": 10, "loss": None}], 4.0)


def test_a_gap_that_grows_while_validation_still_gains_is_not_overfitting():
    assert not find_overfitting(rows_of((3.0, 3.0), (2.0, 2.6), (1.4, 2.4), (1.0, 2.2)))


def test_a_validation_loss_above_that_of_training_is_not_overfitting_by_itself():
    assert not find_overfitting(rows_of((2.0, 2.6), (1.9, 2.5), (1.89, 2.5), (1.88, 2.5)))


def test_a_validation_loss_still_falling_at_the_end_is_undertraining():
    (finding,) = findings(rows=rows_of(*((4 - 0.3 * n, 4 - 0.3 * n) for n in range(10))))
    assert finding.trouble == "undertraining"
    assert "training.epochs" in finding.advice


@pytest.mark.parametrize("rows", [WELL, [], rows_of((3.0, 3.0))])
def test_a_validation_loss_that_has_settled_is_not_undertraining(rows):
    assert not find_undertraining(rows)


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


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_a_training_loss_that_is_not_finite_is_divergence(value):
    rows = [{"step": 10, "loss": 3.0}, {"step": 20, "loss": value}]
    (finding,) = findings(rows=rows)
    assert finding.trouble == "divergence"
    assert "step 20" in finding.evidence
    assert finding.setting == "training.learning_rate"


def test_a_leap_of_the_loss_is_divergence():
    leapt = [{"step": 10 * n, "loss": loss} for n, loss in enumerate((5.0, 3.0, 2.0, 3.1), 1)]
    assert "leapt to 3.100 at step 40" in find_divergence(leapt)
    assert not find_divergence(leapt[:3])
    memorised = [{"step": 10, "loss": 0.2}, {"step": 20, "loss": 0.4}]
    assert not find_divergence(memorised)


def test_a_held_out_loss_that_is_not_finite_is_divergence_where_anything_was_scored():
    assert "held-out" in find_divergence([], math.nan)
    assert not find_divergence([], 2.0)
    assert not find_divergence([])


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
