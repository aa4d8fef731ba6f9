"""When a run chooses the size of its model, and what it then trains."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from textgen_core.config.resolve import configure
from textgen_core.errors import UsageError
from textgen_core.pipeline.planning import planning
from textgen_core.pipeline.planning.auto import LONG, choose_size, for_workers
from textgen_core.pipeline.planning.sizes import SIZES
from textgen_core.registry import discover

TOKENS = 1_000_000
PREPARED = SimpleNamespace(token_files={"train": SimpleNamespace(token_ids=np.zeros(TOKENS))})
LONG_PASSES = 1.01 * LONG / TOKENS


def configuration_of(settings=(), **arguments):
    return configure({"minutes": 10, **arguments}, discover(), settings=settings)


@pytest.fixture
def planned(monkeypatch):
    """Recommend the large model, whatever the text."""
    asked = []

    def plan_prepared(configurations, prepared, minutes, progress, *, with_xz):
        asked.append(minutes)
        (large,) = [each for each in SIZES if each.name == "large"]
        chosen = SimpleNamespace(
            facts=SimpleNamespace(size=large, parameters=2_900_000),
            passes=2.5,
            forecast=SimpleNamespace(bits_per_byte=1.5),
        )
        return SimpleNamespace(of=lambda _: [chosen], recommended=lambda _: chosen)

    monkeypatch.setattr(planning, "plan_prepared", plan_prepared)
    return asked


def test_a_long_run_trains_what_a_plan_recommends(planned):
    chosen = choose_size(configuration_of(), PREPARED, LONG_PASSES)
    assert chosen.configuration.model.options["layers"] == 6
    assert (chosen.passes, chosen.weights_per_token) == (2.5, 2.9)
    assert "the large one (transformer:layers=6" in chosen.line
    assert planned == [[10.0]]


def test_a_short_run_trains_the_recipes_own_size_and_asks_nothing(planned):
    assert choose_size(configuration_of(), PREPARED, 0.9 * LONG / TOKENS) is None
    assert planned == []


def test_a_short_run_of_model_auto_asks_too(planned):
    assert choose_size(configuration_of(model="auto"), PREPARED, 0.01) is not None


@pytest.mark.parametrize(
    "given",
    [
        {"model": "transformer"},
        {"model": "lstm"},
        {"minutes": None, "epochs": 3},
        {"settings": ["training.counts=0"]},
        {"recipe": "classic"},
    ],
    ids=str,
)
def test_who_names_a_model_or_cannot_be_forecast_keeps_the_recipes_size(planned, given):
    given = {"minutes": 10, "settings": (), **given}
    settings, recipe = given.pop("settings"), given.pop("recipe", None)
    configuration = configure(given, discover(), settings=settings, recipe=recipe)
    assert choose_size(configuration, PREPARED, LONG_PASSES) is None
    assert planned == []


def test_a_file_of_settings_that_names_a_model_keeps_it(planned, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("[model]\nlayers = 3\n")
    configuration = configure({"minutes": 10}, discover(), config=file)
    assert choose_size(configuration, PREPARED, LONG_PASSES) is None


def test_several_workers_train_the_recipes_size_and_refuse_to_choose(planned):
    configuration = for_workers(configuration_of())
    assert choose_size(configuration, PREPARED, LONG_PASSES) is None
    with pytest.raises(UsageError, match="Several workers cannot train --model auto"):
        for_workers(configuration_of(model="auto"))
