"""A chain as TensorFlow computes it: bound, in its order, with states, and held to the contract."""

from __future__ import annotations

import numpy as np
import pytest
from generation.distributions import INFINITY
from generation.fake_models import TableModel, build_tokenizer, language_model
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
from textgen_core.generation.chain import Chain
from textgen_core.generation.faults import ALL_MASKED, find_faults
from textgen_core.generation.tensorflow_runtime import TensorFlowRuntime

MODEL = np.array([[9.0, 9.0, 9.0, 0.0, 1.0, 2.0], [0.0, 0.0, 0.0, 3.0, 2.0, 1.0]], np.float32)
EXCLUDED = np.array([-INFINITY] * 3 + [0.0] * 3, np.float32)  # what is never drawn
BOTH = np.array([True, True])


class Rows:
    """Two rows of a chain's stages; each call of `transform` is a step."""

    def __init__(self, *samplers):
        labels = [f"{type(sampler).__name__} (of a plugin)" for sampler in samplers]
        model = language_model(TableModel(np.zeros((6, 6), np.float32)), "ab")
        chain = Chain(samplers, labels, build_tokenizer("ab"))
        values = chain.values(samplers)
        self.names = [link.name for link in chain.links]
        self.stages = TensorFlowRuntime(model).stages(chain, values, rows=2, capacity=2)
        self.stages.restart()

    def transform(self, logits=MODEL, is_drawing=BOTH):
        """The model's logits, those that the samplers see, and what each sampler left."""
        history = History(
            token_ids=np.array([[2, 0], [2, 0]], np.int32),
            length=np.array([1, 1], np.int32),
            prompt_length=np.array([1, 1], np.int32),
        )
        with np.errstate(invalid="ignore"):
            allowed = logits + EXCLUDED
            return [logits, allowed, *self.stages.transform(allowed, history, is_drawing)]

    def faults(self, logits=MODEL, is_drawing=BOTH):
        return find_faults(self.transform(logits, is_drawing), is_drawing)

    def failures(self, logits=MODEL):
        return [str(fault.failure(self.names)) for _, fault in sorted(self.faults(logits).items())]


def test_samplers_come_in_the_order_given():
    one, other = Shift(token=4, by=5.0), Returning(number=7.0)
    assert Rows(one, other).transform()[-1][0, 4] == 7
    assert Rows(other, one).transform()[-1][0, 4] == 12
    assert [stage[0, 4] for stage in Rows(other, one).transform()] == [1, 1, 7, 12]


def test_a_sampler_is_bound_to_the_tokenizer():
    logits = Rows(Bound(letter="b")).transform()[-1]
    assert np.flatnonzero(np.isfinite(logits[0])).tolist() == [5]


def test_a_state_is_carried_from_step_to_step():
    rows = Rows(Alphabetical(first=4))
    assert [np.flatnonzero(np.isfinite(rows.transform()[-1][0])) for _ in range(2)] == [[4], [5]]
    rows.stages.restart()
    assert np.flatnonzero(np.isfinite(rows.transform()[-1][0])).tolist() == [4]


def test_the_state_of_a_row_that_still_reads_its_prompt_stays():
    rows = Rows(Alphabetical(first=4))
    rows.transform(is_drawing=np.array([True, False]))
    logits = rows.transform()[-1]
    assert [np.flatnonzero(np.isfinite(row)) for row in logits] == [[5], [4]]


def test_sound_logits_have_no_fault():
    assert Rows().faults() == {}
    assert Rows(Only(ids=(3,)), Shift(token=3, by=1.0)).faults() == {}


def test_a_model_that_returns_nan_is_named():
    logits = MODEL.copy()
    logits[1, 4] = np.nan
    rows = Rows(Only(ids=(3,)))  # which takes it out again
    assert list(rows.faults(logits)) == [1]
    [failure] = rows.failures(logits)
    assert failure.startswith("The model returned logits that are NaN")


@pytest.mark.parametrize("number", [np.nan, INFINITY])
def test_a_model_whose_logits_are_no_numbers_where_nothing_is_drawn_is_named(number):
    logits = MODEL.copy()
    logits[0, 1] = number
    [failure] = Rows().failures(logits)
    assert failure.startswith("The model returned logits that are NaN")


def test_a_model_that_leaves_only_what_is_never_drawn_is_named():
    logits = MODEL.copy()
    logits[1, 3:] = -INFINITY
    [failure] = Rows(Only(ids=(3,))).failures(logits)
    assert failure.startswith("The model excluded every token")


@pytest.mark.parametrize("number", [np.nan, INFINITY])
def test_a_sampler_that_returns_no_numbers_is_named(number):
    rows = Rows(Only(ids=(4, 5)), Returning(number=number), Shift(token=4, by=1.0))
    expected = "The sampler Returning (of a plugin) returned logits that are NaN"
    assert [failure.startswith(expected) for failure in rows.failures()] == [True, True]


def test_a_fault_in_the_middle_of_a_chain_is_named_though_nothing_of_it_is_left():
    rows = Rows(Returning(number=np.nan), Returning(number=1.0), Only(ids=(4,)))
    expected = "The sampler Returning (of a plugin) returned logits that are NaN"
    assert [failure.startswith(expected) for failure in rows.failures()] == [True, True]


def test_the_sampler_that_excludes_the_last_token_is_named():
    rows = Rows(Only(ids=(4,)), Only(ids=(5,)), Only(ids=(4,)))
    fault = rows.faults()[0]
    assert (fault.stage, fault.kind) == (2, ALL_MASKED)  # though the third excludes all too
    assert "Only (of a plugin) excluded every token" in rows.failures()[0]


def test_a_sampler_that_brings_an_excluded_token_back_is_named():
    for failure in Rows(Returning(number=1.0)).failures():
        assert "Returning (of a plugin) gave a finite logit to a token that was excluded" in failure
    rows = Rows(Only(ids=(4,)), Returning(number=1.0), Only(ids=(4,)))
    assert {fault.stage for fault in rows.faults().values()} == {2}


def test_a_fault_in_a_row_that_draws_nothing_is_none():
    rows = Rows(Only(ids=(4,)), Only(ids=(5,)))
    assert list(rows.faults(is_drawing=np.array([False, True]))) == [1]


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
        Rows(sampler).transform()
    assert problem in str(failure.value)
    assert "more" not in str(failure.value)


def test_a_sampler_that_binds_to_no_sampler_is_named():
    with pytest.raises(PluginFailure, match=r"BoundToNothing .* bind returned NoneType"):
        Rows(BoundToNothing())
