"""Many samples are written in batches that fit, and rows grow with their texts."""

from __future__ import annotations

import pytest
from generation.fake_models import AdvancingSumModel, SumModel, language_model, random_table
from generation.fake_samplers import NoRepeat

from textgen_core.generation import Generator, plan, tensorflow_runtime
from textgen_core.generation.tensorflow_runtime import TensorFlowRuntime

TABLE = random_table(end=-30.0)
FEW = {"max_new_tokens": 12, "seed": 4, "compile": "graph"}


def written(generation):
    """Texts and tokens, also those of the trace; rounding may differ by the number of rows."""
    traced = [[step.token_id for step in each.steps] for each in generation.trace.samples]
    return [(each.text, each.token_ids) for each in generation.samples], traced


@pytest.fixture(scope="module")
def whole():
    generator = Generator(language_model(AdvancingSumModel(TABLE)), [])
    return generator.generate(["ab", "", "abcd", "x", "y"] * 2, alternatives=2, **FEW)


def test_texts_that_do_not_fit_together_are_written_in_batches_and_are_the_same(whole, monkeypatch):
    monkeypatch.setattr(TensorFlowRuntime, "rows_for", lambda *_, **__: 4)
    generator = Generator(language_model(AdvancingSumModel(TABLE)), [])
    stream = generator.stream(["ab", "", "abcd", "x", "y"] * 2, alternatives=2, **FEW)
    pieces = list(stream)
    found = stream.generation()
    assert written(found) == written(whole)
    for number, sample in enumerate(found.samples):
        assert "".join(piece.text for piece in pieces if piece.sample == number) == sample.text
    assert found.notes == (
        "10 texts do not fit into memory together: they are written 4 texts at a time.",
    )
    assert whole.notes == ()


def test_as_many_texts_as_half_of_the_free_memory_holds_are_written_together(monkeypatch):
    rows_for = TensorFlowRuntime(language_model(AdvancingSumModel(TABLE))).rows_for
    arguments = {"capacity": 1000, "stages": 2, "alternatives": 0}
    monkeypatch.setattr(tensorflow_runtime, "available_memory", lambda: 10**7)
    fitting = rows_for(10**6, **arguments)
    assert fitting & (fitting - 1) == 0  # a power of two, whatever is free
    assert 10**6 < fitting * 16 * 1000 < 10**7  # bytes of ids, log-probabilities and numbers
    assert rows_for(100, **arguments) == 100
    assert rows_for(1, **arguments) == 1
    # A model that is run again holds the logits of its whole window.
    again = TensorFlowRuntime(language_model(SumModel(TABLE), context_length=1000))
    assert again.rows_for(10**6, **arguments) < fitting
    monkeypatch.setattr(tensorflow_runtime, "available_memory", lambda: None)
    assert rows_for(10**6, **arguments) == 10**6


@pytest.mark.parametrize("samplers", [[], [NoRepeat()]])
def test_rows_grow_with_their_texts_which_stay_the_same(monkeypatch, samplers):
    arguments = {"seed": 4, "compile": "graph", "alternatives": 2}
    count = 300 if not samplers else 25
    model = language_model(AdvancingSumModel(TABLE))
    whole = Generator(model, samplers).generate(["ab", "abcd"], max_new_tokens=count, **arguments)
    monkeypatch.setattr(plan, "SMALLEST_CAPACITY", 8)
    monkeypatch.setattr(plan, "FIRST_TOKENS", 4)
    generator = Generator(model, samplers)
    found = generator.generate(["ab", "abcd"], max_new_tokens=count, **arguments)
    assert written(found) == written(whole)
    capacities = {key[0][3] for key in generator.runtime._compiled if key[0][0] == "stages"}
    assert len(capacities) >= 2
    if not samplers:
        assert len(found.samples[0].token_ids) == count
