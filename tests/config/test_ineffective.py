"""What was asked for and has no effect is said, with the reason; all else is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_components import registry

from textgen_core.config.ineffective import find_ineffective, find_unread
from textgen_core.config.resolve import Configuration, configure
from textgen_core.config.sources import NO_RECIPE
from textgen_core.runs.files import write_toml

MINUTES = {"minutes": 1.0}
STEPS = {"steps": 9}
STREAM = "data.batching=stream"


def configured(*settings: str, config: Path | None = None, **arguments: object) -> Configuration:
    return configure(
        {"tokenizer": "letters", "model": "net", **arguments},
        registry(),
        recipe=NO_RECIPE,
        config=config,
        settings=settings,
        flags=True,
    )


@pytest.mark.parametrize(
    ("settings", "arguments", "setting", "reason"),
    [
        (["training.patience=5"], MINUTES, "training.patience (--set)", "does not stop early"),
        (["training.epochs=5"], MINUTES, "training.epochs (--set)", "(--minutes), and they win"),
        (["training.minutes=5"], {"epochs": 2}, "training.minutes (--set)", "(--epochs), and"),
        (["training.most_passes=5"], {"epochs": 2}, "training.most_passes", "one of epochs"),
        (["training.steps=5"], MINUTES, "training.steps (--set)", "(--minutes), and they win"),
        (["training.patience=5"], STEPS, "training.patience", "Give --epochs, or fewer --steps"),
        (["training.most_passes=5"], STEPS, "training.most_passes", "one of steps"),
        (["training.schedule=plateau"], STEPS, "training.schedule", "a run of steps: the rate is"),
        (["training.schedule=plateau"], MINUTES, "training.schedule", "the rate is constant"),
        (["training.halve_after=2"], {}, "training.halve_after", "the schedule is plateau"),
        (["training.patience=5"], {"split": "90,0,10"}, "training.patience", "is held out"),
        (["training.schedule=plateau"], {"split": "90,0,10"}, "training.schedule", "is held out"),
        (["training.validation_tokens=9"], {"split": "90,0,10"}, "validation_tokens", "held out"),
        ([], {"validation": "x.txt", "split": "90,5,5"}, "corpus.split (--split)", "validation"),
        (["corpus.split_by=documents"], {"validation": "x.txt"}, "corpus.split_by", "validation"),
        ([STREAM, "data.stride=7"], {}, "data.stride", "run on without a stride"),
        ([STREAM, "evaluation.stride=7"], {}, "evaluation.stride", "carried through"),
        (["data.stream_length=512"], {}, "data.stream_length", "the batches are windows"),
        (["data.stride=101"], {}, "data.stride", "windows of 100 tokens"),
    ],
)
def test_a_given_setting_without_effect_is_named_with_its_place_and_the_reason(
    settings: list[str], arguments: dict[str, object], setting: str, reason: str
) -> None:
    (note,) = find_ineffective(configured(*settings, **arguments))
    assert setting in note
    assert " has no effect: " in note
    assert reason in note


@pytest.mark.parametrize(
    ("settings", "arguments"),
    [
        ([], MINUTES),
        ([], {"split": "90,0,10"}),
        ([STREAM], MINUTES),
        (["training.patience=none", "data.stream_length=none"], MINUTES),
        (["training.patience=5", "training.schedule=plateau"], {"epochs": 3}),
        (["training.schedule=halving", "training.halve_after=2"], MINUTES),
        ([STREAM, "data.stream_length=512"], {}),
        (["data.stride=100", "evaluation.stride=300"], {}),
    ],
)
def test_what_has_an_effect_or_was_not_asked_for_is_not_mentioned(
    settings: list[str], arguments: dict[str, object]
) -> None:
    assert find_ineffective(configured(*settings, **arguments)) == []


def test_an_analysis_names_the_settings_that_only_training_reads() -> None:
    unread = find_unread(["corpus.split=50,25,25", "training.patience=3", "corpus.language=de"])
    assert [note.partition(" has no effect: ")[0] for note in unread] == [
        "corpus.split (--set)",
        "training.patience (--set)",
    ]


def test_a_file_asks_for_what_it_has_and_a_run_toml_only_for_what_is_no_default(
    tmp_path: Path,
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[training]\nminutes = 2\npatience = 3\n")
    (note,) = find_ineffective(configured(config=file))
    assert note.startswith(f"training.patience ({file}) has no effect")
    write_toml(file, configured(**MINUTES).as_table())
    assert find_ineffective(configured(config=file)) == []
    write_toml(file, configured("training.patience=7", **MINUTES).as_table())
    (note,) = find_ineffective(configured(config=file))
    assert note.startswith("training.patience (")
