"""What a verdict says of a run that no score shows, and the flags that it advises."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from textgen_core.config.resolve import configure
from textgen_core.pipeline.run_facts import facts_of
from textgen_core.registry.discovery import discover
from textgen_core.runs.directory import RunDirectory, create_run_directory
from textgen_core.runs.files import write_json

TEXT = SimpleNamespace(token_ids=range(1001), text_bytes=4000)
ROWS = [{"step": 9, "tokens": 2500}, {"step": 9, "validation_loss": 2.0}]


@pytest.fixture
def facts(tmp_path):
    def facts(*, step=9, last_step=9, without_gain=0, documents=1, text=TEXT, **arguments):
        run = create_run_directory(tmp_path / "run")
        run.checkpoint(step).mkdir(parents=True)
        state = {
            "step": step,
            "plan": {"last_step": last_step},
            "epochs_without_gain": without_gain,
        }
        write_json(run.checkpoint(step) / "state.json", state)
        (run.checkpoint(step) / "weights.safetensors").touch()
        configuration = configure({"model": "lstm", **arguments}, discover())
        return facts_of(run, configuration, ROWS, text, documents)

    return facts


def test_what_is_known_of_a_run(facts):
    found = facts()
    assert (found.step, found.unfinished, found.training_bytes) == (9, False, 4000)
    assert found.passes == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("given", "flag", "times"),
    [
        ({"minutes": 3}, "--minutes 10", 10 / 3),
        ({"minutes": 0.2}, "--minutes 0.6", 3),
        ({"minutes": 20}, "--minutes 60", 3),
        ({"epochs": 1}, "--epochs 3", 3),
        ({"epochs": 4}, "--epochs 20", 5),
        ({"steps": 700_000}, "--steps 3000000", 30 / 7),
    ],
)
def test_longer_is_three_times_as_long_at_least_and_a_round_number(given, flag, times, facts):
    found = facts(**given)
    assert found.flags["longer"] == flag
    assert found.times == pytest.approx(times)


@pytest.mark.parametrize(
    ("given", "change", "flag"),
    [
        ({"model": "lstm:dropout=0.3"}, "text or dropout", "--model lstm:dropout=0.5"),
        ({"model": "lstm:dropout=0.0"}, "text or dropout", "--model lstm:dropout=0.2"),
        ({"model": "lstm:dropout=0.6"}, "text or dropout", None),
        ({"model": "lstm:units=64,32,layers=2"}, "larger", "--model lstm:units=128,64"),
        ({"model": "transformer:layers=4"}, "larger", "--model transformer:layers=6"),
        ({"sampler": "greedy"}, "freer", "--sampler nucleus:0.9"),
        (
            {"sampler": "nucleus:0.8"},
            "freer",
            "--sampler repetition-penalty:1.2 --sampler nucleus:0.95",
        ),
        ({"learning_rate": 0.003}, "slower", "--learning-rate 0.001"),
        ({}, "documents", "--set corpus.documents=blank-line"),
        ({"documents": 2}, "documents", None),
    ],
)
def test_the_flag_of_a_change_starts_from_what_the_run_had(given, change, flag, facts):
    assert facts(**given).flags.get(change) == flag


def test_a_flag_of_a_verdict_is_one_that_the_command_takes(facts):
    flags = facts(model="lstm:units=64", sampler="nucleus:0.9", minutes=3).flags
    options, settings = {}, []
    for flag in flags.values():
        words = flag.split()
        for name, value in zip(words[::2], words[1::2], strict=True):
            if name == "--set":
                settings.append(value)
            else:
                options.setdefault(name[2:].replace("-", "_"), []).append(value)
    assert {"model", "sampler", "minutes", "learning_rate"} <= {*options}
    for name, values in options.items():
        for value in values if name != "sampler" else [values]:
            configure({"model": "lstm", name: value}, discover(), settings=settings)


@pytest.mark.parametrize(
    ("given", "unfinished"),
    [
        ({"last_step": 20, "minutes": 3}, True),
        ({"last_step": 20, "epochs": 9}, True),
        ({"last_step": 20, "epochs": 9, "without_gain": 3}, False),  # it stopped early by itself
        ({"last_step": 20, "minutes": 3, "without_gain": 3}, True),
        ({"last_step": 20, "steps": 20, "without_gain": 3}, True),
        ({"last_step": 9}, False),
    ],
)
def test_a_run_before_its_last_step_is_unfinished(given, unfinished, facts):
    assert facts(**given).unfinished is unfinished


@pytest.mark.parametrize("text", ["{", "[]", '{"step": "x"}', '{"step": 1, "plan": 3}'])
def test_a_damaged_state_says_nothing_and_stops_no_evaluation(text, facts, tmp_path):
    facts()
    (tmp_path / "run" / "checkpoints" / "step-00000009" / "state.json").write_text(text)
    run, configuration = RunDirectory(tmp_path / "run"), configure({"model": "lstm"}, discover())
    assert not facts_of(run, configuration, ROWS, None).unfinished


def test_a_run_without_its_text_at_hand_was_read_nobody_knows_how_often(facts):
    found = facts(text=None)
    assert (found.training_bytes, found.passes) == (0, 0.0)
