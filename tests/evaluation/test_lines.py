from __future__ import annotations

import math

import numpy as np
import pytest
from evaluation.fake_models import build_tokenizer

from textgen_core.corpus import documents as stored
from textgen_core.corpus.documents import store_documents
from textgen_core.data.tokenizer import END, encode
from textgen_core.evaluation.lines import align, read_lines

TOKENIZER = build_tokenizer(200)


def tokens_of(documents):
    ids = []
    for number, document in enumerate(documents):
        ids += ([END] if number else []) + encode(TOKENIZER, document)
    return np.array(ids, np.uint16)


def test_the_worst_lines_come_first_with_their_bits_for_a_byte():
    documents = [
        "w10 w11 w12 w13 w14 w15\nw20 w21 w22 w23 w24 w25\nw4\n",
        "w30 w31 w32 w33 w34 w35",
    ]
    token_ids = tokens_of(documents)
    losses = np.ones((len(token_ids),), np.float32)
    losses[6:12] = 3.0
    lines = read_lines(documents, TOKENIZER, token_ids, losses)
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
    (line,) = read_lines(documents, TOKENIZER, token_ids, losses)
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
    lines = read_lines(documents, TOKENIZER, token_ids, np.ones((len(token_ids),), np.float32))
    assert len(lines) == 10
    assert len({line["text"] for line in lines}) == 10


@pytest.mark.parametrize("keep", [list, store_documents])
def test_only_the_beginning_is_aligned_and_a_token_cut_in_two_is_left_out(keep, monkeypatch):
    monkeypatch.setattr(stored, "PIECE", 7)
    documents = keep(["w10 w11 w12", "w13 w14 w15"])
    token_ids = tokens_of(documents)
    losses = np.arange(len(token_ids), dtype=np.float32)
    whole = list(align(documents, TOKENIZER, token_ids, losses))
    assert [token for token, _, _ in whole] == token_ids.tolist()
    assert "".join(text for _, text, _ in whole) == "w10 w11 w12w13 w14 w15"
    assert [loss for _, _, loss in whole] == losses.tolist()
    cut = list(align(documents, TOKENIZER, token_ids, losses, most_characters=13))
    assert cut == whole[: len(cut)]
    assert len(cut) in (3, 4)  # "w1" is another word than "w13"


def test_a_line_that_cannot_be_written_has_no_figure_and_spoils_no_other():
    documents = ["w10 w11 w12 w13 w14 w15\nw20 w21 w22 w23 w24 w25"]
    token_ids = tokens_of(documents)
    losses = np.ones((len(token_ids),), np.float32)
    losses[0] = math.inf
    lines = read_lines(documents, TOKENIZER, token_ids, losses)
    assert all(math.isfinite(line["bits_per_byte"]) for line in lines)


def test_a_very_long_line_is_cut():
    documents = [" ".join(["w10"] * 500)]
    token_ids = tokens_of(documents)
    (line,) = read_lines(documents, TOKENIZER, token_ids, np.ones((500,), np.float32))
    assert len(line["text"]) == 300
    assert line["text"].endswith("…")
    assert read_lines([], TOKENIZER, token_ids[:0], np.zeros((0,))) == []
