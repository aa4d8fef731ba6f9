"""The scorer against losses that numpy computes, window by window."""

from __future__ import annotations

import functools
import itertools
import logging
import math

import numpy as np
import pytest
import tensorflow as tf
from evaluation.fake_models import (
    AdvancingModel,
    BigramModel,
    FadingModel,
    LimitedModel,
    ProjectingModel,
    UniformModel,
    draw_token_ids,
    language_model,
)

from textgen_core.data.batches import read_as_documents
from textgen_core.data.tokenizer import END, START
from textgen_core.evaluation import measuring, scoring
from textgen_core.evaluation.scoring import Scorer

VOCABULARY = 11
LENGTHS = (2, 3, 8, 9, 10, 12, 13, 16, 17, 40, 131)


def score(model, token_ids, **options):
    return Scorer(language_model(model, VOCABULARY), **options).score(token_ids)


@functools.cache
def built(kind, **options):
    """A model and its scorer, which keeps what it compiled for the other lengths."""
    model = kind(VOCABULARY)
    return model, Scorer(language_model(model, VOCABULARY), **options)


class FixedBigrams(BigramModel):
    def __init__(self, vocabulary_size):
        super().__init__(np.random.default_rng(2).normal(size=(vocabulary_size, vocabulary_size)))


class AdvancingBigrams(FixedBigrams):
    def initial_state(self, batch_size):
        return tf.zeros((batch_size, 1))

    def advance(self, token_ids, state, training=False):
        return self.call(token_ids), state


def windowed_losses(model, token_ids, window, stride):
    """The slow way: each window alone, its last `stride` losses kept; all of the first's."""
    losses = list(model.numpy_losses(token_ids[: window + 1]))
    start = stride
    while len(losses) < len(token_ids) - 1:
        scored = model.numpy_losses(token_ids[start : start + window + 1])
        losses.extend(scored[window - stride :])
        start += stride
    return np.array(losses)


def test_a_uniform_model_loses_the_logarithm_of_the_vocabulary_at_every_token():
    losses = score(UniformModel(VOCABULARY), draw_token_ids(50, VOCABULARY))
    assert losses.shape == (49,)
    assert losses.dtype == np.float32
    np.testing.assert_allclose(losses, math.log(VOCABULARY), rtol=1e-6)


@pytest.mark.parametrize("stride", [None, 1, 3, 8, 100])
@pytest.mark.parametrize("length", LENGTHS)
def test_every_token_after_the_first_is_scored_once_and_in_order(stride, length):
    model, scorer = built(FixedBigrams, stride=stride, batch_size=4)
    token_ids = draw_token_ids(length, VOCABULARY)
    np.testing.assert_allclose(scorer.score(token_ids), model.numpy_losses(token_ids), rtol=1e-5)


@pytest.mark.parametrize("stride", [1, 3, 4, 7, 8])
@pytest.mark.parametrize("length", [5, 9, 10, 33, 70])
def test_windows_with_a_stride_agree_with_windows_scored_one_by_one(stride, length):
    model, scorer = built(FadingModel, stride=stride, batch_size=4)
    token_ids = draw_token_ids(length, VOCABULARY)
    expected = windowed_losses(model, token_ids, 8, stride)
    np.testing.assert_allclose(scorer.score(token_ids), expected, rtol=1e-4)


def test_the_default_stride_is_half_the_window():
    token_ids = draw_token_ids(60, VOCABULARY)
    default, half, whole = (
        built(FadingModel, stride=stride, batch_size=4)[1].score(token_ids)
        for stride in (None, 4, 8)
    )
    np.testing.assert_array_equal(default, half)
    assert np.abs(default - whole).max() > 1e-3


def test_a_stride_beyond_the_window_means_windows_that_do_not_overlap():
    model = FadingModel(VOCABULARY)
    token_ids = draw_token_ids(60, VOCABULARY)
    losses = score(model, token_ids, stride=999)
    alone = [model.numpy_losses(token_ids[start : start + 9]) for start in range(0, 59, 8)]
    np.testing.assert_allclose(losses, np.concatenate(alone), rtol=1e-4)


@pytest.mark.parametrize("length", [2, 9, 73, 200])
@pytest.mark.parametrize("kind", [AdvancingModel, ProjectingModel])
def test_a_carried_state_remembers_the_whole_split(kind, length):
    model, scorer = built(kind, carry=True)
    token_ids = draw_token_ids(length, VOCABULARY)
    losses = scorer.score(token_ids)
    np.testing.assert_allclose(losses, model.numpy_losses(token_ids), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("length", [770, 771, 800, 1201])
def test_rows_side_by_side_score_what_one_stream_does_once_the_state_forgets(length, monkeypatch):
    monkeypatch.setattr(scoring, "WARM_UP", 96)  # what the model below has forgotten by then
    model, scorer = built(AdvancingModel, carry=True, batch_size=3)
    token_ids = draw_token_ids(length, VOCABULARY)
    losses = scorer.score_side_by_side(token_ids)
    np.testing.assert_allclose(losses, model.numpy_losses(token_ids), rtol=1e-3, atol=1e-3)
    assert (
        scorer.score_side_by_side(token_ids[:100]).tolist()
        == scorer.score(token_ids[:100]).tolist()
    )


def test_rows_side_by_side_are_for_long_streams_alone():
    token_ids = draw_token_ids(100, VOCABULARY)
    for carry in (True, False):
        _, scorer = built(AdvancingModel, carry=carry)
        np.testing.assert_array_equal(scorer.score_side_by_side(token_ids), scorer.score(token_ids))


@pytest.mark.parametrize("length", [9, 16, 17, 40, 131])
def test_windows_apart_are_scored_without_what_came_before(length):
    model, scorer = built(FadingModel, stride=None, batch_size=4)
    token_ids = draw_token_ids(length, VOCABULARY)
    whole = (length - 1) // 8
    alone = [model.numpy_losses(token_ids[8 * at : 8 * at + 9]) for at in range(whole)]
    np.testing.assert_allclose(scorer.score_apart(token_ids), alone, rtol=1e-4)
    some = scorer.score_apart(token_ids, most_tokens=16)
    np.testing.assert_allclose(some, alone if whole < 3 else [alone[0], alone[-1]], rtol=1e-4)


def test_a_text_that_fills_no_window_has_none_apart_and_a_stream_has_no_window():
    model = language_model(AdvancingModel(VOCABULARY), VOCABULARY)
    scorer = Scorer(model)
    assert scorer.window == 8
    assert scorer.score_apart(draw_token_ids(8, VOCABULARY)).shape == (0, 8)
    assert Scorer(model, carry=True).window is None
    assert Scorer(language_model(LimitedModel(VOCABULARY), VOCABULARY), carry=True).window == 12


def test_a_limited_state_is_reset_to_its_last_half():
    model = LimitedModel(VOCABULARY)
    token_ids = draw_token_ids(80, VOCABULARY)
    expected, held = [], []
    for token, target in itertools.pairwise(token_ids):
        if len(held) == LimitedModel.state_capacity:
            held = held[-LimitedModel.state_capacity // 2 :]
        held.append(token)
        expected.append(model.numpy_losses(np.array([*held, target]))[-1])
    np.testing.assert_allclose(score(model, token_ids, carry=True), expected, rtol=1e-4)


def test_a_model_without_advance_carries_the_window_that_generation_holds():
    token_ids = draw_token_ids(50, VOCABULARY)
    carried = built(FadingModel, stride=8, carry=True, batch_size=4)[1].score(token_ids)
    windows = built(FadingModel, stride=4, batch_size=4)[1].score(token_ids)
    np.testing.assert_array_equal(carried, windows)


def test_projecting_in_chunks_changes_no_loss(monkeypatch):
    token_ids = draw_token_ids(90, VOCABULARY)
    whole = score(FadingModel(VOCABULARY), token_ids, stride=5)
    monkeypatch.setattr(measuring, "_MOST_LOGITS_AT_ONCE", 3 * VOCABULARY)
    model = ProjectingModel(VOCABULARY)
    chunked = score(model, token_ids, stride=5)
    np.testing.assert_allclose(chunked, whole, rtol=1e-5)
    assert max(model.projected) <= 3


def test_only_new_targets_are_projected():
    model = ProjectingModel(VOCABULARY)
    token_ids = draw_token_ids(8 + 4 * 2 + 1, VOCABULARY)  # a first window and four of two
    score(model, token_ids, stride=2)
    assert model.projected == [8, 4 * 2]


def test_a_large_vocabulary_makes_smaller_batches(monkeypatch):
    shapes = []

    class Watched(FadingModel):
        def call(self, token_ids, training=False):
            shapes.append(tuple(token_ids.shape))
            return super().call(token_ids)

    monkeypatch.setattr(scoring, "_MOST_LOGITS", 2 * 8 * VOCABULARY)
    model = Watched(VOCABULARY)
    token_ids = draw_token_ids(200, VOCABULARY)
    losses = score(model, token_ids, stride=4)
    assert set(shapes) == {(1, 8), (2, 8)}
    np.testing.assert_allclose(losses, windowed_losses(model, token_ids, 8, 4), rtol=1e-4)


def test_scoring_again_compiles_nothing_and_sees_new_weights():
    calls = []

    class Trained(FadingModel):
        def __init__(self):
            super().__init__(VOCABULARY)
            self.scale = self.add_weight(shape=(), initializer="ones")

        def call(self, token_ids, training=False):
            calls.append(training)
            return self.scale * super().call(token_ids)

    model = Trained()
    scorer = Scorer(language_model(model, VOCABULARY), stride=4)
    token_ids = draw_token_ids(100, VOCABULARY)
    scorer.score(token_ids)
    traced = len(calls)
    model.scale.assign(0.0)
    np.testing.assert_allclose(scorer.score(token_ids), math.log(VOCABULARY), rtol=1e-6)
    assert len(calls) == traced
    assert set(calls) == {False}


def test_a_stream_of_any_length_is_cut_into_few_shapes_without_padding():
    shapes, fed = set(), []

    class Watched(AdvancingModel):
        def advance(self, token_ids, state, training=False):
            shapes.add(tuple(token_ids.shape))
            fed.append(token_ids)
            return super().advance(token_ids, state)

    scorer = Scorer(language_model(Watched(VOCABULARY), VOCABULARY), carry=True)
    for length in (2, 65, 1200, 1031):
        assert scorer.score(draw_token_ids(length, VOCABULARY)).shape == (length - 1,)
    assert shapes <= {(1, 1024), (1, 64), (1, 8), (1, 1)}


def test_losses_are_float32_whatever_the_logits_are():
    class Half(FadingModel):
        def call(self, token_ids, training=False):
            return tf.cast(super().call(token_ids), tf.bfloat16)

    token_ids = draw_token_ids(40, VOCABULARY)
    model = Half(VOCABULARY)
    losses = score(model, token_ids, stride=8)
    assert losses.dtype == np.float32
    np.testing.assert_allclose(losses, windowed_losses(model, token_ids, 8, 8), atol=0.1)


def test_a_token_that_cannot_follow_costs_infinity_and_spoils_no_other():
    table = np.zeros((VOCABULARY, VOCABULARY))
    table[:, 5] = -np.inf
    losses = score(BigramModel(table), np.array([2, 4, 5, 6], np.int32))
    even = math.log(VOCABULARY - 1)
    np.testing.assert_allclose(losses, [even, np.inf, even], rtol=1e-6)


@pytest.mark.parametrize("carry", [False, True])
@pytest.mark.parametrize("token_ids", [[], [2]])
def test_nothing_to_score_gives_no_losses(token_ids, carry):
    _, scorer = built(AdvancingModel, carry=carry)
    losses = scorer.score(np.array(token_ids, np.uint16))
    assert losses.shape == (0,)


def test_unsigned_memory_mapped_tokens_are_scored_like_any_other(tmp_path):
    token_ids = draw_token_ids(70, VOCABULARY)
    path = tmp_path / "tokens"
    token_ids.astype(np.uint16).tofile(path)
    mapped = np.memmap(path, np.uint16, mode="r")
    _, scorer = built(FadingModel, stride=3, batch_size=4)
    np.testing.assert_array_equal(scorer.score(mapped), scorer.score(token_ids))


@pytest.mark.parametrize("carry", [False, True])
def test_every_document_is_read_from_start_and_its_end_is_scored(carry):
    kind = AdvancingBigrams if carry else FixedBigrams
    model, scorer = built(kind, stride=4, carry=carry, batch_size=4)
    token_ids = np.array([START, 5, 6, END, 7, END, END, 8, 9, 10, 5, END, 6, 7], np.int32)
    read = read_as_documents(token_ids[:-1])
    assert END not in read
    pairs = zip(read, token_ids[1:], strict=True)
    expected = [model.numpy_losses(np.array(pair, np.int32))[0] for pair in pairs]
    assert scorer.score(token_ids) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("options", [{"carry": True}, {}], ids=["streams", "windows"])
def test_texts_of_many_lengths_are_scored_without_a_warning_of_tensorflow(options):
    warned = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = warned.append
    scorer = Scorer(language_model(AdvancingBigrams(VOCABULARY), VOCABULARY), **options)
    tf.get_logger().addHandler(handler)
    try:
        for length in LENGTHS:
            scorer.score_side_by_side(draw_token_ids(50 * length, VOCABULARY))
    finally:
        tf.get_logger().removeHandler(handler)
    assert not [each.getMessage() for each in warned]
