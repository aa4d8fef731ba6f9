"""A trial of a search: the training of a run, without what a run is for."""

import random

import attrs
import pytest

import textgen_core as textgen
from textgen_core.config.resolve import configure
from textgen_core.corpus import read_texts
from textgen_core.errors import ConfigurationError, Interrupted
from textgen_core.pipeline import fitting
from textgen_core.pipeline.search import trial
from textgen_core.pipeline.search.trial import train_trial
from textgen_core.registry.discovery import discover
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import read_json, read_rows, read_toml
from textgen_core.training.callbacks import Callback
from textgen_core.training.gauge import StepCost

ARGUMENTS = {
    "tokenizer": "character",
    "model": "lstm:units=8,layers=1,embedding=8,dropout=0.2",
    "batch_size": 8,
    "minutes": 0.01,
    "split": "80,20,0",
}
SETTINGS = {
    "data.sequence_length": 8,
    "data.stride": 8,
    "generation.max_new_tokens": 1,
    "generation.samples": 1,
    "evaluation.prompts": 1,
    "evaluation.continuation_tokens": 4,
    "training.compile": "eager",
    "training.counts": 2,
    "training.learning_rate": 0.02,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    draw = random.Random(2)
    words = ["the", "miller", "sees", "a", "bee", "near", "every", "tree"]
    path = tmp_path_factory.mktemp("corpus") / "text.txt"
    path.write_text(" ".join(draw.choice(words) for _ in range(200)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def texts(corpus):
    return read_texts(configured(corpus).corpus)


def configured(corpus, settings=(), config=None, **arguments):
    arguments = {"corpus": [str(corpus)], **ARGUMENTS, **arguments}
    if config is not None:
        del arguments["model"]
    return configure(
        arguments, discover(), recipe="none", config=config, settings=SETTINGS | dict(settings)
    )


def saved(directory):
    files = sorted(directory.glob("checkpoints/*/*.safetensors"))
    return {file.relative_to(directory): file.read_bytes() for file in files}


def validations(directory):
    rows = read_rows(directory / "metrics.jsonl")
    return [row for row in rows if "validation_loss" in row]


def test_a_trial_takes_the_steps_that_it_is_given_and_leaves_a_run_without_texts_or_scores(
    corpus, texts, tmp_path
):
    told = []
    found = train_trial(
        configured(corpus, {"training.counts": 0}),
        texts,
        RunDirectory(tmp_path / "trial"),
        Callback(),
        steps=3,
        on_steps=told.append,
    )
    assert found.steps == 3
    assert told == [3]
    assert found.score > 0 < found.seconds
    assert read_toml(tmp_path / "trial" / "run.toml")["training"]["steps"] == 3
    assert {file.name for file in (tmp_path / "trial").iterdir()} == {
        "analysis.json",
        "best.json",
        "checkpoints",
        "manifest.json",
        "metrics.jsonl",
        "run.toml",
        "tokenizer.json",
    }


def test_a_trial_is_the_training_of_a_run_of_its_steps_and_trained_again_it_is_the_same(
    corpus, texts, tmp_path, monkeypatch
):
    monkeypatch.setattr(trial, "compare_step", costing(0.6 / 9))
    told = []
    found = train_trial(
        configured(corpus),
        texts,
        RunDirectory(tmp_path / "trial"),
        Callback(),
        on_steps=lambda steps: told.append(
            (steps, (tmp_path / "trial" / "metrics.jsonl").exists())
        ),
    )
    table = read_toml(tmp_path / "trial" / "run.toml")
    assert 7 <= found.steps <= 9
    assert told == [(found.steps, False)]
    assert table["training"]["steps"] == found.steps
    assert "minutes" not in table["training"]

    run = textgen.run(config=tmp_path / "trial" / "run.toml", out=tmp_path / "run")
    assert saved(tmp_path / "trial") == saved(tmp_path / "run") != {}
    assert validations(tmp_path / "trial") == validations(tmp_path / "run")
    evaluation = read_json(run.directory / "evaluation.json")
    assert evaluation["split"] == "validation"
    assert found.score == pytest.approx(evaluation["bits_per_byte"], abs=1e-9)
    left = {file.name for file in (tmp_path / "trial").iterdir()}
    others = {file.name for file in run.directory.iterdir()} - left
    assert others == {"samples.jsonl", "evaluation.json", "report.html"}

    again = train_trial(
        configured(corpus),
        texts,
        RunDirectory(tmp_path / "again"),
        Callback(),
        steps=found.steps,
    )
    assert attrs.evolve(again, seconds=found.seconds) == found
    assert saved(tmp_path / "again") == saved(tmp_path / "trial")


def test_without_a_validation_text_a_trial_is_refused_before_it_trains(corpus, tmp_path):
    configuration = configured(corpus, split="100,0,0")
    texts = read_texts(configuration.corpus)
    with pytest.raises(ConfigurationError, match="compares by a validation text"):
        train_trial(configuration, texts, RunDirectory(tmp_path / "trial"), Callback())


@pytest.mark.parametrize(("step_seconds", "dropout"), [(0.6 / 20, 0.25), (0.6 / 200, 0.5)])
def test_rules_choose_by_the_passes_that_the_measured_steps_make(
    step_seconds, dropout, corpus, texts, tmp_path, monkeypatch
):
    """The passes that are expected before anything is measured are 20; no step is taken here."""
    monkeypatch.setattr(fitting, "expect", expect)
    monkeypatch.setattr(trial, "compare_step", costing(step_seconds))
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES)
    monkeypatch.setattr(trial._Trial, "_train", stop)
    with pytest.raises(Interrupted):
        train_trial(
            configured(corpus, {"training.counts": 0}, config=rules),
            texts,
            RunDirectory(tmp_path / "trial"),
            Callback(),
        )
    chosen = read_toml(tmp_path / "trial" / "run.toml")
    assert chosen["model"]["dropout"] == dropout
    assert "for" not in chosen


@pytest.mark.parametrize("slower", [1, 3])
def test_a_trial_has_no_fewer_steps_on_a_machine_that_has_become_slower(
    slower, corpus, texts, tmp_path, monkeypatch
):
    """Step and product take longer alike; the search counts by the product of its first trial."""
    monkeypatch.setattr(trial, "compare_step", costing(slower * 0.6 / 100, ratio=2))
    monkeypatch.setattr(trial._Trial, "_train", stop)
    told = []
    with pytest.raises(Interrupted):
        train_trial(
            configured(corpus, {"training.counts": 0}),
            texts,
            RunDirectory(tmp_path / "trial"),
            Callback(),
            on_steps=told.append,
            agree=lambda gauge: told.append(gauge) or 0.6 / 200,
        )
    assert told == [pytest.approx(slower * 0.6 / 200), pytest.approx(90, abs=10)]


RULES = """
[model]
name = "lstm"
units = 8
layers = 1
embedding = 8
[[fit]]
passes = 1
model.dropout = 0.25
[[fit]]
passes = 15
model.dropout = 0.5
"""


def expect(configuration, prepared):
    training = configuration.training
    if training.clock == "minutes":
        return fitting.Expected(20.0)
    return fitting.Expected(fitting.passes_of(training.steps, training, prepared.batches))


def costing(seconds, ratio=1.0):
    """What measures a step, with a result that is known."""
    return lambda job: StepCost(first=seconds, seconds=seconds, gauge=seconds / ratio, ratio=ratio)


def stop(*_):
    raise Interrupted("enough")
