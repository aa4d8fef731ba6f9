from __future__ import annotations

import lzma
import math
import random
from types import SimpleNamespace

import numpy as np
import pytest

from textgen_core.corpus.documents import store_documents
from textgen_core.counts import counting
from textgen_core.counts.counting import count
from textgen_core.evaluation import baselines
from textgen_core.evaluation.baselines import (
    measure_ngram,
    measure_uniform,
    measure_unigram,
    measure_xz,
)


def tokens_of(*token_ids, text_bytes=0, unknown_bytes=0):
    return SimpleNamespace(
        token_ids=np.array(token_ids, np.uint16), text_bytes=text_bytes, unknown_bytes=unknown_bytes
    )


def test_uniform_costs_the_logarithm_of_the_vocabulary_for_each_token():
    uniform = measure_uniform(tokens_of(2, *[4] * 10, text_bytes=20), vocabulary_size=16)
    assert uniform == pytest.approx({"loss": math.log(16), "bits_per_byte": 10 * 4 / 20})


def test_unigram_counts_training_with_one_added_and_skips_the_start():
    training = np.array([2, 4, 4, 4, 5], np.uint16)  # four tokens after the start
    held_out = tokens_of(2, 4, 6, text_bytes=4, unknown_bytes=1)
    unigram = measure_unigram(training, held_out, 8)
    bits = -math.log2((3 + 1) / 12) - math.log2(1 / 12)
    assert unigram["loss"] == pytest.approx(bits * math.log(2) / 2)
    assert unigram["bits_per_byte"] == pytest.approx((bits + 8) / 4)


def test_unigram_reads_a_long_split_in_parts(monkeypatch):
    training = np.random.default_rng(0).integers(4, 9, 1000)
    held_out = tokens_of(*training[:77], text_bytes=100)
    whole = measure_unigram(training, held_out, 9)
    monkeypatch.setattr(baselines, "_COUNTED_AT_ONCE", 7)
    assert measure_unigram(training, held_out, 9) == whole


def test_the_ngram_model_scores_every_held_out_token_and_pays_for_unknown_bytes():
    training = np.array([2, *(4, 5, 6, 7) * 20], np.uint16)
    held_out = tokens_of(2, 4, 5, 6, 7, 4, 5, 1, text_bytes=20, unknown_bytes=3)
    ngram = measure_ngram(training, held_out, 8)
    losses = count(training, 8, 6).losses(held_out.token_ids)
    assert losses.shape == (7,)
    assert ngram["loss"] == pytest.approx(losses.mean())
    assert ngram["bits_per_byte"] == pytest.approx((losses.sum() / math.log(2) + 24) / 20)
    assert ngram["order"] == 6
    assert ngram["loss"] < measure_unigram(training, held_out, 8)["loss"]


def test_of_a_long_training_split_the_ngram_model_counts_a_part(monkeypatch):
    training = np.concatenate([[2], np.full(500, 4), np.full(500, 5)])
    held_out = tokens_of(2, 4, 4, 5, 5, text_bytes=4)
    whole = measure_ngram(training, held_out, 8)["loss"]
    monkeypatch.setattr(counting, "MOST_COUNTED", 64)
    part = measure_ngram(training, held_out, 8)["loss"]
    assert whole < part < 0.7 * math.log(8)  # tokens from all over it were counted


def test_xz_costs_what_it_adds_to_the_compressed_training_text():
    words = random.Random(0).choices(["sun", "moon", "star", "cloud"], k=400)
    training, held_out = " ".join(words[:300]), " ".join(words[300:])
    alone = len(lzma.compress(training.encode() + b"\0"))
    together = len(lzma.compress(training.encode() + b"\0" + held_out.encode() + b"\0"))
    xz = measure_xz([training], [held_out], len(held_out))
    # Headers and padding to four bytes make up for the rest.
    assert xz["bits_per_byte"] * len(held_out) / 8 == pytest.approx(together - alone, abs=4)
    assert set(xz) == {"bits_per_byte"}


def test_text_seen_in_training_costs_xz_less_than_new_text():
    letters = random.Random(1)
    seen, new = ("".join(letters.choices("abcdefghij", k=3000)) for _ in range(2))
    assert measure_xz([seen], [seen], 3000)["bits_per_byte"] < 0.5
    assert measure_xz([seen], [new], 3000)["bits_per_byte"] > 3


def test_xz_is_given_only_the_training_text_that_it_can_reach(monkeypatch):
    monkeypatch.setattr(baselines, "_XZ_REACH", 10)
    assert measure_xz(["x" * 1000] * 9 + ["end"], ["text"], 4) == measure_xz(
        ["xxxxx", "end"], ["text"], 4
    )


def test_a_text_without_bytes_has_no_figures():
    start = tokens_of(2)
    assert math.isnan(measure_uniform(start, 8)["bits_per_byte"])
    assert math.isnan(measure_unigram(start.token_ids, start, 8)["loss"])
    assert math.isnan(measure_ngram(np.array([2, 4]), start, 8)["loss"])
    assert math.isnan(measure_xz(["a"], [], 0)["bits_per_byte"])


def test_stored_documents_are_compressed_alike():
    training, held_out = ["some words of a text. " * 9, "and of another one"], ["some words of"]
    stored = store_documents(training), store_documents(held_out)
    assert measure_xz(*stored, 13) == measure_xz(training, held_out, 13)


def test_the_first_document_begins_for_the_ngrams_like_the_others():
    training = np.array([2, 6, 3, *[4, 5, 3] * 50, 4, 5], np.uint16)
    first = measure_ngram(training, tokens_of(2, 4, text_bytes=1), 8)["loss"]
    as_others = np.array([3, *training[1:]], np.uint16)
    assert first == measure_ngram(as_others, tokens_of(3, 4, text_bytes=1), 8)["loss"]
    assert first < 0.7 * measure_ngram(training, tokens_of(1, 4, text_bytes=1), 8)["loss"]
