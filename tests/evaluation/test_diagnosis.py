from __future__ import annotations

import math

import pytest

from textgen_core.evaluation.diagnosis import (
    Symptoms,
    diagnose,
    find_overfitting,
    find_repetition,
    find_undertraining,
    find_unknown_tokens,
    find_weakness,
    find_worse_than_xz,
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


WELL = rows_of((3.0, 3.0), (2.0, 2.1), (1.6, 1.7), (1.5, 1.62), (1.48, 1.61), (1.47, 1.605))


def test_a_run_that_went_well_has_no_findings():
    symptoms = Symptoms(
        tokens=1000,
        unknown_tokens=0,
        loss=1.6,
        bits_per_byte=2.3,
        unigram_loss=3.2,
        xz_bits_per_byte=2.8,
        repetition=0.03,
        rows=WELL,
    )
    assert diagnose(symptoms) == ()


def test_a_run_of_which_nothing_is_known_has_no_findings():
    nothing = Symptoms(tokens=0, unknown_tokens=0, loss=math.nan, bits_per_byte=math.nan)
    assert diagnose(nothing) == ()


def test_every_trouble_is_found_at_once():
    symptoms = Symptoms(
        tokens=100,
        unknown_tokens=20,
        loss=3.1,
        bits_per_byte=4.0,
        unigram_loss=3.2,
        xz_bits_per_byte=2.8,
        repetition=0.6,
        rows=rows_of((3.0, 3.0), (2.0, 2.9), (1.0, 3.5)),
    )
    assert [finding.trouble for finding in diagnose(symptoms)] == [
        "undertraining",
        "worse than xz",
        "overfitting",
        "many unknown tokens",
        "repetition",
    ]


def test_the_training_loss_of_a_validation_is_the_mean_since_the_one_before():
    assert pair_losses(WELL)[1] == pytest.approx((200, 2.0, 2.1))


def test_a_validation_without_training_rows_before_it_is_left_out():
    assert pair_losses([{"step": 0, "validation_loss": 4.0}, *rows_of((2.0, 2.0))]) == [
        pytest.approx((100, 2.0, 2.0))
    ]


def test_a_rising_validation_loss_is_overfitting():
    finding = find_overfitting(rows_of((3.0, 3.0), (2.0, 2.5), (1.5, 2.6), (1.0, 2.9)))
    assert finding.trouble == "overfitting"
    assert "from 2.000 to 1.000" in finding.evidence
    assert "from 2.500 to 2.900" in finding.evidence
    assert "training.patience" in finding.advice


def test_a_gap_that_grows_while_validation_stands_still_is_overfitting():
    assert find_overfitting(rows_of((3.0, 3.0), (2.0, 2.5), (1.8, 2.49), (1.5, 2.5))) is not None


def test_a_gap_that_grows_while_validation_still_gains_is_not_overfitting():
    assert find_overfitting(rows_of((3.0, 3.0), (2.0, 2.6), (1.4, 2.4), (1.0, 2.2))) is None


def test_a_validation_loss_above_that_of_training_is_not_overfitting_by_itself():
    assert find_overfitting(rows_of((2.0, 2.6), (1.9, 2.5), (1.89, 2.5), (1.88, 2.5))) is None


def test_a_validation_loss_still_falling_at_the_end_is_undertraining():
    finding = find_undertraining(rows_of(*((4 - 0.3 * n, 4 - 0.3 * n) for n in range(10))))
    assert finding.trouble == "undertraining"
    assert "training.epochs" in finding.advice


@pytest.mark.parametrize("rows", [WELL, [], rows_of((3.0, 3.0))])
def test_a_validation_loss_that_has_settled_is_not_undertraining(rows):
    assert find_undertraining(rows) is None


@pytest.mark.parametrize(
    ("loss", "trouble"),
    [
        (3.3, "worse than counting tokens"),
        (3.2, "worse than counting tokens"),
        (3.0, "undertraining"),
    ],
)
def test_a_loss_near_that_of_counting_tokens_is_found(loss, trouble):
    finding = find_weakness(loss, 3.2)
    assert finding.trouble == trouble
    assert "3.200" in finding.evidence


def test_a_loss_far_below_that_of_counting_tokens_is_well():
    assert find_weakness(2.5, 3.2) is None


def test_needing_as_many_bits_as_xz_is_found():
    assert find_worse_than_xz(2.5, 2.5).trouble == "worse than xz"
    assert find_worse_than_xz(2.4, 2.5) is None


def test_more_than_one_unknown_token_in_a_hundred_is_found():
    finding = find_unknown_tokens(1000, 11)
    assert "11 of 1000" in finding.evidence
    assert "vocabulary_size" in finding.advice
    assert find_unknown_tokens(1000, 10) is None
    assert find_unknown_tokens(0, 0) is None


def test_samples_that_repeat_a_fifth_of_their_phrases_are_found():
    assert "35 %" in find_repetition(0.35).evidence
    assert find_repetition(0.2) is None
    assert find_repetition(None) is None
