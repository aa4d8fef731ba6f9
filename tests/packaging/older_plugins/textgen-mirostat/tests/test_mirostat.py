"""The sampler on a distribution of four tokens, whose surprises are 1, 2, 3 and 3 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from textgen_core import History

from textgen_mirostat import MirostatSampler

PROBABILITIES = (0.5, 0.25, 0.125, 0.125)


def kept_in_each_step(sampler: MirostatSampler, drawn: list[int]) -> list[list[int]]:
    """Return the tokens that stay: at first, and after each of those that were drawn."""
    import tensorflow as tf

    logits = tf.math.log(tf.constant([PROBABILITIES]))
    state: Any = sampler.initial_state(1, len(PROBABILITIES))
    token_ids, kept = [0], []
    for token in [*drawn, 0]:
        history = History(
            token_ids=tf.constant([token_ids + [0] * 8]),
            length=tf.constant([len(token_ids)]),
            prompt_length=tf.constant([1]),
        )
        after, state = sampler.transform(logits, history, state)
        kept.append(np.flatnonzero(np.isfinite(after[0])).tolist())
        token_ids.append(token)
    return kept


@pytest.mark.parametrize(
    ("target", "expected"), [(0.4, [0]), (0.6, [0]), (1.1, [0, 1]), (1.6, [0, 1, 2, 3])]
)
def test_the_first_ceiling_is_twice_the_target(target: float, expected: list[int]) -> None:
    assert kept_in_each_step(MirostatSampler(target=target), drawn=[]) == [expected]


def test_the_most_probable_token_stays_when_even_that_is_too_surprising() -> None:
    assert kept_in_each_step(MirostatSampler(target=0.1), drawn=[]) == [[0]]


def test_a_surprising_token_lowers_the_ceiling() -> None:
    # The ceiling is 2.2: of tokens 0 and 1 (2/3 and 1/3), token 1 has 1.58 bits, 0.48 too many.
    assert kept_in_each_step(MirostatSampler(target=1.1, rate=1.0), [1]) == [[0, 1], [0]]


def test_an_expected_token_raises_the_ceiling() -> None:
    # Token 0 has 0.58 bits, 0.52 too few: the ceiling goes from 2.2 to 2.72, then to 3.23.
    sampler = MirostatSampler(target=1.1, rate=1.0)
    assert kept_in_each_step(sampler, [0, 0]) == [[0, 1], [0, 1], [0, 1, 2, 3]]


def test_a_smaller_rate_puts_less_right_at_once() -> None:
    # From 2.2 to 2.15: token 1 stays.
    assert kept_in_each_step(MirostatSampler(target=1.1, rate=0.1), [1]) == [[0, 1], [0, 1]]
