"""A network mixed with counts: every logit is the sum of both, in whichever row and order."""

from __future__ import annotations

import math

import attrs
import numpy as np
import pytest
from generation.fake_counts import FakeCounts
from generation.fake_models import (
    LETTERS,
    START,
    AdvancingSumModel,
    SumModel,
    language_model,
    random_table,
    write_slowly,
)
from generation.fake_runtime import FakeRuntime

from textgen_core.data.reader import MixtureWeights
from textgen_core.errors import PluginFailure
from textgen_core.generation import Generator
from textgen_core.generation.mixing import MixedSteps
from textgen_core.generation.tensorflow_runtime import TensorFlowRuntime

TABLE = random_table(end=-2.0)
SHORT = FakeCounts(order=2, vocabulary_size=4, weights=MixtureWeights(network=0.5, counts=2.0))
COUNTS = FakeCounts()
PROMPTS = ["ab", "", "abcdefghijk", "x", "y", "zz", "q"]


class FourLogits(FakeRuntime):
    """Logits 0, 1, 2, 3 after an even sum of tokens, 3, 2, 1, 0 after an odd one."""

    def __init__(self, **arguments):
        super().__init__(np.float32([[0, 1, 2, 3], [3, 2, 1, 0]]), letters="", **arguments)


def test_a_step_adds_the_weighted_counts_to_the_network() -> None:
    steps = FourLogits(counts=SHORT).steps(2)
    after_1, after_3 = (SHORT.after([token]) for token in (1, 3))
    steps.restart()
    found = steps.advance(np.int32([1, 3]))
    wanted = [
        np.float32([1.5, 1, 0.5, 0]) + 2 * after_1,
        np.float32([1.5, 1, 0.5, 0]) + 2 * after_3,
    ]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    found = steps.advance(np.int32([3, 1]))  # the sums are even; of two tokens the last one counts
    wanted = [
        np.float32([0, 0.5, 1, 1.5]) + 2 * after_3,
        np.float32([0, 0.5, 1, 1.5]) + 2 * after_1,
    ]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_without_counts_the_steps_are_the_networks_own() -> None:
    assert not isinstance(FourLogits().steps(1), MixedSteps)


@pytest.mark.parametrize("order", [1, 2, 5])
@pytest.mark.parametrize("parts", [(0, 12), (2, 10), (1, 2, 9), (11, 1)])
def test_what_is_fed_at_once_counts_as_if_fed_one_by_one(order, parts) -> None:
    counts = FakeCounts(order=order)
    token_ids = np.random.default_rng(0).integers(3, 30, (3, 13)).astype(np.int32)
    at_once, one_by_one = (FakeRuntime(TABLE, counts=counts).steps(3) for _ in range(2))
    for part in np.split(token_ids[:, :-1], np.cumsum(parts)[:-1], axis=1):
        at_once.feed(part)
    for column in token_ids.T:
        wanted = one_by_one.advance(column)
    np.testing.assert_array_equal(at_once.advance(token_ids[:, -1]), wanted)


@pytest.mark.parametrize("capacity", [None, 1, 2, 3, 5, 8, 17])
@pytest.mark.parametrize("rows", [1, 3, 8])
def test_texts_are_drawn_from_the_mixture_and_a_full_state_forgets_for_both(rows, capacity) -> None:
    """The prompts are of unequal lengths, and rows that end early read on."""
    generator = Generator(FakeRuntime(TABLE, rows=rows, state_capacity=capacity, counts=COUNTS), ())
    found = generator.generate(PROMPTS, max_new_tokens=30, seed=5)
    for number, (prompt, sample) in enumerate(zip(PROMPTS, found.samples, strict=True)):
        options = {"max_new_tokens": 30, "seed": 5, "sample": number, "capacity": capacity}
        assert sample.token_ids == write_slowly(TABLE, prompt, **options, counts=COUNTS)
        assert sample.token_ids != write_slowly(TABLE, prompt, **options)


def test_a_text_is_the_same_bits_alone_among_others_and_in_threads() -> None:
    def write(prompts, **arguments):
        runtime = FakeRuntime(TABLE, counts=COUNTS, **arguments)
        return Generator(runtime, ()).generate(prompts, max_new_tokens=40, seed=1).samples

    together = write(PROMPTS, rows=8)
    assert write(PROMPTS, rows=2, side_by_side=3) == together
    assert write(PROMPTS[:1], rows=1) == together[:1]


def test_the_log_probabilities_of_a_text_are_the_mixtures() -> None:
    runtime = FakeRuntime(TABLE, counts=COUNTS)
    [sample] = Generator(runtime, ()).generate(["ab"], max_new_tokens=5, seed=1).samples
    held = [START, 4, 5]
    for token, found in zip(sample.token_ids, sample.log_probabilities, strict=True):
        network, counts = attrs.astuple(COUNTS.weights)
        mixed = network * TABLE[sum(held) % len(TABLE)] + counts * COUNTS.after(held)
        assert found == pytest.approx(mixed[token] - math.log(np.exp(mixed).sum()), abs=1e-5)
        held.append(token)


@pytest.mark.parametrize("model", [SumModel(TABLE), AdvancingSumModel(TABLE, 16)])
def test_a_model_of_a_plugin_is_mixed_with_or_without_a_state_of_its_own(model) -> None:
    mixed = attrs.evolve(language_model(model), counts=COUNTS)
    prompts = ["ab", "", "abcdefghijklmnopqrstuvwxyz"]
    found = Generator(mixed, ()).generate(prompts, max_new_tokens=20, seed=2).samples
    for number, (prompt, sample) in enumerate(zip(prompts, found, strict=True)):
        options = {"max_new_tokens": 20, "seed": 2, "sample": number, "capacity": 16}
        assert sample.token_ids == write_slowly(TABLE, prompt, **options, counts=COUNTS)
    assert isinstance(TensorFlowRuntime(mixed).steps(1), MixedSteps)


def test_logits_of_another_shape_are_the_models_fault() -> None:
    runtime = FakeRuntime(TABLE[:, :-1], counts=COUNTS)
    with pytest.raises(PluginFailure, match=r"logits of shape \(1, 29\) for the next token"):
        Generator(runtime, ()).generate([""], max_new_tokens=3, seed=0)
    assert len(LETTERS) + 4 == COUNTS.vocabulary_size


def test_a_logit_that_is_no_number_is_the_models_fault() -> None:
    table = TABLE.copy()
    table[:, 9] = np.nan
    with pytest.raises(PluginFailure, match="The model returned logits that are NaN"):
        Generator(FakeRuntime(table, counts=COUNTS), ()).generate([""], max_new_tokens=3, seed=0)
