"""The samplers that look at what was written: two penalties, and `no-repeat-ngram`."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from generation.distributions import INFINITY

from textgen_core.components import History
from textgen_samplers.no_repeat_ngram import NoRepeatNgramSampler
from textgen_samplers.occurrence_penalty import OccurrencePenaltySampler
from textgen_samplers.repetition_penalty import RepetitionPenaltySampler

CAPACITY = 8


def transform(sampler, logits, *texts, of_prompt=None):
    token_ids = np.array([[*text, *[0] * (CAPACITY - len(text))] for text in texts], np.int32)
    lengths = tf.constant([len(text) for text in texts])
    prompts = lengths if of_prompt is None else tf.fill(lengths.shape, of_prompt)
    history = History(token_ids=tf.constant(token_ids), length=lengths, prompt_length=prompts)
    return sampler.transform(tf.constant(logits, tf.float32), history).numpy()


def test_the_penalty_divides_positive_logits_and_multiplies_negative_ones():
    logits = [[1.0, 2.0, -2.0, 3.0, -INFINITY]]
    found = transform(RepetitionPenaltySampler(penalty=2.0), logits, [1, 2, 4, 1])
    np.testing.assert_array_equal(found, [[1.0, 1.0, -4.0, 3.0, -INFINITY]])


def test_each_row_is_penalised_for_its_own_text_and_padding_is_no_text():
    found = transform(RepetitionPenaltySampler(penalty=2.0), [[4.0] * 3] * 2, [1], [2, 2])
    np.testing.assert_array_equal(found, [[4.0, 2.0, 4.0], [4.0, 4.0, 2.0]])


def test_only_the_last_tokens_count_where_so_many_are_asked_for():
    found = transform(RepetitionPenaltySampler(penalty=2.0, last=2), [[4.0] * 4], [1, 2, 3])
    np.testing.assert_array_equal(found, [[4.0, 4.0, 2.0, 2.0]])


def test_the_penalties_are_subtracted_for_each_time_a_token_was_written_after_the_prompt():
    sampler = OccurrencePenaltySampler(frequency=0.5, presence=0.25)
    logits = [[1.0, 2.0, 3.0, -INFINITY]] * 2
    found = transform(sampler, logits, [2, 1, 1, 3], [2, 2, 0], of_prompt=1)
    np.testing.assert_array_equal(
        found, [[1.0, 0.75, 3.0, -INFINITY], [0.25, 2.0, 2.25, -INFINITY]]
    )


@pytest.mark.parametrize(
    ("n", "text", "excluded"),
    [
        (1, [1, 2], [1, 2]),
        (2, [1, 2, 3, 1], [2]),
        (2, [1, 2, 1, 3, 1], [2, 3]),
        (2, [1, 1], [1]),
        (3, [1, 2, 3, 1, 2], [3]),
        (3, [1, 2, 3, 4, 2], []),
        (3, [1, 2], []),
        (5, [1, 1, 1], []),
        (9, [1, 2, 1, 2, 1, 2, 1, 2], []),
    ],
)
def test_what_would_complete_a_phrase_again_is_excluded(n, text, excluded):
    found = transform(NoRepeatNgramSampler(n=n), [[0.0] * 5], text)
    assert np.flatnonzero(~np.isfinite(found[0])).tolist() == excluded


def test_where_no_token_would_be_left_all_are():
    logits = [[-INFINITY, 1.0, 2.0]]
    np.testing.assert_array_equal(transform(NoRepeatNgramSampler(n=1), logits, [1, 2]), logits)
