from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from generation.distributions import INFINITY
from generation.fake_models import build_tokenizer
from generation.fake_samplers import (
    Alphabetical,
    Bound,
    BoundToNothing,
    Narrowing,
    Only,
    Raising,
    Returning,
    Shift,
    Truncating,
)

from textgen_core.components import History
from textgen_core.errors import PluginFailure
from textgen_core.generation.chain import ALL_MASKED, SOUND, Chain

LOGITS = np.array([[9.0, 9.0, 9.0, 0.0, 1.0, 2.0], [0.0, 0.0, 0.0, 3.0, 2.0, 1.0]], np.float32)


def build_chain(*samplers, excluded=(0, 1, 2)):
    labels = [f"{type(sampler).__name__} (of a plugin)" for sampler in samplers]
    return Chain(samplers, labels, build_tokenizer("ab"), excluded)


def transform(chain, logits=LOGITS, states=None, is_drawing=(True, True)):
    history = History(
        token_ids=tf.constant([[2, 0], [2, 0]]),
        length=tf.constant([1, 1]),
        prompt_length=tf.constant([1, 1]),
    )
    states = chain.initial_states(2, 6) if states is None else states
    options = [{}] * len(states)
    found = chain.transform(tf.constant(logits), history, states, tf.constant(is_drawing), options)
    faults = zip(*(each.numpy().tolist() for each in found.faults), strict=True)
    return found.stages[-1].numpy(), found.states, list(faults)


def failures(chain, **arguments):
    faults = transform(chain, **arguments)[2]
    return [str(chain.failure(stage, kind)) for stage, kind in faults if kind != SOUND]


def test_special_tokens_are_excluded_before_the_samplers():
    logits, _, faults = transform(build_chain())
    np.testing.assert_array_equal(np.isfinite(logits[0]), [False] * 3 + [True] * 3)
    np.testing.assert_array_equal(logits[:, 3:], LOGITS[:, 3:])
    assert [kind for _, kind in faults] == [SOUND, SOUND]


def test_samplers_come_in_the_order_given():
    one, other = Shift(token=4, by=5.0), Returning(number=7.0)
    assert transform(build_chain(one, other, excluded=()))[0][0, 4] == 7
    assert transform(build_chain(other, one, excluded=()))[0][0, 4] == 12


def test_a_sampler_is_bound_to_the_tokenizer():
    logits, _, _ = transform(build_chain(Bound(letter="b")))
    assert np.flatnonzero(np.isfinite(logits[0])).tolist() == [5]


def test_a_state_is_carried_from_step_to_step():
    chain = build_chain(Alphabetical(first=4))
    logits, states, _ = transform(chain)
    assert np.flatnonzero(np.isfinite(logits[0])).tolist() == [4]
    logits, _, _ = transform(chain, states=states)
    assert np.flatnonzero(np.isfinite(logits[0])).tolist() == [5]


def test_the_state_of_a_row_that_still_reads_its_prompt_stays():
    _, states, _ = transform(build_chain(Alphabetical(first=4)), is_drawing=(True, False))
    assert states[0]["next"].numpy().tolist() == [5, 4]


def test_a_model_that_returns_nan_is_named():
    logits = LOGITS.copy()
    logits[1, 4] = np.nan
    assert transform(build_chain(Only(ids=(3,))), logits)[2][0][1] == SOUND
    [failure] = failures(build_chain(Only(ids=(3,))), logits=logits)
    assert failure.startswith("The model returned logits that are NaN")


@pytest.mark.parametrize("number", [np.nan, INFINITY])
def test_a_sampler_that_returns_no_numbers_is_named(number):
    chain = build_chain(Only(ids=(4, 5)), Returning(number=number), Shift(token=4, by=1.0))
    expected = "The sampler Returning (of a plugin) returned logits that are NaN"
    assert [failure.startswith(expected) for failure in failures(chain)] == [True, True]


def test_the_sampler_that_excludes_the_last_token_is_named():
    chain = build_chain(Only(ids=(4,)), Only(ids=(5,)), Only(ids=(4,)))
    faults = transform(chain)[2]
    assert faults[0] == (2, ALL_MASKED)  # the second, though the third excludes every token too
    assert "Only (of a plugin) excluded every token" in str(chain.failure(*faults[0]))


def test_a_sampler_that_brings_an_excluded_token_back_is_named():
    [failure, _] = failures(build_chain(Returning(number=1.0)))
    assert "Returning (of a plugin) gave a finite logit to a token that was excluded" in failure


@pytest.mark.parametrize(
    ("sampler", "problem"),
    [
        (Raising(), "The sampler Raising (of a plugin) raised ZeroDivisionError: no luck"),
        (Truncating(), "Truncating (of a plugin) returned logits of shape (2, 5), float32"),
        (Narrowing(), "Narrowing (of a plugin) returned logits of shape (2, 6), float16"),
    ],
)
def test_a_sampler_that_fails_at_once_is_named(sampler, problem):
    with pytest.raises(PluginFailure) as failure:
        transform(build_chain(sampler))
    assert problem in str(failure.value)
    assert "more" not in str(failure.value)


def test_a_sampler_that_binds_to_no_sampler_is_named():
    with pytest.raises(PluginFailure, match=r"BoundToNothing .* bind returned NoneType"):
        build_chain(BoundToNothing())
