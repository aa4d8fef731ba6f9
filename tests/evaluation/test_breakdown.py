from __future__ import annotations

import numpy as np
import pytest

from textgen_core.evaluation import breakdown
from textgen_core.evaluation.breakdown import losses_by_frequency, losses_by_position

# In training: token 4 never, 5 once, 6 nine times, 7 ten times, 8 a hundred times.
TRAINING = np.array([2, 5, *[6] * 9, *[7] * 10, *[8] * 100], np.uint16)


def test_losses_are_told_by_how_often_their_token_occurs_in_training():
    token_ids = np.array([4, 5, 6, 6, 7, 8, 8], np.uint16)
    losses = np.array([9.0, 6.0, 4.0, 5.0, 3.0, 1.0, 2.0], np.float32)
    assert losses_by_frequency(losses, token_ids, TRAINING, 10) == [
        {"from": 0, "to": 0, "tokens": 1, "loss": 9.0},
        {"from": 1, "to": 9, "tokens": 3, "loss": 5.0},
        {"from": 10, "to": 99, "tokens": 1, "loss": 3.0},
        {"from": 100, "to": 999, "tokens": 2, "loss": 1.5},
    ]


def test_every_held_out_token_is_in_one_bin_and_empty_bins_are_left_out(monkeypatch):
    random = np.random.default_rng(0)
    token_ids = random.integers(0, 10, 500)
    losses = random.random(500).astype(np.float32)
    bins = losses_by_frequency(losses, token_ids, TRAINING, 10)
    assert sum(each["tokens"] for each in bins) == 500
    total = sum(each["tokens"] * each["loss"] for each in bins)
    assert total == pytest.approx(losses.sum(), rel=1e-5)
    monkeypatch.setattr(breakdown, "_BLOCK", 7)
    assert losses_by_frequency(losses, token_ids, TRAINING, 10) == [
        {**each, "loss": pytest.approx(each["loss"])} for each in bins
    ]
    assert losses_by_frequency(losses[:0], token_ids[:0], TRAINING, 10) == []
    only = losses_by_frequency(losses, token_ids, np.zeros((0,), np.int32), 10)
    assert [(each["from"], each["to"], each["tokens"]) for each in only] == [(0, 0, 500)]


def test_losses_by_position_are_means_over_bins_that_grow():
    losses = np.arange(20, dtype=np.float32)[None] + np.array([[0.0], [2.0]], np.float32)
    rows = losses_by_position(losses)
    assert [start for start, _, _ in rows] == [0, 1, 2, 3, 4, 6, 8, 12, 16]
    assert rows[0] == (0, 1.0, 2)
    assert rows[-1] == (16, pytest.approx(18.5), 8)
    assert sum(tokens for _, _, tokens in rows) == losses.size


@pytest.mark.parametrize("length", range(1, 40))
def test_every_position_is_in_one_bin(length):
    rows = losses_by_position(np.ones((3, length), np.float32))
    assert sum(tokens for _, _, tokens in rows) == 3 * length
    assert all(tokens > 0 and loss == 1 for _, loss, tokens in rows)


def test_nothing_scored_has_no_positions():
    assert losses_by_position(np.zeros((0, 8), np.float32)) == []
