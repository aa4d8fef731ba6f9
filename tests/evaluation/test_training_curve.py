"""What the losses of a training tell: overfitting, undertraining, divergence."""

from __future__ import annotations

import math

import pytest
from evaluation.fabricated_symptoms import WELL, findings, rows_of

from textgen_core.evaluation.training_curve import (
    find_divergence,
    find_overfitting,
    find_undertraining,
    pair_losses,
)


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
