"""A run that cannot fit is refused before anything is computed, with what it needs and helps."""

import pytest
from training.tiny import TIME, VOCABULARY, build_tokenizer

from textgen_core.config.resolve import configure
from textgen_core.errors import OutOfMemory
from textgen_core.pipeline import preparing as phases
from textgen_core.registry.discovery import discover
from textgen_core.training.memory import training_memory, weight_bytes

MODEL = "transformer:layers=2,heads=2,head_size=8,feed_forward=32,dropout=0.0"


def configured(**changes):
    settings = {"data.sequence_length": TIME, "training.batch_size": 6, **changes}
    return configure({"model": MODEL}, discover(), recipe="first", settings=settings)


def built(monkeypatch, available, **changes):
    monkeypatch.setattr(phases, "available_memory", lambda: available)
    return phases.build(configured(**changes), build_tokenizer(VOCABULARY))


def test_what_fits_is_built_and_what_does_not_is_refused(monkeypatch):
    language_model, description = built(monkeypatch, None)
    needed = training_memory(language_model, configured().training, 6)
    assert description.memory_bytes == needed
    just_enough = needed - weight_bytes(language_model)  # the weights are there already
    built(monkeypatch, just_enough)
    with pytest.raises(OutOfMemory):
        built(monkeypatch, just_enough - 1)


def test_a_refusal_says_what_is_needed_what_there_is_and_what_helps(monkeypatch):
    with pytest.raises(OutOfMemory) as caught:
        built(monkeypatch, 1000)
    assert "and 1.0 kB are free" in caught.value.problem
    assert "--batch-size 3 --set training.accumulate=2" in caught.value.advice
    assert "--set training.recompute=true" in caught.value.advice
    assert str(caught.value).count("\n") <= 2


def test_a_refusal_advises_nothing_that_is_set_or_impossible(monkeypatch):
    changes = {"training.batch_size": 1, "training.recompute": True}
    with pytest.raises(OutOfMemory) as caught:
        built(monkeypatch, 1000, **changes)
    assert "batch-size" not in caught.value.advice
    assert "recompute" not in caught.value.advice
    assert "data.sequence_length" in caught.value.advice


def test_samples_start_with_a_document_where_there_are_many_or_short_ones():
    book = "A line.\n" * 1000
    for documents, prompt in (
        ([book], "\n"),
        ([book] * 3, "\n"),  # what begins three times is not learned
        ([book] * 32, ""),
        (["Anna", "Bert"], ""),
        (["A rose\nis a rose\n"] * 10, ""),
        (["one line without an end"], ""),
    ):
        found = phases.with_prompt(configured(), documents).generation.prompt
        assert found == prompt, documents[0][:20]
    chosen = configured(**{"generation.prompt": "It was"})
    assert phases.with_prompt(chosen, ["Anna", "Bert"]) is chosen
