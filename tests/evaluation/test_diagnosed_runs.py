"""Runs that are made to go wrong in one way, and what their evaluation says of it."""

from __future__ import annotations

import pytest

import textgen_core as textgen
from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus import read_corpus
from textgen_core.runs.files import read_json


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEXTGEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """20 KB of the built-in corpus."""
    path = tmp_path_factory.mktemp("corpus") / "text.txt"
    text = "".join(read_corpus((), CorpusSettings()).documents)
    path.write_text(text[:20_000], encoding="utf-8")
    return path


def train(corpus, out, sampler, split, tokenizer, **changes):
    settings = {
        "corpus.split": split,
        "data.sequence_length": 32,
        "data.stride": 32,
        "generation.samples": 1,
        "generation.max_new_tokens": 10,
        "evaluation.prompts": 8,
        "training.patience": None,
        "training.compile": "graph",
    }
    run = textgen.run(
        corpus,
        recipe="first",
        tokenizer=tokenizer,
        sampler=sampler,
        settings=settings,
        out=out,
        **changes,
    )
    return read_json(run.directory / "evaluation.json")


def found(evaluation):
    return {finding["trouble"]: finding for finding in evaluation["diagnosis"]}


@pytest.fixture(scope="module")
def overfitted(corpus, tmp_path_factory):
    """Trained until it knows its text by heart; without validation the last weights count."""
    return train(
        corpus,
        tmp_path_factory.mktemp("runs") / "overfitted",
        "nucleus:0.9",
        (90, 0, 10),
        "word",
        model="transformer:layers=1,heads=2,head_size=32,feed_forward=64,dropout=0.0,ngrams=3,"
        "convolution=4",
        epochs=20,
        batch_size=8,
        learning_rate=0.01,
    )


@pytest.fixture(scope="module")
def stopped(corpus, tmp_path_factory):
    """Stopped after some 20 steps, and written with the likeliest token at each place."""
    return train(
        corpus,
        tmp_path_factory.mktemp("runs") / "stopped",
        "greedy",
        (80, 10, 10),
        "character",
        model="transformer:layers=1,heads=2,head_size=16,feed_forward=64",
        epochs=1,
        batch_size=25,
        learning_rate=0.003,
    )


def test_a_model_that_knows_its_text_by_heart_is_told_to_copy(overfitted):
    finding = found(overfitted)["copying"]
    assert "in the training text" in finding["evidence"]
    assert finding["setting"] == "training.epochs"
    novelty = overfitted["metrics"]["novelty"]
    assert novelty["copied_8"] > 2 * novelty["copied_8_held_out"]
    assert novelty["longest_copied"] > novelty["longest_copied_held_out"]
    assert found(overfitted)["overfitting"]["setting"] == "model.dropout"
    assert "Train longer" not in found(overfitted)["worse than n-grams"]["advice"]


def test_what_was_copied_is_marked_in_the_samples(overfitted):
    pieces = [piece for each in overfitted["written"] for piece in each["pieces"]]
    copied = [bits for _, bits, is_copied in pieces if is_copied]
    new = [bits for _, bits, is_copied in pieces if not is_copied]
    assert len(copied) > 10
    assert sum(copied) / len(copied) < sum(new) / len(new)


def test_a_model_stopped_after_twenty_steps_is_told_to_be_undertrained(stopped):
    finding = found(stopped)["undertraining"]
    assert finding["setting"] == "training.epochs"
    assert "copying" not in found(stopped)
    assert found(stopped)["worse than n-grams"]


def test_a_greedy_sample_in_a_loop_is_told_as_repetition(stopped):
    finding = found(stopped)["repetition"]
    assert finding["setting"] == "sampler"
    assert "times in a row" in finding["evidence"]
    loop = stopped["errors"]["loops"][0]
    assert loop["times"] >= 3
