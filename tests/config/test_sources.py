"""Where settings are written down: recipes, files, `--set` and flags, and what each may hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from textgen_core.config.resolve import configure
from textgen_core.config.sources import (
    Layer,
    arguments_layer,
    file_layers,
    layers_for,
    load_recipe,
    read_toml,
    recipe_names,
    settings_layer,
)
from textgen_core.errors import ConfigurationError
from textgen_core.registry.discovery import discover


def written(folder: Path, text: str, name: str = "my.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


# ---- recipes and files ------------------------------------------------------------------------


def test_the_bundled_recipes_are_the_three_that_the_course_names() -> None:
    assert set(recipe_names()) >= {"first", "classic", "fast"}


@pytest.mark.parametrize("name", recipe_names())
def test_every_bundled_recipe_resolves_and_says_what_it_is_for(name: str) -> None:
    assert load_recipe(name).summary.endswith(".")
    configuration = configure({}, discover({}), recipe=name)
    assert all(each.component.plugin.bundled for each in configuration.components)


def test_a_recipe_may_be_a_file_of_ones_own(tmp_path: Path) -> None:
    path = written(tmp_path, 'summary = "Mine."\n[training]\nepochs = 2\n')
    recipe = load_recipe(str(path))
    assert recipe.summary == "Mine."
    assert recipe.table == {"training": {"epochs": 2}}
    assert recipe.place == f"the recipe {path}"


def test_a_misspelt_recipe_brings_the_nearest_and_the_command() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_recipe("clasic")
    assert "Did you mean 'classic'?" in caught.value.problem
    assert "textgen recipes" in caught.value.advice


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[training\n", "is no TOML"),
        (b"a = 1\na = 2\n", "is no TOML"),
        (b"a = " + b"9" * 5_000, "is no TOML"),
        (b"a = " + b"[" * 5_000, "is no TOML"),
        (b"\xff\xfe", "is no TOML"),
        (b'prompt = "\xe9"', "is no TOML"),
    ],
)
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=problem):
        read_toml(path)


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        read_toml(tmp_path / "gone.toml")
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        read_toml(tmp_path)


def test_a_file_lies_over_the_recipe_that_it_names(tmp_path: Path) -> None:
    path = written(tmp_path, 'recipe = "first"\nsummary = "Mine."\nseed = 5\n')
    below, above = file_layers(path, None)
    assert below.place == "the recipe first"
    assert above.table == {"seed": 5}


def test_the_recipe_that_is_asked_for_goes_before_the_one_that_the_file_names(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, 'recipe = "first"\n')
    assert file_layers(path, "classic")[0].place == "the recipe classic"


def test_without_file_and_recipe_there_is_the_default_recipe() -> None:
    (layer,) = file_layers(None, None)
    assert layer.place == "the recipe fast"


# ---- --set and arguments ------------------------------------------------------------------------


def test_settings_are_texts_of_section_key_and_value() -> None:
    layer = settings_layer(
        ["training.batch-size=16", " corpus.encoding =a=b", "generation.prompt="]
    )
    assert layer.table == {
        "training": {"batch_size": "16"},
        "corpus": {"encoding": "a=b"},
        "generation": {"prompt": ""},
    }
    assert layer.faults == ()


def test_settings_may_be_a_mapping_or_one_text() -> None:
    assert settings_layer({"training.epochs": 2}).table == {"training": {"epochs": 2}}
    assert settings_layer("training.epochs=2").table == {"training": {"epochs": "2"}}


def test_the_last_of_two_settings_holds() -> None:
    assert settings_layer(["training.epochs=2", "training.epochs=3"]).table == {
        "training": {"epochs": "3"}
    }


@pytest.mark.parametrize(
    "setting",
    ["epochs=2", "training=2", "training.=2", "training.epochs", "", "=2", "model.units=2"],
)
def test_a_setting_of_another_form_is_a_fault_of_its_layer(setting: str) -> None:
    layer = settings_layer([setting, "training.epochs=3"])
    (fault,) = layer.faults
    assert "--set" in fault.problem
    assert "SECTION.KEY=VALUE" in fault.allowed
    assert layer.table == {"training": {"epochs": "3"}}


def test_a_misspelt_section_brings_the_nearest() -> None:
    (fault,) = settings_layer(["trianing.epochs=2"]).faults
    assert "Did you mean 'training'?" in fault.problem


def test_arguments_that_are_none_are_not_given_and_empty_lists_are() -> None:
    layer = arguments_layer({"model": None, "sampler": [], "epochs": 2}, flags=True)
    assert layer.table == {"samplers": [], "training": {"epochs": 2}}


def test_a_place_is_the_flag_or_the_argument_of_python() -> None:
    given = {"batch_size": 1, "model": "net"}
    flags, python = (arguments_layer(given, flags=each) for each in (True, False))
    assert flags.place_of("training", "batch_size") == "--batch-size"
    assert python.place_of("training", "batch_size") == "batch_size="
    assert flags.place_of("model") == "--model"
    assert flags.place_of("training", "epochs") == "the command line"


# ---- the shape of a layer -----------------------------------------------------------------------


def faults_of(table: dict[str, Any]) -> list[str]:
    layers = layers_for(Layer(table=table, place="my.toml"), "net")
    return [fault.problem for layer in layers for fault in layer.faults]


def test_a_layer_of_the_right_shape_has_no_fault_and_stays_whole() -> None:
    table: dict[str, Any] = {
        "seed": 1,
        "model": "net",
        "samplers": [],
        "training": {"epochs": 1},
    }
    own = {"training": {"epochs": 2}, "tokenizer": "letters"}
    whole = {**table, "for": {"net": own}}
    below, above = layers_for(Layer(table=whole, place="my.toml"), "net")
    assert (below.table, above.table) == (table, own)
    assert below.faults == above.faults == ()


def test_every_key_that_no_layer_can_have_is_a_fault_and_the_others_stay() -> None:
    table = {"trainng": {}, "sed": 1, "data": 5, "seed": 2}
    (layer,) = layers_for(Layer(table=table, place="my.toml"), "net")
    assert [fault.problem for fault in layer.faults] == [
        "Unknown setting: 'trainng' (my.toml). Did you mean 'training'?",
        "Unknown setting: 'sed' (my.toml). Did you mean 'seed'?",
        "data cannot be 5 (my.toml).",
    ]
    assert layer.table == {"seed": 2}


@pytest.mark.parametrize("tables", [5, "net", {"net": 5}, {"net": {"training": {}}, "b": []}])
def test_for_must_hold_tables(tables: Any) -> None:
    (fault,) = faults_of({"for": tables})
    assert fault.startswith("for cannot be")


def test_the_faults_within_for_name_their_place() -> None:
    assert faults_of({"for": {"net": {"trainng": {}, "data": 5, "for": {}}}}) == [
        "Unknown setting: 'trainng' (for.net in my.toml). Did you mean 'training'?",
        "data cannot be 5 (for.net in my.toml).",
        "Unknown setting: 'for' (for.net in my.toml).",
    ]


@pytest.mark.parametrize("model", ["other-net", {"name": "net", "units": 2}, 5])
def test_for_cannot_choose_the_model(model: Any) -> None:
    (fault,) = faults_of({"for": {"net": {"model": model}}})
    assert fault.startswith("model cannot be")


def test_what_holds_for_a_model_lies_over_the_rest_of_its_layer() -> None:
    table = {"seed": 1, "for": {"net": {"seed": 2}, "other": {"seed": 3}}}
    layer = Layer(table=table, place="my.toml", places={"seed": "line 1"})
    below, above = layers_for(layer, "net")
    assert (below.table, below.place_of("seed")) == ({"seed": 1}, "line 1")
    assert (above.table, above.place_of("seed")) == ({"seed": 2}, "for.net in my.toml")
    (alone,) = layers_for(layer, "third")
    assert alone.table == {"seed": 1}


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ('"\\n"', "\n"),
        ("'\\n'", "\\n"),
        ("\\n", "\\n"),
        ('"The "', "The "),
        ('"', '"'),
        ('"a" b"', '"a" b"'),
        ("it's", "it's"),
    ],
)
def test_a_setting_in_quotes_is_what_it_is_in_toml(given: str, value: str) -> None:
    layer = settings_layer([f"generation.prompt={given}"])
    assert (layer.table, layer.faults) == ({"generation": {"prompt": value}}, ())
