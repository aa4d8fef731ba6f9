from __future__ import annotations

import math

import numpy as np
import pytest
from evaluation.fake_models import build_tokenizer

from textgen_core.data.tokenizer import END, encode
from textgen_core.evaluation import baselines
from textgen_core.evaluation.error_analysis import (
    find_worst_lines,
    losses_by_frequency,
    losses_by_position,
    losses_over_length,
)
from textgen_core.evaluation.surprisal import ScoredToken
from textgen_core.evaluation.token_texts import align

TOKENIZER = build_tokenizer(200)
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
    monkeypatch.setattr(baselines, "_COUNTED_AT_ONCE", 7)
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


def test_a_long_text_is_told_span_by_span():
    rows = losses_over_length(
        [
            ScoredToken(token_id=4, text=f" word{place % 20}", loss=float(place))
            for place in range(80)
        ]
    )
    assert [end for end, _, _ in rows] == [10, 20, 30, 40, 50, 60, 70, 80]
    assert rows[0][1] == pytest.approx(4.5)
    assert [share for _, _, share in rows][:2] == [0.0, 0.0]
    assert [share for _, _, share in rows][3:] == [1.0] * 5


def test_a_short_text_has_as_many_spans_as_it_can():
    two = [ScoredToken(token_id=4, text=text, loss=loss) for text, loss in (("a", 1.0), ("b", 3.0))]
    assert losses_over_length([]) == []
    assert losses_over_length(two) == [(1, 1.0, None), (2, 3.0, None)]


def tokens_of(documents):
    ids = []
    for number, document in enumerate(documents):
        ids += ([END] if number else []) + encode(TOKENIZER, document)
    return np.array(ids, np.uint16)


def worst_lines(documents, tokenizer, token_ids, losses):
    return find_worst_lines(align(documents, tokenizer, token_ids, losses))


def test_the_worst_lines_come_first_with_their_bits_for_a_byte():
    documents = [
        "w10 w11 w12 w13 w14 w15\nw20 w21 w22 w23 w24 w25\nw4\n",
        "w30 w31 w32 w33 w34 w35",
    ]
    token_ids = tokens_of(documents)
    losses = np.ones((len(token_ids),), np.float32)
    losses[6:12] = 3.0
    lines = worst_lines(documents, TOKENIZER, token_ids, losses)
    bits = 1 / math.log(2)
    # A line's end counts among its bytes; "w4" is too short to count. <END> is the line's before.
    assert lines == [
        {
            "text": "w20 w21 w22 w23 w24 w25",
            "tokens": 6,
            "bits_per_byte": pytest.approx(18 * bits / 24),
        },
        {
            "text": "w30 w31 w32 w33 w34 w35",
            "tokens": 6,
            "bits_per_byte": pytest.approx(6 * bits / 23),
        },
        {
            "text": "w10 w11 w12 w13 w14 w15",
            "tokens": 6,
            "bits_per_byte": pytest.approx(6 * bits / 24),
        },
    ]


def test_a_line_pays_eight_bits_for_each_byte_that_an_unknown_token_hides():
    documents = ["w10 w11 w12 w13 unheard"]
    token_ids = tokens_of(documents)
    losses = np.full((len(token_ids),), math.log(2), np.float32)
    (line,) = worst_lines(documents, TOKENIZER, token_ids, losses)
    size = len(documents[0])
    hidden = len(" unheard")
    assert line["bits_per_byte"] == pytest.approx((5 + 8 * hidden) / size)
    assert line["tokens"] == 5


def test_the_same_line_is_named_once_and_ten_at_most():
    documents = [
        "\n".join(
            ["w10 w11 w12 w13 w14 w15 w16"] * 5
            + [f"w{n} w11 w12 w13 w14 w15 w16" for n in range(20, 40)]
        )
    ]
    token_ids = tokens_of(documents)
    lines = worst_lines(documents, TOKENIZER, token_ids, np.ones((len(token_ids),), np.float32))
    assert len(lines) == 10
    assert len({line["text"] for line in lines}) == 10


def test_a_line_that_cannot_be_written_has_no_figure_and_spoils_no_other():
    documents = ["w10 w11 w12 w13 w14 w15\nw20 w21 w22 w23 w24 w25"]
    token_ids = tokens_of(documents)
    losses = np.ones((len(token_ids),), np.float32)
    losses[0] = math.inf
    lines = worst_lines(documents, TOKENIZER, token_ids, losses)
    assert all(math.isfinite(line["bits_per_byte"]) for line in lines)


def test_a_very_long_line_is_cut():
    documents = [" ".join(["w10"] * 500)]
    token_ids = tokens_of(documents)
    (line,) = worst_lines(documents, TOKENIZER, token_ids, np.ones((500,), np.float32))
    assert len(line["text"]) == 300
    assert line["text"].endswith("…")
    assert worst_lines([], TOKENIZER, token_ids[:0], np.zeros((0,))) == []
