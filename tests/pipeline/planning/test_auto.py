"""When a run chooses the size of its model, and what it then trains."""

from __future__ import annotations

from types import SimpleNamespace

import attrs
import numpy as np
import pytest
import tomli_w

from textgen_core.config.resolve import configure
from textgen_core.errors import UsageError
from textgen_core.pipeline import comparing, starting
from textgen_core.pipeline.planning import planning
from textgen_core.pipeline.planning.auto import LONG, choose_size, for_workers
from textgen_core.pipeline.planning.budget import Pace
from textgen_core.pipeline.planning.sizes import SIZES
from textgen_core.registry import discover
from textgen_core.training.callbacks import Callback

TOKENS = 1_000_000
PACE = Pace(step_seconds=0.5, step_tokens=2_000, compiling=0.0)


def prepared_with(held_out):
    """A text of which so many tokens are held out."""
    files = {"train": np.zeros(TOKENS)}
    files |= {"test": np.zeros(held_out)} if held_out else {}
    return SimpleNamespace(
        token_files={name: SimpleNamespace(token_ids=ids) for name, ids in files.items()}
    )


PREPARED = prepared_with(1000)
LONG_PASSES = 1.01 * LONG / TOKENS


def configuration_of(settings=(), **arguments):
    return configure({"minutes": 10, **arguments}, discover(), settings=settings)


@pytest.fixture
def planned(monkeypatch):
    """Recommend the large model, whatever the text."""
    asked = []

    def plan_prepared(configurations, prepared, minutes, progress, *, in_full):
        asked.append(minutes)
        (large,) = [each for each in SIZES if each.name == "large"]
        chosen = SimpleNamespace(
            facts=SimpleNamespace(size=large, parameters=2_900_000, pace=PACE),
            forecast=SimpleNamespace(bits_per_byte=1.5, outside=()),
        )
        return SimpleNamespace(of=lambda _: [chosen], recommended=lambda _: chosen)

    monkeypatch.setattr(planning, "plan_prepared", plan_prepared)
    return asked


def test_a_long_run_trains_what_a_plan_recommends(planned):
    chosen = choose_size(configuration_of(), PREPARED, LONG_PASSES)
    assert chosen.configuration.model.options["layers"] == 6
    assert (chosen.passes, chosen.weights_per_token) == (2.304, 2.9)
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


@pytest.mark.parametrize("held_out", [0, 99])
def test_a_long_run_of_a_text_that_cannot_be_forecast_keeps_the_recipes_size(planned, held_out):
    assert choose_size(configuration_of(), prepared_with(held_out), LONG_PASSES) is None
    assert planned == []


def test_a_run_that_has_not_chosen_yet_says_so_in_its_file_and_chooses_later(planned, tmp_path):
    """Stopped before phase 3 and resumed, or what --dry-run showed and is used as a file."""
    for when, before in (
        ("in long runs", configuration_of()),
        ("always", configuration_of(model="auto")),
    ):
        file = tmp_path / "run.toml"
        file.write_text(tomli_w.dumps(before.as_table()))
        again = configure({}, discover(), config=file)
        assert again.chooses_size == before.chooses_size == when
        assert choose_size(again, PREPARED, LONG_PASSES).configuration.model.options["layers"] == 6
        named = configure({"model": "transformer:layers=3"}, discover(), config=file)
        assert named.chooses_size == "never"


def test_a_wrong_choice_in_a_file_is_refused(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('chooses_size = "sometimes"\n')
    with pytest.raises(UsageError, match="chooses_size cannot be 'sometimes'"):
        configure({}, discover(), config=file)


@pytest.mark.parametrize("table", ["model", "for.transformer.model"])
def test_a_file_of_settings_that_names_a_model_keeps_it(planned, table, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(f"[{table}]\nlayers = 3\n")
    configuration = configure({"minutes": 10}, discover(), config=file)
    assert choose_size(configuration, PREPARED, LONG_PASSES) is None


def test_several_workers_train_the_recipes_size_and_refuse_to_choose(planned):
    configuration = for_workers(configuration_of())
    assert choose_size(configuration, PREPARED, LONG_PASSES) is None
    with pytest.raises(UsageError, match="Several workers cannot train --model auto"):
        for_workers(configuration_of(model="auto"))


def test_the_seeds_of_a_compared_recipe_train_one_size(monkeypatch):
    """Near where a size is chosen, another seed might otherwise choose another one."""
    large = configuration_of(model="transformer:layers=6").model
    trained = []

    def start(configuration, *, callback):
        trained.append(configuration)
        return SimpleNamespace(configuration=attrs.evolve(configuration, model=large))

    monkeypatch.setattr(starting, "start", start)
    comparing._train({"fast": configuration_of()}, 3, Callback())
    assert [each.chooses_size for each in trained] == ["in long runs", "never", "never"]
    assert [each.model.options["layers"] for each in trained[1:]] == [6, 6]
    assert [each.seed for each in trained] == [1, 2, 3]
